"""Image files as a source: labels of all images at once, grey levels of the rows asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import array_files, image_folder
from .catalogue import DataFile, Dataset
from .errors import CorruptDataError, DataNotFoundError
from .idx import read_idx, refuse_other_dataset
from .location import present_file
from .selection import rank_in_class, split_rows

_SPLIT_OF_PREFIX = {"train": "train", "t10k": "test", "test": "test"}
_IDX_NAME = re.compile(r"(?P<prefix>.*?(?P<part>train|t10k|test))-images[-.]idx3-ubyte(\.gz)?$")


@dataclass(frozen=True)
class Source:
    """Images that are read when they are wanted.

    Attributes
    ----------
    count : int
        Number of images, n.
    labels : int64 array [n] or None
        Class of each.
    read : callable
        From rows, int64 [m], to ``(images, kept, skipped)``: uint8 images, which of the rows they are
        (int64), and the names of files that could not be read.
    classes : tuple of str
        Names of the classes.
    """

    count: int
    labels: np.ndarray | None
    read: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, tuple[str, ...]]]
    classes: tuple[str, ...] = ()


def of_arrays(images: np.ndarray, labels: np.ndarray | None, where, classes: tuple[str, ...] = ()) -> Source:
    """Source of arrays in memory or mapped from a file."""
    if labels is not None and classes and len(labels) and labels.max() >= len(classes):
        raise CorruptDataError(where, f"labels of {len(classes)} classes", f"class {labels.max()}")
    return Source(len(images), labels, lambda rows: (_grey(images, rows, where), rows, ()), classes)


def _grey(images: np.ndarray, rows: np.ndarray, where) -> np.ndarray:
    whole = len(rows) == len(images) and np.array_equal(rows, np.arange(len(images)))
    return array_files.as_grey_levels(images if whole else images[rows], where)


def in_part(source: Source, split: str) -> Source:
    """The training or test part of a source without a split of its own (see :func:`split_rows`)."""
    part = split_rows(source.labels, source.count, split)
    labels = None if source.labels is None else source.labels[part]

    def read(rows: np.ndarray):
        images, kept, skipped = source.read(part[rows])
        return images, np.searchsorted(part, kept), skipped

    return Source(len(part), labels, read, source.classes)


def idx_pair(
    images_file: Path,
    labels_file: Path | None,
    entry: Dataset | None = None,
    sha256: tuple[str, str] = ("", ""),
) -> tuple[np.ndarray, np.ndarray | None]:
    """Images [n, height, width] and labels [n] or None of two idx files."""
    first = entry.first_label if entry else 0
    if entry and not sha256[0]:
        refuse_other_dataset(images_file, entry.name)
    images = read_idx(images_file, sha256[0])
    if images.ndim != 3 or images.dtype != np.uint8:
        raise CorruptDataError(
            str(images_file), "uint8 images of three axes", f"{images.dtype} of shape {images.shape}"
        )
    if entry and images.shape[1:] != (28, 28):
        raise CorruptDataError(str(images_file), "images of 28x28", f"shape {images.shape}")
    if entry and entry.layout == "idx-transposed":
        images = np.ascontiguousarray(images.swapaxes(1, 2))
    if labels_file is None:
        return images, None
    labels = read_idx(labels_file, sha256[1])
    return images, array_files.as_labels(labels, len(images), labels_file, first)


def idx_dataset(entry: Dataset, parts: list[tuple[tuple[DataFile, ...], list[Path]]]) -> Source:
    """Source of a named data set in idx files; ``parts`` holds files and their paths for each split."""
    pairs = [idx_pair(*paths, entry, tuple(file.sha256 for file in files)) for files, paths in parts]
    return _joined(pairs, parts[0][1][1], entry.classes)


def pickle_dataset(entry: Dataset, files: tuple[DataFile, ...], paths: list[Path]) -> Source:
    """Source of a pickled array of images and one of labels, stored class by class."""
    images, labels = (
        array_files.read_pickled_array(path, file.sha256) for file, path in zip(files, paths, strict=True)
    )
    images = array_files.as_image_stack(images, paths[0])
    labels = array_files.as_labels(labels, len(images), paths[1])
    order = np.lexsort((labels, rank_in_class(labels)))
    return of_arrays(images[order], labels[order], paths[0], entry.classes)


def npy_per_class(paths: list[Path], classes: tuple[str, ...]) -> Source:
    """Source of one .npy file for each class; without ``classes``, of one file without labels.

    Images of the classes alternate, so that any first part is mixed.
    """
    stacks = [array_files.read_npy(path) for path in paths]
    for path, stack in zip(paths, stacks, strict=True):
        if stack.shape[1:] != stacks[0].shape[1:]:
            raise CorruptDataError(str(path), f"images of shape {stacks[0].shape[1:]}", f"{stack.shape[1:]}")
    counts = [len(stack) for stack in stacks]
    stored = np.repeat(np.arange(len(stacks)), counts)
    ranks = np.concatenate([np.arange(count) for count in counts])
    order = np.lexsort((stored, ranks))
    labels, ranks = stored[order], ranks[order]

    def read(rows: np.ndarray):
        images = np.empty((len(rows), *stacks[0].shape[1:]), np.uint8)
        for label, stack in enumerate(stacks):
            own = np.flatnonzero(labels[rows] == label)
            images[own] = array_files.as_grey_levels(stack[ranks[rows[own]]], paths[label])
        return images, rows, ()

    return Source(len(labels), labels.astype(np.int64) if classes else None, read, classes)


def idx_folder(folder: Path, split: str) -> Source | None:
    """Source of a folder with idx files in MNIST's naming, or None if it holds none."""
    found = {}
    for file in sorted(folder.iterdir()):
        if match := _IDX_NAME.match(file.name):
            # The same file may lie there twice, plain and gzipped.
            found.setdefault(_SPLIT_OF_PREFIX[match["part"]], {}).setdefault(match["prefix"], file)
    if not found:
        return None
    wanted = sorted(found) if split == "all" else [split]
    pairs = []
    for part in reversed(wanted):  # "train" before "test"
        if part not in found:
            raise DataNotFoundError(f"{folder} holds only the {', '.join(found)} part, wanted {part}")
        if len(found[part]) > 1:
            several = ", ".join(sorted(found[part]))
            raise ValueError(f"name must say which file is meant, got {folder} with {several}")
        [(prefix, file)] = found[part].items()
        pairs.append(idx_pair(file, present_file(folder, DataFile(f"{prefix}-labels-idx1-ubyte"))))
    return _joined(pairs, folder)


