"""`layerox formats`: the formats of patterns that are read, and what their files state."""

from __future__ import annotations

import argparse
import json as json_module
from typing import Any


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "formats",
        help="list the formats of patterns",
        description="List the formats of patterns that are read, who writes them, and what their files state.",
    )
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.set_defaults(command=run)


def run(*, json: bool) -> int:
    """Print; always 0."""
    from layerox.cli.text_table import text_table  # noqa: PLC0415  (what --help does not need)
    from layerox.io.pattern_formats import format_rows  # noqa: PLC0415

    rows = format_rows()
    print(json_module.dumps(rows, indent=1) if json else text_table([_shown(row) for row in rows]))
    return 0


def _shown(row: dict[str, object]) -> dict[str, object]:
    suffixes = row["suffixes"]
    return {**row, "suffixes": " ".join(suffixes) if isinstance(suffixes, list) else suffixes}
