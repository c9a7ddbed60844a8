"""The all-optical super-resolution network exactly as the paper describes it, on whole padded grids."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.fft import fft2, fftshift, ifft2, ifftshift

__all__ = ["PlainAOSRNN", "PlainUnit", "central", "pad_central"]


def pad_central(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """Zero-pad [..., Sy, Sx] to [..., Ny, Nx]; sample S//2 lands on N//2."""
    top, left = (n // 2 - s // 2 for n, s in zip(grid, x.shape[-2:], strict=True))
    bottom, right = grid[0] - x.shape[-2] - top, grid[1] - x.shape[-1] - left
    return nn.functional.pad(x, (left, right, top, bottom))


def central(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Keep the central [..., Sy, Sx] of [..., Ny, Nx]; sample N//2 lands on S//2."""
    top, left = (n // 2 - s // 2 for n, s in zip(x.shape[-2:], size, strict=True))
    return x[..., top : top + size[0], left : left + size[1]]


class PlainUnit(nn.Module):
    """One convolutional unit: 4f system with a learned phase, image-plane aperture, Kerr layer.

    Parameters
    ----------
    support, band, grid : int
        Field window S, mask M and padded grid N.
    strength : float
        Kerr strength, radians per unit intensity.
    """

    def __init__(self, support: int, band: int, grid: int, strength: float) -> None:
        super().__init__()
        self.strength = strength
        self.grid = grid
        self.phase_filter = nn.Parameter(torch.randn(band, band))
        window = pad_central(torch.ones(support, support), (grid, grid))
        self.register_buffer("aperture", window, persistent=False)

    def forward(self, field: Tensor) -> Tensor:
        """Complex field [..., N, N] to complex field [..., N, N], zero outside the window."""
        mask = pad_central(torch.exp(1j * self.phase_filter), (self.grid, self.grid))
        spectrum = fftshift(fft2(field), dim=(-2, -1))
        field = ifft2(ifftshift(spectrum * mask, dim=(-2, -1))) * self.aperture
        return field * torch.exp(1j * self.strength * field.abs() ** 2)


class PlainAOSRNN(nn.Module):
    """Ten (or `num_layers`) units on the padded grid, differentiated by autograd throughout.

    Parameters
    ----------
    num_layers : int
        Number of units L.
    support, band, grid : int
        Field window S, mask M and padded grid N.
    strength : float
        Kerr strength, radians per unit intensity.

    Examples
    --------
    >>> network = PlainAOSRNN(num_layers=2, support=8, band=8, grid=24)
    >>> network(torch.ones(3, 8, 8, dtype=torch.complex64)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        num_layers: int = 10,
        support: int = 112,
        band: int = 112,
        grid: int = 336,
        strength: float = 4.0,
    ) -> None:
        super().__init__()
        self.support, self.band, self.grid = support, band, grid
        self.model = nn.Sequential(*(PlainUnit(support, band, grid, strength) for _ in range(num_layers)))

    @property
    def phases(self) -> Tensor:
        """Phases of all units [L, M, M], radians."""
        return torch.stack([unit.phase_filter for unit in self.model])

    def field(self, field: Tensor) -> Tensor:
        """Output field in the window [..., S, S] of an input [..., S, S] or [..., N, N]."""
        return central(self.model(pad_central(field, (self.grid, self.grid))), (self.support, self.support))

    def forward(self, field: Tensor) -> Tensor:
        """Output intensity in the window [..., S, S]."""
        return self.field(field).abs() ** 2
