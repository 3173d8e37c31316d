"""SIGTERM, as sent by cluster schedulers and services, has the effect of Ctrl-C.

Python discards an exception raised during the finalisation of an object, a KeyboardInterrupt too; it is sent again.
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
    """Raise KeyboardInterrupt on SIGTERM, so that finished work is on disk when the command exits with 130."""
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
        # After a short time, because an interrupt inside this hook would be lost too. SIGTERM rather than SIGINT,
        # because a
        # background process may ignore SIGINT.
        timer = threading.Timer(SOON_S, _thread.interrupt_main, (signal.SIGTERM,))
        timer.daemon = True
        timer.start()
    else:
        hook(lost)
