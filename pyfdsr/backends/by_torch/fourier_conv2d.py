"""The convolution and its two adjoints by torch.fft, or by torch's own kernels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pyfdsr._convolution import PADDING_MODES, Convolution

from .correlation import Choice, choose, correlate, correlate_for_kernels
from .precision import in_own_precision
from .tile_transforms import laid_out
from .wide_map import WideMap

__all__ = [
    "convolve",
    "convolve_adjoint_input",
    "convolve_adjoint_weight",
    "fourier_conv2d",
    "fourier_conv2d_adjoint_input",
    "fourier_conv2d_adjoint_weight",
    "fourier_conv2d_adjoints",
]


def _convolution_of(settings: list[int]) -> tuple[Convolution, tuple[int, int]]:
    ky, kx, sy, sx, top, bottom, left, right, dy, dx, groups, height, width, mode = map(int, settings)
    pads = (top, bottom, left, right)
    return Convolution((ky, kx), (sy, sx), pads, (dy, dx), groups, PADDING_MODES[mode]), (height, width)


def _padding_adjoint(v: Tensor, convolution: Convolution, size: tuple[int, int]) -> Tensor:
    """Cotangent of what was padded."""
    top, bottom, left, right = convolution.padding
    mode = convolution.padding_mode
    if mode in ("replicate", "reflect"):
        like = v.new_empty(*v.shape[:2], *size)
        name = "replication" if mode == "replicate" else "reflection"
        return getattr(torch.ops.aten, f"{name}_pad2d_backward")(
            v.contiguous(), like, [left, right, top, bottom]
        )
    for axis, before, after in ((2, top, bottom), (3, left, right)):
        n = size[axis - 2]
        inside = v.narrow(axis, before, n)
        if mode == "circular" and before + after:
            inside = inside.clone()
            inside.narrow(axis, n - before, before).add_(v.narrow(axis, 0, before))
            inside.narrow(axis, 0, after).add_(v.narrow(axis, before + n, after))
        v = inside
    return v


def _dilated(weight: Tensor, convolution: Convolution) -> Tensor:
    """Kernels with the dilation's zeros."""
    if convolution.dilation == (1, 1):
        return weight
    dy, dx = convolution.dilation
    spread = weight.new_zeros(*weight.shape[:2], *convolution.extent)
    spread[..., ::dy, ::dx] = weight
    return spread


def _places(v: Tensor, convolution: Convolution, size: tuple[int, int]) -> WideMap:
    """Cotangents with the stride's zeros, of every place that the kernel has in the padded map."""
    top, bottom, left, right = convolution.padding
    (ey, ex), (sy, sx) = convolution.extent, convolution.stride
    below = size[0] + top + bottom - ey - sy * (v.shape[2] - 1)
    behind = size[1] + left + right - ex - sx * (v.shape[3] - 1)
    return WideMap(v, (0, below, 0, behind), "zeros", convolution.stride)


def _turned(weight: Tensor, groups: int) -> Tensor:
    """Kernels that lead from outputs to inputs."""
    outputs, inputs, ey, ex = weight.shape
    split = weight.reshape(groups, outputs // groups, inputs, ey, ex).transpose(1, 2)
    return split.reshape(groups * inputs, outputs // groups, ey, ex).flip(2, 3)


def _is_channels_last(tensor: Tensor) -> bool:
    return not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)


def _by_torch(v: Tensor, x: Tensor, weight: Tensor, c: Convolution, wanted: list[bool]) -> list[Tensor]:
    return torch.ops.aten.convolution_backward(
        v, x, weight, None, c.stride, [0, 0], c.dilation, False, [0, 0], c.groups, [*wanted, False]
    )


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, settings: list[int], algorithm: str, choice: Choice
) -> Tensor:
    """Convolve as :func:`fourier_conv2d` does, with a backend's transforms."""
    c, _ = _convolution_of(settings)
    wide = WideMap(x, c.padding, c.padding_mode)
    if algorithm == "spatial":
        y = F.conv2d(wide.tensor(), weight, bias, c.stride, 0, c.dilation, c.groups)
        return laid_out(y, _is_channels_last(x))
    return correlate(
        wide,
        _dilated(weight, c),
        c.groups,
        algorithm,
        choice,
        stride=c.stride,
        bias=bias,
        channels_last=_is_channels_last(x),
    )


