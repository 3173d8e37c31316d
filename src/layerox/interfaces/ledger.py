"""Ledger: which charge each slab carries when every gallery ion is counted half to either side.

The sum over the cell is zero by construction of the valences; what the ledger shows is which slab would have to be
oxidised or reduced, and whether its metals can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from layerox.builders.composition import INTERLAYER, Composition
from layerox.builders.sodium import contents
from layerox.interfaces.layer_planes import Planes, mean

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
    """

    slab: int
    phases: tuple[str, str]
    composition: Composition

    @property
    def tm_valence(self) -> float:
        """Mean charge of its metals."""
        return self.composition.metal_valence


def ledger(planes: Planes) -> tuple[SlabBalance, ...]:
    """Return an entry for each slab of a cyclic word."""
    entries = []
    labels = [label.phase for label in planes.word.labels]
    for k, slab in enumerate(planes.slabs):
        below, above = contents(planes.galleries[k - 1].ions), contents(planes.galleries[k].ions)
        between = mean(below, above)
        metals = {e: x for e, x in between.items() if e not in ALKALI}
        composition = Composition(
            alkali={e: x for e, x in between.items() if e in ALKALI},
            metals={e: slab.metals.get(e, 0.0) + metals.get(e, 0.0) for e in {**slab.metals, **metals}},
            anions={e: slab.lower.get(e, 0.0) + slab.upper.get(e, 0.0) for e in {**slab.lower, **slab.upper}},
        )
        entries.append(SlabBalance(slab=k, phases=(labels[k - 1], labels[k]), composition=composition))
    return tuple(entries)


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
    return Composition(
        alkali={e: x / units for e, x in held.items() if e in ALKALI},
        metals={e: x / units for e, x in held.items() if e not in ALKALI},
        anions={e: x / units for e, x in anions.items()},
    )


def _add(total: dict[str, float], amounts: Mapping[str, float], share: float) -> None:
    for element, x in amounts.items():
        total[element] = total.get(element, 0.0) + share * x
