"""The command ``pyfdsr``: demo, train, evaluate, compare, experiment, masks, macs, upscale, chip, info.

Exit codes: 0 done, 1 could not be done (files, data, disk), 2 asked for wrongly, 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

from .failures import INTERRUPTED, report_failure, show_warning

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        What follows the program's name; None reads the command line. ``--debug`` anywhere shows tracebacks.

    Returns
    -------
    int

    Examples
    --------
    >>> main(["masks"])
    2
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    shown = warnings.showwarning
    warnings.showwarning = show_warning
    try:
        from .application import application

        result = application()(arguments, prog_name="pyfdsr", standalone_mode=False)
        if result == INTERRUPTED:  # typer took the interruption for an ordinary end, and said nothing
            return report_failure(KeyboardInterrupt())
        return result if isinstance(result, int) else 0
    except BaseException as error:
        return report_failure(error, debug)
    finally:
        warnings.showwarning = shown
