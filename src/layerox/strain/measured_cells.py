"""Cells of each phase in every frame, with full covariance, from a series, from fits or from structures.

A frame counts for a phase if the frame is accepted and refines the phase's cell; a cell carried over from another frame
is not a measurement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerox.analysis.phase_arguments import phase_from
from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.model import safe_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError
from layerox.results.result_folder import load
from layerox.series.frame_row import CORRELATION, SLAB_SHARE
from layerox.series.result import Series, open_series
from layerox.series.run_document import crystal_from_document
from layerox.symmetry import CELL_NAMES, metric_tensor, metrics_of_cells
from layerox.typing import FloatArray, IntArray
from layerox.validation.layer_mesh import Layering, layering_of

if TYPE_CHECKING:
    import pandas as pd


GOOD = ("accepted", "reseeded")
# Smallest possible volume of a cell, angstrom^3.
LEAST_VOLUME = 1.0
# A series, the result of a fit, the folder of either, or a phase in any form that `fit` accepts.
Subject = Any


@dataclass(frozen=True, kw_only=True, eq=False)
class PhaseCells:
    """The cells of one phase in the frames that refined them.

    Attributes
    ----------
    name
        Name as in the columns of tables.
    crystal
        Its structure, with the atoms common to all frames.
    frames
        Their numbers, ascending, shape (n,).
    cells
        a, b, c (angstrom), alpha, beta, gamma (degrees), shape (n, 6).
    covariance
        Of the cells, shape (n, 6, 6).
    weight
        Weight fraction, nan where it is unknown, shape (n,).
    slab_share, slab_share_esd
        Thickness of a slab over the slab repeat, nan without layers; esd 0 where it is not refined, shape (n,).
    """

    name: str
    crystal: Crystal
    frames: IntArray
    cells: FloatArray
    covariance: FloatArray
    weight: FloatArray
    slab_share: FloatArray
    slab_share_esd: FloatArray

    @property
    def layering(self) -> Layering | None:
        """Its layers in a setting common to all stackings; None without layers."""
        return layering_of(self.crystal)

    @property
    def volumes(self) -> FloatArray:
        """Volumes of the cells, angstrom^3, shape (n,)."""
        return np.array([math.sqrt(float(np.linalg.det(metric_tensor(cell)))) for cell in self.cells.tolist()])

    def at(self, frame: int) -> int | None:
        """Return the row of a frame; None if the frame did not refine the phase's cell."""
        found = np.flatnonzero(self.frames == frame)
        return int(found[0]) if len(found) else None


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredPhases:
    """The cells of all phases, and the axes of the frames.

    Attributes
    ----------
    phases
        By name; phases without a refined cell are left out.
    table
        One row per frame, with its number and each axis; all frames, rejected ones too.
    axes
        Names of the axis columns.
    """

    phases: Mapping[str, PhaseCells]
    table: pd.DataFrame
    axes: tuple[str, ...] = field(default=())

    @property
    def frames(self) -> list[int]:
        """Numbers of all frames."""
        return [int(frame) for frame in self.table["frame"]]


def measured_phases(subject: Subject) -> MeasuredPhases:
    """Return the cells of a series, a fit, a structure, or a list of fits and structures.

    Raises
    ------
    InputError
        If it is none of these, or has no refined cell.
    """
    given = open_subject(subject)
    if isinstance(given, Series):
        return _of_series(given)
    return of_snapshots([open_subject(one) for one in given] if isinstance(given, list) else [given])


def open_subject(subject: Subject) -> Subject:
    """Return the series or fit of a path, or the phase of any other argument of `fit`; a list is unchanged."""
    if isinstance(subject, Series | Refinement | Phase | list):
        return subject
    if isinstance(subject, str | Path):
        path = Path(subject)
        if (path / "result.json").exists() or path.suffix == ".json":
            return load(path)
        if path.is_dir():
            return open_series(path)
    return phase_from(subject)


# --- of a series ---------------------------------------------------------------------------------------------------


def _of_series(series: Series) -> MeasuredPhases:
    structures = series.run.get("structures")
    if structures is None:
        raise InputError("is of a version that stored no structures", place=series.path, cure="run it again")
    documents = {safe_name(name): document for name, document in structures.items()}
    found = {name: _phase_of_series(series, name, documents[name]) for name in series.phases}
    table = series.frames[["frame", *series.axes]]
    return MeasuredPhases(phases={n: p for n, p in found.items() if len(p.frames)}, table=table, axes=series.axes)


def _phase_of_series(series: Series, name: str, document: Mapping[str, Any]) -> PhaseCells:
    crystal = crystal_from_document(name, document)
    table = series.frames.loc[series.frames["verdict"].isin(GOOD)]
    free = [CELL_NAMES[k] for k in crystal.symmetry.cell_rule.free]
    esds = np.column_stack([_column(table, name, f"{own}_esd") for own in free])
    measured = (esds > 0).any(axis=1)
    table, esds = table.loc[measured], np.nan_to_num(esds[measured])
    values = np.column_stack([_column(table, name, own) for own in free])
    correlations = np.broadcast_to(np.eye(len(free)), (len(table), len(free), len(free))).copy()
    for i, one in enumerate(free):
        for j, other in enumerate(free[:i]):
            pair = np.nan_to_num(_column(table, name, f"{CORRELATION}_{other}_{one}"))
            correlations[:, i, j] = correlations[:, j, i] = pair
    spread = _spread(crystal)
    share, share_esd = (_column(table, name, f"{SLAB_SHARE}{end}") for end in ("", "_esd"))
    if (share_esd > 0).any():
        # Each frame refines its own atoms; a frame that did not has no measured slab thickness.
        share = np.where(share_esd > 0, share, math.nan)
    frames, cells = table["frame"].to_numpy(np.int64), values @ spread.T + _fixed(crystal)
    _demand_possible(name, frames, cells, series.path)
    return PhaseCells(
        name=name,
        crystal=crystal,
        frames=frames,
        cells=cells,
        covariance=spread @ (correlations * esds[:, :, None] * esds[:, None, :]) @ spread.T,
        weight=_column(table, name, "weight_fraction"),
        slab_share=share,
        slab_share_esd=np.nan_to_num(share_esd),
    )


