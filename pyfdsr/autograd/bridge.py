"""What every operator of this layer shares: tensors as arrays, plans by geometry, traced operators."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyfdsr import _core, _plans
from pyfdsr._runtime import get_num_threads as threads

__all__ = [
    "CORE",
    "CallbackAddresses",
    "Geometry",
    "array_of",
    "batched",
    "eager_forward",
    "is_double",
    "stack_plan",
    "threads",
    "traced_operator",
    "transform_plan",
]

CORE = "{version} {isa}".format(**_core.build_info())
"""The version and instruction set of the core, on which the layout of a stack's tape depends."""


class Geometry(NamedTuple):
    """Sizes of one windowed DFT, every one a (y, x) pair."""

    window: tuple[int, int]
    band: tuple[int, int]
    grid: tuple[float, float]
    centred: bool


class CallbackAddresses(list):
    """Addresses of compiled responses (two a layer), which live only as long as their `owners`."""

    def __init__(self, addresses: Sequence[int], owners: Sequence[Any]) -> None:
        super().__init__(addresses)
        self.owners = tuple(owners)


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


def is_double(tensor: Tensor) -> bool:
    """Tell whether a tensor holds double precision."""
    return tensor.dtype in (torch.float64, torch.complex128)


def _integers(sizes: Sequence[int]) -> tuple[int, int]:
    # Sizes are symbols while a graph with dynamic shapes is traced; a plan is for one geometry.
    return int(sizes[0]), int(sizes[1])


def _reals(sizes: Sequence[float]) -> tuple[float, float]:
    return float(sizes[0]), float(sizes[1])


def transform_plan(geometry: Geometry, double: bool) -> Any:
    """Return the cached plan of a windowed DFT."""
    window, band, grid, centred = geometry
    return _plans.windowed_dft_plan(_integers(window), _integers(band), _reals(grid), centred, double)


def stack_plan(geometry: Geometry, support: Sequence[int], nonlinearities: str, double: bool) -> Any:
    """Return the cached plan of a stack of 4f layers; `nonlinearities` is a comma-separated list of kinds."""
    window, band, grid, centred = geometry
    kinds = tuple(nonlinearities.split(","))
    return _plans.four_f_stack_plan(
        _integers(window), _integers(support), _integers(band), _reals(grid), centred, kinds, double
    )


def eager_forward(
    implementation: Callable[..., Any], setup_context: Callable[..., None]
) -> Callable[..., Any]:
    """Join the two halves of a traced operator's forward pass into that of a ``torch.autograd.Function``.

    Torch accepts the halves as they are, but then inspects their signature on every call, which takes longer
    than a small stack itself.
    """

    def forward(ctx: Any, *inputs: Any) -> Any:
        output = implementation(*inputs)
        setup_context(ctx, inputs, output)
        return output

    return staticmethod(forward)


def traced_operator(
    name: str,
    implementation: Callable[..., Any],
    fake: Callable[..., Any],
    setup_context: Callable[..., None] | None = None,
    backward: Callable[..., Any] | None = None,
    **operators: Callable[..., Any],
) -> Callable[..., Any]:
    """Register `implementation` as the operator ``pyfdsr::name``, for graphs that ``torch.compile`` traces.

    Parameters
    ----------
    name : str
        Name within the namespace ``pyfdsr``.
    implementation, fake : callable
        The operator on real tensors, and the shapes and dtypes of its results on fake ones. The annotations
        of `implementation` give the schema.
    setup_context, backward : callable, optional
        The same functions that serve the eager ``torch.autograd.Function``. Without them the operator has no
        derivative.
    **operators : callable
        Traced operators that `backward` calls in place of the eager ones, by its keyword.

    Returns
    -------
    callable
        The registered operator.
    """
    operator = torch.library.custom_op(f"pyfdsr::{name}", implementation, mutates_args=(), device_types="cpu")
    operator.register_fake(fake)
    if backward is not None:
        operators = {keyword: operator if value is None else value for keyword, value in operators.items()}
        operator.register_autograd(partial(backward, **operators), setup_context=setup_context)
    return operator
