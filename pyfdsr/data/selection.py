"""Which images to take: training and test parts, balanced subsets, batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# MNIST and its relatives hold six training images for each test image.
TEST_EVERY = 7


def rank_in_class(labels: np.ndarray) -> np.ndarray:
    """How many images of the same class come before each image.

    Parameters
    ----------
    labels : int64 array [n]
        Class of each image.

    Returns
    -------
    int64 array [n]
        0 for the first image of each class, 1 for the second, ...

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr.data.selection import rank_in_class
    >>> rank_in_class(np.array([5, 2, 5, 5, 2]))
    array([0, 0, 1, 2, 1])
    """
    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    ranks = np.empty(len(labels), np.int64)
    ranks[order] = np.arange(len(labels)) - np.repeat(starts, counts)
    return ranks


def split_rows(labels: np.ndarray | None, count: int, split: str) -> np.ndarray:
    """Rows of the training or test part of images that come without a split of their own.

    Every seventh image of each class (the 7th, the 14th, ...) is a test image, the others are training
    images: the same images on every machine, and both parts keep the order of the files.

    Parameters
    ----------
    labels : int64 array [n] or None
        Class of each image; None counts all images as one class.
    count : int
        Number of images, n.
    split : str
        ``"train"``, ``"test"`` or ``"all"``.

    Returns
    -------
    int64 array [m]
        The rows, ascending.

    Examples
    --------
    >>> from pyfdsr.data.selection import split_rows
    >>> split_rows(None, 15, "test")
    array([ 6, 13])
    """
    if split == "all":
        return np.arange(count)
    ranks = np.arange(count) if labels is None else rank_in_class(labels)
    is_test = ranks % TEST_EVERY == TEST_EVERY - 1
    return np.flatnonzero(is_test if split == "test" else ~is_test)


def balanced_rows(labels: np.ndarray, per_class: int, seed: int | None = 0) -> np.ndarray:
    """Rows of a subset with the same number of images of each class.

    Parameters
    ----------
    labels : int64 array [n]
        Class of each image.
    per_class : int
        How many images of each class that occurs.
    seed : int or None
        0 or None takes the first images of each class; any other seed draws them at random.

    Returns
    -------
    int64 array [classes * per_class]
        The rows, ascending, so that the images keep their order.

    Raises
    ------
    ValueError
        If ``per_class`` is not positive or a class has fewer images.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr.data.selection import balanced_rows
    >>> balanced_rows(np.array([0, 0, 1, 0, 1, 1]), per_class=2)
    array([0, 1, 2, 4])
    """
    if per_class < 1:
        raise ValueError(f"per_class must be at least 1, got {per_class}")
    classes, counts = np.unique(labels, return_counts=True)
    if len(counts) and counts.min() < per_class:
        poorest = counts.argmin()
        raise ValueError(
            f"per_class must be at most the images of each class, got {per_class}; "
            f"class {classes[poorest]} has {counts[poorest]}"
        )
    if not seed:
        return np.flatnonzero(rank_in_class(labels) < per_class)
    generator = np.random.default_rng(seed)
    chosen = [generator.permutation(np.flatnonzero(labels == label))[:per_class] for label in classes]
    return np.sort(np.concatenate(chosen)) if chosen else np.arange(0)


class BatchIndices(Iterator):
    """Iterator over the rows of each batch; ``len`` is the number of batches left."""

    def __init__(self, order: np.ndarray, batch_size: int, start: int) -> None:
        self._order = order
        self._batch_size = batch_size
        self._next = start

    def __len__(self) -> int:
        return max(0, -(-len(self._order) // self._batch_size) - self._next)

    def __next__(self) -> np.ndarray:
        if not len(self):
            raise StopIteration
        begin = self._next * self._batch_size
        self._next += 1
        return self._order[begin : begin + self._batch_size]


def batches(
    images,
    batch_size: int,
    shuffle: bool = True,
    rng: np.random.Generator | None = None,
    start: int = 0,
    drop_last: bool = False,
) -> BatchIndices:
    """Rows of the batches of one epoch.

    All random numbers are drawn in this call, before the first batch: a generator whose state was saved
    before the epoch, together with ``start``, continues an interrupted epoch exactly.

    Parameters
    ----------
    images : ImageSet, array [n, ...] or int
        The images, or just their number.
    batch_size : int
        Images in a batch; the last one may be smaller.
    shuffle : bool
        Whether to draw a new order; otherwise the order of the set.
    rng : numpy.random.Generator or None
        Source of the order; needed if ``shuffle``.
    start : int
        Number of batches to skip.
    drop_last : bool
        Leave out a last batch that is not full.

    Returns
    -------
    BatchIndices
        Iterator of int64 arrays [batch_size].

    Raises
    ------
    TypeError
        If ``rng`` is no NumPy generator.
    ValueError
        If ``batch_size`` is not positive, ``start`` is negative, or ``rng`` is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import data
    >>> [rows.tolist() for rows in data.batches(5, 2, shuffle=False)]
    [[0, 1], [2, 3], [4]]
    >>> rng = np.random.default_rng(1)
    >>> state = rng.bit_generator.state
    >>> whole = [rows.tolist() for rows in data.batches(6, 2, rng=rng)]
    >>> rng.bit_generator.state = state
    >>> [rows.tolist() for rows in data.batches(6, 2, rng=rng, start=1)] == whole[1:]
    True
    """
    count = images if isinstance(images, int) else len(images)
    if count < 0:
        raise ValueError(f"images must be a set, an array or a number of images >= 0, got {count}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if start < 0:
        raise ValueError(f"start must be at least 0, got {start}")
    if shuffle and rng is None:
        raise ValueError("rng must be a numpy.random.Generator when shuffle is True, got None")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    order = rng.permutation(count) if shuffle else np.arange(count)
    if drop_last:
        order = order[: count - count % batch_size]
    return BatchIndices(order, batch_size, start)
