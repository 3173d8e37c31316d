"""Cell report: an intergrowth made into a finished cell and looked at again from outside."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from layerox.builders.axes import atoms_on_axes
from layerox.builders.sodium import contents
from layerox.crystal.asymmetric_unit import Crystal
from layerox.crystal.atoms import Atoms
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.interfaces.coordination import Counts, by_letters, coordination, shortest_distances, total
from layerox.interfaces.findings import cell_findings
from layerox.interfaces.heterostructure import VARIANTS, with_spinel
from layerox.interfaces.intergrowth import Intergrowth
from layerox.interfaces.ledger import SlabBalance, ledger
from layerox.interfaces.matching import Match
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.report import (
    boundary_entry,
    boundary_warnings,
    coherency_warnings,
    elastic_part,
    identity_part,
    lamellae_of,
    said,
)
from layerox.interfaces.result import Interface
from layerox.notices import Notice
from layerox.stacking import Block, closure

MESHES = 2  # of the net in its centred rectangle
LARGEST_TO_STANDARDISE = 60  # slabs; the search for the space group takes the square of them


def coherent_interface(
    grown: Intergrowth,
    blocks: Sequence[Block],
    parts: Sequence[PhaseComponent],
    found: Match,
    *,
    faces: str,
    registry: int,
    supercell: tuple[int, ...],
) -> Interface:
    """Return an intergrowth with its report.

    Parameters
    ----------
    grown
        Its planes.
    blocks
        Label and galleries of each lamella.
    parts
        The phases free of strain, one for each lamella.
    found
        The lattice that they share.
    faces, registry, supercell
        As in `interface`.
    """
    cell = _spinel_cell(grown, faces, registry) if any(part.spinel for part in parts) else _layered_cell(grown)
    source = "; ".join(dict.fromkeys(f"{part.label}: {part.source}" for part in parts))
    unit = replace(cell.atoms, source=f"CONSTRUCTED by layerox, coherent cell of {source}")
    atoms = unit.repeated(supercell)
    entries = ledger(grown.planes)
    warnings = (*_warnings(grown, entries, parts, found), *cell.warnings)
    findings = cell_findings(unit, list(parts))
    report = {
        **identity_part(unit, atoms, cell.crystal.space_group),
        "closed": closure(grown.word).is_closed,
        "misfit_direction": "2d",
        **elastic_part(
            found,
            [(p.a, p.long) for p in parts],
            interfaces=max(len(grown.planes.boundaries), 1),
            units=len(grown.word),
            meshes=1,
        ),
        "elastic_constants": {part.label: part.stiffness.source for part in parts},
        "lamellae": [lamella.entry() for lamella in lamellae_of(grown.planes, blocks)],
        "ledger": [_ledger_row(entry, grown) for entry in entries],
        "boundaries": [boundary_entry(boundary) for boundary in grown.planes.boundaries],
        **_geometry(cell, unit, math.prod(supercell)),
        "findings": said(findings),
        "warnings": said(warnings),
    }
    return Interface(
        atoms=atoms,
        crystal=cell.crystal,
        word=grown.word,
        report=report,
        findings=findings,
        warnings=warnings,
        parts={part.label: part for part in parts},
        grown=grown,
    )


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """A finished cell: its atoms, its crystal in full symmetry, coordination by letters, and warnings of its own."""

    atoms: Atoms
    crystal: Crystal
    by_letters: Counts
    warnings: tuple[Notice, ...] = ()


def _layered_cell(grown: Intergrowth) -> _Cell:
    if grown.long is not None:
        atoms = _rectangular(grown.atoms())
        crystal = with_full_symmetry(atoms.to_crystal())
        return _Cell(atoms=atoms, crystal=crystal, by_letters=total(by_letters(grown.stack), MESHES))
    stack = grown.stack if len(grown.word) > LARGEST_TO_STANDARDISE else grown.stack.standardised()
    return _Cell(atoms=stack.atoms(), crystal=stack.crystal(), by_letters=by_letters(stack))


def _rectangular(atoms: Atoms) -> Atoms:
    """Return the atoms over the whole centred rectangle instead of over one of its two meshes."""
    return atoms_on_axes(atoms, "rectangular", "P 3 m 1")


def _spinel_cell(grown: Intergrowth, faces: str, registry: int) -> _Cell:
    atoms = with_spinel(grown, faces=faces, registry=registry)
    letters = total(by_letters(grown.stack), VARIANTS)
    if grown.long is not None:
        atoms, letters = _rectangular(atoms), total(letters, MESHES)
    letters["TM"]["octahedral"] = np.unique(atoms.site[atoms.site_kind == "metal"]).size
    letters["TM"]["tetrahedral"] = np.unique(atoms.site[atoms.site_kind == "tetrahedral"]).size
    crystal = with_full_symmetry(atoms.to_crystal())
    if faces == "kagome":
        message = (
            "a quarter of the metals is missing in each slab that faces the spinel, whose tetrahedra are all filled"
        )
    else:
        message = "slabs that face the spinel are full, so that its tetrahedra on them (one in a 2 x 2 cell) are empty"
    return _Cell(atoms=atoms, crystal=crystal, by_letters=letters, warnings=(Notice("boundary_tetrahedra", message),))


def _geometry(cell: _Cell, unit: Atoms, cells: int) -> dict[str, Any]:
    return {
        "coordination": total(coordination(unit), cells),
        "coordination_by_letters": total(cell.by_letters, cells),
        "shortest": {pair: round(d, 4) for pair, d in shortest_distances(unit).items()},
    }


def _ledger_row(entry: SlabBalance, grown: Intergrowth) -> dict[str, Any]:
    return {
        "slab": entry.slab,
        "phases": list(entry.phases),
        "formula": entry.composition.formula,
        "tm_valence": round(entry.tm_valence, 4),
        "sodium_above": round(sum(contents(grown.planes.galleries[entry.slab].ions).values()), 4),
    }


def _warnings(
    grown: Intergrowth, entries: Sequence[SlabBalance], parts: Sequence[PhaseComponent], found: Match
) -> Iterator[Notice]:
    for part in {part.label: part for part in parts}.values():
        yield from (Notice(remark.code, f"{part.label}: {remark.message}") for remark in part.remarks)
    yield from boundary_warnings(grown.planes)
    for entry in entries:
        if entry.composition.charge_warning:
            yield Notice("charge_implausible", f"slab {entry.slab}: {entry.composition.charge_warning}")
    yield from coherency_warnings(found)
