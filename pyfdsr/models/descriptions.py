"""Layers of known convolutional networks as plain data: enough to count their operations, without weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["DESCRIPTIONS", "ConvLayer", "describe"]


@dataclass(frozen=True)
class ConvLayer:
    """Shape of one layer of a network; a fully connected layer is a 1×1 convolution of a 1×1 map.

    Pairs are (rows, columns).

    Parameters
    ----------
    name : str
        As in torch's ``named_modules``.
    in_channels, out_channels : int
    kernel, stride : pair of int
    padding : pair of int
        Zeros above and to the left; those below and to the right follow from the sizes.
    dilation : pair of int
    groups : int
    input_size, output_size : pair of int
        Of the layer's input and output map, without padding.
    transposed : bool
        The adjoint of a convolution: torch's ``ConvTranspose2d``, whose strides enlarge the map.

    Examples
    --------
    >>> describe("resnet34")[0]
    ConvLayer(name='conv1', in_channels=3, out_channels=64, kernel=(7, 7), stride=(2, 2), padding=(3, 3),
              dilation=(1, 1), groups=1, input_size=(224, 224), output_size=(112, 112), transposed=False)
    """

    name: str
    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    input_size: tuple[int, int]
    output_size: tuple[int, int]
    transposed: bool = False


class _Stack:
    """Layers written one after the other; remembers the channels and size of the map between them."""

    def __init__(self, channels: int, size: tuple[int, int]):
        self.layers: list[ConvLayer] = []
        self.given = size
        self.channels, self.size = channels, size

    def convolution(self, name: str, channels: int, kernel: int, stride: int = 1) -> None:
        """Append a convolution padded by half its kernel."""
        pad = kernel // 2
        size = tuple((n + 2 * pad - kernel) // stride + 1 for n in self.size)
        self._append(name, channels, kernel, stride, pad, size)

    def enlargement(self, name: str, channels: int) -> None:
        """Append a 2×2 transposed convolution of stride 2."""
        self._append(name, channels, 2, 2, 0, tuple(2 * n for n in self.size), transposed=True)

    def linear(self, name: str, features: int) -> None:
        """Append a fully connected layer of the flattened map."""
        self.channels, self.size = self.channels * self.size[0] * self.size[1], (1, 1)
        self._append(name, features, 1, 1, 0, (1, 1))

    def pooled(self, kernel: int = 2, stride: int = 2, pad: int = 0) -> None:
        """Pool the map."""
        self.size = tuple((n + 2 * pad - kernel) // stride + 1 for n in self.size)
        if min(self.size) < 1:
            raise ValueError(f"input_size={self.given}: too small, pooling leaves nothing of the images")

    def _append(self, name, channels, kernel, stride, pad, size, transposed=False):
        pairs = ((n, n) for n in (kernel, stride, pad, 1))
        layer = ConvLayer(name, self.channels, channels, *pairs, 1, self.size, size, transposed)
        self.layers.append(layer)
        self.channels, self.size = channels, size


def _resnet34(channels: int, size: tuple[int, int], kernel: int = 3) -> list[ConvLayer]:
    stack = _Stack(channels, size)
    stack.convolution("conv1", 64, 7, 2)
    stack.pooled(3, 2, 1)
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            entered = stack.channels, stack.size
            stack.convolution(f"{name}.conv1", width, kernel, stride)
            stack.convolution(f"{name}.conv2", width, kernel)
            if stride == 2:
                stack.channels, stack.size = entered
                stack.convolution(f"{name}.downsample.0", width, 1, stride)
    stack.size = (1, 1)
    stack.linear("fc", 1000)
    return stack.layers


def _resnet34_7x7(channels: int, size: tuple[int, int]) -> list[ConvLayer]:
    return _resnet34(channels, size, 7)


def _vgg16(channels: int, size: tuple[int, int]) -> list[ConvLayer]:
    stack = _Stack(channels, size)
    number = 0  # of the module within torchvision's `features`, where ReLUs and poolings count
    for width, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            stack.convolution(f"features.{number}", width, 3)
            number += 2
        stack.pooled()
        number += 1
    stack.size = (7, 7)
    for name, features in (("classifier.0", 4096), ("classifier.3", 4096), ("classifier.6", 1000)):
        stack.linear(name, features)
    return stack.layers


def _unet(channels: int, size: tuple[int, int]) -> list[ConvLayer]:
    if any(n % 16 for n in size):
        raise ValueError(
            f"input_size={size}: both must be multiples of 16 for unet, which halves them four times"
        )
    stack = _Stack(channels, size)
    widths = (64, 128, 256, 512)

    def pair(name, width):
        stack.convolution(f"{name}.conv1", width, 3)
        stack.convolution(f"{name}.conv2", width, 3)

    for level, width in enumerate(widths, 1):
        pair(f"down{level}", width)
        stack.pooled()
    pair("bottom", 1024)
    for level, width in zip((4, 3, 2, 1), reversed(widths), strict=True):
        stack.enlargement(f"up{level}.enlarge", width)
        stack.channels = 2 * width  # beside the map of the same level on the way down
        pair(f"up{level}", width)
    stack.convolution("classes", 2, 1)
    return stack.layers


DESCRIPTIONS: dict[str, Callable[[int, tuple[int, int]], list[ConvLayer]]] = {
    "resnet34": _resnet34,
    "resnet34-7x7": _resnet34_7x7,
    "vgg16": _vgg16,
    "unet": _unet,
}


def describe(name: str, input_size: tuple[int, int] = (224, 224), channels: int = 3) -> list[ConvLayer]:
    """Return the layers of a known network, in the order in which they run.

    Parameters
    ----------
    name : {"resnet34", "resnet34-7x7", "vgg16", "unet"}
        He et al. (arXiv 1512.03385), the same with 7×7 in place of every 3×3 kernel (its three 1×1 shortcuts
        stay), Simonyan and Zisserman (1409.1556), Ronneberger et al. (1505.04597) with padded convolutions.
        The first and third have torchvision's module names.
    input_size : pair of int
        Rows and columns of the input images.
    channels : int
        Channels of the input images.

    Returns
    -------
    list of ConvLayer

    Raises
    ------
    ValueError
        If the name is not known or the images are too small for the network.

    Examples
    --------
    >>> len(describe("resnet34")), len(describe("vgg16"))
    (37, 16)
    >>> describe("unet", (100, 100))
    Traceback (most recent call last):
        ...
    ValueError: input_size=(100, 100): both must be multiples of 16 for unet, which halves them four times
    """
    if name not in DESCRIPTIONS:
        raise ValueError(f"name={name!r}: must be one of {', '.join(DESCRIPTIONS)}")
    if min(*input_size, channels) < 1:
        raise ValueError(f"input_size={tuple(input_size)}, channels={channels}: must be positive")
    return DESCRIPTIONS[name](channels, tuple(input_size))
