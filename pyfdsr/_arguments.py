"""Checks of sizes and numbers that every face shares; messages name argument, value and rule."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

__all__ = ["check_fits", "grid_of", "number_of", "pair_of", "reals_of"]


def _spread(name: str, value: Any, kind: str) -> tuple[Any, Any]:
    # torch.Size is a tuple, too.
    given = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(given) != 2:
        raise ValueError(f"{name}={value!r}: must be {kind} or a pair (y, x)")
    return given


def pair_of(name: str, value: Any) -> tuple[int, int]:
    """Return positive sizes as (y, x); one integer means square."""
    given = _spread(name, value, "an integer")
    for size in given:
        if isinstance(size, bool) or not isinstance(size, Integral):
            raise TypeError(f"{name}={value!r}: must be an integer or a pair of integers (y, x)")
        if size < 1:
            raise ValueError(f"{name}={value!r}: must be at least 1")
    return int(given[0]), int(given[1])


def number_of(name: str, value: Any) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r}: must be a real number")
    if not math.isfinite(value):
        raise ValueError(f"{name}={value!r}: must be finite")
    return float(value)


def reals_of(name: str, value: Any) -> tuple[float, float]:
    """Return positive finite numbers as (y, x); one number means the same in both."""
    given = _spread(name, value, "a number")
    for entry in given:
        if number_of(name, entry) <= 0:
            raise ValueError(f"{name}={value!r}: must be greater than 0")
    return float(given[0]), float(given[1])


def grid_of(value: Any) -> tuple[tuple[float, float], bool]:
    """Return the padded grid as (y, x) and whether it is centred, which real (non-integer) sizes are."""
    if value is None:
        raise ValueError("grid=None: the size of the padded grid must be given")
    sizes = reals_of("grid", value)
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return sizes, not all(isinstance(entry, Integral) for entry in given)


def check_fits(name: str, size: tuple[int, int], grid: tuple[float, float]) -> None:
    """Refuse a window or band that is larger than the padded grid."""
    if size[0] > grid[0] or size[1] > grid[1]:
        raise ValueError(f"{name}={size}: must not be larger than grid={grid}")
