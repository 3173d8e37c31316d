"""Refined stacking: fractions, persistence, lamella thickness and weights of a disordered phase after a fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.disordered.phase import COLUMN, PERSISTENCE, SPACING, DisorderedPhase, GallerySite
from layerox.diffraction.weight_fractions import cell_volume
from layerox.refined import Refined, Status
from layerox.stacking.disorder import Glides, least_persistence
from layerox.typing import FloatArray

Verdict = Literal["coherent", "mixture", "undetermined"]
# Standard uncertainty of ln(thickness) above which a thickness is a bound, and the one-sided 95 % quantile.
VAGUE_THICKNESS, ONE_SIDED = 0.5, 1.645


@dataclass(frozen=True, kw_only=True)
class StackingVerdict:
    """Whether the kinds of galleries are in one particle.

    Attributes
    ----------
    verdict
        "coherent", "mixture" or "undetermined".
    delta_chi_squared, threshold
        Chi-squared of the best mixture of the ends less that of the intergrowth, and what it must exceed.
    reason
        What the verdict rests on, in one sentence.
    deciding
        Angles (two-theta, degrees) of the largest differences, with their part of delta chi-squared.
    """

    verdict: Verdict
    delta_chi_squared: float | None
    threshold: float
    reason: str
    deciding: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class RefinedStacking:
    """The stacking of a disordered phase after refinement.

    Attributes
    ----------
    kinds, glides
        As in `stacking.disorder.Disorder`.
    fractions
        Of each kind, by galleries.
    persistence
        L of the chain.
    thickness, thickness_nm
        Mean thickness of the lamellae of each kind, in galleries and in nm; with status "at_bound" a lower bound (95 %
        one-sided), if the data do not determine it.
    shares
        Weight fraction of each kind in the specimen: its galleries with half of both slabs beside each.
    spacings
        Slab-to-slab distance of each kind, angstrom.
    column_nm
        Mean height of the columns, nm.
    gallery_sites
        As in `phase.DisorderedPhase`.
    verdict
        None if it was not examined.
    """

    kinds: tuple[str, ...]
    glides: Glides
    fractions: tuple[Refined, ...]
    persistence: Refined
    thickness: tuple[Refined, ...]
    thickness_nm: tuple[Refined, ...]
    shares: tuple[Refined, ...]
    spacings: tuple[Refined, ...]
    column_nm: Refined
    gallery_sites: tuple[GallerySite | None, ...]
    verdict: StackingVerdict | None = None

    @property
    def fraction(self) -> Refined:
        """Fraction of the second kind."""
        return self.fractions[1]


def refined_stacking(
    phase: DisorderedPhase,
    slots: Mapping[str, Refined],
    covariance: FloatArray,
    shares: tuple[Refined, ...],
) -> RefinedStacking:
    """Return the refined stacking of a phase.

    Parameters
    ----------
    phase
        The phase.
    slots
        Its refined slots by name.
    covariance
        Covariance of its stacking slots in their order, shape (k, k).
    shares
        Weight fractions of the kinds in the specimen.
    """
    kinds = phase.disorder.kinds
    further = [slots[slot] for slot in phase.stacking_slots[: len(kinds) - 1]]
    esd = math.sqrt(max(float(covariance[: len(kinds) - 1, : len(kinds) - 1].sum()), 0.0))
    first = Refined(1.0 - sum(map(float, further)), esd, further[0].status)
    fractions = (first, *further)
    persistence = slots[PERSISTENCE]
    least = least_persistence([float(f) for f in fractions])
    if persistence <= least:
        persistence = Refined(least, 0.0, "at_bound" if persistence.value != 0.0 else persistence.status)
    spacings = tuple(slots[f"{SPACING}_{kind}"] for kind in kinds)
    thickness = tuple(_thickness(k, fractions, persistence, covariance) for k in range(len(kinds)))
    inverse = slots[COLUMN]
    return RefinedStacking(
        kinds=kinds,
        glides=phase.disorder.glides,
        fractions=fractions,
        persistence=persistence,
        thickness=thickness,
        thickness_nm=tuple(_in_nm(t, d) for t, d in zip(thickness, spacings, strict=True)),
        shares=shares,
        spacings=spacings,
        column_nm=_column(inverse),
        gallery_sites=phase.gallery_sites,
    )


def _thickness(kind: int, fractions: tuple[Refined, ...], persistence: Refined, covariance: FloatArray) -> Refined:
    """Return 1 / ((1 - L)(1 - g)) of a kind with its standard uncertainty, or its lower bound."""
    leaving = max(1.0 - float(persistence), 1e-12) * max(1.0 - float(fractions[kind]), 1e-12)
    value = 1.0 / leaving
    # Derivatives of ln t: with L, and with the further fractions, of which the first is 1 less their sum.
    by_fraction = 1.0 / max(1.0 - float(fractions[kind]), 1e-12)
    count = len(fractions)
    slope = np.zeros(len(covariance))
    slope[count - 1] = 1.0 / max(1.0 - float(persistence), 1e-12)
    if kind == 0:
        slope[: count - 1] = -by_fraction
    else:
        slope[kind - 1] = by_fraction
    relative = math.sqrt(max(float(slope @ covariance @ slope), 0.0))
    if persistence.status == "at_bound" and persistence > 0.0:
        # The uncertainty of a variable at its bound is the one without the bound.
        open_ended = persistence.esd * slope[count - 1]
        return Refined(value / (1.0 + ONE_SIDED * open_ended), 0.0, "at_bound")
    if relative == 0.0:
        return Refined(value, 0.0, "fixed")
    if relative > VAGUE_THICKNESS:
        return Refined(1.0 / (leaving * (1.0 + ONE_SIDED * relative)), 0.0, "at_bound")
    return Refined(value, value * relative, "tied")


def _in_nm(thickness: Refined, spacing: Refined) -> Refined:
    factor = float(spacing) / pk.NM
    return Refined(float(thickness) * factor, thickness.esd * factor, thickness.status)


def _column(inverse: Refined) -> Refined:
    if inverse <= 0.0:
        return Refined(math.inf, 0.0, inverse.status)
    return Refined(1.0 / inverse, inverse.esd / inverse**2, inverse.status)


def kind_weights(phase: DisorderedPhase, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return S V times the mass of each kind in a mean slab with gallery, and derivatives with respect to the slots.

    Their sum is S Z M V of the phase.
    """
    masses, by_slot = phase.kind_masses(values)
    fractions = phase.fractions(values)
    held = fractions * masses
    slopes = fractions[:, None] * by_slot + masses[:, None] * phase.fraction_slopes(len(values))
    volume, by_cell = cell_volume(values[pk.CELL : pk.CELL + 6])
    scale = values[pk.SCALE]
    slopes *= scale * volume
    slopes[:, pk.SCALE] = volume * held
    slopes[:, pk.CELL : pk.CELL + 6] += scale * held[:, None] * by_cell
    return scale * volume * held, slopes


