"""`layerox build`: the cell of a phase or of a stacking word, written to a structure file."""

from __future__ import annotations

import argparse
from typing import Any

from layerox.errors import InputError


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "build",
        help="build the cell of a phase",
        description="Build the cell of a phase or of a stacking word. What is not said is taken from the library or "
        "from bond lengths, and the file says which.",
    )
    parser.add_argument("phase", metavar="PHASE", help='a phase (P2) or a stacking word ("P2*4|O3*3", "AB BA")')
    parser.add_argument("--formula", metavar="FORMULA", help="composition, such as Na0.67Ni0.33Mn0.67O2")
    parser.add_argument("--a", type=float, metavar="A", help="hexagonal a, angstrom")
    parser.add_argument("--c", type=float, metavar="C", help="height of the word, angstrom")
    parser.add_argument("--slab", type=float, metavar="A", help="thickness of a slab, angstrom")
    parser.add_argument("--bond", type=float, metavar="A", help="distance from metal to anion, angstrom")
    parser.add_argument("--gallery", action="append", metavar="KIND=A", help="height of galleries of a kind (P, O, P2)")
    parser.add_argument("--sodium", action="append", metavar="SITE=X", help="occupancy of a site (face, edge, ...)")
    parser.add_argument("--supercell", nargs=3, type=int, metavar=("NA", "NB", "NC"), help="cells along a, b and c")
    parser.add_argument("--ordered", action="store_true", help="whole atoms instead of partial occupancies")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of what is drawn (default: 0)")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help=".cif .vasp .xyz .json or .lmp")
    parser.set_defaults(command=run)


def run(
    *,
    phase: str,
    formula: str | None,
    a: float | None,
    c: float | None,
    slab: float | None,
    bond: float | None,
    gallery: list[str] | None,
    sodium: list[str] | None,
    supercell: list[int] | None,
    ordered: bool,
    seed: int,
    output: str,
) -> int:
    """Build and write; always 0."""
    from layerox.builders import build_atoms, build_crystal  # noqa: PLC0415  (what --help does not need)
    from layerox.io.structures import write_structure  # noqa: PLC0415

    wish: dict[str, Any] = {
        "formula": formula,
        "a": a,
        "c": c,
        "slab": slab,
        "bond": bond,
        "galleries": _pairs("--gallery", gallery),
        "sodium": _pairs("--sodium", sodium),
        "seed": seed,
    }
    crystal = build_crystal(phase, **wish)
    remarks = crystal.remarks
    listed = f", {supercell[0]} x {supercell[1]} x {supercell[2]} cells" if supercell else ""
    if ordered or supercell:
        atoms = build_atoms(phase, **wish, supercell=supercell, ordered=ordered)
        write_structure(atoms, output)
        listed += f", ordered as {atoms.formula}" if ordered else ""
        remarks = atoms.remarks if ordered else remarks
    else:
        write_structure(crystal, output)
    print(f"{crystal.name}: {crystal.formula}, {crystal.space_group}{listed}; written to {output}")
    print("\n".join([f"source: {crystal.source}", *(f"note: {remark.message}" for remark in remarks)]))
    return 0


def _pairs(option: str, texts: list[str] | None) -> dict[str, float] | None:
    """Read ["P=5.6", ...] as {"P": 5.6}, None when nothing is given."""
    if texts is None:
        return None
    found = {}
    for text in texts:
        name, equals, number = text.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            equals = ""
        if not (equals and name.strip()):
            raise InputError(f"cannot read {text!r}", place=option, cure="write NAME=NUMBER")
    return found
