"""`layerox compare`: two refinements side by side, their differences in units of their esds."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "compare",
        help="put two refinements side by side",
        description="Put two refinements side by side: fractions, cells and parameters, with each difference in units "
        "of its standard uncertainty (the two taken as independent).",
    )
    parser.add_argument("result_a", metavar="A", help="result.json of a fit, or the folder that holds it")
    parser.add_argument("result_b", metavar="B", help="the same of the other fit")
    parser.set_defaults(command=run)


def run(*, result_a: str, result_b: str) -> int:
    """Compare and print; always 0."""
    from layerox.results.compare import compare  # noqa: PLC0415  (what --help does not need)

    print(compare(result_a, result_b))
    return 0
