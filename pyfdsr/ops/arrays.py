"""Arrays on the way into the core: precision, kind and layout."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["batched", "complex_array", "complex_dtype", "is_double", "real_array", "window_of"]


def _floating(name: str, value: Any, kinds: str, rule: str) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name} has dtype {array.dtype}: must be {rule}")
    return array


def is_double(*values: Any) -> bool:
    """Whether any argument holds more than single precision (half and single are computed in single)."""
    # By size, not by name: double precision of the other byte order is double, too.
    dtypes = (np.asarray(value).dtype for value in values)
    return any(dtype.itemsize > (8 if dtype.kind == "c" else 4) for dtype in dtypes if dtype.kind in "fc")


def complex_dtype(double: bool) -> type[np.complexfloating]:
    """Complex type of a precision."""
    return np.complex128 if double else np.complex64


def complex_array(name: str, value: Any, double: bool | None = None) -> np.ndarray:
    """Return `value` as a C-contiguous complex array, copied only where kind or layout need it."""
    array = _floating(name, value, "fc", "a real floating or complex type")
    return np.ascontiguousarray(array, complex_dtype(is_double(array) if double is None else double))


def real_array(name: str, value: Any, double: bool | None = None) -> np.ndarray:
    """Return `value` as a C-contiguous real array."""
    array = _floating(name, value, "f", "real floating")
    double = is_double(array) if double is None else double
    return np.ascontiguousarray(array, np.float64 if double else np.float32)


def window_of(name: str, array: np.ndarray) -> tuple[int, int]:
    """Return the last two sizes of an array of fields."""
    if array.ndim < 2:
        raise ValueError(f"{name} has shape {array.shape}: must have at least two axes (y, x)")
    if 0 in array.shape[-2:]:
        raise ValueError(f"{name} has shape {array.shape}: the last two axes must not be empty")
    return array.shape[-2], array.shape[-1]


def batched(array: np.ndarray) -> np.ndarray:
    """Flatten the leading axes: [..., y, x] to [B, y, x]."""
    count = int(np.prod(array.shape[:-2], dtype=np.int64))
    return array.reshape(count, *array.shape[-2:])
