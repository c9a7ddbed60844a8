"""Who computes: the compiled core for CPU tensors, CUDA kernels where built, torch elsewhere.

Backends are modules of raw maps (:class:`Backend`), which :mod:`pyfdsr.autograd` makes differentiable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor

from . import by_torch, core, cuda
from .geometry import CallbackAddresses, Geometry, is_double
from .interface import Backend, StackPlan

__all__ = [
    "Backend",
    "CallbackAddresses",
    "Geometry",
    "StackPlan",
    "backend_for",
    "backend_of",
    "forced",
    "is_double",
]

_NAMED: dict[str, Any] = {"core": core, "torch": by_torch, "cuda": cuda}
_BY_DEVICE: dict[str, Any] = {"cpu": core, **({"cuda": cuda} if cuda.is_built() else {})}
_FORCED: ContextVar[Any] = ContextVar("pyfdsr_backend", default=None)


def backend_for(device: str) -> Backend:
    """Return the backend that serves a type of device when none is forced, as in compiled graphs."""
    return _BY_DEVICE.get(device, by_torch)


def backend_of(tensor: Tensor) -> Backend:
    """Return the backend that computes on a tensor now."""
    return _FORCED.get() or _BY_DEVICE.get(tensor.device.type, by_torch)


@contextmanager
def forced(name: str) -> Iterator[None]:
    """Let one backend compute every eager call of this thread, as ``"torch"`` can on CPU tensors, too.

    Parameters
    ----------
    name : {"core", "torch", "cuda"}

    Raises
    ------
    ValueError
        If there is no backend of this name, or the package was built without it.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr import backends
    >>> from pyfdsr.functional import kerr
    >>> with backends.forced("torch"):
    ...     field = kerr(torch.tensor([1.0 + 0.0j]), strength=torch.pi / 2)
    >>> torch.allclose(field, torch.tensor([0.0 + 1.0j]), atol=1e-6)
    True
    """
    if name not in _NAMED:
        raise ValueError(f"name={name!r}: must be one of {', '.join(map(repr, _NAMED))}")
    if name == "cuda" and not cuda.is_built():
        raise ValueError("name='cuda': the package was built without CUDA (-DPYFDSR_CUDA=ON builds it)")
    token = _FORCED.set(_NAMED[name])
    try:
        yield
    finally:
        _FORCED.reset(token)
