"""Overlap-save tiles of a batch of maps, in torch.

Items are tiles of the batch: item = image · tiles + tile, rows of tiles first. Tile (ty, tx) has the valid
outputs [ty · valid, (ty + 1) · valid) of the convolution with stride 1, the dense one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from pyfdsr._convolution import Convolution

__all__ = ["TileGrid"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class TileGrid:
    """Where tiles lie.

    Parameters
    ----------
    convolution : Convolution
        With padding by zeros.
    size, side : (int, int)
        Of the map, and of the transform of a tile.
    """

    convolution: Convolution
    size: Pair
    side: Pair

    @cached_property
    def dense(self) -> Pair:
        """Outputs with stride 1."""
        top, bottom, left, right = self.convolution.padding
        extent = self.convolution.extent
        return self.size[0] + top + bottom - extent[0] + 1, self.size[1] + left + right - extent[1] + 1

    @cached_property
    def valid(self) -> Pair:
        """Outputs of a tile."""
        return tuple(n - e + 1 for n, e in zip(self.side, self.convolution.extent, strict=True))

    @cached_property
    def count(self) -> Pair:
        """Tiles of an image."""
        return tuple(-(-d // v) for d, v in zip(self.dense, self.valid, strict=True))

    @property
    def tiles(self) -> int:
        """Tiles of an image, all."""
        return self.count[0] * self.count[1]

    def _places(self, items: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        tile = items % self.tiles
        image, ty = (
            torch.div(*pair, rounding_mode="floor") for pair in ((items, self.tiles), (tile, self.count[1]))
        )
        return image, ty, tile % self.count[1]

    def inputs(self, x: Tensor, items: Tensor) -> Tensor:
        """Samples under each tile, zeros beyond the map: [B, C, H, W] to [I, C, *side]."""
        top, _, left, _ = self.convolution.padding
        whole = [(c - 1) * v + s for c, v, s in zip(self.count, self.valid, self.side, strict=True)]
        pads = left, whole[1] - left - x.shape[3], top, whole[0] - top - x.shape[2]
        wide = F.pad(x, pads).unfold(2, self.side[0], self.valid[0]).unfold(3, self.side[1], self.valid[1])
        image, ty, tx = self._places(items)
        return wide.permute(0, 2, 3, 1, 4, 5)[image, ty, tx]

    def outside(self, items: Tensor) -> Tensor:
        """Elements under each tile that are none of the map, [I]."""
        _, *tile = self._places(items)
        within = 1
        for t, v, s, n, before in zip(
            tile, self.valid, self.side, self.size, self.convolution.padding[::2], strict=True
        ):
            first = t * v - before
            within = within * ((n - first).clamp(max=s) - (-first).clamp(min=0)).clamp(min=0)
        return self.side[0] * self.side[1] - within

    def used(self, items: Tensor) -> Tensor:
        """Which valid outputs of each tile are outputs of the map, [I, *valid], bool."""
        _, *tile = self._places(items)
        flags = []
        for t, v, d, step in zip(tile, self.valid, self.dense, self.convolution.stride, strict=True):
            at = t[:, None] * v + torch.arange(v, device=items.device)
            flags.append((at < d) & (at % step == 0))
        return flags[0][:, :, None] & flags[1][:, None, :]

    def maps(self, values: Tensor) -> Tensor:
        """Put together what the stride picks of all tiles: [items, C, *valid] to [B, C, Oy, Ox]."""
        (ny, nx), (vy, vx), channels = self.count, self.valid, values.shape[1]
        whole = values.reshape(-1, ny, nx, channels, vy, vx).permute(0, 3, 1, 4, 2, 5)
        whole = whole.reshape(-1, channels, ny * vy, nx * vx)
        sy, sx = self.convolution.stride
        return whole[:, :, : self.dense[0] : sy, : self.dense[1] : sx].contiguous()

    def cotangents(self, v: Tensor, items: Tensor) -> Tensor:
        """Cotangents at the places of the outputs, zeros elsewhere: [B, C, Oy, Ox] to [I, C, *side]."""
        (ny, nx), (vy, vx), (sy, sx) = self.count, self.valid, self.convolution.stride
        dense = v.new_zeros(*v.shape[:2], ny * vy, nx * vx)
        dense[:, :, : self.dense[0] : sy, : self.dense[1] : sx] = v
        image, ty, tx = self._places(items)
        tiles = dense.reshape(*v.shape[:2], ny, vy, nx, vx).permute(0, 2, 4, 1, 3, 5)[image, ty, tx]
        return F.pad(tiles, (0, self.side[1] - vx, 0, self.side[0] - vy))
