"""Emulation of a photonic Fourier chip: configuration, conversion of models, calibration, statistics.

Members load on first use, so that the plain configuration (:mod:`pyfdsr.chip.config`) needs neither torch nor
the compiled core.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MEMBERS = {
    "ADCParameters": "parameters",
    "ChipConfig": "config",
    "CostParameters": "parameters",
    "DACParameters": "parameters",
    "NoiseParameters": "parameters",
    "PrecisionParameters": "parameters",
    "FourFImperfections": "four_f",
    "ImperfectFourF": "four_f",
    "LayerStatistics": "stats",
    "calibrate_ranges": "calibrate",
    "chip_stats": "stats",
    "convert_to_digital": "convert",
    "convert_to_optical": "convert",
    "effective_bits": "precision",
    "noise_step": "convert",
    "number_layers": "convert",
    "optical_layers": "convert",
    "set_noise_scale": "convert",
}

__all__ = sorted([*_MEMBERS, "sample_offset"])


def __getattr__(name: str) -> Any:
    if name == "sample_offset":
        return import_module("pyfdsr.functional.sample_numbers").sample_offset
    if name not in _MEMBERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MEMBERS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
