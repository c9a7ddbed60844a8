"""Whether the tensors of a convolution fit together, and in which precision it is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .checks import autocasts

__all__ = ["in_precision", "is_sound", "kind_of", "result_dtype"]

_KNOWN = {
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
    *(torch.complex64, torch.complex128),
}


def kind_of(tensor: Tensor) -> tuple[Any, ...]:
    """Return all of a tensor that soundness depends on, to be looked up."""
    return tensor.shape, tensor.dtype, tensor.device if tensor.layout == torch.strided else None


def is_sound(kinds: Sequence[Any], groups: int, inputs: int, outputs: int) -> bool:
    """Tell whether the arguments fit together."""
    # Everything else is torch's to compute or to refuse, in its own words.
    (input_shape, *_), (weight_shape, *_), *bias = kinds
    devices = {device for _, _, device in kinds}
    if len(devices) > 1 or None in devices:
        return False
    if len(weight_shape) != 4 or len(input_shape) not in (3, 4) or 0 in weight_shape or 0 in input_shape:
        return False
    dtypes = {dtype for _, dtype, _ in kinds}
    if not dtypes <= _KNOWN or (
        len(dtypes) > 1 and len({result_dtype(dtype, kinds[0][2].type) for dtype in dtypes}) > 1
    ):
        return False
    if not isinstance(groups, int) or groups < 1:
        return False
    if input_shape[-3] != inputs or outputs % groups or weight_shape[0] % groups:
        return False
    return not bias or tuple(bias[0][0]) == (outputs,)


def in_precision(tensor: Tensor) -> Tensor:
    """Widen half precisions."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def result_dtype(dtype: torch.dtype, device: str) -> torch.dtype:
    """Return the dtype of a result under the present autocast."""
    # Autocast leaves double precision and complex numbers alone.
    if dtype in (torch.float32, torch.float16, torch.bfloat16) and autocasts(device):
        return torch.get_autocast_dtype(device)
    return dtype
