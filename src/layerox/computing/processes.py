"""Processes: how others are started from this one, and readers of strangers' files that are confined to one.

A reader that is not ours (of workbooks, of binary logs) trusts its file: what a damaged or malicious one makes of it
(a gigabyte from a kilobyte, an endless loop, an abort) ends a process of its own, whose memory and time are bounded.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from layerox.errors import InputError

T = TypeVar("T")
# Of a confined reader: its address space, its time on a processor, and how long is waited for it.
MOST_BYTES, MOST_CPU_S, PATIENCE_S = 4 * 2**30, 300, 600.0
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def confined(function: Callable[[Path], T], path: Path, *, cure: str) -> T:
    """Return what a function makes of a file, in a process of its own.

    Parameters
    ----------
    function
        Of a module; its result is sent back by pickling.
    path
        The file.
    cure
        What a user can do if the reader needs too much.

    Raises
    ------
    InputError
        What the function raises, or if it needs more than a process is given.
    """
    context: Any = multiprocessing.get_context("spawn")
    mine, other = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(other, function, path), daemon=True)
    with other, environment(ONE_THREAD), without_script():
        process.start()
    with mine:
        try:
            done, result = mine.recv() if mine.poll(PATIENCE_S) else (False, None)
        except (EOFError, OSError, MemoryError):
            done, result = False, None
        finally:
            process.kill()
            process.join()
    if done:
        return result  # type: ignore[return-value]  # what `function` returned
    if isinstance(result, InputError):
        raise result
    raise InputError("its reader fails, or needs too much memory or time", place=path, cure=cure)


def _serve(pipe: Connection, function: Callable[[Path], object], path: Path) -> None:
    """Read a file within bounds and send what came of it; runs in the process of its own."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415  (not on every system)

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what a library prints as it aborts
    try:
        answer: tuple[bool, object] = True, function(path)
    except InputError as error:
        answer = False, error
    except BaseException:  # a panic of a library in another language is no Exception
        answer = False, None
    pipe.send(answer)


@contextmanager
def without_script() -> Iterator[None]:
    """Let a process start without the script of this one, which multiprocessing would run again: nothing needs it."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextmanager
def environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Let variables have values while processes are started."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
