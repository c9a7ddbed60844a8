"""The windowed DFT, its inverse and their adjoints: four linear maps, each the derivative of another."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from pyfdsr.backends import Geometry, backend_of

from .bridge import eager_forward, traced_operator

__all__ = ["WindowedDft", "windowed_dft"]

_ADJOINT = {
    "forward": "adjoint",
    "adjoint": "forward",
    "inverse": "inverse_adjoint",
    "inverse_adjoint": "inverse",
}


def _transform(
    x: Tensor, kind: str, window: list[int], band: list[int], grid: list[float], centred: bool
) -> Tensor:
    return backend_of(x).windowed_dft(x, kind, Geometry(window, band, grid, centred))


def _fake_transform(
    x: Tensor, kind: str, window: list[int], band: list[int], grid: list[float], centred: bool
) -> Tensor:
    return x.new_empty((*x.shape[:-2], *(band if kind in ("forward", "inverse_adjoint") else window)))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.kind, *ctx.geometry = inputs[1:]


def _backward(ctx: Any, v: Tensor, transform: Any = None) -> tuple[Any, ...]:
    return (
        (transform or WindowedDft.apply)(v, _ADJOINT[ctx.kind], *ctx.geometry),
        None,
        None,
        None,
        None,
        None,
    )


class WindowedDft(Function):
    """``apply(x, kind, window, band, grid, centred)``; linear, so that it differentiates any number of times.

    `kind` is ``forward`` or ``inverse_adjoint`` ([..., Sy, Sx] to [..., My, Mx]) or ``inverse`` or
    ``adjoint`` ([..., My, Mx] to [..., Sy, Sx]); `x` is complex64 or complex128.
    """

    forward = eager_forward(_transform, _setup_context)
    backward = staticmethod(_backward)


_traced = traced_operator(
    "windowed_dft", _transform, _fake_transform, _setup_context, _backward, transform=None
)


def windowed_dft(x: Tensor, kind: str, geometry: Geometry) -> Tensor:
    """Apply one of the four maps, eagerly or inside a traced graph."""
    if torch.compiler.is_compiling():
        window, band, grid, centred = geometry
        return _traced(x, kind, list(window), list(band), list(grid), centred)
    return WindowedDft.apply(x, kind, *geometry)
