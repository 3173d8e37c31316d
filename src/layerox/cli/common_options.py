"""Options that several commands share (radiation, hardware, workers, ...), and their spelling in messages."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from layerox.errors import InputError, LayeroxError
from layerox.instrument import GEOMETRIES

if TYPE_CHECKING:
    from layerox.series.dask_cluster import Tls


def add_beam_options(parser: argparse.ArgumentParser) -> None:
    """Add radiation, polarisation, geometry and instrument."""
    group = parser.add_argument_group("beam and diffractometer")
    group.add_argument("--radiation", metavar="CuKa|CuKa1|MoKa|LAMBDA", help="emission lines, or one line in angstrom")
    group.add_argument("--neutron", action="store_true", help="neutrons of that wavelength instead of X-rays")
    group.add_argument(
        "--monochromator", type=float, metavar="TWO_THETA", help="diffracted-beam monochromator, degrees"
    )
    group.add_argument("--polarization", type=float, metavar="P", help="p in p + (1 - p) cos^2(2 theta)")
    group.add_argument("--geometry", choices=GEOMETRIES, help="default: bragg-brentano")
    group.add_argument(
        "--instrument",
        metavar="NAME_OR_FILE",
        help="a preset (see layerox instruments), or .toml, .prm, .instprm",
    )


def add_hardware_options(parser: argparse.ArgumentParser) -> None:
    """Add the phases of the cell hardware, and the reference phase of refined amounts."""
    parser.add_argument(
        "--hardware",
        action="append",
        default=[],
        metavar="NAME_OR_FILE",
        help="phase of the cell (Al, Cu, Be, graphite): no weight fraction, and its own displacement",
    )
    parser.add_argument("--reference", metavar="NAME", help="phase of constant mass, the reference for relative masses")


# Kinds of picture files by the option `--figures`.
FIGURES: dict[str, tuple[str, ...]] = {"none": (), "png": ("png",), "all": ("png", "pdf", "svg")}


def add_figures_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for the kinds of picture files."""
    parser.add_argument("--figures", choices=FIGURES, default="png", help="none, png, or all: png, pdf and svg")


def add_overwrite_option(parser: argparse.ArgumentParser) -> None:
    """Add the option to replace files of the user."""
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace files that layerox did not write, or that were changed since; never input files",
    )


# Command-line spelling of arguments in error messages; others have equal spelling.
OPTIONS = {
    "phases": "--phase",
    "axis": "--abscissa",
    "intensity": "--picture",
    "sizes_nm": "--size",
    "microstrains": "--microstrain",
    "abscissa": "--unit",
}


def with_option(error: LayeroxError, spelling: Mapping[str, str]) -> str:
    """Return the message of an error, with arguments spelt as command-line options."""
    argument = getattr(error, "argument", None)
    if not isinstance(error, InputError) or argument is None:
        return str(error)
    option = {**OPTIONS, **spelling}.get(argument, f"--{argument.replace('_', '-')}")
    if error.place is None:
        return str(InputError(error.problem, place=option, cure=error.cure))
    return f"{error} ({option})"


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
    from layerox.series.dask_cluster import Tls  # noqa: PLC0415  (what --help does not need)

    given = {"--tls-ca": ca, "--tls-cert": cert, "--tls-key": key}
    missing = [name for name, path in given.items() if path is None]
    if len(missing) == len(given):
        return None
    if ca is None or cert is None or key is None:
        raise InputError("is missing", place=missing[0], cure=f"give {', '.join(given)} together")
    return Tls(ca=ca, cert=cert, key=key)
