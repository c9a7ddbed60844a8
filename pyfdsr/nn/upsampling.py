"""Up-sampling by channels: four channels become one of twice the height and width."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from pyfdsr._chip import passes_for
from pyfdsr.chip.config import ChipConfig
from pyfdsr.functional.fourier_conv2d import is_transformed

from .fourier_conv2d import FourierConv2d
from .optical_conv2d import OpticalConv2d
from .upsampling_strips import goes_in_strips, upsample_in_strips

__all__ = ["UpsampleBlock", "channel_upsample2d", "dilate2d", "exchange_upsample_order"]

_ORDERS = ("article", "pixel_shuffle")


def channel_upsample2d(x: Tensor, order: str = "article") -> Tensor:
    """Interleave groups of four channels to maps of twice the height and width.

    Output pixel (2y + dy, 2x + dx) of channel c is pixel (y, x) of channel 4c + k.

    Parameters
    ----------
    x : Tensor, [B, 4C, H, W] or [4C, H, W]
        Any dtype.
    order : {"article", "pixel_shuffle"}
        ``"article"``: k = dy + 2 dx; ``"pixel_shuffle"``: k = 2 dy + dx, as
        :func:`torch.nn.functional.pixel_shuffle` has it.

    Returns
    -------
    Tensor, [B, C, 2H, 2W] or [C, 2H, 2W]

    Raises
    ------
    TypeError, ValueError
        If `x` is no tensor of such a shape or `order` is unknown.

    References
    ----------
    F. Michel and J. Wilson, "AI super resolution using an optical computer", ``channel_upsample2d``: channel
    1 of each group is rolled along y and channel 2 along x.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.nn import channel_upsample2d
    >>> channels = torch.tensor([0, 1, 2, 3]).reshape(4, 1, 1)
    >>> channel_upsample2d(channels)
    tensor([[[0, 2],
             [1, 3]]])
    >>> channel_upsample2d(channels, order="pixel_shuffle")
    tensor([[[0, 1],
             [2, 3]]])
    """
    _check_order(order)
    _check_maps(x)
    channels, height, width = x.shape[-3:]
    if channels % 4:
        raise ValueError(f"x has {channels} channels: must be a multiple of 4")
    groups = x.reshape(*x.shape[:-3], channels // 4, 2, 2, height, width)
    # The inner of the two axes of a group is dy in the article's order and dx in torch's.
    inner, outer = (-3, -4) if order == "article" else (-4, -3)
    leading = tuple(range(groups.ndim - 4))
    axes = (*leading, groups.ndim - 2, groups.ndim + inner, groups.ndim - 1, groups.ndim + outer)
    return groups.permute(axes).reshape(*x.shape[:-3], channels // 4, 2 * height, 2 * width)


def dilate2d(x: Tensor, stride: int = 2) -> Tensor:
    """Put zeros between the samples of maps: sample (y, x) goes to (stride · y, stride · x).

    A convolution of the dilated map is the other way to up-sample. It multiplies mostly zeros, where
    :func:`channel_upsample2d` gets the same from a convolution of the small map.

    Parameters
    ----------
    x : Tensor, [B, C, H, W] or [C, H, W]
        Any dtype.
    stride : int
        1 or more.

    Returns
    -------
    Tensor, [..., C, stride · H, stride · W]

    Raises
    ------
    TypeError, ValueError
        If `x` is no tensor of such a shape or `stride` is below 1.

    References
    ----------
    F. Michel and J. Wilson, "AI super resolution using an optical computer", ``pad_within``.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.nn import dilate2d
    >>> dilate2d(torch.tensor([[[1, 2]]]))
    tensor([[[1, 0, 2, 0],
             [0, 0, 0, 0]]])
    """
    _check_maps(x)
    if isinstance(stride, bool) or not isinstance(stride, int) or stride < 1:
        raise ValueError(f"stride={stride!r}: must be an integer of 1 or more")
    height, width = x.shape[-2:]
    dilated = x.new_zeros(*x.shape[:-2], stride * height, stride * width)
    dilated[..., ::stride, ::stride] = x
    return dilated


def exchange_upsample_order(weight: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Permute the output channels of a convolution for the other order of :func:`channel_upsample2d`.

    The convolution followed by up-sampling in one order then gives what it gave in the other. The permutation
    (channels 1 and 2 of each group change places) is its own inverse: one function serves both directions.

    Parameters
    ----------
    weight : Tensor, [4C, ...]
        Kernels.
    bias : Tensor, [4C], optional

    Returns
    -------
    weight, bias : Tensor
        Permuted copies; a `bias` of None stays None.

    Raises
    ------
    ValueError
        If the number of channels is no multiple of 4.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.nn import exchange_upsample_order
    >>> exchange_upsample_order(torch.arange(8))[0]
    tensor([0, 2, 1, 3, 4, 6, 5, 7])
    """
    if weight.shape[0] % 4:
        raise ValueError(f"weight has {weight.shape[0]} output channels: must be a multiple of 4")
    index = _exchanged(weight.shape[0], 1).to(weight.device)
    return weight[index], None if bias is None else bias[index]


