"""Report: what is known of an interface cell, in plain values under the names that files and checks use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerox.builders.composition import Composition
from layerox.crystal.atoms import Atoms
from layerox.interfaces.layer_planes import Boundary, Planes
from layerox.interfaces.ledger import lamella_composition
from layerox.interfaces.matching import HARMLESS, Match, StrainState, critical_thickness, dislocation_spacing
from layerox.notices import Notice
from layerox.stacking import Block
from layerox.validation import Finding

FARTHEST = 1e7  # angstrom
POISSON = 0.25
LARGEST_MISFIT = 0.05


@dataclass(frozen=True, kw_only=True)
class LamellaSummary:
    """One lamella: its phase, slabs (shared ones count half), galleries, and what it holds per metal."""

    phase: str
    slabs: int
    galleries: int
    composition: Composition

    def entry(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "phase": self.phase,
            "slabs": self.slabs,
            "galleries": self.galleries,
            "formula": self.composition.formula,
            "tm_valence": round(self.composition.metal_valence, 4),
        }


def identity_part(unit: Atoms, atoms: Atoms, space_group: str) -> dict[str, Any]:
    """Return the keys of a report that say what a cell is; `atoms` are whole cells of `unit`."""
    return {
        "name": atoms.name,
        "atoms": len(np.unique(unit.site)) * (len(atoms) // len(unit)),
        "formula": atoms.formula,
        "cell": [round(x, 6) for x in atoms.cell],
        "space_group": space_group,
    }


def elastic_part(
    found: Match, sides: Sequence[tuple[float, float]], *, interfaces: int, units: float, meshes: float
) -> Mapping[str, Any]:
    """Return the keys of a report that follow from the match.

    Parameters
    ----------
    found
        The laminae on their lattice.
    sides
        Short and long side of each phase's net when free, angstrom.
    interfaces, units, meshes
        Interfaces and TMO2 in the cell, and unit meshes in its plane.
    """
    spacings = _spacings(sides)
    return {
        "misfit": round(found.misfit, 6),
        **({} if found.long is None else _by_direction(found, spacings)),
        "strain": {phase: strain_entry(s, rectangular=found.long is not None) for phase, s in found.strained.items()},
        "coherency_energy": {
            "MJ_per_m3": round(found.energy, 4),
            "mJ_per_m2_interface": round(found.energy_per_area(interfaces), 4),
            "kJ_per_mol_TMO2": round(found.energy_per_mole(units, meshes), 5),
        },
        "dislocation_spacing_nm": rounded_spacing(spacings[0] if found.long is None else min(spacings)),
        "von_mises_stress_GPa": {phase: round(s.von_mises, 4) for phase, s in found.strained.items()},
    }


def strain_entry(strain: StrainState, *, rectangular: bool) -> dict[str, float]:
    """Return one phase's strains: one in the plane of a hexagonal lattice, two and the shear of a rectangular net."""
    across = {"across": round(strain.across, 6), "lean": round(strain.lean, 6)} if rectangular else {}
    values = {"in_plane": round(strain.in_plane, 6), **across, "out_of_plane": round(strain.out_of_plane, 6)}
    return {name: value + 0.0 for name, value in values.items()}  # no negative zero


def rounded_spacing(spacing: float) -> float | None:
    """Return a spacing in angstrom as nm; None where nothing differs."""
    return round(spacing / 10, 4) if spacing < FARTHEST else None


def _spacings(sides: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the spacings of misfit dislocations along the short side, and along the long one between rows, angstrom.

    Rows of a centred rectangle stand half a long side apart.
    """
    short, long = ([side[k] / (1, 2)[k] for side in sides] for k in (0, 1))
    return dislocation_spacing(min(short), max(short)), dislocation_spacing(min(long), max(long))


def _by_direction(found: Match, spacings: tuple[float, float]) -> dict[str, Any]:
    names = ("short", "long")
    return {
        "misfits": {name: round(misfit, 6) for name, misfit in zip(names, found.misfits, strict=True)},
        "dislocation_spacings_nm": {
            name: rounded_spacing(spacing) for name, spacing in zip(names, spacings, strict=True)
        },
    }


def lamellae_of(planes: Planes, blocks: Sequence[Block]) -> Iterator[LamellaSummary]:
    """Yield the lamellae (label, galleries) of a word: n galleries have n - 1 slabs of their own and two halves."""
    start = 0
    for label, count in blocks:
        held = lamella_composition(planes, start, count)
        yield LamellaSummary(phase=label, slabs=count, galleries=count, composition=held)
        start += count


def boundary_entry(boundary: Boundary) -> dict[str, Any]:
    """Return a shared slab as plain values."""
    return {
        "slab": boundary.slab,
        "phases": list(boundary.phases),
        "sodium": [round(x, 4) for x in boundary.sodium],
        "own_sodium": [round(x, 4) for x in boundary.own],
    }


def boundary_warnings(planes: Planes) -> Iterator[Notice]:
    """Yield a warning for each shared slab whose galleries do not hold what they hold in their phases."""
    for b in planes.boundaries:
        where = f"slab {b.slab} between {b.phases[0]} and {b.phases[1]}"
        if max(abs(now - own) for now, own in zip(b.sodium, b.own, strict=True)) > HARMLESS:
            yield Notice(
                "boundary_filling",
                f"the galleries beside {where} hold {b.sodium[0]:.3f} and {b.sodium[1]:.3f} ions per metal "
                f"instead of {b.own[0]:.3f} and {b.own[1]:.3f}",
            )


def coherency_warnings(found: Match) -> Iterator[Notice]:
    """Yield what coherency theory has to say of a misfit."""
    if found.misfit < HARMLESS:
        return
    thickness = critical_thickness(found.misfit, found.a, POISSON) / 10
    yield Notice(
        "coherency_limit",
        f"a misfit of {found.misfit:.2%} gives a Matthews-Blakeslee thickness of {thickness:.2g} nm, outside the "
        "range of that theory: a hint that real lamellae may relax, no verdict",
    )
    if found.misfit > LARGEST_MISFIT:
        yield Notice(
            "large_misfit",
            f"coherent pairs that are known differ by 0.3 to 2.6 %, these by {found.misfit:.1%}: that they are "
            "coherent is doubtful, and elasticity is not linear so far",
        )


def said(rows: Sequence[Finding | Notice]) -> list[dict[str, str]]:
    """Return findings or warnings as plain values."""
    return [{"code": row.code, "message": row.message} for row in rows]