def convolve_adjoint_input(
    v: Tensor, weight: Tensor, settings: list[int], algorithm: str, choice: Choice
) -> Tensor:
    """Return what :func:`fourier_conv2d_adjoint_input` does, with a backend's transforms."""
    c, size = _convolution_of(settings)
    top, bottom, left, right = c.padding
    last = _is_channels_last(v)
    if algorithm == "spatial":
        wide = v.new_empty(
            v.shape[0], weight.shape[1] * c.groups, size[0] + top + bottom, size[1] + left + right
        )
        v_wide = _by_torch(v, wide, weight, c, [True, False])[0]
        return laid_out(_padding_adjoint(v_wide, c, size), last)
    places, (ey, ex) = _places(v, c, size), c.extent
    _, below, _, behind = places.padding
    # Padded zeros have no cotangent; what else was padded has one, to be added to that of its source.
    zeros = c.padding_mode == "zeros"
    out = (top, bottom, left, right) if zeros else (0, 0, 0, 0)
    around = (ey - 1 - out[0], below + ey - 1 - out[1], ex - 1 - out[2], behind + ex - 1 - out[3])
    turned = _turned(_dilated(weight, c), c.groups)
    places = places._replace(padding=around)
    v_x = correlate(places, turned, c.groups, algorithm, choice, channels_last=last and zeros)
    return v_x if zeros else laid_out(_padding_adjoint(v_x, c, size), last)


def convolve_adjoint_weight(
    v: Tensor, x: Tensor, settings: list[int], algorithm: str, choice: Choice
) -> Tensor:
    """Return what :func:`fourier_conv2d_adjoint_weight` does, with a backend's transforms."""
    c, size = _convolution_of(settings)
    wide = WideMap(x, c.padding, c.padding_mode)
    if algorithm == "spatial":
        weight = v.new_empty(v.shape[1], x.shape[1] // c.groups, *c.kernel)
        return _by_torch(v, wide.tensor(), weight, c, [False, True])[1].contiguous()
    return correlate_for_kernels(_places(v, c, size), wide, c.groups, c.dilation, algorithm, choice)


@in_own_precision
def fourier_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, settings: list[int], algorithm: str, keep: int
) -> Tensor:
    """Convolve.

    Parameters
    ----------
    x : Tensor, [B, Ci, H, W]
    weight : Tensor, [Co, Ci / groups, ky, kx]
    bias : Tensor or None, [Co]
    settings : list of int
        Kernel, stride, padding (top, bottom, left, right), dilation, groups, size of the input, number of the
        padding's mode.
    algorithm : {"auto", "spatial", "tiled", "fourier"}
        ``"spatial"`` is torch's own convolution.
    keep : int
        Whether a backend may keep the spectra of the weight; this one does not.

    Returns
    -------
    Tensor, [B, Co, Oy, Ox]
        In the memory format of `x`.
    """
    return convolve(x, weight, bias, settings, algorithm, choose)


@in_own_precision
def fourier_conv2d_adjoint_input(v: Tensor, weight: Tensor, settings: list[int], algorithm: str) -> Tensor:
    """Return the cotangent of the input, [B, Ci, H, W], for that of the result."""
    return convolve_adjoint_input(v, weight, settings, algorithm, choose)


@in_own_precision
def fourier_conv2d_adjoint_weight(v: Tensor, x: Tensor, settings: list[int], algorithm: str) -> Tensor:
    """Return the cotangent of the weight, [Co, Ci / groups, ky, kx], for that of the result."""
    return convolve_adjoint_weight(v, x, settings, algorithm, choose)


def fourier_conv2d_adjoints(
    v: Tensor, x: Tensor, weight: Tensor, settings: list[int], algorithm: str
) -> tuple[Tensor, Tensor]:
    """Return both cotangents, of input and weight."""
    return (
        fourier_conv2d_adjoint_input(v, weight, settings, algorithm),
        fourier_conv2d_adjoint_weight(v, x, settings, algorithm),
    )
