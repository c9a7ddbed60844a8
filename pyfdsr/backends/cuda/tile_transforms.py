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

__all__ = ["depthwise", "kernel_spectra", "kernels", "results", "spectra"]

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


def _strides(maps: Tensor, of_group: int) -> tuple[int, ...]:
    """Strides of groups, images, channels, rows and columns of maps [B, C, H, W]."""
    to_image, to_channel, to_row, to_column = maps.stride()
    return of_group * to_channel, to_image, to_channel, to_row, to_column


def _cuts(x: WideMap, axes: Axes, used: tuple[int, int]) -> tuple[_AxisNumbers, _AxisNumbers]:
    (top, _, left, _), (h, w) = x.padding, x.samples.shape[2:]
    return (
        (*axes.y, used[0], x.size[0], top, x.spacing[0], h),
        (*axes.x, used[1], x.size[1], left, x.spacing[1], w),
    )


def spectra(x: WideMap, axes: Axes, used: tuple[int, int], groups: int) -> Tensor:
    """Transform tiles of maps, which may have any strides; see `by_torch.tile_transforms.spectra`."""
    samples = x.samples.resolve_neg()
    batch, channels = samples.shape[:2]
    of_group = channels // groups
    return _transformed(
        samples,
        _cuts(x, axes, used),
        x.mode,
        (groups, batch, of_group),
        _strides(samples, of_group),
        axes.y.count * axes.x.count,
        False,
    )


def kernel_spectra(weight: Tensor, lengths: tuple[int, int], groups: int) -> Tensor:
    """Transform kernels; see `by_torch.tile_transforms.kernel_spectra`."""
    weight = weight.resolve_neg()
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


def _room_for_results(
    like: Tensor,
    channels: int,
    axes: Axes,
    batch: int,
    size: tuple[int, int],
    stride: tuple[int, int],
    channels_last: bool,
) -> tuple[Tensor, tuple[_AxisNumbers, _AxisNumbers]]:
    """Memory for every `stride`-th of all results, and how tiles lie in it."""
    out = torch.empty(
        (batch, channels, -(-size[0] // stride[0]), -(-size[1] // stride[1])),
        dtype=like.real.dtype,
        device=like.device,
        memory_format=torch.channels_last if channels_last else torch.contiguous_format,
    )
    y, x = (
        (*axis, axis.step, n, 0, s, kept)
        for axis, n, s, kept in zip(axes, size, stride, out.shape[2:], strict=True)
    )
    return out, (y, x)


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
    out, cuts = _room_for_results(products, groups * of_group, axes, batch, size, stride, channels_last)
    return _put_back(products, cuts, (groups, batch, of_group), _strides(out, of_group), bias, out)


def depthwise(
    x: WideMap,
    kernels: Tensor,
    axes: Axes,
    size: tuple[int, int],
    stride: tuple[int, int],
    bias: Tensor | None,
    channels_last: bool,
) -> Tensor:
    """Transform, multiply and transform back in one launch; see `by_torch.tile_transforms.depthwise`."""
    samples, bias = x.samples.resolve_neg(), None if bias is None else dense(bias)
    batch, channels = samples.shape[:2]
    out, out_cuts = _room_for_results(samples, channels, axes, batch, size, stride, channels_last)
    cuts = _cuts(x, axes, axes.lengths)
    launch(
        native().depthwise_tiles_64 if is_double(out) else native().depthwise_tiles_32,
        out.device,
        y=cuts[0],
        x=cuts[1],
        mode=PADDING_MODES.index(x.mode),
        extents=(1, batch, channels),
        strides=_strides(samples, channels),
        samples=address(samples),
        kernels=address(kernels),
        out_y=out_cuts[0],
        out_x=out_cuts[1],
        out_strides=_strides(out, channels),
        bias=address(bias),
        results=address(out),
    )
    return out


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
