"""Compile numerical loops with numba, with a cache on disk.

Numba stores compiled code beside each source file and detects changes of that file, but not of other files with
compiled functions that it calls. A compiled function therefore calls only compiled functions of its own module.

Before machine code is loaded from the cache, numba prepares its compiler, which takes longer than to load all of it: a
third of a second, with scipy.linalg. `_KernelCache` loads the code without the compiler, which numba prepares
itself when it first compiles something.

If neither the source folder nor the user's cache folder is writable, compiled code is kept in a private temporary
folder of the user, or not at all: no other user may have write access to code.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

from layerox.notices import Notice

Function = TypeVar("Function", bound=Callable[..., Any])
CODE = "compiled_code_elsewhere"
# Versions of numba, the first two numbers, in which code has been loaded without the compiler.
LOADS_WITHOUT_COMPILER = ((0, 68),)
_NOTICES: dict[str, Notice] = {}


def compiled(function: Function) -> Function:
    """Compile `function` on its first call, and keep the machine code on disk for the next process."""
    return _compiled(function, fastmath=True)


def compiled_exactly(function: Function) -> Function:
    """Compile `function` without reordering its arithmetic, for results that must be exact to the last bit."""
    return _compiled(function, fastmath=False)


def cache_notices() -> tuple[Notice, ...]:
    """Return a notice if compiled code is not in the usual cache."""
    return tuple(_NOTICES.values())


def _compiled(function: Function, *, fastmath: bool) -> Function:
    try:
        return _jitted(function, fastmath=fastmath, cache=True)
    except RuntimeError:  # numba finds no writable folder
        return _kept_elsewhere(function, fastmath=fastmath)


def _jitted(function: Function, *, fastmath: bool, cache: bool) -> Function:
    quick = cache and numba.version_info.short in LOADS_WITHOUT_COMPILER and not numba.config.DISABLE_JIT
    decorator = numba.njit(cache=cache and not quick, fastmath=fastmath, error_model="numpy", nogil=True)
    result: Any = decorator(function)
    if quick:
        result._cache = _KernelCache(function)
    return result  # type: ignore[no-any-return]  # `function`, compiled


class _KernelCache(FunctionCache):  # type: ignore[misc]  # numba has no types
    """The machine code of one function on disk."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the machine code of a signature, None if there is none.

        Loops of numbers and arrays need nothing of the compiler but the allocation of arrays. Hashes of dictionaries
        and sets would need more, so compiled functions have none (`tests/computing/test_compiled.py`).
        """
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


def _kept_elsewhere(function: Function, *, fastmath: bool) -> Function:
    """Compile a function with its cache in a temporary folder, or without a cache."""
    cure = "set NUMBA_CACHE_DIR to a folder of your own"
    folder = _own_temporary_folder()
    before = numba.config.CACHE_DIR
    try:
        if folder is not None:
            numba.config.CACHE_DIR = str(folder)
            found = _jitted(function, fastmath=fastmath, cache=True)
            _NOTICES[CODE] = Notice(CODE, f"no cache folder can be written to: compiled code is in {folder}; {cure}")
            return found
    except RuntimeError:
        pass
    finally:
        numba.config.CACHE_DIR = before
    _NOTICES[CODE] = Notice(CODE, f"no folder can be written to: everything is compiled again in every run; {cure}")
    return _jitted(function, fastmath=fastmath, cache=False)


def _own_temporary_folder() -> Path | None:
    """Return a private temporary folder of this user, the same in every run; None if impossible."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    try:
        folder = Path(tempfile.gettempdir()) / f"layerox-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    closed = os.name == "nt" or not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if stat.S_ISDIR(found.st_mode) and found.st_uid == user and closed else None
