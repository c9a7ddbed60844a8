"""The windowed DFT by torch.fft on the padded grid: only the needed rows and columns are transformed."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry import Geometry

__all__ = ["PrunedFft", "flops"]


def flops(geometry: Geometry) -> float:
    """Operations that one transform of one image takes: rows of the window, then columns of the band."""
    (height, _), (_, columns), (ny, nx), _ = geometry
    return 5 * (height * nx * math.log2(max(nx, 2)) + columns * ny * math.log2(max(ny, 2)))


class _Samples:
    """Samples of an image as they are, [B, y, x]."""

    batch_axis = 0
    weight = None

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def of(self, natural: Tensor) -> Tensor:
        """Return the samples themselves."""
        return natural

    def natural(self, samples: Tensor) -> Tensor:
        """Return the samples themselves."""
        return samples.contiguous()

    def shape(self, batch: int) -> tuple[int, ...]:
        """Shape of the samples of a batch."""
        return (batch, *self.size)


class PrunedFft:
    """Both directions between a window and a band of a whole grid, unnormalised; nothing carries a ramp."""

    ramp = counter_ramp = None

    def __init__(self, geometry: Geometry) -> None:
        self.window, self.band, grid, _ = geometry
        self.grid = (int(grid[0]), int(grid[1]))
        self.space, self.frequency = _Samples(self.window), _Samples(self.band)

    def to_frequency(self, samples: Tensor, out: Tensor | None = None) -> Tensor:
        """Transform rows of the window, then columns of the band."""
        for axis in (1, 0):
            place = 2 * [0] + list(self._place(axis)) if axis == 0 else self._place(axis)
            spectrum = torch.fft.fft(F.pad(samples, place), dim=axis - 2)
            count = self.band[axis]
            before, after = count // 2, count - count // 2
            ends = (
                spectrum.narrow(axis - 2, self.grid[axis] - before, before),
                spectrum.narrow(axis - 2, 0, after),
            )
            samples = torch.cat(ends, axis - 2)
        return samples if out is None else out.copy_(samples)

    def to_space(self, samples: Tensor, out: Tensor | None = None) -> Tensor:
        """Transform columns of the band, then rows of the window: the adjoint of `to_frequency`."""
        for axis in (0, 1):
            length, count = self.grid[axis], self.band[axis]
            shape = list(samples.shape)
            shape[axis - 2] = length
            line, before = samples.new_zeros(shape), count // 2
            line.narrow(axis - 2, length - before, before).copy_(samples.narrow(axis - 2, 0, before))
            line.narrow(axis - 2, 0, count - before).copy_(samples.narrow(axis - 2, before, count - before))
            line = torch.fft.ifft(line, dim=axis - 2, norm="forward")
            samples = line.narrow(axis - 2, self._place(axis)[0], self.window[axis])
        return samples.contiguous() if out is None else out.copy_(samples)

    def _place(self, axis: int) -> tuple[int, int]:
        """Samples of the grid before and behind the window."""
        before = self.grid[axis] // 2 - self.window[axis] // 2
        return before, self.grid[axis] - self.window[axis] - before
