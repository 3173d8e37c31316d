"""`layerox identify`: which phases of the library, or of a folder of CIF files, a pattern contains."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.cli.check_inputs import check_inputs
from layerox.cli.common_options import add_beam_options, add_overwrite_option
from layerox.cli.pattern_options import add_pattern_options, choices_of
from layerox.cli.text_table import text_table, warning_lines

if TYPE_CHECKING:
    from layerox.analysis.identify import Identification

# Candidates that are printed beside those found, and unexplained peaks.
MOST_OTHERS, MOST_PEAKS = 4, 5


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "identify",
        help="find the phases of a pattern among those of the library or of CIF files",
        description="Find the phases of a pattern: the library's phases with shifted cells, or a folder of CIF files. "
        "Example: layerox identify scan.xrdml --candidates P2 P3 O3 cifs/",
    )
    parser.add_argument("pattern", metavar="PATTERN", help="any file of the formats that layerox formats lists")
    parser.add_argument(
        "--candidates",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="names of the library (then only these), CIF files and folders of CIF files (beside the library)",
    )
    parser.add_argument(
        "--pristine", metavar="FILE", help="pattern of the powder before it was exposed to air, to compare with"
    )
    parser.add_argument("--range", nargs=2, type=float, metavar=("LO", "HI"), help="angles to use, degrees")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - prints it")
    add_overwrite_option(parser)
    add_beam_options(parser)
    add_pattern_options(parser)
    parser.set_defaults(command=run)


def run(
    *,
    pattern: str,
    candidates: list[str] | None,
    pristine: str | None,
    range: list[float] | None,
    json: str | None,
    overwrite: bool,
    radiation: str | None,
    neutron: bool,
    monochromator: float | None,
    polarization: float | None,
    geometry: Any,
    instrument: str | None,
    **choices: Any,
) -> int:
    """Identify, print the table; 0 if a phase is found, else 1."""
    check_inputs(files=(pattern, pristine), instrument=instrument)
    from layerox.analysis.exposure import compared  # noqa: PLC0415  (what --help does not need)
    from layerox.analysis.identify import identify  # noqa: PLC0415  (what --help does not need)
    from layerox.io.output_files import write_outputs  # noqa: PLC0415

    limits = None if range is None else (range[0], range[1])

    def found_in(file: str) -> Identification:
        return identify(
            choices_of(choices).read(file, radiation=radiation, limits=limits),
            candidates,
            radiation=radiation,
            neutron=neutron,
            monochromator=monochromator,
            geometry=geometry,
            polarization=polarization,
            instrument=instrument,
        )

    found = found_in(pattern)
    exposure = None if pristine is None else compared(found_in(pristine), found)
    document = (found if exposure is None else exposure).to_json()
    if json == "-":
        print(document, end="")
    else:
        print(summary(found))
        if exposure is not None:
            print(f"\nagainst {Path(pristine or '').name}:\n{exposure}")
    if json is not None and json != "-":
        files = (pattern, *([] if pristine is None else [pristine]), *(candidates or ()))
        read = [Path(name) for name in files if Path(name).is_file()]
        write_outputs({Path(json): document.encode()}, by="identify", inputs=read, overwrite=overwrite)
        print(f"written to {json}")
    return 0 if found.found else 1


def summary(found: Identification) -> str:
    """Return what is found as text: names, the table of candidates, alike phases, unexplained peaks, warnings."""
    shown = found.candidates[: len(found.found) + MOST_OTHERS]
    lines = [f"found: {' + '.join(found.found)}" if found.found else "none of the candidates fits the pattern", ""]
    lines.append(
        text_table(
            [
                {
                    "phase": row.name,
                    "version": row.version,
                    "probability": f"{row.probability:.2f}",
                    "share %": f"{100 * row.intensity_share:.1f}",
                    "score": f"{row.score:.0f}",
                    "a (A)": f"{row.cell[0]:.4f}",
                    "b (A)": f"{row.cell[1]:.4f}",
                    "c (A)": f"{row.cell[2]:.4f}",
                }
                for row in shown
            ]
        )
    )
    lines += [f"alike: {' or '.join(names)}: the pattern does not distinguish them" for names in found.alike]
    if found.unexplained:
        peaks = "; ".join(map(str, found.unexplained[:MOST_PEAKS]))
        lines.append(f"unexplained: {peaks}")
    if found.proposed_cell is not None:
        lines.append(f"a layered phase that is no candidate may have {found.proposed_cell}")
    if found.cathodes:
        lines.append(f"published cathodes with these phases: {', '.join(found.cathodes)}")
    return "\n".join([*lines, *warning_lines((w.code, w.message) for w in found.warnings)])
