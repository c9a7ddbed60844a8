"""Tensors as arrays of the compiled core, and the threads that it runs on."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyfdsr import _core
from pyfdsr._runtime import get_num_threads as threads

__all__ = ["array_of", "batched", "tensor_or_none", "threads"]


def _share_threads_with_torch() -> None:
    """Let the calls of this thread run on torch's OpenMP threads.

    Those threads spin for a while after each operator of torch; a pool beside them would wait for its cores.
    """
    with contextlib.suppress(OSError, AttributeError):
        loaded = {
            line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libgomp" in line
        }
        for path in loaded:
            library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD)
            _core.set_fork_join(ctypes.cast(library.GOMP_parallel, ctypes.c_void_p).value)


_share_threads_with_torch()


def array_of(tensor: Tensor) -> np.ndarray:
    """Return a CPU tensor as a C-contiguous array, sharing its memory wherever its layout allows."""
    return tensor.detach().resolve_conj().resolve_neg().contiguous().numpy()


def batched(array: np.ndarray) -> np.ndarray:
    """Flatten the leading axes: [..., y, x] to [B, y, x]."""
    return array.reshape(-1, *array.shape[-2:])


def tensor_or_none(array: Any) -> Tensor | None:
    """Return an array as a tensor; None stays None."""
    return None if array is None else torch.from_numpy(array)
