"""Stop requests: Ctrl-C and SIGTERM end a training run after the step in hand."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["StopRequest"]


class StopRequest:
    """Context manager that turns the first SIGINT or SIGTERM into a flag.

    A second signal raises :class:`KeyboardInterrupt` at once, for a user who does not want to wait. Outside
    the main thread Python delivers no signals; there the flag is set only by :meth:`request`.

    Attributes
    ----------
    requested : bool

    Examples
    --------
    >>> with StopRequest() as stop:
    ...     signal.raise_signal(signal.SIGINT)
    ...     stop.requested
    True
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, object] = {}

    def request(self) -> None:
        """Ask for a stop as a signal would."""
        self.requested = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
