"""Gliding: lamellae of an intergrowth that can convert into another phase by slab glides, and the glides.

A glide keeps every slab's sense, so that blocks of P2 (alternating senses) and of P3 or O3 (uniform ones) have
different ends: no set of shifts serves both. Energies of glides are not considered here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.builders import LIBRARY
from layerox.crystal.atoms import Atoms
from layerox.errors import InputError
from layerox.interfaces.result import Interface
from layerox.stacking import POLYTYPES, SPINEL, Label, SlabStep, Word
from layerox.stacking.word import centred
from layerox.typing import FloatArray

GLIDE = np.array([1 / 3, 2 / 3, 0.0])


@dataclass(frozen=True, kw_only=True)
class GlideMode:
    """One set of glides of an intergrowth.

    Attributes
    ----------
    start, end
        The words before and after; `end` may be sheared.
    glides
        +1, 0 or -1 of (1/3, 2/3, 0) in each gallery, everything above moving along.
    """

    start: Word
    end: Word
    glides: tuple[int, ...]

    @property
    def phases(self) -> tuple[str, ...]:
        """Phase of each lamella afterwards."""
        return tuple(phase for phase, _ in self.end.blocks)

    @property
    def held(self) -> tuple[str, ...]:
        """Lamellae in which no gallery glides."""
        names, start = [], 0
        for phase, count in self.start.blocks:
            if not any(self.glides[start : start + count]):
                names.append(phase)
            start += count
        return tuple(names)

    def __str__(self) -> str:
        lean = f", c sheared by {self.end.shear} letters" if self.end.shear else ""
        return f"{self.start.text} -> {self.end.text} ({' '.join(f'{g:+d}' if g else '0' for g in self.glides)}{lean})"


def glide_modes(word: Word) -> tuple[GlideMode, ...]:
    """Return the glide modes of lamellae of a closed word to named polytypes, with the others fixed.

    Of the modes that lead to the same phases, the one with the least shear of the cell is returned, then the one with
    the fewest glides.
    """
    best: dict[tuple[str, ...], GlideMode] = {}
    choices = [list(_ends(phase, steps)) for phase, steps in _lamellae(word)]
    for ends in itertools.product(*choices):
        mode = _mode(word, ends)
        key = tuple(phase for phase, _ in ends)
        if any(mode.glides) and (key not in best or _cost(mode) < _cost(best[key])):
            best[key] = mode
    return tuple(sorted(best.values(), key=lambda mode: (-len(mode.held), mode.end.text)))


def _lamellae(word: Word) -> Iterator[tuple[str, tuple[SlabStep, ...]]]:
    start = 0
    for phase, count in word.blocks:
        yield phase, word.steps[start : start + count]
        start += count


def _ends(phase: str, steps: tuple[SlabStep, ...]) -> Iterator[tuple[str, tuple[SlabStep, ...]]]:
    """Yield what a lamella can become, itself first: every run of a polytype's pattern with the same senses.

    The planes of a spinel are bound together and do not glide.
    """
    yield phase, steps
    if _kind(phase) == SPINEL:
        return
    seen = {steps}
    for name, pattern in POLYTYPES.items():
        turned = tuple(step.turned() for step in reversed(pattern))
        for form in (pattern, turned):
            for offset in range(len(form)):
                run = tuple(form[(offset + k) % len(form)] for k in range(len(steps)))
                alike = all(a.flips == b.flips for a, b in zip(run, steps, strict=True))
                shown = set(run) >= set(pattern) or set(run) >= set(turned)
                if alike and shown and run not in seen:
                    seen.add(run)
                    yield name, run


def _kind(label: str) -> str:
    """Return the phase of a label: that of a library entry, or the label itself."""
    entry = LIBRARY.get(label.partition("#")[0])
    return label if entry is None else entry.phase


def _mode(word: Word, ends: Sequence[tuple[str, tuple[SlabStep, ...]]]) -> GlideMode:
    wanted = [step for _, steps in ends for step in steps]
    pairs = zip(word.steps, wanted, word.senses, strict=True)
    glides = tuple(centred((new.shift - old.shift) * sense) for old, new, sense in pairs)
    labels = tuple(Label(phase, step) for phase, steps in ends for step in steps)
    return GlideMode(start=word, end=replace(word.glides(glides), labels=labels), glides=glides)


def _cost(mode: GlideMode) -> tuple[int, int]:
    return abs(centred(mode.end.shear)), sum(glide != 0 for glide in mode.glides)


def glide_path(made: Interface, mode: GlideMode, images: int = 5) -> tuple[Atoms, ...]:
    """Return cells on the straight path from an intergrowth to the end of a glide mode, both ends included.

    Slabs move rigidly by their share of the glides, the cell leans with them, gallery ions go straight to the nearest
    site that is left to them. Heights stay: what the galleries' heights become is for a calculator.

    Parameters
    ----------
    made
        A layered intergrowth; only its in-plane supercell may be larger than one.
    mode
        One of `glide_modes(made.word)`.
    images
        Number of cells.

    Raises
    ------
    InputError
        If the mode belongs to another word, or fewer than two images are requested.
    """
    if made.grown is None or mode.start != made.word:
        raise InputError("the glide mode belongs to another word", cure="take one of glide_modes(interface.word)")
    if images < 2:
        raise InputError(f"{images} images make no path", cure="give two or more")
    return tuple(_image(made.grown.atoms(), mode, k / (images - 1)) for k in range(images))


def _image(atoms: Atoms, mode: GlideMode, way: float) -> Atoms:
    """`atoms` number their layers as the word its slabs."""
    assert atoms.layer is not None
    assert atoms.site_kind is not None
    shifts = np.array([0, *itertools.accumulate(mode.glides)])
    moves = shifts[atoms.layer][:, None] * GLIDE
    inside = ~np.isin(atoms.site_kind, ["metal", "anion"])
    for row in np.flatnonzero(inside):
        moves[row] += _ion_move(str(atoms.site_kind[row]), mode, int(atoms.layer[row]))
    lean = shifts[-1] * GLIDE * way
    lattice = atoms.lattice.copy()
    lattice[2] += lean @ atoms.lattice
    straight = atoms.positions + way * moves - atoms.positions[:, 2:] * lean
    return replace(atoms, lattice=lattice, positions=straight, source=f"{atoms.source}; {way:.0%} of {mode}")


def _ion_move(site: str, mode: GlideMode, layer: int) -> FloatArray:
    """Return the shift of an ion relative to the slab below it: to the nearest site of its gallery."""
    gallery = mode.start.galleries[layer]
    letter = dict(gallery.sites)[site]
    ends = replace(gallery, above=gallery.above.shifted(mode.glides[layer]))
    steps = [centred(end - letter) for _, end in ends.sites]
    return min(steps, key=abs) * GLIDE
