"""The face of the engine (arrays or tensors) chosen by the kind of the argument; torch is never imported."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

__all__ = ["as_numpy", "compiling", "engine", "is_tensor", "like", "namespace", "real_and_complex"]


def is_tensor(x: Any) -> bool:
    """Whether `x` is a torch tensor; False while torch is not loaded."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def namespace(x: Any) -> Any:
    """Return the module ``torch`` for a tensor and ``numpy`` for anything else."""
    return sys.modules["torch"] if is_tensor(x) else np


def compiling() -> bool:
    """Whether torch.compile is tracing, when values cannot be looked at."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_compiling()


def engine(x: Any) -> Any:
    """Return ``pyfdsr.functional`` for a tensor and ``pyfdsr.ops`` for anything else."""
    return importlib.import_module("pyfdsr.functional" if is_tensor(x) else "pyfdsr.ops")


def as_numpy(x: Any, dtype: Any = None) -> np.ndarray:
    """NumPy array of an array, a sequence, or a tensor on any device."""
    return np.asarray(x.detach().cpu().resolve_conj().numpy() if is_tensor(x) else x, dtype=dtype)


def like(values: np.ndarray, x: Any) -> Any:
    """Return real `values` as a tensor or array of the real precision and device of `x`."""
    single = str(x.dtype).removeprefix("torch.") in (
        "float16",
        "bfloat16",
        "float32",
        "complex64",
        "complex32",
    )
    values = values.astype(np.float32 if single else np.float64)
    if not is_tensor(x):
        return values
    return sys.modules["torch"].from_numpy(values).to(x.device, non_blocking=True)


def real_and_complex(name: str, x: Any, allow_complex: bool = True) -> Any:
    """Return `x` as an array or tensor of at least two axes and single or double precision.

    Raises
    ------
    TypeError, ValueError
        If `x` holds integers, booleans or (unless allowed) complex numbers, or has fewer than two axes.
    """
    x = x if is_tensor(x) else np.asarray(x)
    dtype = str(x.dtype).removeprefix("torch.")
    kinds = ("float32", "float64") + (("complex64", "complex128") if allow_complex else ())
    if x.ndim < 2:
        raise ValueError(f"{name} has shape {tuple(x.shape)}: at least two axes (y, x) are needed")
    if dtype in ("float16", "bfloat16"):
        return x.float() if is_tensor(x) else x.astype(np.float32)
    if dtype not in kinds:
        raise TypeError(f"{name} has dtype {dtype}: must be {' or '.join(kinds)}")
    return x
