"""Constraints of a stacking: the bounds of its parameters, and the mean cell that follows from them."""

from __future__ import annotations

from layerox.diffraction.disordered.phase import COLUMN, PERSISTENCE, SPACING, DisorderedPhase
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.stacking.disorder import GLIDING, THICKEST

SPACING_RANGE = 0.06
# Slab-to-slab distances of O galleries that arise from P2 by glides, angstrom: from empty ones to those as wide
# as their neighbours (stacking faults).
GLIDING_SPACINGS = (4.2, 5.9)
LEAST_PERSISTENCE, MOST_PERSISTENCE = -1.0, 1.0 - 1.0 / THICKEST
# Mean height of the columns, 1/nm.
LARGEST_INVERSE_COLUMN = 0.5


def constrain_stacking(table: Parameters, phase: DisorderedPhase) -> None:
    """Set the bounds of the parameters of a stacking, and express c by them.

    The lower bound of the persistence depends on the fractions and is applied in the model, see
    `chain.probabilities`.
    """
    for slot in phase.stacking_slots:
        k = table.find(slot_name(phase, slot))
        value = table.values[k]
        if slot.startswith(SPACING):
            table.lower[k], table.upper[k] = (1.0 - SPACING_RANGE) * value, (1.0 + SPACING_RANGE) * value
            if slot == f"{SPACING}_{GLIDING}":
                low, high = GLIDING_SPACINGS
                table.lower[k], table.upper[k] = min(low, table.lower[k]), max(high, table.upper[k])
        elif slot == COLUMN:
            table.lower[k], table.upper[k] = 0.0, LARGEST_INVERSE_COLUMN
        elif slot == PERSISTENCE:
            table.lower[k], table.upper[k] = LEAST_PERSISTENCE, max(MOST_PERSISTENCE, value)
        else:
            table.lower[k], table.upper[k] = 0.0, 1.0
    _lock_slab(table, phase)
    c = slot_name(phase, "c")
    spacings = [table.find(slot_name(phase, f"{SPACING}_{kind}")) for kind in phase.disorder.kinds]
    table.express(c, phase.spacing_expression(slot_name(phase, "").removesuffix("_")))
    k = table.find(c)
    table.lower[k], table.upper[k] = table.lower[spacings].min(), table.upper[spacings].max()


def _lock_slab(table: Parameters, phase: DisorderedPhase) -> None:
    """Fix the coordinates, except the height of the anions."""
    for site, gallery in zip(phase.crystal.sites, phase.gallery_sites, strict=True):
        for axis in "xyz":
            name = slot_name(phase, f"{site.label}_{axis}")
            if (gallery is not None or axis != "z" or site.position[2] == 0.0) and table.can_vary(name):
                table.lock([name])
