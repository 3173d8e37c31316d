"""Compiled: the one way in which numerical loops of this package are compiled.

Numba stores compiled code beside each source file and notices when that file changes, not when another file changes
from which it took a compiled function. A compiled function therefore calls only compiled functions of its own module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile `function` on its first call, and keep the machine code on disk for the next process."""
    return _compiled(function, fastmath=True)


def compiled_exactly(function: Function) -> Function:
    """Compile `function` likewise, its arithmetic as written: what must be right to the last bit."""
    return _compiled(function, fastmath=False)


def _compiled(function: Function, *, fastmath: bool) -> Function:
    decorator = numba.njit(cache=True, fastmath=fastmath, error_model="numpy", nogil=True)
    result: Function = decorator(function)
    return result
