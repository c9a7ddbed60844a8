"""Optics around the engine: grids with units, imaging, apertures, energy accounts, mask files.

NumPy arrays are answered with NumPy arrays and torch tensors with tensors; torch is never imported here.
Members load on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "AliasingWarning": "ledger",
    "EnergyLedger": "ledger",
    "ImagingOptics": "imaging",
    "LayerEnergy": "ledger",
    "MaskSet": "masks",
    "OpticalGrid": "grid",
    "PartiallyCoherentImaging": "partial_coherence",
    "PolychromaticImaging": "polychromatic",
    "annular_aperture": "apertures",
    "circular_aperture": "apertures",
    "energy_ledger": "ledger",
    "export_masks": "masks",
    "gaussian_aperture": "apertures",
    "load_masks": "masks",
    "square_aperture": "apertures",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
