"""Threads of the engine and of torch during training and evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pyfdsr import _runtime

__all__ = ["apply_threads", "engine_only_threads"]


def apply_threads(threads: int | None) -> None:
    """Set the threads of torch and of the engine; None leaves both as they are."""
    if threads is not None:
        torch.set_num_threads(threads)
        _runtime.set_num_threads(threads)


@contextmanager
def engine_only_threads(threads: int | None) -> Iterator[None]:
    """Give the engine `threads` (None: as many as it would use now) and torch one; then undo both.

    Outside the engine a training step is elementwise work on two megabytes. A second thread would save a
    millisecond, but torch's idle threads go on spinning on the cores that the engine wants next. With one,
    the order of every sum is also fixed, so that a run has the same bits whatever the number of threads.
    """
    torch_before, engine_before = torch.get_num_threads(), _runtime._threads
    engine = _runtime.get_num_threads() if threads is None else threads
    torch.set_num_threads(1)
    _runtime.set_num_threads(engine)
    try:
        yield
    finally:
        torch.set_num_threads(torch_before)
        _runtime.set_num_threads(engine_before)
