"""The emulated chip on NumPy arrays: transforms and convolutions made of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyfdsr import _chip
from pyfdsr._convolution import convolution_of, output_size_of
from pyfdsr._runtime import get_num_threads
from pyfdsr.chip.config import ChipConfig

from .device_arrays import also_on_devices

__all__ = ["chip_conv2d", "chip_dft2"]


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
        Full scales (DAC, ADC) of each pass that the configuration calls ``"calibrated"``.
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
        If `return_counts`.

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
    config = _config(config)
    x = np.asarray(x)
    if x.ndim < 2:
        raise ValueError(f"x has shape {x.shape}: must be [..., N, N]")
    passes = _passes(config, x.shape[-2:])
    double = x.dtype not in (np.complex64, np.float32, np.float16)
    field = np.ascontiguousarray(x, np.complex128 if double else np.complex64)
    scales = _chip.full_scales(config, passes, None if ranges is None else np.asarray(ranges, float))
    plan = _chip.transform_plan(config, _gain(config), passes, double)
    batch = field.reshape(-1, *x.shape[-2:])
    draw = _draw(config, layer, step, sample)
    y, counts, _ = plan.forward(
        batch, bool(inverse), scales, draw, _noise_scale(noise), False, get_num_threads()
    )
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
        passes of the transform, then those of the inverse transform.
    noise, step, sample, layer, return_counts
        As in :func:`chip_dft2`; `sample` is the number of the first image. The counts also compare the result
        with the ideal one: ``signal`` and ``error`` are sums of squares over ``compared`` values.

    Returns
    -------
    array, [B, Co, Oy, Ox]
    dict
        If `return_counts`.

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
    config = _config(config)
    x, w = np.asarray(x), np.asarray(w)
    if x.ndim != 4 or w.ndim != 4:
        raise ValueError(f"x has shape {x.shape} and w {w.shape}: must be [B, Ci, H, W] and [Co, Ci, ky, kx]")
    convolution = convolution_of(w.shape[2:], stride, padding, dilation, groups)
    output_size_of(convolution, x.shape[2:])
    if x.shape[1] != w.shape[1] * convolution.groups:
        raise ValueError(f"w has shape {w.shape}: must fit x with {x.shape[1]} channels in {groups} groups")
    double = x.dtype not in (np.float32, np.float16)
    real: Any = np.float64 if double else np.float32
    passes = _chip.passes_for(config, convolution.extent)
    scales = _chip.full_scales(config, 2 * passes, None if ranges is None else np.asarray(ranges, float))
    geometry = (x.shape[1], w.shape[0], convolution.kernel, x.shape[2:], *convolution[1:5])
    plan = _chip.conv2d_plan(config, _gain(config), geometry, double)
    arrays: list[NDArray[Any] | None] = [
        None if a is None else np.ascontiguousarray(a, real) for a in (x, w, bias)
    ]
    draw = _draw(config, layer, step, sample)
    y, counts, *_ = plan.forward(
        *arrays, scales, draw, _noise_scale(noise), int(return_counts), False, False, get_num_threads()
    )
    return (y, counts) if return_counts else y
