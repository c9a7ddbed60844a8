"""Correlations of every channel with every kernel by torch.fft: of whole maps, or of overlapping tiles.

Along an axis a map of P samples and a kernel of E give D = P - E + 1 results. A circular transform of T >= P
samples gives them all; tiles of T samples give T - E + 1 each (overlap-save).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Axis", "axis_of", "correlate", "correlate_for_kernels", "good_size"]

_SHORTEST_TILE = 32
_EXTENTS_A_TILE = 4
"""A tile is so many kernels long: of its samples, a quarter is computed twice along an axis."""


class Axis(NamedTuple):
    """How one axis is cut: samples of a transform, results of each, number of tiles."""

    length: int
    step: int
    count: int


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


def _tiles(x: Tensor, y: Axis, x_axis: Axis, lengths: tuple[int, int]) -> Tensor:
    """Tiles [B, C, ny, nx, length y, length x] of maps [B, C, H, W], zeros behind their ends."""
    needed = [axis.step * (axis.count - 1) + n for axis, n in zip((y, x_axis), lengths, strict=True)]
    more = [n - size for n, size in zip(needed, x.shape[-2:], strict=True)]
    x = F.pad(x, (0, max(0, more[1]), 0, max(0, more[0])))[..., : needed[0], : needed[1]]
    return x.unfold(2, lengths[0], y.step).unfold(3, lengths[1], x_axis.step)


def _spectra(tiles: Tensor, lengths: tuple[int, int], groups: int) -> Tensor:
    """Spectra [F, G, tiles of all images, channels of a group] of tiles."""
    batch, channels, ny, nx = tiles.shape[:4]
    f = torch.fft.rfft2(tiles, s=lengths)
    f = f.reshape(batch, groups, channels // groups, ny * nx, f.shape[-2] * f.shape[-1])
    return f.permute(4, 1, 0, 3, 2).reshape(f.shape[-1], groups, batch * ny * nx, channels // groups)


def _kernel_spectra(weight: Tensor, lengths: tuple[int, int], groups: int) -> Tensor:
    """Conjugate spectra [F, G, inputs of a group, outputs of a group] of kernels [Co, Cg, Ey, Ex]."""
    f = torch.fft.rfft2(weight, s=lengths)
    outputs, inputs = f.shape[:2]
    f = f.reshape(groups, outputs // groups, inputs, f.shape[-2] * f.shape[-1])
    return f.permute(3, 0, 2, 1).conj().resolve_conj()


def correlate(x: Tensor, weight: Tensor, groups: int, algorithm: str) -> Tensor:
    """Correlate [B, Ci, H, W] with kernels [Co, Ci / groups, Ey, Ex]: [B, Co, H - Ey + 1, W - Ex + 1]."""
    (batch, _, *size), (outputs, _, *extent) = x.shape, weight.shape
    results = [n - e + 1 for n, e in zip(size, extent, strict=True)]
    if not batch:
        return x.new_empty(batch, outputs, *results)
    axes = [axis_of(n, e, algorithm) for n, e in zip(size, extent, strict=True)]
    lengths = (axes[0].length, axes[1].length)
    spectra = _spectra(_tiles(x, *axes, lengths), lengths, groups)
    kernels = _kernel_spectra(weight, lengths, groups)
    if spectra.shape[-1] == 1 == kernels.shape[-1]:  # depthwise
        products = spectra * kernels
    else:
        products = torch.matmul(spectra, kernels)  # [F, G, tiles of all images, outputs of a group]
    ny, nx = axes[0].count, axes[1].count
    frequencies = (lengths[0], lengths[1] // 2 + 1)
    spectrum = products.view(*frequencies, groups, batch, ny, nx, outputs // groups)
    spectrum = spectrum.permute(3, 2, 6, 4, 5, 0, 1).reshape(batch, outputs, ny, nx, *frequencies)
    tiles = torch.fft.irfft2(spectrum, s=lengths)[..., : axes[0].step, : axes[1].step]
    whole = tiles.transpose(3, 4).reshape(batch, outputs, ny * axes[0].step, nx * axes[1].step)
    return whole[..., : results[0], : results[1]]


def correlate_for_kernels(
    v: Tensor, x: Tensor, extent: tuple[int, int], groups: int, algorithm: str
) -> Tensor:
    """Correlate x [B, Ci, H, W] with v [B, Co, H - Ey + 1, W - Ex + 1]: [Co, Ci / groups, Ey, Ex].

    The tiles of `v` do not overlap, those of `x` reach a kernel farther; their products are summed over tiles
    and batch before they are transformed back.
    """
    (batch, inputs, *size), outputs = x.shape, v.shape[1]
    if not batch:
        return x.new_zeros(outputs, inputs // groups, *extent)
    axes = [axis_of(n, e, algorithm) for n, e in zip(size, extent, strict=True)]
    lengths = (axes[0].length, axes[1].length)
    parts = _spectra(_tiles(v, *axes, (axes[0].step, axes[1].step)), lengths, groups)
    spectra = _spectra(_tiles(x, *axes, lengths), lengths, groups)
    products = torch.matmul(parts.mH, spectra)  # [F, G, outputs of a group, inputs of a group]
    spectrum = products.permute(1, 2, 3, 0).reshape(
        outputs, inputs // groups, lengths[0], lengths[1] // 2 + 1
    )
    return torch.fft.irfft2(spectrum, s=lengths)[..., : extent[0], : extent[1]]
