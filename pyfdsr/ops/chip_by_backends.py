"""The emulated chip on tensors, by the backend of their device; part of :mod:`pyfdsr.ops.by_backends`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyfdsr.backends import backend_of

from .chip import convolution_arguments, transform_arguments
from .tensors import any_tensor, flat

__all__ = ["chip_conv2d", "chip_dft2"]

_SINGLE = (torch.float32, torch.float16, torch.bfloat16)
_SINGLE_COMPLEX = (torch.complex64, torch.complex32)


def _numbers(ranges: Any) -> Any:
    """Full scales on the host, where plans are made; those of a device are read back."""
    return ranges.tolist() if isinstance(ranges, Tensor) else ranges


def chip_dft2(
    x: Any,
    config: Any,
    ranges: Any = None,
    inverse: bool = False,
    noise: bool | float = True,
    step: int = 0,
    sample: int = 0,
    layer: int = 0,
    return_counts: bool = False,
) -> Any:
    """See :func:`pyfdsr.ops.chip_dft2`; the counts are read from the device when looked at."""
    x = any_tensor("x", x)
    told = transform_arguments(x, config, _numbers(ranges), noise, step, sample, layer)
    single = x.dtype in (*_SINGLE, *_SINGLE_COMPLEX)
    field = flat(x.to(torch.complex64 if single else torch.complex128).contiguous())
    y, counts = backend_of(x).chip_dft2(field, bool(inverse), *told)
    y = y.reshape(x.shape)
    return (y, counts) if return_counts else y


def chip_conv2d(
    x: Any,
    w: Any,
    config: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    ranges: Any = None,
    noise: bool | float = True,
    step: int = 0,
    sample: int = 0,
    layer: int = 0,
    return_counts: bool = False,
) -> Any:
    """See :func:`pyfdsr.ops.chip_conv2d`; the counts are read from the device when looked at."""
    x, w = any_tensor("x", x), any_tensor("w", w)
    bias = None if bias is None else any_tensor("bias", bias)
    ranges = _numbers(ranges)
    told = convolution_arguments(
        x, w, config, bias, stride, padding, dilation, groups, ranges, noise, step, sample, layer
    )
    real = torch.float32 if x.dtype in _SINGLE else torch.float64
    tensors = [None if t is None else t.to(real).contiguous() for t in (x, w, bias)]
    y, counts, *_ = backend_of(x).chip_conv2d(*tensors, *told, int(return_counts), False, False)
    return (y, counts) if return_counts else y
