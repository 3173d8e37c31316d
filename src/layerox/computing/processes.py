"""Start child processes, and run third-party readers in a process with limited memory and time.

Third-party readers (of workbooks, of binary logs) do not check their files. A damaged or malicious file (a gigabyte
from a kilobyte, an endless loop, an abort) ends only the child process.
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
# Limits of a confined reader: address space, processor time, and waiting time.
MOST_BYTES, MOST_CPU_S, PATIENCE_S = 4 * 2**30, 300, 600.0
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def confined(function: Callable[[Path], T], path: Path, *, cure: str) -> T:
    """Return the result of a function of a file, run in a child process.

    Parameters
    ----------
    function
        A function of a module; its result is pickled.
    path
        The file.
    cure
        Cure for the user if the reader exceeds its limits.

    Raises
    ------
    InputError
        If the function raises it, or exceeds the limits.
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
    """Read a file within the limits and send the result; runs in the child process."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415  (not on every system)

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # output of a library when it aborts
    try:
        answer: tuple[bool, object] = True, function(path)
    except InputError as error:
        answer = False, error
    except BaseException:  # a panic of a library in another language is not an Exception
        answer = False, None
    pipe.send(answer)


@contextmanager
def without_script() -> Iterator[None]:
    """Start processes without running the main script again, as multiprocessing would do."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextmanager
def environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while processes are started."""
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
