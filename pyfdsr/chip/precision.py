"""How precise a chip is: measured on random inputs, by source of error, transform size and frames spent.

Everything here is measured by running the emulator. Needs NumPy alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfdsr import _chip
from pyfdsr._runtime import get_num_threads
from pyfdsr.ops import chip_dft2

from .config import ADCParameters, ChipConfig, DACParameters, NoiseParameters, PrecisionParameters

__all__ = [
    "budget",
    "dac_bound",
    "effective_bits",
    "full_scale_sine",
    "random_fields",
    "size_series",
    "synthetic_ranges",
    "transform_sinad",
    "with_frames",
]

QUANTILE = 0.9995


def effective_bits(sinad: float) -> float:
    """Effective number of bits of a ratio of signal to noise and distortion in dB: (SINAD - 1.76) / 6.02.

    Examples
    --------
    >>> round(effective_bits(49.93), 2)
    8.0
    """
    return (sinad - 10 * math.log10(1.5)) / (20 * math.log10(2))


def dac_bound(config: ChipConfig) -> float:
    """Full scale of the DAC if it is a number, else 1: what fields to measure with are multiplied by."""
    return config.dac.bound if isinstance(config.dac.bound, float) else 1.0


def random_fields(
    config: ChipConfig, passes: int = 1, batch: int = 64, kind: str = "uniform", seed: int = 0
) -> NDArray[Any]:
    """Fields to measure with, [batch, N, N] with ``N = frame**passes``.

    Parameters
    ----------
    config : ChipConfig
        Gives the frame.
    passes, batch : int
    kind : {"uniform", "gaussian", "image", "complex"}
        Uniform in [-1, 1], normal with standard deviation 1/4, uniform in [0, 1], or complex with both parts
        normal with standard deviation 1/4.
    seed : int

    Raises
    ------
    ValueError
        For another kind.
    """
    generator = np.random.default_rng(seed)
    shape = (batch, *(n**passes for n in config.frame))
    if kind == "uniform":
        return generator.uniform(-1, 1, shape)
    if kind == "gaussian":
        return generator.standard_normal(shape) / 4
    if kind == "image":
        return generator.uniform(0, 1, shape)
    if kind == "complex":
        return (generator.standard_normal(shape) + 1j * generator.standard_normal(shape)) / 4
    raise ValueError(f"kind={kind!r}: must be 'uniform', 'gaussian', 'image' or 'complex'")


def full_scale_sine(config: ChipConfig, batch: int = 200) -> NDArray[np.float64]:
    """Samples of a sine of amplitude 1 at phases that never repeat, as fields [batch, *frame]."""
    count = batch * config.frame[0] * config.frame[1]
    golden = (math.sqrt(5) - 1) / 2  # its multiples fill the period as evenly as any
    return np.sin(2 * math.pi * golden * np.arange(count)).reshape(batch, *config.frame)


def synthetic_ranges(config: ChipConfig, x: NDArray[Any], quantile: float = QUANTILE) -> NDArray[np.float64]:
    """Full scales (DAC, ADC) of each pass for fields `x`, as calibration would set them.

    Parameters
    ----------
    config : ChipConfig
    x : array, [B, N, N]
    quantile : float

    Returns
    -------
    array, [passes, 2]
    """
    passes = round(math.log(x.shape[-1]) / math.log(config.frame[1]))
    field = np.ascontiguousarray(x, np.complex128)
    static = config.noise
    still = NoiseParameters(gain_std=static.gain_std, phase_std=static.phase_std, crosstalk=static.crosstalk)
    ranges = np.full((passes, 2), np.nan)
    gain = _chip.static_gain(config)
    for column, chip in enumerate(
        (config.ideal(), config.replace(adc=ADCParameters(0, "abs_max"), noise=still))
    ):
        factors = b"" if gain is None or column == 0 else gain.tobytes()
        plan = _chip.transform_plan(chip, factors, passes, True)
        scales = _chip.full_scales(chip, passes, ranges)
        seen = plan.forward(field, False, scales, _chip.Draw(), 0.0, True, get_num_threads())[2]
        for p in range(passes):
            ranges[p, column] = _chip.quantile_of(seen[column, p], quantile)
    return ranges


def transform_sinad(config: ChipConfig, x: NDArray[Any], ranges: Any = None) -> float:
    """Ratio of signal to noise and distortion of the chip's transform of `x`, dB; infinite without errors.

    Parameters
    ----------
    config : ChipConfig
    x : array, [B, N, N]
    ranges : array, [passes, 2], optional
        Calibrated full scales; None calibrates on `x` itself.

    Returns
    -------
    float

    Examples
    --------
    >>> config = ChipConfig(dac=DACParameters(8), adc=ADCParameters(8, "calibrated"))
    >>> 30 < transform_sinad(config, random_fields(config)) < 50
    True
    """
    if ranges is None and not config.is_perfect:
        ranges = synthetic_ranges(config, x)
    wanted = np.fft.fft2(x, norm="ortho")
    error = chip_dft2(x, config, ranges) - wanted
    power = float(np.mean(np.abs(error) ** 2))
    signal = float(np.mean(np.abs(wanted) ** 2))
    # An ideal transform differs by rounding alone.
    return math.inf if power <= signal * 1e-26 else 10 * math.log10(signal / power)


def budget(config: ChipConfig, x: NDArray[Any]) -> dict[str, float]:
    """Signal to error, dB, of each source of error alone and of all together, for fields `x`.

    Parameters
    ----------
    config : ChipConfig
    x : array, [B, N, N]

    Returns
    -------
    dict of str to float
        ``"DAC"``, ``"ADC"``, ``"noise"`` (what changes from frame to frame), ``"static errors"``, ``"all"``,
        and ``"sum of powers"``: what the sources would give if their powers added.
    """
    static = NoiseParameters(
        gain_std=config.noise.gain_std, phase_std=config.noise.phase_std, crosstalk=config.noise.crosstalk
    )
    still, ideal = NoiseParameters(), PrecisionParameters()
    temporal = config.noise.replace(gain_std=0.0, phase_std=0.0, crosstalk=0.0)
    no_adc, no_dac = config.adc.replace(bits=0), DACParameters(0, config.dac.bound)
    parts = {
        "DAC": config.replace(adc=no_adc, noise=still),
        "ADC": config.replace(dac=no_dac, noise=still, precision=ideal),
        "noise": config.replace(dac=no_dac, adc=no_adc, noise=temporal, precision=ideal),
        "static errors": config.replace(dac=no_dac, adc=no_adc, noise=static, precision=ideal),
    }
    ranges = synthetic_ranges(config, x)
    found = {name: transform_sinad(part, x, ranges) for name, part in parts.items()}
    power = sum(10 ** (-level / 10) for level in found.values())
    found["all"] = transform_sinad(config, x, ranges)
    found["sum of powers"] = -10 * math.log10(power) if power else math.inf
    return found


def with_frames(
    config: ChipConfig, slice_bits: int = 0, shots: int = 1, slicing: str = "binary"
) -> ChipConfig:
    """Return the chip with values split over slices (0 magnitude bits: unsplit) and frames repeated."""
    slices = (
        PrecisionParameters(slicing, slice_bits, shots) if slice_bits else PrecisionParameters(shots=shots)
    )
    return config.replace(precision=slices)


def size_series(
    config: ChipConfig, sides: Sequence[int], batch: int = 64, kind: str = "complex", seed: int = 0
) -> list[tuple[int, float]]:
    """Side and signal to error, dB, of frames of other sizes with the same converters.

    The fields are those of :func:`random_fields` times :func:`dac_bound`.
    """
    found = []
    for side in sides:
        chip = config.replace(frame=side)
        # As many values at every size, so that the estimates scatter alike.
        fields = random_fields(chip, batch=max(4, batch * 121 // side**2), kind=kind, seed=seed)
        found.append((side, transform_sinad(chip, dac_bound(config) * fields)))
    return found
