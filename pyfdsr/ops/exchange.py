"""Arrays with ``__cuda_array_interface__`` as tensors that share their memory, and back; order of work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

__all__ = ["in_order", "returned", "tensor_of"]

_LEGACY_DEFAULT = 1  # the interface's number of the stream that torch's default one is


def tensor_of(array: Any) -> Tensor:
    """Return a tensor that shares an array's memory; the work that fills it may still be queued."""
    if isinstance(array, Tensor):
        return array.detach()
    number = getattr(getattr(array, "device", None), "id", None)  # CuPy tells; else the current one
    return torch.as_tensor(array, device="cuda" if number is None else f"cuda:{number}")


def _stream_of(array: Any, device: torch.device) -> torch.cuda.Stream | None:
    """Return the stream on which an array is filled; tensors are torch's own matter."""
    if isinstance(array, Tensor):
        return None
    number = array.__cuda_array_interface__.get("stream")
    if number is None or number == _LEGACY_DEFAULT:  # None: nothing is queued, but the default is used next
        return torch.cuda.default_stream(device)
    return torch.cuda.ExternalStream(number, device)


@contextmanager
def in_order(arrays: Sequence[Any], like: Tensor) -> Iterator[None]:
    """Compute after what is queued for the arrays, and before what their streams are given next.

    torch's current stream computes. The host waits for nothing.
    """
    with torch.no_grad():
        if not like.is_cuda:
            yield
            return
        current = torch.cuda.current_stream(like.device)
        found = [stream for array in arrays if (stream := _stream_of(array, like.device)) is not None]
        others = {stream.cuda_stream: stream for stream in found if stream.cuda_stream != current.cuda_stream}
        for stream in others.values():
            current.wait_stream(stream)
        try:
            yield
        finally:
            for stream in others.values():
                stream.wait_stream(current)


def returned(result: Any, like: Any) -> Any:
    """Return the tensors of a result as arrays of the library that `like` is of, without copying."""
    if isinstance(result, tuple):
        return tuple(returned(part, like) for part in result)
    if not isinstance(result, Tensor):
        return result
    result = result.resolve_conj().resolve_neg()
    library = type(like).__module__.partition(".")[0]
    if library == "cupy":
        return import_module("cupy").from_dlpack(result)
    if library == "numba":
        return import_module("numba.cuda").as_cuda_array(result)
    return result
