"""Run the tasks of a series in this process, in worker processes, or on a cluster.

Local workers are forked from a server that has already imported what they need, and each is connected by a pipe;
nothing listens on a network. At most as many tasks are in progress as workers can take, so that memory does not grow
with the number of frames; the task of a worker that dies is given to another worker.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, TypeVar

from layerox.computing.processes import ONE_THREAD, environment, without_script
from layerox.errors import InputError
from layerox.series.dask_cluster import Tls, check_scheduler, cluster_at

T = TypeVar("T")
Task = tuple[int, tuple[Any, ...]]
# Number of repetitions of a task by other workers if its worker dies.
RETRIES = 2
# Modules that the server imports before it forks.
IMPORTED = ("layerox.series.refinement.segment_merge", "layerox.series.worker_preload")
# One thread per process. With the usual threshold for returning memory, 128 kB, the kernel clears the pages of
# every array again, a fifth of a worker's time.
ENVIRONMENT = {
    **ONE_THREAD,
    "MALLOC_TRIM_THRESHOLD_": str(2**25),
    "MALLOC_MMAP_THRESHOLD_": str(2**24),
}
FORKED, SPAWNED = "forkserver", "spawn"
# Waiting time for the exit code of a dead worker.
PATIENCE_S = 5.0


@contextmanager
def coming_workers(count: int) -> Iterator[Future[WorkerPool]]:
    """Yield the future of a pool of workers; they are ended when the context ends."""
    start_server()
    pool = WorkerPool(count)
    with ThreadPoolExecutor(max_workers=1) as thread:
        coming = thread.submit(pool.start)
        try:
            yield coming
        finally:
            wait_for(coming)
            pool.close()


def wait_for(coming: Future[Any]) -> None:
    """Wait until a future is done, whatever its result."""
    coming.cancel()
    if not coming.cancelled():
        coming.exception()


def start_server() -> None:
    """Start the server from which workers are forked, unless it is running or the system does not support it."""
    if not _is_forked():
        return
    from multiprocessing import forkserver, resource_tracker  # noqa: PLC0415  (not on every system)

    multiprocessing.get_context(FORKED).set_forkserver_preload(list(IMPORTED))
    # Signals that are blocked at the start stay blocked: this process handles interrupts and ends its workers. The
    # resource
    # tracker, started first, would unblock interrupts otherwise.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with environment(ENVIRONMENT):
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_forked() -> bool:
    return FORKED in multiprocessing.get_all_start_methods()


class Worker:
    """A process that does one task at a time.

    Attributes
    ----------
    task
        Its present task; None if idle.
    """

    def __init__(self) -> None:
        context: Any = multiprocessing.get_context(FORKED if _is_forked() else SPAWNED)
        self.task: Task | None = None
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other,), daemon=True)
        with other, environment(ENVIRONMENT), without_script():
            self.process.start()

    def give(self, function: Callable[..., object], task: Task) -> None:
        """Send a task; a dead worker is detected when its answer is read."""
        self.task = task
        try:
            self.pipe.send((function, task[1]))
        except OSError:
            return

    def answer(self) -> tuple[bool, Any] | None:
        """Return (whether the task was done, its result or its error); None if the worker has died."""
        try:
            answer: tuple[bool, Any] = self.pipe.recv()
        except (EOFError, OSError):
            return None
        self.task = None
        return answer

    def death(self) -> str:
        """Return how the process died."""
        self.process.join(PATIENCE_S)
        code = self.process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def end(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.kill()
        self.process.join()


class WorkerPool:
    """A pool of workers.

    Parameters
    ----------
    count
        Their number.
    """

    def __init__(self, count: int):
        self.count = count
        self.workers: list[Worker] = []

    def start(self) -> WorkerPool:
        """Start the workers that are missing."""
        while len(self.workers) < self.count:
            self.workers.append(Worker())
        return self

    def close(self) -> None:
        """End all workers."""
        while self.workers:
            self.workers.pop().end()

    def run(self, function: Callable[..., T], tasks: Iterable[Task]) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result) as they come; at most one task per worker is drawn.

        Raises
        ------
        InputError
            If a task has killed three workers. Exceptions of tasks are raised here.
        """
        waiting, deaths = iter(tasks), Counter[int]()
        try:
            for worker in self.start().workers:
                _give_next(worker, function, waiting)
            while busy := {worker.pipe: worker for worker in self.workers if worker.task is not None}:
                for pipe in wait(list(busy)):
                    worker = busy[pipe]
                    number = worker.task[0] if worker.task else -1
                    answer = worker.answer()
                    if answer is None:
                        self._replace(worker, function, deaths)
                        continue
                    _give_next(worker, function, waiting)
                    done, result = answer
                    if not done:
                        raise result
                    yield number, result
        finally:
            for worker in [worker for worker in self.workers if worker.task is not None]:
                self.workers.remove(worker)
                worker.end()

    def _replace(self, dead: Worker, function: Callable[..., object], deaths: Counter[int]) -> None:
        """Give the task of a worker that died to a new one."""
        task = dead.task or (-1, ())
        deaths[task[0]] += 1
        self.workers.remove(dead)
        how = dead.death()
        dead.end()
        if deaths[task[0]] > RETRIES:
            raise InputError(f"{deaths[task[0]]} workers died at the same task ({how}; is there enough memory?)",
                             argument="workers", cure="give fewer")  # fmt: skip
        fresh = Worker()
        self.workers.append(fresh)
        fresh.give(function, task)


def _give_next(worker: Worker, function: Callable[..., object], waiting: Iterator[Task]) -> None:
    for task in waiting:
        worker.give(function, task)
        return


def serve(pipe: Connection) -> None:
    """Do tasks until the pipe is closed; runs in a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            function, arguments = pipe.recv()
        except (EOFError, OSError):  # the parent closed the pipe, or ended
            return
        _answer(pipe, *_done(function, arguments))


def _done(function: Callable[..., object], arguments: tuple[Any, ...]) -> tuple[bool, object]:
    try:
        return True, function(*arguments)
    except Exception as error:
        return False, error


def _answer(pipe: Connection, done: bool, result: object) -> None:
    try:
        pipe.send((done, result))
    except OSError:  # the parent ended
        return
    except Exception as error:  # an error that cannot be pickled
        pipe.send((False, RuntimeError(f"{result!r} cannot be sent ({error})")))


def _end_with_parent() -> None:
    """End this process when its parent ends, even during a task."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        signal.raise_signal(signal.SIGTERM)


class Executor(Protocol):
    """Runs a function on many arguments and yields the results in the order of completion."""

    def run(
        self, function: Callable[..., T], tasks: Iterable[Task], *, at_once: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result); with `at_once`, in this process until workers are there."""


class InProcess:
    """One task after another, in this process."""

    def run(
        self, function: Callable[..., T], tasks: Iterable[Task], *, at_once: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result) in order."""
        for number, arguments in tasks:
            yield number, function(*arguments)


class StartingWorkers:
    """Tasks on workers that are starting."""

    def __init__(self, pool: Future[WorkerPool]):
        self.pool = pool

    def run(
        self, function: Callable[..., T], tasks: Iterable[Task], *, at_once: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result) in the order of completion."""
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
    """Yield the executor: this process for one worker, else workers of this machine or of a scheduler's cluster.

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
            yield StartingWorkers(coming)
