"""A self-contained HTML page about a run: no script, no file beside it, no address to load from."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["document", "embedded_picture", "report_page", "settings_table", "table"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid #8886; padding-bottom: .2rem; }
p.lead { color: color-mix(in srgb, currentColor 75%, transparent); margin-top: 0; }
table { border-collapse: collapse; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top; }
th, td { border-bottom: 1px solid #8884; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; background: white; border-radius: 4px; }
figure { margin: 1rem 0; }
figcaption { font-size: .9rem; color: color-mix(in srgb, currentColor 75%, transparent); }
table.small { font-size: .85rem; }
code { font-size: .9em; }
"""


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: bool, small: bool | None = None
) -> str:
    """Return a table; `numeric` sets all but its first column to the right."""
    kind = [""] + [' class="number"' if numeric else ""] * (len(columns) - 1)
    head = "".join(f"<th{c}>{html.escape(text)}</th>" for c, text in zip(kind, columns, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{c}>{html.escape(str(text))}</td>" for c, text in zip(kind, row, strict=True))
        + "</tr>"
        for row in rows
    )
    small = not numeric if small is None else small
    size = ' class="small"' if small else ""
    return f"<table{size}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def settings_table(title: str, values: Mapping[str, Any]) -> str:
    """Return a heading and a table of names and values."""
    rows = [
        (name, value if isinstance(value, str) else json.dumps(value, default=str))
        for name, value in values.items()
    ]
    return f"<h2>{html.escape(title)}</h2>" + table(("name", "value"), rows, numeric=False)


def embedded_picture(caption: str, png: bytes) -> str:
    """Return a figure with its caption, the picture in the page."""
    return (
        f'<figure><img alt="{html.escape(caption)}" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def document(title: str, lead: str, body: str) -> str:
    """Return a page with a heading, the sentence under it, and a body of HTML."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f'<h1>{html.escape(title)}</h1><p class="lead">{html.escape(lead)}</p>{body}</body></html>\n'
    )


def report_page(
    title: str,
    lead: str,
    metric_columns: Sequence[str],
    metric_rows: Sequence[Sequence[str]],
    figures: Sequence[tuple[str, bytes]],
    settings: Mapping[str, Mapping[str, Any]],
    notes: Sequence[str] = (),
) -> str:
    """Return the page as HTML text.

    Parameters
    ----------
    title, lead : str
        Heading and the sentence under it.
    metric_columns, metric_rows : sequence of str, sequence of rows
        The table of results; the first column holds names.
    figures : sequence of (caption, PNG bytes)
        Embedded in the page.
    settings : mapping of heading to mapping
        Tables of names and values, such as the configuration and the environment.
    notes : sequence of str
        Paragraphs under the table of results.

    Returns
    -------
    str

    Examples
    --------
    >>> rows = [["input", "16.1 dB"]]
    >>> page = report_page("Run", "Two epochs.", ["", "PSNR"], rows, [], {"Configuration": {"seed": 0}})
    >>> "<td class=\\"number\\">16.1 dB</td>" in page
    True
    """
    pictures = "".join(embedded_picture(caption, png) for caption, png in figures)
    tables = "".join(settings_table(heading, values) for heading, values in settings.items())
    paragraphs = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    results = table(metric_columns, metric_rows, numeric=True)
    return document(title, lead, f"<h2>Results</h2>{results}{paragraphs}<h2>Pictures</h2>{pictures}{tables}")
