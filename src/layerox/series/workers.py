"""Workers: a cluster of processes on this machine, which comes up while the process that asked for it begins its work.

Workers are forked from a server that has imported what their tasks need, once for all of them and for those that take
the place of one that died. It can be started before anything else: it takes a second, on a core of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from typing import Any

# What the server imports before it forks.
IMPORTED = ("layerox.series.tasks", "layerox.series.warm", "distributed", "distributed.nanny", "distributed.worker")
# One thread a process, as dask.distributed has it as well. Its threshold for giving memory back, 64 kB, would have the
# kernel clear the pages of every array anew: a fifth of a worker's time.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(2**25),
    "MALLOC_MMAP_THRESHOLD_": str(2**24),
}
# Watching how they spend their time ten or fifty times a second takes some of it. A log of the last thousand messages
# would keep all that their tasks were given.
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.low-level-log-length": 1,
}
FORKED, SPAWNED = "forkserver", "spawn"


@contextmanager
def coming_workers(count: int) -> Iterator[Future[Any]]:
    """Yield what will be a client of so many workers; they are gone when the context ends."""
    start_server()
    with ThreadPoolExecutor(max_workers=1) as thread, ExitStack() as opened:
        coming = thread.submit(_client, count, opened)
        try:
            yield coming
        finally:
            wait([coming])


def start_server() -> None:
    """Start the server from which workers are forked, unless it is there already or the system has no such thing."""
    if _method() != FORKED:
        return
    from multiprocessing import forkserver, resource_tracker  # noqa: PLC0415  (not on every system)

    multiprocessing.get_context(FORKED).set_forkserver_preload(list(IMPORTED))
    # What is blocked while it starts stays so: an interrupt is for this process, which ends its workers. The tracker,
    # without which it does not start, would let interrupts in again as it starts itself.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _environment(ENVIRONMENT):
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _method() -> str:
    return FORKED if FORKED in multiprocessing.get_all_start_methods() else SPAWNED


def _client(count: int, opened: ExitStack) -> Any:
    """Return a client of a new cluster, both to be closed by `opened`."""
    import dask  # noqa: PLC0415  (half a second that one process does not need)
    from distributed import Client, LocalCluster  # noqa: PLC0415

    started = {
        "distributed.worker.multiprocessing-method": _method(),
        "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
    }
    opened.enter_context(dask.config.set({**started, **QUIET}))
    cluster = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=":0", silence_logs=50)
    opened.callback(cluster.close)
    client = Client(cluster)
    opened.callback(client.close)  # not as a context of its own, which only the thread that entered it may leave
    return client


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
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
