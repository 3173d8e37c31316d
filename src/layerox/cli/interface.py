"""`layerox interface`: two or more phases in one coherent cell, with a report on strain, energy and findings."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from layerox.cli.common_options import add_overwrite_option
from layerox.cli.text_table import warning_lines
from layerox.errors import InputError

UNTRUSTWORTHY = 1


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "interface",
        help="build a coherent interface of two or more phases",
        description="Stack phases along c in one coherent cell that shares its boundary slabs. The report lists "
        "every choice made at a "
        "boundary, and the strains and energy of coherence.",
    )
    parser.add_argument("phases", metavar="A/B[/C]", help="phases, such as P2/O3, or a cathode, such as C93")
    parser.add_argument(
        "--slabs", nargs="+", type=int, metavar="N", help="slabs of each phase; default: the smallest closed cell"
    )
    parser.add_argument(
        "--formula",
        action="append",
        metavar="F",
        help="composition of all phases; or one option for each phase, in their order",
    )
    parser.add_argument(
        "--cell",
        nargs="+",
        action="append",
        default=[],
        metavar=("PHASE", "a=2.887"),
        help="measured cell of a phase: lengths (angstrom) and beta, or a CIF, as a fit writes it",
    )
    parser.add_argument(
        "--strain",
        default="stiffness",
        metavar="stiffness|A|B",
        help="share the misfit, or keep the lattice of one phase",
    )
    parser.add_argument("--boundary", default="lower", metavar="lower|own|X", help="sodium in galleries at a boundary")
    parser.add_argument(
        "--faces", default="full", metavar="full|kagome", help="slabs that face a spinel: all metals, or three quarters"
    )
    parser.add_argument(
        "--registry", type=int, default=0, metavar="0..3", help="position of a spinel in its 2 x 2 cell"
    )
    parser.add_argument(
        "--in-plane",
        nargs="+",
        metavar="auto|N",
        help="meshes of each phase on one larger cell (semi-coherent)",
    )
    parser.add_argument(
        "--core-shell", nargs="+", type=float, metavar="NM", help="particle: radius of the core A, then each shell, nm"
    )
    parser.add_argument("--aspect", type=float, default=0.5, metavar="X", help="half height of a core over its radius")
    parser.add_argument("--elastic", metavar="FILE", help="stiffness tensors, a table [PHASE] each (TOML)")
    parser.add_argument("--supercell", nargs=3, type=int, default=[1, 1, 1], metavar=("NA", "NB", "NC"), help="cells")
    parser.add_argument("--ordered", action="store_true", help="whole atoms instead of partial occupancies")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of random numbers (default: 0)")
    parser.add_argument("--strict", action="store_true", help="write nothing if there is a finding or a warning")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help=".cif .vasp .xyz .json or .lmp")
    parser.add_argument("--report", metavar="REPORT.json", help="the full report of the cell")
    add_overwrite_option(parser)
    parser.set_defaults(command=run, spelling={"formulas": "--formula", "cells": "--cell"})


def run(
    *,
    output: str,
    report: str | None,
    overwrite: bool,
    strict: bool,
    ordered: bool,
    elastic: str | None,
    cell: list[list[str]],
    seed: int,
    **options: Any,
) -> int:
    """Build, write and print a summary; 1 if the cell has findings."""
    from layerox.interfaces import interface  # noqa: PLC0415  (what --help does not need)
    from layerox.interfaces.result import with_whole_atoms  # noqa: PLC0415
    from layerox.io.atomic_writing import Content  # noqa: PLC0415
    from layerox.io.elastic_file import read_elastic  # noqa: PLC0415
    from layerox.io.output_files import check_outputs, inputs_among, write_outputs  # noqa: PLC0415
    from layerox.io.structure_writing import demand_structure_suffix, structure_text  # noqa: PLC0415

    target, listed = Path(output), Path(report) if report else None
    read = inputs_among(elastic, options["phases"], *(words[-1] for words in cell))
    demand_structure_suffix(target)
    if listed is not None and listed.resolve() == target.resolve():
        raise InputError("would be written twice", place=listed, cure="choose another name", argument="report")
    check_outputs([target, *([listed] if listed else [])], inputs=read, overwrite=overwrite)
    boundary = _filling(options.pop("boundary"))
    tensors = read_elastic(Path(elastic)) if elastic else None
    formulas, in_plane = options.pop("formula"), _meshes(options.pop("in_plane"))
    made = interface(
        options.pop("phases"),
        **options,
        formulas=formulas,
        boundary=boundary,
        in_plane=in_plane,
        cells=_cells(cell),
        elastic=tensors,
        seed=seed,
    )
    if ordered:
        made = with_whole_atoms(made, seed=seed)
    if strict and (made.findings or made.warnings):
        first = [*made.report["findings"], *made.report["warnings"]][0]
        raise InputError(first["message"], place="--strict", cure="correct it, or leave --strict out")
    files: dict[Path, Content] = {target: structure_text(made.atoms, target)}
    if listed is not None:
        files[listed] = json.dumps(made.report, indent=1) + "\n"
    write_outputs(files, by="interface", inputs=read, overwrite=overwrite)
    print("\n".join(_lines(made.report, output)))
    return UNTRUSTWORTHY if made.findings else 0


def _filling(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _cells(given: list[list[str]]) -> dict[str, dict[str, float]]:
    """Return the cells by phase of `PHASE a=2.887 c=11.15` and `PHASE FILE.cif`."""
    return {name: _cell(name, words) for name, *words in given}


def _cell(name: str, words: list[str]) -> dict[str, float]:
    if len(words) == 1 and "=" not in words[0]:
        return _cell_of_file(name, words[0])
    try:
        pairs = (word.split("=") for word in words)
        cell = {quantity: float(value) for quantity, value in pairs}
    except ValueError:
        cell = {}
    if not cell:
        raise InputError(f"cell of {name}: {' '.join(words) or 'nothing'}", argument="cells",
                         cure="write --cell P2 a=2.887 c=11.15, or --cell P2 FILE.cif")  # fmt: skip
    return cell


def _cell_of_file(name: str, file: str) -> dict[str, float]:
    """Return the free lengths and angle of a CIF, whose space group must be that of the phase."""
    from layerox.builders import build_crystal, phase_name  # noqa: PLC0415  (what --help does not need)
    from layerox.io.cif import read_crystal  # noqa: PLC0415
    from layerox.symmetry import CELL_NAMES  # noqa: PLC0415

    found, expected = read_crystal(file), build_crystal(phase_name(name))
    if found.symmetry.name != expected.symmetry.name:
        raise InputError(f"space group {found.symmetry.name}, {name} has {expected.symmetry.name}", place=file,
                         cure="give its lengths: --cell P2 a=2.887 c=11.15")  # fmt: skip
    return {CELL_NAMES[k]: found.cell[k] for k in found.symmetry.cell_rule.free}


def _meshes(words: list[str] | None) -> list[int] | str | None:
    if words is None or len(words) == 1:
        return words[0] if words else None
    try:
        return [int(word) for word in words]
    except ValueError:
        raise InputError(f"meshes {' '.join(words)}", argument="in_plane", cure="give auto, or whole numbers") from None


def _lines(report: Any, output: str) -> list[str]:
    spacing = report["dislocation_spacing_nm"]
    energy = report["coherency_energy"]
    area = energy["mJ_per_m2_interface"]
    names = [x for x in ("in_plane", "across", "out_of_plane") if all(x in s for s in report["strain"].values())]
    shares = ", ".join(f"{p} {' / '.join(f'{s[x]:+.2%}' for x in names)}" for p, s in report["strain"].items())
    across = " / across" if "across" in names else ""
    return [
        f"{report['name']}: {report['formula']}, {report['space_group']}, {report['atoms']} sites; written to {output}",
        f"misfit {report['misfit']:.2%} ({report['misfit_direction']}); strain in plane{across} / along c: {shares}",
        f"coherency energy {_rounded(energy['MJ_per_m3'], 1)} MJ/m3, "
        + (f"{_rounded(area, 0)} mJ/m2 an interface, " if area is not None else "")
        + f"{_rounded(energy['kJ_per_mol_TMO2'], 2)} kJ/mol TMO2"
        + (f"; misfit dislocations every {spacing:.1f} nm" if spacing else ""),
        *(
            f"lamella {x['phase']}: {x['slabs']} {'slab' if x['slabs'] == 1 else 'slabs'}, {x['formula']}, "
            f"metals {x['tm_valence']:+.2f}"
            for x in report["lamellae"]
        ),
        *(f"finding: {x['message']}" for x in report["findings"]),
        *warning_lines((x["code"], x["message"]) for x in report["warnings"]),
    ]


def _rounded(value: float, digits: int) -> str:
    """Return a number with the given digits after the point, a small one with two significant digits."""
    return f"{value:.{digits}f}" if value == 0 or value >= 10.0**-digits else f"{value:.2g}"
