"""The compiled module ``pyfdsr._cuda``, and tensors as it takes them: addresses of dense device memory."""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pyfdsr import _plans

__all__ = ["address", "dense", "is_built", "native", "on_device", "parameters_on", "queue", "scratch"]


def _compiled() -> Any:
    try:
        return importlib.import_module("pyfdsr._cuda")
    except ImportError:  # built without CUDA
        return None


_module = _compiled()


def native() -> Any:
    """Return the compiled module, None where the package was built without it."""
    return _module


def is_built() -> bool:
    """Tell whether the package has CUDA kernels."""
    return _module is not None


def dense(tensor: Tensor) -> Tensor:
    """Return a tensor whose memory holds its values in order."""
    return tensor.detach().resolve_conj().resolve_neg().contiguous()


def address(tensor: Tensor | None) -> int:
    """Return where a tensor's memory begins, 0 for None."""
    return 0 if tensor is None else tensor.data_ptr()


def queue(device: torch.device) -> dict[str, int]:
    """Return number and current stream of a device, as every call takes them."""
    if device.type != "cuda":  # the module's stand-in, in tests
        return {"device": 0, "stream": 0}
    index = torch.cuda.current_device() if device.index is None else device.index
    return {"device": index, "stream": torch.cuda.current_stream(index).cuda_stream}


def on_device(values: Any, device: torch.device) -> Tensor:
    """Copy an array to a device once, for calls in any mode of autograd."""
    with torch.inference_mode(False):
        return torch.from_numpy(values).to(device)


def scratch(size: int, device: torch.device) -> Tensor:
    """Return bytes that a call may use; torch reuses them for what the stream does next."""
    return torch.empty(size, dtype=torch.uint8, device=device)


@lru_cache(maxsize=256)
def _numbers_on(values: tuple[float, ...], device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float64).to(device)


_plans.cleared_with_plans.append(_numbers_on.cache_clear)


def parameters_on(parameters: Tensor, device: torch.device) -> Tensor:
    """Return parameters as float64 in a device's memory; plain numbers are copied there once."""
    if parameters.device.type == "cpu" and device.type != "cpu":
        return _numbers_on(tuple(parameters.flatten().tolist()), device)
    return dense(parameters.to(torch.float64))
