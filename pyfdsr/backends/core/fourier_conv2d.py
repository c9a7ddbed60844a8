"""The convolution and its two adjoints by the compiled core."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyfdsr import _plans
from pyfdsr._convolution import CHANGING, PADDING_MODES

from ..geometry import is_double
from .arrays import array_of, threads

__all__ = [
    "fourier_conv2d",
    "fourier_conv2d_adjoint_input",
    "fourier_conv2d_adjoint_weight",
    "fourier_conv2d_adjoints",
]


def _plan(
    channels: tuple[int, int], settings: list[int], double: bool, algorithm: str, trained: bool = True
) -> Any:
    ky, kx, sy, sx, top, bottom, left, right, dy, dx, groups, height, width, mode = map(int, settings)
    sizes = (ky, kx), (height, width), (sy, sx), (top, bottom, left, right), (dy, dx), groups
    return _plans.fourier_conv2d_plan(*channels, *sizes, PADDING_MODES[mode], double, algorithm, trained)


def _map_of(tensor: Tensor) -> Any:
    # Any strides will do; only lazy negation has to be carried out.
    tensor = tensor.detach()
    return (tensor.resolve_neg() if tensor.is_neg() else tensor).numpy()


def _channels_last(tensor: Tensor) -> bool:
    return not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)


def fourier_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, settings: list[int], algorithm: str, keep: int
) -> Tensor:
    """Convolve; see :func:`pyfdsr.backends.by_torch.fourier_conv2d`, and the numbers of autograd's `keep`."""
    plan = _plan((x.shape[1], weight.shape[0]), settings, is_double(x), algorithm, keep == CHANGING)
    added = None if bias is None else array_of(bias)
    return torch.from_numpy(
        plan.forward(_map_of(x), array_of(weight), added, threads(), _channels_last(x), keep)
    )


def fourier_conv2d_adjoint_input(v: Tensor, weight: Tensor, settings: list[int], algorithm: str) -> Tensor:
    """Return the cotangent of the input."""
    plan = _plan((weight.shape[1] * settings[10], weight.shape[0]), settings, is_double(v), algorithm)
    return torch.from_numpy(plan.adjoint_input(_map_of(v), array_of(weight), threads(), _channels_last(v)))


def fourier_conv2d_adjoint_weight(v: Tensor, x: Tensor, settings: list[int], algorithm: str) -> Tensor:
    """Return the cotangent of the weight."""
    plan = _plan((x.shape[1], v.shape[1]), settings, is_double(v), algorithm)
    return torch.from_numpy(plan.adjoint_weight(_map_of(v), _map_of(x), threads()))


def fourier_conv2d_adjoints(
    v: Tensor, x: Tensor, weight: Tensor, settings: list[int], algorithm: str
) -> tuple[Tensor, Tensor]:
    """Return both cotangents, of input and weight, which share work."""
    plan = _plan((x.shape[1], weight.shape[0]), settings, is_double(v), algorithm)
    found = plan.adjoints(_map_of(v), _map_of(x), array_of(weight), threads(), _channels_last(v))
    return torch.from_numpy(found[0]), torch.from_numpy(found[1])
