"""Optical layers that drop into any torch model."""

from .four_f import FourF
from .nonlinearity import (
    CustomNonlinearity,
    Kerr,
    Nonlinearity,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
)
from .propagation import Propagate

__all__ = [
    "CustomNonlinearity",
    "FourF",
    "Kerr",
    "Nonlinearity",
    "OptoelectronicGate",
    "Propagate",
    "SaturableAbsorber",
    "SaturableKerr",
    "TwoPhotonAbsorption",
]
