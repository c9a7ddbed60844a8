"""The windowed DFT, its inverse and their adjoints in torch operations."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pyfdsr import _plans

from ..constants import kept_for_later
from ..geometry import Geometry, is_double
from . import folded, pruned_fft
from .precision import in_own_precision

__all__ = ["transform_of", "windowed_dft"]

_MATRIX_ADVANTAGE = 8
"""A matrix product's operations are taken to be so many times faster than an FFT's; not measured."""


def transform_of(geometry: Geometry, double: bool, device: torch.device) -> Any:
    """Return the cached transform of a geometry.

    Folded matrices, unless the grid is of whole samples and the FFT's rows and columns take an eighth of
    their operations or less: at a padding of three, from windows of some 600 samples on.
    """
    return _transform_of(geometry.plain(), double, device)


@lru_cache(maxsize=32)
def _transform_of(geometry: Geometry, double: bool, device: torch.device) -> Any:
    by_matrices = folded.flops(geometry.window, geometry.band)
    if not geometry.centred and by_matrices > _MATRIX_ADVANTAGE * pruned_fft.flops(geometry):
        return pruned_fft.PrunedFft(geometry)
    with kept_for_later():
        return folded.FoldedTransform(geometry, torch.float64 if double else torch.float32, device)


_plans.cleared_with_plans.append(_transform_of.cache_clear)


@in_own_precision
def windowed_dft(x: Tensor, kind: str, geometry: Geometry) -> Tensor:
    """Apply a windowed DFT, its inverse, or the adjoint of either.

    Parameters
    ----------
    x : Tensor
        [..., Sy, Sx] or [..., My, Mx], complex.
    kind : {"forward", "adjoint", "inverse", "inverse_adjoint"}
        Window to band for the first and the last, band to window for the others.
    geometry : Geometry

    Returns
    -------
    Tensor
    """
    transform = transform_of(geometry, is_double(x), x.device)
    to_band = kind in ("forward", "inverse_adjoint")
    given, wanted = transform.space, transform.frequency
    before, after = transform.ramp, transform.counter_ramp
    if not to_band:
        given, wanted, before, after = wanted, given, after, before
    leading = x.shape[:-2]
    samples = given.of(x.reshape(leading.numel(), *x.shape[-2:]))
    if before is not None:
        samples = samples * (before if to_band else before.conj())
    samples = (transform.to_frequency if to_band else transform.to_space)(samples)
    if after is not None:
        samples = samples * (after if to_band else after.conj())
    if kind.startswith("inverse"):
        samples = samples / (geometry.grid[0] * geometry.grid[1])
    return wanted.natural(samples).reshape(*leading, *wanted.size)
