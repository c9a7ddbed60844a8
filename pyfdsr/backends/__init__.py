"""Who computes: the compiled core.

Backends are modules of raw maps (:class:`Backend`), which :mod:`pyfdsr.autograd` makes differentiable.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from . import core
from .geometry import CallbackAddresses, Geometry, is_double
from .interface import Backend, StackPlan

__all__ = [
    "Backend",
    "CallbackAddresses",
    "Geometry",
    "StackPlan",
    "backend_for",
    "backend_of",
    "is_double",
]

_BY_DEVICE: dict[str, Any] = {"cpu": core}


def backend_for(device: str) -> Backend:
    """Return the backend that serves a type of device when none is forced, as in compiled graphs."""
    return _BY_DEVICE.get(device, core)


def backend_of(tensor: Tensor) -> Backend:
    """Return the backend that computes on a tensor now."""
    return _BY_DEVICE.get(tensor.device.type, core)
