"""The super-resolution network of convolutions and channel up-sampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from pyfdsr.chip.config import ChipConfig
from pyfdsr.chip.convert import convert_to_optical
from pyfdsr.nn import FourierConv2d, UpsampleBlock
from pyfdsr.nn.upsampling import elu_of, frame_step, input_range
from pyfdsr.nn.upsampling_strips import goes_in_strips, upsample_in_strips

__all__ = ["SuperResolutionCNN", "SuperResolutionNetwork"]

_PADDING_MODES = ("zeros", "replicate", "reflect", "circular")


class SuperResolutionNetwork(nn.Module):
    """What the super-resolution networks have in common: a first and a last convolution, and checks.

    Attributes
    ----------
    c1, cf : torch.nn.Conv2d
        The first convolution, followed by ELU, and the last one, 1×1.
    scale : int
        Times that height and width grow.
    notes : dict
        What the file that the network was read from says of its weights.
    """

    scale: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depth: int,
        kernel_size: int,
        padding_mode: str,
    ) -> None:
        super().__init__()
        numbers = {"in_channels": in_channels, "out_channels": out_channels, "depth": depth}
        for name, number in (numbers | {"kernel_size": kernel_size}).items():
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise ValueError(f"{name}={number!r}: must be an integer of 1 or more")
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size={kernel_size}: must be odd, to keep the size of the maps")
        if padding_mode not in _PADDING_MODES:
            raise ValueError(f"padding_mode={padding_mode!r}: must be one of {', '.join(_PADDING_MODES)}")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.padding_mode = kernel_size, padding_mode
        self.notes: dict[str, Any] = {}
        self.c1 = self._convolution(in_channels, depth)

    def _convolution(self, inputs: int, outputs: int) -> FourierConv2d:
        size = self.kernel_size
        return FourierConv2d(inputs, outputs, size, padding=size // 2, padding_mode=self.padding_mode)

    def _put_on_chip(self, optical: bool, chip: ChipConfig | None, gradient: str) -> None:
        if optical:
            if chip is None:
                raise ValueError("optical=True: needs chip=ChipConfig(...), the chip to emulate")
            convert_to_optical(self, chip, gradient=gradient)

    @property
    def alignment(self) -> int:
        """Multiple of pixels at which a part of an image must begin for its result to be part of the image's.

        On a chip, parts must begin where frames do, in every layer.
        """
        return math.lcm(*(frame_step(layer) for layer in self.modules() if isinstance(layer, nn.Conv2d)))

    def architecture(self) -> dict[str, Any]:
        """Return the arguments that build this network again, without its weights: plain JSON."""
        raise NotImplementedError

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
        raise NotImplementedError

    def _check(self, x: Any) -> None:
        if not isinstance(x, Tensor):
            raise TypeError(f"x is a {type(x).__name__}: must be a tensor")
        if not x.is_floating_point():
            raise TypeError(f"x has dtype {x.dtype}: must be real floating")
        if x.ndim not in (3, 4) or x.shape[-3] != self.in_channels or 0 in x.shape[-2:]:
            raise ValueError(
                f"x has shape {tuple(x.shape)}: must be [B, {self.in_channels}, H, W] or "
                f"[{self.in_channels}, H, W], H and W of 1 or more"
            )

    def _enter(self, x: Tensor) -> Tensor:
        """Apply the first convolution and its ELU."""
        self._check(x)
        return elu_of(self.c1, self.c1(x))

    def _leave(self, block: UpsampleBlock, y: Tensor) -> Tensor:
        """Apply the last block and the last convolution."""
        if goes_in_strips(block, y, self.cf):
            return upsample_in_strips(block, y, self.cf)
        return self.cf(block(y))


class SuperResolutionCNN(SuperResolutionNetwork):
    """Super-resolution by convolutions that work on the small image and up-sampling by channels.

    A convolution takes the image to `depths[0]` channels; blocks of convolutions, each of which doubles the
    size, follow; a 1×1 convolution makes the image. Fully convolutional: what was trained on 32² to 256²
    takes 256² to 2048², or any other size.

    Parameters
    ----------
    optical : bool
        Put every convolution on an emulated chip, :class:`pyfdsr.nn.OpticalConv2d`, with the same padding;
        else they are :class:`pyfdsr.nn.FourierConv2d`. Weights move between the two by ``load_state_dict``.
    chip : ChipConfig, optional
        The chip; needed where `optical` is True and not used elsewhere.
    in_channels, out_channels : int
        Of the images.
    depths : sequence of int
        Channels of each block. All alike, for a block adds its input to its output.
    lengths : sequence of int
        Convolutions of each block.
    kernel_size : int
        Of all but the last convolution; odd.
    padding_mode : {"replicate", "zeros", "reflect", "circular"}
        What surrounds the maps. ``"reflect"`` needs images larger than ``kernel_size // 2``.
    scale : int, optional
        2 to the number of doublings of all blocks; by default what that comes to. Named to be checked.
    doublings : sequence of int, optional
        How often each block doubles the size; once by default.
    order : {"article", "pixel_shuffle"}
        As in :func:`pyfdsr.nn.channel_upsample2d`.
    tied : bool
        As in :class:`pyfdsr.nn.UpsampleBlock`.
    gradient : {"perfect", "chip", "ste"}
        As in :class:`pyfdsr.nn.OpticalConv2d`.

    Attributes
    ----------
    c1, c_stem, cf : torch.nn.Module
        First convolution, blocks (``c_stem[i].conv_layers[j]``) and last convolution.
    scale : int
        Times that height and width grow.

    Raises
    ------
    TypeError, ValueError
        For numbers against their rules, or `optical` without a chip.

    References
    ----------
    F. Michel and J. Wilson, "AI super resolution using an optical computer", ``SuperResolutionModel``.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.models import SuperResolutionCNN
    >>> model = SuperResolutionCNN()
    >>> model(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 256, 256])
    """

    def __init__(
        self,
        optical: bool = False,
        chip: ChipConfig | None = None,
        *,
        in_channels: int = 3,
        out_channels: int = 3,
        depths: Sequence[int] = (4, 4, 4),
        lengths: Sequence[int] = (4, 2, 1),
        kernel_size: int = 3,
        padding_mode: str = "replicate",
        scale: int | None = None,
        doublings: Sequence[int] | None = None,
        order: str = "article",
        tied: bool = False,
        gradient: str = "perfect",
    ) -> None:
        depths, lengths = _numbers("depths", depths), _numbers("lengths", lengths)
        doublings = (1,) * len(depths) if doublings is None else _numbers("doublings", doublings)
        if not len(depths) == len(lengths) == len(doublings):
            raise ValueError(
                f"depths={depths}, lengths={lengths}, doublings={doublings}: must be of one length"
            )
        if len(set(depths)) > 1:
            raise ValueError(f"depths={depths}: must be alike, for a block adds its input to its output")
        super().__init__(in_channels, out_channels, depths[0], kernel_size, padding_mode)
        self.depths, self.lengths, self.doublings = depths, lengths, doublings
        self.scale = 2 ** sum(doublings)
        if scale is not None and scale != self.scale:
            raise ValueError(
                f"scale={scale!r}: {len(depths)} blocks with doublings={doublings} make {self.scale}; give "
                "depths, lengths and doublings of as many blocks as the scale needs"
            )
        self.c_stem = nn.ModuleList(
            UpsampleBlock(
                depth,
                length,
                kernel_size,
                kernel_size // 2,
                padding_mode=padding_mode,
                order=order,
                tied=tied,
                doublings=doubling,
            )
            for depth, length, doubling in zip(depths, lengths, doublings, strict=True)
        )
        self.cf = FourierConv2d(depths[-1], out_channels, 1)
        self._put_on_chip(optical, chip, gradient)

    @classmethod
    def late(
        cls, optical: bool = False, chip: ChipConfig | None = None, *, scale: int = 8, **arguments: Any
    ) -> SuperResolutionCNN:
        """Build the network that up-samples once, behind all convolutions but the last.

        Parameters
        ----------
        optical, chip
            As in the class.
        scale : int
            A power of 2.
        **arguments
            Those of the class. One block, of 7 convolutions and depth 4 unless they say otherwise.

        Raises
        ------
        TypeError, ValueError
            As the class does; for a `scale` that is no power of 2 above 1.

        Examples
        --------
        >>> import torch
        >>> SuperResolutionCNN.late(scale=4)(torch.rand(3, 8, 8)).shape
        torch.Size([3, 32, 32])
        """
        if isinstance(scale, bool) or not isinstance(scale, int) or scale < 2 or scale & (scale - 1):
            raise ValueError(f"scale={scale!r}: must be 2, 4, 8 or another power of 2")
        one_block = {"depths": (4,), "lengths": (7,), "doublings": (scale.bit_length() - 1,)}
        return cls(optical, chip, scale=scale, **(one_block | arguments))

    def architecture(self) -> dict[str, Any]:
        """Return the arguments that build this network again, without its weights: plain JSON."""
        return {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "depths": list(self.depths),
            "lengths": list(self.lengths),
            "doublings": list(self.doublings),
            "kernel_size": self.kernel_size,
            "padding_mode": self.padding_mode,
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

        Examples
        --------
        >>> SuperResolutionCNN().input_range(0, 8)
        (-7, 8)
        """
        start, stop = input_range(self.cf, start, stop)
        for block in reversed(self.c_stem):
            start, stop = block.input_range(start, stop)
        return input_range(self.c1, start, stop)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge images.

        Parameters
        ----------
        x : Tensor, [B, Ci, H, W] or [Ci, H, W]
            Real images, as bright as those of the training (0 to 1).

        Returns
        -------
        Tensor, [B, Co, scale · H, scale · W] or without B
            Not clipped.

        Raises
        ------
        TypeError, ValueError
            If `x` is of another dtype or shape.
        """
        y = self._enter(x)
        *blocks, last = self.c_stem
        for block in blocks:
            y = block(y)
        return self._leave(last, y)

    def extra_repr(self) -> str:
        """Return the scale."""
        return f"scale={self.scale}"


def _numbers(name: str, values: Any) -> tuple[int, ...]:
    rule = "must be a sequence of integers of 1 or more, one for each block"
    if not isinstance(values, (tuple, list)) or not values:
        raise ValueError(f"{name}={values!r}: {rule}")
    if any(isinstance(value, bool) or not isinstance(value, int) or value < 1 for value in values):
        raise ValueError(f"{name}={values!r}: {rule}")
    return tuple(values)
