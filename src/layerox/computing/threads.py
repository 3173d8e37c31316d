"""Run BLAS libraries in one thread while layerox computes, independent of the environment.

The matrices are small, so further BLAS threads only waste time. The user's setting is restored when the outermost call
returns.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


# Held by the outermost call; only the thread that set the limit can remove it.
_HELD = threading.Lock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS libraries to one thread, unless an outer call or another thread does so already.

    When that other thread leaves, the user's number is restored; the limit may then be missing for a while.
    """
    if not _HELD.acquire(blocking=False):
        yield
        return
    try:
        with _libraries(with_scipy="scipy.linalg" in sys.modules).limit(limits=1, user_api="blas"):
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
def _libraries(*, with_scipy: bool) -> Any:
    """Return the controller of the BLAS of numpy, and that of scipy once it is imported.

    It is cached because the search takes milliseconds.
    """
    import numpy  # noqa: PLC0415, F401  (so that it is there to be found)
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController()
