"""Joint refinement: the public function `fit_jointly`, for several patterns of one specimen with one set of structures.

The refinement itself is `diffraction.joint_fit`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from layerox.analysis.beam_setup import Beam, pattern_from
from layerox.analysis.fit import check_phases
from layerox.analysis.phase_arguments import PhaseArgument, phases_from
from layerox.computing.threads import single_threaded
from layerox.diffraction.automatic_strategy import fit_automatically
from layerox.diffraction.build_result import build_result
from layerox.diffraction.joint_alike import refine_distinguished
from layerox.diffraction.model import safe_name
from layerox.diffraction.refined_quantities import AlikeGroup
from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError, nearest
from layerox.instrument import Geometry, Instrument
from layerox.pattern import Pattern
from layerox.public import public
from layerox.radiation import Radiation
from layerox.refined import Refined


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One pattern of a joint refinement and its beam; the fields are the arguments of `fit`.

    `label` is the prefix of the parameters that belong to this pattern alone ("neutron_background_0").
    """

    pattern: Pattern | str | Path
    label: str
    radiation: Radiation | str | float | None = None
    neutron: bool = False
    monochromator: float | None = None
    geometry: Geometry | None = None
    polarization: float | None = None
    instrument: Instrument | str | Path | None = None
    range: tuple[float, float] | None = None
    exclude: Sequence[tuple[float, float]] = ()

    @property
    def beam(self) -> Beam:
        """How the pattern was measured."""
        return Beam(**{field.name: getattr(self, field.name) for field in fields(Beam)})


@dataclass(frozen=True, kw_only=True, eq=False)
class JointRefinement:
    """The result of a joint refinement.

    Attributes
    ----------
    refinements
        By label, one result for each pattern. Common parameters have the same value in all of them, and the standard
        uncertainty of the joint fit.
    r_wp
        Over all points of all patterns.
    """

    refinements: Mapping[str, Refinement]
    r_wp: float

    @property
    def weight_fractions(self) -> dict[str, Refined]:
        """Weight fraction of each phase, by name."""
        return next(iter(self.refinements.values())).weight_fractions

    @property
    def groups(self) -> tuple[AlikeGroup, ...]:
        """Phases that all patterns together do not distinguish."""
        return next(iter(self.refinements.values())).groups

    @property
    def status(self) -> str:
        """The worst status of the single results."""
        order = ("converged", "not_converged", "failed")
        return max((refinement.status for refinement in self.refinements.values()), key=order.index)


@public
@single_threaded
def fit_jointly(
    measurements: Sequence[Measurement | Mapping[str, object]],
    phases: Sequence[PhaseArgument],
    *,
    progress: Callable[[str], None] | None = None,
) -> JointRefinement:
    """Refine the phases of one specimen against several patterns at once.

    Each pattern is fitted alone first; then cells, atoms and the proportions of the phases become common parameters.
    The cells of each later pattern may have one common scale factor if the fit improves: neutron wavelengths are
    usually less accurate than those of X-ray lines, so give the most accurate wavelength first.

    Parameters
    ----------
    measurements
        `Measurement` objects or tables of their fields, the most accurate wavelength first.
    phases
        As for `fit`.
    progress
        Called with the name of each step.

    Returns
    -------
    JointRefinement
        `refinements` by label, one `Refinement` for each pattern with the common cells and atoms; `r_wp` of all points.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import layerox as lx
    >>> xray = lx.simulate(["P2"], radiation="CuKa", counts=10_000, seed=1)
    >>> neutron = lx.simulate(["P2"], radiation=1.622, neutron=True, geometry="debye-scherrer", counts=5_000, seed=2)
    >>> rows = [{"label": "xray", "pattern": xray.pattern}, {"label": "neutron", "pattern": neutron.pattern,
    ...          "geometry": "debye-scherrer"}]
    >>> joint = lx.fit_jointly(rows, ["P2"])
    >>> list(joint.refinements), joint.refinements["xray"].status
    (['xray', 'neutron'], 'converged')
    """
    began = time.process_time()
    rows = [_measurement(row) for row in measurements]
    if len(rows) < 2:
        raise InputError(f"{len(rows)} patterns", place="joint refinement", cure="give two or more")
    chosen = phases_from(phases)
    patterns, instruments, outcomes = [], [], []
    for row in rows:
        data = pattern_from(row.pattern, row.range).with_expected_sigma().exclude(row.exclude)
        known, beam = row.beam.resolve(data)
        outcomes.append(fit_automatically(data, check_phases(chosen, data, beam), known, beam, progress=progress))
        patterns.append(data)
        instruments.append(known)
    if progress is not None:
        progress("all patterns together")
    labels = [safe_name(row.label) for row in rows]
    joint = refine_distinguished(labels, outcomes, patterns)
    used = time.process_time() - began
    refinements = {
        label: build_result(view, data, known, used)
        for label, view, data, known in zip(labels, joint.views, patterns, instruments, strict=True)
    }
    norm = sum(float(((data.intensity / data.sigma) ** 2).sum()) for data in patterns)
    return JointRefinement(refinements=refinements, r_wp=float(np.sqrt(joint.minimum.chi_squared / norm)))


def _measurement(row: Measurement | Mapping[str, object]) -> Measurement:
    if isinstance(row, Measurement):
        return row
    known = [field.name for field in fields(Measurement)]
    for name in row:
        if name not in known:
            raise InputError(f"unknown key {name!r}", place="joint refinement", cure=nearest(name, known))
    return Measurement(**row)  # type: ignore[arg-type]
