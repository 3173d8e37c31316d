"""Realisation: one explicit word of slabs drawn from a disordered stacking."""

from __future__ import annotations

import random

from layerox.errors import InputError
from layerox.stacking.disorder import GLIDING, Disorder
from layerox.stacking.word import Label, SlabStep, Word, lay

# Draws until a word closes; one in six does.
MOST_DRAWS = 10_000
FEWEST_SLABS, MOST_SLABS = 2, 10_000


def realised_word(disorder: Disorder, slabs: int, *, seed: int = 0) -> Word:
    """Return a cyclic word of a number of slabs whose galleries follow the chain of a disordered stacking.

    Words that do not close, in letters or senses, are drawn again, so that no gallery is changed.

    Parameters
    ----------
    disorder
        The stacking.
    slabs
        Number of slabs, and of galleries.
    seed
        Of the draw.

    Raises
    ------
    InputError
        If the number of slabs is no size of a crystal, or no word of that size closes.
    """
    if not FEWEST_SLABS <= slabs <= MOST_SLABS:
        raise InputError(f"{slabs} slabs", argument="slabs", cure=f"give {FEWEST_SLABS} to {MOST_SLABS}")
    draw = random.Random(seed)
    for _ in range(MOST_DRAWS):
        word = lay(_labels(disorder, slabs, draw))
        if all(label.step == step for label, step in zip(word.labels, word.steps, strict=True)):
            return word
    raise InputError(f"no word of {slabs} slabs of {disorder.text} closes", argument="slabs",
                     cure="give an even number, a multiple of 3, or more slabs")  # fmt: skip


def _labels(disorder: Disorder, count: int, draw: random.Random) -> list[Label]:
    kinds = range(len(disorder.kinds))
    kind = draw.choices(kinds, disorder.fractions)[0]
    labels, side = [], draw.choice((1, -1))
    for _ in range(count):
        name, step = disorder.kinds[kind], disorder.steps[kind]
        if name == GLIDING:
            side = {"random": draw.choice((1, -1)), "alternate": -side, "same": 1}[disorder.glides]
            step = SlabStep(step.flips, side * step.shift)
        labels.append(Label(name, step))
        weights = [(1.0 - disorder.persistence) * g for g in disorder.fractions]
        weights[kind] += disorder.persistence
        kind = draw.choices(kinds, [max(weight, 0.0) for weight in weights])[0]
    return labels