def idx_file(file: Path, split: str) -> Source:
    """Source of one idx file of images, with the labels beside it if they are there."""
    match = _IDX_NAME.match(file.name)
    if match is None:
        return in_part(of_arrays(*idx_pair(file, None), file), split)
    own_split = _SPLIT_OF_PREFIX[match["part"]]
    if split not in ("all", own_split):
        raise ValueError(f"split must be {own_split!r} or 'all' for the file {file.name}, got {split!r}")
    labels = present_file(file.parent, DataFile(f"{match['prefix']}-labels-idx1-ubyte"))
    return of_arrays(*idx_pair(file, labels), file)


def _joined(pairs, where, classes: tuple[str, ...] = ()) -> Source:
    if len(pairs) == 1:
        return of_arrays(*pairs[0], where, classes)
    labels = None if any(pair[1] is None for pair in pairs) else np.concatenate([pair[1] for pair in pairs])
    return of_arrays(np.concatenate([pair[0] for pair in pairs]), labels, where, classes)


def npz_file(file: Path, split: str, classes: tuple[str, ...] = ()) -> Source:
    """Source of an .npz archive; one without train and test arrays is split as :func:`split_rows` says."""
    images, labels, has_split = array_files.read_npz(file, "train" if split == "all" else split)
    pairs = [(images, labels)]
    if has_split and split == "all":
        pairs.append(array_files.read_npz(file, "test")[:2])
    source = _joined(pairs, file, classes)
    return source if has_split else in_part(source, split)


def image_files(folder: Path, split: str, size: int) -> Source:
    """Source of image files; sub-folders ``train`` and ``test`` are the split if both are there."""
    parts = [folder / "train", folder / "test"]
    if not all(part.is_dir() for part in parts):
        return in_part(_image_files(image_folder.list_images(folder), size), split)
    listed = {part.name: image_folder.list_images(part) for part in parts}
    if split == "all":
        return _image_files(listed["train"] + listed["test"], size)
    # A class may lack test images: its number must be that of the training part.
    classes = sorted({name for files in listed.values() for _, name in files})
    return _image_files(listed[split], size, classes)


def _image_files(listed: list[tuple[Path, str]], size: int, classes: list[str] | None = None) -> Source:
    names = [name for _, name in listed]
    classes = sorted(set(names)) if classes is None else classes
    if "" in classes:
        labels, order = None, np.arange(len(listed))
    else:
        labels = np.array([classes.index(name) for name in names], np.int64)
        order = np.lexsort((labels, rank_in_class(labels)))
        labels = labels[order]

    def read(rows: np.ndarray):
        images, kept, skipped = image_folder.read_images([listed[order[row]][0] for row in rows], size)
        return images, rows[kept], skipped

    return Source(len(listed), labels, read, () if labels is None else tuple(classes))
