"""Convolutions of any torch model onto the chip and back, and what their noise depends on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from pyfdsr.chip.config import ChipConfig
from pyfdsr.functional.optical_conv2d import check_gradient
from pyfdsr.nn import FourierConv2d, OpticalConv2d
from pyfdsr.nn.fourier_conv2d import plain_type
from pyfdsr.nn.optical_calls import GIVEN_NUMBERS, count_passes, forget_passes

__all__ = [
    "convert_to_digital",
    "convert_to_optical",
    "noise_step",
    "number_layers",
    "optical_layers",
    "set_noise_scale",
]

_CONVERTED = (nn.Conv2d, FourierConv2d, OpticalConv2d)


def optical_layers(model: nn.Module) -> Iterator[tuple[str, OpticalConv2d]]:
    """Name and layer of each optical convolution of a model, once each.

    Raises
    ------
    TypeError
        If `model` is no module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}: must be a torch.nn.Module")
    return ((name, layer) for name, layer in model.named_modules() if isinstance(layer, OpticalConv2d))


def _swap(model: nn.Module, make: Any) -> nn.Module:
    """Replace every submodule for which `make(name, module)` returns another; a shared one stays shared."""
    made: dict[nn.Module, nn.Module] = {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if module not in made:
            made[module] = make(name, module)
    for module in list(model.modules()):
        for name, child in module._modules.items():
            if child is not None and made.get(child, child) is not child:
                module._modules[name] = made[child]
    return made[model]


def convert_to_optical(
    model: nn.Module,
    config: ChipConfig,
    exclude: Sequence[str] = (),
    gradient: str | None = None,
) -> nn.Module:
    """Put the convolutions of a model on an emulated chip.

    Every :class:`torch.nn.Conv2d` and :class:`pyfdsr.nn.FourierConv2d`, parametrised ones among them, becomes
    a :class:`pyfdsr.nn.OpticalConv2d` with its parameters, numbered as by :func:`number_layers`. A layer that
    is optical already, on another chip or with another gradient, is put on this one: it keeps its parameters
    and a number that it was given, and loses its calibrated ranges and statistics. Other subclasses of
    Conv2d are left alone: they have a reason to differ.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place.
    config : ChipConfig
        One chip for all layers.
    exclude : sequence of str
        Names of modules to leave as they are, with everything in them.
    gradient : {"perfect", "chip", "ste"}, optional
        As in :class:`pyfdsr.nn.OpticalConv2d`. None: that of a layer that is optical already, else
        ``"perfect"``.

    Returns
    -------
    torch.nn.Module
        `model`, or its replacement if it is a convolution itself.

    Raises
    ------
    TypeError, ValueError
        If `model` is no module, `config` no configuration, a name of `exclude` is not in the model, or a
        kernel is longer than two passes of frames; the model is then left as it was.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import chip
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 3))
    >>> net = chip.convert_to_optical(net, chip.ChipConfig.assumed_4bit(), exclude=["2"])
    >>> type(net[0]).__name__, type(net[2]).__name__
    ('OpticalConv2d', 'Conv2d')
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}: must be a torch.nn.Module")
    if isinstance(exclude, str):
        raise TypeError(f"exclude={exclude!r}: must be a list of names")
    names = {name for name, _ in model.named_modules(remove_duplicate=False)}
    unknown = [name for name in exclude if name not in names]
    if unknown:
        raise ValueError(f"exclude={unknown[0]!r}: the model has no module of that name")

    def make(name: str, module: nn.Module) -> nn.Module:
        excluded = any(f"{name}.".startswith(f"{left}.") for left in exclude)
        if plain_type(module) not in _CONVERTED or excluded:
            return module
        algorithm = module.algorithm if isinstance(module, FourierConv2d) else "auto"
        if not isinstance(module, OpticalConv2d):
            return OpticalConv2d.from_conv2d(module, config, gradient or "perfect", algorithm=algorithm)
        wanted = module.gradient if gradient is None else check_gradient(gradient)
        if (module.chip, module.gradient) == (config, wanted):
            return module
        number = module.layer_id if module.layer_id < GIVEN_NUMBERS else None
        return OpticalConv2d.from_conv2d(module, config, wanted, number, algorithm)

    return number_layers(_swap(model, make))


def number_layers(model: nn.Module) -> nn.Module:
    """Give the optical layers of a model numbers, on which their noise depends, in the order of the model.

    Layers that were given a number keep it; the others count on from the largest. From then on the model's
    forward passes also count the calls of a layer that is used more than once: each draws noise of its own.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place; whole, as it will be called. :func:`convert_to_optical` does the same.

    Returns
    -------
    torch.nn.Module
        `model`.

    Raises
    ------
    TypeError
        If `model` is no module.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import chip, nn
    >>> model = torch.nn.Sequential(*(nn.OpticalConv2d(1, 1, 3, chip=chip.ChipConfig()) for _ in range(2)))
    >>> [layer.layer_id for _, layer in chip.optical_layers(chip.number_layers(model))]
    [0, 1]
    """
    layers = [layer for _, layer in optical_layers(model)]
    count = 1 + max((layer.layer_id for layer in layers if layer.layer_id < GIVEN_NUMBERS), default=-1)
    for layer in layers:
        if layer.layer_id >= GIVEN_NUMBERS:
            layer.layer_id = count
            count += 1
    if layers:
        count_passes(model)
    return model


def convert_to_digital(model: nn.Module) -> nn.Module:
    """Turn every optical convolution of a model into a :class:`torch.nn.Conv2d` with its parameters.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place.

    Returns
    -------
    torch.nn.Module
        `model`, or its replacement if it is an optical convolution itself; its state is that of a digital
        model.

    Raises
    ------
    TypeError
        If `model` is no module.

    Examples
    --------
    >>> from pyfdsr import chip, nn
    >>> chip.convert_to_digital(nn.OpticalConv2d(1, 4, 3, chip=chip.ChipConfig()))
    Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1))
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}: must be a torch.nn.Module")

    def make(name: str, module: nn.Module) -> nn.Module:
        return module.to_conv2d() if isinstance(module, OpticalConv2d) else module

    for module in model.modules():
        forget_passes(module)
    return _swap(model, make)


def noise_step(model: nn.Module, step: int) -> None:
    """Set the step on which the noise of a model's optical layers depends.

    The same step, samples and seed draw the same noise; training counts steps by itself, and the calls of
    each layer within a step, which begin again.

    Parameters
    ----------
    model : torch.nn.Module
    step : int
        0 to 2**61 - 1.

    Raises
    ------
    TypeError, ValueError
        If `model` is no module or `step` out of range.
    """
    if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step < 2**61:
        raise ValueError(f"step={step!r}: must be an integer from 0 to 2**61 - 1")
    for _, layer in optical_layers(model):
        layer.set_step(step)


def set_noise_scale(model: nn.Module, scale: float) -> None:
    """Multiply the errors that change from frame to frame by a factor, in every optical layer of a model.

    Parameters
    ----------
    model : torch.nn.Module
    scale : float
        0 or more; photons go with its inverse square.

    Raises
    ------
    TypeError, ValueError
        If `model` is no module or `scale` out of range.
    """
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 <= scale < float("inf"):
        raise ValueError(f"scale={scale!r}: must be a number of 0 or more")
    for _, layer in optical_layers(model):
        layer.noise_scale = float(scale)
