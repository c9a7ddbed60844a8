"""Squares of photographs as bytes on the device that trains on them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pyfdsr.data import PhotoSet

from . import devices

__all__ = ["PhotoSquares", "unit_interval"]

_PART = 256


class PhotoSquares:
    """Takes squares out of a set: of a copy on the device, if it fits there, else from the host each time.

    Parameters
    ----------
    photos : PhotoSet
    device : torch.device
    """

    def __init__(self, photos: PhotoSet, device: torch.device) -> None:
        self._photos, self._device, self._resident = photos, device, None
        shape = (len(photos), 3, photos.size, photos.size)
        if not devices.is_host(device) and devices.fits(torch.Size(shape).numel(), device):
            self._resident = torch.empty(shape, dtype=torch.uint8, device=device)
            for part in (slice(start, start + _PART) for start in range(0, len(photos), _PART)):
                self._resident[part] = torch.from_numpy(photos.take(part)).to(device)

    def take(self, rows: np.ndarray) -> Tensor:
        """Return the squares `rows`: bytes [m, 3, size, size]."""
        if self._resident is None:
            return torch.from_numpy(self._photos.take(rows)).to(self._device, non_blocking=True)
        return self._resident[torch.from_numpy(rows).to(self._device, non_blocking=True)]


def unit_interval(squares: Tensor) -> Tensor:
    """Return bytes as float32 numbers from 0 to 1.

    Examples
    --------
    >>> unit_interval(torch.tensor([0, 255], dtype=torch.uint8))
    tensor([0., 1.])
    """
    return squares.contiguous().float().div_(255)
