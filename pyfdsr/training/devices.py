"""Devices that training and evaluation run on: which there are, and what waits for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["fits", "is_host", "number_or_tensor", "usable_device"]

_SHARE_OF_FREE_MEMORY = 0.5
_ASSUMED = 2 << 30  # bytes; only CUDA devices say how much memory is free


def usable_device(device: Any) -> torch.device:
    """Return a device of torch after trying it.

    Parameters
    ----------
    device : str or torch.device
        As torch writes them: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"`` …

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If torch knows no such device, it is not available here, or it keeps no values ("meta").

    Examples
    --------
    >>> usable_device("cpu")
    device(type='cpu')
    >>> usable_device("gpu")
    Traceback (most recent call last):
        ...
    ValueError: device='gpu': must be a device of torch, such as cpu, cuda or cuda:1
    """
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(
            f"device={str(device)!r}: must be a device of torch, such as cpu, cuda or cuda:1"
        ) from None
    try:
        tried = torch.zeros(1, device=found)
        tried.cpu()
    # What a device that is not there raises depends on its kind and on how torch was built.
    except (RuntimeError, AssertionError, ImportError, AttributeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"device={str(device)!r}: must be a device that can be used here ({reason})"
        ) from error
    return tried.device


def is_host(device: torch.device) -> bool:
    """Tell whether a device is the CPU, of which reading a value waits for nothing."""
    return device.type == "cpu"


def number_or_tensor(value: Tensor) -> float | Tensor:
    """Return a value as a number where reading it is free, else as a tensor of double precision.

    Examples
    --------
    >>> number_or_tensor(torch.tensor(0.5))
    0.5
    """
    value = value.detach()
    if is_host(value.device):
        return float(value)
    return value.to(torch.float32 if value.device.type == "mps" else torch.float64)


def fits(size: int, device: torch.device) -> bool:
    """Tell whether so many bytes leave room for the rest in a device's memory."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _ASSUMED / _SHARE_OF_FREE_MEMORY
    return size <= _SHARE_OF_FREE_MEMORY * free
