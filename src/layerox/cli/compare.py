"""`layerox compare`: compare two refinements, with differences in units of their esds."""

from __future__ import annotations

import argparse
import json as json_module
from typing import Any


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "compare",
        help="compare two refinements",
        description="Compare two refinements: fractions, cells and parameters, with each difference in units "
        "of its standard uncertainty (of independent fits).",
    )
    parser.add_argument("result_a", metavar="A", help="result.json of a fit, or its folder")
    parser.add_argument("result_b", metavar="B", help="the same for the other fit")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(command=run)


def run(*, result_a: str, result_b: str, json: bool) -> int:
    """Compare and print; always 0."""
    from layerox.results.compare import compare  # noqa: PLC0415  (what --help does not need)

    found = compare(result_a, result_b)
    print(json_module.dumps(found.document(), indent=1) if json else found)
    return 0
