"""The licence of one picture, as its package states it.

Debian packages carry a machine-readable copyright file: paragraphs with ``Files`` patterns over the source
tree, of which the last that matches holds. Wallpapers of Plasma say it in a ``metadata.json`` of their own.

References
----------
https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path

__all__ = ["copyright_paragraphs", "licence_of"]

_ADDRESS = r"\s*<[^>]*>´?"


def copyright_paragraphs(text: str) -> list[tuple[list[str], str, str]]:
    """Read a Debian copyright file.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of (patterns, licence, copyright)
        One for each paragraph about files.
    """
    found = []
    for paragraph in text.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line[:1] in (" ", "\t"):
                fields[name] = f"{fields.get(name, '')} {line.strip()}".strip()
            elif ":" in line and not line.startswith("#"):
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if "Files" in fields and "License" in fields:
            licence = (
                fields["License"].split(" ")[0] if " and " not in fields["License"] else fields["License"]
            )
            found.append((fields["Files"].split(), licence, fields.get("Copyright", "")))
    return found


def _source_name(inside: str, source_root: str) -> str:
    """Turn a path in a package into that in its source tree (see `Source.source_root`)."""
    prefix, _, replacement = source_root.partition("|")
    parts = prefix.rstrip("/").split("/") if prefix else []
    return replacement + "/".join(inside.split("/")[len(parts) :])


def licence_of(source, tree: Path, inside: str) -> str:
    """Return licence and authors of one file.

    Parameters
    ----------
    source : scripts.photo_sources.Source
    tree : Path
        The unpacked package.
    inside : str
        The file's path in it.

    Returns
    -------
    str
        ``"unknown"`` where the package says nothing.
    """
    if source.licence:
        return source.licence
    for folder in (tree / inside).parents:
        if (folder / "metadata.json").is_file():
            plugin = json.loads((folder / "metadata.json").read_text())["KPlugin"]
            authors = ", ".join(author["Name"] for author in plugin.get("Authors", []))
            return f"{plugin['License']}, {authors}"
        if folder == tree:
            break
    statement = tree / "usr/share/doc" / source.package / "copyright"
    if not statement.is_file():
        return "unknown"
    name = _source_name(inside, source.source_root)
    # Some pictures were turned into WebP for the package: their names match but for the suffix.
    stem = name.rpartition(".")[0]
    answer = "unknown"
    for patterns, licence, holders in copyright_paragraphs(statement.read_text(errors="replace")):
        if any(fnmatch(name, p) or ("." in p and fnmatch(stem, p.rpartition(".")[0])) for p in patterns):
            answer = f"{licence}, {re.sub(_ADDRESS, '', holders)}" if len(holders) < 200 else licence
    return answer
