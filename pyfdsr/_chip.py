"""A chip's configuration as the compiled core takes it: model, static errors, full scales, plans."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _core
from .chip.config import ChipConfig

__all__ = [
    "FRAME_MAXIMUM",
    "Draw",
    "UncalibratedError",
    "clear",
    "conv2d_plan",
    "full_scales",
    "passes_for",
    "quantile_of",
    "static_gain",
    "transform_plan",
]

FRAME_MAXIMUM = 0.0
"""A full scale that is the largest value of each frame."""
_WORST_CASE = -1.0

# Bits of a single-precision number below those that name its bin in the core's histograms.
_HISTOGRAM_SHIFT = 17

_MOST_PASSES = 2
_MOST_PLANS = 64


class UncalibratedError(RuntimeError):
    """A range of the configuration is ``"calibrated"``, and no calibration has set it."""


class Draw(NamedTuple):
    """What random numbers depend on, besides the numbers of frame and element."""

    seed: int = 0
    layer: int = 0
    step: int = 0
    sample: int = 0


def static_gain(config: ChipConfig) -> NDArray[np.complex128] | None:
    """Complex factors of a chip's modulators, [frame], or [2, *frame] where it multiplies; None if all are 1.

    A device that multiplies has a second bank of modulators, which writes the kernels' spectra. They depend
    on the seed and the frame alone, so that all layers of a network meet the same device.
    """
    noise = config.noise
    if noise.gain_std == 0 and noise.phase_std == 0:
        return None
    generator = np.random.Generator(np.random.Philox(key=config.seed))
    spread = generator.standard_normal((2 if config.product == "optical" else 1, 2, *config.frame))
    gain = (1 + noise.gain_std * spread[:, 0]) * np.exp(1j * noise.phase_std * spread[:, 1])
    return gain if len(gain) > 1 else gain[0]


def passes_for(config: ChipConfig, extent: tuple[int, int]) -> int:
    """Passes of the transform that a kernel of this extent needs; ValueError if it is too long."""
    for passes in range(1, _MOST_PASSES + 1):
        if all(e <= n**passes for e, n in zip(extent, config.frame, strict=True)):
            return passes
    raise ValueError(
        f"kernel of extent {tuple(extent)} is longer than {_MOST_PASSES} passes of frames {config.frame}"
    )


def full_scales(
    config: ChipConfig, stages: int, calibrated: Sequence[Sequence[float]] | None
) -> tuple[tuple[float, float], ...]:
    """Full scales (DAC, ADC) of each stage of conversion.

    Parameters
    ----------
    config : ChipConfig
    stages : int
        Passes of all transforms together; the first writes the input, the others intermediate results.
    calibrated : [stages][2] or None
        What calibration found; NaN where it found nothing.

    Raises
    ------
    UncalibratedError
        If a range that matters is to be calibrated and is not.
    """
    noise = config.noise
    dac_matters = config.dac.bits > 0 or noise.inp_noise > 0
    adc_matters = config.adc.bits > 0 or noise.out_noise > 0 or noise.shot_photons is not None
    chosen = []
    for stage in range(stages):
        name = "bound" if stage == 0 else "inner_bound"
        wanted = (
            (getattr(config.dac, name), dac_matters, f"dac.{name}"),
            (config.adc.range, adc_matters, "adc.range"),
        )
        row = [float("nan")] * 2 if calibrated is None else calibrated[stage]
        chosen.append(tuple(_full_scale(*entry, row[i]) for i, entry in enumerate(wanted)))
    return tuple(chosen)


def _full_scale(rule: float | str, matters: bool, name: str, calibrated: float) -> float:
    if isinstance(rule, float):
        return rule
    if rule == "worst_case":
        return _WORST_CASE
    if rule == "abs_max" or not matters:
        return FRAME_MAXIMUM
    if not np.isfinite(calibrated):
        raise UncalibratedError(
            f"{name}='calibrated': no range is known yet; "
            "call pyfdsr.chip.calibrate_ranges(model, loader) first"
        )
    return float(calibrated)


@lru_cache(maxsize=_MOST_PLANS)
def _model(config: ChipConfig, gain: bytes) -> _core.ChipModel:
    noise = config.noise
    return _core.ChipModel(
        frame=config.frame,
        dac_bits=config.dac.bits,
        adc_bits=config.adc.bits,
        encoding=config.dac.encoding,
        linearise=config.dac.linearise,
        detection=config.detection,
        reference_amplitude=config.reference_amplitude,
        slicing=config.precision.slicing,
        slices=config.slices,
        shots=config.precision.shots,
        inp_noise=noise.inp_noise,
        out_noise=noise.out_noise,
        phase_noise=noise.phase_noise,
        photons=noise.shot_photons or 0.0,
        crosstalk=noise.crosstalk,
        electronic_dc=config.dc == "electronic",
        optical_weights=config.weight_transform == "optical",
        optical_product=config.product == "optical",
        gain=np.frombuffer(gain, np.complex128).tolist(),
    )


@lru_cache(maxsize=_MOST_PLANS)
def transform_plan(config: ChipConfig, gain: bytes, passes: int, double: bool) -> _core.ChipTransform:
    """Return the plan of a transform of ``frame**passes`` samples."""
    return _core.ChipTransform(_model(config, gain), passes, double)


@lru_cache(maxsize=_MOST_PLANS)
def conv2d_plan(config: ChipConfig, gain: bytes, geometry: tuple[Any, ...], double: bool) -> _core.ChipConv2d:
    """Return the plan of a convolution; `geometry` is what :class:`pyfdsr._core.ChipConv2d` begins with."""
    return _core.ChipConv2d(*geometry, _model(config, gain), double)


def _edges(bins: int) -> NDArray[np.float64]:
    """Lower edges of the histograms' bins and the upper edge of the last finite one, [bins + 1]."""
    words = np.arange(bins + 1, dtype=np.uint32) << np.uint32(_HISTOGRAM_SHIFT)
    with np.errstate(invalid="ignore"):
        return words.view(np.float32).astype(np.float64)


def quantile_of(counts: NDArray[np.uint64], quantile: float) -> float:
    """Magnitude below which the fraction `quantile` of the counted values lies; linear within a bin."""
    total = int(counts.sum())
    if total == 0:
        return float("nan")
    edges, below = _edges(len(counts)), np.cumsum(counts)
    wanted = quantile * total
    index = min(int(np.searchsorted(below, wanted)), len(counts) - 1)
    if index == 0:
        return 0.0  # zeros, and numbers below the normal ones
    inside = (wanted - float(below[index] - counts[index])) / max(float(counts[index]), 1.0)
    return float(edges[index] + min(max(inside, 0.0), 1.0) * (edges[index + 1] - edges[index]))


def clear() -> None:
    """Forget every plan."""
    for cached in (_model, transform_plan, conv2d_plan):
        cached.cache_clear()
