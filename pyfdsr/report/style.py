"""House style of every plot: colour-blind safe colours, one type size, no boxes."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from pyfdsr.training.optional import require

__all__ = ["COLOURS", "INTENSITY_COLOURMAP", "figure_png", "new_figure", "save_figure"]

# Okabe and Ito's palette (2008), which the common colour vision deficiencies keep apart; yellow is left out
# because it vanishes on white.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "black": "#000000",
}

# Intensities are shown in grey: nothing to tell apart but bright and dark.
INTENSITY_COLOURMAP = "gray"

_STYLE = {
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def house_style() -> Any:
    """Return the context in which axes of the house style are made.

    Examples
    --------
    >>> with house_style():
    ...     figure = new_figure(3, 2)
    ...     axes = figure.subplots()
    """
    matplotlib = require("matplotlib", "figures")
    cycler = require("cycler", "figures").cycler
    return matplotlib.rc_context({**_STYLE, "axes.prop_cycle": cycler(color=list(COLOURS.values()))})


def new_figure(width: float, height: float, layout: str = "constrained") -> Any:
    """Return an empty figure of `width` by `height` inches on an Agg canvas."""
    figure_class = require("matplotlib.figure", "figures").Figure
    canvas = require("matplotlib.backends.backend_agg", "figures").FigureCanvasAgg
    figure = figure_class(figsize=(width, height), layout=layout)
    canvas(figure)
    return figure


def figure_png(figure: Any, dots_per_inch: int = 150) -> bytes:
    """Return the figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    # No date or version in the file: the same figure has the same bytes.
    figure.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None})
    return buffer.getvalue()


def save_figure(figure: Any, path: str | os.PathLike, dots_per_inch: int = 150) -> Path:
    """Write the figure as PNG, making its folder if needed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(figure_png(figure, dots_per_inch))
    return path
