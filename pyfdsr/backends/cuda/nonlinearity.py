"""Nonlinearities by the kernels, one launch; responses of the user's own are left to torch's way."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import by_torch
from ..by_torch.precision import in_own_precision
from ..geometry import is_double
from .native import address, dense, launch, native, parameters_on, scratch, serves

__all__ = ["nonlinearity", "nonlinearity_adjoint"]


@in_own_precision
def nonlinearity(x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]) -> Tensor:
    """Multiply by f(|x|²); see :func:`pyfdsr.backends.by_torch.nonlinearity`."""
    if kind == "custom" or not serves(x.device):
        return by_torch.nonlinearity(x, parameters, kind, callbacks)
    x, numbers = dense(x), parameters_on(parameters, x.device)
    y = torch.empty_like(x)
    call = native().nonlinearity_64 if is_double(x) else native().nonlinearity_32
    launch(
        call,
        x.device,
        kind=kind,
        parameters=address(numbers),
        count=x.numel(),
        x=address(x),
        y=address(y),
    )
    return y


@in_own_precision
def nonlinearity_adjoint(
    v: Tensor, x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]
) -> tuple[Tensor, Tensor]:
    """Return the cotangents; see :func:`pyfdsr.backends.by_torch.nonlinearity_adjoint`."""
    if kind == "custom" or not serves(x.device):
        return by_torch.nonlinearity_adjoint(v, x, parameters, kind, callbacks)
    v, x, numbers = dense(v), dense(x), parameters_on(parameters, x.device)
    v_x = torch.empty_like(x)
    # Plain numbers, which lie elsewhere, have no gradient; to fetch one would make the host wait.
    learn = parameters.device == x.device
    v_parameters = numbers.new_zeros(4) if learn else None
    workspace = scratch(native().nonlinearity_workspace if learn else 0, x.device)
    call = native().nonlinearity_adjoint_64 if is_double(x) else native().nonlinearity_adjoint_32
    launch(
        call,
        x.device,
        workspace=address(workspace),
        kind=kind,
        parameters=address(numbers),
        count=x.numel(),
        v=address(v),
        x=address(x),
        v_x=address(v_x),
        v_parameters=address(v_parameters),
    )
    return v_x, torch.zeros_like(parameters) if v_parameters is None else v_parameters.to(parameters)
