"""Executor: where the tasks of a series run: in this process, in a cluster on this machine, or in one that waits.

One thread a worker. While workers are coming up, what is small and must come first is done here. Only a few tasks more
than workers are under way at any moment, so that memory stays flat however many there are; a task whose worker dies is
given to another one by dask.distributed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from layerox.errors import InputError
from layerox.series.workers import coming_workers

T = TypeVar("T")
Task = tuple[int, tuple[Any, ...]]
AHEAD = 2
PATIENCE_S = 20


class Executor(Protocol):
    """Runs a function on many arguments and yields the results as they come."""

    def run(
        self, function: Callable[..., T], tasks: Iterable[Task], *, at_once: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result); with `at_once`, in this process until workers are there."""


class InProcess:
    """One task after another, here."""

    def run(
        self, function: Callable[..., T], tasks: Iterable[Task], *, at_once: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result) in order."""
        for number, arguments in tasks:
            yield number, function(*arguments)


class Coming:
    """Tasks on the workers of a cluster that is coming up."""

    def __init__(self, client: Future[Any]):
        self.client = client

    def run(
        self, function: Callable[..., T], tasks: Iterable[Task], *, at_once: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result) as they come."""
        waiting = iter(tasks)
        while at_once and not self.client.done():
            try:
                number, arguments = next(waiting)
            except StopIteration:
                return
            yield number, function(*arguments)
        yield from Distributed(self.client.result()).run(function, waiting)


class Distributed:
    """Tasks on the workers of a dask cluster."""

    def __init__(self, client: Any):
        self.client = client

    def run(
        self, function: Callable[..., T], tasks: Iterable[Task], *, at_once: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result) as they come."""
        from distributed import as_completed  # noqa: PLC0415  (a second that one process does not need)

        waiting = iter(tasks)
        numbers: dict[str, int] = {}
        done = as_completed()
        room = AHEAD * max(len(self.client.scheduler_info(n_workers=-1)["workers"]), 1)

        def give() -> None:
            for number, arguments in waiting:
                future = self.client.submit(function, *arguments, pure=False, retries=2)
                numbers[future.key] = number
                done.add(future)
                return

        for _ in range(room):
            give()
        for future in done:
            yield numbers.pop(future.key), future.result()
            future.release()
            give()


@contextmanager
def executor(workers: int, scheduler: str | None) -> Iterator[Executor]:
    """Yield where tasks run: here for one worker, else in a cluster of this machine or at the address of a scheduler.

    Raises
    ------
    InputError
        If there is no such number of workers, or no scheduler answers.
    """
    if workers < 1:
        raise InputError(f"{workers} workers", place="--workers", cure="give 1 or more")
    if scheduler is not None:
        with _client_of(scheduler) as client:
            yield Distributed(client)
    elif workers == 1:
        yield InProcess()
    else:
        with coming_workers(workers) as coming:
            yield Coming(coming)


def _client_of(scheduler: str) -> Any:
    from distributed import Client  # noqa: PLC0415  (see above)

    try:
        return Client(scheduler, timeout=PATIENCE_S)
    except (OSError, ValueError) as error:
        raise InputError(f"no scheduler answers ({error})", place=scheduler, cure="start dask-scheduler") from None
