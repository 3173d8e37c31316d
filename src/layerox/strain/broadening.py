"""What broadens the peaks of each phase of a fit: size, microstrain, thin platelets, disordered stacking.

Integral breadths of single groups of reflections (`layerox.diffraction.single_peak_widths`) are analysed with
Williamson-Hall lines (`layerox.strain.williamson_hall`) and compared with the refined size and microstrain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerox.computing.threads import single_threaded
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.single_peak_widths import Breadths, GroupBreadth, breadths
from layerox.errors import UnknownName, nearest
from layerox.notices import Notice, RenamedNotices
from layerox.public import public
from layerox.refined import Refined
from layerox.strain.williamson_hall import (
    BREADTH,
    WHOLE,
    HallLine,
    HallPoint,
    Kind,
    LayerBroadening,
    layer_broadening,
    model_line,
    non_negative,
)
from layerox.symmetry import metric_tensor
from layerox.validation.layer_mesh import Layering, layering_of

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, kw_only=True, eq=False)
class PhaseBroadening:
    """The broadening of the peaks of one phase.

    Attributes
    ----------
    phase
        Its name.
    model
        The Williamson-Hall line of the refined size and microstrain.
    line
        The line through all single reflections.
    layers
        Size, thickness and disorder; None without layers or with too few reflections.
    reflections
        The points, by angle.
    """

    phase: str
    model: HallLine
    line: HallLine
    layers: LayerBroadening | None
    reflections: tuple[HallPoint, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Broadening(RenamedNotices):
    """The broadening of the peaks of a specimen.

    Attributes
    ----------
    phases
        Those with resolved reflections.
    warnings
        Notices.
    """

    phases: tuple[PhaseBroadening, ...]
    warnings: tuple[Notice, ...]

    def __str__(self) -> str:
        """Size and strain of each phase, from the fit and from single reflections, and the verdict on anisotropy."""
        lines = []
        for phase in self.phases:
            model, line, layers = phase.model, phase.line, phase.layers
            fitted = f"{phase.phase}: L_V {model.size_nm} nm, strain {model.strain} (fit)"
            lines.append(f"{fitted}; {line.size_nm} nm, {line.strain} ({len(phase.reflections)} single reflections)")
            if layers is not None:
                text = f"  along the normal {layers.across} 1/nm, by glides {layers.disorder} 1/nm: {layers.reading}"
                glided = f" (glides at {layers.glide_probability} of the slabs)"
                lines.append(text + (glided if layers.verdict == "10l broader" else ""))
        return "\n".join([*lines, *(f"warning: {notice.message}" for notice in self.warnings)])

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
    """Return the broadening of each phase of a fit, from breadths that are refined group by group.

    Parameters
    ----------
    result
        Result of `fit`, best with a calibrated instrument; otherwise the profile refined from the same pattern is used.

    Returns
    -------
    Broadening
        For each phase the breadths of its reflections (degrees and 1/nm), Williamson and Hall's lines, and the
        thickness and stacking disorder of its layers.

    Raises
    ------
    InputError
        If the fit has failed, or no reflection is strong enough.

    Examples
    --------
    >>> import layerox as lx
    >>> result = lx.fit("patterns/p2_o3.xye", ["P2", "O3"])
    >>> [(row.phase, row.layers.verdict) for row in lx.broadening(result).phases]
    [('P2', 'alike'), ('O3', 'alike')]
    """
    found = breadths(result)
    names = dict.fromkeys(group.phase for group in found.groups)
    phases = tuple(_of_phase(result.phase(name), found) for name in names)
    message = "no calibrated profile is given: the breadths contain what the fit left of the instrumental width"
    uncalibrated = any(notice.code == "instrument_uncalibrated" for notice in result.warnings)
    return Broadening(phases=phases, warnings=(Notice("instrument_uncalibrated", message),) if uncalibrated else ())


def _of_phase(phase: RefinedPhase, found: Breadths) -> PhaseBroadening:
    rows = [k for k, group in enumerate(found.groups) if group.phase == phase.name]
    groups = [found.groups[k] for k in rows]
    layering = layering_of(phase.crystal)
    kinds: list[Kind] = ["all"] * len(groups) if layering is None else [_kind(group, layering) for group in groups]
    value = BREADTH * np.array([group.inverse_size for group in groups])
    covariance = BREADTH**2 * found.covariance[np.ix_(rows, rows)]
    place = np.array([10.0 / group.spacing for group in groups])
    model = model_line(phase)
    line = non_negative(np.column_stack([np.ones_like(place), place]), value, covariance)
    layers, cosines = None, np.full(len(groups), np.nan)
    if layering is not None:
        pure = [k for k, kind in enumerate(kinds) if kind != "mixed"]
        cosines = np.array([_cosine(group, layering, phase) for group in groups])
        glides = np.array([kinds[k] == "10l" for k in pure])
        repeat = 0.1 * _slab_repeat(layering, phase)
        layers = layer_broadening(
            place[pure], cosines[pure], glides, value[pure], covariance[np.ix_(pure, pure)], model, repeat
        )
    return PhaseBroadening(
        phase=phase.name,
        model=model,
        line=HallLine(intercept=line[0], slope=line[1]),
        layers=layers,
        reflections=tuple(map(_reflection, groups, kinds, cosines, value, np.sqrt(np.diag(covariance)))),
    )


def _reflection(group: GroupBreadth, kind: Kind, cosine: float, value: float, esd: float) -> HallPoint:
    return HallPoint(
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
    """Return the kind of a group of reflections, by its indices in the mesh of the layers."""
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
    """Return the slab repeat, angstrom."""
    metric = layering.basis.T @ metric_tensor(phase.crystal.cell) @ layering.basis
    return 1.0 / math.sqrt(float(np.linalg.inv(metric)[2, 2]))
