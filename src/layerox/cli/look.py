"""`layerox look`: what the file of a pattern holds: scans, angles, counts, beam, optics, times; and a picture of it."""

from __future__ import annotations

import argparse
import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.cli.check_inputs import check_inputs
from layerox.cli.common_options import add_overwrite_option
from layerox.cli.pattern_options import add_pattern_options, choices_of

if TYPE_CHECKING:
    from layerox.pattern import Pattern

# Scans of a file that are listed and drawn; a file may hold thousands.
MOST_SCANS = 200


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "look",
        help="print and draw what the file of a pattern holds",
        description="Print what a file holds: its scans with angles, counts, beam, optics, times and notices; draw it.",
    )
    parser.add_argument("pattern", metavar="FILE", help="any file of the formats that layerox formats lists")
    parser.add_argument("--radiation", metavar="CuKa|CuKa1|MoKa|LAMBDA", help="beam, for axes of q or d")
    parser.add_argument("--range", nargs=2, type=float, metavar=("LO", "HI"), help="angles to use, degrees")
    parser.add_argument("-o", "--output", metavar="FILE.png", help="draw the scans into this file")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    add_overwrite_option(parser)
    add_pattern_options(parser, many=True)
    parser.set_defaults(command=run)


def run(
    *,
    pattern: str,
    radiation: str | None,
    range: list[float] | None,
    output: str | None,
    json: bool,
    overwrite: bool,
    **options: Any,
) -> int:
    """Print, and draw where a file for it is given; 0 if a scan can be read."""
    choices = choices_of(options)
    check_inputs(files=(pattern,))
    from layerox.io.pattern_survey import survey_of  # noqa: PLC0415  (what --help does not need)

    limits = None if range is None else (range[0], range[1])
    found = survey_of(
        pattern, radiation=radiation, axis=choices.abscissa, range=limits, allow_negative=choices.allow_negative,
        dataset=choices.dataset, scan=choices.scan, sigma=choices.sigma, exclude=choices.exclude, most=MOST_SCANS,
    )  # fmt: skip
    print(json_module.dumps(found.document, indent=1) if json else found.text)
    if output is not None:
        _draw(found.patterns, Path(output), Path(pattern), overwrite=overwrite)
        if not json:
            print(f"drawn: {output}")
    return 0


def _draw(patterns: list[Pattern], output: Path, read: Path, *, overwrite: bool) -> None:
    from layerox.io.output_files import write_outputs  # noqa: PLC0415
    from layerox.plotting.measured import patterns_picture  # noqa: PLC0415

    kind = output.suffix.lower().removeprefix(".")
    write_outputs({output: patterns_picture(patterns, kind)}, by="look", inputs=[read], overwrite=overwrite)
