"""Maps with what surrounds their samples: padding, and zeros between them."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

__all__ = ["WideMap"]


class WideMap(NamedTuple):
    """Samples [B, C, h, w] of a wider map, which a backend need not make.

    `padding` is (top, bottom, left, right) and may be negative in mode zeros, which crops. Of `spacing`
    samples along an axis, all but the first are zeros that are not given; padding then is zeros.
    """

    samples: Tensor
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    mode: str = "zeros"
    spacing: tuple[int, int] = (1, 1)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the wide map."""
        top, bottom, left, right = self.padding
        (h, w), (sy, sx) = self.samples.shape[-2:], self.spacing
        return sy * (h - 1) + 1 + top + bottom, sx * (w - 1) + 1 + left + right

    def tensor(self) -> Tensor:
        """Return the wide map, [B, C, *size]."""
        x, (sy, sx) = self.samples, self.spacing
        if self.spacing != (1, 1):
            spread = x.new_zeros(*x.shape[:2], sy * (x.shape[2] - 1) + 1, sx * (x.shape[3] - 1) + 1)
            spread[..., ::sy, ::sx] = x
            x = spread
        top, bottom, left, right = self.padding
        if not any(self.padding):
            return x
        # What is cropped may lie beyond the samples, which F.pad cannot cut off: it goes after padding.
        around = tuple(max(0, n) for n in (left, right, top, bottom))
        x = F.pad(x, around, mode="constant" if self.mode == "zeros" else self.mode)
        h, w = self.size
        return x[..., max(0, -top) :, max(0, -left) :][..., :h, :w]
