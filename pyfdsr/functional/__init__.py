"""Optical operators on torch tensors: arguments checked and broadcast, gradients by hand-written adjoints.

Half precisions are computed in single precision, under autocast too; a double-precision argument makes the
whole call double.

Gradients flow backwards only, by ``backward()`` and ``torch.autograd``: the transforms of ``torch.func``
(``grad``, ``vmap``, ``jvp``, ...) are not supported and raise a RuntimeError. Leading axes take the place of
``vmap``.
"""

from .cross_kerr import cross_kerr
from .four_f import four_f, four_f_stack
from .fourier_conv2d import fourier_conv2d, fourier_conv_transpose2d
from .nonlinearities import (
    custom,
    kerr,
    nonlinear,
    optoelectronic_gate,
    saturable_absorber,
    saturable_kerr,
    two_photon_absorption,
)
from .optical_conv2d import optical_conv2d
from .propagation import propagate
from .transforms import windowed_dft, windowed_idft

__all__ = [
    "cross_kerr",
    "custom",
    "four_f",
    "four_f_stack",
    "fourier_conv2d",
    "fourier_conv_transpose2d",
    "kerr",
    "nonlinear",
    "optical_conv2d",
    "optoelectronic_gate",
    "propagate",
    "saturable_absorber",
    "saturable_kerr",
    "two_photon_absorption",
    "windowed_dft",
    "windowed_idft",
]
