"""The value that every loader returns: images, labels and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Grey images with their origin.

    Attributes
    ----------
    images : uint8 array [n, height, width]
        Grey values, 0 dark, 255 bright; 28x28 for every named data set.
    labels : int64 array [n] or None
        Class index of each image, counted from 0.
    name : str
        Name of the data set.
    split : str
        ``"train"``, ``"test"`` or ``"all"``.
    source : str
        Folder or file the images were read from.
    licence : str
        Licence and attribution, as the makers of the data ask for it.
    classes : tuple of str
        Names of the classes, empty when they are unknown.
    skipped : tuple of str
        Files that could not be read and were left out (image folders only).

    Raises
    ------
    TypeError
        If ``images`` is not uint8 or ``labels`` is not int64.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> from pyfdsr import data
    >>> few = data.load("embedded", split="test", limit=20)
    >>> len(few), few.images.shape, few.images.dtype.name
    (20, (20, 28, 28), 'uint8')
    >>> few.classes[few.labels[0]]
    'ankle boot'
    """

    images: np.ndarray
    labels: np.ndarray | None
    name: str
    split: str
    source: str
    licence: str
    classes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8:
            raise TypeError(f"images must be uint8, got {self.images.dtype}")
        if self.images.ndim != 3:
            raise ValueError(f"images must have shape [n, height, width], got {self.images.shape}")
        if self.labels is None:
            return
        if self.labels.dtype != np.int64:
            raise TypeError(f"labels must be int64, got {self.labels.dtype}")
        if self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels must have shape [n] with n = {len(self.images)} images, got {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        height, width = self.images.shape[1:]
        content = f"{len(self)} images of {height}x{width}"
        return f"ImageSet({self.name!r}, {self.split!r}, {content}, {self.source!r})"

    def take(self, rows) -> ImageSet:
        """The images of the given rows, in the given order.

        Parameters
        ----------
        rows : int or bool array [m], or slice
            Any NumPy index along the first axis.

        Returns
        -------
        ImageSet
            A new set; the arrays are copies unless ``rows`` is a slice.
        """
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, images=self.images[rows], labels=labels)
