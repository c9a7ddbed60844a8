"""Real transmissions of a Fourier-plane aperture, zero frequency at index M//2, ready for ``aperture=``.

Radii and widths are in frequency bins. All functions return arrays [My, Mx] with values in [0, 1].
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["annular_aperture", "circular_aperture", "gaussian_aperture", "square_aperture"]

Band = int | tuple[int, int]


def _axes(band: Band) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bin numbers along y [My, 1] and x [1, Mx]."""
    pair = (band, band) if not isinstance(band, (tuple, list)) else tuple(band)
    whole = all(isinstance(length, Integral) and not isinstance(length, bool) for length in pair)
    if len(pair) != 2 or not whole:
        raise TypeError(f"band={band!r}: must be an integer or a (y, x) pair of integers")
    if min(pair) < 1:
        raise ValueError(f"band={band!r}: must be 1 or greater")
    ky, kx = (np.arange(length, dtype=np.float64) - length // 2 for length in pair)
    return ky[:, None], kx[None, :]


def _positive(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r}: must be a real number")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}={value!r}: must be finite and greater than 0")
    return float(value)


def circular_aperture(band: Band, radius: float, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Pass bins with √(kx² + ky²) < `radius`.

    Examples
    --------
    >>> circular_aperture(3, 1.2)
    array([[0., 1., 0.],
           [1., 1., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    radius = _positive("radius", radius)
    ky, kx = _axes(band)
    return (ky**2 + kx**2 < radius**2).astype(dtype)


def annular_aperture(band: Band, inner: float, outer: float, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Pass bins with `inner` ≤ √(kx² + ky²) < `outer`, as a centrally obscured pupil does.

    Examples
    --------
    >>> int(annular_aperture(5, inner=1.0, outer=1.2).sum())
    4
    """
    inner, outer = _positive("inner", inner), _positive("outer", outer)
    if inner >= outer:
        raise ValueError(f"inner={inner!r}: must be smaller than outer={outer!r}")
    return circular_aperture(band, outer, dtype) - circular_aperture(band, inner, dtype)


def square_aperture(band: Band, half_width: float, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Pass bins with |kx| and |ky| < `half_width`.

    Examples
    --------
    >>> int(square_aperture(8, half_width=2.5).sum())
    25
    """
    half_width = _positive("half_width", half_width)
    ky, kx = _axes(band)
    return ((np.abs(ky) < half_width) & (np.abs(kx) < half_width)).astype(dtype)


def gaussian_aperture(band: Band, waist: float, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    r"""Amplitude transmission :math:`e^{-(k_x^2 + k_y^2)/\mathrm{waist}^2}` (1/e at `waist` bins).

    Examples
    --------
    >>> round(float(gaussian_aperture(9, waist=2.0)[4, 6]), 6)  # two bins from the centre
    0.367879
    """
    waist = _positive("waist", waist)
    ky, kx = _axes(band)
    return np.exp(-(ky**2 + kx**2) / waist**2).astype(dtype)
