"""Compile numerical loops with numba, with a cache on disk.

Numba stores compiled code beside each source file and detects changes of that file, but not of other files with
compiled functions that it calls. A compiled function therefore calls only compiled functions of its own module.

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

from layerox.notices import Notice

Function = TypeVar("Function", bound=Callable[..., Any])
CODE = "compiled_code_elsewhere"
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
    decorator = numba.njit(cache=cache, fastmath=fastmath, error_model="numpy", nogil=True)
    result: Function = decorator(function)
    return result


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
