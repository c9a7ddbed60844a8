"""Optical layers that drop into any torch model."""

from .four_f import FourF
from .fourier_conv2d import FourierConv2d, FourierConvTranspose2d, LazyFourierConv2d, replace_conv2d
from .nonlinearity import (
    CustomNonlinearity,
    Kerr,
    Nonlinearity,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
)
from .optical_conv2d import OpticalConv2d
from .propagation import Propagate
from .upsampling import UpsampleBlock, channel_upsample2d, dilate2d, exchange_upsample_order

__all__ = [
    "CustomNonlinearity",
    "FourF",
    "FourierConv2d",
    "FourierConvTranspose2d",
    "Kerr",
    "LazyFourierConv2d",
    "Nonlinearity",
    "OpticalConv2d",
    "OptoelectronicGate",
    "Propagate",
    "SaturableAbsorber",
    "SaturableKerr",
    "TwoPhotonAbsorption",
    "UpsampleBlock",
    "channel_upsample2d",
    "dilate2d",
    "exchange_upsample_order",
    "replace_conv2d",
]
