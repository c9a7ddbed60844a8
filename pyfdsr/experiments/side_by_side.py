"""Whether several trainings on one thread each are faster than one after the other on all."""

from __future__ import annotations

import os
import time

import numpy as np

from pyfdsr.training import Trainer, TrainingConfig

__all__ = ["best_slots"]

_STEPS = 6
_SHARED = 0.9  # what a thread does beside others that use the same memory, relative to alone


def _seconds(config: TrainingConfig, threads: int) -> float:
    """Least time of two epochs of a few steps on made-up images."""
    images = np.zeros((_STEPS * config.batch_size, 28, 28), dtype=np.uint8)
    images[:, 7:21, 10:18] = 255
    trial = config.replace(threads=threads, epochs=3, model="aosrnn")
    records = Trainer(trial, images).fit()
    return min(record["seconds"] for record in records[1:])


def best_slots(config: TrainingConfig) -> int:
    """Return how many trainings to run at a time on this machine: all cores' number, or 1.

    Parameters
    ----------
    config : TrainingConfig
        A typical one.
    """
    cores = len(os.sched_getaffinity(0))
    if cores == 1:
        return 1
    begun = time.perf_counter()
    alone = _seconds(config, 1)
    if time.perf_counter() - begun > 60:  # a machine this busy is not worth measuring
        return 1
    return cores if cores * _SHARED / alone > 1 / _seconds(config, cores) else 1
