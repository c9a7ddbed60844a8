"""Sheets of pictures side by side, pixel by pixel: a row an image, a column a way to enlarge it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfdsr.training.optional import require

__all__ = ["Panel", "close_ups", "comparison_sheet"]

_GAP, _TEXT, _HEADER = 8, 26, 34  # pixels: between panels, height of a caption, height of the column titles


@dataclass(frozen=True)
class Panel:
    """One picture of a sheet.

    Attributes
    ----------
    picture : uint8 array [H, W, 3]
        Smaller ones are enlarged by repeating pixels to the size of the largest of the sheet.
    caption : str
        Written under it.
    """

    picture: np.ndarray
    caption: str = ""


def close_ups(row: Sequence[Panel], x: int, y: int, size: int) -> list[Panel]:
    """Return the same square of every picture of a row.

    Parameters
    ----------
    row : sequence of Panel
    x, y, size : int
        Left, upper edge and side of the square, in pixels of the largest picture; in smaller ones, the square
        of the same part.

    Raises
    ------
    ValueError
        If the square is not inside the picture.

    Examples
    --------
    >>> row = [Panel(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)), Panel(np.zeros((2, 2, 3), np.uint8))]
    >>> [panel.picture.shape for panel in close_ups(row, 2, 0, 2)]
    [(2, 2, 3), (1, 1, 3)]
    """
    height, width = max(panel.picture.shape[:2] for panel in row)
    if size < 1 or min(x, y) < 0 or x + size > width or y + size > height:
        raise ValueError(f"close-up {x},{y},{size}: must be a square inside {width}x{height} pixels")
    cut = []
    for panel in row:
        step = height / panel.picture.shape[0]
        top, left = int(y / step), int(x / step)
        side = max(1, round(size / step))
        cut.append(Panel(panel.picture[top : top + side, left : left + side]))
    return cut


def comparison_sheet(titles: Sequence[str], rows: Sequence[Sequence[Panel]], panel: int = 256) -> Any:
    """Put panels into rows under column titles.

    Parameters
    ----------
    titles : sequence of str
        One a column; a line break is kept.
    rows : sequence of sequences of Panel
    panel : int
        Side of a panel, pixels; pictures are enlarged or reduced to it by the nearest whole factor or, where
        there is none, by an antialiasing filter.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    ValueError
        If a row has not as many panels as there are titles.
    """
    for row in rows:
        if len(row) != len(titles):
            raise ValueError(
                f"rows: each must have {len(titles)} panels, as many as titles; one has {len(row)}"
            )
    pil = require("PIL.Image", "comparison sheets")
    draw_on = require("PIL.ImageDraw", "comparison sheets").Draw
    font_of = require("PIL.ImageFont", "comparison sheets").load_default
    font, bold = font_of(20), font_of(22)
    lines = max((title.count("\n") + 1 for title in titles), default=1)
    heights = [panel + (_TEXT if any(p.caption for p in row) else 0) + _GAP for row in rows]
    header = _HEADER + (lines - 1) * 25
    width = len(titles) * (panel + _GAP) + _GAP
    sheet = pil.new("RGB", (width, header + sum(heights)), "white")
    draw = draw_on(sheet)
    for column, title in enumerate(titles):
        middle = _GAP + column * (panel + _GAP) + panel / 2
        draw.multiline_text((middle, header - 6), title, "black", bold, "md", align="center")
    top = header
    for row, height in zip(rows, heights, strict=True):
        for column, shown in enumerate(row):
            left = _GAP + column * (panel + _GAP)
            sheet.paste(_fitted(pil, shown.picture, panel), (left, top))
            draw.text((left + panel / 2, top + panel + 2), shown.caption, "black", font, "ma")
        top += height
    return sheet


def _fitted(pil: Any, picture: np.ndarray, panel: int) -> Any:
    image = pil.fromarray(np.ascontiguousarray(picture))
    if image.size == (panel, panel):
        return image
    whole = panel % image.width == 0 and panel % image.height == 0
    method = pil.Resampling.NEAREST if whole or image.width < panel else pil.Resampling.LANCZOS
    return image.resize((panel, panel), method)
