"""Picture files with 8 or 16 bits a sample: PNG, JPEG and TIFF."""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyfdsr.training.optional import require

__all__ = ["SUFFIXES", "Picture", "PictureError", "check_target", "read_picture", "write_picture"]

SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
"""Formats by the end of a file's name."""

_EXTRA = "images"
_ORIENTATION = 0x0112
_BITS, _SAMPLE_FORMAT = 258, 339  # TIFF tags


class PictureError(RuntimeError):
    """A picture cannot be read or written; the message names the file."""


@dataclass(frozen=True)
class Picture:
    """A picture as arrays.

    Parameters
    ----------
    colours : uint8 or uint16 array, [H, W, 3] or [H, W, 1]
        Red, green and blue, or grey values.
    alpha : array, [H, W], optional
        Opacity, of the same dtype.
    profile : bytes, optional
        ICC profile of the colours.
    """

    colours: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None


def read_picture(path: str | os.PathLike[str], most_pixels: int | None = None) -> Picture:
    """Read a picture, upright.

    The orientation that a camera noted is applied. Palettes become colours; CMYK and other colours become
    RGB, without their profile.

    Parameters
    ----------
    path : path
        PNG, JPEG or TIFF, told by content.
    most_pixels : int, optional
        A picture of more pixels is refused before it is decoded.

    Raises
    ------
    PictureError
        If it cannot be read: missing, damaged, too large, of another format, several pages, or samples that
        are not of 8 or 16 bits.
    ImportError
        If a picture of 16 bits needs a package that is absent; the message says how to get it.
    """
    image_module = require("PIL.Image", "reading pictures")
    path = Path(path)
    try:
        with warnings.catch_warnings():
            # The size is checked below, against what the caller allows.
            warnings.simplefilter("ignore", image_module.DecompressionBombWarning)
            # From a stream: Pillow maps a grey TIFF whose path it knows, and then turns its rows wrongly.
            with open(path, "rb") as stream, image_module.open(stream) as opened:
                return _read(path, opened, most_pixels)
    except (PictureError, ImportError):
        raise
    except image_module.DecompressionBombError as error:
        raise PictureError(f"{path}: is too large ({error})") from error
    except image_module.UnidentifiedImageError as error:
        raise PictureError(f"{path}: is no picture that can be read, or damaged") from error
    except OSError as error:
        raise PictureError(f"{path}: cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise PictureError(f"{path}: does not fit the memory") from error
    except Exception as error:  # decoders raise SyntaxError, ValueError, struct.error, zlib.error and others
        raise PictureError(f"{path}: is damaged: {error}") from error


def _read(path: Path, opened: Any, most_pixels: int | None) -> Picture:
    kind = "JPEG" if opened.format == "MPO" else opened.format
    if kind not in SUFFIXES.values():
        raise PictureError(f"{path}: is of format {opened.format}, must be PNG, JPEG or TIFF")
    pages = getattr(opened, "n_frames", 1) if opened.format != "MPO" else 1
    if pages > 1:
        raise PictureError(f"{path}: has {pages} pages, must have one")
    width, height = opened.size
    if most_pixels is not None and width * height > most_pixels:
        raise PictureError(f"{path}: has {width}×{height} pixels, more than the {most_pixels} allowed")
    profile = opened.info.get("icc_profile")
    if _bits_of(path, opened, kind) == 16:
        turn = opened.getexif().get(_ORIENTATION, 1)
        samples = _deep_png(path) if kind == "PNG" else _deep_tiff(path)
    else:
        opened.load()
        turn = opened.getexif().get(_ORIENTATION, 1)  # a TIFF, once loaded, is upright already
        mode = _mode_of(opened)
        if opened.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            profile = None  # it speaks of other colours
        samples = np.asarray(opened.convert(mode) if opened.mode != mode else opened)
    samples = _upright(samples if samples.ndim == 3 else samples[:, :, None], turn)
    if samples.shape[2] in (2, 4):
        return Picture(samples[:, :, :-1], np.ascontiguousarray(samples[:, :, -1]), profile)
    if samples.shape[2] not in (1, 3):
        raise PictureError(f"{path}: has {samples.shape[2]} channels, must have 1 to 4")
    return Picture(samples, None, profile)


def _bits_of(path: Path, opened: Any, kind: str) -> int:
    """Bits of a sample, of which Pillow's modes do not tell the truth."""
    if kind == "PNG":
        with open(path, "rb") as file:
            return 16 if file.read(25)[24:25] == b"\x10" else 8
    if kind == "TIFF":
        bits = max(opened.tag_v2.get(_BITS, (1,)))
        formats = opened.tag_v2.get(_SAMPLE_FORMAT, (1,))
        if bits > 16 or 8 < bits < 16 or set(formats) != {1}:
            kinds = "floating point or signed" if set(formats) != {1} else "unsigned"
            raise PictureError(
                f"{path}: has {kinds} samples of {bits} bits, must be unsigned, of 8 or 16 bits"
            )
        return 16 if bits == 16 else 8
    return 8


def _mode_of(opened: Any) -> str:
    transparent = "transparency" in opened.info or "A" in opened.getbands() or "a" in opened.getbands()
    if opened.mode in ("1", "L", "LA") and not ("transparency" in opened.info and opened.mode != "LA"):
        return "LA" if transparent else "L"
    return "RGBA" if transparent else "RGB"


def _deep_png(path: Path) -> np.ndarray:
    png = require("png", "PNG files of 16 bits", _EXTRA)
    with open(path, "rb") as file:
        width, height, rows, information = png.Reader(file=file).asDirect()
        samples = np.empty((height, width * information["planes"]), np.uint16)
        for target, row in zip(samples, rows, strict=True):
            target[:] = row
    return samples.reshape(height, width, information["planes"])


def _deep_tiff(path: Path) -> np.ndarray:
    tifffile = require("tifffile", "TIFF files of 16 bits", _EXTRA)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        try:
            samples = page.asarray()
        except ValueError as error:
            if "imagecodecs" in str(error):
                raise ImportError(
                    f"{path}: its compression needs the package imagecodecs: pip install imagecodecs"
                ) from error
            raise
        if page.photometric > 2:
            kind = page.photometric.name
            raise PictureError(f"{path}: has 16-bit colours of kind {kind}, must be grey or RGB")
        if samples.ndim == 3 and page.planarconfig == 2:
            samples = np.moveaxis(samples, 0, 2)
        return 65535 - samples if page.photometric == 0 else samples  # 0: white is zero


def _upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror as an EXIF orientation asks: 1 to 8, anything else is left."""
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    down = orientation in (3, 4, 7, 8)
    right = orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(samples[:: -1 if down else 1, :: -1 if right else 1])


# -- writing


def check_target(path: Path, picture: Picture) -> str:
    """Return the format of a file that can hold a picture.

    Raises
    ------
    PictureError
        If its ending is none of :data:`SUFFIXES`, or JPEG's and the picture has transparency.
    """
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise PictureError(f"{path}: must end in one of {', '.join(SUFFIXES)}")
    if kind == "JPEG" and picture.alpha is not None:
        raise PictureError(f"{path}: JPEG has no transparency, which the picture has; write PNG or TIFF")
    return kind


def write_picture(path: str | os.PathLike[str], picture: Picture) -> None:
    """Write a picture under a temporary name and rename it.

    Parameters
    ----------
    path : path
        Ends in .png, .jpg, .jpeg, .tif or .tiff. JPEG has 8 bits a sample: 16 are rounded to them. Grey with
        transparency and 16 bits becomes RGB in TIFF.
    picture : Picture

    Raises
    ------
    PictureError
        If it cannot be written: another ending, transparency in a JPEG file, or a full or missing place.
        There is then no half of it.
    ImportError
        If a picture of 16 bits needs a package that is absent.
    """
    path = Path(path)
    kind = check_target(path, picture)
    colours, alpha = picture.colours, picture.alpha
    if colours.dtype == np.uint16 and kind == "JPEG":
        colours = np.round(colours / np.float32(257)).astype(np.uint8)
    samples = colours if alpha is None else np.concatenate([colours, alpha[:, :, None]], 2)
    try:
        with _replacing(path) as temporary:
            if samples.dtype == np.uint8:
                _write_by_pillow(temporary, samples, kind, picture.profile)
            elif kind == "PNG":
                _write_deep_png(temporary, samples, picture.profile)
            else:
                _write_deep_tiff(temporary, samples, picture.profile)
    except ImportError:
        raise
    except (OSError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise PictureError(f"{path}: cannot be written: {reason}") from error


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; take that of `path` at the end, or leave nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write_by_pillow(path: Path, samples: np.ndarray, kind: str, profile: bytes | None) -> None:
    image_module = require("PIL.Image", "writing pictures")
    options: dict[str, Any] = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    if kind == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
    if profile:
        options["icc_profile"] = profile
    image = image_module.fromarray(samples[:, :, 0] if samples.shape[2] == 1 else samples)
    image.save(path, kind, **options)


def _write_deep_png(path: Path, samples: np.ndarray, profile: bytes | None) -> None:
    png = require("png", "PNG files of 16 bits", _EXTRA)

    class Writer(png.Writer):
        def write_preamble(self, outfile: Any) -> None:
            super().write_preamble(outfile)
            if profile:
                png.write_chunk(outfile, b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))

    height, width, planes = samples.shape
    writer = Writer(width, height, greyscale=planes < 3, alpha=planes in (2, 4), bitdepth=16, compression=1)
    with open(path, "wb") as file:
        writer.write(file, iter(samples.reshape(height, width * planes)))


def _write_deep_tiff(path: Path, samples: np.ndarray, profile: bytes | None) -> None:
    tifffile = require("tifffile", "TIFF files of 16 bits", _EXTRA)
    if samples.shape[2] == 2:  # few programs read grey with transparency at this depth
        samples = samples[:, :, [0, 0, 0, 1]]
    planes = samples.shape[2]
    options: dict[str, Any] = {"photometric": "rgb" if planes > 2 else "minisblack", "metadata": None}
    if planes == 4:
        options["extrasamples"] = ["unassalpha"]
    if profile:
        options["iccprofile"] = profile
    squeezed = samples[:, :, 0] if planes == 1 else samples
    tifffile.imwrite(path, squeezed, planarconfig=None if planes == 1 else "contig", **options)
