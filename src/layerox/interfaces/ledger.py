"""Ledger: which charge each slab carries when every gallery ion is counted half to either side.

The sum over the cell is zero by construction of the valences; what the ledger shows is which slab would have to be
oxidised or reduced, and whether its metals can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerox.builders.composition import Composition
from layerox.builders.sodium import contents
from layerox.interfaces.intergrowth import Intergrowth


@dataclass(frozen=True, kw_only=True)
class Entry:
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


def ledger(grown: Intergrowth) -> tuple[Entry, ...]:
    """Return an entry for each slab."""
    entries = []
    labels = [label.phase for label in grown.word.labels]
    for k, slab in enumerate(grown.slabs):
        below, above = contents(grown.galleries[k - 1].ions), contents(grown.galleries[k].ions)
        composition = Composition(
            alkali={e: (below.get(e, 0.0) + above.get(e, 0.0)) / 2 for e in {**below, **above}},
            metals=slab.metals,
            anions={e: slab.lower.get(e, 0.0) + slab.upper.get(e, 0.0) for e in {**slab.lower, **slab.upper}},
        )
        entries.append(Entry(slab=k, phases=(labels[k - 1], labels[k]), composition=composition))
    return tuple(entries)


def mean_composition(parts: Sequence[tuple[float, Composition]]) -> Composition:
    """Return the weighted mean of compositions."""
    total = sum(weight for weight, _ in parts)

    def blend(name: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for weight, composition in parts:
            for element, x in getattr(composition, name).items():
                found[element] = found.get(element, 0.0) + weight * x / total
        return found

    return Composition(alkali=blend("alkali"), metals=blend("metals"), anions=blend("anions"))
