"""The configuration of an emulated Fourier chip: plain, validated, immutable, stored as TOML.

Public descriptions of such a chip give the 11×11 frame, complex writing and reading, and the splitting of
values over frames. They give no converter bits, noise or clock figures: those are the user's parameters. The
module imports nothing of the library but the parts of the configuration.

Examples
--------
>>> from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters
>>> config = ChipConfig(dac=DACParameters(bits=6), adc=ADCParameters(bits=8, range=4.0), seed=3)
>>> ChipConfig.from_toml(config.to_toml()) == config
True
>>> DACParameters(bits=1)
Traceback (most recent call last):
    ...
ValueError: dac.bits=1: must be 0 (infinite) or an integer from 2 to 16
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from numbers import Integral
from pathlib import Path
from typing import Any

from .parameters import (
    ADCParameters,
    CostParameters,
    DACParameters,
    NoiseParameters,
    PrecisionParameters,
    Section,
    choice_of,
    flag_of,
    integer_of,
    number_of,
)

__all__ = [
    "ADCParameters",
    "ChipConfig",
    "CostParameters",
    "DACParameters",
    "NoiseParameters",
    "PrecisionParameters",
]

_SECTIONS = {
    "dac": DACParameters,
    "adc": ADCParameters,
    "noise": NoiseParameters,
    "precision": PrecisionParameters,
    "cost": CostParameters,
}


@dataclass(frozen=True)
class ChipConfig(Section):
    """One emulated chip.

    Parameters
    ----------
    frame : (int, int)
        Elements of one optical transform, rows and columns, 2 to 64 each.
    dac, adc, noise, precision, cost
        Its parts.
    detection : {"balanced", "intensity_phase_step"}
        How complex values are read: differences of two detectors, digitised after the subtraction; or
        intensities with and without a reference, each digitised. What noise makes negative is then clipped
        to 0 (and counted), which biases the mean of dark values.
    reference_amplitude : float
        Amplitude of the reference, relative to the ADC's full scale.
    dc : {"electronic", "optical"}
        Whether the mean of what is transformed is subtracted before writing and its transform added
        digitally; of a convolution, also whether the zero frequency of the product stays electronic.
    weight_transform : {"digital", "optical"}
        Where the spectra of kernels are computed.
    product : {"digital", "optical"}
        Where spectra are multiplied: electronically, followed by one inverse transform an output channel; or
        by the device while it transforms, one frame a pair of channels.
    is_perfect : bool
        Switches every imperfection off.
    noise_in_train, noise_in_eval : bool
        Whether what changes from frame to frame is on in training and in evaluation.
    seed : int
        Identity of the chip: its static errors and its noise.

    Raises
    ------
    ValueError, TypeError
        Naming the field, its value and the rule.

    Notes
    -----
    The defaults are a place to start from and describe no existing device.

    Examples
    --------
    >>> ChipConfig(seed=-1)
    Traceback (most recent call last):
        ...
    ValueError: seed=-1: must be an integer from 0 to 2**63 - 1
    """

    frame: tuple[int, int] = (11, 11)
    dac: DACParameters = field(default_factory=DACParameters)
    adc: ADCParameters = field(default_factory=ADCParameters)
    noise: NoiseParameters = field(default_factory=NoiseParameters)
    precision: PrecisionParameters = field(default_factory=PrecisionParameters)
    cost: CostParameters = field(default_factory=CostParameters)
    detection: str = "balanced"
    reference_amplitude: float = 1.0
    dc: str = "electronic"
    weight_transform: str = "digital"
    product: str = "digital"
    is_perfect: bool = False
    noise_in_train: bool = True
    noise_in_eval: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        self._set("frame", _frame(self.frame))
        for name, kind in _SECTIONS.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name}={getattr(self, name)!r}: must be a {kind.__name__}")
        choice_of("detection", self.detection, ("balanced", "intensity_phase_step"))
        rule = "must be a number above 0"
        amplitude = number_of("reference_amplitude", self.reference_amplitude, rule, lambda x: x > 0)
        self._set("reference_amplitude", amplitude)
        choice_of("dc", self.dc, ("electronic", "optical"))
        choice_of("weight_transform", self.weight_transform, ("digital", "optical"))
        choice_of("product", self.product, ("digital", "optical"))
        for name in ("is_perfect", "noise_in_train", "noise_in_eval"):
            flag_of(name, getattr(self, name))
        rule = "must be an integer from 0 to 2**63 - 1"
        self._set("seed", integer_of("seed", self.seed, rule, lambda seed: 0 <= seed < 2**63))
        self._check_slicing()

    def _check_slicing(self) -> None:
        slicing = self.precision.slicing
        if slicing == "none":
            return
        if self.dac.bits == 0:
            raise ValueError(f"precision.slicing={slicing!r}: needs dac.bits of 2 or more, not 0")
        if self.dac.encoding != "cartesian":
            raise ValueError(
                f"precision.slicing={slicing!r}: needs dac.encoding='cartesian', not {self.dac.encoding!r}"
            )
        if self.slices > 1024:
            raise ValueError(
                f"precision.slice_bits={self.precision.slice_bits}: would take {self.slices} frames a value, "
                "must take at most 1024"
            )

    @property
    def slices(self) -> int:
        """Frames over which a value is split."""
        if self.precision.slicing == "none":
            return 1
        bits, radix = self.precision.slice_bits, 2 ** (self.dac.bits - 1)
        if self.precision.slicing == "binary":
            return -(-bits // (self.dac.bits - 1))
        return -(-(2**bits - 1) // (radix - 1))

    @classmethod
    def assumed_4bit(cls, **changes: Any) -> ChipConfig:
        """Return a configuration with 4-bit DACs, 8-bit ADCs and 1 % of noise: **an assumption**.

        No public source gives these figures for any device; the preset exists so that examples agree.

        Parameters
        ----------
        **changes
            Fields that differ.
        """
        assumed: dict[str, Any] = {
            "dac": DACParameters(bits=4, bound="calibrated"),
            "adc": ADCParameters(bits=8, range="calibrated"),
            "noise": NoiseParameters(inp_noise=0.01, out_noise=0.01),
        }
        return cls(**(assumed | changes))

    def ideal(self) -> ChipConfig:
        """Return a configuration of the same frames with ideal converters and no errors."""
        return replace(
            self,
            dac=DACParameters(bits=0, bound="abs_max", encoding=self.dac.encoding),
            adc=ADCParameters(bits=0, range="abs_max"),
            noise=NoiseParameters(),
            precision=PrecisionParameters(),
        )

    def to_toml(self) -> str:
        """Return the configuration as TOML; fields that are None are left out."""
        lines = [
            f"{f.name} = {_toml(getattr(self, f.name))}" for f in fields(self) if f.name not in _SECTIONS
        ]
        for name in _SECTIONS:
            section = getattr(self, name)
            values = {f.name: getattr(section, f.name) for f in fields(section)}
            lines += ["", f"[{name}]", *(f"{k} = {_toml(v)}" for k, v in values.items() if v is not None)]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> ChipConfig:
        """Read what :meth:`to_toml` wrote; a field that is absent takes its default.

        Raises
        ------
        ValueError, TypeError
            For text that is no TOML, an unknown field, or a value against its rule.
        """
        return _from_table(cls, _read_toml(text), "")

    def save(self, path: str | Path) -> None:
        """Write the configuration to a TOML file."""
        Path(path).write_text(self.to_toml(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> ChipConfig:
        """Read a configuration from a TOML file."""
        return cls.from_toml(Path(path).read_text(encoding="utf-8"))


def _frame(value: Any) -> tuple[int, int]:
    rule = "must be an integer from 2 to 64 or a pair of them (y, x)"
    sizes = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(sizes) != 2:
        raise ValueError(f"frame={value!r}: {rule}")
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, Integral):
            raise TypeError(f"frame={value!r}: {rule}")
        if not 2 <= size <= 64:
            raise ValueError(f"frame={value!r}: {rule}")
    return int(sizes[0]), int(sizes[1])


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)


def _read_toml(text: str) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        try:
            import tomli as tomllib
        except ImportError as error:
            raise ImportError("reading TOML with Python 3.10 needs tomli: pip install tomli") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the configuration is no TOML: {error}") from error


def _from_table(cls: Any, table: Any, prefix: str) -> Any:
    if not isinstance(table, dict):
        raise TypeError(f"{prefix.rstrip('.')}={table!r}: must be a table")
    unknown = sorted(set(table) - {f.name for f in fields(cls)})
    if unknown:
        raise ValueError(f"unknown field {prefix + unknown[0]!r} in the configuration")
    values = {
        name: _from_table(_SECTIONS[name], value, f"{name}.")
        if cls is ChipConfig and name in _SECTIONS
        else value
        for name, value in table.items()
    }
    return cls(**values)
