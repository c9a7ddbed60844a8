"""Tables on the terminal."""

from __future__ import annotations

from typing import Any

from pyfdsr.training.optional import require

__all__ = [
    "CLASSIFICATION_COLUMNS",
    "RESULT_COLUMNS",
    "classification_rows",
    "console",
    "print_evaluation",
    "result_rows",
]

# The output may be worse than the coarsest linear imager or better than the finest.
_BOUND = {"within": "", "coarser": "> ", "finer": "< "}

CLASSIFICATION_COLUMNS = ("", "accuracy (%)", "energy on detectors (%)", "energy in window (%)")
RESULT_COLUMNS = ("", "PSNR (dB)", "SSIM", "resolution (µm)", "energy (%)")


def console() -> Any:
    """Return a console on the standard output."""
    return require("rich.console", "tables").Console()


def _micrometres(length: float) -> str:
    return f"{length * 1e6:.1f}"


def result_rows(evaluation: Any) -> list[tuple[str, ...]]:
    """Return the two rows of the table of results, one for the input and one for the output."""
    return [
        (
            "low-resolution input",
            f"{evaluation.input_psnr:.2f}",
            f"{evaluation.input_ssim:.3f}",
            _micrometres(evaluation.input_resolution),
            "100.0",
        ),
        (
            "network output",
            f"{evaluation.output_psnr:.2f}",
            f"{evaluation.output_ssim:.3f}",
            _BOUND[evaluation.resolution_status] + _micrometres(evaluation.output_resolution),
            f"{100 * evaluation.energy_fraction:.1f}",
        ),
    ]


def classification_rows(scores: Any) -> list[tuple[str, ...]]:
    """Return the row of the table of results of a classifier."""
    shares = (scores.accuracy, scores.detector_fraction, scores.energy_fraction)
    return [("classifier", *(f"{100 * share:.1f}" for share in shares))]


def print_evaluation(evaluation: Any, title: str) -> None:
    """Print the table of results of a network or a classifier."""
    columns, rows = RESULT_COLUMNS, result_rows
    if hasattr(evaluation, "confusion"):
        columns, rows = CLASSIFICATION_COLUMNS, classification_rows
    table = require("rich.table", "tables").Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    for row in rows(evaluation):
        table.add_row(*row)
    console().print(table)
