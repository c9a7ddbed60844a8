"""The images that a configuration names: one data set, or several joined by ``+``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pyfdsr.data import ImageSet, datasets, load

from .config import TrainingConfig

__all__ = ["default_per_class", "test_set", "training_set"]


def default_per_class(dataset: str) -> int | None:
    """Return how many training images of each class are taken unless it is said: up to 1000, None for all.

    All are taken of a path, whose images may have no classes, and of animal-mnist, whose classes hold fewer
    than a thousand each and not equally many.

    Examples
    --------
    >>> default_per_class("mnist"), default_per_class("embedded"), default_per_class("animal-mnist")
    (1000, 200, None)
    """
    named = dataset.lower().replace("_", "-")
    sizes = {entry.name: entry.sizes[0] // len(entry.classes) for entry in datasets()}
    if named == "animal-mnist" or (named not in sizes and Path(dataset).exists()):
        return None
    return min(1000, sizes.get(named, 1000))


def training_set(config: TrainingConfig) -> ImageSet:
    """Load the training images; of joined sets each contributes ``per_class`` and ``limit`` images.

    Raises
    ------
    DataNotFoundError, ValueError
        See :func:`pyfdsr.data.load`.

    Examples
    --------
    >>> config = TrainingConfig(dataset="embedded+embedded", per_class=2)
    >>> len(training_set(config)), training_set(config).name
    (40, 'embedded+embedded')
    """
    return _joined(
        config.dataset,
        lambda name: load(name, "train", config.data_root, config.per_class, config.limit, config.seed),
    )


def test_set(config: TrainingConfig, dataset: str | None = None, limit: int | None = None) -> ImageSet:
    """Load the first test images of the configuration's data set or another.

    Parameters
    ----------
    config : TrainingConfig
    dataset : str or None
        In place of the configuration's.
    limit : int or None
        In place of its ``test_limit``, which of joined sets each one has.

    Raises
    ------
    DataNotFoundError, ValueError
        See :func:`pyfdsr.data.load`.
    """
    return _joined(
        dataset or config.dataset,
        lambda name: load(name, "test", config.data_root, limit=limit or config.test_limit),
    )


test_set.__test__ = False  # for pytest: no test


def _joined(names: str, one: Callable[[str], ImageSet]) -> ImageSet:
    sets = [one(name) for name in names.split("+")]
    if len(sets) == 1:
        return sets[0]
    sizes = {part.images.shape[1:] for part in sets}
    if len(sizes) > 1:
        raise ValueError(f"dataset={names!r}: images of sizes {sorted(sizes)} cannot be joined")
    labels = None if any(part.labels is None for part in sets) else np.concatenate([p.labels for p in sets])
    return ImageSet(
        np.concatenate([part.images for part in sets]),
        labels,
        "+".join(part.name for part in sets),
        sets[0].split,
        "; ".join(part.source for part in sets),
        "; ".join(dict.fromkeys(part.licence for part in sets)),
    )
