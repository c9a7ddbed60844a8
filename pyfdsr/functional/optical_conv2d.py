"""The convolution on an emulated Fourier chip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pyfdsr import _chip, autograd
from pyfdsr._convolution import Convolution, convolution_of, output_size_of
from pyfdsr.chip.config import ChipConfig

from .checks import autocasts, check_devices
from .fourier_conv2d import fourier_conv2d
from .sample_numbers import current_sample_offset

__all__ = ["check_gradient", "optical_conv2d"]

_GRADIENTS = ("perfect", "chip", "ste")
_REAL = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def check_gradient(gradient: Any) -> str:
    """Return a gradient's name; True and False stand for "perfect" and "chip"."""
    if isinstance(gradient, bool):
        return "perfect" if gradient else "chip"
    if gradient not in _GRADIENTS:
        raise ValueError(f"gradient={gradient!r}: must be one of {', '.join(map(repr, _GRADIENTS))}")
    return gradient


def _is_cast(device: str, *dtypes: torch.dtype) -> bool:
    # Autocast leaves double precision alone.
    return autocasts(device) and torch.float64 not in dtypes


def _check(input: Any, weight: Any, bias: Any) -> None:
    for name, tensor in (("input", input), ("weight", weight), ("bias", bias)):
        if tensor is None and name == "bias":
            continue
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name}={tensor!r}: must be a tensor")
        if tensor.dtype not in _REAL:
            raise TypeError(f"{name} has dtype {tensor.dtype}: must be real floating")
        if tensor.is_meta:
            raise ValueError(f"{name} is on device meta: the emulated chip needs values")
        check_devices("input", input, name, tensor)
        if tensor.dtype != input.dtype and not _is_cast(tensor.device.type, tensor.dtype, input.dtype):
            raise TypeError(
                f"{name} has dtype {tensor.dtype} and input {input.dtype}: must be the same without autocast"
            )
    if weight.ndim != 4 or input.ndim not in (3, 4):
        shapes = f"{tuple(input.shape)} and {tuple(weight.shape)}"
        raise ValueError(
            f"input and weight have shapes {shapes}: must be [B, Ci, H, W] or [Ci, H, W], and [Co, Ci, ky, "
            f"kx]"
        )
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise ValueError(f"bias has shape {tuple(bias.shape)}: must be ({weight.shape[0]},)")


def _check_channels(input: Tensor, weight: Tensor, convolution: Convolution) -> None:
    groups, outputs, inputs = convolution.groups, *weight.shape[:2]
    if outputs % groups:
        raise ValueError(f"groups={groups}: must divide the {outputs} output channels of weight")
    if input.shape[-3] != inputs * groups:
        raise ValueError(
            f"input has {input.shape[-3]} channels: weight of shape {tuple(weight.shape)} in {groups} groups "
            f"needs {inputs * groups}"
        )


def optical_conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    chip: ChipConfig,
    gradient: str = "perfect",
    ranges: Any = None,
    gain: Any = None,
    noise_scale: float = 1.0,
    layer: int = 0,
    step: int = 0,
    observe: bool = False,
    told: Callable[[dict[str, Any], Any], None] | None = None,
    gone_back: Callable[[dict[str, int]], None] | None = None,
) -> Tensor:
    """Convolve like :func:`torch.nn.functional.conv2d`, on an emulated chip.

    On other devices than the CPU the same is computed by torch's operations: the same random numbers and
    converters, sums in another order. What `told` receives is then read from the device when looked at.

    Parameters
    ----------
    input : Tensor, [B, Ci, H, W] or [Ci, H, W]
        float32 or float64; half precisions are computed in float32. `weight` and `bias` have its dtype,
        except in autocast.
    weight : Tensor, [Co, Ci / groups, ky, kx]
        Kernels.
    bias : Tensor, [Co], optional
        Added electronically.
    stride, padding, dilation, groups
        As in torch; `padding` may be ``"same"`` or ``"valid"``.
    chip : ChipConfig
        The chip; ``is_perfect=True`` makes this :func:`fourier_conv2d`.
    gradient : {"perfect", "chip", "ste"}
        The exact gradient of the ideal convolution at the unquantised values; backward convolutions through
        the chip; or straight through at the values that the first DACs write, tile by tile, zero where a
        value clipped there or at the last ADC. Of a result from several frames (slices, shots), the
        cotangent is multiplied by the share of the readings, by their weights, that did not clip. With
        ``product="optical"`` the last ADC reads every pair of channels, and its clipping is not told.
        Converters between the first and the last, static errors, the mean's dependence on clipped values and
        the slope of mzi modulators count as exact.
    ranges : array, [stages, 2], optional
        Calibrated full scales (DAC, ADC) of each stage.
    gain : array, [frame], complex, optional
        The chip's static factors ([2, *frame] with ``product="optical"``); None draws them from its seed.
    noise_scale : float
        Factor of the errors that change from frame to frame; 0 switches them off.
    layer, step : int
        What the noise depends on, besides the chip's seed and the number of the sample
        (:func:`pyfdsr.chip.sample_offset`).
    observe : bool
        Collect what the converters meet for `told`.
    told : callable, optional
        Receives the counts (a mapping) and the histograms (an array or None) of the call.
    gone_back : callable, optional
        Called when a gradient has been taken, with the counts of the backward pass: of frames and conversions
        with ``gradient="chip"``, else empty.

    Returns
    -------
    Tensor, [B, Co, Oy, Ox] or [Co, Oy, Ox]

    Raises
    ------
    ValueError, TypeError
        For arguments that do not fit together.
    RuntimeError
        If a range is to be calibrated and not given.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters
    >>> from pyfdsr.functional import optical_conv2d
    >>> ideal = ChipConfig(dac=DACParameters(bits=0), adc=ADCParameters(bits=0))
    >>> x, w = torch.randn(2, 3, 20, 20), torch.randn(4, 3, 3, 3)
    >>> y = optical_conv2d(x, w, padding=1, chip=ideal)
    >>> bool((y - torch.nn.functional.conv2d(x, w, padding=1)).abs().max() < 1e-4)
    True
    """
    if not isinstance(chip, ChipConfig):
        raise TypeError(f"chip={chip!r}: must be a ChipConfig")
    gradient = check_gradient(gradient)
    if chip.is_perfect:
        return fourier_conv2d(input, weight, bias, stride, padding, dilation, groups)
    _check(input, weight, bias)
    convolution = convolution_of(tuple(weight.shape[2:]), stride, padding, dilation, groups)
    _check_channels(input, weight, convolution)
    output_size_of(convolution, tuple(input.shape[-2:]))
    if not 0 <= noise_scale < float("inf"):
        raise ValueError(f"noise_scale={noise_scale!r}: must be a number of 0 or more")
    stages = 2 * _chip.passes_for(chip, convolution.extent)
    emulation = autograd.Emulation(
        config=chip,
        convolution=convolution,
        gain=autograd.gain_bytes(_chip.static_gain(chip) if gain is None else gain),
        scales=_chip.full_scales(chip, stages, ranges),
        draw=_chip.Draw(chip.seed, layer, step, current_sample_offset()),
        noise_scale=float(noise_scale),
        gradient=gradient,
        observe=observe,
        told=told,
        gone_back=gone_back,
    )
    precision = torch.float64 if input.dtype == torch.float64 else torch.float32
    batch = input if input.ndim == 4 else input[None]
    tensors = [None if t is None else t.to(precision) for t in (batch, weight, bias)]
    y = autograd.optical_conv2d(*tensors, emulation).to(input.dtype)
    return y if input.ndim == 4 else y[0]
