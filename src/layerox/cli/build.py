"""`layerox build`: the cell of a phase or of a stacking word, written to a structure file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from layerox.cli.common_options import add_overwrite_option
from layerox.errors import InputError


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "build",
        help="build the cell of a phase",
        description="Build the cell of a phase or of a stacking word. Other values come from the library or "
        "from bond lengths, and the file states the source.",
    )
    parser.add_argument(
        "phase",
        metavar="PHASE",
        help='a phase (P2, Pp2, spinel), a stacking word ("P2*4|O3*3"), a disordered stacking ("P2~O3:0.5"), or with '
        "--all a published cathode (C93)",
    )
    parser.add_argument(
        "--all", action="store_true", help="every phase of a published cathode and of its path, a CIF each"
    )
    parser.add_argument("--formula", metavar="FORMULA", help="composition, such as Na0.67Ni0.33Mn0.67O2")
    parser.add_argument("--supercell", nargs=3, type=int, metavar=("NA", "NB", "NC"), help="cells along a, b and c")
    parser.add_argument(
        "--setting", default="conventional", help="axes: conventional, primitive or rectangular (orthohexagonal)"
    )
    parser.add_argument(
        "--slabs", type=int, default=60, metavar="N", help="slabs of a disordered stacking's cell (default: 60)"
    )
    parser.add_argument("--ordered", action="store_true", help="whole atoms instead of partial occupancies")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of random numbers (default: 0)")
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help=".cif .vasp .xyz .json .lmp; with --all a folder"
    )
    add_overwrite_option(parser)
    _add_geometry(parser.add_argument_group("cell and distances (angstrom, degrees)"))
    _add_occupation(parser.add_argument_group("site occupation"))
    parser.set_defaults(command=run)


def _add_geometry(group: Any) -> None:
    group.add_argument("--a", type=float, metavar="A", help="edge of the cell")
    group.add_argument("--b", type=float, metavar="B", help="edge of a distorted or tunnel cell")
    group.add_argument("--c", type=float, metavar="C", help="height of the word or cell; makes a spinel tetragonal")
    group.add_argument("--beta", type=float, metavar="DEGREES", help="angle of P'3 and O'3")
    group.add_argument(
        "--distortion", type=float, metavar="D", help="stretch of P'2, P'3, O'3 or a spinel; 0 is the parent"
    )
    group.add_argument("--slab", type=float, metavar="A", help="thickness of a slab")
    group.add_argument("--bond", type=float, metavar="A", help="distance from metal to anion")
    group.add_argument(
        "--bonds", nargs=2, type=float, metavar=("SHORT", "LONG"), help="both distances of P'2, P'3 or O'3"
    )
    group.add_argument("--gallery", action="append", metavar="KIND=A", help="height of galleries of a kind (P, O, P2)")
    group.add_argument("--u", type=float, metavar="U", help="anion parameter of a spinel (near 0.26)")


def _add_occupation(group: Any) -> None:
    group.add_argument("--sodium", action="append", metavar="SITE=X", help="occupancy of a site (face, edge, Na1, ...)")
    group.add_argument("--inversion", type=float, metavar="I", help="share of a spinel's tetrahedra that is inverted")
    group.add_argument("--tetrahedral", action="append", metavar="ION=X", help="contents of a spinel's tetrahedra")
    group.add_argument(
        "--metal", action="append", metavar="SITE:ION=X", help="contents of a tunnel's metal site 1 to 5 (5:Ti=1)"
    )


def run(
    *,
    phase: str,
    gallery: list[str] | None,
    sodium: list[str] | None,
    bonds: list[float] | None,
    tetrahedral: list[str] | None,
    metal: list[str] | None,
    setting: str,
    supercell: list[int] | None,
    slabs: int,
    ordered: bool,
    output: str,
    overwrite: bool,
    all: bool,
    **plain: Any,
) -> int:
    """Build and write; always 0. `plain` are the options that are passed to the builders unchanged."""
    if all:
        described = {**plain, "gallery": gallery, "sodium": sodium, "bonds": bonds, "tetrahedral": tetrahedral}
        given = [name for name, value in {**described, "metal": metal}.items() if value is not None and name != "seed"]
        flags = {"supercell": supercell is not None, "ordered": ordered, "setting": setting != "conventional"}
        return _build_all(phase, [*given, *(name for name, is_given in flags.items() if is_given)], output, overwrite)
    from layerox.analysis.realised_stacking import is_realisable, realised_options  # noqa: PLC0415
    from layerox.builders import build_atoms, build_crystal  # noqa: PLC0415  (what --help does not need)
    from layerox.io.output_files import check_outputs, inputs_among, write_outputs  # noqa: PLC0415
    from layerox.io.structure_writing import demand_structure_suffix, structure_text  # noqa: PLC0415

    shown = phase
    target, read = Path(output), inputs_among(phase)
    demand_structure_suffix(target)
    check_outputs([target], inputs=read, overwrite=overwrite)
    options: Any = {
        **plain,
        "galleries": _pairs("--gallery", gallery),
        "sodium": _pairs("--sodium", sodium),
        "bonds": tuple(bonds) if bonds else None,
        "tetrahedral": _pairs("--tetrahedral", tetrahedral),
        "metals": _metals(metal),
    }
    if is_realisable(phase):
        given = [f"--{name}" for name, value in options.items() if value is not None and name != "seed"]
        refuse_with_disorder(given)
        phase, options = realised_options(phase, slabs, options["seed"])
    crystal = build_crystal(phase, **options)
    warnings = crystal.warnings
    axes = "" if setting == "conventional" else f" on {setting} axes"
    listed = f", {supercell[0]} x {supercell[1]} x {supercell[2]} cells" if supercell else ""
    if ordered or supercell:
        atoms = build_atoms(phase, **options, setting=setting, supercell=supercell, ordered=ordered)
        text = structure_text(atoms, target)
        listed += f", ordered as {atoms.formula}" if ordered else ""
        warnings = atoms.warnings if ordered else warnings
    else:
        text = structure_text(build_crystal(phase, **options, setting=setting), target)
    name = shown if is_realisable(shown) else crystal.name
    write_outputs({target: text}, by="build", inputs=read, overwrite=overwrite)
    print(f"{name}: {crystal.formula}, {crystal.space_group}{axes}{listed}; written to {output}")
    print("\n".join([f"source: {crystal.source}", *(f"note: {notice.message}" for notice in warnings)]))
    return 0


def _build_all(cathode: str, given: list[str], output: str, overwrite: bool) -> int:
    """Write every phase of a published cathode and of its path into a folder; always 0."""
    from layerox.builders import LIBRARY  # noqa: PLC0415  (what --help does not need)
    from layerox.io.output_files import check_outputs, write_outputs  # noqa: PLC0415
    from layerox.io.structure_writing import structure_text  # noqa: PLC0415

    if cathode not in LIBRARY.cathodes:
        raise InputError(f"{cathode} is no published cathode", place="--all", cure="`layerox phases` lists them")
    if given:
        cure = "build one phase by its name: layerox build C93_P2"
        raise InputError("does not apply to all phases of a cathode", place=f"--{given[0]}", cure=cure)
    made = [(entry, entry.crystal()) for entry in LIBRARY.cathodes[cathode].all_entries]
    files = {Path(output) / f"{crystal.name}.cif": crystal for _, crystal in made}
    check_outputs(list(files), overwrite=overwrite, makes_folder=True)
    Path(output).mkdir(parents=True, exist_ok=True)
    texts: Any = {path: structure_text(crystal, path) for path, crystal in files.items()}
    write_outputs(texts, by="build", overwrite=overwrite)
    for (entry, crystal), path in zip(made, files, strict=True):
        print(f"{entry.title}: {crystal.formula}, {crystal.space_group}; written to {path}")
        print(f"  provenance: {entry.provenance}")
    for message in dict.fromkeys(notice.message for _, crystal in made for notice in crystal.warnings):
        print(f"note: {message}")
    return 0


def refuse_with_disorder(given: list[str]) -> None:
    """Refuse options of a single phase beside a disordered stacking, whose slab and galleries are its own."""
    if given:
        cure = "give the structures as files: A.cif~B.cif"
        raise InputError(f"{given[0]} does not apply to a disordered stacking", place=given[0], cure=cure)


def _metals(texts: list[str] | None) -> dict[str, dict[str, float]] | None:
    """Read ["5:Ti=0.5", "5:Mn=0.5"] as {"5": {"Ti": 0.5, "Mn": 0.5}}, None when nothing is given."""
    if texts is None:
        return None
    found: dict[str, dict[str, float]] = {}
    for text, number in (_pairs("--metal", texts) or {}).items():
        site, colon, ion = text.partition(":")
        if not (colon and ion):
            raise InputError(f"cannot read {text!r}", place="--metal", cure="write SITE:ION=NUMBER, such as 5:Ti=1")
        found.setdefault(site.strip(), {})[ion.strip()] = number
    return found


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
