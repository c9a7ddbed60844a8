"""Files inside Qt's binary resource containers (.rcc), read without Qt.

The container starts with ``qres``, its version and the offsets of three tables: a tree of folders and files,
their payloads, their names. All numbers are big-endian. Payloads may be compressed by zlib (behind four bytes
of length) or, in later versions, by Zstandard, which is not read here.

References
----------
Qt 6 sources, ``src/corelib/io/qresource.cpp`` and ``src/tools/rcc/rcc.cpp``, for the layout of the tables.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ResourceError", "resource_files"]

_COMPRESSED, _FOLDER, _ZSTANDARD = 1, 2, 4


class ResourceError(ValueError):
    """A file is not a Qt resource container, or is cut short."""


def resource_files(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a container, each with its path inside.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    (str, bytes)

    Raises
    ------
    ResourceError
        When `path` is of another kind, damaged, or holds a payload compressed by Zstandard.
    OSError
        When it cannot be read.
    """
    content = Path(path).read_bytes()
    if content[:4] != b"qres":
        raise ResourceError(f"{path} is not a Qt resource container: it must begin with 'qres'")
    try:
        version, tree, data, names = struct.unpack_from(">4I", content, 4)
        node_size = 14 if version < 2 else 22  # later versions add a time stamp to every node
        yield from _below(content, (tree, data, names), node_size, 0, "", path)
    except (struct.error, zlib.error, UnicodeDecodeError) as error:
        raise ResourceError(f"{path} is damaged: {error}") from error


def _below(content, tables, node_size, node, folder, path) -> Iterator[tuple[str, bytes]]:
    """Yield the files below one node of the tree; the root is node 0 and has no name."""
    tree, data, names = tables
    position = tree + node * node_size
    name_offset, flags = struct.unpack_from(">IH", content, position)
    name = ""
    if node:
        (length,) = struct.unpack_from(">H", content, names + name_offset)
        start = names + name_offset + 6  # length, hash, then UTF-16
        name = content[start : start + 2 * length].decode("utf-16-be")
    inside = f"{folder}/{name}" if folder else name
    if flags & _FOLDER:
        count, first = struct.unpack_from(">II", content, position + 6)
        if first <= node and count:
            raise ResourceError(f"{path} is damaged: the folder {inside!r} lies inside itself")
        for child in range(first, first + count):
            yield from _below(content, tables, node_size, child, inside, path)
        return
    (offset,) = struct.unpack_from(">I", content, position + 10)
    (length,) = struct.unpack_from(">I", content, data + offset)
    payload = content[data + offset + 4 : data + offset + 4 + length]
    if len(payload) < length:
        raise ResourceError(f"{path} is cut short inside {inside!r}")
    if flags & _ZSTANDARD:
        raise ResourceError(f"{path} compresses {inside!r} by Zstandard, which is not read here")
    yield inside, zlib.decompress(payload[4:]) if flags & _COMPRESSED else payload
