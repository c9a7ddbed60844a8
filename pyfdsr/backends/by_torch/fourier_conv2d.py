"""The convolution and its two adjoints by torch.fft, or by torch's own kernels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pyfdsr._convolution import PADDING_MODES, Convolution

from .correlation import correlate, correlate_for_kernels
from .precision import in_own_precision

__all__ = ["fourier_conv2d", "fourier_conv2d_adjoint_input", "fourier_conv2d_adjoint_weight"]


def _convolution_of(settings: list[int]) -> tuple[Convolution, tuple[int, int]]:
    ky, kx, sy, sx, top, bottom, left, right, dy, dx, groups, height, width, mode = map(int, settings)
    pads = (top, bottom, left, right)
    return Convolution((ky, kx), (sy, sx), pads, (dy, dx), groups, PADDING_MODES[mode]), (height, width)


def _padded(x: Tensor, convolution: Convolution) -> Tensor:
    top, bottom, left, right = convolution.padding
    if not any(convolution.padding):
        return x
    mode = convolution.padding_mode
    return F.pad(x, (left, right, top, bottom), mode="constant" if mode == "zeros" else mode)


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


def _dense(v: Tensor, convolution: Convolution, size: tuple[int, int]) -> Tensor:
    """Cotangents with the stride's zeros, of every place that the kernel has in the padded map."""
    top, bottom, left, right = convolution.padding
    places = [
        n + pads - e + 1
        for n, pads, e in zip(size, (top + bottom, left + right), convolution.extent, strict=True)
    ]
    if list(v.shape[2:]) == places:
        return v
    dense = v.new_zeros(*v.shape[:2], *places)
    sy, sx = convolution.stride
    dense[..., : sy * (v.shape[2] - 1) + 1 : sy, : sx * (v.shape[3] - 1) + 1 : sx] = v
    return dense


def _turned(weight: Tensor, groups: int) -> Tensor:
    """Kernels that lead from outputs to inputs."""
    outputs, inputs, ey, ex = weight.shape
    split = weight.reshape(groups, outputs // groups, inputs, ey, ex).transpose(1, 2)
    return split.reshape(groups * inputs, outputs // groups, ey, ex).flip(2, 3)


def _laid_out_like(y: Tensor, reference: Tensor) -> Tensor:
    last = not reference.is_contiguous() and reference.is_contiguous(memory_format=torch.channels_last)
    return y.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _by_torch(v: Tensor, x: Tensor, weight: Tensor, c: Convolution, wanted: list[bool]) -> list[Tensor]:
    return torch.ops.aten.convolution_backward(
        v, x, weight, None, c.stride, [0, 0], c.dilation, False, [0, 0], c.groups, [*wanted, False]
    )


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
    c, _ = _convolution_of(settings)
    wide = _padded(x, c)
    if algorithm == "spatial":
        return _laid_out_like(F.conv2d(wide, weight, bias, c.stride, 0, c.dilation, c.groups), x)
    y = correlate(wide, _dilated(weight, c), c.groups, algorithm)[..., :: c.stride[0], :: c.stride[1]]
    return _laid_out_like(y if bias is None else y + bias[:, None, None], x)


@in_own_precision
def fourier_conv2d_adjoint_input(v: Tensor, weight: Tensor, settings: list[int], algorithm: str) -> Tensor:
    """Return the cotangent of the input, [B, Ci, H, W], for that of the result."""
    c, size = _convolution_of(settings)
    top, bottom, left, right = c.padding
    if algorithm == "spatial":
        wide = v.new_empty(
            v.shape[0], weight.shape[1] * c.groups, size[0] + top + bottom, size[1] + left + right
        )
        v_wide = _by_torch(v, wide, weight, c, [True, False])[0]
    else:
        ey, ex = c.extent
        around = F.pad(_dense(v, c, size), (ex - 1, ex - 1, ey - 1, ey - 1))
        v_wide = correlate(around, _turned(_dilated(weight, c), c.groups), c.groups, algorithm)
    return _laid_out_like(_padding_adjoint(v_wide, c, size), v)


@in_own_precision
def fourier_conv2d_adjoint_weight(v: Tensor, x: Tensor, settings: list[int], algorithm: str) -> Tensor:
    """Return the cotangent of the weight, [Co, Ci / groups, ky, kx], for that of the result."""
    c, size = _convolution_of(settings)
    wide = _padded(x, c)
    if algorithm == "spatial":
        weight = v.new_empty(v.shape[1], x.shape[1] // c.groups, *c.kernel)
        return _by_torch(v, wide, weight, c, [False, True])[1].contiguous()
    found = correlate_for_kernels(_dense(v, c, size), wide, c.extent, c.groups, algorithm)
    return found[..., :: c.dilation[0], :: c.dilation[1]].contiguous()
