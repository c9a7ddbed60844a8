"""Data-parallel training: every process takes its share of each batch, all take the same step.

``torchrun --nproc-per-node 2 -m pyfdsr train aosrnn ...`` starts such processes. A batch is dealt out in
whole micro-batches, so that the sum of the processes' gradients is the gradient of one process on the whole
batch: the same training, up to the rounding of a sum in another order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["Workers", "WorkerLost", "workers"]


class WorkerLost(RuntimeError):
    """Another process of the training ended; the message says how to go on."""


class Workers:
    """The processes of a training; on its own, one process.

    Attributes
    ----------
    rank, count : int
        Number of this process, from 0, and how many there are. Process 0 writes the files.

    Examples
    --------
    >>> alone = Workers()
    >>> alone.part(np.arange(5), 2).tolist(), alone.leads
    ([0, 1, 2, 3, 4], True)
    """

    rank, count = 0, 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def part(self, rows: np.ndarray, micro_batch: int) -> np.ndarray:
        """Return this process's share of a batch, whole micro-batches, possibly none."""
        return rows

    def add_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """Replace the gradients of all processes by their sum; an absent one counts as zero."""

    def add(self, values: list[float]) -> list[float]:
        """Return the sums of `values` over all processes."""
        return values

    def wait(self) -> None:
        """Wait until all processes have come here."""


class _Group(Workers):
    """Processes of the default group of ``torch.distributed``."""

    def __init__(self) -> None:
        self._group = torch.distributed
        self.rank, self.count = self._group.get_rank(), self._group.get_world_size()

    def part(self, rows: np.ndarray, micro_batch: int) -> np.ndarray:
        micro_batches = -(-len(rows) // micro_batch)
        first, last = (micro_batches * rank // self.count for rank in (self.rank, self.rank + 1))
        return rows[first * micro_batch : last * micro_batch]

    def add_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([parameter.grad.reshape(-1) for parameter in parameters])
        self._summed(flat)
        pieces = flat.split([parameter.numel() for parameter in parameters])
        for parameter, piece in zip(parameters, pieces, strict=True):
            parameter.grad.copy_(piece.view_as(parameter))

    def add(self, values: list[float]) -> list[float]:
        tensor = torch.tensor(values, dtype=torch.float64)
        self._summed(tensor)
        return tensor.tolist()

    def wait(self) -> None:
        self.add([0.0])

    def _summed(self, tensor: torch.Tensor) -> None:
        try:
            self._group.all_reduce(tensor)
        except RuntimeError as error:
            raise WorkerLost(
                f"process {self.rank} of {self.count} lost the others ({str(error).splitlines()[0]}); what "
                "was saved last is whole: start all processes again with --resume"
            ) from error


@contextmanager
def workers() -> Iterator[Workers]:
    """Join the group that torchrun's environment describes; without torchrun, be alone.

    The engine computes on the CPU, so that the processes talk through gloo.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "RANK" not in os.environ:
        yield Workers()
        return
    torch.distributed.init_process_group("gloo")
    try:
        yield _Group()
    finally:
        torch.distributed.destroy_process_group()
