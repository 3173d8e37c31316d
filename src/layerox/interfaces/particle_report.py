"""Report on a particle: what is known of it, under the same names as for a cell, where they mean something.

A particle has surfaces: metals with fewer than six anions are counted and told, and are no defects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from layerox.builders.composition import Composition
from layerox.interfaces.coordination import shortest_distances
from layerox.interfaces.findings import particle_findings
from layerox.interfaces.matching import AVOGADRO
from layerox.interfaces.particle import CoreShellParticle
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.report import LamellaSummary, elastic_part
from layerox.interfaces.result import Interface
from layerox.notices import Notice


def particle_interface(made: CoreShellParticle, parts: Sequence[PhaseComponent]) -> Interface:
    """Return a particle with its report."""
    warnings = tuple(_warnings(made, parts))
    findings = particle_findings(made.atoms)
    report = {
        "name": made.atoms.name,
        "atoms": len(made.atoms),
        "formula": made.atoms.formula,
        "cell": [round(x, 6) for x in made.atoms.cell],
        "space_group": "P1",
        "closed": None,
        "misfit_direction": "2d",
        **_elastic(made, parts),
        "elastic_constants": {part.label: part.stiffness.source for part in parts},
        "lamellae": [row.entry() for row in _regions(made, parts)],
        "coordination": made.counts,
        "metals_by_number_of_anions": {str(number): count for number, count in made.bonds.items()},
        "shortest": {pair: round(d, 4) for pair, d in shortest_distances(made.atoms).items()},
        "findings": [{"code": f.code, "message": f.message} for f in findings],
        "warnings": [{"code": w.code, "message": w.message} for w in warnings],
    }
    return Interface(
        atoms=made.atoms, crystal=None, word=made.word, report=report, findings=findings, warnings=warnings
    )


def _elastic(made: CoreShellParticle, parts: Sequence[PhaseComponent]) -> dict[str, Any]:
    """Return the elastic keys: per volume and mole; a particle's curved interface has no single area."""
    repeat = sum(n * part.repeat for n, part in zip(made.units, parts, strict=True)) / sum(made.units)
    found = dict(elastic_part(made.match, [(part.a, part.long) for part in parts], interfaces=1, units=1, meshes=1))
    volume = made.match.a**2 * math.sqrt(3) / 2 * repeat * 1e-30
    energy = dict(found["coherency_energy"])
    energy["mJ_per_m2_interface"] = None
    energy["kJ_per_mol_TMO2"] = round(made.match.energy * 1e6 * volume * AVOGADRO / 1000, 5)
    return {**found, "coherency_energy": energy}


def _regions(made: CoreShellParticle, parts: Sequence[PhaseComponent]) -> list[LamellaSummary]:
    rows = []
    for number, part in enumerate(parts):
        units = made.units[number]
        one = part.composition
        held = Composition(
            alkali=one.with_sodium(made.sodium[number] / units).alkali, metals=one.metals, anions=one.anions
        )
        layers = made.atoms.layer
        assert layers is not None
        galleries = sum(label.phase == part.label for label in made.word.labels)
        rows.append(
            LamellaSummary(
                phase=part.label,
                slabs=galleries,
                galleries=galleries,
                composition=held,
            )
        )
    return rows


def _warnings(made: CoreShellParticle, parts: Sequence[PhaseComponent]) -> list[Notice]:
    core, *shells = [part.label for part in parts]
    bare = sum(count for number, count in made.bonds.items() if number < 6)
    warnings = [
        Notice("surface_coordination", f"{bare} of {sum(made.bonds.values())} metals, on facets, lack anions"),
        Notice(
            "lateral_shell",
            f"beside the core, {', '.join(shells)} has its own ions on the stacking of {core}: a change of stacking "
            "there needs partial dislocations, which are not placed",
        ),
        Notice(
            "shell_absorption",
            "diffraction sees the shell first: absorption in it biases phase fractions towards it, the more the larger "
            "the particle",
        ),
        Notice("particle_elasticity", "strains and energies are those of lamellae with the same volumes"),
    ]
    for part, moved in zip(parts, made.moved, strict=True):
        if moved:
            warnings.append(
                Notice("sodium_rebalanced", f"{moved} gallery ions that {part.label} asks for sit further out")
            )
    return warnings
