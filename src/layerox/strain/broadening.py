"""Broadening: what the specimen does to the widths of peaks: size, microstrain, thin platelets, disordered stacking.

Williamson and Hall's straight line, beta cos(theta) / lambda = 1 / L_V + 2 e / d, is drawn through integral breadths
beta that are measured one by one with the diffractometer's share taken off (Acta Metall. 1 (1953) 22,
doi:10.1016/0001-6160(53)90006-6). For Lorentzian peaks beta is pi / 2 times the full width, L_V = 2 L / pi and
e = pi S / 8 (Stokes & Wilson) for the size L and the microstrain S of a fit.

In layers two more things broaden, both along the normal only and so in proportion to the cosine of a reflection's
angle to it: a small thickness broadens all, glides of slabs by a third of the mesh only those with h - k other than 3 n
(10l), while 00l and 11l are blind to them (Warren, X-Ray Diffraction, 1969, chapter 13, for close packing). Random
glides with probability alpha at each slab leave a correlation J = 1 - 3 alpha / 2 from slab to slab, and a full width
of (1 - J) / (pi sqrt(J)) over the slab repeat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from layerox.computing.threads import single_threaded
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.single_peak_widths import Breadths, GroupBreadth, breadths
from layerox.errors import UnknownName, nearest
from layerox.notices import Notice
from layerox.public import public
from layerox.refined import Refined
from layerox.symmetry import metric_tensor
from layerox.typing import FloatArray
from layerox.validation.layer_mesh import Layering, layering_of

if TYPE_CHECKING:
    import pandas as pd

    from layerox.series.result import Series

Kind = Literal["00l", "11l", "10l", "mixed", "all"]
Verdict = Literal["10l broader", "00l broader", "alike", "not told"]

# Lorentzian: integral breadth over full width, volume-weighted length over size, Stokes-Wilson strain over microstrain.
BREADTH, LENGTH, STRAIN = math.pi / 2, 2 / math.pi, math.pi / 8
# Difference of two kinds in standard uncertainties from which on one is broader.
CLEAR = 3.0
# Reflections that there must be beyond the number of contributions, and the smallest singular value of those.
SPARE, VAGUE = 1, 0.03
WHOLE = 1e-6
READING: dict[Verdict, str] = {
    "10l broader": "10l are broader than 00l and 11l: disorder of the stacking",
    "00l broader": "00l are broadest: thin platelets, or layers of unequal repeats",
    "alike": "no direction and no kind of reflection is broader",
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
    cosine
        Of the angle to the normal of the layers; nan without layers.
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
    cosine: float
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
    intercept, slope
        1/nm, and per unit of 1/d: dimensionless.
    """

    intercept: Refined
    slope: Refined

    @property
    def size_nm(self) -> Refined:
        """Volume-weighted length L_V, nm; infinite where nothing is left at the origin."""
        return _inverse(self.intercept)

    @property
    def strain(self) -> Refined:
        """Stokes-Wilson strain e."""
        return Refined(0.5 * self.slope, 0.5 * self.slope.esd, self.slope.status)


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerBroadening:
    """What broadens the peaks of layers: the same for all reflections, along the normal, and by glides.

    Attributes
    ----------
    line
        What is the same in all directions: size and strain.
    across, disorder
        Integral breadths along the normal, 1/nm: of all reflections, and of those alone that see glides.
    slab_repeat
        nm.
    verdict
        What is broader.
    """

    line: HallLine
    across: Refined
    disorder: Refined
    slab_repeat: float
    verdict: Verdict

    @property
    def thickness_nm(self) -> Refined:
        """Volume-weighted length along the normal, beside that of all directions, nm; infinite where there is none."""
        return _inverse(self.across)

    @property
    def glide_probability(self) -> Refined:
        """Share of the slabs at which the stacking has glided at random, if that is what disorders it."""
        x = math.pi * self.slab_repeat / BREADTH
        root = 0.5 * (math.hypot(x * self.disorder, 2.0) - x * self.disorder)
        # J = root^2; d root / d(x disorder) = -root / hypot.
        slope = (4.0 / 3.0) * root**2 * x / math.hypot(x * self.disorder, 2.0)
        return Refined((1.0 - root**2) / 1.5, slope * self.disorder.esd, self.disorder.status)

    def expected(self, reflection: Reflection) -> float:
        """Return the reciprocal breadth of a reflection, 1/nm; of an unresolved one without what glides do."""
        along = self.across + (self.disorder if reflection.kind == "10l" else 0.0)
        return float(self.line.intercept + self.line.slope * 10.0 / reflection.spacing + along * reflection.cosine)

    @property
    def reading(self) -> str:
        """The verdict in words, "" where there is none."""
        return READING[self.verdict]


