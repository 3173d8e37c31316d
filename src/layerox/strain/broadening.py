"""Broadening: what the specimen does to the widths of peaks: size, microstrain, and disorder of the stacking.

Williamson and Hall's straight line, beta cos(theta) / lambda = 1 / L_V + 2 e / d, is drawn through integral breadths beta
that are measured one by one with the diffractometer's share taken off (Williamson & Hall, Acta Metall. 1 (1953) 22,
doi:10.1016/0001-6160(53)90006-6). For Lorentzian peaks beta is pi / 2 times the full width, L_V = 2 L / pi and
e = pi S / 8 (Stokes & Wilson) for the size L and the microstrain S of a fit. Slabs that have glided by a third of the mesh
broaden reflections with h - k other than 3 n and leave 00l and 11l sharp; so a line for each kind, with one slope, tells
disorder of the stacking from small crystallites.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.breadths import Breadths, GroupBreadth, breadths
from layerox.diffraction.refinement import RefinedPhase, Refinement
from layerox.errors import UnknownName, nearest
from layerox.layering import layering_of
from layerox.notice import Notice
from layerox.refined import Refined

if TYPE_CHECKING:
    import pandas as pd

    from layerox.series.result import Series

FloatArray = NDArray[np.float64]
Kind = Literal["00l", "11l", "10l", "mixed", "all"]
Verdict = Literal["10l broader", "00l broader", "alike", "not told"]

# Lorentzian: integral breadth over full width, volume-weighted length over size, Stokes-Wilson strain over microstrain.
BREADTH, LENGTH, STRAIN = math.pi / 2, 2 / math.pi, math.pi / 8
# Difference of two kinds in standard uncertainties from which on one is broader.
CLEAR = 3.0
WHOLE = 1e-6
READING: dict[Verdict, str] = {
    "10l broader": "10l broader than 00l: disorder of the stacking",
    "00l broader": "00l broader than 10l: thin platelets, or layers of unequal repeats",
    "alike": "00l and 10l are alike",
    "not told": "",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Reflection:
    """One group of unresolved reflections in a Williamson-Hall plot.

    Attributes
    ----------
    hkl
        Those that matter, the strongest first.
    kind
        "00l", "11l" (h - k = 3 n in the mesh of the layers, blind to glides) or "10l" (not blind); "mixed" where they
        are not resolved, "all" in a phase without layers.
    two_theta, spacing
        Degrees and angstrom.
    breadth
        Integral breadth that the specimen adds, degrees.
    observed_breadth, instrument_breadth
        Of the whole peak and of the diffractometer alone, degrees.
    reciprocal_breadth
        beta cos(theta) / lambda, 1/nm.
    """

    hkl: tuple[tuple[int, int, int], ...]
    kind: Kind
    two_theta: float
    spacing: float
    breadth: Refined
    observed_breadth: float
    instrument_breadth: float
    reciprocal_breadth: Refined

    @property
    def label(self) -> str:
        """Indices of the strongest, "104" or "1 0 11", and "..." if there are others."""
        indices = self.hkl[0]
        text = ("" if all(0 <= i < 10 for i in indices) else " ").join(map(str, indices))
        return f"{text} ..." if len(self.hkl) > 1 else text


@dataclass(frozen=True, kw_only=True, eq=False)
class HallLine:
    """A straight line of Williamson and Hall.

    Attributes
    ----------
    kind
        Of the reflections that it goes through.
    count
        How many groups.
    intercept, slope
        1/nm, and per unit of 1/d: dimensionless.
    """

    kind: Kind
    count: int
    intercept: Refined
    slope: Refined

    @property
    def size_nm(self) -> Refined:
        """Volume-weighted length L_V, nm; infinite where nothing is left at the origin."""
        if not self.intercept > 0:
            return Refined(math.inf, math.nan, self.intercept.status)
        return Refined(1.0 / self.intercept, self.intercept.esd / self.intercept**2, self.intercept.status)

    @property
    def strain(self) -> Refined:
        """Stokes-Wilson strain e."""
        return Refined(0.5 * self.slope, 0.5 * self.slope.esd, self.slope.status)


@dataclass(frozen=True, kw_only=True, eq=False)
class PhaseBroadening:
    """What broadens the peaks of one phase.

    Attributes
    ----------
    phase
        Its name.
    model
        The line of the refined size and microstrain.
    line
        The line through all reflections.
    kinds
        Lines through those of one kind, with one slope; empty without layers.
    excess
        Intercept of 10l less that of 00l, 1/nm; None where either is missing.
    verdict
        Which of the two is broader.
    reflections
        By angle.
    """

    phase: str
    model: HallLine
    line: HallLine
    kinds: tuple[HallLine, ...]
    excess: Refined | None
    verdict: Verdict
    reflections: tuple[Reflection, ...]

    @property
    def reading(self) -> str:
        """The verdict in words, "" where there is none."""
        return READING[self.verdict]


@dataclass(frozen=True, kw_only=True, eq=False)
class Broadening:
    """What broadens the peaks of a specimen.

    Attributes
    ----------
    phases
        Those with reflections that can be told apart.
    notices
        What a user should know.
    """

    phases: tuple[PhaseBroadening, ...]
    notices: tuple[Notice, ...]

    def phase(self, name: str) -> PhaseBroadening:
        """Return the phase of that name.

        Raises
        ------
        UnknownName
            If there is none.
        """
        for phase in self.phases:
            if phase.phase == name:
                return phase
        raise UnknownName(f"no breadths of {name!r}", cure=nearest(name, [phase.phase for phase in self.phases]))


def broadening(result: Refinement) -> Broadening:
    """Return what broadens the peaks of each phase of a fit, from breadths that are refined group by group.

    Parameters
    ----------
    result
        Of `fit`, best with a calibrated instrument: without one the profile that the same pattern gave stands for it.

    Raises
    ------
    InputError
        If the fit has failed, or no reflection is strong enough.
    """
    found = breadths(result)
    names = dict.fromkeys(group.phase for group in found.groups)
    phases = tuple(_of_phase(result.phase(name), result, found) for name in names)
    message = (
        "no calibrated profile was given: breadths hold what its refinement has left of the diffractometer's share"
    )
    uncalibrated = any(notice.code == "instrument_uncalibrated" for notice in result.warnings)
    return Broadening(phases=phases, notices=(Notice("instrument_uncalibrated", message),) if uncalibrated else ())


def _of_phase(phase: RefinedPhase, result: Refinement, found: Breadths) -> PhaseBroadening:
    rows = [k for k, group in enumerate(found.groups) if group.phase == phase.name]
    groups = [found.groups[k] for k in rows]
    kinds = _kinds(phase, groups)
    value = BREADTH * np.array([group.inverse_size for group in groups])
    covariance = BREADTH**2 * found.covariance[np.ix_(rows, rows)]
    place = np.array([10.0 / group.spacing for group in groups])
    told: list[Kind] = [kind for kind in ("00l", "11l", "10l") if kind in kinds]
    chosen = [k for k, kind in enumerate(kinds) if kind in told]
    model = _model_line(phase, result)
    lines, excess = _lines(
        [kinds[k] for k in chosen], place[chosen], value[chosen], covariance[np.ix_(chosen, chosen)], told, model
    )
    (line,), _ = _lines(["all"] * len(groups), place, value, covariance, ["all"], model)
    return PhaseBroadening(
        phase=phase.name,
        model=model,
        line=line,
        kinds=lines,
        excess=excess,
        verdict=_verdict(excess),
        reflections=tuple(map(_reflection, groups, kinds, value, np.sqrt(np.diag(covariance)))),
    )


def _reflection(group: GroupBreadth, kind: Kind, value: float, esd: float) -> Reflection:
    return Reflection(
        hkl=tuple((int(h), int(k), int(l)) for h, k, l in group.hkl),
        kind=kind,
        two_theta=group.two_theta,
        spacing=group.spacing,
        breadth=Refined(BREADTH * group.lorentz, BREADTH * group.lorentz_esd, "free"),
        observed_breadth=group.observed_breadth,
        instrument_breadth=group.instrument_breadth,
        reciprocal_breadth=Refined(float(value), float(esd), "free"),
    )


def _kinds(phase: RefinedPhase, groups: Sequence[GroupBreadth]) -> list[Kind]:
    """Return of which kind each group is, by its indices in the mesh of the layers."""
    layering = layering_of(phase.crystal)
    if layering is None:
        return ["all"] * len(groups)
    kinds: list[Kind] = []
    for group in groups:
        first, second = (group.hkl @ layering.basis[:, :2]).T
        flat = np.abs(first) + np.abs(second) < WHOLE
        third = (first - second) / 3.0
        blind = np.abs(third - np.rint(third)) < WHOLE
        own: set[Kind] = {"00l" if f else "11l" if b else "10l" for f, b in zip(flat, blind, strict=True)}
        kinds.append(own.pop() if len(own) == 1 else "mixed")
    return kinds


def _model_line(phase: RefinedPhase, result: Refinement) -> HallLine:
    """Return the line of the refined size and microstrain."""
    size, strain = phase.size_nm, phase.microstrain
    intercept, esd = (1.0 / size, size.esd / size**2) if math.isfinite(size) else (0.0, 0.0)
    return HallLine(
        kind="all",
        count=0,
        intercept=Refined(BREADTH * intercept, BREADTH * esd, size.status),
        slope=Refined(2.0 * STRAIN * strain, 2.0 * STRAIN * strain.esd, strain.status),
    )


def _lines(
    kinds: Sequence[Kind],
    place: FloatArray,
    value: FloatArray,
    covariance: FloatArray,
    told: Sequence[Kind],
    model: HallLine,
) -> tuple[tuple[HallLine, ...], Refined | None]:
    """Return a line for each kind, all of one slope, by generalised least squares; and 10l less 00l at the origin.

    A slope below zero means nothing: it is held at zero. One that the reflections do not determine is the model's.
    """
    if not told:
        return (), None
    columns = [np.array([kind == own for kind in kinds], dtype=np.float64) for own in told]
    rows = np.column_stack([*columns, place])
    offset, slope = np.zeros_like(value), None
    if np.linalg.matrix_rank(rows) < rows.shape[1]:
        offset, slope = model.slope * place, model.slope
    solution, matrix = _least_squares(rows if slope is None else rows[:, :-1], value - offset, covariance)
    if slope is None and solution[-1] < 0:
        solution, matrix = _least_squares(rows[:, :-1], value, covariance)
        slope = Refined(0.0, 0.0, "at_bound")
    found = slope or Refined(float(solution[-1]), float(matrix[-1, -1]) ** 0.5, "free")
    lines = tuple(
        HallLine(
            kind=own,
            count=int(columns[k].sum()),
            intercept=Refined(float(solution[k]), float(matrix[k, k]) ** 0.5, "free"),
            slope=found,
        )
        for k, own in enumerate(told)
    )
    return lines, _excess(told, solution, matrix)


def _least_squares(rows: FloatArray, value: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return solution and covariance, widened where the values scatter more than they should."""
    inverse = np.linalg.pinv(covariance, hermitian=True)
    matrix = np.linalg.pinv(rows.T @ inverse @ rows, hermitian=True)
    solution = matrix @ rows.T @ inverse @ value
    left = value - rows @ solution
    reduced = float(left @ inverse @ left) / max(len(value) - rows.shape[1], 1)
    return solution, matrix * max(reduced, 1.0)


