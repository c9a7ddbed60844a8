"""Transforms of tiles by torch.fft: what :mod:`.correlation` leaves to a backend."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .wide_map import WideMap

__all__ = [
    "Axes",
    "Axis",
    "axis_of",
    "depthwise",
    "good_size",
    "kernel_spectra",
    "kernels",
    "laid_out",
    "results",
    "spectra",
]

_SHORTEST_TILE = 32
_EXTENTS_A_TILE = 4
"""A tile is so many kernels long: of its samples, a quarter is computed twice along an axis."""


class Axis(NamedTuple):
    """How one axis is cut: samples of a transform, results of each, number of tiles."""

    length: int
    step: int
    count: int


class Axes(NamedTuple):
    """How both axes are cut."""

    y: Axis
    x: Axis

    @property
    def lengths(self) -> tuple[int, int]:
        """Samples of a transform."""
        return self.y.length, self.x.length

    @property
    def steps(self) -> tuple[int, int]:
        """Results of a tile."""
        return self.y.step, self.x.step


def good_size(least: int) -> int:
    """Return the smallest even number of at least this size without prime factors above 5.

    Examples
    --------
    >>> [good_size(n) for n in (1, 7, 13, 97)]
    [2, 8, 16, 100]
    """
    size = max(2, least + least % 2)
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 2


def axis_of(size: int, extent: int, algorithm: str) -> Axis:
    """Choose the tiles of one axis.

    ``"fourier"`` transforms all of it, ``"tiled"`` cuts it as soon as that makes more than one tile,
    ``"auto"`` where it is as long as two tiles.
    """
    results = size - extent + 1
    tile = good_size(max(_SHORTEST_TILE, _EXTENTS_A_TILE * extent))
    cut = algorithm == "tiled" and tile < size or algorithm == "auto" and 2 * tile <= size
    length = tile if cut else good_size(size)
    step = length - extent + 1 if cut else results
    return Axis(length, step, -(-results // step))


def _tiles(x: Tensor, axes: Axes, used: tuple[int, int]) -> Tensor:
    """Tiles [B, C, ny, nx, used y, used x] of maps [B, C, H, W], zeros behind their ends."""
    needed = [axis.step * (axis.count - 1) + n for axis, n in zip(axes, used, strict=True)]
    more = [n - size for n, size in zip(needed, x.shape[-2:], strict=True)]
    x = F.pad(x, (0, max(0, more[1]), 0, max(0, more[0])))[..., : needed[0], : needed[1]]
    return x.unfold(2, used[0], axes.y.step).unfold(3, used[1], axes.x.step)


def spectra(x: WideMap, axes: Axes, used: tuple[int, int], groups: int) -> Tensor:
    """Spectra [F, G, tiles of all images, channels of a group] of the first samples `used` of every tile."""
    tiles = _tiles(x.tensor(), axes, used)
    batch, channels, ny, nx = tiles.shape[:4]
    f = torch.fft.rfft2(tiles, s=axes.lengths)
    f = f.reshape(batch, groups, channels // groups, ny * nx, f.shape[-2] * f.shape[-1])
    return f.permute(4, 1, 0, 3, 2).reshape(f.shape[-1], groups, batch * ny * nx, channels // groups)


def kernel_spectra(weight: Tensor, lengths: tuple[int, int], groups: int) -> Tensor:
    """Conjugate spectra [F, G, inputs of a group, outputs of a group] of kernels [Co, Cg, Ey, Ex]."""
    f = torch.fft.rfft2(weight, s=lengths)
    outputs, inputs = f.shape[:2]
    f = f.reshape(groups, outputs // groups, inputs, f.shape[-2] * f.shape[-1])
    return f.permute(3, 0, 2, 1).conj().resolve_conj()


def results(
    products: Tensor,
    axes: Axes,
    batch: int,
    size: tuple[int, int],
    stride: tuple[int, int],
    bias: Tensor | None,
    channels_last: bool,
) -> Tensor:
    """Results [B, Co, ...] of spectra [F, G, tiles of all images, outputs of a group].

    Of all `size` results along the axes every `stride`-th, and the bias is added.
    """
    groups, outputs = products.shape[1], products.shape[1] * products.shape[3]
    (ny, nx), frequencies = (axes.y.count, axes.x.count), (axes.y.length, axes.x.length // 2 + 1)
    spectrum = products.view(*frequencies, groups, batch, ny, nx, outputs // groups)
    spectrum = spectrum.permute(3, 2, 6, 4, 5, 0, 1).reshape(batch, outputs, ny, nx, *frequencies)
    tiles = torch.fft.irfft2(spectrum, s=axes.lengths)[..., : axes.y.step, : axes.x.step]
    whole = tiles.transpose(3, 4).reshape(batch, outputs, ny * axes.y.step, nx * axes.x.step)
    y = whole[..., : size[0] : stride[0], : size[1] : stride[1]]
    return laid_out(y if bias is None else y + bias[:, None, None], channels_last)


def depthwise(
    x: WideMap,
    kernels: Tensor,
    axes: Axes,
    size: tuple[int, int],
    stride: tuple[int, int],
    bias: Tensor | None,
    channels_last: bool,
) -> Tensor:
    """Results of maps [B, C, ...] and spectra of kernels [F, 1, 1, C], one a channel; see :func:`results`."""
    products = spectra(x, axes, axes.lengths, 1) * kernels
    return results(products, axes, x.samples.shape[0], size, stride, bias, channels_last)


def kernels(
    products: Tensor, lengths: tuple[int, int], extent: tuple[int, int], dilation: tuple[int, int]
) -> Tensor:
    """Kernels [Co, Cg, ky, kx] of spectra [F, G, outputs of a group, inputs of a group]."""
    _, groups, outputs, inputs = products.shape
    spectrum = products.permute(1, 2, 3, 0).reshape(groups * outputs, inputs, lengths[0], lengths[1] // 2 + 1)
    found = torch.fft.irfft2(spectrum, s=lengths)
    return found[..., : extent[0] : dilation[0], : extent[1] : dilation[1]].contiguous()


def laid_out(y: Tensor, channels_last: bool) -> Tensor:
    """Return a tensor in one of the two memory formats."""
    return y.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
