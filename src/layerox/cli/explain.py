"""`layerox explain`: what the codes of warnings and findings mean, and what to do about them."""

from __future__ import annotations

import argparse
import json as json_module
import textwrap
import tomllib
from importlib.resources import files
from typing import Any

from layerox.errors import UnknownName, nearest

WIDTH = 100


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "explain",
        help="explain the code of a warning or finding",
        description="Print what the code of a warning or finding means and what to do. Codes are in result.json, "
        "report.txt and run.json. Example: layerox explain stacking_disorder",
    )
    parser.add_argument("codes", nargs="*", metavar="CODE", help="such as position_ambiguous; none lists all")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(command=run)


def run(*, codes: list[str], json: bool) -> int:
    """Print the explanation of each code, or list all codes."""
    known = explanations()
    # The line below a result separates its codes with commas.
    given = [code for text in codes for code in text.split(",") if code]
    for code in given:
        if code not in known:
            raise UnknownName(
                f"no code {code!r}", place="CODE", cure=f"{nearest(code, known)}; without one, all are listed"
            )
    chosen = {code: known[code] for code in given} or known
    if json:
        print(json_module.dumps(chosen, indent=1))
    elif not given:
        width = max(map(len, known))
        print(
            "\n".join(
                f"{name:<{width}}  {textwrap.shorten(row['meaning'], WIDTH - width)}" for name, row in known.items()
            )
        )
    else:
        print("\n".join(_explained(code, row) for code, row in chosen.items()))
    return 0


def _explained(code: str, row: dict[str, str]) -> str:
    return "\n".join([code, _wrapped(row["meaning"]), _wrapped(f"What to do: {row['cure']}")])


def explanations() -> dict[str, dict[str, str]]:
    """Return meaning and cure of each code, in the order of codes."""
    text = files("layerox.cli").joinpath("explanations.toml").read_text(encoding="utf-8")
    return dict(sorted(tomllib.loads(text).items()))


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
