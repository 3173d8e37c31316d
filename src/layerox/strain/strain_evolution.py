"""Strains of all phases over a series, as tables and tensors, with the coherency strains of coexisting phases."""

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
from layerox.notices import Notice, RenamedNotices
from layerox.strain.coherency import SinglePhase, coherency_rows, stiffnesses
from layerox.strain.measured_cells import MeasuredPhases, PhaseCells, Subject, measured_phases
from layerox.strain.phase_strain import Numbers, PhaseStrain, phase_strain
from layerox.strain.reference_cells import PhaseReference, ReferenceArgument, references_of
from layerox.strain.tensor import COMPONENTS
from layerox.strain.transitions.axis_branches import branches, cycles

if TYPE_CHECKING:
    import pandas as pd

LENGTHS = ("e_a", "e_b", "e_c", "e_layer", "e_stack", "e_volume", "slab", "gallery")
FURTHER = ("volume", "layer_edge")
ENDS = ("", "_esd")
# Smaller strains are zero by symmetry, up to rounding.
ROUNDING = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class StrainEvolution(RenamedNotices):
    """The strains of a series.

    Attributes
    ----------
    frames
        One row a frame and phase: strain.csv as a DataFrame.
    coherency
        One row a frame and pair of coexisting phases with a common plane: coherency.csv as a DataFrame.
    tensors
        All tensors of each phase, by name.
    cells
        Refined cells of each phase, by name.
    axes
        Names of the axis columns.
    elastic
        Stiffness of the phases that have a common plane with others, by name.
    warnings
        Notices.
    """

    frames: pd.DataFrame
    coherency: pd.DataFrame
    tensors: Mapping[str, PhaseStrain]
    cells: Mapping[str, PhaseCells]
    axes: tuple[str, ...]
    elastic: Mapping[str, Stiffness]
    warnings: tuple[Notice, ...]

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
    with a refined cell. A phase that is absent there is compared with its own first cell, its layers with those of
    the phase from which gliding can make it.
    elastic
        Stiffness of the phases, or a TOML file with a table [PHASE] each; CONSTRUCTED values are used for others.
    single_phase
        In-plane lattice parameter of single phases (angstrom, a value or a pair with its standard uncertainty), for
    the reduction of the misfit (`pulled_together`).

    Returns
    -------
    StrainEvolution
        `frames` (dimensionless strains, a row a frame and phase, with `_esd` twins), `tensors` by phase, `coherency`.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import layerox as lx
    >>> strain = lx.strain(lx.open_series("out"))  # written by the example of `fit_series`
    >>> strain.of("P2")["e_a"].round(3).tolist()[::3]
    [0.0, -0.002, -0.004, -0.007]
    """
    measured = measured_phases(subject)
    if len(measured.frames) == 1 and reference is None:
        raise InputError("one cell alone is not strained", argument="reference", cure="give the cell to compare with")
    references = references_of(measured, reference)
    tensors = {name: phase_strain(phase, references[name]) for name, phase in measured.phases.items()}
    known = stiffnesses(measured.phases, tensors, elastic)
    return StrainEvolution(
        frames=_frames_table(measured, tensors),
        coherency=coherency_rows(measured, tensors, known, single_phase or {}),
        tensors=tensors,
        cells=measured.phases,
        axes=measured.axes,
        elastic=known,
        warnings=tuple(_notices(measured, references, known)),
    )


def _frames_table(measured: MeasuredPhases, tensors: Mapping[str, PhaseStrain]) -> pd.DataFrame:
    """Return one row per frame and phase, in the order of frames and then of phases."""
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    found = branches(measured.table)
    numbers = pd.array(cycles(measured.table, found), dtype="Int64")
    places = measured.table.assign(branch=found, cycle=numbers)
    parts = [pd.DataFrame(_columns(strain)).merge(places, on="frame", how="left") for strain in tensors.values()]
    table = pd.concat(parts, ignore_index=True)
    order = {name: k for k, name in enumerate(tensors)}
    rank = table["phase"].map(order)
    return table.iloc[np.lexsort((rank, table["frame"]))].reset_index(drop=True)


def _columns(strain: PhaseStrain) -> dict[str, Any]:
    """Return the columns of one phase, each number followed by its uncertainty."""
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


def _notices(
    measured: MeasuredPhases, references: Mapping[str, PhaseReference], known: Mapping[str, Stiffness]
) -> list[Notice]:
    messages = {
        "common_slabs": _of_common_slabs(measured),
        "layers_of_parent": _of_parents(references),
        "constructed_stiffness": _of_stiffness(known),
    }
    return [Notice(code, message) for code, message in messages.items() if message]


def _of_common_slabs(measured: MeasuredPhases) -> str:
    names = ", ".join(name for name, phase in measured.phases.items() if _has_common_slabs(phase))
    text = "are common to all frames: slab and gallery heights follow the slab repeat (layerox series --own PHASE_O1_z)"
    return names and f"the atoms of {names} {text}"


def _of_parents(references: Mapping[str, PhaseReference]) -> str:
    related = [
        f"{name} against {own.layers.label}" for name, own in references.items() if own.layers.source.name != name
    ]
    return f"layers are compared with those of the parent phase: {', '.join(related)}" if related else ""


def _of_stiffness(known: Mapping[str, Stiffness]) -> str:
    sources = sorted({tensor.source for tensor in known.values() if tensor.source.startswith("CONSTRUCTED")})
    return f"stiffness {'; '.join(sources)}" if len(known) > 1 and sources else ""


def _has_common_slabs(phase: PhaseCells) -> bool:
    share = phase.slab_share
    return len(share) > 1 and not math.isnan(share[0]) and float(np.ptp(share)) < 1e-9
