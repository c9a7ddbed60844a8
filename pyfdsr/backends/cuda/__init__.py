"""Kernels for CUDA devices, and torch's own operations for what has none.

Stacks and windowed DFTs of up to 224 samples an axis stay in the shared memory of a block or cluster through
all layers, tiles of convolutions and frames of the emulated chip of up to 64; larger ones, and what the chip
does between frames, are left to :mod:`pyfdsr.backends.by_torch`.
"""

from ..by_torch import cross_kerr, cross_kerr_adjoint
from .chip import chip_conv2d, chip_conv2d_adjoint_weight, chip_dft2
from .four_f_stack import TAPE_LAYOUT, stack_adjoint, stack_forward, stack_plan
from .fourier_conv2d import (
    fourier_conv2d,
    fourier_conv2d_adjoint_input,
    fourier_conv2d_adjoint_weight,
    fourier_conv2d_adjoints,
)
from .native import is_built
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
    "is_built",
    "nonlinearity",
    "nonlinearity_adjoint",
    "stack_adjoint",
    "stack_forward",
    "stack_plan",
    "windowed_dft",
]
