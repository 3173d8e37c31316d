"""The space group of a CIF block, chosen among its statements.

A list of operations or a Hall symbol decides, else the Hermann-Mauguin symbol or number. If Z, the stated
multiplicities or the density contradict that group and fit another reading of the same file (the symbol's group, the
operations with the centring of the lattice, the other origin), that reading is used, with a notice. An incomplete list
that cannot be completed is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gemmi
import numpy as np
from gemmi import cif

from layerox.crystal.asymmetric_unit import Crystal, cell_tuple
from layerox.errors import InputError, printable
from layerox.io.cif_number import UNKNOWN
from layerox.io.cif_sites import AtomList, listed
from layerox.io.cif_stated_content import (
    FORMULA_TOLERANCE,
    Stated,
    contradictions,
    disagreement,
    is_plausible,
    shortest_contact,
    text_in,
)
from layerox.io.space_group_symbols import Named, named_group, symmetry_of
from layerox.notices import Notice
from layerox.symmetry import Symmetry, symmetry_from_triplets, wrapped

OPERATION_TAGS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz", "_space_group_symop.operation_xyz")
SYMBOL_TAGS = (
    "_space_group_name_H-M_alt",
    "_symmetry_space_group_name_H-M",
    "_space_group_name_H-M_full",
    "_space_group_IT_number",
    "_symmetry_Int_Tables_number",
)
HALL_TAGS = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
MOST_OPERATIONS, LONGEST_SYMBOL = 1000, 60
CELL_TOLERANCE = 2e-3
# Smallest difference of the shortest contacts of two origins, relative to covalent radii, to choose one.
CLEARER_CONTACT = 1.1
# Sites times operations above which repeated rows are not searched.
MOST_TO_SEARCH = 100_000
# Largest number of sites that are moved onto special positions one by one.
MOST_SITES = 3000
LATTICES = {"P": "P 1", "A": "A 1", "B": "B 1", "C": "C 1", "I": "I 1", "F": "F 1", "R": "R 3:H"}


@dataclass(frozen=True)
class _Reading:
    """One reading of the group, and its crystal."""

    crystal: Crystal
    contradictions: tuple[str, ...]
    warnings: tuple[Notice, ...] = ()


def crystal_in_its_group(
    block: cif.Block, cell: Sequence[float], atoms: AtomList, stated: Stated, name: str, path: Path
) -> Crystal:
    """Return the crystal of an atom list in the stated group, with notices as warnings.

    Raises
    ------
    InputError
        If no group is stated, the cell contradicts it, or the operations are incomplete and cannot be completed.
    """
    plain = Crystal(
        name=printable(name), cell=cell_tuple(cell), symmetry=symmetry_of("P 1"), sites=atoms.sites,
        source=printable(str(path)),
    )  # fmt: skip
    symbols = [text for tag in SYMBOL_TAGS if (text := text_in(block, tag))]
    operations, unread = _listed_operations(block, symbols, path)
    if operations is not None:
        return _by_operations(plain, operations, symbols, atoms, stated, path)
    found = _by_symbol(plain, symbols, atoms, stated, path)
    return replace(found, warnings=(*unread, *found.warnings))


# --- operations ----------------------------------------------------------------------------------------------------


def _listed_operations(block: cif.Block, symbols: Sequence[str], path: Path) -> tuple[Symmetry | None, list[Notice]]:
    """Return the group of the listed operations or the Hall symbol; None, with a notice, if they cannot be read.

    Raises
    ------
    InputError
        If they cannot be read and no known symbol replaces them.
    """
    texts = _operations(block)
    if not texts:
        return None, []
    try:
        if len(texts) > MOST_OPERATIONS:
            raise InputError(f"{len(texts)} symmetry operations are more than any group has")
        return symmetry_from_triplets(texts), []
    except InputError as error:
        if not any(named_group(symbol) for symbol in symbols):
            cure = f"correct {OPERATION_TAGS[0]}"
            raise InputError(error.problem[:200], place=path, cure=cure) from error
        message = f"its list of operations cannot be read ({error.problem[:120]}): the symbol holds"
        return None, [Notice("operations_unreadable", message)]


def _operations(block: cif.Block) -> list[str]:
    """Return the listed operations, or those of the Hall symbol; empty without either."""
    for tag in OPERATION_TAGS:
        if listed_there := [cif.as_string(text) for text in block.find_values(tag) if text not in UNKNOWN]:
            return listed_there
    hall = next((text for tag in HALL_TAGS if (text := text_in(block, tag))), "")[:LONGEST_SYMBOL]
    try:
        return [op.triplet() for op in gemmi.symops_from_hall(hall)] if hall else []
    except (RuntimeError, ValueError):
        return []


def _by_operations(
    plain: Crystal, operations: Symmetry, symbols: Sequence[str], atoms: AtomList, stated: Stated, path: Path
) -> Crystal:
    """Return the crystal of listed operations, completed if the file's other statements require it."""
    own = _reading(plain, operations, atoms, stated, path)
    conflict = _contradiction(operations, symbols)
    missing = conflict is not None and _lacks_operations(operations, symbols)
    doubted = own.contradictions or (missing and not is_plausible(own.crystal))
    if not doubted:
        return _with(own.crystal, own.warnings, () if conflict is None else (conflict,))
    others = [_attempted(plain, s, atoms, stated, path) for s in _completions(operations, symbols)]
    fitting = [found for found in others if found is not None and is_plausible(found.crystal)]
    best = min(fitting, key=lambda found: len(found.contradictions), default=None)
    if best is not None and len(best.contradictions) < len(own.contradictions) + missing:
        why = ", ".join(own.contradictions) or "the cell would be all but empty"
        message = (
            f"its operations are those of {operations.short_name}; {why}: the list is incomplete and "
            f"was completed to {best.crystal.space_group}"
        )
        return _with(best.crystal, best.warnings, (Notice("operations_completed", message),))
    if missing or len(own.contradictions) > 1:
        why = ", ".join(own.contradictions) or "the cell would be all but empty"
        suffix = f", its symbol gives {symbols[0][:LONGEST_SYMBOL]!r}" if missing else ""
        raise InputError(f"its operations are those of {operations.short_name}{suffix}: {why}", place=path,
                         cure="complete the list of operations, or leave it out")  # fmt: skip
    notices = [Notice("content_contradicts", f"{why}: the operations hold") for why in own.contradictions]
    return _with(own.crystal, own.warnings, (*notices, *([conflict] if conflict else [])))


