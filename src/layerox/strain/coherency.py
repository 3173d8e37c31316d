"""Coherency: what phases that coexist would do to each other if they shared one lattice in their plane.

Two layered phases share the mesh of TMO2, a spinel its (111) plane of close-packed oxygen. Strains, energy and uniform
stress are those of flat lamellae in proportion to the volumes (`interfaces.matching`); distorted meshes count with the
hexagonal one of the same area. That they are coherent is not said: given the lattices of the single phases, it is said
how far the measured ones have been pulled together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from layerox.crystal import Crystal
from layerox.diffraction.simulate import safe_name
from layerox.elasticity import LAYERED, SPINEL, Stiffness
from layerox.errors import InputError, nearest
from layerox.interfaces.matching import Lamina, dislocation_spacing, match, misfit
from layerox.io.elastic_file import read_elastic
from layerox.layering import layering_of
from layerox.strain.cells import Observed, PhaseCells
from layerox.strain.phase_strain import Numbers, PhaseStrain

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
# A lattice parameter, angstrom, alone or with its standard uncertainty.
SinglePhase = float | tuple[float, float]

SPINEL_GROUP, SPINEL_ANIONS = 227, 32
# The mesh of a spinel's (111) plane of oxygen is its edge over this.
SPINEL_MESH = 2.0 * math.sqrt(2.0)
NOTHING = (math.nan, math.nan)
COLUMNS = (
    "frame", "phase_1", "phase_2", "misfit", "coherent_strain_1", "coherent_strain_2", "energy_MJ_per_m3",
    "von_mises_stress_1_GPa", "von_mises_stress_2_GPa", "dislocation_spacing_nm", "misfit_esd", "volume_share_1",
    "a_1", "a_1_esd", "a_2", "a_2_esd", "strain_1", "strain_1_esd", "strain_2", "strain_2_esd", "pulled_together",
    "pulled_together_esd",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One phase of a pair in one frame.

    Attributes
    ----------
    phase
        Its name.
    edge, edge_esd
        Of its mesh, angstrom.
    volume
        Relative volume in the specimen.
    stiffness
        Axis 3 along the normal.
    single
        Edge when alone with its standard uncertainty, angstrom; nan where it was not given.
    """

    phase: str
    edge: float
    edge_esd: float
    volume: float
    stiffness: Stiffness
    single: tuple[float, float] = NOTHING


def stiffnesses(
    phases: Mapping[str, PhaseCells], elastic: str | Path | Mapping[str, Stiffness] | None
) -> dict[str, Stiffness]:
    """Return the stiffness of the phases with a plane to share: the user's, else the constructed one of their kind.

    Raises
    ------
    InputError
        If the user's name no phase of these.
    """
    given = read_elastic(Path(elastic)) if isinstance(elastic, str | Path) else dict(elastic or {})
    own = {safe_name(name): tensor for name, tensor in given.items()}
    if own and not set(own) & set(phases):
        raise InputError(f"has no tensor of {', '.join(phases)}", argument="elastic", place=_place(elastic),
                         cure=f"call a table [{next(iter(phases))}]")  # fmt: skip
    found = {}
    for name, phase in phases.items():
        if layering_of(phase.crystal) is not None:
            found[name] = own.get(name, LAYERED)
        elif is_spinel(phase.crystal):
            found[name] = own.get(name, SPINEL)
    return found


def _place(elastic: object) -> str | None:
    return str(elastic) if isinstance(elastic, str | Path) else None


def is_spinel(crystal: Crystal) -> bool:
    """Whether a crystal is a cubic spinel, whose (111) planes of anions can continue those of layers."""
    anions = sum(number for element, number in crystal.content.items() if element in ("O", "S", "F"))
    return crystal.symmetry.number == SPINEL_GROUP and abs(anions - SPINEL_ANIONS) < 1.0


