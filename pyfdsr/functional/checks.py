"""Checks and casts of the tensors that users pass in; messages name argument, value and rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "aperture_of",
    "autocasts",
    "cast",
    "check_devices",
    "complex_field",
    "constant_in_graphs",
    "precision_of",
    "tensor_of",
    "window_of",
]

_REAL = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_COMPLEX_OF = {torch.float32: torch.complex64, torch.float64: torch.complex128}
_COMPLEX = (torch.complex64, torch.complex128, torch.complex32)


def tensor_of(name: str, value: Any, *, allow_real: bool = True, allow_complex: bool = True) -> Tensor:
    """Return `value` if it is a dense tensor of a floating dtype that is allowed here."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}: must be a torch.Tensor")
    if value.dtype not in (_REAL if allow_real else ()) + (_COMPLEX if allow_complex else ()):
        kinds = " or ".join(["real floating"] * allow_real + ["complex"] * allow_complex)
        raise TypeError(f"{name} has dtype {value.dtype}: must be {kinds}")
    if value.layout != torch.strided:
        raise TypeError(f"{name} has layout {value.layout}: must be dense (torch.strided)")
    return value


def check_devices(name: str, tensor: Tensor, other_name: str, other: Tensor) -> None:
    """Refuse two tensors of one call that lie on different devices."""
    if tensor.device != other.device:
        raise ValueError(
            f"{other_name} is on device {other.device} and {name} on {tensor.device}: all tensors of a call "
            "must be on one device"
        )


def autocasts(device: str) -> bool:
    """Tell whether autocast is on for a type of device."""
    if device == "cpu":
        return torch.is_autocast_enabled("cpu")
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def constant_in_graphs(function: Callable[..., Any]) -> Callable[..., Any]:
    """Have torch.compile call `function` while it traces and keep the result as a constant of the graph."""
    # torch.compiler.assume_constant_result sets this mark, but first imports the compiler for seconds.
    function._dynamo_marked_constant = True
    return function


def window_of(name: str, tensor: Tensor) -> tuple[int, int]:
    """Return the last two sizes of a field."""
    if tensor.ndim < 2:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}: must have at least two axes (y, x)")
    if tensor.shape[-2] < 1 or tensor.shape[-1] < 1:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}: the last two axes must not be empty")
    return tensor.shape[-2], tensor.shape[-1]


def precision_of(*tensors: Tensor | None) -> torch.dtype:
    """Return float64 if any tensor holds double precision, else float32 (half precisions included)."""
    double = any(
        tensor is not None and tensor.dtype in (torch.float64, torch.complex128) for tensor in tensors
    )
    return torch.float64 if double else torch.float32


def cast(tensor: Tensor, precision: torch.dtype) -> Tensor:
    """Cast to a real precision, keeping complex tensors complex."""
    return tensor.to(_COMPLEX_OF[precision] if tensor.is_complex() else precision)


def complex_field(tensor: Tensor, precision: torch.dtype) -> Tensor:
    """Cast to the complex dtype of a real precision."""
    return tensor.to(_COMPLEX_OF[precision])


def _array_like(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}={value!r}: must be a tensor or an array of real floating numbers") from error


def aperture_of(
    value: Any, band: tuple[int, int], layers: int, precision: torch.dtype, field: Tensor
) -> Tensor | None:
    """Return an aperture as a real tensor [K, My, Mx] of 1 to `layers` masks, on the field's device."""
    if value is None:
        return None
    aperture = _array_like("aperture", value)
    if aperture.dtype not in _REAL:
        hint = "; use transfer for complex masks" if aperture.is_complex() else ""
        raise TypeError(f"aperture has dtype {aperture.dtype}: must be real floating{hint}")
    if aperture.requires_grad:
        raise ValueError("aperture requires a gradient, which it has none of: use transfer for trained masks")
    if isinstance(value, Tensor):
        check_devices("field", field, "aperture", aperture)
    stacked = aperture[None] if aperture.ndim == 2 else aperture
    if stacked.ndim != 3 or tuple(stacked.shape[1:]) != band or not 1 <= stacked.shape[0] <= layers:
        raise ValueError(
            f"aperture has shape {tuple(aperture.shape)}: must be {band} or (K, {band[0]}, {band[1]}) with "
            f"1 <= K <= {layers}"
        )
    return stacked.to(field.device, precision)
