"""Learned phases as files for fabrication: wrapped phase, height map, and what they mean."""

from __future__ import annotations

import json
import math
import os
import struct
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfdsr.optics.arrays import as_numpy

__all__ = ["MaskSet", "export_masks", "load_masks"]

_FORMAT = "pyfdsr-masks-1"


@dataclass(frozen=True)
class MaskSet:
    """Masks read back by :func:`load_masks`.

    Attributes
    ----------
    phase : float64 array [L, My, Mx]
        Phase in [0, 2π), radians.
    height : float64 array [L, My, Mx]
        Height of the material above its base, metres.
    metadata : dict
        Wavelength, refractive index and the rest of the metadata file.
    """

    phase: NDArray[np.float64]
    height: NDArray[np.float64]
    metadata: dict[str, Any] = field(default_factory=dict)


def wrapped(phase: Any) -> NDArray[np.float64]:
    """Phase in [0, 2π), radians, float64.

    Examples
    --------
    >>> wrapped([-1e-30, 2 * np.pi])
    array([0., 0.])
    """
    values = np.mod(as_numpy(phase, np.float64), 2 * np.pi)
    # A tiny negative phase is rounded up to 2π itself by the remainder.
    return np.where(values >= 2 * np.pi, 0.0, values)


def _number(name: str, value: Any, above: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r}: must be a real number")
    if not (math.isfinite(value) and value > above):
        raise ValueError(f"{name}={value!r}: must be finite and greater than {above:g}")
    return float(value)


def _png(image: NDArray[np.uint16]) -> bytes:
    """16-bit greyscale PNG of an array [My, Mx]."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = image.shape
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in image)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _npz(phase: NDArray[Any], height: NDArray[Any], metadata: str) -> bytes:
    import io

    buffer = io.BytesIO()
    np.savez_compressed(buffer, phase=phase, height=height, metadata=np.array(metadata))
    return buffer.getvalue()


def _write_all(files: dict[Path, bytes]) -> None:
    """Write all files under temporary names, then rename them, so that a failure leaves the old ones."""
    staged: list[tuple[str, Path]] = []
    try:
        for target, content in files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            staged.append((name, target))
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for name, target in staged:
            os.chmod(name, 0o644)
            os.replace(name, target)
    finally:
        for name, _ in staged:
            if os.path.exists(name):
                os.unlink(name)


def export_masks(
    model_or_phases: Any,
    path: str | os.PathLike[str],
    wavelength: float,
    refractive_index: float,
    *,
    mask_pitch: float | None = None,
    formats: Iterable[str] = (),
    ambient_index: float = 1.0,
) -> list[Path]:
    r"""Write the phase masks of a model for fabrication.

    Parameters
    ----------
    model_or_phases : object with ``phases``, or array or tensor [L, My, Mx] or [My, Mx]
        Phases in radians.
    path : path
        The archive to write; ``.npz`` is appended if missing. A metadata file ``<stem>.json`` goes beside it.
    wavelength : float
        Design wavelength in vacuum, metres.
    refractive_index : float
        Index n of the mask's material; greater than `ambient_index`.
    mask_pitch : float, optional
        Size of a mask pixel, metres; recorded in the metadata.
    formats : iterable of {"png", "csv"}
        Also write, for every layer, a 16-bit greyscale image of the phase (65536 levels for 2π) or
        its heights in metres as text.
    ambient_index : float
        Index of the medium around the mask.

    Returns
    -------
    list of pathlib.Path
        The files written, the archive first.

    Raises
    ------
    TypeError, ValueError
        If the phases are not finite real numbers of two or three axes, or a number is out of range.
    OSError
        If a file cannot be written; files that existed before are then unchanged but for a failure during the
        final renaming.

    Notes
    -----
    The height is :math:`h = \lambda\varphi / (2\pi (n - n_\mathrm{ambient}))`, φ in [0, 2π).

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = export_masks(np.full((1, 2, 2), np.pi), f"{folder}/masks", 550e-9, refractive_index=1.5)
    ...     masks = load_masks(files[0])
    >>> [file.name for file in files], round(float(masks.height[0, 0, 0]) * 1e9, 6)
    (['masks.npz', 'masks.json'], 550.0)
    """
    phase = _phases(model_or_phases)
    wavelength = _number("wavelength", wavelength, 0)
    ambient = _number("ambient_index", ambient_index, 0)
    index = _number("refractive_index", refractive_index, ambient)
    formats = tuple(dict.fromkeys([formats] if isinstance(formats, str) else formats))
    if set(formats) - {"png", "csv"}:
        raise ValueError(f"formats={formats!r}: must be chosen from 'png' and 'csv'")
    height = wavelength * phase / (2 * math.pi * (index - ambient))
    metadata = {
        "format": _FORMAT,
        "layers": len(phase),
        "shape": list(phase.shape[1:]),
        "wavelength_metres": wavelength,
        "refractive_index": index,
        "ambient_index": ambient,
        "mask_pitch_metres": None if mask_pitch is None else _number("mask_pitch", mask_pitch, 0),
        "phase_unit": "radians, wrapped to [0, 2*pi)",
        "height_unit": "metres",
        "height_of_2pi_metres": wavelength / (index - ambient),
        "png": "phase = level * 2*pi / 65536",
        "zero_frequency_index": [length // 2 for length in phase.shape[1:]],
    }
    text = json.dumps(metadata, indent=2) + "\n"
    archive = Path(path)
    archive = archive if archive.suffix == ".npz" else archive.with_name(archive.name + ".npz")
    files = {archive: _npz(phase, height, text), archive.with_suffix(".json"): text.encode()}
    for number, layer in enumerate(phase):
        name = f"{archive.stem}-layer{number + 1:02d}"
        if "png" in formats:
            levels = np.round(layer * (65536 / (2 * math.pi))).astype(np.int64) % 65536
            files[archive.with_name(f"{name}-phase.png")] = _png(levels.astype(np.uint16))
        if "csv" in formats:
            rows = "\n".join(",".join(f"{value:.9e}" for value in row) for row in height[number])
            files[archive.with_name(f"{name}-height.csv")] = f"{rows}\n".encode()
    _write_all(files)
    return list(files)


def _phases(model_or_phases: Any) -> NDArray[np.float64]:
    values = as_numpy(getattr(model_or_phases, "phases", model_or_phases))
    if values.dtype.kind not in "fiu":
        raise TypeError(f"phases have dtype {values.dtype}: must be real numbers")
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"phases have shape {values.shape}: must be [layers, My, Mx] or [My, Mx], not empty")
    if not np.isfinite(values).all():
        raise ValueError("phases hold NaN or infinite values: masks must be finite")
    return wrapped(values)


def load_masks(path: str | os.PathLike[str]) -> MaskSet:
    """Read an archive written by :func:`export_masks`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or is not a mask archive.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            metadata = json.loads(str(archive["metadata"]))
            masks = MaskSet(archive["phase"], archive["height"], metadata)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"path={os.fspath(path)!r}: must be an undamaged mask archive ({error})") from error
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"path={os.fspath(path)!r}: format {metadata.get('format')!r} is not {_FORMAT!r}")
    return masks