def coherency_rows(
    seen: Observed,
    strains: Mapping[str, PhaseStrain],
    elastic: Mapping[str, Stiffness],
    single_phase: Mapping[str, SinglePhase],
) -> pd.DataFrame:
    """Return the table of pairs, frame by frame.

    Raises
    ------
    InputError
        If a single-phase value is of no phase with a plane to share, or no length.
    """
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    alone = _single_values(single_phase, elastic)
    sheets = {name: _sheets(seen.phases[name], strains[name], elastic[name], alone) for name in elastic}
    rows = []
    for frame in seen.frames:
        there = [own[frame] for own in sheets.values() if frame in own]
        rows += [[frame, *pair_numbers(one, other)] for one, other in itertools.combinations(there, 2)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.merge(seen.table, on="frame", how="left")


def _single_values(
    given: Mapping[str, SinglePhase], elastic: Mapping[str, Stiffness]
) -> dict[str, tuple[float, float]]:
    found = {}
    for name, value in given.items():
        if safe_name(name) not in elastic:
            raise InputError(f"{name!r} is no phase with a plane to share", argument="single_phase",
                             cure=nearest(safe_name(name), elastic))  # fmt: skip
        edge, esd = value if isinstance(value, tuple) else (value, 0.0)
        if not (math.isfinite(edge) and edge > 0 and esd >= 0):
            raise InputError(f"{name} {value} is no length", argument="single_phase", cure="give angstrom")
        found[safe_name(name)] = (float(edge), float(esd))
    return found


def _sheets(
    phase: PhaseCells, strain: PhaseStrain, stiffness: Stiffness, alone: Mapping[str, tuple[float, float]]
) -> dict[int, Sheet]:
    """Return the sheets of one phase by frame."""
    edges, esds = plane_edges(phase, strain)
    volumes = phase.weight * phase.volumes / phase.crystal.mass
    columns = (phase.frames.tolist(), edges.tolist(), esds.tolist(), volumes.tolist())
    return {
        frame: Sheet(phase=phase.name, edge=edge, edge_esd=esd, volume=volume, stiffness=stiffness,
                     single=alone.get(phase.name, NOTHING))
        for frame, edge, esd, volume in zip(*columns, strict=True)
    }  # fmt: skip


def plane_edges(phase: PhaseCells, strain: PhaseStrain) -> Numbers:
    """Return the edge of the mesh that a phase can share, angstrom, and its standard uncertainty."""
    if phase.layering is not None:
        return strain.numbers["layer_edge"]
    esds = np.sqrt(np.maximum(phase.covariance[:, 0, 0], 0.0))
    return phase.cells[:, 0] / SPINEL_MESH, esds / SPINEL_MESH


def pair_numbers(one: Sheet, other: Sheet) -> list[object]:
    """Return a row of the table without its frame: two phases, and what sharing their plane would do."""
    laminae = [
        Lamina(phase=sheet.phase, a=sheet.edge, thickness=sheet.volume, stiffness=sheet.stiffness)
        for sheet in (one, other)
    ]
    found = match(laminae)
    first, second = found.strained[one.phase], found.strained[other.phase]
    value, esd = _misfit(one, other)
    spacing = dislocation_spacing(one.edge, other.edge) / 10.0
    return [
        one.phase, other.phase, value, first.in_plane, second.in_plane, found.energy, first.von_mises,
        second.von_mises, spacing if math.isfinite(spacing) else math.nan, esd,
        one.volume / (one.volume + other.volume), one.edge, one.edge_esd, other.edge, other.edge_esd,
        *_against_alone(one), *_against_alone(other), *pulled_together(one, other),
    ]  # fmt: skip


def _misfit(one: Sheet, other: Sheet) -> tuple[float, float]:
    """Return 2 (a2 - a1) / (a1 + a2), and its standard uncertainty; the cells are taken as independent."""
    return misfit(one.edge, other.edge), _misfit_esd((one.edge, one.edge_esd), (other.edge, other.edge_esd))


def _misfit_esd(one: tuple[float, float], other: tuple[float, float]) -> float:
    scale = 4.0 / (one[0] + other[0]) ** 2
    return scale * math.hypot(other[0] * one[1], one[0] * other[1])


def _against_alone(sheet: Sheet) -> tuple[float, float]:
    """Return the in-plane strain against the single phase, and its standard uncertainty."""
    alone, esd = sheet.single
    ratio = sheet.edge / alone
    return ratio - 1.0, ratio * math.hypot(sheet.edge_esd / sheet.edge, esd / alone)


def pulled_together(one: Sheet, other: Sheet) -> tuple[float, float]:
    """Return 1 - f / f0 of the measured misfit f and that of the single phases f0, and its standard uncertainty.

    0 for phases that do not feel each other, 1 for coherent ones; nan where a single phase is not given or both are
    alike.
    """
    free = misfit(one.single[0], other.single[0])
    if math.isnan(free) or free == 0.0:
        return NOTHING
    value, esd = _misfit(one, other)
    free_esd = _misfit_esd(one.single, other.single)
    return 1.0 - value / free, math.hypot(esd / free, value * free_esd / free**2)
