"""Photographs for super-resolution: split into training and test by photograph, cut, made small."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import CorruptDataError, DataNotFoundError
from .image_folder import list_images, warn_of_skipped
from .photo_tiles import squares_of

__all__ = ["PhotoSet", "downsample_nearest", "load_photos"]


@dataclass(frozen=True, eq=False, repr=False)
class PhotoSet:
    """Colour squares cut from photographs.

    Attributes
    ----------
    files : tuple of str
        The photographs, as paths below `source`.
    split : str
        ``"train"``, ``"test"`` or ``"all"``.
    source : str
        The folder.
    size : int
        Side of the squares, pixels.
    photo : int64 array [n]
        Which of `files` each square was cut from.
    skipped : tuple of str
        Files that could not be read or are too small.
    """

    files: tuple[str, ...]
    split: str
    source: str
    size: int
    photo: np.ndarray
    skipped: tuple[str, ...]
    _squares: tuple[np.ndarray, ...]
    _first: np.ndarray

    def __len__(self) -> int:
        return len(self.photo)

    def __repr__(self) -> str:
        return (
            f"PhotoSet({len(self)} squares of {self.size}x{self.size} from {len(self.files)} photographs, "
            f"{self.split!r}, {self.source!r})"
        )

    def take(self, rows) -> np.ndarray:
        """Return some squares.

        Parameters
        ----------
        rows : sequence of int, or slice

        Returns
        -------
        uint8 array [m, 3, size, size]
            Red, green, blue.
        """
        numbers = np.arange(len(self))[rows]
        squares = [self._squares[self.photo[n]][n - self._first[self.photo[n]]] for n in numbers]
        if not squares:
            return np.empty((0, 3, self.size, self.size), np.uint8)
        return np.ascontiguousarray(np.stack(squares).transpose(0, 3, 1, 2))

    def fingerprint(self) -> str:
        """Return the SHA-256 of all squares: whether two sets are the same to the bit."""
        digest = hashlib.sha256()
        for squares in self._squares:
            digest.update(np.ascontiguousarray(squares))
        return digest.hexdigest()


def _order(name: str, seed: int) -> bytes:
    """Return what a photograph is sorted by: nothing but its name and the seed, so that new ones move few."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def split_photos(names: list[str], split: str, share: float = 0.7, seed: int = 0) -> list[str]:
    """Return the names that belong to a part, in alphabetical order.

    Examples
    --------
    >>> names = [f"{letter}.jpg" for letter in "abcdefghij"]
    >>> train, test = split_photos(names, "train"), split_photos(names, "test")
    >>> len(train), len(test), sorted(train + test) == names
    (7, 3, True)
    """
    if split not in ("train", "test", "all"):
        raise ValueError(f"split={split!r}: must be 'train', 'test' or 'all'")
    if not 0 < share < 1:
        raise ValueError(f"share={share!r}: must be above 0 and below 1")
    if split == "all":
        return sorted(names)
    shuffled = sorted(names, key=lambda name: _order(name, seed))
    count = round(share * len(names))
    return sorted(shuffled[:count] if split == "train" else shuffled[count:])


def load_photos(
    folder: str | Path,
    split: str = "train",
    size: int = 256,
    tiles: int = 0,
    share: float = 0.7,
    seed: int = 0,
    cache: str | Path | None = None,
) -> PhotoSet:
    """Load the photographs of a folder as colour squares.

    Parameters
    ----------
    folder : path
        Searched recursively; hidden files and folders are left out.
    split : {"train", "test", "all"}
        Photographs are divided before anything is cut from them: none is in both parts.
    size : int
        Side of the squares, pixels.
    tiles : int
        0: the central square of each photograph, resized; else up to so many overlapping tiles of each, at
        several scales, of which the first is that square.
    share : float
        Share of the photographs that are for training.
    seed : int
        Decides which.
    cache : path, optional
        Where the squares are kept once cut; by default ``~/.cache/pyfdsr/photos``.

    Returns
    -------
    PhotoSet

    Raises
    ------
    DataNotFoundError
        If there is no such folder, or no image file in it.
    CorruptDataError
        If none of the part's photographs is usable.
    ValueError
        If an argument is out of range.

    Warns
    -----
    SkippedFilesWarning
        Once, of all files that cannot be read or are smaller than `size`.

    References
    ----------
    F. Michel and J. Wilson, "AI super resolution using an optical computer": central squares of 256², 70 %
    for training.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = tempfile.mkdtemp()
    >>> Image.new("RGB", (80, 64), "red").save(f"{folder}/red.png")
    >>> photos = load_photos(folder, "all", size=32, cache=folder + "/cache")
    >>> photos.take([0])[0, :, 0, 0].tolist()
    [255, 0, 0]
    """
    for name, value, least in (("size", size, 1), ("tiles", tiles, 0), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name}={value!r}: must be an integer of {least} or greater")
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataNotFoundError(
            f"{folder} is not a folder: give one of photographs (make photos gathers some in data/photos)"
        )
    names = [path.relative_to(folder).as_posix() for path, _ in list_images(folder)]
    wanted = split_photos(names, split, share, seed)
    files, squares, skipped = [], [], []
    for name in wanted:
        try:
            squares.append(squares_of(folder / name, size, tiles, None if cache is None else Path(cache)))
        except ImportError:
            raise
        except Exception:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and others
            skipped.append(str(folder / name))
        else:
            files.append(name)
    if not files:
        raise CorruptDataError(
            str(folder),
            f"{split} photographs of {size} pixels or more an axis",
            f"{len(skipped)} unusable files",
        )
    warn_of_skipped(skipped, len(wanted))
    counts = np.array([len(part) for part in squares])
    return PhotoSet(
        tuple(files),
        split,
        str(folder),
        size,
        np.repeat(np.arange(len(files)), counts),
        tuple(skipped),
        tuple(squares),
        np.cumsum(counts) - counts,
    )


def downsample_nearest(images: np.ndarray, factor: int) -> np.ndarray:
    """Keep one pixel of each square of `factor` by `factor`, the one right and below of its middle.

    This is the rule "nearest-exact" of torch for even factors. The pixel in the corner, which the rule
    "nearest" takes, would shift the image by half a square.

    Parameters
    ----------
    images : array [..., H, W]
        H and W multiples of `factor`.
    factor : int

    Returns
    -------
    array [..., H / factor, W / factor]
        A view.

    Raises
    ------
    ValueError
        If the size is no multiple of `factor`.

    Examples
    --------
    >>> downsample_nearest(np.eye(4), 2)
    array([[1., 0.],
           [0., 1.]])
    """
    if factor < 1 or images.shape[-1] % factor or images.shape[-2] % factor:
        raise ValueError(
            f"images have {images.shape[-2]}x{images.shape[-1]} pixels: must be multiples of factor={factor}"
        )
    return images[..., factor // 2 :: factor, factor // 2 :: factor]
