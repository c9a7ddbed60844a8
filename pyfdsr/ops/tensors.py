"""Tensors on the way into a backend: precision, kind and layout; the rules of :mod:`pyfdsr.ops.arrays`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyfdsr import backends

from .arrays import window_of

__all__ = ["any_tensor", "complex_tensor", "field_tensor", "flat", "is_double", "real_tensor", "window_sizes"]


def is_double(*values: Any) -> bool:
    """Whether any tensor holds more than single precision."""
    return any(isinstance(value, Tensor) and backends.is_double(value) for value in values)


def any_tensor(name: str, value: Any) -> Tensor:
    """Return `value`, which has to be a tensor of any kind."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} is a {type(value).__name__}: must be in the memory of the other arrays' device"
        )
    return value


def _floating(name: str, value: Any, allowed: bool, rule: str) -> Tensor:
    if not allowed:
        dtype = str(any_tensor(name, value).dtype).removeprefix("torch.")
        raise TypeError(f"{name} has dtype {dtype}: must be {rule}")
    return value


def complex_tensor(name: str, value: Any, double: bool) -> Tensor:
    """Return `value` as a contiguous complex tensor, copied only where kind or layout need it."""
    allowed = isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())
    value = _floating(name, value, allowed, "a real floating or complex type")
    return value.to(torch.complex128 if double else torch.complex64).contiguous()


def real_tensor(name: str, value: Any, double: bool) -> Tensor:
    """Return `value` as a contiguous real tensor."""
    allowed = isinstance(value, Tensor) and value.is_floating_point()
    value = _floating(name, value, allowed, "real floating")
    return value.to(torch.float64 if double else torch.float32).contiguous()


def field_tensor(name: str, value: Any, double: bool) -> Tensor:
    """Return a complex field, or a real one if it was."""
    real = isinstance(value, Tensor) and value.is_floating_point()
    return (real_tensor if real else complex_tensor)(name, value, double)


def window_sizes(name: str, value: Tensor) -> tuple[int, int]:
    """Return the last two sizes of a tensor of fields."""
    height, width = window_of(name, value)
    return int(height), int(width)


def flat(value: Tensor) -> Tensor:
    """Flatten the leading axes: [..., y, x] to [B, y, x]."""
    return value.reshape(value.shape[:-2].numel(), *value.shape[-2:])
