"""Interrupt: a request to end (SIGTERM, as clusters and services send it) is taken as Ctrl-C is, and neither is lost.

Python swallows what is raised while an object is being removed, an interrupt too: it is asked for once more.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

SOON_S = 0.01


@contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, so that what is done lies on disk when the command exits with 130."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, hook = signal.signal(signal.SIGTERM, _interrupt), sys.unraisablehook
    sys.unraisablehook = partial(_again, hook)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _again(hook: Callable[[Any], object], lost: Any) -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        # Not at once: what is asked for in here would be lost as well. And by our own signal: a process in the
        # background may have been told to ignore Ctrl-C.
        timer = threading.Timer(SOON_S, _thread.interrupt_main, (signal.SIGTERM,))
        timer.daemon = True
        timer.start()
    else:
        hook(lost)
