"""`layerox phases`: the entries of the library with the sources of their numbers."""

from __future__ import annotations

import argparse
import json as json_module
from typing import Any


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "phases",
        help="list the phases of the library",
        description="List the phases of the library with their provenance, or all data of one of them.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="an entry (P2_NNM), a phase (P2) or a cathode (C93)")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(command=run)


def run(*, name: str | None, json: bool) -> int:
    """Print; always 0."""
    from layerox.builders import LIBRARY, phase_name  # noqa: PLC0415  (what --help does not need)

    known = None if name is None else phase_name(name)
    if json:
        print(json_module.dumps(LIBRARY.document(known), indent=1))
    else:
        print(LIBRARY.listing() if known is None else LIBRARY.about(known))
    return 0
