"""`layerox completion`: the script by which a shell completes commands, options and file names."""

from __future__ import annotations

import argparse
from typing import Any

SHELLS = ("bash", "zsh", "tcsh", "fish")
# In the names of arguments that are files or folders.
OF_FILES = ("FILE", "DIR", "PATTERN", "STRUCTURE", "RESULT", "SOURCE", "FOLDER")


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "completion",
        help="print the completion script of a shell",
        description="Print the script by which a shell completes commands, options and file names. Needs the extra "
        "completion: pip install 'layerox[completion]'.",
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads the script")
    parser.set_defaults(command=run)


def run(*, shell: str) -> int:
    """Print the script; always 0."""
    from layerox.cli.main import command_parser  # noqa: PLC0415  (of which this command is a part)
    from layerox.computing.optional import optional_module  # noqa: PLC0415

    shtab = optional_module("shtab", purpose="the completion script of a shell")
    parser = command_parser()
    for command in commands_of(parser).values():
        for action in command._actions:
            if any(word in str(action.metavar) for word in OF_FILES):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, shell))
    return 0


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(commands.choices)
