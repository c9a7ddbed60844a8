"""Layers of any torch model, found by running it once on tensors without data."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from .descriptions import ConvLayer

__all__ = ["import_model", "trace_layers"]


class _ConvolutionCounter(TorchDispatchMode):
    """Counts every convolution that torch runs, whoever asks for it."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten.convolution.default
        return function(*args, **(kwargs or {}))


def _import_object(path: str) -> Any:
    module, colon, name = path.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise ValueError(f"model={path!r}: must be package.module:callable, as torchvision.models:resnet34")
    # As `python -m` does: a model in the current folder needs no installation.
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        package = missing.partition(".")[0]
        if sys.modules.get(package) is None:
            raise ImportError(
                f"the package {package} is needed for {path}: pip install {package}", name=package
            ) from error
        raise ImportError(f"{path}: there is no module {missing}", name=missing) from error
    finally:
        sys.path.remove(here)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"model={path!r}: {module} has no {name}")
        found = getattr(found, part)
    return found


def import_model(path: str, device: str = "meta") -> nn.Module:
    """Return the model that ``package.module:callable`` makes without arguments.

    Parameters
    ----------
    path : str
        The callable returns a module; it may also be one. The current folder is searched first.
    device : str
        Where its parameters are; on ``"meta"`` they have shapes but no data.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ImportError
        If the package is not installed; names the pip command.
    ValueError
        If the path names no callable or the callable fails or returns something else.

    Examples
    --------
    >>> import_model("torch.nn:Identity")
    Identity()
    >>> import_model("no_such_package.models:network")
    Traceback (most recent call last):
        ...
    ImportError: the package no_such_package is needed for no_such_package.models:network:
    pip install no_such_package
    """
    made = _import_object(path)
    if not isinstance(made, nn.Module):
        if not callable(made):
            raise ValueError(f"model={path!r}: must name a callable, is {type(made).__name__}")
        try:
            made = _call(made, device)
        except Exception as error:
            raise ValueError(f"model={path!r}: {type(error).__name__} without arguments: {error}") from error
    if not isinstance(made, nn.Module):
        raise ValueError(f"model={path!r}: must return a torch.nn.Module, returns {type(made).__name__}")
    return made.to(device)


def _call(make: Any, device: str) -> Any:
    try:
        with torch.device(device):
            return make()
    except (RuntimeError, NotImplementedError):
        # Constructors that read values of tensors need real ones.
        return make()


def _pair(value: Any) -> tuple[int, int]:
    return (int(value[0]), int(value[1]))


def _layer(name: str, module: nn.Module, given: torch.Tensor, made: torch.Tensor) -> ConvLayer:
    if isinstance(module, nn.Linear):
        # Of a sequence of tokens: a 1×1 convolution of as many places.
        images = given.shape[0] if given.dim() > 1 else 1
        places = (1, given.numel() // (images * module.in_features))
        one, none = (1, 1), (0, 0)
        return ConvLayer(
            name, module.in_features, module.out_features, one, one, none, one, 1, places, places
        )
    # padding="same" and "valid" are words; torch keeps the numbers as (left, right, top, bottom).
    words = getattr(module, "_reversed_padding_repeated_twice", None)
    padding = (words[2], words[0]) if isinstance(module.padding, str) else module.padding
    return ConvLayer(
        name,
        module.in_channels,
        module.out_channels,
        _pair(module.kernel_size),
        _pair(module.stride),
        _pair(padding),
        _pair(module.dilation),
        module.groups,
        _pair(given.shape[-2:]),
        _pair(made.shape[-2:]),
        isinstance(module, nn.ConvTranspose2d),
    )


def trace_layers(
    model: nn.Module, input_size: tuple[int, int] = (224, 224), channels: int = 3
) -> list[ConvLayer]:
    """Return the convolutions and fully connected layers of a model, in the order in which they run.

    The model runs once on a meta tensor, of which only the shape is computed: neither weights nor images take
    memory. A module that runs twice is listed twice. Modules found: ``Conv2d``, ``ConvTranspose2d``,
    ``Linear``, and what inherits from them; convolutions called otherwise are warned about.

    Parameters
    ----------
    model : torch.nn.Module
        Moved to the meta device: its weights are lost.
    input_size : pair of int
        Rows and columns of the input images.
    channels : int
        Channels of the input images.

    Returns
    -------
    list of ConvLayer

    Raises
    ------
    ValueError
        If the model does not accept such images, looks at values (which meta tensors do not have), or has no
        such layer.

    Examples
    --------
    >>> (layer,) = trace_layers(nn.Sequential(nn.Conv2d(1, 4, 5, stride=2)), (32, 24), 1)
    >>> layer.name, layer.kernel, layer.output_size
    ('0', (5, 5), (14, 10))
    """
    layers: list[ConvLayer] = []

    def record(name):
        def hook(module, given, made):
            layers.append(_layer(name, module, given[0], made))

        return hook

    # Evaluation mode: batch normalisation must not refuse a batch of one value per channel.
    model = model.to("meta").eval()
    hooks = [
        module.register_forward_hook(record(name))
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))
    ]
    images = torch.empty((1, channels, *input_size), device="meta")
    try:
        with torch.no_grad(), _ConvolutionCounter() as counter:
            model(images)
    except Exception as error:
        size = "×".join(map(str, images.shape))
        reason = " ".join(str(error).split())
        raise ValueError(
            f"the model does not run on a meta tensor of {size}: {type(error).__name__}: {reason}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    if not layers and not counter.count:
        raise ValueError("the model has no convolution and no fully connected layer: nothing to count")
    missed = counter.count - sum(1 for layer in layers if not _is_linear(model, layer))
    if missed > 0:
        warnings.warn(
            f"{missed} convolutions are not counted: no Conv2d or ConvTranspose2d module runs them",
            stacklevel=2,
        )
    return layers


def _is_linear(model: nn.Module, layer: ConvLayer) -> bool:
    return isinstance(model.get_submodule(layer.name), nn.Linear)
