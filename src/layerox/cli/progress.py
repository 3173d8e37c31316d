"""Progress display on stderr for commands that run longer than a second."""

from __future__ import annotations

import sys
import threading
from types import TracebackType

PATIENCE_S = 1.0


class Progress:
    """Shows the current step after one second of work, if stderr is a terminal.

    Parameters
    ----------
    quiet
        Never show anything.
    """

    def __init__(self, *, quiet: bool):
        self._visible = not quiet and sys.stderr.isatty()
        self._text = "starting"
        self._timer = threading.Timer(PATIENCE_S, self._show)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._status: object | None = None

    def __enter__(self) -> Progress:
        if self._visible:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._visible = False
            if self._status is not None:
                self._status.stop()  # type: ignore[attr-defined]

    def __call__(self, text: str) -> None:
        """Set the text of the current step."""
        with self._lock:
            self._text = text
            if self._status is not None:
                self._status.update(text)  # type: ignore[attr-defined]

    def _show(self) -> None:
        from rich.console import Console  # noqa: PLC0415
        from rich.status import Status  # noqa: PLC0415

        with self._lock:
            if self._visible:
                self._status = Status(self._text, console=Console(stderr=True))
                self._status.start()
