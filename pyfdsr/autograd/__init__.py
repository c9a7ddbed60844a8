"""One ``torch.autograd.Function`` per operator of the core, and its registration for ``torch.compile``.

Arguments are taken as valid: :mod:`pyfdsr.functional` checks, broadcasts and casts them.
"""

from pyfdsr.backends import CallbackAddresses, Geometry

from .cross_kerr import CrossKerr, cross_kerr
from .four_f_stack import FourFStack, four_f_stack
from .fourier_conv2d import (
    COMPARE,
    DO_NOT_KEEP,
    FourierConv2d,
    fourier_conv2d,
    fourier_conv2d_adjoint_input,
)
from .nonlinearity import Nonlinearity, nonlinearity
from .optical_conv2d import Emulation, gain_bytes, optical_conv2d
from .windowed_dft import WindowedDft, windowed_dft

__all__ = [
    "COMPARE",
    "DO_NOT_KEEP",
    "CallbackAddresses",
    "CrossKerr",
    "Emulation",
    "FourFStack",
    "FourierConv2d",
    "Geometry",
    "Nonlinearity",
    "WindowedDft",
    "cross_kerr",
    "four_f_stack",
    "fourier_conv2d",
    "fourier_conv2d_adjoint_input",
    "gain_bytes",
    "nonlinearity",
    "optical_conv2d",
    "windowed_dft",
]
