"""The reference of the command line, from the parsers of `layerox`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from layerox.cli.completion import commands_of
from layerox.cli.main import EXAMPLE, command_parser

HEAD = """# Command line

Every command of `layerox`, as its `--help` prints it. A phase is a name of the library, a stacking word or a CIF;
`NAME=FILE` names it. Exit status: 0 done; 1 the result is not trustworthy (`result.json` has the reason); 2 an input
cannot be used (one line with fault and cure); 130 interrupted.
"""


def command_line_page() -> str:
    """Return the page: a section for each command, a table for each group of its options."""
    return "\n".join([HEAD, *(_section(name, parser) for name, parser in commands_of(command_parser()).items())])


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    parts = [f"(command-{name})=", f"## layerox {name}", "", _plain(parser.description or ""), ""]
    parts += ["```text", *_wrapped(usage), "```", ""]
    if parser.epilog:
        parts += ["```sh", f"layerox {parser.epilog.removeprefix(EXAMPLE)}", "```", ""]
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if action.help is not argparse.SUPPRESS]
        if rows := [_row(action) for action in actions if "--help" not in action.option_strings]:
            title = {"positional arguments": "argument", "options": "option"}.get(group.title or "", group.title)
            parts += [f"| {title} | meaning |", "|---|---|", *rows, ""]
    return "\n".join(parts)


def _wrapped(usage: str, width: int = 96) -> Iterator[str]:
    """Yield the lines of a usage, broken between its bracketed parts."""
    line = ""
    for part in re.findall(r"\[[^\[\]]*(?:\[[^\]]*\])*[^\[\]]*\]|\S+", usage):
        if line and len(line) + len(part) >= width:
            yield line
            line = "   "
        line = f"{line} {part}" if line else part
    yield line


def _row(action: argparse.Action) -> str:
    values = argparse.HelpFormatter("")._format_args(action, action.dest.upper()) if action.nargs != 0 else ""
    name = f"{', '.join(action.option_strings)} {values}".strip()
    text = (action.help or "") % {**vars(action), "prog": "layerox"} if action.help else ""
    return f"| `{name.replace('|', chr(92) + '|')}` | {_plain(text)} |"


def _plain(text: str) -> str:
    """Return a text of argparse as Markdown: signs of Markdown are escaped, options are code."""
    escaped = re.sub(r"([*_~|<>$\[\]`])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<!\S)(\(?)(--[a-z][a-z-]*)", r"\1`\2`", escaped)
