"""Chain: the Markov chain of a disordered stacking as matrices, with their derivatives.

A group is a set of galleries with the same transition probabilities. Random glides are variants of one group; glides
in turns need memory, so that each kind has two groups, one for each side of the last glide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.stacking.disorder import GLIDING, Disorder, least_persistence
from layerox.typing import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Chain:
    """Groups of galleries, and which of them may follow each other.

    Attributes
    ----------
    kind
        Kind of each group, shape (r,).
    part
        Part of its kind that each group holds, shape (r,).
    flips
        Whether the slab above has the opposite sense, shape (r,).
    mask
        Whether a group may be followed by another one, as far as memory decides, shape (r, r).
    group, share, shift
        Of each variant: its group, its share of the group, and its shift of the facing letters, shape (v,).
    kinds
        Number of kinds.
    """

    kind: IntArray
    part: FloatArray
    flips: NDArray[np.bool_]
    mask: FloatArray
    group: IntArray
    share: FloatArray
    shift: IntArray
    kinds: int

    @property
    def is_polar(self) -> bool:
        """Whether the crystal upside down is a different stacking: all glides go to one side."""
        shifts = np.zeros(len(self.kind))
        np.add.at(shifts, self.group, self.share * self.shift)
        return bool(abs(float((self.part * shifts * self.flips).sum())) > 1e-12)


@dataclass(frozen=True, eq=False)
class Probabilities:
    """Transition probabilities of a chain at given fractions and persistence.

    Attributes
    ----------
    transition, stationary
        P, shape (r, r), each row of sum 1, and g = g P, shape (r,).
    transition_slopes, stationary_slopes
        Derivatives with respect to the fractions of the second, third ... kind and the persistence, (k, r, r), (k, r).
    """

    transition: FloatArray
    stationary: FloatArray
    transition_slopes: FloatArray
    stationary_slopes: FloatArray


def chain_of(disorder: Disorder) -> Chain:
    """Return the chain of a disordered stacking."""
    kinds = len(disorder.kinds)
    steps = disorder.steps
    if disorder.glides == "alternate" and GLIDING in disorder.kinds:
        return _with_memory(disorder)
    variants = [
        (k, 0.5 if both else 1.0, sign * steps[k].shift)
        for k, name in enumerate(disorder.kinds)
        for both in [name == GLIDING and disorder.glides == "random"]
        for sign in ((1, -1) if both else (1,))
    ]
    return Chain(
        kind=np.arange(kinds),
        part=np.ones(kinds),
        flips=np.array([step.flips for step in steps]),
        mask=np.ones((kinds, kinds)),
        group=np.array([k for k, _, _ in variants]),
        share=np.array([share for _, share, _ in variants]),
        shift=np.array([shift for _, _, shift in variants]),
        kinds=kinds,
    )


def _with_memory(disorder: Disorder) -> Chain:
    """Return the chain whose groups know the side of the last glide: the next one goes to the other side."""
    kinds, steps = len(disorder.kinds), disorder.steps
    kind = np.repeat(np.arange(kinds), 2)
    side = np.tile([1, -1], kinds)
    glides = np.array([name == GLIDING for name in disorder.kinds])[kind]
    mask = np.where(glides[None, :], side[:, None] != side[None, :], side[:, None] == side[None, :])
    shifts = np.array([step.shift for step in steps])[kind]
    return Chain(
        kind=kind,
        part=np.full(len(kind), 0.5),
        flips=np.array([step.flips for step in steps])[kind],
        mask=mask.astype(np.float64),
        group=np.arange(len(kind)),
        share=np.ones(len(kind)),
        shift=np.where(glides, side, shifts),
        kinds=kinds,
    )


def probabilities(chain: Chain, fractions: Sequence[float] | FloatArray, persistence: float) -> Probabilities:
    """Return the probabilities of a chain.

    A persistence below the lowest one of the fractions counts as the lowest one: no probability is negative.

    Parameters
    ----------
    chain
        The chain.
    fractions
        Of the second, third ... kind, shape (k - 1,).
    persistence
        L of the chain.
    """
    further = np.asarray(fractions, dtype=np.float64)
    g = np.concatenate([[1.0 - further.sum()], further])
    count = len(g)
    by_fraction = np.concatenate([-np.ones((count - 1, 1)), np.eye(count - 1)], axis=1)
    least = least_persistence(g.tolist())
    held, rarest = persistence < least, int(np.argmin(g))
    level = least if held else persistence
    own = np.zeros(count)
    if held:
        own[:-1] = -by_fraction[:, rarest] / (1.0 - g[rarest]) ** 2
    else:
        own[-1] = 1.0
    random = np.tile(g, (count, 1))
    matrix = (1.0 - level) * random + level * np.eye(count)
    slopes = own[:, None, None] * (np.eye(count) - random)
    slopes[:-1] += (1.0 - level) * by_fraction[:, None, :]
    rows = np.ix_(chain.kind, chain.kind)
    return Probabilities(
        transition=np.ascontiguousarray(chain.mask * matrix[rows]),
        stationary=chain.part * g[chain.kind],
        transition_slopes=np.array([chain.mask * slope[rows] for slope in slopes]),
        stationary_slopes=np.concatenate([chain.part * by_fraction[:, chain.kind], np.zeros((1, len(chain.kind)))]),
    )
