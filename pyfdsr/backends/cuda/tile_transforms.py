"""Transforms of a convolution's tiles by the kernels, one launch each, from and to maps as they lie."""

from __future__ import annotations

import torch
from torch import Tensor

from pyfdsr._convolution import PADDING_MODES

from ..by_torch.precision import COMPLEX_OF
from ..by_torch.tile_transforms import Axes
from ..by_torch.wide_map import WideMap
from ..geometry import is_double
from .native import address, dense, launch, native

__all__ = ["kernel_spectra", "kernels", "results", "spectra"]

_AxisNumbers = tuple[int, int, int, int, int, int, int, int]
"""Samples of a tile, step, tiles, samples used, samples of the wide map, of these before the first given,
spacing of the given samples, their number."""


def _transformed(
    samples: Tensor,
    axes: tuple[_AxisNumbers, _AxisNumbers],
    mode: str,
    extents: tuple[int, int, int],
    strides: tuple[int, ...],
    tiles: int,
    conjugate: bool,
) -> Tensor:
    frequencies = axes[0][0] * (axes[1][0] // 2 + 1)
    groups, images, channels = extents
    found = samples.new_empty(
        (frequencies, groups, images * tiles, channels), dtype=COMPLEX_OF[samples.dtype]
    )
    launch(
        native().tile_spectra_64 if is_double(samples) else native().tile_spectra_32,
        samples.device,
        y=axes[0],
        x=axes[1],
        mode=PADDING_MODES.index(mode),
        extents=extents,
        strides=strides,
        conjugate=conjugate,
        samples=address(samples),
        spectra=address(found),
    )
    return found


def spectra(x: WideMap, axes: Axes, used: tuple[int, int], groups: int) -> Tensor:
    """Transform tiles of maps, which may have any strides; see `by_torch.tile_transforms.spectra`."""
    samples = x.samples.detach().resolve_neg()
    batch, channels = samples.shape[:2]
    to_image, to_channel, to_row, to_column = samples.stride()
    cuts = [
        (*axis, n, wide, before, spacing, size)
        for axis, n, wide, before, spacing, size in zip(
            axes, used, x.size, x.padding[::2], x.spacing, samples.shape[2:], strict=True
        )
    ]
    of_group = channels // groups
    strides = (of_group * to_channel, to_image, to_channel, to_row, to_column)
    tiles = axes.y.count * axes.x.count
    return _transformed(samples, (cuts[0], cuts[1]), x.mode, (groups, batch, of_group), strides, tiles, False)


def kernel_spectra(weight: Tensor, lengths: tuple[int, int], groups: int) -> Tensor:
    """Transform kernels; see `by_torch.tile_transforms.kernel_spectra`."""
    weight = weight.detach().resolve_neg()
    outputs, inputs, *extent = weight.shape
    to_output, to_input, to_row, to_column = weight.stride()
    cuts = [(length, e, 1, e, e, 0, 1, e) for length, e in zip(lengths, extent, strict=True)]
    of_group = outputs // groups
    strides = (of_group * to_output, to_input, to_output, to_row, to_column)
    return _transformed(weight, (cuts[0], cuts[1]), "zeros", (groups, inputs, of_group), strides, 1, True)


def _put_back(
    products: Tensor,
    axes: tuple[_AxisNumbers, _AxisNumbers],
    extents: tuple[int, int, int],
    strides: tuple[int, ...],
    bias: Tensor | None,
    out: Tensor,
) -> Tensor:
    products, bias = dense(products), None if bias is None else dense(bias)
    launch(
        native().tile_results_64 if is_double(out) else native().tile_results_32,
        out.device,
        y=axes[0],
        x=axes[1],
        extents=extents,
        strides=strides,
        spectra=address(products),
        bias=address(bias),
        samples=address(out),
    )
    return out


def results(
    products: Tensor,
    axes: Axes,
    batch: int,
    size: tuple[int, int],
    stride: tuple[int, int],
    bias: Tensor | None,
    channels_last: bool,
) -> Tensor:
    """Transform products back to maps; see `by_torch.tile_transforms.results`."""
    groups, of_group = products.shape[1], products.shape[3]
    kept = [-(-n // s) for n, s in zip(size, stride, strict=True)]
    out = torch.empty(
        (batch, groups * of_group, *kept),
        dtype=products.real.dtype,
        device=products.device,
        memory_format=torch.channels_last if channels_last else torch.contiguous_format,
    )
    to_image, to_channel, to_row, to_column = out.stride()
    cuts = [(*axis, axis.step, n, 0, s, o) for axis, n, s, o in zip(axes, size, stride, kept, strict=True)]
    strides = (of_group * to_channel, to_image, to_channel, to_row, to_column)
    return _put_back(products, (cuts[0], cuts[1]), (groups, batch, of_group), strides, bias, out)


def kernels(
    products: Tensor, lengths: tuple[int, int], extent: tuple[int, int], dilation: tuple[int, int]
) -> Tensor:
    """Transform products back to kernels; see `by_torch.tile_transforms.kernels`."""
    _, groups, of_group, inputs = products.shape
    taps = [-(-e // d) for e, d in zip(extent, dilation, strict=True)]
    out = products.new_empty((groups * of_group, inputs, *taps), dtype=products.real.dtype)
    to_output, to_input, to_row, to_column = out.stride()
    cuts = [
        (length, e, 1, e, e, 0, d, k) for length, e, d, k in zip(lengths, extent, dilation, taps, strict=True)
    ]
    strides = (of_group * to_output, to_output, to_input, to_row, to_column)
    return _put_back(products, (cuts[0], cuts[1]), (groups, of_group, inputs), strides, None, out)
