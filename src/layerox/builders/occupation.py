"""Occupation: partial occupancies as a filling problem: open positions, allowed species, and numbers of each.

Positions that share the same ions form a pool ("face" and "edge" of P2 are one, the metal plane another). The numbers
in a cell are whole ones nearest to the occupancies; cations closer than 2 A exclude each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.builders.composition import ANION_CHARGE, INTERLAYER, INTERLAYER_CHARGE, Composition
from layerox.crystal.asymmetric_unit import ANIONS, Site
from layerox.crystal.atoms import ALMOST_FULL, Atoms
from layerox.crystal.neighbours import pairs_within
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.typing import FloatArray, IntArray

EXCLUSION = 2.0  # angstrom; face and edge sites of a P gallery are a / sqrt 3, some 1.67 A, apart
VACANT = -1
NOTEWORTHY = 1e-3  # deviation of an amount per cell that is worth a notice

Ion = tuple[str, int]  # element and charge


@dataclass(frozen=True, kw_only=True, eq=False)
class IonPool:
    """Positions that are open to the same ions.

    Attributes
    ----------
    places
        Indices into the open positions of the `Filling`, shape (n,).
    ions
        Element and charge of each ion; a vacancy is the one after the last.
    group
        For each place, the number of the class whose share is kept, shape (n,).
    shares
        Requested mean numbers, shape (classes, ions + 1).
    counts
        Whole numbers to be placed, shape (classes, ions + 1); the last column is of vacancies.
    """

    places: IntArray
    ions: tuple[Ion, ...]
    group: IntArray
    shares: FloatArray
    counts: IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Openings:
    """What of a cell is to be filled.

    Attributes
    ----------
    atoms
        The cell with its partial occupancies.
    sites
        The value of `atoms.site` of each open position, shape (m,).
    positions
        Fractional coordinates of the open positions, shape (m, 3).
    pools
        Who is to be placed where.
    exclusions
        For each open position those that cannot be filled beside it.
    """

    atoms: Atoms
    sites: IntArray
    positions: FloatArray
    pools: tuple[IonPool, ...]
    exclusions: tuple[tuple[int, ...], ...]

    def filled(self, states: IntArray, warnings: tuple[Notice, ...] = ()) -> Atoms:
        """Return the cell with whole ions.

        Parameters
        ----------
        states
            For each open position the number of its ion in its pool, VACANT where there is none.
        warnings
            What to add to the warnings of the atoms.
        """
        atoms = self.atoms
        kinds = [*atoms.kinds]
        whole = [index for index, kind in enumerate(kinds) if kind.occupancy > 1 - ALMOST_FULL]
        chosen: dict[int, Ion] = {}
        for pool in self.pools:
            for place in pool.places:
                if states[place] != VACANT:
                    chosen[int(self.sites[place])] = pool.ions[states[place]]
        keep, kind_of = [], []
        renumbered: dict[int, int] = {index: index for index in whole}
        open_sites = set(self.sites.tolist())
        for row, (site, index) in enumerate(zip(atoms.site.tolist(), atoms.kind.tolist(), strict=True)):
            if site in open_sites and chosen.get(site) != _ion(kinds[index]):
                continue
            if index not in renumbered:
                renumbered[index] = len(kinds)
                kinds.append(replace(kinds[index], occupancy=1.0))
            keep.append(row)
            kind_of.append(renumbered[index])
        used, kind = np.unique(kind_of, return_inverse=True)
        rows = np.array(keep, dtype=int)
        return replace(
            atoms,
            positions=atoms.positions[rows],
            kinds=tuple(kinds[index] for index in used),
            kind=kind,
            site=np.arange(len(rows)),
            layer=None if atoms.layer is None else atoms.layer[rows],
            phase=None if atoms.phase is None else atoms.phase[rows],
            site_kind=None if atoms.site_kind is None else atoms.site_kind[rows],
            warnings=(*atoms.warnings, *warnings),
        )

    @property
    def reached(self) -> tuple[Notice, ...]:
        """The notice that the composition had to be rounded, if it had to be."""
        parts = []
        for pool in self.pools:
            shares, counts = pool.shares.sum(axis=0), pool.counts.sum(axis=0)
            for (element, _), share, count in zip(pool.ions, shares, counts, strict=False):
                if abs(share - count) > NOTEWORTHY:
                    parts.append(f"{count} {element} for {share:.4g}")
        if not parts:
            return ()
        message = f"the nearest that whole atoms in this cell can reach: {', '.join(parts)}"
        return (Notice("composition_rounded", message),)


def _ion(kind: Site) -> Ion:
    return kind.element, kind.charge


def openings(atoms: Atoms, *, by_layer: bool, keep_split: bool = True) -> Openings:
    """Return what of a cell is to be filled, with whole numbers nearest to the occupancies.

    Parameters
    ----------
    atoms
        A cell or supercell.
    by_layer
        Whether each layer gets its own share of every ion (where layers are known), not the cell as a whole.
    keep_split
        Whether sites with different labels (face and edge) keep their shares, too.

    Raises
    ------
    InputError
        If occupancies exceed 1, or anions that are partly vacant are on a cation's site.
    """
    members: dict[int, list[int]] = {}
    for row, site in enumerate(atoms.site.tolist()):
        members.setdefault(site, []).append(row)
    occupancy = atoms.occupancies
    is_open = {site: rows for site, rows in members.items() if len(rows) > 1 or occupancy[rows[0]] < 1 - ALMOST_FULL}
    sites = np.array(sorted(is_open), dtype=int)
    first = [is_open[site][0] for site in sites.tolist()]
    pools = _pools(atoms, [is_open[site] for site in sites.tolist()], by_layer, keep_split)
    positions = atoms.positions[first].reshape(-1, 3)
    return Openings(
        atoms=atoms,
        sites=sites,
        positions=positions,
        pools=pools,
        exclusions=_exclusions(atoms, positions, first),
    )


def _pools(atoms: Atoms, rows: Sequence[Sequence[int]], by_layer: bool, keep_split: bool) -> tuple[IonPool, ...]:
    of_pool: dict[frozenset[Ion], list[int]] = {}
    kind = atoms.kind.tolist()
    for place, members in enumerate(rows):
        of_pool.setdefault(frozenset(_ion(atoms.kinds[kind[row]]) for row in members), []).append(place)
    return tuple(
        _pool(atoms, ions, [rows[place] for place in places], np.array(places), by_layer, keep_split)
        for ions, places in sorted(of_pool.items(), key=lambda item: sorted(item[0]))
    )


def _pool(
    atoms: Atoms,
    members: frozenset[Ion],
    rows: Sequence[Sequence[int]],
    places: IntArray,
    by_layer: bool,
    keep_split: bool,
) -> IonPool:
    ions = tuple(sorted(members))
    kind = atoms.kind.tolist()
    layer = atoms.layer.tolist() if by_layer and atoms.layer is not None else None
    keys: dict[tuple[int, tuple[int, ...]], int] = {}
    group, shares = [], np.zeros((len(places), len(ions) + 1))
    for index, of_site in enumerate(rows):
        label = tuple(sorted(kind[row] for row in of_site)) if keep_split else ()
        key = (layer[of_site[0]] if layer is not None else 0, label)
        group.append(keys.setdefault(key, len(keys)))
        for row in of_site:
            one = atoms.kinds[kind[row]]
            shares[index, ions.index(_ion(one))] += one.occupancy
    total = shares[:, :-1].sum(axis=1)
    if (total > 1 + 0.02).any():
        raise InputError(
            f"a site of {atoms.name} holds {total.max():.3g} ions", cure="give occupancies that add up to 1"
        )
    shares[:, -1] = np.clip(1 - total, 0.0, 1.0)
    shares /= shares.sum(axis=1, keepdims=True)
    of_class = np.zeros((len(keys), len(ions) + 1))
    np.add.at(of_class, group, shares)
    counts = _counts(of_class, np.array([of_layer for of_layer, _ in keys]))
    return IonPool(places=places, ions=ions, group=np.array(group), shares=of_class, counts=counts)


def _counts(shares: FloatArray, layer: IntArray) -> IntArray:
    """Round the shares of the cell to layers first, then those of each layer to its sites, so that none overflows."""
    layers, member = np.unique(layer, return_inverse=True)
    of_layer = np.zeros((len(layers), shares.shape[1]))
    np.add.at(of_layer, member, shares)
    counts = np.zeros(shares.shape, dtype=int)
    for k, columns in enumerate(whole_numbers(of_layer)):
        counts[member == k] = whole_numbers(shares[member == k], columns)
    return counts


def whole_numbers(shares: FloatArray, columns: IntArray | None = None) -> IntArray:
    """Round a table with whole row sums so that rows keep their sums and columns come nearest to theirs.

    Column sums, unless they are given, are those of the largest remainders; every entry is rounded up or down, the
    largest remainders up as far as both sums allow (controlled rounding, Cox, J. Am. Stat. Assoc. 82 (1987) 520,
    doi:10.1080/01621459.1987.10478456).
    """
    from scipy.optimize import linprog  # noqa: PLC0415  (a tenth of a second that a fit does not need)

    shares = np.where(np.abs(shares - np.rint(shares)) < 1e-9, np.rint(shares), shares)
    low = np.floor(shares).astype(int)
    missing = np.rint(shares.sum(axis=1)).astype(int) - low.sum(axis=1)
    columns = (_largest_remainders(shares.sum(axis=0)) if columns is None else columns) - low.sum(axis=0)
    rows, width = shares.shape
    if rows == 1:
        return np.asarray(low + columns)
    fractions = shares - low
    cells = np.arange(rows * width).reshape(rows, width)
    sums = np.zeros((rows + width, rows * width))
    for row in range(rows):
        sums[row, cells[row]] = 1
    for column in range(width):
        sums[rows + column, cells[:, column]] = 1
    # A small slope breaks ties in the same way on all machines.
    gain = fractions.reshape(-1) - 1e-7 * np.arange(rows * width) / (rows * width)
    bounds = np.stack([np.zeros(rows * width), (fractions > 0).reshape(-1).astype(float)], axis=1)
    answer = linprog(-gain, A_eq=sums, b_eq=np.concatenate([missing, columns]), bounds=bounds, method="highs-ds")
    assert answer.status == 0, answer.message
    return np.asarray(low + np.rint(answer.x).astype(int).reshape(rows, width))


def _largest_remainders(totals: FloatArray) -> IntArray:
    low = np.floor(totals + 1e-9).astype(int)
    missing = round(float(totals.sum())) - int(low.sum())
    for column in np.argsort(-(totals - low), kind="stable")[:missing]:
        low[column] += 1
    return low


def _exclusions(atoms: Atoms, positions: FloatArray, rows: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    is_cation = np.array([atoms.kinds[atoms.kind[row]].element not in ANIONS for row in rows], dtype=bool)
    found: list[list[int]] = [[] for _ in positions]
    if len(positions):
        pairs = pairs_within(atoms.lattice, positions, EXCLUSION)
        for one, other in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
            if is_cation[one] and is_cation[other]:
                found[one].append(other)
    return tuple(tuple(sorted(set(others))) for others in found)


def ion_charges(atoms: Atoms, content: dict[Ion, float]) -> dict[Ion, float]:
    """Return the charge of each ion: as stated where every one is, else the usual ones, the metals balancing them.

    Parameters
    ----------
    atoms
        The cell.
    content
        Number of each ion in the ordered cell.
    """
    if all(charge for _, charge in content):
        return {ion: float(ion[1]) for ion in content}
    amounts: dict[str, dict[str, float]] = {"alkali": {}, "metals": {}, "anions": {}}
    for (element, _), number in content.items():
        part = "anions" if element in ANIONS else "alkali" if element in INTERLAYER else "metals"
        amounts[part][element] = amounts[part].get(element, 0.0) + number
    states: dict[str, float] = {}
    if amounts["metals"]:
        states = Composition(
            alkali=amounts["alkali"], metals=amounts["metals"], anions=amounts["anions"]
        ).oxidation_states
    usual = {**ANION_CHARGE, **dict.fromkeys(amounts["alkali"], 1), **INTERLAYER_CHARGE, **states}
    return {ion: float(usual[ion[0]]) for ion in content}