def _contradiction(operations: Symmetry, symbols: Sequence[str]) -> Notice | None:
    """Return a notice if the symbol and the operations have different groups."""
    for symbol in symbols if operations.name else ():
        named = named_group(symbol)
        if named is not None and named.number != operations.number:
            message = (
                f"its operations are those of {operations.short_name}, its symbol gives {symbol[:LONGEST_SYMBOL]!r}: "
                "the operations hold"
            )
            return Notice("space_group_contradiction", message)
    return None


def _lacks_operations(operations: Symmetry, symbols: Sequence[str]) -> bool:
    """Whether the operations are a proper subset of those of a setting of the symbol."""
    return any(_is_part(operations, whole) for whole in _settings(symbols))


def _settings(symbols: Sequence[str]) -> list[Symmetry]:
    named = [found for symbol in symbols if (found := named_group(symbol))]
    return [symmetry_of(setting) for setting in dict.fromkeys(s for one in named for s in one.settings)]


def _is_part(part: Symmetry, whole: Symmetry) -> bool:
    return len(part) < len(whole) and _triplets(part) <= _triplets(whole)


def _triplets(symmetry: Symmetry) -> set[str]:
    return {gemmi.Op(triplet).wrap().triplet() for triplet in symmetry.triplets}


def _completions(operations: Symmetry, symbols: Sequence[str]) -> Iterator[Symmetry]:
    """Yield the symbol's groups that contain the operations, then the operations with each centring."""
    yield from (whole for whole in _settings(symbols) if _is_part(operations, whole))
    letters = [symbol[0].upper() for symbol in symbols if symbol[0].upper() in LATTICES]
    for letter in letters[:1] or [letter for letter in LATTICES if letter != "P"]:
        with_centring = [t for c in symmetry_of(LATTICES[letter]).centrings for t in _shifted(operations, c)]
        try:
            found = symmetry_from_triplets(with_centring)
        except InputError:
            continue
        if _is_part(operations, found):
            yield found


