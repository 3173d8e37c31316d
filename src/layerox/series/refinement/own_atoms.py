"""Priors of the atoms that each frame of a series refines on its own (`own` of a series).

A seed frame has those of its structures. All other frames have what the seed frames leave: the mean of their values,
and a width that holds the structure's prior and the scatter between seed frames beyond their uncertainties, since a
frame can differ from others as much as these do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from layerox.diffraction.constraints import constrained
from layerox.diffraction.model import slots_of
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior import LEAST_VALUE, Prior, PriorRestraint
from layerox.diffraction.priors import WIDTHS, adjusted, priors_of, provenance_of
from layerox.series.frame_setup import SeriesSetup

# Occupancy that a charge or a discharge moves in or out of a site of alkali metal, a judgement of this project as the
# widths of `priors` are. Everywhere else a series has the priors of a single fit.
ALKALI_CHANGE = 0.2
ALKALI = ("Li", "Na", "K")


def structure_priors(setup: SeriesSetup) -> tuple[PriorRestraint, ...]:
    """Return the priors of the atoms that every frame refines, as their structures have them."""
    if not setup.own_names:
        return ()
    table = constrained(*slots_of(setup.phases, setup.instrument, 0), setup.phases)
    known = [prior for prior in priors_of(setup.phases, table) if set(prior.parts) <= setup.own_names]
    known = [prior for prior in known if prior.is_of_atoms and not prior.is_of_occupancies]
    known += [prior for phase in setup.phases for prior in _occupancies(phase, setup.own_names)]
    rows = (prior.restraint() for prior in adjusted(known, setup.plan.priors))
    return tuple(row for row in rows if row is not None)


def _occupancies(phase: Phase, own: frozenset[str]) -> Iterator[Prior]:
    """Yield the prior of each occupancy, also of full sites: the scale of the phase follows all of them together."""
    for site in phase.crystal.sites:
        name = slot_name(phase, f"{site.label}_occupancy")
        if name in own:
            label = provenance_of(phase.crystal, "occupancy")
            esd = ALKALI_CHANGE if site.element in ALKALI else WIDTHS["occupancy"][label]
            yield Prior(name=name, value=site.occupancy, esd=esd, parts={name: 1.0}, phase=phase.name,
                        provenance=label)  # fmt: skip


def seed_frame_priors(
    priors: Sequence[PriorRestraint], seeds: Sequence[Sequence[tuple[float, float]]], spread: float
) -> tuple[PriorRestraint, ...]:
    """Return the priors of frames, from those of the structures and the values in seed frames.

    Parameters
    ----------
    priors
        Those of the structures.
    seeds
        For each of them, value and esd in the seed frames that refine it.
    spread
        Residuals over sigmas of the seed frames; priors are weighted for it, as in a single fit.
    """
    return tuple(_of_seeds(prior, own).weighted(spread) for prior, own in zip(priors, seeds, strict=True))


def _of_seeds(prior: PriorRestraint, seeds: Sequence[tuple[float, float]]) -> PriorRestraint:
    if not seeds:
        return prior
    values, esds = np.array(seeds).T
    if prior.is_relative:
        values, esds = np.log(np.maximum(values, LEAST_VALUE)), esds / np.maximum(values, LEAST_VALUE)
    mean = float(np.average(values, weights=1.0 / (esds**2 + prior.esd**2)))
    scatter = float(values.var(ddof=1) - (esds**2).mean()) if len(values) > 1 else 0.0
    return replace(prior, target=mean, esd=math.hypot(prior.esd, math.sqrt(max(scatter, 0.0))))


def varying(priors: Sequence[PriorRestraint], table: Parameters) -> tuple[PriorRestraint, ...]:
    """Return the priors of what a table can vary: like displacement factors follow one of them."""
    return tuple(prior for prior in priors if prior.name in table.index and table.can_vary(prior.name))
