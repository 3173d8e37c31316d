"""Findings: the validator's view of an interface cell, less what it cannot know of one.

It reads layers of slabs and galleries; a spinel's kagome and mixed planes and a tunnel oxide are neither, so that what
it says of their sequence is left out. Contacts, coordination and charges count everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerox.crystal.atoms import Atoms
from layerox.interfaces.phase_component import PhaseComponent
from layerox.typing import IntArray
from layerox.validation import Finding, check
from layerox.validation.classified_sites import classified_sites
from layerox.validation.consistency import charge_findings, overfull_findings
from layerox.validation.contacts import contact_findings

TUNNEL = "tunnel"  # label of a tunnel oxide, which is no part with layers
OF_LAYERS = ("missing_gallery", "double_plane", "wrong_gallery", "composition_off", "not_closed")


def cell_findings(
    atoms: Atoms, parts: Sequence[PhaseComponent], *, unmatched: Sequence[int] = ()
) -> tuple[Finding, ...]:
    """Return what is wrong with a cell that has no surface.

    Parameters
    ----------
    atoms
        With their phases.
    parts
        The phases.
    unmatched
        Slabs above which two different meshes face each other: no gallery of layers either.
    """
    if atoms.phase is None:
        return tuple(check(atoms))
    frameworks = [TUNNEL, *(part.label for part in parts if part.spinel)]
    first = np.unique(atoms.site, return_index=True)[1]
    held = np.array([any(name in label.split("|") for name in frameworks) for label in atoms.phase[first].tolist()])
    strange = set(np.flatnonzero(held | _facing(atoms, first, unmatched)).tolist())
    return tuple(f for f in check(atoms) if f.code not in OF_LAYERS or not strange & set(f.atoms))


def _facing(atoms: Atoms, first: IntArray, unmatched: Sequence[int]) -> NDArray[np.bool_]:
    """Return which sites are anions beside a gallery between two meshes, or ions in it."""
    if not unmatched or atoms.layer is None or atoms.site_kind is None:
        return np.zeros(len(first), dtype=bool)
    slabs = max(unmatched) + 1
    layer, kind, height = atoms.layer[first] % slabs, atoms.site_kind[first], atoms.positions[first, 2]
    middles = {k: height[(layer == k) & (kind == "metal")].mean() for k in range(slabs)}
    raised = height > np.array([middles[k] for k in layer.tolist()])
    below, above = np.isin(layer, unmatched), np.isin(layer, [(k + 1) % slabs for k in unmatched])
    anion = kind == "anion"
    return np.asarray(
        (below & ~np.isin(kind, ["anion", "metal"])) | (anion & below & raised) | (anion & above & ~raised)
    )


def particle_findings(atoms: Atoms) -> tuple[Finding, ...]:
    """Return what is wrong with a particle: sites, contacts, charges; facets that lack neighbours are no defect."""
    places = classified_sites(atoms)
    return (*overfull_findings(places), *contact_findings(places), *charge_findings(atoms, places))
