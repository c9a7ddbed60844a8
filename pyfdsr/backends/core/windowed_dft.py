"""The windowed DFT by the compiled core."""

from __future__ import annotations

import torch
from torch import Tensor

from pyfdsr import _plans

from ..geometry import Geometry, is_double
from .arrays import array_of, batched, threads

__all__ = ["windowed_dft"]


def windowed_dft(x: Tensor, kind: str, geometry: Geometry) -> Tensor:
    """Apply one of the four maps; see :func:`pyfdsr.backends.by_torch.windowed_dft`."""
    array = array_of(x)  # [..., Sy, Sx] or [..., My, Mx]
    plan = _plans.windowed_dft_plan(*geometry.plain(), is_double(x))
    result = getattr(plan, kind)(batched(array), threads())
    return torch.from_numpy(result.reshape(*array.shape[:-2], *result.shape[-2:]))
