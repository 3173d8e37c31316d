"""Run the tasks of a series on a dask scheduler, whose workers must read the same files.

TLS files encrypt the connection and authenticate both sides; anyone with access to a scheduler without TLS can run code
on its workers. dask.distributed is an optional dependency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from layerox.computing.optional import optional_module
from layerox.errors import InputError
from layerox.notices import Notice

T = TypeVar("T")
Task = tuple[int, tuple[Any, ...]]
# Tasks in progress per worker, and number of repetitions on other workers if a worker dies.
AHEAD, RETRIES = 2, 2
PATIENCE_S = 20
ENCRYPTED = "tls://"


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Files (PEM) of an encrypted connection to a scheduler.

    Attributes
    ----------
    ca
        Certificate of the authority that has signed those of the scheduler and the workers.
    cert, key
        Certificate of this side, and its private key.
    """

    ca: str | Path
    cert: str | Path
    key: str | Path


def check_scheduler(scheduler: str | None, tls: Tls | None) -> None:
    """Reject missing or unused TLS files.

    Raises
    ------
    InputError
        If there is no scheduler for them, its address is not one of TLS, or one of them is no file.
    """
    if tls is None:
        if scheduler is not None and scheduler.startswith(ENCRYPTED):
            raise InputError("needs the files of TLS", place=scheduler, cure="give ca, cert and key", argument="tls")
        return
    if scheduler is None:
        raise InputError("is for a scheduler", argument="tls", cure="give its address too")
    if not scheduler.startswith(ENCRYPTED):
        cure = f"write {ENCRYPTED}HOST:PORT"
        raise InputError("is no address of TLS", place=scheduler, cure=cure, argument="scheduler")
    for path in (tls.ca, tls.cert, tls.key):
        if not Path(path).is_file():
            raise InputError("no such file", place=path, cure="give a PEM file", argument="tls")


def connection_notices(scheduler: str | None) -> tuple[Notice, ...]:
    """Return a notice if the connection to a scheduler is not encrypted."""
    if scheduler is None or scheduler.startswith(ENCRYPTED):
        return ()
    message = f"the connection to {scheduler} is not encrypted: anyone with access can run code on its workers"
    return (Notice("connection_not_encrypted", f"{message}; give a tls:// address and TLS files"),)


class DaskCluster:
    """Tasks on the workers of a scheduler.

    Parameters
    ----------
    client
        Of dask.distributed.
    """

    def __init__(self, client: Any):
        self.client = client

    def run(
        self, function: Callable[..., T], tasks: Iterable[Task], *, at_once: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number of the task, result) in the order of completion.

        Raises
        ------
        InputError
            If a task has killed three workers, or the connection to the scheduler is lost.
        """
        from distributed import CancelledError, KilledWorker  # noqa: PLC0415  (see below)

        try:
            yield from self._results(function, iter(tasks))
        except KilledWorker:
            raise InputError("several workers died at the same task", argument="scheduler",
                             cure="give them more memory") from None  # fmt: skip
        except CancelledError:
            raise InputError("the connection to the scheduler is lost", argument="scheduler",
                             cure="start it again, then continue with resume") from None  # fmt: skip

    def _results(self, function: Callable[..., T], waiting: Iterator[Task]) -> Iterator[tuple[int, T]]:
        from distributed import as_completed  # noqa: PLC0415

        numbers: dict[str, int] = {}
        done = as_completed()

        def give() -> None:
            for number, arguments in waiting:
                future = self.client.submit(function, *arguments, pure=False, retries=RETRIES)
                numbers[future.key] = number
                done.add(future)
                return

        for _ in range(AHEAD * max(len(self.client.scheduler_info(n_workers=-1)["workers"]), 1)):
            give()
        for future in done:
            yield numbers.pop(future.key), future.result()
            future.release()
            give()


@contextmanager
def cluster_at(scheduler: str, tls: Tls | None) -> Iterator[DaskCluster]:
    """Yield the cluster of a scheduler's address.

    Raises
    ------
    InputError
        If dask.distributed is not installed, or no scheduler answers.
    """
    distributed = optional_module("distributed", purpose="a scheduler", argument="scheduler")
    try:
        client = distributed.Client(scheduler, timeout=PATIENCE_S, security=_security(tls))
    except (OSError, ValueError, ImportError, TypeError, RuntimeError) as error:
        text = " ".join(str(error).split())[:200]
        raise InputError(f"no scheduler answers ({text})", place=scheduler, cure="start dask-scheduler") from None
    with client:
        yield DaskCluster(client)


def _security(tls: Tls | None) -> Any:
    if tls is None:
        return None
    from distributed import Security  # noqa: PLC0415

    return Security(
        tls_ca_file=str(tls.ca), tls_client_cert=str(tls.cert), tls_client_key=str(tls.key), require_encryption=True
    )
