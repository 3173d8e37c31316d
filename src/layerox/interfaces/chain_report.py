"""Report on a cell that is coherent along one direction: the same names as for others, and what is left across it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from layerox.atoms import Atoms
from layerox.builders.composition import INTERLAYER, Composition
from layerox.crystal import ANIONS, Crystal
from layerox.full_symmetry import with_full_symmetry
from layerox.interfaces.chain import OneDirectional
from layerox.interfaces.coordination import coordination, polyhedra, shortest_distances, total
from layerox.interfaces.findings import cell_findings
from layerox.interfaces.ingredient import Ingredient
from layerox.interfaces.matching import AVOGADRO, dislocation_spacing, misfit
from layerox.interfaces.report import Lamella
from layerox.interfaces.result import Interface
from layerox.notice import Notice

FEWEST = 4  # anions around a gallery or tunnel ion, at least


def chain_interface(made: OneDirectional, part: Ingredient, tunnel: Crystal, supercell: Sequence[int]) -> Interface:
    """Return a layered phase beside the tunnel oxide with its report."""
    unit = made.atoms
    atoms = unit.repeated(supercell)
    crystal = with_full_symmetry(unit.to_crystal())
    held = {phase: _composition(unit, phase) for phase in (part.label, "tunnel")}
    warnings = tuple(_warnings(made, part, held))
    findings = cell_findings(unit, [part])
    galleries = len(made.word.galleries)
    report = {
        "name": unit.name,
        "atoms": len(set(unit.site.tolist())) * math.prod(supercell),
        "formula": atoms.formula,
        "cell": [round(x, 6) for x in atoms.cell],
        "space_group": crystal.space_group,
        "closed": None,
        "misfit": round(abs(misfit(tunnel.cell[2], part.a)), 6),
        "misfit_direction": "1d",
        "across": {
            "periods": {"tunnel": made.coincidence.first, part.label: made.coincidence.second},
            "residual_misfit": round(made.coincidence.misfit, 6),
        },
        "gaps": [round(gap, 4) for gap in made.gap],
        **_elastic(made, part, tunnel),
        "lamellae": [
            Lamella(
                phase=phase,
                slabs=galleries if phase == part.label else 1,
                galleries=galleries if phase == part.label else 0,
                formula=composition.formula,
                tm_valence=composition.metal_valence,
            ).entry()
            for phase, composition in held.items()
        ],
        "coordination": total(coordination(unit), math.prod(supercell)),
        "shortest": {pair: round(d, 4) for pair, d in shortest_distances(unit).items()},
        "findings": [{"code": f.code, "message": f.message} for f in findings],
        "warnings": [{"code": w.code, "message": w.message} for w in warnings],
    }
    return Interface(atoms=atoms, crystal=crystal, word=made.word, report=report, findings=findings, warnings=warnings)


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


def _elastic(made: OneDirectional, part: Ingredient, tunnel: Crystal) -> dict[str, Any]:
    stored = sum(made.energies[phase] * made.thickness[phase] for phase in made.energies)  # MJ/m^3 x angstrom
    metals = sum(x for e, x in made.atoms.content.items() if e not in ANIONS and e not in INTERLAYER)
    area = float(made.atoms.lattice[0, 0] * made.atoms.lattice[1, 1])
    spacing = dislocation_spacing(part.a, tunnel.cell[2])
    return {
        "strain": {
            phase: {"in_plane": round(along, 6), "across": round(across, 6), "out_of_plane": round(normal, 6)}
            for phase, (along, across, normal) in made.strains.items()
        },
        "coherency_energy": {
            "MJ_per_m3": round(stored / sum(made.thickness.values()), 4),
            "mJ_per_m2_interface": round(stored / 2 / 10, 4),
            "kJ_per_mol_TMO2": round(stored * 1e6 * area * 1e-30 / metals * AVOGADRO / 1000, 5),
        },
        "dislocation_spacing_nm": round(spacing / 10, 4) if math.isfinite(spacing) else None,
        "von_mises_stress_GPa": {phase: round(stress, 4) for phase, stress in made.stresses.items()},
    }


def _warnings(made: OneDirectional, part: Ingredient, held: dict[str, Composition]) -> list[Notice]:
    near = made.coincidence
    warnings = [
        Notice(
            "one_direction",
            f"coherent along the chains only: across them {near.first} periods of the tunnel meet {near.second} of "
            f"{part.label} with {near.misfit:+.2%} left, and no plane of anions is shared",
        ),
        Notice(
            "boundary_filling",
            f"the gaps between the phases ({made.gap[0]:.2f} and {made.gap[1]:.2f} A) hold no sodium: the metals of "
            f"{part.label} have a mean charge of {held[part.label].metal_valence:+.2f}",
        ),
        Notice(
            "added_anions",
            f"{made.tunnel.added} anions were added to each cell of the tunnel oxide, so that the metals of its faces "
            f"are whole: its metals have a mean charge of {held['tunnel'].metal_valence:+.2f}",
        ),
    ]
    bare = _under_coordinated(made.atoms)
    if bare:
        warnings.append(Notice("under_coordinated", f"{bare} gallery ions at the boundaries have under four anions"))
    charges = [Notice("charge_implausible", f"{p}: {c.charge_warning}") for p, c in held.items() if c.charge_warning]
    return [*warnings, *charges]


def _under_coordinated(atoms: Atoms) -> int:
    kinds, alkali, bonds = polyhedra(atoms)
    return int(np.count_nonzero(alkali & (kinds != "") & (bonds < FEWEST)))
