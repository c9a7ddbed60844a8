"""Torch operations in the precision of their arguments, whatever autocast says."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["COMPLEX_OF", "in_own_precision"]

COMPLEX_OF = {torch.float32: torch.complex64, torch.float64: torch.complex128}


def in_own_precision(function: Callable[..., Any]) -> Callable[..., Any]:
    """Switch autocast off inside of a function: callers have cast what is to be cast.

    A backend's function must not record gradients either, also where it is called without autograd's.
    """

    @functools.wraps(function)
    def called(*arguments: Any) -> Any:
        with torch.no_grad():
            device = next(a for a in arguments if isinstance(a, torch.Tensor)).device.type
            if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
                return function(*arguments)
            with torch.autocast(device, enabled=False):
                return function(*arguments)

    return called