def _inverse(number: Refined) -> Refined:
    if not number > 0:
        return Refined(math.inf, math.nan, number.status)
    return Refined(1.0 / number, number.esd / number**2, number.status)


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
        The line through all reflections by themselves.
    layers
        Size, thickness and disorder apart; None without layers, or where too few reflections tell.
    reflections
        By angle.
    """

    phase: str
    model: HallLine
    line: HallLine
    layers: LayerBroadening | None
    reflections: tuple[Reflection, ...]


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


@public
@single_threaded
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
    phases = tuple(_of_phase(result.phase(name), found) for name in names)
    message = (
        "no calibrated profile was given: breadths hold what its refinement has left of the diffractometer's share"
    )
    uncalibrated = any(notice.code == "instrument_uncalibrated" for notice in result.warnings)
    return Broadening(phases=phases, notices=(Notice("instrument_uncalibrated", message),) if uncalibrated else ())


def _of_phase(phase: RefinedPhase, found: Breadths) -> PhaseBroadening:
    rows = [k for k, group in enumerate(found.groups) if group.phase == phase.name]
    groups = [found.groups[k] for k in rows]
    layering = layering_of(phase.crystal)
    kinds: list[Kind] = ["all"] * len(groups) if layering is None else [_kind(group, layering) for group in groups]
    value = BREADTH * np.array([group.inverse_size for group in groups])
    covariance = BREADTH**2 * found.covariance[np.ix_(rows, rows)]
    place = np.array([10.0 / group.spacing for group in groups])
    model = _model_line(phase)
    line = _non_negative(np.column_stack([np.ones_like(place), place]), value, covariance)
    layers, cosines = None, np.full(len(groups), np.nan)
    if layering is not None:
        told = [k for k, kind in enumerate(kinds) if kind != "mixed"]
        cosines = np.array([_cosine(group, layering, phase) for group in groups])
        glides = np.array([kinds[k] == "10l" for k in told])
        repeat = 0.1 * _slab_repeat(layering, phase)
        layers = _layers(place[told], cosines[told], glides, value[told], covariance[np.ix_(told, told)], model, repeat)
    return PhaseBroadening(
        phase=phase.name,
        model=model,
        line=HallLine(intercept=line[0], slope=line[1]),
        layers=layers,
        reflections=tuple(map(_reflection, groups, kinds, cosines, value, np.sqrt(np.diag(covariance)))),
    )


def _reflection(group: GroupBreadth, kind: Kind, cosine: float, value: float, esd: float) -> Reflection:
    return Reflection(
        hkl=tuple((h, k, l) for h, k, l in group.hkl.tolist()),  # noqa: E741  (Miller's letter)
        kind=kind,
        two_theta=group.two_theta,
        spacing=group.spacing,
        cosine=float(cosine),
        breadth=Refined(BREADTH * group.lorentz, BREADTH * group.lorentz_esd, "free"),
        observed_breadth=group.observed_breadth,
        instrument_breadth=group.instrument_breadth,
        reciprocal_breadth=Refined(float(value), float(esd), "free"),
    )


def _kind(group: GroupBreadth, layering: Layering) -> Kind:
    """Return of which kind a group of reflections is, by its indices in the mesh of the layers."""
    first, second = (group.hkl @ layering.basis[:, :2]).T
    flat = np.abs(first) + np.abs(second) < WHOLE
    third = (first - second) / 3.0
    blind = np.abs(third - np.rint(third)) < WHOLE
    own: set[Kind] = {"00l" if f else "11l" if b else "10l" for f, b in zip(flat, blind, strict=True)}
    return own.pop() if len(own) == 1 else "mixed"


def _cosine(group: GroupBreadth, layering: Layering, phase: RefinedPhase) -> float:
    """Return the cosine of the angle between the strongest reflection of a group and the normal of the layers."""
    inverse = np.linalg.inv(layering.basis.T @ metric_tensor(phase.crystal.cell) @ layering.basis)
    indices = group.hkl[0] @ layering.basis
    return abs(float(indices @ inverse[2])) / math.sqrt(inverse[2, 2] * float(indices @ inverse @ indices))


def _slab_repeat(layering: Layering, phase: RefinedPhase) -> float:
    """Return the distance of slabs, angstrom."""
    metric = layering.basis.T @ metric_tensor(phase.crystal.cell) @ layering.basis
    return 1.0 / math.sqrt(float(np.linalg.inv(metric)[2, 2]))


def _model_line(phase: RefinedPhase) -> HallLine:
    """Return the line of the refined size and microstrain."""
    size, strain = phase.size_nm, phase.microstrain
    intercept, esd = (1.0 / size, size.esd / size**2) if math.isfinite(size) else (0.0, 0.0)
    return HallLine(
        intercept=Refined(BREADTH * intercept, BREADTH * esd, size.status),
        slope=Refined(2.0 * STRAIN * strain, 2.0 * STRAIN * strain.esd, strain.status),
    )


def _layers(
    place: FloatArray,
    cosine: FloatArray,
    glides: NDArray[np.bool_],
    value: FloatArray,
    covariance: FloatArray,
    model: HallLine,
    slab_repeat: float,
) -> LayerBroadening | None:
    """Return size, thickness and disorder apart; with the model's slope where the reflections determine none of it."""
    rows = np.column_stack([np.ones_like(place), cosine, cosine * glides, place])
    slope = model.slope if len(value) < SPARE + 4 or _is_vague(rows) else None
    rows = rows if slope is None else rows[:, :3]
    if len(value) < SPARE + rows.shape[1] or _is_vague(rows):
        return None
    found = _non_negative(rows, value if slope is None else value - slope * place, covariance)
    isotropic, across, disorder = found[:3]
    return LayerBroadening(
        line=HallLine(intercept=isotropic, slope=found[3] if slope is None else slope),
        across=across,
        disorder=disorder,
        slab_repeat=slab_repeat,
        verdict=_verdict(across, disorder),
    )


