"""The idx format of MNIST and its relatives: a typed, big-endian array with a short header, often gzipped.

Header: two zero bytes, a type code, the number of axes, then one big-endian uint32 per axis
(LeCun, Cortes, Burges, "The MNIST database", file formats).
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from .catalogue import owner_of_checksum
from .errors import CorruptDataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"


def read_bytes(path: str | Path, sha256: str = "") -> bytes:
    """The uncompressed content of a file, checked.

    Parameters
    ----------
    path : str or Path
        A plain or gzipped file; which one is seen from its first bytes, not from its name.
    sha256 : str
        Checksum of the uncompressed bytes; ``""`` accepts any content.

    Raises
    ------
    CorruptDataError
        If the file cannot be decompressed or has another checksum.
    """
    content = Path(path).read_bytes()
    if content[:2] == _GZIP_MAGIC:
        try:
            content = gzip.decompress(content)
        except (EOFError, gzip.BadGzipFile, zlib.error) as reason:
            raise CorruptDataError(path, "a complete gzip file", f"one that ends in: {reason}") from reason
    if sha256:
        got = hashlib.sha256(content).hexdigest()
        if got != sha256:
            owner = owner_of_checksum(got)
            hint = f" (a file of {owner})" if owner else ""
            raise CorruptDataError(path, f"SHA-256 {sha256} of the uncompressed bytes", f"{got}{hint}")
    return content


def refuse_other_dataset(path: str | Path, name: str) -> None:
    """Raise CorruptDataError if the file is known to belong to another data set than ``name``.

    MNIST's relatives share their file names, and not all have a published checksum of their own.
    """
    owner = owner_of_checksum(hashlib.sha256(read_bytes(path)).hexdigest())
    if owner not in ("", name):
        raise CorruptDataError(path, f"a file of {name}", f"one of {owner}")


def read_idx(path: str | Path, sha256: str = "") -> np.ndarray:
    """Read an idx file, plain or gzipped.

    Parameters
    ----------
    path : str or Path
        The file.
    sha256 : str
        Checksum of the uncompressed bytes, ``""`` for none.

    Returns
    -------
    ndarray
        Of the file's shape and type, in the machine's byte order, writeable.

    Raises
    ------
    CorruptDataError
        If the header is not one of an idx file, or the file is shorter or longer than its header says.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from pyfdsr.data.idx import read_idx, write_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_idx(os.path.join(folder, "labels-idx1-ubyte"), np.array([3, 1], np.uint8))
    ...     read_idx(os.path.join(folder, "labels-idx1-ubyte"))
    array([3, 1], dtype=uint8)
    """
    content = read_bytes(path, sha256)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or content[3] == 0:
        raise CorruptDataError(
            path, "an idx header (0, 0, type, axes)", f"bytes {content[:4].hex(' ') or 'none'}"
        )
    axes = content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise CorruptDataError(path, f"an idx header of {start} bytes", f"{len(content)} bytes")
    shape = struct.unpack(f">{axes}I", content[4:start])
    dtype = np.dtype(_TYPES[content[2]])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise CorruptDataError(path, f"{expected} bytes for shape {shape}", f"{len(content)} bytes")
    values = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


def write_idx(path: str | Path, values: np.ndarray) -> None:
    """Write an array as an idx file, gzipped if the name ends in ``.gz``.

    Parameters
    ----------
    path : str or Path
        The file to write.
    values : ndarray
        uint8, int8, int16, int32, float32 or float64, at least one axis.

    Raises
    ------
    TypeError
        If the format has no code for the array's type.
    """
    values = np.asarray(values)
    big_endian = values.dtype.newbyteorder(">")
    codes = {np.dtype(name): code for code, name in _TYPES.items()}
    if big_endian not in codes:
        raise TypeError(
            f"values must be of a type that idx knows (uint8, int32, float32, ...), got {values.dtype}"
        )
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, codes[big_endian], values.ndim, *values.shape)
    content = header + values.astype(big_endian).tobytes()
    if Path(path).suffix == ".gz":
        # mtime=0: the same array gives the same file.
        content = gzip.compress(content, mtime=0)
    Path(path).write_bytes(content)
