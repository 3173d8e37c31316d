"""Rod nodes: the intensities at the nodes of all rods of a disordered phase, and their derivatives with its slots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.disordered.chain import Probabilities, chain_of, probabilities
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.disordered.recursion import rod_intensities
from layerox.diffraction.disordered.recursion_tables import RodIntensity, StackingTable
from layerox.diffraction.disordered.rods import rods_between
from layerox.diffraction.disordered.stacking_atoms import StackingAtoms
from layerox.diffraction.scattering_factors import Scatterers
from layerox.typing import FloatArray

# Relative change of the mesh that the rods allow for.
MESH_MARGIN = 0.03


@dataclass(frozen=True, eq=False)
class Nodes:
    """All nodes with or without phases of the letters; the arrays are those of `rods.Rod`, and its norm at each."""

    lateral: bool
    norm: FloatArray
    weight: FloatArray
    s_z: FloatArray
    width: FloatArray
    windowed: FloatArray


@lru_cache(maxsize=16)
def nodes_between(low: float, high: float, a: float, wavelength: float, window: float) -> tuple[Nodes, ...]:
    """Return the nodes between two angles, see `rods.rods_between`: those of rods with h - k = 0 mod 3, and others.

    The last ones are kept: several models of a fit have the same.
    """
    rods = rods_between(low, high, a, wavelength, window, MESH_MARGIN)
    sets = []
    for lateral in (False, True):
        own = [rod for rod in rods if rod.is_lateral == lateral]
        if own:
            norm = np.concatenate([np.full(rod.s_z.size, float(rod.norm)) for rod in own])
            fields = ("weight", "s_z", "width", "windowed")
            sets.append(Nodes(lateral, norm, *(np.concatenate([getattr(rod, f) for rod in own]) for f in fields)))
    return tuple(sets)


@dataclass(frozen=True, eq=False)
class NodeIntensities:
    """Intensities at a set of nodes at the values of a phase.

    Attributes
    ----------
    nodes
        The nodes.
    q
        1/d^2, 1/angstrom^2, shape (n,).
    rod
        Intensity and derivatives of one slab.
    owner
        The rods of the phase, which know the meaning of its slots.
    chances
        Probabilities of the chain.
    """

    nodes: Nodes
    q: FloatArray
    rod: RodIntensity
    owner: RodIntensities
    chances: Probabilities

    @property
    def value(self) -> FloatArray:
        """Intensity, electrons^2, shape (n,)."""
        return self.rod.value

    def slopes(self, transfer: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of the intensities and of q with respect to a variable, shape (n,) each.

        Parameters
        ----------
        transfer, values
            Derivatives of the slots with respect to the variable, and their values, shape (slots,).
        """
        total, q_slope = np.zeros(self.q.size), np.zeros(self.q.size)
        for slot in np.flatnonzero(transfer).tolist():
            if slot == pk.CELL:
                q_slope -= transfer[slot] * 8.0 * self.nodes.norm / (3.0 * values[pk.CELL] ** 3)
                total += self.rod.by_q * q_slope
            elif slot >= pk.CELL + 2:
                by_slot = self._by_slot(slot, values)
                total += 0.0 if by_slot is None else transfer[slot] * by_slot
        return total, q_slope

    def _by_slot(self, slot: int, values: FloatArray) -> FloatArray | None:
        """Return the derivative with respect to a site or the stacking; None if the intensity does not change."""
        owner, rod = self.owner, self.rod
        if slot == pk.SITES + pk.PER_SITE * owner.layers.anion + pk.SITE_Z:
            return np.asarray(rod.by_half * owner.layers.height_unit)
        start = owner.phase.stacking_start
        if slot >= start:
            return self._by_stacking(slot - start)
        site, what = divmod(slot - pk.SITES, pk.PER_SITE)
        if slot < pk.SITES or what not in (pk.SITE_OCCUPANCY, pk.SITE_U):
            return None
        return np.asarray((rod.by_occupancy if what == pk.SITE_OCCUPANCY else rod.by_u_iso)[site])

    def _by_stacking(self, place: int) -> FloatArray:
        """Return the derivative with respect to a slot of the stacking: fractions, persistence, spacings, column."""
        kinds = self.owner.chain.kinds
        if place < kinds:
            by_chances = np.einsum("ab,abn->n", self.chances.transition_slopes[place], self.rod.by_transition)
            return np.asarray(by_chances + self.chances.stationary_slopes[place] @ self.rod.by_stationary)
        if place < 2 * kinds:
            return np.asarray(self.rod.by_spacing[self.owner.chain.kind == place - kinds].sum(axis=0))
        return np.asarray(self.rod.by_damping / (2.0 * math.pi * pk.NM))


class RodIntensities:
    """The intensities along the rods of a disordered phase, kept while its structure and stacking do not change."""

    def __init__(self, phase: DisorderedPhase, scattering: Scatterers, q_max: float):
        self.phase = phase
        self.chain = chain_of(phase.disorder)
        self.layers = StackingAtoms(phase, self.chain, scattering, q_max)
        self._kept: tuple[bytes, Sequence[Nodes], bool, tuple[NodeIntensities, ...]] | None = None

    def at(self, nodes: Sequence[Nodes], values: FloatArray, with_slopes: bool) -> tuple[NodeIntensities, ...]:
        """Return the intensities at sets of nodes for the values of the phase's slots."""
        key = values[pk.CELL : pk.CELL + 3].tobytes() + values[pk.SITES :].tobytes()
        kept = self._kept
        if kept is None or kept[0] != key or kept[1] is not nodes or (with_slopes and not kept[2]):
            found = tuple(self._intensities(own, values, with_slopes) for own in nodes)
            self._kept = kept = key, nodes, with_slopes, found
        return kept[3]

    def _intensities(self, nodes: Nodes, values: FloatArray, with_slopes: bool) -> NodeIntensities:
        chances, stacking = self._stacking(values)
        q = nodes.s_z**2 + 4.0 * nodes.norm / (3.0 * values[pk.CELL] ** 2)
        place = nodes.s_z, q, nodes.width, nodes.lateral
        layers = self.layers.table(values)
        rod = rod_intensities(*place, stacking, layers, False, with_slopes)
        if self.chain.is_polar:
            # The mean of the intensities at s_z and -s_z, which differ by f''.
            other = rod_intensities(*place, stacking, layers, True, with_slopes)
            rod = RodIntensity(*(0.5 * (one + two) for one, two in zip(rod, other, strict=True)))
        return NodeIntensities(nodes, q, rod, self, chances)

    def _stacking(self, values: FloatArray) -> tuple[Probabilities, StackingTable]:
        kinds, start = self.chain.kinds, self.phase.stacking_start
        own = values[start:]
        chances = probabilities(self.chain, own[: kinds - 1], float(own[kinds - 1]))
        table = StackingTable(
            transition=chances.transition,
            stationary=chances.stationary,
            flips=self.chain.flips.astype(np.int64),
            spacing=np.ascontiguousarray(own[kinds : 2 * kinds][self.chain.kind]),
            damping=float(own[2 * kinds]) / (2.0 * math.pi * pk.NM),
            group=self.chain.group,
            share=self.chain.share,
            shift=self.chain.shift,
        )
        return chances, table