def _shifted(operations: Symmetry, by: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[str]:
    shift = [round(float(x) * gemmi.Op.DEN) for x in by]
    found = []
    for triplet in operations.triplets:
        op = gemmi.Op(triplet)
        op.tran = [t + s for t, s in zip(op.tran, shift, strict=True)]
        found.append(op.wrap().triplet())
    return found


# --- symbols -------------------------------------------------------------------------------------------------------


def _by_symbol(plain: Crystal, symbols: Sequence[str], atoms: AtomList, stated: Stated, path: Path) -> Crystal:
    """Return the crystal of a symbol; cell, content and contacts choose between two origins or sets of axes."""
    if not symbols:
        raise InputError("states no space group", place=path, cure="add _space_group_name_H-M_alt")
    symbol, named = _agreed(symbols, path)
    settings = [symmetry_of(name) for name in named.settings]
    readings = [_attempted(plain, s, atoms, stated, path) for s in settings]
    usable = [found for found in readings if found is not None]
    if not usable:
        found = _reading(plain, settings[0], atoms, stated, path)  # raises the error with its reason
        found.crystal.checked()
        usable = [found]
    chosen, warnings = _chosen(usable, symbol, named, stated)
    if symbol != symbols[0]:
        message = (
            f"its space group {symbols[0][:LONGEST_SYMBOL]!r} is unknown: {symbol[:LONGEST_SYMBOL]}, "
            f"{chosen.crystal.space_group}, was taken"
        )
        warnings = [Notice("space_group_unknown", message), *warnings]
    warnings += [Notice("content_contradicts", why) for why in chosen.contradictions]
    return _with(chosen.crystal, chosen.warnings, warnings)


def _agreed(symbols: Sequence[str], path: Path) -> tuple[str, Named]:
    """Return the first known symbol (or number) and its group; the other ones must not contradict it."""
    known = [(symbol, found) for symbol in symbols if (found := named_group(symbol)) is not None]
    if not known:
        raise InputError(f"unknown space group {symbols[0][:LONGEST_SYMBOL]!r}", place=path,
                         cure="give a Hermann-Mauguin symbol")  # fmt: skip
    symbol, named = known[0]
    for other, found in known[1:]:
        if found.number != named.number:
            name = symmetry_of(found.settings[0]).short_name
            fault = (
                f"two space groups, {symbol[:LONGEST_SYMBOL]!r} (number {named.number}) and "
                f"{other[:LONGEST_SYMBOL]!r} ({name})"
            )
            raise InputError(fault, place=path, cure="correct one of them")
    explicit = next(((s, n) for s, n in known if n.is_explicit), None)
    return explicit or (symbol, named)


def _chosen(usable: Sequence[_Reading], symbol: str, named: Named, stated: Stated) -> tuple[_Reading, list[Notice]]:
    """Return the chosen reading, with a notice if the symbol is ambiguous or the cell contradicts it."""
    meant = usable[0].crystal.symmetry.name
    shown = repr(symbol[:LONGEST_SYMBOL])
    if named.is_explicit:
        if meant == named.settings[0]:
            return usable[0], []
        message = f"{shown} names {named.settings[0]!r}, which the cell or the atoms contradict: {meant!r} was taken"
        return usable[0], [Notice("setting_changed", message)]
    if len(named.settings) == 1 or named.settings[0].endswith((":H", ":R")):
        return usable[0], []
    fewest = min(len(found.contradictions) for found in usable)
    matching = [found for found in usable if len(found.contradictions) == fewest]
    agreeing = [f for f in matching if not stated.formula or _has_formula(f.crystal, stated)] or matching
    best, which = agreeing[0], "the only one that fits the atoms"
    if len(agreeing) > 1:
        best, which = _by_contacts(agreeing)
    message = f"{shown} has two origins and the file does not say which: {best.crystal.symmetry.name!r} is {which}"
    return best, [Notice("origin_chosen", message)]


def _has_formula(crystal: Crystal, stated: Stated) -> bool:
    return disagreement(crystal.content, stated.formula) < FORMULA_TOLERANCE


def _by_contacts(readings: Sequence[_Reading]) -> tuple[_Reading, str]:
    """Return the reading whose shortest contact is clearly the longest, else the first."""
    lengths = [shortest_contact(found.crystal) for found in readings]
    best = int(np.argmax(lengths))
    others = [length for k, length in enumerate(lengths) if k != best]
    if lengths[best] > CLEARER_CONTACT * max(others):
        return readings[best], "the one whose atoms are not too close"
    return readings[0], "assumed"


# --- the crystal of a group ---------------------------------------------------------------------------------------


def _attempted(plain: Crystal, symmetry: Symmetry, atoms: AtomList, stated: Stated, path: Path) -> _Reading | None:
    """Return a reading whose cell and atoms are possible, None otherwise."""
    try:
        found = _reading(plain, symmetry, atoms, stated, path)
        found.crystal.checked()
    except InputError:
        return None
    return found


def _reading(plain: Crystal, symmetry: Symmetry, atoms: AtomList, stated: Stated, path: Path) -> _Reading:
    if len(symmetry) > 1 and len(plain.sites) > MOST_SITES:
        problem = f"lists {len(plain.sites)} atoms beside {len(symmetry)} symmetry operations"
        raise InputError(problem, place=path, cure=f"give at most {MOST_SITES}, or all atoms in P 1")
    crystal = replace(plain, symmetry=symmetry, cell=_cell_in(plain.cell, symmetry, path)).snapped()
    kept, warnings = _without_repeats(crystal)
    crystal = replace(crystal, sites=tuple(crystal.sites[k] for k in kept))
    multiplicities = [atoms.multiplicities[k] for k in kept]
    return _Reading(crystal, tuple(contradictions(crystal, multiplicities, stated)), tuple(warnings))


def _cell_in(cell: Sequence[float], symmetry: Symmetry, path: Path) -> tuple[float, float, float, float, float, float]:
    """Return the cell with the metric that the space group requires, if the deviation is only rounding."""
    centred = symmetry.centred_cell(cell)
    worst = max(abs(one / other - 1) for one, other in zip(cell, centred, strict=True))
    if not worst <= CELL_TOLERANCE:
        numbers = " ".join(f"{x:g}" for x in cell)
        raise InputError(f"the cell {numbers} contradicts the space group {symmetry.short_name}", place=path,
                         cure="correct one of them")  # fmt: skip
    exact = [one if abs(one / other - 1) < 1e-12 else other for one, other in zip(cell, centred, strict=True)]
    for index, angle in symmetry.cell_rule.fixed.items():
        exact[index] = angle
    for index, leader in symmetry.cell_rule.follows.items():
        exact[index] = exact[leader]
    return cell_tuple(exact)


def _without_repeats(crystal: Crystal) -> tuple[list[int], list[Notice]]:
    """Return the rows to keep: the first of equal rows on equivalent positions, if the position would be overfull.

    A list of all atoms of the cell together with the full symmetry repeats every atom by its multiplicity.
    """
    everything = list(range(len(crystal.sites)))
    if len(crystal.sites) * len(crystal.symmetry) > MOST_TO_SEARCH or not crystal.crowded():
        return everything, []
    kept: dict[tuple[object, ...], list[int]] = {}
    for index, site in enumerate(crystal.sites):
        same = kept.setdefault((site.element, site.charge, round(site.occupancy, 4)), [])
        images = crystal.symmetry.images(site.position)
        others = np.array([crystal.sites[k].position for k in same]).reshape(-1, 1, 3)
        if not same or np.abs(wrapped(images - others)).max(axis=2).min() > 0.005:
            same.append(index)
    chosen = sorted(k for group in kept.values() for k in group)
    dropped = [crystal.sites[k].label for k in everything if k not in set(chosen)]
    if not dropped or replace(crystal, sites=tuple(crystal.sites[k] for k in chosen)).crowded():
        return everything, []
    message = f"{len(dropped)} rows repeat an atom that symmetry already makes ({listed(dropped)}) and were merged"
    return chosen, [Notice("atoms_merged", message)]


def _with(crystal: Crystal, *warnings: Sequence[Notice]) -> Crystal:
    return replace(crystal, warnings=(*crystal.warnings, *itertools.chain.from_iterable(warnings)))
