"""Phase order: the order in which a strategy treats phases, independent of the order and names that a user gives.

Searches and tests go from phase to phase, so that their order can matter. It follows from the structures alone: the
density does not depend on setting, origin or supercell. Results are returned in the given order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.model import Calculated
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.phase import Phase


def canonical_order(phases: Sequence[Phase]) -> list[Phase]:
    """Return phases by symmetry, density and cell; identical structures by name."""
    return sorted(phases, key=_key)


def _key(phase: Phase) -> tuple[object, ...]:
    crystal = phase.crystal
    density = round(crystal.mass / crystal.volume, 4)
    return freedom(crystal), -density, *(round(x, 6) for x in crystal.cell), phase.mode, phase.hardware, phase.name


def freedom(crystal: Crystal) -> int:
    """Return the number of cell parameters that symmetry leaves free: small for a high symmetry."""
    return len(crystal.symmetry.cell_rule.free)


def in_given_order(outcome: Outcome, names: Sequence[str]) -> Outcome:
    """Return an outcome with its phases in another order.

    Parameters
    ----------
    outcome
        With phases in any order.
    names
        Of the same phases, in the required order.
    """
    present = [phase.name for phase in outcome.model.phases]
    if present == list(names):
        return outcome
    order = [present.index(name) for name in names]
    model = outcome.model.showing(order)
    old = outcome.minimum.parameters
    added = old.names[len(outcome.model.names) :]
    table = old.taking(old.places([*model.names, *added]))
    free = old.free_names
    place = [free.index(name) for name in table.free_names]
    minimum = outcome.minimum
    turned = replace(
        minimum,
        parameters=table,
        normal_matrix=minimum.normal_matrix[np.ix_(place, place)],
        at_bound=minimum.at_bound[place],
        patterns=tuple(_reordered(pattern, order) for pattern in minimum.patterns),
        next_step=None if minimum.next_step is None else minimum.next_step[place],
    )
    return replace(outcome, model=model, minimum=turned)


def _reordered(pattern: Calculated, order: list[int]) -> Calculated:
    return replace(pattern, phases=pattern.phases[order], peaks=tuple(pattern.peaks[k] for k in order))
