"""Findings: the validator's view of an interface cell, less what it cannot know of one.

It reads layers of slabs and galleries; a spinel's kagome and mixed planes are neither, so that what it says of their
sequence is left out. Contacts, coordination and charges count everywhere.
"""

from __future__ import annotations

import numpy as np

from layerox.atoms import Atoms
from layerox.interfaces.ingredient import Ingredient
from layerox.validation import Finding, check
from layerox.validation.claims import charge_findings, overfull_findings
from layerox.validation.contacts import contact_findings
from layerox.validation.places import places_of

OF_LAYERS = ("missing_gallery", "double_plane", "wrong_gallery", "composition_off", "not_closed")


def cell_findings(atoms: Atoms, parts: list[Ingredient]) -> tuple[Finding, ...]:
    """Return what is wrong with a cell that has no surface."""
    frameworks = [part.label for part in parts if part.spinel]
    if not frameworks or atoms.phase is None:
        return tuple(check(atoms))
    first = np.unique(atoms.site, return_index=True)[1]
    held = [any(name in label.split("|") for name in frameworks) for label in atoms.phase[first].tolist()]
    strange = set(np.flatnonzero(held).tolist())
    return tuple(f for f in check(atoms) if f.code not in OF_LAYERS or not strange & set(f.atoms))


def particle_findings(atoms: Atoms) -> tuple[Finding, ...]:
    """Return what is wrong with a particle: sites, contacts, charges; facets that lack neighbours are no defect."""
    places = places_of(atoms)
    return (*overfull_findings(places), *contact_findings(places), *charge_findings(atoms, places))
