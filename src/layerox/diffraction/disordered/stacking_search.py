"""Stacking search: starting values of fractions and persistence, and which of them the data determine.

Chi-squared has several minima against the persistence, because random sequences and lamellae have peaks at different
places. A grid of fractions and persistences is compared by linear least squares of scales and background.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from layerox.diffraction.cell_search import blurred, blurs_for, widened
from layerox.diffraction.disordered.phase import COLUMN, PERSISTENCE, SPACING, DisorderedPhase
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.diffraction.starting_values import set_linear
from layerox.stacking.disorder import GLIDING, least_persistence

FRACTIONS = (0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95)
PERSISTENCES = (-0.6, 0.0, 0.5, 0.8, 0.95, 0.99)
# For O galleries in P2: fractions, persistences, and spacings in units of that of the other kind.
GLIDING_FRACTIONS, GLIDING_PERSISTENCES = (0.05, 0.15, 0.3, 0.5), (-0.6, 0.0, 0.5)
GLIDING_SPACINGS = (0.79, 0.83, 0.87, 0.92, 1.0)
# Relative spacing from which an O gallery in P2 is a stacking fault, with the sodium of its neighbours.
AS_WIDE = 0.97
# Correlation of fraction and persistence above which only one of them is determined, and the esd of a persistence
# that is nearly zero above which it is held there.
DEGENERATE, VAGUE_PERSISTENCE, NEAR_ZERO = 0.95, 0.3, 3.0
DEGENERATE_REASON = "fraction and persistence are not determined separately: persistence is held at 0"


def disordered(phases: Sequence[object]) -> list[DisorderedPhase]:
    """Return the disordered ones among phases."""
    return [phase for phase in phases if isinstance(phase, DisorderedPhase)]


def stacking_names(phase: DisorderedPhase) -> list[str]:
    """Return the names of the fractions and the persistence of a phase."""
    return [slot_name(phase, slot) for slot in phase.stacking_slots[: len(phase.disorder.kinds)]]


def scan_stackings(model: Model, data: Data, parameters: Parameters, blur: float = 0.0) -> Parameters:
    """Return parameters with the best fractions and persistences of a grid, one phase after another.

    Parameters
    ----------
    model, data, parameters
        The model, the pattern, and the present parameters; what cannot vary keeps its value.
    blur
        Width by which the pattern is blurred, in units of the coarsest one of a search of cells; 0 for none.
    """
    result = parameters.copy()
    if blur:
        width = blur * blurs_for(model)[0]
        model, data = blurred(model, data, width)
        trial = widened(parameters, parameters.value("instrument_w") + width**2)
    else:
        trial = parameters.copy()
    for phase in disordered(model.phases):
        best = min(_trials(model, data, trial, phase), key=lambda row: row[0])[1]
        for name, value in best.items():
            trial.assign(name, value)
            result.assign(name, value)
    return result


def _trials(
    model: Model, data: Data, table: Parameters, phase: DisorderedPhase
) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield chi-squared and the values of each stacking of the grid, the present one first."""
    for values in _grid(table, phase):
        trial = table.copy()
        for name, value in values.items():
            trial.assign(name, value)
        set_linear(model, data, trial)
        total = model.calculated(trial.values[: len(model.names)]).total
        yield float((((total - data.intensity) * data.weight) ** 2).sum()), values


def _grid(table: Parameters, phase: DisorderedPhase) -> Iterator[dict[str, float]]:
    """Yield the present values, then those of the grid; parameters that cannot vary keep theirs."""
    names = stacking_names(phase)
    spacing = _gliding_spacing(phase)
    sodium = _gliding_sodium(phase) if spacing else {}
    present = {name: table.value(name) for name in (*names, *spacing, *sodium)}
    yield present
    free = [name for name in present if table.can_vary(name)]
    further = len(phase.disorder.kinds) - 1
    for fraction, persistence, factor in _points(spacing):
        width, is_fault = factor * _host_spacing(table, phase), factor > AS_WIDE
        # Of several kinds each further one has the same part of the fraction.
        shares = [fraction / further] * further
        low = least_persistence([1.0 - fraction, *shares])
        values = dict(zip(names, [*shares, max(persistence, low)], strict=True)) | dict.fromkeys(spacing, width)
        values |= {name: as_wide if is_fault else given for name, (given, as_wide) in sodium.items()}
        yield present | {name: values[name] for name in free}


def _points(spacing: Sequence[str]) -> Iterator[tuple[float, float, float]]:
    """Yield fraction of the further kinds, persistence, and relative spacing of O galleries of a grid."""
    if spacing:
        return itertools.product(GLIDING_FRACTIONS, GLIDING_PERSISTENCES, GLIDING_SPACINGS)
    return itertools.product(FRACTIONS, PERSISTENCES, (1.0,))


