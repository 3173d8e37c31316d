"""Executor: where the tasks of a series run: in this process, in others on this machine, or on a cluster.

While workers are coming up, what is small and must come first is done here. Only as many tasks as workers can take are
under way at any moment, so that memory stays flat however many there are; a task whose worker dies is given to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from layerox.errors import InputError
from layerox.series.cluster import Tls, check_scheduler, cluster_at
from layerox.series.workers import Pool, coming_workers

T = TypeVar("T")
Task = tuple[int, tuple[Any, ...]]


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
    """Tasks on workers that are coming up."""

    def __init__(self, pool: Future[Pool]):
        self.pool = pool

    def run(
        self, function: Callable[..., T], tasks: Iterable[Task], *, at_once: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result) as they come."""
        waiting = iter(tasks)
        while at_once and not self.pool.done():
            try:
                number, arguments = next(waiting)
            except StopIteration:
                return
            yield number, function(*arguments)
        yield from self.pool.result().run(function, waiting)


@contextmanager
def executor(workers: int, scheduler: str | None, tls: Tls | None = None) -> Iterator[Executor]:
    """Yield where tasks run: here for one worker, else on workers of this machine or of a scheduler's cluster.

    Raises
    ------
    InputError
        If there is no such number of workers, or no scheduler answers.
    """
    if workers < 1:
        raise InputError(f"{workers} workers", place="--workers", cure="give 1 or more")
    check_scheduler(scheduler, tls)
    if scheduler is not None:
        with cluster_at(scheduler, tls) as cluster:
            yield cluster
    elif workers == 1:
        yield InProcess()
    else:
        with coming_workers(workers) as coming:
            yield Coming(coming)
