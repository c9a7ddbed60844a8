"""Reports of several chapters, each a table and figures: one HTML page, or Markdown with picture files."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .page import document, embedded_picture, settings_table, table

__all__ = ["Chapter", "chapters_markdown", "chapters_page"]


@dataclass(frozen=True)
class Chapter:
    """A part of a report.

    Attributes
    ----------
    title, state : str
        Heading, and how far the work is.
    columns, rows : sequence of str, sequence of rows
    figures : sequence of (file name, caption, PNG bytes)
    notes : sequence of str
    """

    title: str
    state: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Sequence[tuple[str, str, bytes]] = ()
    notes: Sequence[str] = ()


def chapters_page(
    title: str, lead: str, chapters: Sequence[Chapter], settings: Mapping[str, Mapping[str, Any]]
) -> str:
    """Return a self-contained HTML page.

    Examples
    --------
    >>> chapter = Chapter("Depth", "done", ("what", "ours"), [("10 units", "19.8 dB")])
    >>> page = chapters_page("Experiments", "All of them.", [chapter], {"Settings": {"seed": 0}})
    >>> "<h2>Depth</h2>" in page, "19.8 dB" in page
    (True, True)
    """
    parts = []
    for chapter in chapters:
        pictures = "".join(embedded_picture(caption, png) for _, caption, png in chapter.figures)
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in chapter.notes)
        body = table(chapter.columns, chapter.rows, numeric=False, small=False) if chapter.rows else ""
        parts.append(
            f'<h2>{html.escape(chapter.title)}</h2><p class="lead">{html.escape(chapter.state)}</p>'
            f"{body}{notes}{pictures}"
        )
    tables = "".join(settings_table(heading, values) for heading, values in settings.items())
    return document(title, lead, "".join(parts) + tables)


def chapters_markdown(
    title: str,
    lead: str,
    chapters: Sequence[Chapter],
    settings: Mapping[str, Mapping[str, Any]],
    figure_folder: str,
) -> str:
    """Return the same as Markdown; its figures are files in `figure_folder`, beside it.

    Examples
    --------
    >>> chapter = Chapter("Depth", "done", ("what", "ours"), [("10 units", "19.8 | 6 %")])
    >>> print(chapters_markdown("Experiments", "All.", [chapter], {}, "figures").splitlines()[8])
    | 10 units | 19.8 \\| 6 % |
    """
    lines = [f"# {title}", "", lead, ""]
    for chapter in chapters:
        lines += [f"## {chapter.title}", ""]
        if chapter.rows:
            lines += [_row(chapter.columns), _row(["---"] * len(chapter.columns))]
            lines += [_row(row) for row in chapter.rows] + [""]
        lines += [chapter.state, ""]
        for note in chapter.notes:
            lines += [note, ""]
        for name, caption, _ in chapter.figures:
            lines += [f"![{caption}]({figure_folder}/{name})", ""]
    for heading, values in settings.items():
        lines += [f"## {heading}", "", "| name | value |", "| --- | --- |"]
        lines += [_row((name, value)) for name, value in values.items()] + [""]
    return "\n".join(lines)


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
