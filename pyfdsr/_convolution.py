"""Arguments of two-dimensional convolutions, as torch takes them: sizes, strides, padding."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

__all__ = [
    "CHANGING",
    "COMPARE",
    "DO_NOT_KEEP",
    "PADDING_MODES",
    "Convolution",
    "convolution_of",
    "output_size_of",
]

CHANGING, DO_NOT_KEEP, COMPARE = -2, -1, 0
"""Whether the weight's spectra are kept for a next call; positive numbers are versions of the weight.

A weight whose gradient is recorded is taken to change from call to call: all is chosen for training then.
"""

PADDING_MODES = ("zeros", "circular", "replicate", "reflect")
"""What surrounds the input; the order is that of the numbers they travel as."""


class Convolution(NamedTuple):
    """The arguments of one convolution; sizes are (y, x), `padding` is (top, bottom, left, right).

    `padding_mode` is one of `PADDING_MODES`.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    groups: int
    padding_mode: str = "zeros"

    @property
    def extent(self) -> tuple[int, int]:
        """Samples that a dilated kernel spans, per axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))


def _pair(name: str, value: Any, least: int) -> tuple[int, int]:
    given = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if len(given) == 1:
        given *= 2
    if len(given) != 2 or any(isinstance(v, bool) or not isinstance(v, Integral) for v in given):
        raise TypeError(f"{name}={value!r}: must be an integer or a pair of integers (y, x)")
    if min(given) < least:
        raise ValueError(f"{name}={value!r}: must be at least {least}")
    return int(given[0]), int(given[1])


def convolution_of(
    kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1
) -> Convolution:
    """Check the arguments of a convolution; `padding` may also be "valid" or "same" (longer at the end)."""
    kernel, stride, dilation = (
        _pair("kernel", kernel, 1),
        _pair("stride", stride, 1),
        _pair("dilation", dilation, 1),
    )
    if isinstance(groups, bool) or not isinstance(groups, Integral):
        raise TypeError(f"groups={groups!r}: must be an integer")
    if groups < 1:
        raise ValueError(f"groups={groups}: must be at least 1")
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(
                f"padding={padding!r}: must be 'valid', 'same', an integer or a pair of integers"
            )
        if padding == "same" and stride != (1, 1):
            raise ValueError(f"padding='same' is not possible with stride={stride}: it must be 1")
        total = [d * (k - 1) if padding == "same" else 0 for k, d in zip(kernel, dilation, strict=True)]
        sides = (total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2)
    else:
        y, x = _pair("padding", padding, 0)
        sides = (y, y, x, x)
    return Convolution(kernel, stride, sides, dilation, int(groups))


def output_size_of(convolution: Convolution, input_size: tuple[int, int]) -> tuple[int, int]:
    """Size of the result for an input size; ValueError if the kernel does not fit into the padded input."""
    top, bottom, left, right = convolution.padding
    padded = (input_size[0] + top + bottom, input_size[1] + left + right)
    extent = convolution.extent
    if extent[0] > padded[0] or extent[1] > padded[1]:
        raise ValueError(
            f"kernel of extent {extent} is larger than the padded input {padded}: it must fit into it"
        )
    return tuple((p - e) // s + 1 for p, e, s in zip(padded, extent, convolution.stride, strict=True))
