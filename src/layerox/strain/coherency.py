"""Coherency strains and stresses of coexisting phases, if they shared one in-plane lattice.

Two layered phases share the mesh of TMO2, a spinel its (111) plane of close-packed oxygen. Strains, energy and uniform
stress are those of flat lamellae in proportion to the volumes (`interfaces.matching`); the meshes of distorted phases
are centred rectangles, which differ from others along two sides. The tables do not claim that phases are coherent; with
the lattices of the single phases they give the fraction by which the measured misfit is reduced.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.model import safe_name
from layerox.elasticity import LAYERED, LAYERED_ALTERNATING, SPINEL, Stiffness, along_111
from layerox.errors import InputError, nearest
from layerox.interfaces.lattice_matching import Lamina, dislocation_spacing, match, misfit
from layerox.io.elastic_file import read_elastic
from layerox.strain.measured_cells import MeasuredPhases, PhaseCells
from layerox.strain.phase_strain import Numbers, PhaseStrain
from layerox.validation.layer_mesh import Layering

if TYPE_CHECKING:
    import pandas as pd

# A lattice parameter, angstrom, alone or with its standard uncertainty.
SinglePhase = float | tuple[float, float]

SPINEL_GROUP, SPINEL_ANIONS = 227, 32
# Cell edge of a spinel over the mesh edge of its (111) oxygen plane.
SPINEL_MESH = 2.0 * math.sqrt(2.0)
ROOT3 = math.sqrt(3.0)
# Spacing of the rows of a centred rectangle: one short side, half a long side.
ROWS = (1.0, 2.0)
SAME = 1e-9
NOTHING = (math.nan, math.nan)
COLUMNS = (
    "frame", "phase_1", "phase_2", "misfit", "coherent_strain_1", "coherent_strain_2", "energy_MJ_per_m3",
    "von_mises_stress_1_GPa", "von_mises_stress_2_GPa", "dislocation_spacing_nm", "misfit_esd", "volume_share_1",
    "a_1", "a_1_esd", "a_2", "a_2_esd", "strain_1", "strain_1_esd", "strain_2", "strain_2_esd", "pulled_together",
    "pulled_together_esd", "misfit_other", "coherent_strain_1_other", "coherent_strain_2_other",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PairMember:
    """One phase of a pair in one frame.

    Attributes
    ----------
    phase
        Its name.
    edge, edge_esd
        Edge of its mesh, or of the hexagonal mesh of the same area, angstrom.
    sides, side_esds
        Sides of the mesh as a centred rectangle, angstrom.
    volume
        Relative volume in the specimen.
    stiffness
        Elastic stiffness with axis 3 along the normal.
    single
        Edge of the single phase with its standard uncertainty, angstrom; nan if not given.
    """

    phase: str
    edge: float
    edge_esd: float
    sides: tuple[float, float]
    side_esds: tuple[float, float]
    volume: float
    stiffness: Stiffness
    single: tuple[float, float] = NOTHING

    @property
    def lamina(self) -> Lamina:
        """The phase as a lamina for the elastic calculation; a hexagonal mesh has one length."""
        short, long = self.sides
        rectangle = None if abs(long / (ROOT3 * short) - 1.0) < SAME else long
        return Lamina(phase=self.phase, a=short, long=rectangle, thickness=self.volume, stiffness=self.stiffness)


def stiffnesses(
    phases: Mapping[str, PhaseCells],
    strains: Mapping[str, PhaseStrain],
    elastic: str | Path | Mapping[str, Stiffness] | None,
) -> dict[str, Stiffness]:
    """Return the stiffness of the phases with a common plane: the user's, else the constructed one of their kind.

    User tensors are in the axes of the crystal, returned ones in the axes of the layers.

    Raises
    ------
    InputError
        If no user tensor belongs to one of these phases.
    """
    given = read_elastic(Path(elastic)) if isinstance(elastic, str | Path) else dict(elastic or {})
    own = {safe_name(name): tensor for name, tensor in given.items()}
    if own and not set(own) & set(phases):
        raise InputError(f"has no tensor of {', '.join(phases)}", argument="elastic", place=_place(elastic),
                         cure=f"call a table [{next(iter(phases))}]")  # fmt: skip
    found = {}
    for name, phase in phases.items():
        layering = phase.layering
        if layering is not None:
            axes = strains[name].crystal_axes.T
            found[name] = own[name].rotated(axes) if name in own else _constructed(layering)
        elif is_spinel(phase.crystal):
            found[name] = along_111(own[name]) if name in own else SPINEL
    return found


def _constructed(layering: Layering) -> Stiffness:
    """Return the constructed tensor of layers; where slab senses alternate, the sixfold axis makes C14 zero."""
    return LAYERED_ALTERNATING if layering.family == (True,) else LAYERED


def _place(elastic: object) -> str | None:
    return str(elastic) if isinstance(elastic, str | Path) else None


def is_spinel(crystal: Crystal) -> bool:
    """Whether a crystal is a cubic spinel, whose (111) anion planes continue those of the layers."""
    anions = sum(number for element, number in crystal.content.items() if element in ("O", "S", "F"))
    return crystal.symmetry.number == SPINEL_GROUP and abs(anions - SPINEL_ANIONS) < 1.0


def coherency_rows(
    measured: MeasuredPhases,
    strains: Mapping[str, PhaseStrain],
    elastic: Mapping[str, Stiffness],
    single_phase: Mapping[str, SinglePhase],
) -> pd.DataFrame:
    """Return the table of pairs, frame by frame.

    Raises
    ------
    InputError
        If a single-phase value belongs to no phase with a common plane, or is not a length.
    """
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    alone = _single_values(single_phase, elastic)
    sheets = {name: _sheets(measured.phases[name], strains[name], elastic[name], alone) for name in elastic}
    rows = []
    for frame in measured.frames:
        there = [own[frame] for own in sheets.values() if frame in own]
        rows += [[frame, *pair_numbers(one, other)] for one, other in itertools.combinations(there, 2)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.merge(measured.table, on="frame", how="left")


def _single_values(
    given: Mapping[str, SinglePhase], elastic: Mapping[str, Stiffness]
) -> dict[str, tuple[float, float]]:
    found = {}
    for name, value in given.items():
        if safe_name(name) not in elastic:
            raise InputError(f"{name!r} is not a phase with a common plane", argument="single_phase",
                             cure=nearest(safe_name(name), elastic))  # fmt: skip
        edge, esd = value if isinstance(value, tuple) else (value, 0.0)
        if not (math.isfinite(edge) and edge > 0 and esd >= 0):
            raise InputError(f"{name} {value} is not a length", argument="single_phase", cure="give angstrom")
        found[safe_name(name)] = (float(edge), float(esd))
    return found


def _sheets(
    phase: PhaseCells, strain: PhaseStrain, stiffness: Stiffness, alone: Mapping[str, tuple[float, float]]
) -> dict[int, PairMember]:
    """Return one phase as pair members, by frame."""
    volumes = phase.weight * phase.volumes / phase.crystal.mass
    numbers = plane_numbers(phase, strain)
    values, esds = (np.stack([pair[k] for pair in numbers], axis=1).tolist() for k in (0, 1))
    return {
        frame: PairMember(phase=phase.name, edge=edge, edge_esd=edge_esd, sides=(short, long),
                     side_esds=(short_esd, long_esd), volume=volume, stiffness=stiffness,
                     single=alone.get(phase.name, NOTHING))
        for frame, volume, (edge, short, long), (edge_esd, short_esd, long_esd)
        in zip(phase.frames.tolist(), volumes.tolist(), values, esds, strict=True)
    }  # fmt: skip


def plane_numbers(phase: PhaseCells, strain: PhaseStrain) -> tuple[Numbers, Numbers, Numbers]:
    """Return the edge of the common mesh and its sides as a rectangle, angstrom, with uncertainties."""
    if phase.layering is not None:
        return strain.numbers["layer_edge"], strain.numbers["short"], strain.numbers["long"]
    edge = phase.cells[:, 0] / SPINEL_MESH
    esd = np.sqrt(np.maximum(phase.covariance[:, 0, 0], 0.0)) / SPINEL_MESH
    return (edge, esd), (edge, esd), (ROOT3 * edge, ROOT3 * esd)


def pair_numbers(one: PairMember, other: PairMember) -> list[object]:
    """Return a row of the table without its frame: two phases, and the effect of a common plane.

    Misfit, strains and dislocations are along the side that differs most; "other" is the other side.
    """
    found = match([one.lamina, other.lamina])
    first, second = found.strained[one.phase], found.strained[other.phase]
    misfits = [misfit(a, b) for a, b in zip(one.sides, other.sides, strict=True)]
    k = 0 if abs(misfits[0]) >= abs(misfits[1]) * (1.0 - SAME) else 1
    strains = [((own.in_plane, own.across)[k], (own.in_plane, own.across)[1 - k]) for own in (first, second)]
    spacing = dislocation_spacing(one.sides[k] / ROWS[k], other.sides[k] / ROWS[k]) / 10.0
    esd = _misfit_esd((one.sides[k], one.side_esds[k]), (other.sides[k], other.side_esds[k]))
    return [
        one.phase, other.phase, misfits[k], strains[0][0], strains[1][0], found.energy, first.von_mises,
        second.von_mises, spacing if math.isfinite(spacing) else math.nan, esd,
        one.volume / (one.volume + other.volume), one.edge, one.edge_esd, other.edge, other.edge_esd,
        *_against_alone(one), *_against_alone(other), *pulled_together(one, other),
        misfits[1 - k], strains[0][1], strains[1][1],
    ]  # fmt: skip


def _misfit_esd(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the standard uncertainty of 2 (b - a) / (a + b) for independent cells."""
    scale = 4.0 / (one[0] + other[0]) ** 2
    return scale * math.hypot(other[0] * one[1], one[0] * other[1])


def _against_alone(sheet: PairMember) -> tuple[float, float]:
    """Return the in-plane strain against the single phase, and its standard uncertainty."""
    alone, esd = sheet.single
    ratio = sheet.edge / alone
    return ratio - 1.0, ratio * math.hypot(sheet.edge_esd / sheet.edge, esd / alone)


def pulled_together(one: PairMember, other: PairMember) -> tuple[float, float]:
    """Return 1 - f / f0 of the measured misfit f and that of the single phases f0, and its standard uncertainty.

    0 for independent phases, 1 for coherent ones; nan if a single phase is not given or both are equal.
    """
    free = misfit(one.single[0], other.single[0])
    if math.isnan(free) or free == 0.0:
        return NOTHING
    value = misfit(one.edge, other.edge)
    esd = _misfit_esd((one.edge, one.edge_esd), (other.edge, other.edge_esd))
    free_esd = _misfit_esd(one.single, other.single)
    return 1.0 - value / free, math.hypot(esd / free, value * free_esd / free**2)
