"""What the emulated chip's converters met: counts and histograms, gathered on the device, read when asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Counts", "Gauge", "histograms_of"]

_BINS = 2**14
"""Of a histogram: exponent and six bits of the mantissa of a single-precision number, as in the core."""
_SHIFT = 17

_COUNTED = ("dac_values", "dac_clipped", "adc_values", "adc_clipped")
_COUNTED_BY_KERNELS = _COUNTED[1:]


def _bins_of(values: Tensor) -> Tensor:
    """Return the bin of each magnitude."""
    return (values.abs().to(torch.float32).view(torch.int32) >> _SHIFT).to(torch.int64) & (_BINS - 1)


class Gauge:
    """Counts of one transform and, if wanted, histograms [2 (DAC, ADC), passes, _BINS]."""

    def __init__(self, passes: int, device: torch.device | None) -> None:
        self._sums: dict[str, int | Tensor] = dict.fromkeys(_COUNTED, 0)
        self._counters: Tensor | None = None
        self.histograms = None
        if device is not None:
            self.histograms = torch.zeros(2, passes, _BINS, dtype=torch.int64, device=device)

    def add(self, name: str, count: int | Tensor) -> None:
        """Add a number, or the sum of a tensor's values."""
        self._sums[name] = self._sums[name] + (count if isinstance(count, int) else count.sum())

    def counters(self, device: torch.device) -> Tensor:
        """Return whole numbers for a kernel to add to: DAC values clipped, ADC values, those clipped."""
        if self._counters is None:
            self._counters = torch.zeros(len(_COUNTED_BY_KERNELS), dtype=torch.int64, device=device)
        return self._counters

    def total(self, name: str) -> int | Tensor:
        """Return a sum of all that was added."""
        if self._counters is None or name not in _COUNTED_BY_KERNELS:
            return self._sums[name]
        return self._counters[_COUNTED_BY_KERNELS.index(name)] + self._sums[name]

    def observe(self, kind: str, stage: int, values: Tensor, weights: Tensor | None = None) -> None:
        """Enter magnitudes into a histogram, with whole weights or flags if not all count once."""
        if self.histograms is None:
            return
        bins = _bins_of(values)
        ones = torch.ones_like(bins) if weights is None else weights.to(torch.int64).expand_as(bins)
        # Whole numbers: their sums do not depend on the order of the additions.
        self.histograms[int(kind == "adc"), stage].scatter_add_(0, bins.flatten(), ones.flatten())


class Counts(Mapping):
    """The counts of a call, like the dict of the core.

    Frames and conversions follow from sizes. What depends on values stays on the device until one of those
    is asked for, when all are read at once: a call whose clipping nobody looks at waits for nothing.

    Parameters
    ----------
    known : dict
        What follows from sizes.
    gauges : sequence of Gauge
        Of the transform and of the inverse transform; nothing counts without them.
    compared, signal, error : Tensor or number
        Number of the outputs compared with the ideal ones, powers of these and of the differences to them.
    """

    def __init__(
        self,
        known: dict[str, int],
        gauges: Sequence[Gauge] = (),
        compared: Tensor | int = 0,
        signal: Tensor | float = 0.0,
        error: Tensor | float = 0.0,
    ) -> None:
        self._values: dict[str, Any] = dict(known)
        self._names = (*known, *_COUNTED, "compared", "signal", "error")
        self._waiting: tuple[Sequence[Gauge], int | Tensor, list[float | Tensor]] | None
        self._waiting = gauges, compared, [signal, error]

    def _read(self) -> None:
        if self._waiting is None:
            return
        gauges, compared, powers = self._waiting
        whole = [gauge.total(name) for name in _COUNTED for gauge in gauges] if gauges else [0] * 8
        whole, powers = _numbers([*whole, compared]), _numbers(powers)
        self._values |= {name: [int(n) for n in whole[2 * i : 2 * i + 2]] for i, name in enumerate(_COUNTED)}
        self._values |= {"compared": int(whole[-1]), "signal": powers[0], "error": powers[1]}
        self._waiting = None

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            self._read()
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))


def _numbers(values: list[Any]) -> list[Any]:
    """Values of which some are tensors, those read in one go."""
    there = [value for value in values if isinstance(value, Tensor)]
    read = iter(torch.stack(there).tolist() if there else [])
    return [next(read) if isinstance(value, Tensor) else value for value in values]


def histograms_of(gauges: Sequence[Gauge]) -> np.ndarray | None:
    """Return the histograms of a call, [2, stages, _BINS], or None if nothing was observed."""
    if gauges[0].histograms is None:
        return None
    return torch.cat([gauge.histograms for gauge in gauges], 1).cpu().numpy().astype(np.uint64)
