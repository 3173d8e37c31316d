"""Williamson-Hall lines of integral breadths, with the contributions of thin platelets and of stacking disorder.

beta cos(theta) / lambda = 1 / L_V + 2 e / d, with beta the integral breadth without the instrument's share (Acta
Metall. 1 (1953) 22, doi:10.1016/0001-6160(53)90006-6). For Lorentzian peaks beta is pi / 2 times the full width, L_V =
2 L / pi and e = pi S / 8 (Stokes & Wilson) for the size L and the microstrain S of a fit.

Layered phases have two more contributions, both along the normal of the layers and so proportional to the cosine of the
angle between a reflection and the normal. A small thickness broadens all reflections; glides of slabs by a third of the
mesh broaden only those with h - k other than 3 n (10l), while 00l and 11l are insensitive (Warren, X-Ray Diffraction,
1969, chapter 13, for close packing). Random glides with probability alpha at each slab leave a correlation J = 1 - 3
alpha / 2 from slab to slab, and a full width of (1 - J) / (pi sqrt(J)) over the slab repeat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.refined import Refined
from layerox.typing import FloatArray

Kind = Literal["00l", "11l", "10l", "mixed", "all"]
Verdict = Literal["10l broader", "00l broader", "alike"]

# Lorentzian: integral breadth over full width, volume-weighted length over size, Stokes-Wilson strain over microstrain.
BREADTH, LENGTH, STRAIN = math.pi / 2, 2 / math.pi, math.pi / 8
# Difference of two kinds, in standard uncertainties, above which one is broader.
CLEAR = 3.0
# Smallest number of reflections beyond the number of contributions, and smallest singular value of the contributions.
SPARE, VAGUE = 1, 0.03
WHOLE = 1e-6
VERDICT_TEXT: dict[Verdict, str] = {
    "10l broader": "10l are broader than 00l and 11l: disorder of the stacking",
    "00l broader": "00l are broadest: thin platelets, or layers of unequal repeats",
    "alike": "no direction and no kind of reflection is broader",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class HallPoint:
    """One group of unresolved reflections in a Williamson-Hall plot.

    Attributes
    ----------
    hkl
        Indices of the reflections that contribute, the strongest first.
    kind
        "00l", "11l" (h - k = 3 n in the mesh of the layers, not broadened by glides) or "10l" (broadened by glides);
    "mixed" where they are not resolved, "all" in a phase without layers.
    two_theta, spacing
        Degrees and angstrom.
    cosine
        Cosine of the angle to the normal of the layers; nan without layers.
    breadth
        Integral breadth from the specimen, degrees.
    observed_breadth, instrument_breadth
        Integral breadths of the whole peak and of the diffractometer alone, degrees.
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
    """A Williamson-Hall line.

    Attributes
    ----------
    intercept, slope
        1/nm, and per unit of 1/d: dimensionless.
    """

    intercept: Refined
    slope: Refined

    @property
    def size_nm(self) -> Refined:
        """Volume-weighted length L_V, nm; infinite for a zero intercept."""
        return _inverse(self.intercept)

    @property
    def strain(self) -> Refined:
        """Stokes-Wilson strain e."""
        return Refined(0.5 * self.slope, 0.5 * self.slope.esd, self.slope.status)


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerBroadening:
    """Broadening of a layered phase: isotropic, along the normal, and from glides.

    Attributes
    ----------
    line
        Isotropic part: size and strain.
    across, disorder
        Integral breadths along the normal, 1/nm: of all reflections, and of the glide-sensitive ones only.
    slab_repeat
        nm.
    verdict
        The kind of reflections that is broader.
    """

    line: HallLine
    across: Refined
    disorder: Refined
    slab_repeat: float
    verdict: Verdict

    @property
    def thickness_nm(self) -> Refined:
        """Volume-weighted length along the normal, in addition to the isotropic one, nm; infinite for zero breadth."""
        return _inverse(self.across)

    @property
    def glide_probability(self) -> Refined:
        """Probability of a random glide at each slab, if glides are the cause of the disorder."""
        x = math.pi * self.slab_repeat / BREADTH
        root = 0.5 * (math.hypot(x * self.disorder, 2.0) - x * self.disorder)
        # J = root^2; d root / d(x disorder) = -root / hypot.
        slope = (4.0 / 3.0) * root**2 * x / math.hypot(x * self.disorder, 2.0)
        return Refined((1.0 - root**2) / 1.5, slope * self.disorder.esd, self.disorder.status)

    def expected(self, reflection: HallPoint) -> float:
        """Return the reciprocal breadth of a reflection, 1/nm; without glide broadening for an unresolved group."""
        along = self.across + (self.disorder if reflection.kind == "10l" else 0.0)
        return float(self.line.intercept + self.line.slope * 10.0 / reflection.spacing + along * reflection.cosine)

    @property
    def reading(self) -> str:
        """The verdict in words."""
        return VERDICT_TEXT[self.verdict]


def _inverse(number: Refined) -> Refined:
    if not number > 0:
        return Refined(math.inf, math.nan, number.status)
    return Refined(1.0 / number, number.esd / number**2, number.status)


def model_line(phase: RefinedPhase) -> HallLine:
    """Return the line of the refined size and microstrain."""
    size, strain = phase.size_nm, phase.microstrain
    intercept, esd = (1.0 / size, size.esd / size**2) if math.isfinite(size) else (0.0, 0.0)
    return HallLine(
        intercept=Refined(BREADTH * intercept, BREADTH * esd, size.status),
        slope=Refined(2.0 * STRAIN * strain, 2.0 * STRAIN * strain.esd, strain.status),
    )


def layer_broadening(
    place: FloatArray,
    cosine: FloatArray,
    glides: NDArray[np.bool_],
    value: FloatArray,
    covariance: FloatArray,
    model: HallLine,
    slab_repeat: float,
) -> LayerBroadening | None:
    """Return size, thickness and disorder; with the model's slope if the reflections do not determine it."""
    rows = np.column_stack([np.ones_like(place), cosine, cosine * glides, place])
    slope = model.slope if len(value) < SPARE + 4 or _is_vague(rows) else None
    rows = rows if slope is None else rows[:, :3]
    if len(value) < SPARE + rows.shape[1] or _is_vague(rows):
        return None
    found = non_negative(rows, value if slope is None else value - slope * place, covariance)
    isotropic, across, disorder = found[:3]
    return LayerBroadening(
        line=HallLine(intercept=isotropic, slope=found[3] if slope is None else slope),
        across=across,
        disorder=disorder,
        slab_repeat=slab_repeat,
        verdict=_verdict(across, disorder),
    )


def _is_vague(rows: FloatArray) -> bool:
    """Whether the reflections hardly distinguish one contribution from the others."""
    scaled = rows / np.maximum(np.linalg.norm(rows, axis=0), 1e-300)
    return bool(np.linalg.svd(scaled, compute_uv=False)[-1] < VAGUE)


def non_negative(rows: FloatArray, value: FloatArray, covariance: FloatArray) -> list[Refined]:
    """Return non-negative contributions by generalised least squares.

    Uncertainties are multiplied by the root of reduced chi-squared if it is above one; a contribution fixed at zero
    gets
    the uncertainty that it would have if free.
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
