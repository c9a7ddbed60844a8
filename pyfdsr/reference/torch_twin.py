"""torch twins of the engine's operators: whole padded grids, ``torch.fft``, gradients by autograd.

Every function takes and gives complex64 or complex128 tensors and is differentiable in all of its tensors.
A real (float) grid, which no FFT can serve, is summed by explicit matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fft import fft2, fftshift, ifft2, ifftshift

from pyfdsr.nonlinearity import Nonlinearity, per_layer
from pyfdsr.reference.direct_sums import dft_matrix
from pyfdsr.reference.plain_network import PlainAOSRNN, PlainUnit, central, pad_central

__all__ = [
    "PlainAOSRNN",
    "PlainUnit",
    "angular_spectrum_transfer",
    "four_f",
    "four_f_stack",
    "image",
    "nonlinearity",
    "propagate",
    "response",
    "windowed_dft",
    "windowed_idft",
]

Size = int | tuple[int, int]
Grid = float | tuple[float, float]


def _pair(size: Any) -> tuple[Any, Any]:
    return tuple(size) if isinstance(size, Sequence) else (size, size)


def _is_real(grid: Grid) -> bool:
    return any(isinstance(length, float) for length in _pair(grid))


def _matrices(window: Any, band: Any, grid: Grid, like: Tensor) -> list[Tensor]:
    axes = zip(_pair(window), _pair(band), _pair(grid), strict=True)
    matrices = (torch.from_numpy(dft_matrix(s, m, n, centred=True)) for s, m, n in axes)
    return [matrix.to(like.device, like.dtype) for matrix in matrices]


def _complex(x: Tensor) -> Tensor:
    return x if x.is_complex() else torch.complex(x, torch.zeros_like(x))


def windowed_dft(x: Tensor, grid: Grid, band: Size) -> Tensor:
    """Zero-pad `x` [..., Sy, Sx] to the grid, ``fftshift(fft2)``, keep the central band [..., My, Mx]."""
    x = _complex(x)
    if _is_real(grid):
        along_y, along_x = _matrices(x.shape[-2:], band, grid, x)
        return along_y @ x @ along_x.mT
    return central(fftshift(fft2(pad_central(x, _pair(grid))), dim=(-2, -1)), _pair(band))


def windowed_idft(spectrum: Tensor, grid: Grid, support: Size) -> Tensor:
    """Zero-pad a band [..., My, Mx] to the grid, ``ifft2(ifftshift)``, keep the window [..., Sy, Sx]."""
    spectrum = _complex(spectrum)
    if _is_real(grid):
        along_y, along_x = _matrices(support, spectrum.shape[-2:], grid, spectrum)
        return along_y.mH @ spectrum @ along_x.conj() / math.prod(_pair(grid))
    return central(ifft2(ifftshift(pad_central(spectrum, _pair(grid)), dim=(-2, -1))), _pair(support))


def four_f(
    field: Tensor,
    phase: Tensor | None,
    grid: Grid,
    support: Size | None = None,
    transfer: Tensor | None = None,
) -> Tensor:
    """One 4f system with transfer ``exp(i·phase)``, or a complex `transfer` when `phase` is None."""
    transfer = torch.exp(1j * phase) if transfer is None else transfer
    spectrum = transfer * windowed_dft(field, grid, tuple(transfer.shape[-2:]))
    return windowed_idft(spectrum, grid, tuple(field.shape[-2:]) if support is None else support)


class _CustomResponse(torch.autograd.Function):
    """A scalar Python response and its derivative, applied element by element."""

    @staticmethod
    def _map(function: Any, intensity: Tensor) -> Tensor:
        plain = getattr(function, "py_func", function)
        values = [complex(plain(value)) for value in intensity.detach().reshape(-1).tolist()]
        dtype = torch.complex128 if intensity.dtype == torch.float64 else torch.complex64
        return torch.tensor(values, dtype=dtype, device=intensity.device).reshape(intensity.shape)

    @staticmethod
    def forward(ctx: Any, intensity: Tensor, spec: Any) -> Tensor:
        ctx.spec = spec
        ctx.save_for_backward(intensity)
        return _CustomResponse._map(spec.response, intensity)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, None]:
        (intensity,) = ctx.saved_tensors
        return (v * _CustomResponse._map(ctx.spec.derivative, intensity).conj()).real, None


def response(intensity: Tensor, spec: Nonlinearity | None) -> Tensor:
    """Factor f(I) of a specification, real or complex; parameters given as tensors receive gradients."""
    i = intensity
    if spec is None:
        return torch.ones_like(i)
    if spec.kind == "custom":
        return _CustomResponse.apply(i, spec)
    p = spec.parameters()
    if spec.kind == "kerr":
        return torch.exp(1j * (p[0] * i))
    if spec.kind == "saturable_kerr":
        return torch.exp(1j * (p[0] * i / (1 + i / p[1])))
    if spec.kind == "saturable_absorber":
        return torch.exp(-p[0] / (2 * (1 + i / p[1])))
    if spec.kind == "two_photon_absorption":
        return (1 + p[0] * i) ** -0.5
    if spec.kind == "optoelectronic_gate":
        return torch.sqrt(p[0] + (p[1] - p[0]) / (1 + (i / p[2]) ** p[3]))
    raise ValueError(f"spec={spec!r}: no formula is known for kind {spec.kind!r}")


def nonlinearity(field: Tensor, spec: Nonlinearity | None) -> Tensor:
    """Apply E → f(|E|²)·E to a field of any shape."""
    if spec is None:
        return field
    return response(field.real**2 + field.imag**2, spec) * field


def four_f_stack(
    field: Tensor,
    phases: Tensor,
    grid: Grid,
    nonlinearities: Any,
    support: Size | None = None,
    return_fields: bool = False,
    aperture: Tensor | None = None,
) -> Any:
    """`L` 4f systems, each followed by its nonlinearity.

    Parameters
    ----------
    field : complex tensor [..., Sy, Sx]
    phases : real tensor [L, My, Mx], or [L, ..., My, Mx] broadcasting with the batch; radians
    grid : padded grid N
    nonlinearities : specification, None, or a list of L
    support : window of the later layers; None keeps that of `field`
    return_fields : also return every layer's output field, stacked [L, ..., Ty, Tx]
    aperture : real tensor [K, My, Mx] multiplying the transfer of the first K layers, or None

    Returns
    -------
    complex tensor [..., Ty, Tx], or (that, fields)
    """
    fields = []
    for layer, spec in enumerate(per_layer(nonlinearities, len(phases))):
        transfer = torch.exp(1j * phases[layer])
        if aperture is not None and layer < len(aperture):
            transfer = transfer * aperture[layer]
        field = nonlinearity(four_f(field, None, grid, support, transfer=transfer), spec)
        fields.append(field)
    return (field, torch.stack(fields)) if return_fields else field


def angular_spectrum_transfer(
    shape: tuple[int, int],
    distance: float,
    pitch: float | tuple[float, float],
    wavelength: float,
    band_limit: bool = True,
    dtype: torch.dtype = torch.complex128,
) -> Tensor:
    """Transfer function of free space on a padded grid, zero frequency at index N//2.

    Evanescent waves decay with |distance|. With `band_limit`, frequencies whose phase the grid cannot sample
    are set to zero, each axis on its own.

    References
    ----------
    K. Matsushima and T. Shimobaba, Opt. Express 17, 19662 (2009), equations 13 to 20.
    """
    frequencies = []
    passed = torch.ones(shape, dtype=torch.bool)
    for axis, (length, step) in enumerate(zip(shape, _pair(pitch), strict=True)):
        f = (torch.arange(length, dtype=torch.float64) - length // 2) / (length * step)
        f = f.reshape((-1, 1) if axis == 0 else (1, -1))
        limit = 1 / (wavelength * math.hypot(1, 2 * distance / (length * step)))
        passed = passed & (f.abs() <= limit)
        frequencies.append(f)
    squared = 1 / wavelength**2 - frequencies[0] ** 2 - frequencies[1] ** 2
    axial = 2 * math.pi * squared.abs().sqrt()
    evanescent = torch.exp(-axial * abs(distance)) + 0j
    transfer = torch.where(squared >= 0, torch.exp(1j * axial * distance), evanescent)
    if band_limit:
        transfer = torch.where(passed, transfer, torch.zeros_like(transfer))
    return transfer.to(dtype)


def propagate(
    field: Tensor,
    distance: float,
    pitch: float | tuple[float, float],
    wavelength: float,
    pad_factor: float = 2,
    band_limit: bool = True,
) -> Tensor:
    """Free-space propagation of `field` [..., Sy, Sx] over `distance` metres by the angular spectrum."""
    field = _complex(field)
    size = tuple(field.shape[-2:])
    grid = tuple(int(round(length * pad_factor)) for length in size)
    transfer = angular_spectrum_transfer(grid, distance, pitch, wavelength, band_limit, field.dtype)
    return windowed_idft(transfer.to(field.device) * windowed_dft(field, grid, grid), grid, size)


def image(intensity: Tensor, grid: int, cutoff_bins: float) -> Tensor:
    """Coherent image of an object: the field √I [..., S, S], low-passed, on the whole grid [..., N, N]."""
    k = torch.arange(grid, dtype=torch.float64) - grid // 2
    passed = (k[:, None] ** 2 + k[None, :] ** 2 < cutoff_bins**2).to(intensity.device, intensity.dtype)
    return windowed_idft(passed * windowed_dft(torch.sqrt(intensity), grid, grid), grid, grid)