def _is_vague(rows: FloatArray) -> bool:
    """Whether the reflections hardly tell some contribution from the others."""
    scaled = rows / np.maximum(np.linalg.norm(rows, axis=0), 1e-300)
    return bool(np.linalg.svd(scaled, compute_uv=False)[-1] < VAGUE)


def _non_negative(rows: FloatArray, value: FloatArray, covariance: FloatArray) -> list[Refined]:
    """Return contributions, none below zero, by generalised least squares.

    Uncertainties are widened where the values scatter more than they should; that of a contribution held at zero is the
    one that it would have if it were not.
    """
    whitening = np.linalg.inv(np.linalg.cholesky(covariance))
    rows, value = whitening @ rows, whitening @ value
    size = np.linalg.norm(rows, axis=0)
    solution, norm = nnls(rows / size, value)
    reduced = max(float(norm) ** 2 / max(len(value) - rows.shape[1], 1), 1.0)
    held = solution == 0.0
    variance = np.diag(np.linalg.pinv(rows.T @ rows)) * reduced
    free = np.linalg.pinv(rows[:, ~held].T @ rows[:, ~held]) * reduced
    variance = variance.copy()
    variance[~held] = np.diag(free)
    numbers = zip(solution / size, np.sqrt(variance), held, strict=True)
    return [Refined(float(x), float(esd), "at_bound" if bound else "free") for x, esd, bound in numbers]


def _verdict(across: Refined, disorder: Refined) -> Verdict:
    if disorder > CLEAR * disorder.esd:
        return "10l broader"
    return "00l broader" if across > CLEAR * across.esd else "alike"


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
        model, line, layers = phase.model, phase.line, phase.layers
        text = f"{phase.phase}: L_V {model.size_nm} nm, strain {model.strain} (fit); {line.size_nm} nm, {line.strain} "
        lines.append(text + f"({len(phase.reflections)} groups of reflections by themselves)")
        if layers is not None:
            text = f"  along the normal {layers.across} 1/nm, by glides {layers.disorder} 1/nm: {layers.reading}"
            glided = f" (glides at {layers.glide_probability} of the slabs)"
            lines.append(text + (glided if layers.verdict == "10l broader" else ""))
    return "\n".join([*lines, *(f"notice: {notice.message}" for notice in found.notices)])
