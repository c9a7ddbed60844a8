"""What a failed command says, and its exit code: one clear line, the traceback only on request."""

from __future__ import annotations

import sys
import traceback
from typing import Any

__all__ = ["DONE", "INTERRUPTED", "MISUSED", "NOT_DONE", "report_failure", "show_warning"]

DONE, NOT_DONE, MISUSED, INTERRUPTED = 0, 1, 2, 130


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error: 2 for a wrong request, 130 for an interruption, else 1.

    Examples
    --------
    >>> exit_code(ValueError("pitch=-1")), exit_code(OSError("disk")), exit_code(KeyboardInterrupt())
    (2, 1, 130)
    """
    name = type(error).__name__
    # typer's own exceptions, told by shape: they have lived in two packages.
    if hasattr(error, "format_message"):
        return MISUSED
    if isinstance(error, KeyboardInterrupt) or name in ("Abort", "TrainingInterrupted"):
        return INTERRUPTED
    if name == "CorruptDataError":
        return NOT_DONE
    return MISUSED if isinstance(error, (ValueError, TypeError)) else NOT_DONE


def _message(error: BaseException) -> str:
    if hasattr(error, "format_message"):
        return f"{error.format_message()}  (pyfdsr --help explains)"
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return "interrupted"
    expected = (ValueError, TypeError, OSError, RuntimeError, ImportError)
    text = str(error) or type(error).__name__
    return text if isinstance(error, expected) else f"{type(error).__name__}: {text}  (--debug shows where)"


def report_failure(error: BaseException, debug: bool = False) -> int:
    """Write the message of `error` to the standard error stream and return the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else NOT_DONE
    if debug:
        traceback.print_exception(error)
    code = exit_code(error)
    print(f"{'stopped' if code == INTERRUPTED else 'error'}: {_message(error)}", file=sys.stderr)
    return code


def show_warning(
    message: Any, category: type, filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """Show a warning as one line without the place in the source."""
    print(f"warning: {message}", file=file or sys.stderr)
