"""`layerox report`: the results of a folder on one page."""

from __future__ import annotations

import argparse
from typing import Any

from layerox.cli.common_options import add_overwrite_option


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "report",
        help="write report.html of a series or a fit",
        description="Write report.html, one page that needs no network, into a folder of layerox series or fit.",
    )
    parser.add_argument("folder", metavar="DIR", help="folder written by layerox series or layerox fit")
    add_overwrite_option(parser)
    parser.set_defaults(command=run)


def run(*, folder: str, overwrite: bool) -> int:
    """Write the report and print its path; always 0."""
    from layerox.report import write_report  # noqa: PLC0415  (what --help does not need)

    print(f"written: {write_report(folder, overwrite=overwrite)}")
    return 0
