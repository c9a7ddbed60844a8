"""Photographs and drawings from a folder of image files (needs Pillow)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CorruptDataError, DataNotFoundError, SkippedFilesWarning

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})


def list_images(folder: Path) -> list[tuple[Path, str]]:
    """All image files below a folder, sorted by path, each with its class.

    Parameters
    ----------
    folder : Path
        Searched recursively; hidden files and folders are left out.

    Returns
    -------
    list of (Path, str)
        The image file and the name of the first sub-folder it lies in, ``""`` if it lies in ``folder``
        itself.

    Raises
    ------
    DataNotFoundError
        If there is no image file.
    """
    found = []
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if file.suffix.lower() in SUFFIXES and not hidden and file.is_file():
            found.append((file, parts[0] if len(parts) > 1 else ""))
    if not found:
        raise DataNotFoundError(
            f"{folder} holds no idx, .npy or .npz file and no image file ({', '.join(sorted(SUFFIXES))})"
        )
    return found


def upright_image(path: str | Path) -> Any:
    """Read one image file as it is to be seen.

    The camera's orientation tag is honoured, transparent parts are dark, 16 bit values become 8 bit.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    PIL.Image.Image
        Grey, colour or palette, without transparency.

    Raises
    ------
    OSError
        If Pillow cannot read the file.
    """
    from PIL import Image, ImageOps

    # From a stream: Pillow maps a grey TIFF whose path it knows, and then turns its rows wrongly.
    with open(path, "rb") as stream, Image.open(stream) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode == "I" or image.mode.startswith("I;16"):
            # Pillow would clip 16 bit values at 255.
            return Image.fromarray(
                (np.asarray(image, np.float64) / 257).round().clip(0, 255).astype(np.uint8)
            )
        if "A" in image.getbands() or "transparency" in image.info:
            image = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
        image.load()
        return image


def read_image(path: str | Path, size: int = 28) -> np.ndarray:
    """Read one image file as a grey square.

    Transparent parts are dark, the camera's orientation tag is honoured, the largest central square is kept
    and resized with an antialiasing filter.

    Parameters
    ----------
    path : str or Path
        The file.
    size : int
        Side of the result in pixels.

    Returns
    -------
    uint8 array [size, size]
        Grey values.

    Raises
    ------
    OSError
        If Pillow cannot read the file.
    """
    from PIL import Image, ImageOps

    image = upright_image(path).convert("L")
    return np.array(ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS))


def read_images(files: list[Path], size: int = 28) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Read image files; those that cannot be read are left out with one warning for all.

    Parameters
    ----------
    files : list of Path
        The files.
    size : int
        Side of the results in pixels.

    Returns
    -------
    images : uint8 array [m, size, size]
        The images read.
    rows : int64 array [m]
        Which of ``files`` they are.
    skipped : tuple of str
        The files left out.

    Raises
    ------
    CorruptDataError
        If no file can be read.
    """
    images, rows, skipped = [], [], []
    for row, file in enumerate(files):
        try:
            images.append(read_image(file, size))
        except ImportError:
            raise
        except Exception:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and others
            skipped.append(str(file))
        else:
            rows.append(row)
    if not images:
        raise CorruptDataError(str(files[0].parent), f"{len(files)} readable image files", "none")
    warn_of_skipped(skipped, len(files))
    return np.stack(images), np.array(rows, np.int64), tuple(skipped)


def warn_of_skipped(skipped: list[str], count: int) -> None:
    """Warn once of all the files, of `count` in all, that were left out, if there are any."""
    if skipped:
        some = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
        warnings.warn(
            f"{len(skipped)} of {count} image files could not be read and were left out: {some}",
            SkippedFilesWarning,
            stacklevel=3,
        )
