"""Realised stacking: a disordered stacking as one explicit crystal, for simulations of atoms and pictures."""

from __future__ import annotations

from collections import Counter

from layerox.analysis.disordered_arguments import disordered_from
from layerox.builders.request import PhaseOptions
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.stacking.disorder import BETWEEN
from layerox.stacking.realisation import realised_word
from layerox.stacking.word import Word

# Digits of the amounts in a formula.
DIGITS = 6


def realised_options(text: str, slabs: int, seed: int = 0) -> tuple[str, PhaseOptions]:
    """Return the word of one realisation as letters, and the options with which the builders make it.

    Parameters
    ----------
    text
        As for `disordered_from`.
    slabs, seed
        Number of slabs of the cell, and the seed of the draw.

    Raises
    ------
    InputError
        If the stacking cannot be read, or no word of that many slabs closes.
    """
    phase = disordered_from(text)
    word = realised_word(phase.disorder, slabs, seed=seed)
    half = phase.crystal.sites[_first_anion(phase)].position[2] * phase.crystal.cell[2]
    spacings = zip(phase.disorder.kinds, phase.spacings, strict=True)
    options: PhaseOptions = {
        "formula": _formula(phase, word),
        "a": phase.crystal.cell[0],
        "slab": 2.0 * half,
        "galleries": {kind: spacing - 2.0 * half for kind, spacing in spacings},
        "sodium": _sodium(phase),
        "seed": seed,
    }
    return str(word), options


def _first_anion(phase: DisorderedPhase) -> int:
    rows = enumerate(zip(phase.crystal.sites, phase.gallery_sites, strict=True))
    return next(k for k, (site, place) in rows if place is None and site.position[2] != 0.0)


def _sodium(phase: DisorderedPhase) -> dict[str, float]:
    """Return the occupancy of each alkali site by name; O galleries of two kinds have their mean."""
    found: dict[str, list[tuple[float, float]]] = {}
    for site, place in zip(phase.crystal.sites, phase.gallery_sites, strict=True):
        if place is not None:
            found.setdefault(place.place, []).append((phase.disorder.fractions[place.kind], site.occupancy))
    return {name: sum(f * x for f, x in rows) / max(sum(f for f, _ in rows), 1e-12) for name, rows in found.items()}


def _formula(phase: DisorderedPhase, word: Word) -> str:
    """Return the formula of the realisation: metals and anions of the slab, and the alkali ions of its galleries."""
    counts = Counter(label.phase for label in word.labels)
    own = _sodium(phase)
    amounts: dict[str, float] = {}
    for site, place in zip(phase.crystal.sites, phase.gallery_sites, strict=True):
        if place is None:
            number = 1.0 if site.position[2] == 0.0 else 2.0
            amounts[site.element] = amounts.get(site.element, 0.0) + number * site.occupancy
            continue
        share = counts[phase.disorder.kinds[place.kind]] / len(word)
        amounts[site.element] = amounts.get(site.element, 0.0) + share * own[place.place]
    ordered = sorted(amounts, key=lambda element: (element == "O", element != "Na", element))
    return "".join(f"{element}{amounts[element]:.{DIGITS}f}" for element in ordered)


def is_realisable(text: str) -> bool:
    """Whether a text names a disordered stacking that `build` realises; "Z:0.3" alone is a supercell of its own."""
    return BETWEEN in text
