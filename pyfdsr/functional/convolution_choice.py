"""When a convolution is expected to be faster in the Fourier domain than by torch's own kernels."""

from __future__ import annotations

from pyfdsr._convolution import Convolution

__all__ = ["LONGEST_KERNEL", "prefers_fourier"]

LONGEST_KERNEL = 144
"""The longest transform of a tile; a longer kernel does not fit into it."""

_LEAST_PRODUCTS = 2e7
"""Multiply-accumulates of the direct sum below which a call is too short to gain."""


def prefers_fourier(
    convolution: Convolution,
    channels: tuple[int, int],
    output_size: tuple[int, int],
    batch: int,
    recorded: bool,
) -> bool:
    """Tell whether tiles are expected to beat torch's convolution.

    A rule drawn from measurements (``bench/convolution.py``): the direct sum must be long enough to matter,
    and its kernel larger than the break-even, which depends on how many channels share each transform.

    Parameters
    ----------
    convolution : Convolution
        Its arguments.
    channels : (int, int)
        Input and output channels.
    output_size : (int, int)
        Size of the result.
    batch : int
        Images.
    recorded : bool
        Whether gradients will be wanted, so that the weight's spectra are made anew in every call.

    Returns
    -------
    bool
        True for the Fourier domain.
    """
    inputs, outputs = channels
    area = convolution.kernel[0] * convolution.kernel[1]
    terms = inputs // convolution.groups
    products = batch * outputs * output_size[0] * output_size[1] * terms * area
    if (
        convolution.stride != (1, 1)
        or max(convolution.extent) > LONGEST_KERNEL - 8
        or products < _LEAST_PRODUCTS
    ):
        return False
    if min(output_size) < 16 or min(output_size) * 2 < max(convolution.extent):
        return False
    # Dilated kernels are long but cheap for the direct sum.
    spread = convolution.extent[0] * convolution.extent[1] / area
    if terms == 1 and convolution.groups > 1:
        # torch's depthwise kernels are hard to beat up to 11 and fall off a cliff beyond.
        return outputs == inputs and area >= 144 * spread
    if convolution.groups > 1:
        return terms >= 16 and area >= 49 * spread
    if min(inputs, outputs) >= 16:
        return area >= 25 * spread
    # Few channels share each transform, and training transforms the weights anew.
    return min(inputs, outputs) >= 4 and area >= (81 if recorded else 49) * spread
