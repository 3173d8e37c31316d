"""Main: the command `layerox`: one module for each subcommand, one handler for all errors.

Exit 0: done. 1: the work ran, but its result is not to be trusted. 2: the user's fault, one line says which. 130:
interrupted.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from layerox.cli.options import with_option
from layerox.errors import LayeroxError, is_interrupt

USER_FAULT, INTERRUPTED, UNTRUSTWORTHY = 2, 130, 1


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        raise LayeroxError(f"{message}; see {self.prog} --help")


def run() -> NoReturn:
    """Run the command of this process and exit."""
    # Before anything loads them: linear algebra in one thread, which then need not be started and left idle.
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    _open_streams()
    sys.exit(main(sys.argv[1:]))


def _open_streams() -> None:
    """Let streams that are closed lead nowhere, and those that lack a character print its code."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  (until the process ends)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main(argv: Sequence[str]) -> int:
    """Run a command line and return its exit status."""
    spelling: dict[str, str] = {}
    # It logs that it keeps its cache among the temporary files where there is no home.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        arguments = vars(_parser().parse_args(argv))
        command, spelling = arguments.pop("command"), arguments.pop("spelling", {})
        status = int(command(**arguments))
        _print_cache_notices()
        sys.stdout.flush()  # so that a full disk is found here, not while the interpreter ends
        return status
    except LayeroxError as error:
        print(f"layerox: {with_option(error, spelling)}", file=sys.stderr)
        return USER_FAULT
    except BrokenPipeError:
        _forget_output()
        return 0
    except BaseException as error:
        if is_interrupt(error):
            print("layerox: interrupted", file=sys.stderr)
            return INTERRUPTED
        if isinstance(error, (MemoryError, RecursionError)):
            print(f"layerox: {_excess(argv, error)}", file=sys.stderr)
            return USER_FAULT
        if isinstance(error, OSError):
            _forget_output()
            named = f"{error.filename}: " if error.filename else ""
            print(f"layerox: {named}{error.strerror or error}; free some space or write elsewhere", file=sys.stderr)
            return USER_FAULT
        raise


def _excess(argv: Sequence[str], error: MemoryError | RecursionError) -> str:
    """Return what to say when a file or an option asks for more than this machine has."""
    what = "nested too deeply" if isinstance(error, RecursionError) else "more memory is needed than there is"
    said = " ".join(str(error).split())[:120]
    return f"{' '.join(argv[:2])[:200]}: {what}{f' ({said})' if said else ''}; check the input, or give less at a time"


def _print_cache_notices() -> None:
    """Say once where compiled code is kept, if that is not where it usually is."""
    module = sys.modules.get("layerox.computing.compiled")
    for notice in () if module is None else module.cache_notices():
        print(f"layerox: note: {notice.message}", file=sys.stderr)


def _forget_output() -> None:
    """Send what is still to be printed nowhere, so that the interpreter does not stumble over it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    from layerox.cli import (  # noqa: PLC0415  (so that a broken pipe of imports is handled too)
        build,
        calibrate,
        check,
        compare,
        fit,
        interface,
        parametric,
        phases,
        report,
        series,
        simulate,
        simulate_series,
        strain,
    )

    parser = _Parser(prog="layerox", description="Crystal structures and phase analysis of layered oxide cathodes.")
    parser.add_argument("--version", action=_Version, dest=argparse.SUPPRESS)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for module in (
        build, interface, check, phases, simulate, simulate_series, fit, series, parametric, strain, report, calibrate,
        compare,
    ):  # fmt: skip
        module.add_to(subparsers)
    return parser


class _Version(argparse.Action):
    """Prints the version; looking it up is left until it is asked."""

    def __init__(self, option_strings: Sequence[str], dest: str):
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415

        print(f"layerox {version('layerox')}")
        parser.exit()
