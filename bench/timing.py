"""Times of several functions, taken in turns so that a disturbance of the machine meets all of them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds per call.

    Attributes
    ----------
    best, median
        Over all calls timed.
    calls
        How many there were.
    """

    best: float
    median: float
    calls: int

    def as_dict(self) -> dict[str, float]:
        """Plain dictionary for JSON."""
        return asdict(self)


def time_in_turns(
    functions: Mapping[str, Callable[[], object]],
    rounds: int = 5,
    share: float = 0.3,
    longest: float = math.inf,
) -> dict[str, Timing]:
    """Time each function in every round, after one call that warms its memory and is not counted.

    Parameters
    ----------
    functions
        Functions without arguments, by name.
    rounds
        How often to go through all of them.
    share
        Seconds each function gets in a round; it is called at least once.
    longest
        A function that once took more seconds than this is not called again: its time of that call counts,
        even that of a first call.

    Returns
    -------
    dict
        A `Timing` for each name.

    Examples
    --------
    >>> timings = time_in_turns({"sum": lambda: sum(range(10))}, rounds=2, share=0.0)
    >>> timings["sum"].calls
    2
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    waiting = dict(functions)
    for _ in range(rounds):
        for name, function in list(waiting.items()):
            first = seconds_of(function)
            if first > longest:
                seconds[name].append(first)
            spent = 0.0
            while first <= longest:
                elapsed = seconds_of(function)
                seconds[name].append(elapsed)
                spent += elapsed
                if spent >= share or elapsed > longest:
                    break
            if max(seconds[name]) > longest:
                del waiting[name]
    return {name: Timing(min(all_), statistics.median(all_), len(all_)) for name, all_ in seconds.items()}


def seconds_of(function: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