def _host_spacing(table: Parameters, phase: DisorderedPhase) -> float:
    host = next(kind for kind in phase.disorder.kinds if kind != GLIDING)
    return table.value(slot_name(phase, f"{SPACING}_{host}"))


def _gliding_sodium(phase: DisorderedPhase) -> dict[str, tuple[float, float]]:
    """Return the names of the occupancies in O galleries, with their given values and those of the P galleries."""
    kinds = phase.disorder.kinds
    rows = list(zip(phase.crystal.sites, phase.gallery_sites, strict=True))
    own = {site.label: site for site, place in rows if place is not None and kinds[place.kind] == GLIDING}
    host = next(k for k, kind in enumerate(kinds) if kind != GLIDING)
    total = sum(site.occupancy for site, place in rows if place is not None and place.kind == host)
    return {slot_name(phase, f"{label}_occupancy"): (site.occupancy, total / len(own)) for label, site in own.items()}


def _gliding_spacing(phase: DisorderedPhase) -> list[str]:
    """Return the name of the spacing of O galleries in P2, which depends on their sodium: one name or none."""
    return [slot_name(phase, f"{SPACING}_{GLIDING}")] if GLIDING in phase.disorder.kinds else []


def free_stackings(run: StepwiseRefinement) -> None:
    """Refine fractions, persistences and spacings."""
    phases = disordered(run.model.phases)
    run.refine("stacking", [name for phase in phases for name in (*stacking_names(phase), *_position_names(phase))])


def settle_stackings(run: StepwiseRefinement, phases: Sequence[object]) -> None:
    """Hold the persistences that the data do not determine, once all other parameters are refined."""
    for phase in disordered(phases):
        hold_degenerate_persistence(run, phase)


def hold_degenerate_persistence(run: StepwiseRefinement, phase: DisorderedPhase) -> None:
    """Fix the persistence at 0 if the data determine it only together with the fraction.

    A persistence that ends at the lower bound of the fractions, and that the data distinguish from 0, is fixed there.
    """
    name = slot_name(phase, PERSISTENCE)
    if name not in run.parameters.free_names:
        return
    value, esd = run.parameters.value(name), run.minimum.esd(name)
    lowest = value <= _least(run.parameters, phase) + 1e-6
    fractions = [n for n in stacking_names(phase)[:-1] if n in run.parameters.free_names]
    rho = max((abs(_correlation(run, name, other)) for other in fractions), default=0.0)
    vague = (rho > DEGENERATE or esd > VAGUE_PERSISTENCE) and abs(value) < NEAR_ZERO * esd
    if not (lowest or vague):
        return
    if not run.reset(f"persistence of {phase.name}", [name], {name: 0.0}, DEGENERATE_REASON) and lowest:
        run.parameters.assign(name, -1.0)
        run.hold(f"persistence of {phase.name}", [name], "the rarer kind never follows itself")


def _least(table: Parameters, phase: DisorderedPhase) -> float:
    """Return the least persistence at the present fractions of a phase."""
    slots = table.values[table.places(slot_name(phase, slot) for slot in phase.slot_names)]
    return least_persistence(phase.fractions(slots).tolist())


def random_instead_of_least(model: Model, table: Parameters) -> Parameters | None:
    """Return parameters with random sequences in place of persistences below the least; None if there are none.

    The pattern does not depend on such a persistence: no descent leaves it.
    """
    names = [slot_name(phase, PERSISTENCE) for phase in disordered(model.phases)
             if table.value(slot_name(phase, PERSISTENCE)) < _least(table, phase)]  # fmt: skip
    free = [name for name in names if name in table.free_names]
    if not free:
        return None
    other = table.copy()
    for name in free:
        other.assign(name, 0.0)
    return other


def _correlation(run: StepwiseRefinement, one: str, other: str) -> float:
    names, covariance = run.parameters.free_names, run.minimum.covariance
    i, j = names.index(one), names.index(other)
    scale = math.sqrt(max(float(covariance[i, i] * covariance[j, j]), 1e-300))
    return float(covariance[i, j]) / scale


def column_groups(phases: Sequence[object]) -> list[list[str]]:
    """Return the names of the column heights, for a score test."""
    return [[slot_name(phase, COLUMN)] for phase in disordered(phases)]


def _position_names(phase: DisorderedPhase) -> list[str]:
    return [slot_name(phase, slot) for slot in phase.position_slots]


def rescan(run: StepwiseRefinement) -> None:
    """Compare the refined stackings with those of the grid, and refine from a better one."""
    for phase in disordered(run.model.phases):
        names = stacking_names(phase)
        rows = list(_trials(run.model, run.data, run.parameters, phase))
        best = int(np.argmin([row[0] for row in rows]))
        if best:
            start = run.parameters.copy()
            for name, value in rows[best][1].items():
                start.assign(name, value)
            run.restart(f"stacking of {phase.name} from the grid", start, [*names, *_gliding_spacing(phase)])
