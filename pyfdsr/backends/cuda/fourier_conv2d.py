"""The convolution and its adjoints: tiles by the kernels, products by torch, larger ones by torch.fft."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

from torch import Tensor

from ..by_torch import correlation
from ..by_torch.correlation import Correlation, TileTransforms
from ..by_torch.fourier_conv2d import convolve, convolve_adjoint_input, convolve_adjoint_weight
from ..by_torch.precision import in_own_precision
from ..by_torch.tile_transforms import Axes, Axis
from . import tile_transforms
from .native import native, serves

__all__ = [
    "axes_of",
    "fourier_conv2d",
    "fourier_conv2d_adjoint_input",
    "fourier_conv2d_adjoint_weight",
    "fourier_conv2d_adjoints",
]

_MOVED = 240
"""Operations in the time of a sample's ways through memory: about 12 bytes, 20 operations a byte."""


def _axes(size: int, extent: int, algorithm: str, lengths: tuple[int, ...]) -> list[Axis]:
    """Return the ways to cut an axis: whole, or into tiles at least half of whose samples give results."""
    results = size - extent + 1
    whole = [Axis(n, results, 1) for n in lengths if n >= size][:1]
    steps = {n: n - extent + 1 for n in lengths if n < size and n - extent + 1 >= n // 2}
    cut = [Axis(n, step, -(-results // step)) for n, step in steps.items()]
    return {"fourier": whole, "tiled": cut or whole, "auto": whole + cut}[algorithm]


def _cost(case: Correlation, axes: Axes) -> float:
    """Estimate operations for an image: samples times transforms, memory, products; and for the kernels."""
    samples = axes.y.length * axes.x.length
    tiles = axes.y.count * axes.x.count
    pairs = case.inputs * case.outputs // case.groups
    transform = _MOVED + 2.5 * math.log2(samples)
    return samples * (tiles * ((case.inputs + case.outputs) * transform + 4 * pairs) + pairs * transform)


@lru_cache(maxsize=4096)
def axes_of(case: Correlation, algorithm: str, least: int, most: int) -> Axes | None:
    """Choose the tiles of least estimated cost, of powers of two from `least` to `most` samples an axis.

    Returns
    -------
    Axes or None
        None where the kernels have no transforms for an axis: whole maps that are larger
        (``algorithm="fourier"``), or kernels of more than half of the largest tile.
    """
    lengths = tuple(1 << i for i in range(least.bit_length() - 1, most.bit_length()))
    ways = [_axes(n, e, algorithm, lengths) for n, e in zip(case.size, case.extent, strict=True)]
    return min((Axes(*axes) for axes in product(*ways)), key=lambda axes: _cost(case, axes), default=None)


def _choose(case: Correlation, algorithm: str, like: Tensor) -> tuple[TileTransforms, Axes]:
    module = native()
    found = axes_of(case, algorithm, module.least_tile, module.most_tile) if serves(like.device) else None
    return correlation.choose(case, algorithm, like) if found is None else (tile_transforms, found)


@in_own_precision
def fourier_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, settings: list[int], algorithm: str, keep: int
) -> Tensor:
    """Convolve; see :func:`pyfdsr.backends.by_torch.fourier_conv2d`."""
    return convolve(x, weight, bias, settings, algorithm, _choose)


@in_own_precision
def fourier_conv2d_adjoint_input(v: Tensor, weight: Tensor, settings: list[int], algorithm: str) -> Tensor:
    """Return the input's cotangent; see :func:`pyfdsr.backends.by_torch.fourier_conv2d_adjoint_input`."""
    return convolve_adjoint_input(v, weight, settings, algorithm, _choose)


@in_own_precision
def fourier_conv2d_adjoint_weight(v: Tensor, x: Tensor, settings: list[int], algorithm: str) -> Tensor:
    """Return the weight's cotangent; see :func:`pyfdsr.backends.by_torch.fourier_conv2d_adjoint_weight`."""
    return convolve_adjoint_weight(v, x, settings, algorithm, _choose)


def fourier_conv2d_adjoints(
    v: Tensor, x: Tensor, weight: Tensor, settings: list[int], algorithm: str
) -> tuple[Tensor, Tensor]:
    """Return both cotangents; see :func:`pyfdsr.backends.by_torch.fourier_conv2d_adjoints`."""
    return (
        fourier_conv2d_adjoint_input(v, weight, settings, algorithm),
        fourier_conv2d_adjoint_weight(v, x, settings, algorithm),
    )
