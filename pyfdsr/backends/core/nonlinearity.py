"""Pointwise nonlinearities by the compiled core."""

from __future__ import annotations

import torch
from torch import Tensor

from pyfdsr import _core

from .arrays import array_of, threads

__all__ = ["nonlinearity", "nonlinearity_adjoint"]


def nonlinearity(x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]) -> Tensor:
    """Multiply by f(|x|²); see :func:`pyfdsr.backends.by_torch.nonlinearity`."""
    return torch.from_numpy(
        _core.nonlinearity_forward(kind, array_of(x), array_of(parameters), list(callbacks), threads())
    )


def nonlinearity_adjoint(
    v: Tensor, x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]
) -> tuple[Tensor, Tensor]:
    """Return the cotangents of field and parameters."""
    v_x, v_parameters = _core.nonlinearity_adjoint(
        kind, array_of(v), array_of(x), array_of(parameters), list(callbacks), threads()
    )
    return torch.from_numpy(v_x), torch.from_numpy(v_parameters)
