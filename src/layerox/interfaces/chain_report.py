"""Report on a cell that is coherent along one direction: the same names as for others, and what is left across it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layerox.builders.composition import INTERLAYER, Composition
from layerox.crystal.asymmetric_unit import ANIONS, Crystal
from layerox.crystal.atoms import Atoms
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.interfaces.chain import TunnelCell
from layerox.interfaces.coordination import (
    Counts,
    coordination,
    layers_by_letters,
    polyhedra,
    shortest_distances,
    total,
)
from layerox.interfaces.findings import TUNNEL, cell_findings
from layerox.interfaces.matching import dislocation_spacing
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.report import (
    LamellaSummary,
    boundary_entry,
    boundary_warnings,
    identity_part,
    lamellae_of,
    rounded_spacing,
    said,
    strain_entry,
)
from layerox.interfaces.result import Interface
from layerox.notices import Notice
from layerox.stacking import Block

FEWEST = 4  # anions around a gallery or tunnel ion, at least
FACES = 2  # of the tunnel slab
MESHES = 2  # in the rectangle that layers and tunnel share


def chain_interface(
    made: TunnelCell,
    blocks: Sequence[Block],
    parts: Mapping[str, PhaseComponent],
    tunnel: Crystal,
    supercell: Sequence[int],
) -> Interface:
    """Return layers beside the tunnel oxide with a report.

    Parameters
    ----------
    made
        The cell.
    blocks
        Label and galleries of each layered lamella, from the tunnel upwards.
    parts, tunnel
        The phases, free of strain.
    supercell
        Cells along the chains, across them and along the normal.
    """
    sources = [*(f"{part.label}: {part.source}" for part in parts.values()), f"{TUNNEL}: {tunnel.source}"]
    source = f"CONSTRUCTED by layerox, cell coherent along the chains of {'; '.join(sources)}"
    unit = replace(made.atoms, source=source)
    atoms = unit.repeated(supercell)
    crystal = with_full_symmetry(unit.to_crystal())
    lamellae = [*lamellae_of(made.planes, blocks), _tunnel_lamella(unit)]
    warnings = tuple(_warnings(made, blocks, parts, lamellae))
    findings = cell_findings(unit, list(parts.values()))
    report = {
        **identity_part(unit, atoms, crystal.space_group),
        "closed": None,
        "misfit": round(made.match.misfits[0], 6),
        "misfit_direction": "1d",
        "across": {
            "periods": {TUNNEL: made.coincidence.first, **dict.fromkeys(parts, made.coincidence.second)},
            "residual_misfit": round(made.coincidence.misfit, 6),
        },
        "gaps": [round(gap, 4) for gap in made.gap],
        **_elastic(made, parts, tunnel),
        "lamellae": [lamella.entry() for lamella in lamellae],
        "boundaries": [boundary_entry(boundary) for boundary in made.planes.boundaries],
        "coordination": total(coordination(unit), math.prod(supercell)),
        "coordination_by_letters": total(_by_letters(made), math.prod(supercell)),
        "shortest": {pair: round(d, 4) for pair, d in shortest_distances(unit).items()},
        "findings": said(findings),
        "warnings": said(warnings),
    }
    return Interface(
        atoms=atoms, crystal=crystal, word=made.planes.word, report=report, findings=findings, warnings=warnings
    )


def _by_letters(made: TunnelCell) -> Counts:
    """Return the polyhedra of the layers; the tunnel oxide has no letters."""
    return layers_by_letters(made.planes, MESHES * made.coincidence.second)


def _tunnel_lamella(atoms: Atoms) -> LamellaSummary:
    return LamellaSummary(phase=TUNNEL, slabs=1, galleries=0, composition=_composition(atoms, TUNNEL))


def _composition(atoms: Atoms, phase: str) -> Composition:
    """Return what a phase holds per metal."""
    assert atoms.phase is not None
    rows = atoms.phase == phase
    amounts: dict[str, float] = {}
    for element, x in zip(atoms.elements[rows].tolist(), atoms.occupancies[rows].tolist(), strict=True):
        amounts[element] = amounts.get(element, 0.0) + x
    metals = {e: x for e, x in amounts.items() if e not in ANIONS and e not in INTERLAYER}
    scale = sum(metals.values())
    return Composition(
        alkali={e: x / scale for e, x in amounts.items() if e in INTERLAYER},
        metals={e: x / scale for e, x in metals.items()},
        anions={e: x / scale for e, x in amounts.items() if e in ANIONS},
    )


def _elastic(made: TunnelCell, parts: Mapping[str, PhaseComponent], tunnel: Crystal) -> dict[str, Any]:
    metals = sum(x for e, x in made.atoms.content.items() if e not in ANIONS and e not in INTERLAYER)
    along = [tunnel.cell[2], *(part.a for part in parts.values())]
    found = made.match
    return {
        "strain": {phase: strain_entry(strain, rectangular=True) for phase, strain in found.strained.items()},
        "coherency_energy": {
            "MJ_per_m3": round(found.energy, 4),
            "mJ_per_m2_interface": round(found.energy_per_area(FACES + len(made.planes.boundaries)), 4),
            "kJ_per_mol_TMO2": round(found.energy_per_mole(metals, MESHES), 5),
        },
        "dislocation_spacing_nm": rounded_spacing(dislocation_spacing(min(along), max(along))),
        "von_mises_stress_GPa": {phase: round(s.von_mises, 4) for phase, s in found.strained.items()},
        "elastic_constants": {
            **{label: part.stiffness.source for label, part in parts.items()},
            TUNNEL: made.stiffness.source,
        },
    }


def _warnings(
    made: TunnelCell,
    blocks: Sequence[Block],
    parts: Mapping[str, PhaseComponent],
    lamellae: Sequence[LamellaSummary],
) -> Iterator[Notice]:
    for part in parts.values():
        yield from (Notice(remark.code, f"{part.label}: {remark.message}") for remark in part.remarks)
    near, (first, last) = made.coincidence, (blocks[0][0], blocks[-1][0])
    yield Notice(
        "one_direction",
        f"coherent along the chains only: across them {near.first} periods of the tunnel meet {near.second} of "
        f"{'/'.join(parts)} with {near.misfit:+.2%} left, and no plane of anions is shared",
    )
    *layered, tunnel = lamellae
    charges = ", ".join(f"{row.phase} {row.composition.metal_valence:+.2f}" for row in layered)
    yield Notice(
        "boundary_filling",
        f"the gaps to the tunnel ({made.gap[0]:.2f} A below {first}, {made.gap[1]:.2f} A above {last}) hold no sodium: "
        f"mean charges of the metals are {charges}",
    )
    yield from boundary_warnings(made.planes)
    yield Notice(
        "added_anions",
        f"{made.tunnel.added} anions were added to each cell of the tunnel oxide, so that the metals of its faces "
        f"are whole: its metals have a mean charge of {tunnel.composition.metal_valence:+.2f}",
    )
    bare = _under_coordinated(made.atoms)
    if bare:
        yield Notice("under_coordinated", f"{bare} gallery ions at the boundaries have under {FEWEST} anions")
    for row in lamellae:
        if row.composition.charge_warning:
            yield Notice("charge_implausible", f"{row.phase}: {row.composition.charge_warning}")


def _under_coordinated(atoms: Atoms) -> int:
    kinds, alkali, bonds = polyhedra(atoms)
    return int(np.count_nonzero(alkali & (kinds != "") & (bonds < FEWEST)))
