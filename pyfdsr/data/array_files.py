"""Images in NumPy's own files: .npy (QuickDraw bitmaps), .npz archives and pickled arrays."""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from pathlib import Path

import numpy as np

from .errors import CorruptDataError
from .idx import read_bytes

# Spellings in use for the arrays of one archive: (images, labels) for each split.
_SPLIT_KEYS = {
    "train": (("train_images", "train_labels"), ("x_train", "y_train")),
    "test": (("test_images", "test_labels"), ("x_test", "y_test"), ("t10k_images", "t10k_labels")),
}
_WHOLE_KEYS = (("images", "labels"), ("x", "y"), ("data", "labels"), ("arr_0", "arr_1"))

_FLAT = 28 * 28


class _ArrayUnpickler(pickle.Unpickler):
    """Builds NumPy arrays and nothing else: a pickle may otherwise run any function of the machine."""

    def find_class(self, module: str, name: str):
        # The private helpers moved between NumPy 1 and 2; this machine's own are taken from a pickled array.
        helpers = {
            ("multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
            ("numeric", "_frombuffer"): np.empty(0).__reduce_ex__(5)[0],
        }
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        for (tail, helper), function in helpers.items():
            if name == helper and module in (f"numpy.core.{tail}", f"numpy._core.{tail}"):
                return function
        raise pickle.UnpicklingError(f"{module}.{name}")


def read_pickled_array(path: str | Path, sha256: str = "") -> np.ndarray:
    """Read one array from a pickle file, plain or gzipped, without running any code that it may hold.

    Parameters
    ----------
    path : str or Path
        The file.
    sha256 : str
        Checksum of the uncompressed bytes, ``""`` for none.

    Returns
    -------
    ndarray
        The array.

    Raises
    ------
    CorruptDataError
        If the pickle names anything but NumPy's array types, is truncated, or holds no array.
    """
    content = read_bytes(path, sha256)
    try:
        values = _ArrayUnpickler(io.BytesIO(content)).load()
    except Exception as reason:  # a damaged pickle may raise almost anything
        raise CorruptDataError(path, "a pickled NumPy array and nothing else", f"{reason}") from reason
    if type(values) is not np.ndarray or values.dtype.hasobject:
        raise CorruptDataError(path, "a pickled NumPy array and nothing else", f"a {type(values).__name__}")
    return values


def read_npy(path: str | Path) -> np.ndarray:
    """Map a .npy file of images into memory.

    Parameters
    ----------
    path : str or Path
        Images ``[n, height, width]``, one image ``[height, width]``, or flat 28x28 images ``[n, 784]`` as in
        QuickDraw's bitmaps. Rows are read from disk only when they are used.

    Returns
    -------
    array [n, height, width]
        Read-only, of the file's type.

    Raises
    ------
    CorruptDataError
        If it is no .npy file, is truncated, or has another shape.
    """
    try:
        values = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError) as reason:
        raise CorruptDataError(path, "a complete .npy file of numbers", f"{reason}") from reason
    return as_image_stack(values, path)


def as_image_stack(values: np.ndarray, source: str | Path) -> np.ndarray:
    """Bring images to ``[n, height, width]``."""
    if values.ndim == 2 and values.shape[0] > 0 and values.shape[1] == _FLAT:
        return values.reshape(-1, 28, 28)
    if values.ndim == 2 and values.size > 0:
        return values[None]
    if values.ndim == 4 and values.shape[-1] == 1:
        return values[..., 0]
    if values.ndim == 3 and values.shape[0] > 0 and min(values.shape[1:]) > 0:
        return values
    raise CorruptDataError(source, "grey images [n, height, width] or [n, 784]", f"shape {values.shape}")


def as_grey_levels(values: np.ndarray, source: str | Path) -> np.ndarray:
    """Bring grey values to uint8: booleans and floats in [0, 1] are scaled by 255."""
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.size and values.dtype.kind in "iuf":
        low, high = values.min(), values.max()
        if values.dtype.kind == "f" and low >= 0 and high <= 1:
            return np.rint(values * 255).astype(np.uint8)
        if values.dtype.kind in "iu" and low >= 0 and high <= 255:
            return values.astype(np.uint8)
        got = f"{values.dtype} from {low} to {high}"
    else:
        got = f"{values.dtype}"
    raise CorruptDataError(source, "grey values: uint8, integers 0 to 255, or floats 0 to 1", got)


def read_npz(path: str | Path, split: str) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Read images and labels of an .npz archive.

    Parameters
    ----------
    path : str or Path
        An archive with ``train_images``/``train_labels`` and ``test_images``/``test_labels``, or
        ``x_train``/``y_train`` and so on, or ``images``/``labels`` without a split. Labels may be absent.
    split : str
        ``"train"`` or ``"test"``.

    Returns
    -------
    images : array [n, height, width]
        Of the archive's type.
    labels : int64 array [n] or None
        The labels.
    has_split : bool
        Whether the archive says itself which images are for training.

    Raises
    ------
    CorruptDataError
        If it is no archive, is truncated, or has none of these arrays.
    """
    try:
        # Opened here: NumPy leaves the file open when the archive is damaged.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            found = _pick(archive.files, _SPLIT_KEYS[split])
            has_split = found is not None
            found = found or _pick(archive.files, _WHOLE_KEYS)
            if found is None:
                wanted = f"{split}_images and {split}_labels, or images and labels"
                raise CorruptDataError(
                    path, f"arrays named {wanted}", ", ".join(archive.files) or "an empty archive"
                )
            images, labels = (archive[key] if key else None for key in found)
    except (zipfile.BadZipFile, zlib.error, EOFError, AttributeError, TypeError) as reason:
        raise CorruptDataError(path, "a complete .npz archive", f"{reason}") from reason
    except CorruptDataError:
        raise
    except ValueError as reason:
        raise CorruptDataError(path, "a complete .npz archive of numbers", f"{reason}") from reason
    images = as_image_stack(images, path)
    return images, None if labels is None else as_labels(labels, len(images), path), has_split


def _pick(present: list[str], spellings) -> tuple[str, str] | None:
    for images, labels in spellings:
        if images in present:
            return images, labels if labels in present else ""
    return None


def as_labels(labels: np.ndarray, count: int, source: str | Path, first: int = 0) -> np.ndarray:
    """Bring labels to int64 [n] counted from 0; ``first`` is the file's label of class 0."""
    labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise CorruptDataError(source, f"{count} integer labels", f"{labels.dtype} of shape {labels.shape}")
    labels = labels.astype(np.int64) - first
    if count and labels.min() < 0:
        raise CorruptDataError(source, f"labels of at least {first}", f"{labels.min() + first}")
    return labels