class UpsampleBlock(nn.Module):
    """Convolutions, a residual connection and up-sampling by channels, at a constant number of channels.

    `length` convolutions, each followed by ELU, take `depth` channels to four times as many. The block's
    input is added to each of the four members of every group of channels, and the groups become maps of twice
    the height and width: the residual connection is nearest-neighbour up-sampling.

    Parameters
    ----------
    depth : int
        Channels of input and output.
    length : int
        Number of convolutions.
    kernel_size : int
        Odd.
    padding : int
        Must keep the size of the maps: ``kernel_size // 2``.
    optical : bool
        Put the convolutions on an emulated chip, :class:`OpticalConv2d`; else they are
        :class:`FourierConv2d`.
    padding_mode : {"zeros", "replicate", "reflect", "circular"}
        What surrounds the maps.
    chip : ChipConfig, optional
        The chip; needed where `optical` is True.
    gradient : {"perfect", "chip", "ste"}
        As in :class:`OpticalConv2d`.
    order : {"article", "pixel_shuffle"}
        As in :func:`channel_upsample2d`.
    tied : bool
        Use the mean of each group's kernels (and biases) for all of its members. Equal members then stay
        equal, whatever an optimiser that goes element by element does. The last convolution has, in effect,
        one kernel for a group, and the block's output is constant on squares of 2×2 pixels.
    doublings : int
        How often the size doubles: groups have ``4**doublings`` members.

    Attributes
    ----------
    conv_layers : torch.nn.ModuleList
        The convolutions; their state is that of :class:`torch.nn.Conv2d`.

    Raises
    ------
    TypeError, ValueError
        For numbers against their rules, an unknown order, or `optical` without a chip.

    Notes
    -----
    At the start the kernels and biases that feed one group are equal, so that maps have no checkerboard
    pattern before they learn one. As in the article's ``fix_initialisation``, the values are equal and not
    tied: every member sees other pixels of the target, and an optimiser makes them different in its first
    step.

    References
    ----------
    F. Michel and J. Wilson, "AI super resolution using an optical computer", ``UpsampleBlock``.
    A. Aitken et al., "Checkerboard artifact free sub-pixel convolution", arXiv:1707.02937 (2017).

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.nn import UpsampleBlock
    >>> block = UpsampleBlock(depth=4, length=2, kernel_size=3, padding=1, padding_mode="replicate")
    >>> block(torch.rand(2, 4, 10, 15)).shape
    torch.Size([2, 4, 20, 30])
    """

    def __init__(
        self,
        depth: int,
        length: int,
        kernel_size: int,
        padding: int,
        optical: bool = False,
        padding_mode: str = "zeros",
        *,
        chip: ChipConfig | None = None,
        gradient: str = "perfect",
        order: str = "article",
        tied: bool = False,
        doublings: int = 1,
    ) -> None:
        super().__init__()
        numbers = {"depth": depth, "length": length, "kernel_size": kernel_size, "doublings": doublings}
        for name, number in numbers.items():
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise ValueError(f"{name}={number!r}: must be an integer of 1 or more")
        if kernel_size % 2 == 0 or padding != kernel_size // 2:
            raise ValueError(
                f"kernel_size={kernel_size}, padding={padding!r}: must be an odd kernel_size and padding="
                "kernel_size // 2, for the residual connection needs maps of one size"
            )
        if optical and chip is None:
            raise ValueError("optical=True: needs chip=ChipConfig(...), the chip to emulate")
        _check_order(order)
        self.depth, self.order, self.tied, self.doublings = depth, order, bool(tied), doublings
        self.conv_layers = nn.ModuleList()
        for index in range(length):
            inputs = depth if index == 0 else 4 * depth
            outputs = depth * (4**doublings if index == length - 1 else 4)
            arguments = (inputs, outputs, kernel_size)
            options: dict[str, Any] = {"padding": padding, "padding_mode": padding_mode}
            if optical:
                options |= {"chip": chip, "gradient": gradient}
                self.conv_layers.append(OpticalConv2d(*arguments, **options))
            else:
                self.conv_layers.append(FourierConv2d(*arguments, **options))
        self.fix_initialisation()

    @torch.no_grad()
    def fix_initialisation(self) -> None:
        """Give all members of each group of the last convolution the first one's kernel and bias."""
        for parameter in self.conv_layers[-1].parameters():
            groups = parameter.view(self.depth, -1, *parameter.shape[1:])
            groups.copy_(groups[:, :1].clone().expand_as(groups))

    @torch.no_grad()
    def change_order(self, order: str) -> None:
        """Change the order of up-sampling and permute the last convolution so that the result stays."""
        _check_order(order)
        if order == self.order:
            return
        for parameter in self.conv_layers[-1].parameters():
            parameter.copy_(parameter[_exchanged(parameter.shape[0], self.doublings).to(parameter.device)])
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block: [B, depth, H, W] or [depth, H, W] to twice the height and width."""
        if goes_in_strips(self, x):
            return upsample_in_strips(self, x)
        y = self.groups(x)
        for _ in range(self.doublings):
            y = channel_upsample2d(y, self.order)
        return y

    def groups(self, x: Tensor) -> Tensor:
        """Return what up-sampling interleaves, [B, depth · 4**doublings, H, W]."""
        y = x
        for layer in self.conv_layers[:-1]:
            y = elu_of(layer, layer(y))
        y = elu_of(self.conv_layers[-1], self._last(y))
        groups = y.unflatten(-3, (self.depth, -1))
        residual = x.unsqueeze(-3)
        return (groups + residual if y.requires_grad else groups.add_(residual)).flatten(-4, -3)

    def _last(self, y: Tensor) -> Tensor:
        layer = self.conv_layers[-1]
        if not self.tied:
            return layer(y)
        tied = {name: self._tied(parameter) for name, parameter in layer.named_parameters()}
        return functional_call(layer, tied, (y,))

    def _tied(self, parameter: Tensor) -> Tensor:
        groups = parameter.unflatten(0, (self.depth, -1))
        return groups.mean(1, keepdim=True).expand_as(groups).flatten(0, 1)

    def input_range(self, start: int, stop: int) -> tuple[int, int]:
        """Return which rows of an unbounded input the rows [start, stop) of its result depend on."""
        members = 2**self.doublings
        start, stop = start // members, -(-stop // members)
        for layer in reversed(self.conv_layers):
            start, stop = input_range(layer, start, stop)
        return start, stop

    def extra_repr(self) -> str:
        """Describe what the convolutions do not show."""
        return f"depth={self.depth}, order={self.order!r}, tied={self.tied}, doublings={self.doublings}"


def frame_step(layer: nn.Conv2d) -> int:
    """Return after how many results of a convolution a chip begins another frame; 1 without a chip."""
    if not isinstance(layer, OpticalConv2d) or layer.chip.is_perfect:
        return 1
    passes = passes_for(layer.chip, layer.kernel_size)
    valid = (n**passes - k + 1 for n, k in zip(layer.chip.frame, layer.kernel_size, strict=True))
    return math.lcm(*valid)


def input_range(layer: nn.Conv2d, start: int, stop: int) -> tuple[int, int]:
    """Return which rows of an unbounded input the rows [start, stop) of a convolution depend on.

    On a chip results depend on their whole frames.
    """
    step, reach = frame_step(layer), layer.kernel_size[0] // 2
    return start // step * step - reach, -(-stop // step) * step + reach


def elu_of(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply ELU to a layer's result, in place where nothing needs what it was before.

    Gradients do, transformations of :mod:`torch.func`, and hooks that may have kept the result. In place,
    exp(x) - 1 stands for torch's expm1(x), which takes half as long again: the error is then relative to 1,
    where ELU's values end, and not to a small value itself.
    """
    needed = x.requires_grad or layer._forward_hooks or is_transformed()
    if needed or x.dtype not in (torch.float32, torch.float64):
        return F.elu(x)
    return torch.maximum(x, x.clamp_max(0).exp_().sub_(1), out=x)


def _exchanged(channels: int, doublings: int) -> Tensor:
    """Index of the other order: digits 1 and 2 to the base 4 change places."""
    index, member = torch.arange(channels), torch.arange(channels)
    for power in range(doublings):
        digit = member // 4**power % 4
        index += torch.where(digit == 1, 4**power, 0) - torch.where(digit == 2, 4**power, 0)
    return index


def _check_order(order: str) -> None:
    if order not in _ORDERS:
        raise ValueError(f"order={order!r}: must be 'article' or 'pixel_shuffle'")


def _check_maps(x: Any) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"x is a {type(x).__name__}: must be a tensor")
    if x.ndim not in (3, 4):
        raise ValueError(f"x has shape {tuple(x.shape)}: must be [B, C, H, W] or [C, H, W]")
