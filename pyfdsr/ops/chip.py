"""The emulated chip: transforms and convolutions made of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyfdsr import _chip
from pyfdsr._convolution import convolution_of, output_size_of
from pyfdsr._runtime import get_num_threads
from pyfdsr.chip.config import ChipConfig

from .arrays import batched
from .device_arrays import also_on_devices

__all__ = ["chip_conv2d", "chip_dft2", "convolution_arguments", "transform_arguments"]


def _noise_scale(noise: bool | float) -> float:
    scale = float(noise)
    if not 0 <= scale < float("inf"):
        raise ValueError(f"noise={noise!r}: must be a flag or a factor of 0 or more")
    return scale


def _config(config: Any) -> ChipConfig:
    if not isinstance(config, ChipConfig):
        raise TypeError(f"config={config!r}: must be a ChipConfig")
    return config.ideal() if config.is_perfect else config


def _gain(config: ChipConfig) -> bytes:
    gain = _chip.static_gain(config)
    return b"" if gain is None else gain.tobytes()


def _draw(config: ChipConfig, layer: int, step: int, sample: int) -> _chip.Draw:
    for name, value in (("layer", layer), ("step", step), ("sample", sample)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value < 2**61:
            raise ValueError(f"{name}={value!r}: must be an integer from 0 to 2**61 - 1")
    return _chip.Draw(config.seed, int(layer), int(step), int(sample))


def _passes(config: ChipConfig, size: tuple[int, int]) -> int:
    for passes in (1, 2, 3):
        if tuple(n**passes for n in config.frame) == tuple(size):
            return passes
    raise ValueError(
        f"x has shape [..., {size[0]}, {size[1]}]: must be frame={config.frame} to the power 1 to 3"
    )


def _scales(config: ChipConfig, stages: int, ranges: Any) -> Any:
    return _chip.full_scales(config, stages, None if ranges is None else np.asarray(ranges, float))


# What a backend is told besides its arrays or tensors, of which the shapes alone matter.


def transform_arguments(
    x: Any, config: Any, ranges: Any, noise: Any, step: int, sample: int, layer: int
) -> tuple[Any, ...]:
    """Return chip, static factors, passes, full scales, draw and factor of the noise, all checked."""
    config = _config(config)
    if x.ndim < 2:
        raise ValueError(f"x has shape {tuple(x.shape)}: must be [..., N, N]")
    passes = _passes(config, tuple(x.shape[-2:]))
    scales = _scales(config, passes, ranges)
    return config, _gain(config), passes, scales, _draw(config, layer, step, sample), _noise_scale(noise)


def convolution_arguments(
    x: Any,
    w: Any,
    config: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    ranges: Any,
    noise: Any,
    step: int,
    sample: int,
    layer: int,
) -> tuple[Any, ...]:
    """Return chip, static factors, geometry, full scales, draw and factor of the noise, all checked."""
    config = _config(config)
    shape, kernels = tuple(x.shape), tuple(w.shape)
    if len(shape) != 4 or len(kernels) != 4:
        raise ValueError(f"x has shape {shape} and w {kernels}: must be [B, Ci, H, W] and [Co, Ci, ky, kx]")
    convolution = convolution_of(kernels[2:], stride, padding, dilation, groups)
    output_size_of(convolution, shape[2:])
    if shape[1] != kernels[1] * convolution.groups:
        raise ValueError(f"w has shape {kernels}: must fit x with {shape[1]} channels in {groups} groups")
    if bias is not None and tuple(bias.shape) != kernels[:1]:
        raise ValueError(f"bias has shape {tuple(bias.shape)}: must be {kernels[:1]}")
    scales = _scales(config, 2 * _chip.passes_for(config, convolution.extent), ranges)
    geometry = (shape[1], kernels[0], convolution.kernel, shape[2:], *convolution[1:5])
    return config, _gain(config), geometry, scales, _draw(config, layer, step, sample), _noise_scale(noise)


@also_on_devices
def chip_dft2(
    x: ArrayLike,
    config: ChipConfig,
    ranges: ArrayLike | None = None,
    inverse: bool = False,
    noise: bool | float = True,
    step: int = 0,
    sample: int = 0,
    layer: int = 0,
    return_counts: bool = False,
) -> Any:
    """Transform on the emulated chip, with unitary scaling.

    Parameters
    ----------
    x : array, [..., N, N]
        N a power (up to the third) of the frame's side, per axis. complex64 and float32 are computed in
        single precision, everything else in double.
    config : ChipConfig
        The chip.
    ranges : array, [passes, 2], optional
        Full scales (DAC, ADC) of each pass that the configuration calls ``"calibrated"``; may lie in another
        memory than `x`.
    inverse : bool
        The sign of the exponent: positive.
    noise : bool or float
        Whether, or by what factor, the errors that change from frame to frame are on.
    step, layer, sample : int
        What the noise depends on; `sample` is the number of the first transform of `x`.
    return_counts : bool
        Also return the counts of frames, conversions and clipped values.

    Returns
    -------
    array, [..., N, N], complex
    dict
        If `return_counts`. Of arrays in a device's memory a mapping, which is read from there when looked at.

    Raises
    ------
    ValueError, TypeError
        For a size that is no power of the frame, or arguments against their rule.
    RuntimeError
        If a range is to be calibrated and not given.

    Examples
    --------
    >>> from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters
    >>> ideal = ChipConfig(dac=DACParameters(bits=0), adc=ADCParameters(bits=0))
    >>> x = np.random.default_rng(0).standard_normal((2, 11, 11))
    >>> bool(np.allclose(chip_dft2(x, ideal), np.fft.fft2(x, norm="ortho")))
    True
    """
    x = np.asarray(x)
    config, gain, passes, *rest = transform_arguments(x, config, ranges, noise, step, sample, layer)
    double = x.dtype not in (np.complex64, np.float32, np.float16)
    field = np.ascontiguousarray(x, np.complex128 if double else np.complex64)
    plan = _chip.transform_plan(config, gain, passes, double)
    y, counts, _ = plan.forward(batched(field), bool(inverse), *rest, False, get_num_threads())
    y = y.reshape(x.shape)
    return (y, counts) if return_counts else y


@also_on_devices
def chip_conv2d(
    x: ArrayLike,
    w: ArrayLike,
    config: ChipConfig,
    bias: ArrayLike | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    ranges: ArrayLike | None = None,
    noise: bool | float = True,
    step: int = 0,
    sample: int = 0,
    layer: int = 0,
    return_counts: bool = False,
) -> Any:
    """Convolve on the emulated chip.

    Parameters
    ----------
    x : array, [B, Ci, H, W]
        Maps; float32 is computed in single precision, everything else in double.
    w : array, [Co, Ci / groups, ky, kx]
        Kernels; `bias` [Co] is added electronically.
    config : ChipConfig
        The chip.
    stride, padding, dilation, groups
        As in :func:`pyfdsr.ops.fourier_conv2d`.
    ranges : array, [stages, 2], optional
        Full scales (DAC, ADC) of each stage that the configuration calls ``"calibrated"``; stages are the
        passes of the transform, then those of the inverse transform. May lie in another memory than `x`.
    noise, step, sample, layer, return_counts
        As in :func:`chip_dft2`; `sample` is the number of the first image. The counts also compare the result
        with the ideal one: ``signal`` and ``error`` are sums of squares over ``compared`` values.

    Returns
    -------
    array, [B, Co, Oy, Ox]
    dict
        If `return_counts`. As of :func:`chip_dft2`.

    Raises
    ------
    ValueError, TypeError
        For arguments that do not fit together.
    RuntimeError
        If a range is to be calibrated and not given.

    Examples
    --------
    >>> from pyfdsr.chip import ADCParameters, ChipConfig
    >>> config = ChipConfig(adc=ADCParameters(bits=8, range=8.0))
    >>> x, w = np.ones((1, 1, 20, 20)), np.ones((1, 1, 3, 3))
    >>> y, counts = chip_conv2d(x, w, config, return_counts=True)
    >>> y.shape, counts["frames"]
    ((1, 1, 18, 18), 8)
    """
    x, w = np.asarray(x), np.asarray(w)
    bias = None if bias is None else np.asarray(bias)
    config, gain, geometry, *rest = convolution_arguments(
        x, w, config, bias, stride, padding, dilation, groups, ranges, noise, step, sample, layer
    )
    double = x.dtype not in (np.float32, np.float16)
    real: Any = np.float64 if double else np.float32
    plan = _chip.conv2d_plan(config, gain, geometry, double)
    arrays = [None if a is None else np.ascontiguousarray(a, real) for a in (x, w, bias)]
    y, counts, *_ = plan.forward(*arrays, *rest, int(return_counts), False, False, get_num_threads())
    return (y, counts) if return_counts else y
