"""Report: what is known of an interface cell, in plain values under the names that files and checks use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layerox.interfaces.matching import Match, Strained, dislocation_spacing

FARTHEST = 1e7  # angstrom


@dataclass(frozen=True, kw_only=True)
class Lamella:
    """One lamella: its phase, slabs (shared ones count half), galleries, formula and valence."""

    phase: str
    slabs: int
    galleries: int
    formula: str
    tm_valence: float

    def entry(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "phase": self.phase,
            "slabs": self.slabs,
            "galleries": self.galleries,
            "formula": self.formula,
            "tm_valence": round(self.tm_valence, 4),
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


def strain_entry(strain: Strained, *, rectangular: bool) -> dict[str, float]:
    """Return one phase's strains: one in the plane of a hexagonal lattice, two and the shear of a rectangular net."""
    across = {"across": round(strain.across, 6), "lean": round(strain.lean, 6)} if rectangular else {}
    return {"in_plane": round(strain.in_plane, 6), **across, "out_of_plane": round(strain.out_of_plane, 6)}


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
