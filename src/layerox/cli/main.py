"""The command `layerox`: one module per subcommand, one handler for all errors.

Exit status 0: success. 1: the run finished, but its result is not trustworthy. 2: an input error, reported in one line.
130: interrupted.
"""

from __future__ import annotations

import argparse
import gc
import io
import logging
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from layerox.cli.common_options import with_option
from layerox.cli.examples import EXAMPLES
from layerox.errors import LayeroxError, is_interrupt

USER_FAULT, INTERRUPTED, UNTRUSTWORTHY = 2, 130, 1
# Number of new containers after which Python searches for cycles among them; 700 by default.
GARBAGE_SEARCH = 500_000


# Ratio of common characters from which an unknown option is taken for a misspelt one.
SIMILAR = 0.75
# Begin of the last line of a command's help.
EXAMPLE = "example: layerox "


class _Formatter(argparse.HelpFormatter):
    """Help whose example stays on one line, to be copied."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return f"{indent}{text}" if text.startswith(EXAMPLE) else super()._fill_text(text, width, indent)


class _Parser(argparse.ArgumentParser):
    """A parser with error messages of one line."""

    def __init__(self, **settings: Any):
        super().__init__(formatter_class=_Formatter, **settings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Reject unknown arguments here, where the command and its options are known."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._cure(unknown[0])}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        raise LayeroxError(f"{message}; see {self.prog} --help")

    def _cure(self, unknown: str) -> str:
        """Return what to give instead of an unknown argument: the most similar option, or one option per value."""
        options = self._option_string_actions
        if not unknown.startswith("-"):
            return "; give each phase its own option: --phase P2 --phase O3" if "--phase" in options else ""
        close = get_close_matches(unknown.partition("=")[0], options, n=1, cutoff=SIMILAR)
        return f"; did you mean {close[0]!r}" if close else ""


def run() -> NoReturn:
    """Run the command of this process and exit."""
    # Set before the libraries load: linear algebra in one thread, so that no idle threads start.
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    _open_streams()
    # A sixth of a short fit is the search for cycles among the objects of the libraries, of which none is garbage.
    gc.set_threshold(GARBAGE_SEARCH)
    status = main(sys.argv[1:])
    # Nor are they searched while the interpreter exits.
    gc.freeze()
    sys.exit(status)


def _open_streams() -> None:
    """Redirect closed streams to devnull, and print escape codes for characters that an encoding lacks."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor, which is this one
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
    # It logs the location of its cache if there is no home directory.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        arguments = vars(command_parser().parse_args(argv))
        command, spelling = arguments.pop("command"), arguments.pop("spelling", {})
        status = int(command(**arguments))
        _print_cache_notices()
        sys.stdout.flush()  # so that a full disk is an error here, not while the interpreter exits
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
    """Return the message for an input that needs more memory or recursion than available."""
    what = "nested too deeply" if isinstance(error, RecursionError) else "not enough memory"
    detail = " ".join(str(error).split())[:120]
    return (
        f"{' '.join(argv[:2])[:200]}: {what}{f' ({detail})' if detail else ''}; check the input, or give a smaller one"
    )


def _print_cache_notices() -> None:
    """Print the location of compiled code once, if it is not the usual one."""
    module = sys.modules.get("layerox.computing.compiled")
    for notice in () if module is None else module.cache_notices():
        print(f"layerox: note: {notice.message}", file=sys.stderr)


def _forget_output() -> None:
    """Redirect stdout to devnull to avoid BrokenPipeError at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    from layerox.cli import (  # noqa: PLC0415  (so that a broken pipe of imports is handled too)
        build,
        calibrate,
        check,
        compare,
        completion,
        explain,
        export,
        fit,
        formats,
        identify,
        instruments,
        interface,
        look,
        measure,
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
        build, interface, check, phases, simulate, simulate_series, look, identify, fit, series, parametric, strain,
        report, calibrate, measure, compare, export, formats, instruments, explain, completion,
    ):  # fmt: skip
        module.add_to(subparsers)
    for name, parser_of_command in subparsers.choices.items():
        parser_of_command.epilog = f"{EXAMPLE}{name} {EXAMPLES[name]}".rstrip()
    return parser


class _Version(argparse.Action):
    """Prints the version, which is looked up only on request."""

    def __init__(self, option_strings: Sequence[str], dest: str):
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415

        print(f"layerox {version('layerox')}")
        parser.exit()
