"""A training step as a CUDA graph: recorded once, then started as a whole by one call of the host."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["GraphedStep"]

_FIRST_STEPS = 3  # torch's advice: they make plans, the optimiser's state and workspaces


class GraphedStep:
    """Takes training steps; those of the usual batch, but for the first few, by replaying a recording.

    The first steps, and those of a smaller batch (the last of an epoch), are run as they are. Every step
    counts: none is only for warming up. Another peak intensity, which is a constant of the recording, is
    recorded anew.

    Parameters
    ----------
    step : callable
        ``step(index, count, peak)`` takes an optimiser step on the images `index` (int64 tensor on the
        device, `count` of them) and returns tensors by name. It must neither read values back nor copy from
        the host once it has run a few times, and its optimiser must be capturable.
    batch : int
        Images of the usual batch.
    device : torch.device
    """

    def __init__(
        self, step: Callable[[Tensor, int, float], dict[str, Tensor]], batch: int, device: torch.device
    ) -> None:
        self._step, self._batch, self._device = step, batch, device
        self._side = torch.cuda.Stream(device)
        self._index = torch.zeros(batch, dtype=torch.int64, device=device)  # where a recording reads it
        self._first_steps = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._peak = 0.0
        self._results: dict[str, Tensor] = {}

    def __call__(self, index: Tensor, count: int, peak: float) -> dict[str, Tensor]:
        """Take a step; what is returned must be used before the next one, which may overwrite it."""
        if count != self._batch or self._first_steps < _FIRST_STEPS:
            self._first_steps += count == self._batch
            return self._as_it_is(index, count, peak)
        if self._graph is None or self._peak != peak:
            self._record(peak)
        self._index.copy_(index)
        self._graph.replay()
        return self._results

    def _as_it_is(self, index: Tensor, count: int, peak: float) -> dict[str, Tensor]:
        # On the stream that is recorded, too: autograd remembers where a parameter's gradient was added.
        current = torch.cuda.current_stream(self._device)
        self._side.wait_stream(current)
        with torch.cuda.stream(self._side):
            results = self._step(index, count, peak)
        current.wait_stream(self._side)
        return results

    def _record(self, peak: float) -> None:
        torch.cuda.synchronize(self._device)  # a graph that still runs must not be dropped
        self._graph, self._results = None, {}  # gives its memory back before the next one asks for some
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device), torch.cuda.graph(graph, stream=self._side):
            self._results = self._step(self._index, self._batch, peak)
        self._graph, self._peak = graph, peak
