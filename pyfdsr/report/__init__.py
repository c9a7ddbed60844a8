"""Figures and pages about results: the house style of plots, training figures, the HTML report.

matplotlib is used through its object-oriented interface with the Agg canvas: no window, no global state.
Members load on first use.
"""

from importlib import import_module

_MEMBERS = {
    "COLOURS": "style",
    "Chapter": "chapters",
    "INTENSITY_COLOURMAP": "style",
    "chapters_markdown": "chapters",
    "chapters_page": "chapters",
    "figure_png": "style",
    "loss_curve": "figures",
    "new_figure": "style",
    "operation_chart": "operation_counts",
    "report_page": "page",
    "sample_rows": "figures",
    "save_figure": "style",
}

__all__ = sorted(_MEMBERS)


def __getattr__(name):
    if name not in _MEMBERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MEMBERS[name]}"), name)


def __dir__():
    return __all__
