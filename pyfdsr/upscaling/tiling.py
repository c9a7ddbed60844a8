"""Large images by tiles, equal to the whole: each tile brings along all that its result depends on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pyfdsr.functional.sample_numbers import current_sample_offset, sample_offset
from pyfdsr.models import SuperResolutionNetwork

__all__ = ["check_scale", "upscale"]

_LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey value: ITU-R BT.601."""


class _Span(NamedTuple):
    """One axis of a tile, in input pixels: [start, stop) of the result, [first, last) of what it needs."""

    start: int
    stop: int
    first: int
    last: int


def upscale(
    model: SuperResolutionNetwork,
    image: Any,
    tile: int = 256,
    *,
    scale: int | None = None,
    batch: int = 1,
    out: np.ndarray | None = None,
    progress: Callable[[float], None] | None = None,
) -> Any:
    """Enlarge an image tile by tile.

    Tiles are read with a margin of what the network's results depend on, which follows from its layers, and
    the margin's results are dropped. A border of the image stays a border of its tile, so that the network
    pads there, and only there, as it pads the whole image: the result is that of the whole image up to
    rounding.

    On an emulated chip a result depends on all of the frames that contribute to it. Margins then reach to the
    ends of frames and tiles begin where frames do: without noise, and with fixed or frame-wise scales, the
    result is still that of the whole image. Noise is drawn anew for each tile.

    Parameters
    ----------
    model : SuperResolutionCNN or SuperResolutionUNet
        Used in evaluation mode, which is undone. Its device computes, one batch of tiles at a time.
    image : Tensor, [C, H, W] or [B, C, H, W]; or array, [H, W, C]
        A real floating tensor, or an array of uint8 or uint16, whose largest value counts as 1. One channel
        is given to all of the network's, and the luma (ITU-R BT.601) of its three is returned.
    tile : int
        Side of a tile in input pixels, without its margin.
    scale : int, optional
        A divisor of the network's: the mean of the network's pixels in each of the result's. By default the
        network's own.
    batch : int
        Tiles that go through the network together, where they are of one size.
    out : array, [scale · H, scale · W, C], optional
        Where to put the result of an array; may be mapped to a file.
    progress : callable, optional
        Called with the share that is done, 0 to 1.

    Returns
    -------
    Tensor or array
        Of `image`'s kind, dtype and device; integers are clipped and rounded.

    Raises
    ------
    TypeError, ValueError
        For an image, a tile or a scale against the rules above, or tiles with circular padding, for which
        opposite borders depend on each other.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.models import SuperResolutionCNN
    >>> from pyfdsr.upscaling import upscale
    >>> model = SuperResolutionCNN()
    >>> image = torch.rand(3, 50, 40)
    >>> bool((upscale(model, image, tile=16) - model(image)).abs().max() < 1e-5)
    True
    """
    if not isinstance(model, SuperResolutionNetwork):
        raise TypeError(f"model is a {type(model).__name__}: must be a super-resolution network")
    for name, number in (("tile", tile), ("batch", batch)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f"{name}={number!r}: must be an integer of 1 or more")
    factor = check_scale(model, scale)
    _check_image(model, image)
    if isinstance(image, Tensor):
        return _upscale_tensor(model, image, tile, factor, batch, progress)
    height, width, channels = image.shape
    channels = channels if channels != model.in_channels else model.out_channels
    shape = (height * model.scale // factor, width * model.scale // factor, channels)
    if out is None:
        out = np.empty(shape, image.dtype)
    elif out.shape != shape or out.dtype != image.dtype:
        raise ValueError(f"out is {out.dtype} {out.shape}: must be {image.dtype} {shape}")
    white = np.iinfo(image.dtype).max
    like = next(model.parameters())

    def fetch(rows: slice, columns: slice) -> Tensor:
        part = np.ascontiguousarray(np.moveaxis(image[rows, columns], 2, 0)).astype(np.float32)
        return torch.from_numpy(part).to(like).div_(white)

    def store(result: Tensor, rows: slice, columns: slice) -> None:
        levels = result.nan_to_num_(0).clamp_(0, 1).mul_(white).round_()
        out[rows, columns] = levels.permute(1, 2, 0).cpu().numpy().astype(image.dtype)

    _run(model, (height, width), tile, factor, batch, fetch, store, progress or _silent)
    return out


def _upscale_tensor(
    model: SuperResolutionNetwork,
    image: Tensor,
    tile: int,
    factor: int,
    batch: int,
    progress: Callable[[float], None] | None,
) -> Tensor:
    images = image.detach() if image.ndim == 4 else image.detach()[None]
    count, channels, height, width = images.shape
    channels = channels if channels != model.in_channels else model.out_channels
    shape = (count, channels, height * model.scale // factor, width * model.scale // factor)
    out = torch.empty(shape, dtype=image.dtype, device=image.device)
    like = next(model.parameters())
    first = current_sample_offset()
    for index, (source, target) in enumerate(zip(images, out, strict=True)):

        def fetch(rows: slice, columns: slice, source: Tensor = source) -> Tensor:
            return source[:, rows, columns].to(like)

        def store(result: Tensor, rows: slice, columns: slice, target: Tensor = target) -> None:
            target[:, rows, columns] = result

        def report(share: float, index: int = index) -> None:
            (progress or _silent)((index + share) / count)

        tiles = -(-height // tile) * -(-width // tile)
        with sample_offset(first + index * tiles):
            _run(model, (height, width), tile, factor, batch, fetch, store, report)
    return out if image.ndim == 4 else out[0]


def _silent(share: float) -> None:
    pass


def check_scale(model: SuperResolutionNetwork, scale: int | None) -> int:
    """Return how many of the network's pixels make one of the result's, along an axis.

    Raises
    ------
    ValueError
        If `scale` does not divide the network's.
    """
    if scale is None:
        return 1
    whole = isinstance(scale, int) and not isinstance(scale, bool)
    if not whole or scale < 1 or model.scale % scale:
        possible = ", ".join(str(s) for s in range(1, model.scale + 1) if model.scale % s == 0)
        raise ValueError(f"scale={scale!r}: must be one of {possible}, the divisors of the network's scale")
    return model.scale // scale


def _check_image(model: SuperResolutionNetwork, image: Any) -> None:
    if isinstance(image, Tensor):
        if not image.is_floating_point():
            raise TypeError(f"image has dtype {image.dtype}: a tensor must be real floating")
        right = image.ndim in (3, 4)
        channels = image.shape[-3] if right else 0
        sizes = image.shape[-2:]
    elif isinstance(image, np.ndarray):
        if image.dtype not in (np.uint8, np.uint16):
            raise TypeError(f"image has dtype {image.dtype}: an array must be uint8 or uint16")
        right = image.ndim == 3
        channels = image.shape[2] if right else 0
        sizes = image.shape[:2]
    else:
        raise TypeError(f"image is a {type(image).__name__}: must be a tensor or an array")
    grey = model.in_channels == model.out_channels == 3
    if not right or 0 in sizes or (channels != model.in_channels and not (grey and channels == 1)):
        raise ValueError(
            f"image has shape {tuple(image.shape)}: must be a tensor [C, H, W] or [B, C, H, W], or an array "
            f"[H, W, C], with C = {model.in_channels}{' or 1' if grey else ''}"
        )


def _spans(model: SuperResolutionNetwork, length: int, tile: int) -> Iterator[_Span]:
    step = model.alignment
    for start in range(0, length, tile):
        stop = min(length, start + tile)
        first, last = model.input_range(start * model.scale, stop * model.scale)
        yield _Span(start, stop, max(0, first) // step * step, min(length, last))


def _run(
    model: SuperResolutionNetwork,
    size: tuple[int, int],
    tile: int,
    factor: int,
    batch: int,
    fetch: Callable[[slice, slice], Tensor],
    store: Callable[[Tensor, slice, slice], None],
    progress: Callable[[float], None],
) -> None:
    if model.padding_mode == "circular" and max(size) > tile:
        raise ValueError(f"tile={tile}: an image of {size} pixels with circular padding must be one tile")
    columns = list(_spans(model, size[1], tile))
    tiles = [(y, x) for y in _spans(model, size[0], tile) for x in columns]

    def shape(at: tuple[_Span, _Span]) -> tuple[Any, ...]:
        y, x = at
        return y, x.last - x.first

    modes = {module: module.training for module in model.modules()}
    offset, done = current_sample_offset(), 0
    model.eval()
    try:
        with torch.inference_mode():
            for _, alike in itertools.groupby(tiles, shape):
                alike = list(alike)
                for begin in range(0, len(alike), batch):
                    together = alike[begin : begin + batch]
                    parts = [fetch(slice(y.first, y.last), slice(x.first, x.last)) for y, x in together]
                    with sample_offset(offset + done):
                        results = _enlarged(model, torch.stack(parts))
                    for (y, x), result in zip(together, results, strict=True):
                        _store_core(model.scale, factor, y, x, result, store)
                    done += len(together)
                    progress(done / len(tiles))
    finally:
        for module, training in modes.items():
            module.training = training


def _enlarged(model: SuperResolutionNetwork, parts: Tensor) -> Tensor:
    if parts.shape[1] == model.in_channels:
        return model(parts)
    coloured = model(parts.expand(-1, model.in_channels, -1, -1))
    weights = torch.tensor(_LUMA, dtype=coloured.dtype, device=coloured.device)[:, None, None]
    return (coloured * weights).sum(1, keepdim=True)


def _store_core(
    scale: int,
    factor: int,
    y: _Span,
    x: _Span,
    result: Tensor,
    store: Callable[[Tensor, slice, slice], None],
) -> None:
    """Cut the margin off a tile's result, and store it where it belongs."""
    places, kept = [], []
    for span in (y, x):
        kept.append(slice((span.start - span.first) * scale, (span.stop - span.first) * scale))
        places.append(slice(span.start * scale // factor, span.stop * scale // factor))
    core = result[:, kept[0], kept[1]]
    store(F.avg_pool2d(core, factor) if factor > 1 else core, *places)
