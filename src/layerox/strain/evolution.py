"""Evolution: the strains of all phases over a series, as tables and as tensors, and what their coexistence costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerox.computing.threads import single_threaded
from layerox.elasticity import Stiffness
from layerox.errors import InputError, nearest
from layerox.notices import Notice
from layerox.strain.axis_branches import branches, cycles
from layerox.strain.cells import Observed, PhaseCells, Subject, observed
from layerox.strain.coherency import SinglePhase, coherency_rows, stiffnesses
from layerox.strain.phase_strain import Numbers, PhaseStrain, phase_strain
from layerox.strain.reference import Anchors, ReferenceArgument, anchors_of
from layerox.strain.tensor import COMPONENTS

if TYPE_CHECKING:
    import pandas as pd

LENGTHS = ("e_a", "e_b", "e_c", "e_layer", "e_stack", "e_volume", "slab", "gallery")
FURTHER = ("volume", "layer_edge")
ENDS = ("", "_esd")
# Strains below are what symmetry makes zero, and rounding.
ROUNDING = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class StrainEvolution:
    """What the lattices did.

    Attributes
    ----------
    frames
        One row a frame and phase: strain.csv as a DataFrame.
    coherency
        One row a frame and pair of coexisting phases with a common plane: coherency.csv as a DataFrame.
    tensors
        All tensors of each phase, by name.
    cells
        What was measured of each phase, by name.
    axes
        Names of the columns that say where frames stand.
    elastic
        Stiffness of the phases that have a common plane with others, by name.
    notices
        What a user should know.
    """

    frames: pd.DataFrame
    coherency: pd.DataFrame
    tensors: Mapping[str, PhaseStrain]
    cells: Mapping[str, PhaseCells]
    axes: tuple[str, ...]
    elastic: Mapping[str, Stiffness]
    notices: tuple[Notice, ...]

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases."""
        return tuple(self.tensors)

    def of(self, phase: str) -> pd.DataFrame:
        """Return the rows of one phase."""
        return self.frames[self.frames["phase"] == phase]

    def against(self, axis: str) -> StrainEvolution:
        """Return the same with another axis first, for figures against it.

        Raises
        ------
        InputError
            If the series has no such axis.
        """
        if axis not in self.axes:
            raise InputError(f"the series has no axis {axis!r}", argument="axis",
                             cure=nearest(axis, self.axes) if self.axes else "run it with --axis")  # fmt: skip
        return replace(self, axes=(axis, *(other for other in self.axes if other != axis)))


@single_threaded
def strain_evolution(
    subject: Subject,
    *,
    reference: ReferenceArgument = None,
    elastic: str | Path | Mapping[str, Stiffness] | None = None,
    single_phase: Mapping[str, SinglePhase] | None = None,
) -> StrainEvolution:
    """Return the strains of a series, of fits or of structures.

    Parameters
    ----------
    subject
        A series or its folder; the result of a fit or its folder; a structure as `fit` takes phases; or a list of fits
        and structures, of which each is a frame.
    reference
        The number of a frame, a fit, a structure, or {phase: (a, b, c, alpha, beta, gamma)}; by default the first frame
        that has measured a cell. A phase that is not there is held against its own first cell, its layers against those
        of the phase that gliding can have made it from.
    elastic
        Stiffness of the phases, or a TOML file with a table [PHASE] each; CONSTRUCTED values stand in for others.
    single_phase
        In-plane lattice parameter of phases when alone (angstrom, a value or a pair with its standard uncertainty), for
        how far they have been pulled together.

    Raises
    ------
    InputError
        If something given cannot be used.
    """
    seen = observed(subject)
    if len(seen.frames) == 1 and reference is None:
        raise InputError("one cell alone is not strained", argument="reference", cure="say against which cell")
    anchors = anchors_of(seen, reference)
    tensors = {name: phase_strain(phase, anchors[name]) for name, phase in seen.phases.items()}
    known = stiffnesses(seen.phases, tensors, elastic)
    return StrainEvolution(
        frames=_frames_table(seen, tensors),
        coherency=coherency_rows(seen, tensors, known, single_phase or {}),
        tensors=tensors,
        cells=seen.phases,
        axes=seen.axes,
        elastic=known,
        notices=tuple(_notices(seen, anchors, known)),
    )


def _frames_table(seen: Observed, tensors: Mapping[str, PhaseStrain]) -> pd.DataFrame:
    """Return one row a frame and phase, frames in order and phases as they are named."""
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    found = branches(seen.table)
    numbers = pd.array(cycles(seen.table, found), dtype="Int64")
    places = seen.table.assign(branch=found, cycle=numbers)
    parts = [pd.DataFrame(_columns(strain)).merge(places, on="frame", how="left") for strain in tensors.values()]
    table = pd.concat(parts, ignore_index=True)
    order = {name: k for k, name in enumerate(tensors)}
    rank = table["phase"].map(order)
    return table.iloc[np.lexsort((rank, table["frame"]))].reset_index(drop=True)


def _columns(strain: PhaseStrain) -> dict[str, Any]:
    """Return the columns of one phase, each number with its uncertainty behind it."""
    green = strain.green_lagrange
    components = {f"E_{name}": (green.rows[:, k], green.esds[:, k]) for k, name in enumerate(COMPONENTS)}
    numbers = {name: strain.numbers[name] for name in LENGTHS}
    numbers |= {"von_mises": (green.von_mises, green.von_mises_esds), **components}
    further = {name: strain.numbers[name] for name in FURTHER}
    return {
        "frame": strain.frames,
        "phase": strain.phase,
        "reference": strain.reference.partition("@")[2],
        **_with_esds(numbers),
        **_with_esds(further),
        "layer_reference": strain.layer_reference,
        "axes": strain.axes,
    }


def _with_esds(numbers: Mapping[str, Numbers]) -> dict[str, Any]:
    pairs = ((f"{name}{end}", column) for name, pair in numbers.items() for end, column in zip(ENDS, pair, strict=True))
    return {name: np.where(np.abs(column) < ROUNDING, 0.0, column) for name, column in pairs}


def _notices(seen: Observed, anchors: Mapping[str, Anchors], known: Mapping[str, Stiffness]) -> list[Notice]:
    said = {
        "common_slabs": _of_common_slabs(seen),
        "layers_of_parent": _of_parents(anchors),
        "constructed_stiffness": _of_stiffness(known),
    }
    return [Notice(code, message) for code, message in said.items() if message]


def _of_common_slabs(seen: Observed) -> str:
    names = ", ".join(name for name, phase in seen.phases.items() if _has_common_slabs(phase))
    said = "are shared by all frames: slab and gallery follow the distance of slabs (layerox series --own PHASE_O1_z)"
    return names and f"the atoms of {names} {said}"


def _of_parents(anchors: Mapping[str, Anchors]) -> str:
    kin = [f"{name} against {own.layers.label}" for name, own in anchors.items() if own.layers.source.name != name]
    return f"layers are held against those of the parent: {', '.join(kin)}" if kin else ""


def _of_stiffness(known: Mapping[str, Stiffness]) -> str:
    sources = sorted({tensor.source for tensor in known.values() if tensor.source.startswith("CONSTRUCTED")})
    return f"stiffness {'; '.join(sources)}" if len(known) > 1 and sources else ""


def _has_common_slabs(phase: PhaseCells) -> bool:
    share = phase.slab_share
    return len(share) > 1 and not math.isnan(share[0]) and float(np.ptp(share)) < 1e-9
