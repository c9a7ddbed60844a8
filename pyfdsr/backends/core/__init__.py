"""The compiled core on CPU tensors."""

from ..cross_kerr import cross_kerr, cross_kerr_adjoint
from .chip import chip_conv2d, chip_conv2d_adjoint_weight, chip_dft2
from .four_f_stack import TAPE_LAYOUT, stack_adjoint, stack_forward, stack_plan
from .fourier_conv2d import (
    fourier_conv2d,
    fourier_conv2d_adjoint_input,
    fourier_conv2d_adjoint_weight,
    fourier_conv2d_adjoints,
)
from .nonlinearity import nonlinearity, nonlinearity_adjoint
from .windowed_dft import windowed_dft

__all__ = [
    "TAPE_LAYOUT",
    "chip_conv2d",
    "chip_conv2d_adjoint_weight",
    "chip_dft2",
    "cross_kerr",
    "cross_kerr_adjoint",
    "fourier_conv2d",
    "fourier_conv2d_adjoint_input",
    "fourier_conv2d_adjoint_weight",
    "fourier_conv2d_adjoints",
    "nonlinearity",
    "nonlinearity_adjoint",
    "stack_adjoint",
    "stack_forward",
    "stack_plan",
    "windowed_dft",
]
