"""Plain PyTorch: every unit on the whole padded grid, as the paper describes it."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from bench.implementation import TorchNetwork


class PlainNetwork(TorchNetwork):
    """Field kept on the N×N grid between units; aperture, then nonlinearity on the whole grid.

    Each unit is ``fft2``, ``fftshift``, product with ``exp(iφ)`` zero-padded to the grid, ``ifftshift``,
    ``ifft2``, zero outside the window, ``exp(i·w·|E|²)``.
    """

    def intensity(self, field: torch.Tensor, phases: torch.Tensor) -> torch.Tensor:
        """Intensity [B, S, S]."""
        case = self.case
        field = self.pad(field, case.offset, case.window)
        for phase in phases:
            field = self.pad(self.unit(field, phase), case.offset, case.window)
            field = self.kerr(field)
        return self.window(field).abs() ** 2

    def unit(self, field: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
        """One 4f unit: field [B, N, N], phase [M, M], to the window [B, S, S]."""
        spectrum = torch.fft.fftshift(torch.fft.fft2(field), dim=(-2, -1))
        transfer = self.pad(torch.exp(1j * phase), self.case.band_offset, self.case.band)
        field = torch.fft.ifft2(torch.fft.ifftshift(spectrum * transfer, dim=(-2, -1)))
        return self.window(field)

    def kerr(self, field: torch.Tensor) -> torch.Tensor:
        """Self-phase modulation, any shape."""
        return field * torch.exp(1j * self.case.strength * field.abs() ** 2)

    def window(self, field: torch.Tensor) -> torch.Tensor:
        """Central S×S of a field [B, N, N]."""
        rows = slice(self.case.offset, self.case.offset + self.case.window)
        return field[..., rows, rows]

    def pad(self, values: torch.Tensor, before: int, size: int) -> torch.Tensor:
        """Zero-pad the last two axes from ``size`` to the grid."""
        after = self.case.grid - size - before
        return F.pad(values, (before, after, before, after))


class CroppedNetwork(PlainNetwork):
    """The same with one thing done better: only the S×S window goes through the nonlinearity."""

    def intensity(self, field: torch.Tensor, phases: torch.Tensor) -> torch.Tensor:
        """Intensity [B, S, S]."""
        for phase in phases:
            field = self.kerr(self.unit(self.pad(field, self.case.offset, self.case.window), phase))
        return field.abs() ** 2
