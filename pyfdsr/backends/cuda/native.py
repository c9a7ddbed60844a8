"""The compiled module ``pyfdsr._cuda``, and tensors as it takes them: addresses of dense device memory."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyfdsr import _plans

from ..constants import kept_for_later

__all__ = [
    "address",
    "constant",
    "dense",
    "in_use",
    "is_built",
    "launch",
    "native",
    "number_of",
    "parameters_on",
    "product_ways",
    "scratch",
    "serves",
]


def _compiled() -> Any:
    try:
        return importlib.import_module("pyfdsr._cuda")
    except ModuleNotFoundError:  # built without CUDA
        return None


_module = _compiled()

# Memory that captured graphs read lies outside of their pool and must outlive them.
_captured: list[Tensor] = []


def native() -> Any:
    """Return the compiled module, None where the package was built without it."""
    return _module


def is_built() -> bool:
    """Tell whether the package has CUDA kernels."""
    return _module is not None


def number_of(device: torch.device) -> int:
    """Return the number of a device that the kernels can reach."""
    if device.type == "cuda":
        return torch.cuda.current_device() if device.index is None else device.index
    if _module.architectures != "host":  # where the kernels would read host memory
        raise ValueError(f"a tensor is on device {device}: the CUDA kernels take cuda tensors")
    return 0


@lru_cache(maxsize=64)
def _serves(module: Any, number: int) -> bool:
    return module.serves(number)


def serves(device: torch.device) -> bool:
    """Tell whether the kernels were compiled for a device."""
    return _serves(_module, number_of(device))


def product_ways(double: bool) -> tuple[str, ...]:
    """Return how plans are to compute products, the first that fits a device."""
    return ("fma",) if double else tuple(dict.fromkeys((_plans.float32_products(), "fma")))


def dense(tensor: Tensor) -> Tensor:
    """Return a tensor whose memory holds its values in order."""
    return tensor.detach().resolve_conj().resolve_neg().contiguous()


def address(tensor: Tensor | None) -> int:
    """Return where a tensor's memory begins, 0 for None."""
    return 0 if tensor is None else tensor.data_ptr()


def launch(function: Callable[..., Any], device: torch.device, **arguments: Any) -> None:
    """Call with the number and the current stream of a device, which is the current one meanwhile."""
    number = number_of(device)
    if device.type != "cuda":
        function(device=number, stream=0, **arguments)
        return
    with torch.cuda.device(number):
        function(device=number, stream=torch.cuda.current_stream(number).cuda_stream, **arguments)


def constant(values: np.ndarray, device: torch.device) -> Tensor:
    """Copy an array to a device, to be kept."""
    with kept_for_later():
        return torch.from_numpy(values).to(device)


def in_use(tensor: Tensor) -> Tensor:
    """Keep a cached tensor for what is queued now, also should its cache forget it."""
    if tensor.device.type == "cuda":
        if torch.cuda.is_current_stream_capturing():
            _captured.append(tensor)
        else:
            tensor.record_stream(torch.cuda.current_stream(tensor.device))
    return tensor


def scratch(size: int, device: torch.device) -> Tensor:
    """Return bytes that a call may use; torch reuses them for what the stream does next."""
    return torch.empty(size, dtype=torch.uint8, device=device)


@lru_cache(maxsize=256)
def _numbers_on(values: tuple[float, ...], device: torch.device) -> Tensor:
    return constant(np.array(values), device)


_plans.cleared_with_plans.append(_numbers_on.cache_clear)


def parameters_on(parameters: Tensor, device: torch.device) -> Tensor:
    """Return parameters as float64 in a device's memory; plain numbers are copied there once."""
    if parameters.device.type == "cpu" and device.type != "cpu":
        return in_use(_numbers_on(tuple(parameters.flatten().tolist()), device))
    return dense(parameters.to(torch.float64))
