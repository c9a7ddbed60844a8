"""Optical operators on NumPy arrays, forward and adjoint, without torch.

Fields are complex64 or complex128 arrays ``[..., y, x]``; results keep the precision. Adjoints follow the
convention of torch's gradients, ``v = ∂L/∂Re + i ∂L/∂Im`` of a real loss L: ``⟨A x, v⟩ = ⟨x, Aᴴ v⟩``.

Arrays in a device's memory that have ``__cuda_array_interface__``, such as CuPy's and Numba's, are computed
there by torch's operations or CUDA kernels, which imports torch, and answered with arrays of their library.
All arrays of a call are then of one device. See docs/devices.md.
"""

from .chip import chip_conv2d, chip_dft2
from .device_arrays import DeviceStackTape
from .four_f import four_f, four_f_adjoint
from .four_f_stack import StackTape, four_f_stack, four_f_stack_adjoint
from .fourier_conv2d import (
    fourier_conv2d,
    fourier_conv2d_adjoint_input,
    fourier_conv2d_adjoint_weight,
)
from .nonlinearity import nonlinear, nonlinear_adjoint
from .propagation import propagate, propagate_adjoint
from .windowed_dft import windowed_dft, windowed_dft_adjoint, windowed_idft, windowed_idft_adjoint

__all__ = [
    "DeviceStackTape",
    "StackTape",
    "chip_conv2d",
    "chip_dft2",
    "four_f",
    "four_f_adjoint",
    "four_f_stack",
    "four_f_stack_adjoint",
    "fourier_conv2d",
    "fourier_conv2d_adjoint_input",
    "fourier_conv2d_adjoint_weight",
    "nonlinear",
    "nonlinear_adjoint",
    "propagate",
    "propagate_adjoint",
    "windowed_dft",
    "windowed_dft_adjoint",
    "windowed_idft",
    "windowed_idft_adjoint",
]
