"""What every backend is told of an operator: sizes, precision, addresses of the user's own responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["CallbackAddresses", "Geometry", "is_double"]


class Geometry(NamedTuple):
    """Sizes of one windowed DFT, every one a (y, x) pair."""

    window: tuple[int, int]
    band: tuple[int, int]
    grid: tuple[float, float]
    centred: bool

    def plain(self) -> Geometry:
        """Return the same of Python's own numbers: sizes are symbols while a graph is traced."""
        (wy, wx), (my, mx), (ny, nx), centred = self
        return Geometry((int(wy), int(wx)), (int(my), int(mx)), (float(ny), float(nx)), bool(centred))


class CallbackAddresses(list):
    """Addresses of compiled responses (two a layer), which live only as long as their `owners`."""

    def __init__(self, addresses: Sequence[int], owners: Sequence[Any]) -> None:
        super().__init__(addresses)
        self.owners = tuple(owners)


def is_double(tensor: Tensor) -> bool:
    """Tell whether a tensor holds double precision."""
    return tensor.dtype in (torch.float64, torch.complex128)