def _excess(told: Sequence[Kind], solution: FloatArray, matrix: FloatArray) -> Refined | None:
    if not {"00l", "10l"} <= set(told):
        return None
    i, j = told.index("10l"), told.index("00l")
    variance = matrix[i, i] + matrix[j, j] - 2.0 * matrix[i, j]
    return Refined(float(solution[i] - solution[j]), float(max(variance, 0.0)) ** 0.5, "free")


def _verdict(excess: Refined | None) -> Verdict:
    if excess is None:
        return "not told"
    if abs(excess) <= CLEAR * excess.esd:
        return "alike"
    return "10l broader" if excess > 0 else "00l broader"


def broadening_table(series: Series) -> pd.DataFrame:
    """Return volume-weighted lengths and Stokes-Wilson strains of a series, one row a frame and phase.

    Columns: frame, phase, size_nm (L_V), strain (e), each with esd; what was held has no esd. They are the specimen's
    as far as the series knew the diffractometer's profile.
    """
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    parts = []
    for name in series.phases:
        shown = series.frames[series.frames[f"{name}.volume"].notna()]
        own = {"frame": shown["frame"], "phase": name}
        for title, column, factor in (("size_nm", "size", LENGTH), ("strain", "microstrain", STRAIN)):
            own |= {f"{title}{end}": factor * shown[f"{name}.{column}{end}"] for end in ("", "_esd")}
        parts.append(pd.DataFrame(own))
    return pd.concat(parts).sort_values("frame", kind="stable").reset_index(drop=True)


def broadening_text(found: Broadening) -> str:
    """Return for each phase its size and strain, from the fit and from single reflections, and what the kinds say."""
    lines = []
    for phase in found.phases:
        model, line = phase.model, phase.line
        text = f"{phase.phase}: L_V {model.size_nm} nm, strain {model.strain} (fit); {line.size_nm} nm, {line.strain} "
        lines.append(text + f"({line.count} groups of reflections by themselves)")
        own = ", ".join(f"{kind.kind} {kind.size_nm} nm ({kind.count})" for kind in phase.kinds)
        lines += [f"  {own}; {phase.reading}"] if phase.reading else []
    return "\n".join([*lines, *(f"notice: {notice.message}" for notice in found.notices)])
