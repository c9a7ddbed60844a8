"""The super-resolution network that first makes its maps smaller."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from pyfdsr.chip.config import ChipConfig
from pyfdsr.nn import FourierConv2d, UpsampleBlock
from pyfdsr.nn.upsampling import elu_of, input_range

from .super_resolution_cnn import SuperResolutionNetwork

__all__ = ["SuperResolutionUNet"]


class SuperResolutionUNet(SuperResolutionNetwork):
    """Super-resolution by a U-net: pooled maps that the same up-sampling blocks enlarge beyond the input.

    `levels` times a convolution, ELU and the mean of 2×2 pixels halve the maps. Up-sampling blocks double
    them as often, the map of the way down added to each, and go on until the image has grown `scale` times.

    Parameters
    ----------
    optical, chip, in_channels, out_channels, kernel_size, padding_mode, order, tied, gradient
        As in :class:`pyfdsr.models.SuperResolutionCNN`.
    depth : int
        Channels of all maps.
    levels : int
        How often the maps are halved.
    length : int
        Convolutions of each block.
    scale : int
        A power of 2.

    Attributes
    ----------
    c1, c_down, c_stem, cf : torch.nn.Module
        First convolution, those of the way down, blocks, and last convolution.

    Raises
    ------
    TypeError, ValueError
        For numbers against their rules, or `optical` without a chip.

    References
    ----------
    The third of the ways to up-sample in F. Michel and J. Wilson, "AI super resolution using an optical
    computer", which gives no sizes; those here are this library's.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.models import SuperResolutionUNet
    >>> SuperResolutionUNet(levels=2)(torch.rand(1, 3, 9, 14)).shape
    torch.Size([1, 3, 72, 112])
    """

    def __init__(
        self,
        optical: bool = False,
        chip: ChipConfig | None = None,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        depth: int = 8,
        levels: int = 2,
        length: int = 1,
        kernel_size: int = 3,
        padding_mode: str = "replicate",
        scale: int = 8,
        order: str = "article",
        tied: bool = False,
        gradient: str = "perfect",
    ) -> None:
        if isinstance(scale, bool) or not isinstance(scale, int) or scale < 2 or scale & (scale - 1):
            raise ValueError(f"scale={scale!r}: must be 2, 4, 8 or another power of 2")
        if isinstance(levels, bool) or not isinstance(levels, int) or levels < 1:
            raise ValueError(f"levels={levels!r}: must be an integer of 1 or more")
        super().__init__(in_channels, out_channels, depth, kernel_size, padding_mode)
        self.depth, self.levels, self.length, self.scale = depth, levels, length, scale
        self.c_down = nn.ModuleList(self._convolution(depth, depth) for _ in range(levels))
        options = {"padding_mode": padding_mode, "order": order, "tied": tied}
        self.c_stem = nn.ModuleList(
            UpsampleBlock(depth, length, kernel_size, kernel_size // 2, **options)
            for _ in range(levels + scale.bit_length() - 1)
        )
        self.cf = FourierConv2d(depth, out_channels, 1)
        self._put_on_chip(optical, chip, gradient)

    @property
    def alignment(self) -> int:
        """Multiple of pixels at which a part of an image must begin, so that it is pooled alike."""
        return 2**self.levels * super().alignment

    def architecture(self) -> dict[str, Any]:
        """Return the arguments that build this network again, without its weights: plain JSON."""
        return {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "depth": self.depth,
            "levels": self.levels,
            "length": self.length,
            "kernel_size": self.kernel_size,
            "padding_mode": self.padding_mode,
            "scale": self.scale,
            "order": self.c_stem[0].order,
            "tied": self.c_stem[0].tied,
        }

    def input_range(self, start: int, stop: int) -> tuple[int, int]:
        """Return which rows (or columns) of an unbounded input some rows of its result depend on.

        Parameters
        ----------
        start, stop : int
            First row of the result and the one after the last, in output pixels.

        Returns
        -------
        start, stop : int
            The same in input pixels; may lie outside the image, where there is padding.
        """
        skipped = []
        start, stop = input_range(self.cf, start, stop)
        for index, block in reversed(list(enumerate(self.c_stem))):
            if index < self.levels:
                skipped.append((start, stop))  # from the largest map of the way down to the smallest
            start, stop = block.input_range(start, stop)
        for layer, (first, last) in zip(reversed(self.c_down), reversed(skipped), strict=True):
            start, stop = input_range(layer, 2 * start, 2 * stop)
            start, stop = min(start, first), max(stop, last)
        return input_range(self.c1, start, stop)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge images: [B, Ci, H, W] or [Ci, H, W] to `scale` times the height and width.

        Raises
        ------
        TypeError, ValueError
            If `x` is of another dtype or shape.
        """
        y = self._enter(x)
        passed = []
        for layer in self.c_down:
            passed.append(y)
            # The last row of an odd height is a cell of its own.
            y = F.avg_pool2d(elu_of(layer, layer(y)), 2, ceil_mode=True)
        *blocks, last = self.c_stem  # as many as levels, and one or more that enlarge the image
        for block in blocks:
            y = block(y)
            if passed:
                skip = passed.pop()
                y = y[..., : skip.shape[-2], : skip.shape[-1]] + skip
        return self._leave(last, y)

    def extra_repr(self) -> str:
        """Return the scale."""
        return f"scale={self.scale}, levels={self.levels}"
