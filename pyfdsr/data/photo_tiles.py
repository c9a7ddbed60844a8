"""Photographs cut into colour squares of one size, kept on disk once cut (needs Pillow)."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from pyfdsr._files import write_bytes_atomically

from .image_folder import upright_image
from .location import cache_folder

__all__ = ["PhotoTooSmallError", "centre_square", "cut_tiles", "squares_of"]

# The shorter side of the photograph, in tiles, at each scale that tiles are cut from. Above four the large
# photographs show what their lens and compression blurred, and not detail that could be learnt.
_SCALES = (1.0, 1.5, 2.0, 3.0, 4.0)
_FORMAT = 1  # of the cached files: counts changes of how squares are cut


class PhotoTooSmallError(ValueError):
    """A photograph has fewer pixels an axis than the squares asked for."""


def _checked(image: Any, size: int, path: Any) -> Any:
    image = image.convert("RGB")
    if min(image.size) < size:
        raise PhotoTooSmallError(
            f"{path} has {image.width}x{image.height} pixels: must have {size} at least an axis"
        )
    return image


def centre_square(image: Any, size: int) -> np.ndarray:
    """Return the largest central square of a photograph, resized with an antialiasing filter.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    size : int
        Side of the result, pixels.

    Returns
    -------
    uint8 array [size, size, 3]
    """
    from PIL import Image, ImageOps

    return np.array(ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS))


def _starts(length: int, size: int) -> list[int]:
    """Return where tiles begin along an axis: even steps of at most half a tile, from edge to edge."""
    steps = math.ceil((length - size) / (size / 2))
    return [0] if not steps else [round(i * (length - size) / steps) for i in range(steps + 1)]


def cut_tiles(image: Any, size: int, most: int) -> np.ndarray:
    """Cut a photograph into overlapping tiles at several scales.

    The photograph is resized so that its shorter side is 1, 1.5, 2, 3 and 4 tiles, as far as it has the
    pixels; each of these is covered by tiles that overlap by half.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB, `size` pixels at least an axis.
    size : int
        Side of a tile, pixels.
    most : int
        Tiles at most; of more, evenly spaced ones are taken, from the coarsest scale to the finest.

    Returns
    -------
    uint8 array [n, size, size, 3]
        The central square comes first.
    """
    from PIL import Image

    places = []
    for scale in _SCALES:
        short = round(size * scale)
        if short > min(image.size):
            break
        width, height = (max(short, round(side * short / min(image.size))) for side in image.size)
        rows, columns = _starts(height, size), _starts(width, size)
        places += [((width, height), x, y) for y in rows for x in columns]
    kept = np.unique(np.linspace(0, len(places) - 1, min(most - 1, len(places))).round().astype(int))
    tiles = [centre_square(image, size)]
    resized, resized_size = image, None
    for number in kept:
        whole, x, y = places[number]
        if whole != resized_size:
            resized, resized_size = image.resize(whole, Image.Resampling.LANCZOS), whole
        tiles.append(np.asarray(resized.crop((x, y, x + size, y + size))))
    return np.stack(tiles)


def squares_of(path: Path, size: int, tiles: int = 0, cache: Path | None = None) -> np.ndarray:
    """Return the squares of one photograph, from the disk if they were cut before.

    Parameters
    ----------
    path : Path
    size : int
        Side of the squares, pixels.
    tiles : int
        0: the central square alone; else as many tiles at most (see :func:`cut_tiles`).
    cache : Path, optional
        Where cut squares are kept; by default beside the downloads. A file there stands for the photograph's
        path, size and time of change, so that a changed photograph is cut again.

    Returns
    -------
    uint8 array [n, size, size, 3]
        Read-only, mapped from the disk.

    Raises
    ------
    PhotoTooSmallError
        If the photograph is smaller than `size` an axis.
    OSError
        If it cannot be read, or the cache not be written.
    """
    path = Path(path).resolve()
    state = path.stat()
    key = f"{_FORMAT} {path} {state.st_size} {state.st_mtime_ns} {size} {tiles}"
    folder = (cache_folder().parent / "photos") if cache is None else Path(cache)
    kept = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
    if not kept.is_file():
        image = _checked(upright_image(path), size, path)
        squares = cut_tiles(image, size, tiles) if tiles else centre_square(image, size)[None]
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(kept, _npy_bytes(squares))
    return np.load(kept, mmap_mode="r", allow_pickle=False)


def _npy_bytes(array: np.ndarray) -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
