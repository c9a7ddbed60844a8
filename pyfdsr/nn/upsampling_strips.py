"""Inference of an up-sampling block by strips of rows.

A block's maps are four times as large as its input, and pass through memory several times: for each
convolution, for ELU, for the residual connection and for up-sampling. In strips of some megabytes they stay
in the cache, and their memory is used again and again where new one would be fetched from the system page by
page. Rows that a strip's results depend on beyond its own are computed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pyfdsr.functional.fourier_conv2d import is_transformed

from .fourier_conv2d import FourierConv2d

if TYPE_CHECKING:
    from .upsampling import UpsampleBlock

__all__ = ["goes_in_strips", "interleave", "is_plain", "upsample_in_strips"]

_STRIP_BYTES = 4 << 20
"""Of the widest map of a strip."""


def is_plain(layer: nn.Module) -> bool:
    """Whether a convolution is electronic and nothing watches its calls."""
    watched = layer._forward_hooks or layer._forward_pre_hooks
    return type(layer) in (nn.Conv2d, FourierConv2d) and not watched


def goes_in_strips(block: UpsampleBlock, x: Tensor, head: nn.Conv2d | None = None) -> bool:
    """Whether a block takes this input by strips: inference, electronic, too large for the cache.

    A `head` is a 1×1 convolution behind the block.
    """
    if head is not None and (block._forward_hooks or block._forward_pre_hooks):
        return False  # the block itself would not be called
    layers = [*block.conv_layers, *([] if head is None else [head])]
    if not all(is_plain(layer) and layer.padding_mode != "circular" for layer in layers):
        return False
    dtypes = {x.dtype, *(layer.weight.dtype for layer in layers)}
    if len(dtypes) > 1 or not dtypes <= {torch.float32, torch.float64} or x.device.type != "cpu":
        return False
    if torch.compiler.is_compiling() or is_transformed() or torch.is_autocast_enabled("cpu"):
        return False
    recorded = x.requires_grad or any(p.requires_grad for layer in layers for p in layer.parameters())
    return not (recorded and torch.is_grad_enabled()) and _widest(block, x) > _STRIP_BYTES


def _widest(block: UpsampleBlock, x: Tensor) -> int:
    """Bytes of the largest map."""
    return x.numel() * x.element_size() * 4**block.doublings


def upsample_in_strips(block: UpsampleBlock, x: Tensor, head: nn.Conv2d | None = None) -> Tensor:
    """Apply a block, and the 1×1 convolution `head` behind it, by strips: as :class:`UpsampleBlock` does.

    A 1×1 convolution and up-sampling change places: applied before, to the groups' members, it makes what is
    to be interleaved smaller.

    Parameters
    ----------
    block : UpsampleBlock
    x : Tensor, [B, depth, H, W] or [depth, H, W]
    head : torch.nn.Conv2d, optional
        1×1, `depth` channels to Co.

    Returns
    -------
    Tensor, [B, Co, H << doublings, W << doublings] or without B
    """
    images = x if x.ndim == 4 else x[None]
    batch, _, height, width = images.shape
    scale = 2**block.doublings
    channels = block.depth if head is None else head.out_channels
    out = images.new_empty(batch, channels, height * scale, width * scale)
    per_row = max(1, _widest(block, images) // (batch * height))
    rows = _STRIP_BYTES // per_row
    together = max(1, rows // height)
    rows = min(height, max(rows, 8))
    for first in range(0, batch, together):
        part = images[first : first + together]
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            begin, end = block.input_range(top * scale, bottom * scale)
            begin, end = max(0, begin), min(height, end)
            groups = block.groups(part[:, :, begin:end])
            groups = _headed(groups.unflatten(1, (block.depth, -1)), head)
            interleave(
                groups[:, :, :, top - begin : bottom - begin],
                out[first : first + together, :, top * scale : bottom * scale],
                block.order,
                block.doublings,
            )
    return out if x.ndim == 4 else out[0]


def _headed(groups: Tensor, head: nn.Conv2d | None) -> Tensor:
    """Apply a 1×1 convolution to each member of groups [B, C, members, H, W]."""
    if head is None:
        return groups
    kernel = head.weight.flatten(1).expand(groups.shape[0], -1, -1)
    maps = groups.flatten(2)
    if head.bias is None:
        return torch.bmm(kernel, maps).unflatten(2, groups.shape[2:])
    return torch.baddbmm(head.bias[:, None], kernel, maps).unflatten(2, groups.shape[2:])


def interleave(groups: Tensor, out: Tensor, order: str, doublings: int) -> None:
    """Write groups [B, C, 4**doublings, H, W] to maps [B, C, H << doublings, W << doublings]."""
    batch, channels, _, height, width = groups.shape
    bits = groups.reshape(batch, channels, *(2,) * (2 * doublings), height, width)
    y, x = 2 + 2 * doublings, 3 + 2 * doublings
    dy, dx = (1, 0) if order == "article" else (0, 1)
    # A member's last digit to the base 4 goes first and moves farthest: the next doubling spreads it, too.
    digits = range(2 * doublings, 0, -2)
    target = out.view(batch, channels, height, *(2,) * doublings, width, *(2,) * doublings)
    axes = (y, *(digit + dy for digit in digits), x, *(digit + dx for digit in digits))
    target.copy_(bits.permute(0, 1, *axes))
