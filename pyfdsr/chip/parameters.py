"""The parts of a chip's configuration: converters, errors, frames a value, costs.

Plain, validated, immutable; imports nothing of the library.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

__all__ = ["ADCParameters", "CostParameters", "DACParameters", "NoiseParameters", "PrecisionParameters"]

_MOST_BITS = 16


def number_of(name: str, value: Any, rule: str, holds: Callable[[float], bool]) -> float:
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r}: {rule}")
    value = float(value)
    if not math.isfinite(value) or not holds(value):
        raise ValueError(f"{name}={value!r}: {rule}")
    return value


def integer_of(name: str, value: Any, rule: str, holds: Callable[[int], bool]) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}={value!r}: {rule}")
    if not holds(int(value)):
        raise ValueError(f"{name}={value!r}: {rule}")
    return int(value)


def bits_of(name: str, value: Any) -> int:
    rule = f"must be 0 (infinite) or an integer from 2 to {_MOST_BITS}"
    return integer_of(name, value, rule, lambda bits: bits == 0 or 2 <= bits <= _MOST_BITS)


def choice_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={value!r}: must be one of {', '.join(map(repr, choices))}")
    return value


def flag_of(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name}={value!r}: must be True or False")
    return value


def range_of(name: str, value: Any, choices: tuple[str, ...]) -> float | str:
    rule = f"must be a number above 0 or one of {', '.join(map(repr, choices))}"
    if isinstance(value, str):
        if value not in choices:
            raise ValueError(f"{name}={value!r}: {rule}")
        return value
    return number_of(name, value, rule, lambda number: number > 0)


class Section:
    """What the parts share."""

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def replace(self, **changes: Any) -> Any:
        """Return a copy with some fields changed, validated again."""
        return replace(self, **changes)


@dataclass(frozen=True)
class DACParameters(Section):
    """Digital-to-analogue converters and modulators that write a frame.

    Parameters
    ----------
    bits : int
        Resolution, 2 to 16: ``2**bits - 1`` levels, symmetric about 0; 0 is an ideal converter, which neither
        rounds nor clips.
    bound : float, "abs_max" or "calibrated"
        Full scale in units of the values written; larger ones are clipped. ``"abs_max"`` is that of each
        frame (the electronics scale every frame by its largest value), ``"calibrated"`` is set by
        :func:`pyfdsr.chip.calibrate_ranges`.
    encoding : {"cartesian", "polar", "mzi"}
        Real and imaginary part, amplitude and phase, or Mach-Zehnder modulators for both parts, whose field
        is ``sin(π/2 · drive)``.
    linearise : bool
        Whether the electronics invert that response before the converter (``"mzi"`` only).
    inner_bound : float, "abs_max" or "calibrated"
        Full scale where an intermediate result is written again: the second pass of a large transform, and
        the inverse transform of a convolution.

    Raises
    ------
    ValueError, TypeError
        Naming the field, its value and the rule.
    """

    bits: int = 4
    bound: float | str = 1.0
    encoding: str = "cartesian"
    linearise: bool = False
    inner_bound: float | str = "abs_max"

    def __post_init__(self) -> None:
        self._set("bits", bits_of("dac.bits", self.bits))
        for name in ("bound", "inner_bound"):
            self._set(name, range_of(f"dac.{name}", getattr(self, name), ("abs_max", "calibrated")))
        choice_of("dac.encoding", self.encoding, ("cartesian", "polar", "mzi"))
        if flag_of("dac.linearise", self.linearise) and self.encoding != "mzi":
            raise ValueError(f"dac.linearise=True: needs dac.encoding='mzi', not {self.encoding!r}")


@dataclass(frozen=True)
class ADCParameters(Section):
    """Analogue-to-digital converters that read a frame.

    Parameters
    ----------
    bits : int
        Resolution, as that of the DAC; 0 is an ideal converter.
    range : float, "worst_case", "abs_max" or "calibrated"
        Full scale of one quadrature, in units of the transform with unitary scaling: the largest that any
        input can cause, the largest of each frame, a number, or set by
        :func:`pyfdsr.chip.calibrate_ranges`.

    Raises
    ------
    ValueError, TypeError
        Naming the field, its value and the rule.
    """

    bits: int = 8
    range: float | str = "calibrated"

    def __post_init__(self) -> None:
        self._set("bits", bits_of("adc.bits", self.bits))
        self._set("range", range_of("adc.range", self.range, ("worst_case", "abs_max", "calibrated")))


@dataclass(frozen=True)
class NoiseParameters(Section):
    """Errors of the analogue part.

    Parameters
    ----------
    inp_noise : float
        Standard deviation of each quadrature written, relative to the DAC's full scale; new in every frame.
    out_noise : float
        Standard deviation of each value read, relative to the ADC's full scale; new in every frame.
    shot_photons : float or None
        Photons at full scale: an intensity I has variance ``I · full scale / photons``. None: no shot noise.
    phase_noise : float
        Standard deviation of the phase of each element written, radians; new in every frame.
    gain_std, phase_std : float
        Spread of the modulators' gain (relative) and phase (radians): drawn once a chip.
    crosstalk : float
        Amplitude that leaks from each of an element's four neighbours.

    Raises
    ------
    ValueError, TypeError
        Naming the field, its value and the rule.
    """

    inp_noise: float = 0.0
    out_noise: float = 0.0
    shot_photons: float | None = None
    phase_noise: float = 0.0
    gain_std: float = 0.0
    phase_std: float = 0.0
    crosstalk: float = 0.0

    def __post_init__(self) -> None:
        for name in ("inp_noise", "out_noise", "phase_noise", "gain_std", "phase_std"):
            value = number_of(f"noise.{name}", getattr(self, name), "must be 0 or greater", lambda x: x >= 0)
            self._set(name, value)
        crosstalk = number_of(
            "noise.crosstalk", self.crosstalk, "must lie in [0, 0.25)", lambda x: 0 <= x < 0.25
        )
        self._set("crosstalk", crosstalk)
        if self.shot_photons is not None:
            rule = "must be None or a number above 0"
            self._set(
                "shot_photons", number_of("noise.shot_photons", self.shot_photons, rule, lambda x: x > 0)
            )

    @property
    def temporal(self) -> bool:
        """Whether anything changes from frame to frame."""
        drawn = self.inp_noise, self.out_noise, self.phase_noise
        return any(drawn) or self.shot_photons is not None


@dataclass(frozen=True)
class PrecisionParameters(Section):
    """Precision bought with frames.

    Parameters
    ----------
    slicing : {"none", "binary", "thermometer"}
        Whether a value is split over frames: into digits of radix ``2**(dac.bits - 1)``, or into equal parts.
    slice_bits : int
        Magnitude bits of the values that are split, 1 to 20. Binary digits of all slices together,
        ``dac.bits - 1`` each, are at most 22 where single precision is computed.
    shots : int
        Repetitions of every frame, averaged.

    Raises
    ------
    ValueError, TypeError
        Naming the field, its value and the rule.
    """

    slicing: str = "none"
    slice_bits: int = 4
    shots: int = 1

    def __post_init__(self) -> None:
        choice_of("precision.slicing", self.slicing, ("none", "binary", "thermometer"))
        rule = "must be an integer from 1 to 20"
        bits = integer_of("precision.slice_bits", self.slice_bits, rule, lambda n: 1 <= n <= 20)
        self._set("slice_bits", bits)
        rule = "must be an integer from 1 to 4096"
        self._set("shots", integer_of("precision.shots", self.shots, rule, lambda n: 1 <= n <= 4096))


@dataclass(frozen=True)
class CostParameters(Section):
    """What turns frames into time and conversions into energy; nothing is assumed.

    Parameters
    ----------
    frame_rate : float or None
        Frames per second.
    dac_energy, adc_energy : float or None
        Joules per conversion.

    Raises
    ------
    ValueError, TypeError
        Naming the field, its value and the rule.
    """

    frame_rate: float | None = None
    dac_energy: float | None = None
    adc_energy: float | None = None

    def __post_init__(self) -> None:
        for name in ("frame_rate", "dac_energy", "adc_energy"):
            if getattr(self, name) is not None:
                rule = "must be None or a number above 0"
                self._set(name, number_of(f"cost.{name}", getattr(self, name), rule, lambda x: x > 0))
