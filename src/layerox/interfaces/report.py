"""Report: what is known of an interface cell, in plain values under the names that files and checks use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layerox.interfaces.matching import Match, dislocation_spacing


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
    found: Match, edges: Sequence[float], *, interfaces: int, units: float, meshes: float
) -> Mapping[str, Any]:
    """Return the keys of a report that follow from the match.

    Parameters
    ----------
    found
        The laminae on their lattice.
    edges
        Free lattice parameters, angstrom.
    interfaces, units, meshes
        Interfaces and TMO2 in the cell, and unit meshes in its plane.
    """
    spacing = dislocation_spacing(min(edges), max(edges)) / 10
    return {
        "misfit": round(found.misfit, 6),
        "strain": {
            phase: {"in_plane": round(s.in_plane, 6), "out_of_plane": round(s.out_of_plane, 6)}
            for phase, s in found.strained.items()
        },
        "coherency_energy": {
            "MJ_per_m3": round(found.energy, 4),
            "mJ_per_m2_interface": round(found.energy_per_area(interfaces), 4),
            "kJ_per_mol_TMO2": round(found.energy_per_mole(units, meshes), 5),
        },
        "dislocation_spacing_nm": round(spacing, 4) if spacing < 1e6 else None,
        "von_mises_stress_GPa": {phase: round(s.von_mises, 4) for phase, s in found.strained.items()},
    }
