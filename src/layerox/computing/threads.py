"""Threads: linear algebra in one thread while layerox computes, whatever the environment sets.

Its matrices are small: further threads of a BLAS do nothing but burn time while they wait. What the user has set for
their own setting is restored when the outermost call returns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


# Held by the outermost call; only the thread that has set the limit can take it away.
_HELD = threading.Lock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS libraries work in one thread, unless an outer call or that of another thread does so already.

    When that other thread leaves, the user's number is restored: it is never lost, the limit may be for a while.
    """
    if not _HELD.acquire(blocking=False):
        yield
        return
    try:
        with _libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        _HELD.release()


def single_threaded(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that calls BLAS libraries in one thread only."""

    @wraps(function)
    def capped(*args: P.args, **kwargs: P.kwargs) -> R:
        with one_blas_thread():
            return function(*args, **kwargs)

    return capped


@cache
def _libraries() -> Any:
    """Return what controls the BLAS of numpy and scipy; looking for them takes milliseconds."""
    import numpy  # noqa: PLC0415, F401  (so that they are there to be found)
    import scipy.linalg  # noqa: PLC0415, F401
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController()
