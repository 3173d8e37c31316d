"""Charge balance: the mean charge of the metals in each slab and lamella; gallery ions count half for each slab.

The charges of the whole cell add up to zero by construction; the balance shows which slab would have to be oxidised or
reduced, and whether its metals can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layerox.builders.composition import INTERLAYER, Composition
from layerox.builders.sodium_sites import contents
from layerox.crystal.asymmetric_unit import ANIONS
from layerox.interfaces.layer_planes import Planes, mean
from layerox.stacking import Block

ALKALI = INTERLAYER | {"Li"}


@dataclass(frozen=True, kw_only=True)
class SlabBalance:
    """One slab with half of each gallery beside it.

    Attributes
    ----------
    slab
        Its number.
    phases
        Labels of the galleries below and above.
    composition
        Per metal site.
    sodium_above
        Ions per metal in the gallery above it.
    """

    slab: int
    phases: tuple[str, str]
    composition: Composition
    sodium_above: float

    @property
    def tm_valence(self) -> float:
        """Mean charge of its metals."""
        return self.composition.metal_valence

    @property
    def name(self) -> str:
        """The slab as messages name it."""
        return f"slab {self.slab}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "slab": self.slab,
            "phases": list(self.phases),
            "formula": self.composition.formula,
            "tm_valence": round(self.tm_valence, 4),
            "sodium_above": round(self.sodium_above, 4),
        }


@dataclass(frozen=True, kw_only=True)
class LamellaSummary:
    """One lamella: its phase, slabs (shared ones count half), galleries, and composition per metal."""

    phase: str
    slabs: int
    galleries: int
    composition: Composition

    @property
    def name(self) -> str:
        """The lamella as messages name it."""
        return self.phase

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "phase": self.phase,
            "slabs": self.slabs,
            "galleries": self.galleries,
            "formula": self.composition.formula,
            "tm_valence": round(self.composition.metal_valence, 4),
        }


def ledger(planes: Planes) -> tuple[SlabBalance, ...]:
    """Return an entry for each slab of a cyclic word."""
    entries = []
    labels = [label.phase for label in planes.word.labels]
    for k, slab in enumerate(planes.slabs):
        below, above = contents(planes.galleries[k - 1].ions), contents(planes.galleries[k].ions)
        between = mean(below, above)
        # The sodium of Na2MoO4 is in its kagome planes: no metal whose charge is to be told.
        held = {e: between.get(e, 0.0) + slab.metals.get(e, 0.0) for e in {**between, **slab.metals}}
        alkali = {e: x for e, x in held.items() if e in INTERLAYER or (e == "Li" and e in between)}
        composition = Composition(
            alkali={e: between[e] if e == "Li" else x for e, x in alkali.items()},
            metals=_metals(slab.metals, between),
            anions={e: slab.lower.get(e, 0.0) + slab.upper.get(e, 0.0) for e in {**slab.lower, **slab.upper}},
        )
        entries.append(
            SlabBalance(
                slab=k, phases=(labels[k - 1], labels[k]), composition=composition, sodium_above=sum(above.values())
            )
        )
    return tuple(entries)


def _metals(slab: Mapping[str, float], between: Mapping[str, float]) -> dict[str, float]:
    """Return the metals of a slab with half of those between anion planes beside it (a spinel's mixed planes)."""
    amounts = {e: x for e, x in slab.items() if e not in INTERLAYER}
    for element, x in between.items():
        if element not in ALKALI:
            amounts[element] = amounts.get(element, 0.0) + x
    return amounts


def lamella_composition(planes: Planes, first: int, count: int) -> Composition:
    """Return what a lamella holds per MO2: its galleries, its inner slabs, and half of each slab that it shares.

    Parameters
    ----------
    planes
        Of a cyclic or an open word; the faces of an open one are shared with none.
    first, count
        Its first gallery, and how many it has.
    """
    size, open_ends = len(planes.slabs), set() if planes.word.cyclic else {0, len(planes.slabs) - 1}
    held: dict[str, float] = {}
    anions: dict[str, float] = {}
    units = 0.0
    for k in range(first, first + count):
        _add(held, contents(planes.galleries[k % size].ions), 1.0)
    for k in range(first, first + count + 1):
        slab = planes.slabs[k % size]
        share = 0.5 if k in {first, first + count} - open_ends else 1.0
        units += share
        _add(held, slab.metals, share)
        _add(anions, slab.lower, share)
        _add(anions, slab.upper, share)
    return composition_of({**held, **anions}, alkali=ALKALI, per=units)


def _add(total: dict[str, float], amounts: Mapping[str, float], share: float) -> None:
    for element, x in amounts.items():
        total[element] = total.get(element, 0.0) + share * x


def composition_of(
    amounts: Mapping[str, float], *, alkali: frozenset[str] = INTERLAYER, per: float = 1.0
) -> Composition:
    """Return the composition of amounts of elements, split by element into gallery ions, metals and anions.

    Parameters
    ----------
    amounts
        By element; those of 0 are left out.
    alkali
        Elements that count as gallery ions.
    per
        Number of formula units in `amounts`.
    """
    shares = {e: x / per for e, x in amounts.items() if x > 0}
    return Composition(
        alkali={e: x for e, x in shares.items() if e in alkali},
        metals={e: x for e, x in shares.items() if e not in alkali and e not in ANIONS},
        anions={e: x for e, x in shares.items() if e in ANIONS},
    )


def lamellae_of(planes: Planes, blocks: Sequence[Block]) -> Iterator[LamellaSummary]:
    """Yield the lamellae (label, galleries) of a word: n galleries have n - 1 own slabs and two halves."""
    start = 0
    for label, count in blocks:
        held = lamella_composition(planes, start, count)
        yield LamellaSummary(phase=label, slabs=count, galleries=count, composition=held)
        start += count
