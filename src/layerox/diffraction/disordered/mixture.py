"""Mixture: the best mixture of separate particles that competes with an intergrowth.

The ends of a disordered phase are phases of one kind of gallery each, with their own meshes, spacings, sizes,
microstrains, textures and platelet thickness. All other phases and the background are refined along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from layerox.diffraction.atom_parameters import displacement_groups
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.disordered.phase import COLUMN, SPACING, DisorderedPhase, with_fractions
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.stacking.disorder import lamella_thickness

# Slots of an end that are always refined.
FREE_SLOTS = ("scale", "a", "inverse_size", "microstrain", "preferred_orientation")
# The thickest platelet to start from, nm, and the number of evaluations of a descent.
THICKEST_PLATELET, MOST_EVALUATIONS = 200.0, 40
# Lengths of the last step, in standard uncertainties.
LOOSE, TOLERANCE = 5.0, 0.1


def best_mixture(
    model: Model, data: Data, minimum: Minimum, phase: DisorderedPhase, enough: float
) -> tuple[Model, Minimum]:
    """Return the model in which a disordered phase is replaced by its ends, and its minimum.

    Parameters
    ----------
    model, data, minimum
        The model with the disordered phase, the pattern, and the minimum.
    phase
        The disordered phase.
    enough
        Difference of chi-squared above which the minimum need not be exact.
    """
    values = minimum.parameters.values[model.phase_blocks[model.phases.index(phase)]]
    ends = list(_ends(phase, values))
    others = [other for other in model.phases if other is not phase]
    mixture = Model(
        model.two_theta,
        [*others, *ends],
        model.instrument,
        model.radiation,
        background_terms=model.terms,
        tail=model.tail,
        extras=model.extras,
        blank=model.blank,
    )
    table = _inherited(parameters_of(mixture), minimum.parameters)
    fractions = np.maximum(phase.fractions(values), 0.0)
    heights = [_platelet(phase, values, k) for k in range(len(ends))]
    for end, fraction, height in zip(ends, fractions.tolist(), heights, strict=True):
        _start_end(table, end, phase, minimum.parameters, (fraction, height))
    mixture.reach_scales = np.maximum([table.value(slot_name(p, "scale")) for p in mixture.phases], 1e-12)
    found = minimise(mixture, data, table, tolerance=LOOSE, most_evaluations=MOST_EVALUATIONS)
    if found.chi_squared - minimum.chi_squared < enough:
        found = minimise(mixture, data, found.parameters, tolerance=TOLERANCE, most_evaluations=MOST_EVALUATIONS)
    return mixture, found


def _ends(phase: DisorderedPhase, values: np.ndarray) -> Iterator[DisorderedPhase]:
    """Yield the ends at the refined values, each as a stacking of one kind."""
    own = dict(zip(phase.slot_names, values.tolist(), strict=True))
    kinds = phase.disorder.kinds
    cell = phase.crystal.cell
    half = own[f"{_anion(phase)}_z"] * phase.height_unit
    for k, kind in enumerate(kinds):
        fractions = tuple(1.0 if other == k else 0.0 for other in range(len(kinds)))
        spacing = own[f"{SPACING}_{kind}"]
        sites = tuple(
            replace(
                site,
                position=(*site.position[:2], half / spacing) if site.label == _anion(phase) else site.position,
                occupancy=own[f"{site.label}_occupancy"],
                u_iso=own[f"{site.label}_u_iso"],
            )
            for site in phase.crystal.sites
        )
        crystal = replace(phase.crystal, cell=(own["a"], own["a"], spacing, *cell[3:]), sites=sites)
        yield replace(
            phase,
            name=f"{phase.name} {kind}",
            crystal=with_fractions(crystal, phase.gallery_sites, fractions),
            disorder=replace(phase.disorder, fractions=fractions, persistence=0.0, glides="random"),
            spacings=tuple(own[f"{SPACING}_{other}"] for other in kinds),
        )


def _anion(phase: DisorderedPhase) -> str:
    """Return the label of the first anion."""
    rows = zip(phase.crystal.sites, phase.gallery_sites, strict=True)
    return next(site.label for site, place in rows if place is None and site.position[2] != 0.0)


def _platelet(phase: DisorderedPhase, values: np.ndarray, kind: int) -> float:
    """Return the thickness of the lamellae of a kind, nm: platelets as thick broaden the lines along 00l as much."""
    start = phase.stacking_start
    count = len(phase.disorder.kinds)
    thickness = lamella_thickness(float(phase.fractions(values)[kind]), float(values[start + count - 1]))
    return min(0.1 * thickness * float(values[start + count + kind]), THICKEST_PLATELET)


def _inherited(table: Parameters, old: Parameters) -> Parameters:
    """Return a table with the values, variables and constraints that the old one has under the same names."""
    for name, k in old.index.items():
        if name in table.index and k not in old.expressions and k not in old.ties:
            own = table.index[name]
            table.lower[own], table.upper[own] = old.lower[k], old.upper[k]
            table.values[own] = old.values[k]
            table.vary[own] = old.vary[k] and table.can_vary(name)
    for name, k in old.index.items():
        if name not in table.index or not table.can_vary(name):
            continue
        if k in old.ties and old.names[old.ties[k].leader] in table.index:
            tie = old.ties[k]
            table.tie(name, old.names[tie.leader], tie.factor, tie.offset)
        elif k in old.expressions:
            _express(table, name, old.expressions[k].text)
    return table


def _express(table: Parameters, name: str, text: str) -> None:
    """Take over an expression, unless it names a parameter of the replaced phase."""
    try:
        table.express(name, text)
    except InputError:
        table.fix([name])


def _start_end(
    table: Parameters, end: DisorderedPhase, phase: Phase, old: Parameters, start: tuple[float, float]
) -> None:
    """Set the initial values of an end (its fraction and thickness in nm are `start`), and free its parameters."""
    fraction, height = start
    kind = end.disorder.kinds[end.disorder.fractions.index(1.0)]
    inherited: Mapping[str, float] = {
        slot: old.value(slot_name(phase, slot)) for slot in ("inverse_size", "microstrain", "preferred_orientation")
    }
    for slot, value in inherited.items():
        table.assign(slot_name(end, slot), value)
    table.assign(slot_name(end, "scale"), old.value(slot_name(phase, "scale")) * fraction)
    column = old.value(slot_name(phase, COLUMN))
    table.assign(slot_name(end, COLUMN), column + 1.0 / max(height, 1e-3))
    freed = [*FREE_SLOTS, f"{SPACING}_{kind}", COLUMN]
    freed += [slot for slot in _atom_slots(phase) if slot_name(phase, slot) in old.free_names]
    table.free(slot_name(end, slot) for slot in freed)
    for group in displacement_groups(end):
        for name in group[1:]:
            table.tie(name, group[0], offset=table.value(name) - table.value(group[0]))


def _atom_slots(phase: Phase) -> list[str]:
    return [f"{site.label}_{slot}" for site in phase.crystal.sites for slot in ("z", "occupancy", "u_iso")]
