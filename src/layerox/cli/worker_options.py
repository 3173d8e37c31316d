"""Options of parallel commands: number of processes, or the scheduler of a cluster."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from layerox.errors import InputError

if TYPE_CHECKING:
    from layerox.series.cluster import Tls


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """Add the number of processes, and a scheduler with the files of an encrypted connection."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default: 1)")
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="address of a dask cluster whose workers read the same files"
    )
    group = parser.add_argument_group("encrypted connection to a scheduler at tls://HOST:PORT")
    group.add_argument("--tls-ca", metavar="FILE", help="certificate (PEM) of the common authority")
    group.add_argument("--tls-cert", metavar="FILE", help="certificate (PEM) of this side")
    group.add_argument("--tls-key", metavar="FILE", help="private key (PEM) of this side")


def tls_from(ca: str | None, cert: str | None, key: str | None) -> Tls | None:
    """Return the files of an encrypted connection, None if none is given.

    Raises
    ------
    InputError
        If one of them is missing.
    """
    from layerox.series.cluster import Tls  # noqa: PLC0415  (what --help does not need)

    given = {"--tls-ca": ca, "--tls-cert": cert, "--tls-key": key}
    missing = [name for name, path in given.items() if path is None]
    if len(missing) == len(given):
        return None
    if ca is None or cert is None or key is None:
        raise InputError("is missing", place=missing[0], cure=f"give {', '.join(given)} together")
    return Tls(ca=ca, cert=cert, key=key)