def kind_shares(
    phase: DisorderedPhase,
    values: FloatArray,
    transfer: FloatArray,
    others: tuple[float, FloatArray],
    covariance: FloatArray,
    status: Status,
) -> tuple[Refined, ...]:
    """Return the weight fraction of each kind of a phase in the specimen.

    Parameters
    ----------
    phase, values, transfer
        The phase, the values of its slots, and their derivatives with respect to the variables, (slots, v).
    others
        S Z M V of all other phases together, and its derivatives with respect to the variables.
    covariance
        Of the variables, shape (v, v).
    status
        Of the fractions.
    """
    weights, by_slot = kind_weights(phase, values)
    slopes = by_slot @ transfer
    total, total_slopes = weights.sum() + others[0], slopes.sum(axis=0) + others[1]
    if total <= 0.0:
        return tuple(Refined(0.0, 0.0, status) for _ in weights)
    shares = weights / total
    by_variable = (slopes - shares[:, None] * total_slopes) / total
    variances = np.einsum("kv,vw,kw->k", by_variable, covariance, by_variable)
    esds = np.sqrt(np.maximum(variances, 0.0))
    return tuple(
        Refined(s, e, status if e > 0 else "fixed") for s, e in zip(shares.tolist(), esds.tolist(), strict=True)
    )