def _demand_possible(name: str, frames: IntArray, cells: FloatArray, place: Path | None) -> None:
    """Reject a table with an incomplete cell, or with angles that enclose no volume."""
    impossible = np.flatnonzero(~(np.linalg.det(metrics_of_cells(np.nan_to_num(cells))) > LEAST_VOLUME**2))
    if len(impossible):
        problem = f"is damaged: {name} has no possible cell in frame {frames[impossible[0]]}"
        raise InputError(problem, place=place, cure="copy the folder again, or run layerox series anew")


def _column(table: pd.DataFrame, name: str, quantity: str) -> FloatArray:
    """Return a column of a phase; nan if the table has none."""
    title = f"{name}.{quantity}"
    return np.asarray(table[title], dtype=np.float64) if title in table else np.full(len(table), math.nan)


def _spread(crystal: Crystal) -> FloatArray:
    """Return the derivatives of the six cell parameters with respect to the free ones, shape (6, free)."""
    rule = crystal.symmetry.cell_rule
    matrix = np.zeros((6, len(rule.free)))
    for column, k in enumerate(rule.free):
        matrix[k, column] = 1.0
        for follower, leader in rule.follows.items():
            matrix[follower, column] += leader == k
    return matrix


def _fixed(crystal: Crystal) -> FloatArray:
    """Return the angles that symmetry fixes, 0 elsewhere, shape (6,)."""
    values = np.zeros(6)
    for k, angle in crystal.symmetry.cell_rule.fixed.items():
        values[k] = angle
    return values


# --- of fits and structures ----------------------------------------------------------------------------------------


def of_snapshots(given: Sequence[Subject]) -> MeasuredPhases:
    """Return the cells of fits and structures, each one a frame; structures have no uncertainties.

    Raises
    ------
    InputError
        If one is neither.
    """
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    rows: dict[str, list[tuple[int, PhaseCells]]] = {}
    for frame, one in enumerate(given):
        for phase in _phases_of(one):
            rows.setdefault(phase.name, []).append((frame, phase))
    if not rows:
        raise InputError("no phase has a cell", cure="give fits that support a phase")
    return MeasuredPhases(
        phases={name: _joined(parts) for name, parts in rows.items()},
        table=pd.DataFrame({"frame": np.arange(len(given))}),
    )


def _phases_of(one: Subject) -> list[PhaseCells]:
    if isinstance(one, Refinement):
        return [_of_fit(one, phase) for phase in one.phases if phase.is_supported]
    if isinstance(one, Phase):
        return [_single(one.name, one.crystal, np.zeros((6, 6)), weight=math.nan, share_esd=0.0)]
    raise InputError(
        f"a {type(one).__name__} cannot be used in a list of fits", cure="give fits and structures, or one series"
    )


def _of_fit(fit: Refinement, phase: RefinedPhase) -> PhaseCells:
    crystal = phase.crystal
    names = [CELL_NAMES[k] for k in crystal.symmetry.cell_rule.free]
    # A length given by an expression is not a variable: its own uncertainty is used, without correlations.
    matrix = np.diag([phase.cell[name].esd ** 2 for name in names])
    places = {name: k for k, name in enumerate(fit.free_names)}
    known = [k for k, name in enumerate(names) if safe_name(f"{phase.name}_{name}") in places]
    rows = [places[safe_name(f"{phase.name}_{names[k]}")] for k in known]
    matrix[np.ix_(known, known)] = fit.covariance[np.ix_(rows, rows)]
    spread = _spread(crystal)
    layering = layering_of(crystal)
    variance = 0.0
    if layering is not None:
        esds = np.array([[site.x.esd, site.y.esd, site.z.esd] for site in phase.sites])
        variance = float(((layering.slopes * esds) ** 2).sum())
    covariance, weight = spread @ matrix @ spread.T, float(phase.weight_fraction)
    return _single(phase.name, crystal, covariance, weight=weight, share_esd=math.sqrt(variance))


def _single(name: str, crystal: Crystal, covariance: FloatArray, *, weight: float, share_esd: float) -> PhaseCells:
    layering = layering_of(crystal)
    return PhaseCells(
        name=safe_name(name),
        crystal=crystal,
        frames=np.zeros(1, dtype=np.int64),
        cells=np.array([crystal.cell]),
        covariance=covariance[None],
        weight=np.array([weight]),
        slab_share=np.array([math.nan if layering is None else layering.slab_share]),
        slab_share_esd=np.array([share_esd]),
    )


def _joined(parts: Sequence[tuple[int, PhaseCells]]) -> PhaseCells:
    """Return one phase over all fits that contain it."""
    phases = [phase for _, phase in parts]
    return PhaseCells(
        name=phases[0].name,
        crystal=phases[0].crystal,
        frames=np.array([frame for frame, _ in parts], dtype=np.int64),
        cells=np.concatenate([phase.cells for phase in phases]),
        covariance=np.concatenate([phase.covariance for phase in phases]),
        weight=np.concatenate([phase.weight for phase in phases]),
        slab_share=np.concatenate([phase.slab_share for phase in phases]),
        slab_share_esd=np.concatenate([phase.slab_share_esd for phase in phases]),
    )
