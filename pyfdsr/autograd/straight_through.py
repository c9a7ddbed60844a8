"""The straight-through gradient of the emulated convolution: at the values that the first DACs wrote.

The DACs write every tile of a map by itself, less its mean where that is electronic, and with the full scale
of each frame where that is its largest value; an element under several tiles is written several times. So the
gradient is taken tile by tile, unless the written values are the same in all tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pyfdsr._convolution import Convolution
from pyfdsr.chip.config import ChipConfig

__all__ = ["straight_through_adjoints"]

_MOST_ELEMENTS = 2**20
"""Elements of the tiles that are held at once; at least those of one image."""

Adjoints = Callable[
    [Tensor, Tensor, Tensor, Convolution, tuple[bool, bool]], tuple[Tensor | None, Tensor | None]
]


def written(values: Tensor, bound: Tensor | float, config: ChipConfig) -> Tensor:
    """Return real values as DACs with this full scale write them, all slices of a value together.

    Parameters
    ----------
    values : Tensor
    bound : Tensor or float
        Full scales, 0 or greater, broadcast; 0 where the values are.
    config : ChipConfig
    """
    bits, encoding, slicing = config.dac.bits, config.dac.encoding, config.precision.slicing
    most = 2 ** (bits - 1) - 1
    if slicing == "binary":
        most = 2 ** ((bits - 1) * config.slices) - 1
    elif slicing == "thermometer":
        most *= config.slices
    elif encoding == "polar":  # of an amplitude, without a sign
        most *= 2
    # A frame of zeros alone has a full scale of 0.
    drive = values / (bound if isinstance(bound, float) else bound.masked_fill(bound == 0, 1.0))
    drive.clamp_(-1, 1)
    if encoding == "mzi" and config.dac.linearise:
        drive.asin_().mul_(2 / math.pi)
    drive.mul_(most).round_()
    if encoding == "mzi":
        drive.mul_(math.pi / 2 / most).sin_()
        return drive.mul_(bound)
    return drive.mul_(bound / most)


def _bounds(tiles: Tensor, bound: float, frame: tuple[int, int]) -> Tensor | float:
    """Full scales of tiles [N, C, ny, nx]: `bound`, or if that is 0 the largest value of each frame."""
    if bound > 0:
        return bound
    (ny, nx), (fy, fx) = tiles.shape[2:], frame
    # The first pass takes every (n / frame)-th element of an axis into a frame.
    frames = tiles.abs().reshape(*tiles.shape[:2], fy, ny // fy, fx, nx // fx)
    return frames.amax((2, 4), keepdim=True).expand_as(frames).reshape(tiles.shape)


def _by_tiles(
    v: Tensor, x: Tensor, weight: Tensor, e: Any, wanted: tuple[bool, bool], adjoints: Adjoints
) -> tuple[Tensor | None, Tensor | None]:
    convolution, config = e.convolution, e.config
    top, _, left, _ = convolution.padding
    passes = len(e.scales) // 2
    side = [n**passes for n in config.frame]
    valid = [n - k + 1 for n, k in zip(side, convolution.extent, strict=True)]
    dense = [
        size + sum(pads) - k + 1
        for size, pads, k in zip(x.shape[2:], (convolution.padding[:2], convolution.padding[2:]),
                                 convolution.extent, strict=True)
    ]  # fmt: skip
    count = [-(-d // n) for d, n in zip(dense, valid, strict=True)]
    whole = [c * n + k - 1 for c, n, k in zip(count, valid, convolution.extent, strict=True)]
    spread = v.new_zeros(*v.shape[:2], *(c * n for c, n in zip(count, valid, strict=True)))
    step_y, step_x = convolution.stride
    spread[:, :, : dense[0] : step_y, : dense[1] : step_x] = v
    pads = (left, whole[1] - left - x.shape[3], top, whole[0] - top - x.shape[2])
    tiles = F.pad(x, pads).unfold(2, side[0], valid[0]).unfold(3, side[1], valid[1])
    tiles = tiles.permute(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1], *side)
    mean = tiles.mean((2, 3), keepdim=True) if config.dc == "electronic" else tiles.new_zeros(())
    centred = tiles - mean  # tiles may be the input itself
    bounds = _bounds(centred, e.scales[0][0], config.frame)
    cotangents = spread.unfold(2, valid[0], valid[0]).unfold(3, valid[1], valid[1])
    cotangents = cotangents.permute(0, 2, 3, 1, 4, 5).reshape(-1, v.shape[1], *valid)
    inner = Convolution(convolution.kernel, (1, 1), (0, 0, 0, 0), convolution.dilation, convolution.groups)
    v_tiles, v_w = adjoints(cotangents, written(centred, bounds, config).add_(mean), weight, inner, wanted)
    if v_tiles is None:
        return None, v_w
    v_tiles.mul_(centred.abs_() <= bounds)
    columns = v_tiles.reshape(len(x), count[0] * count[1], -1).transpose(1, 2)
    v_x = F.fold(columns, whole, side, stride=valid)
    return v_x[:, :, top : top + x.shape[2], left : left + x.shape[3]], v_w


def straight_through_adjoints(
    v: Tensor, x: Tensor, weight: Tensor, e: Any, wanted: tuple[bool, bool], adjoints: Adjoints
) -> tuple[Tensor | None, Tensor | None]:
    """Cotangents of input and weight at the written values; the input's are zero where a value was clipped.

    Parameters
    ----------
    v, x, weight : Tensor
        Cotangent of the result, input, kernels.
    e : Emulation
    wanted : (bool, bool)
    adjoints : callable
        Those of the exact convolution.
    """
    bound = e.scales[0][0]
    if e.config.dac.bits == 0 or not len(x):
        return adjoints(v, x, weight, e.convolution, wanted)
    if bound > 0 and e.config.dc == "optical":
        v_x, v_w = adjoints(v, written(x, bound, e.config), weight, e.convolution, wanted)
        return None if v_x is None else v_x * (x.abs() <= bound), v_w
    passes, (ky, kx) = len(e.scales) // 2, e.convolution.extent
    ny, nx = (n**passes for n in e.config.frame)
    # An element is under so many tiles.
    copies = -(-ny // (ny - ky + 1)) * -(-nx // (nx - kx + 1))
    images = max(1, _MOST_ELEMENTS // max(1, x[0].numel() * copies))
    parts = [
        _by_tiles(*pair, weight, e, wanted, adjoints)
        for pair in zip(v.split(images), x.split(images), strict=True)
    ]
    v_x = torch.cat([part[0] for part in parts]) if wanted[0] else None
    v_w = torch.stack([part[1] for part in parts]).sum(0) if wanted[1] else None
    return v_x, v_w
