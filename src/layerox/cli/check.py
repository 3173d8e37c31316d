"""`layerox check`: validate structures, one line per finding."""

from __future__ import annotations

import argparse
import json as json_module
from typing import Any

# Notices of the reader that do not concern the structure: the file has no measuring geometry.
OF_NO_CONCERN = ("displacement_assumed",)


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "check",
        help="check structures for errors",
        description="Check structures of layered oxides, spinels and tunnel phases from any source: stacking, "
        "coordination, "
        "contacts, composition and charge. Exit status 1 if there is a finding.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="CIF, POSCAR (.vasp) or pymatgen JSON")
    parser.add_argument("--phase", metavar="PHASE", help='expected phase or stacking word ("P2*4|O3*3")')
    parser.add_argument("--formula", metavar="FORMULA", help="expected composition")
    parser.add_argument("--space-group", metavar="SYMBOL", help='expected space group ("P 63/m m c")')
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(command=run)


def run(*, files: list[str], phase: str | None, formula: str | None, space_group: str | None, json: bool) -> int:
    """Print each file's phase and findings; 1 if there are any."""
    from pathlib import Path  # noqa: PLC0415  (what --help does not need)

    from layerox.validation import check, identify_structure  # noqa: PLC0415
    from layerox.validation.consistency import WARNING_CODES  # noqa: PLC0415
    from layerox.validation.read_structure import atoms_of  # noqa: PLC0415

    rows: list[dict[str, Any]] = []
    for file in files:
        atoms = atoms_of(Path(file))
        findings = check(atoms, phase=phase, formula=formula, space_group=space_group)
        notices = [n for n in atoms.warnings if n.code not in (*WARNING_CODES, *OF_NO_CONCERN)]
        rows.append(
            {
                "file": file,
                "phase": identify_structure(atoms).name,
                "findings": [{"code": f.code, "message": f.message, "atoms": list(f.atoms)} for f in findings],
                "warnings": [{"code": n.code, "message": n.message} for n in notices],
            }
        )
        if not json:
            _print(rows[-1])
    if json:
        print(json_module.dumps(rows, indent=1))
    return int(any(row["findings"] for row in rows))


def _print(row: dict[str, Any]) -> None:
    """Print the findings and warnings of a file."""
    print(f"{row['file']}: {row['phase']}, {_counted(len(row['findings']))}")
    for finding in row["findings"]:
        print(f"  {finding['code']}: {finding['message']}")
    for notice in row["warnings"]:
        print(f"  note: {notice['message']}")


def _counted(number: int) -> str:
    return "no findings" if not number else "1 finding" if number == 1 else f"{number} findings"
