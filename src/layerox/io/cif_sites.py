"""The atom list of a CIF block: rows of sites with species, positions, occupancies and displacements.

Published values are kept: an occupancy of 1.03(4), a mixture with amounts on one row. Rows that are not atoms
(vacancies, dummies, hydrogen without a position) are left out with a notice. Symmetry is read in `cif_symmetry.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import gemmi
import numpy as np
from gemmi import cif

from layerox.crystal.asymmetric_unit import ASSUMED_U_ISO, MOST_OCCUPIED, Position, Site, cell_tuple, position_tuple
from layerox.errors import InputError
from layerox.io.cif_number import UNKNOWN, number_in
from layerox.io.cif_species import Species, element_of, species_from_label, species_from_type
from layerox.notices import Notice
from layerox.symmetry import metric_tensor

COLUMNS = ["fract_x", "fract_y", "fract_z", "?label", "?type_symbol", "?occupancy", "?U_iso_or_equiv",
           "?B_iso_or_equiv", "?calc_flag", "?symmetry_multiplicity", "?site_symmetry_multiplicity",
           "?adp_type", "?thermal_displace_type"]  # fmt: skip
X, LABEL, TYPE, OCCUPANCY, U, B, FLAG = 0, 3, 4, 5, 6, 7, 8
MULTIPLICITIES, ADP_TYPES = (9, 10), (11, 12)
MOST_ATOMS = 200_000
FURTHEST = 10.0
U_FROM_B = 1.0 / (8.0 * math.pi**2)
# A median U above this (angstrom^2, B = 16) means a column of B, or other units.
LARGEST_MEDIAN_U = 0.2
# Tolerance of an occupancy outside 0 to 1: in standard uncertainties, and absolute without one.
TOLERATED_ESDS, TOLERATED_EXCESS = 3.0, 0.1 + 1e-9
HYDROGEN = ("H", "D")
NAMED = 6


@dataclass(frozen=True)
class AtomList:
    """The sites of an atom list, with stated multiplicities.

    Attributes
    ----------
    sites
        One species each.
    multiplicities
        Stated number of positions of each site in the cell, 0 if not stated.
    warnings
        Notices on the reading.
    """

    sites: tuple[Site, ...]
    multiplicities: tuple[int, ...]
    warnings: tuple[Notice, ...] = ()


@dataclass
class _Noted:
    """Findings while reading the rows, by label, for one notice of each kind."""

    vacancies: list[str] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)
    relabelled: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    overfull: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    negative: list[str] = field(default_factory=list)
    without_u: list[str] = field(default_factory=list)
    b_in_u: list[str] = field(default_factory=list)

    def warnings(self) -> list[Notice]:
        """Return one notice for each kind."""
        messages = (
            ("vacancies_left_out", self.vacancies, "{} are vacancies and were left out"),
            ("atoms_without_position", self.unplaced, "{} have no position and were left out"),
            ("label_disagrees", self.relabelled, "type symbols and labels disagree: {}; the types hold"),
            ("mixture_read", self.mixed, "{} were read as mixtures, one site an element"),
            ("occupancy_above_one", self.overfull, "stated occupancies above 1 were kept: {}"),
            ("occupancy_below_zero", self.empty, "stated occupancies below 0 were taken as 0: {}"),
            ("negative_displacement", self.negative, "displacements below 0 were taken as 0: {}"),
            ("displacement_is_b", self.b_in_u, "the displacements of {} are declared as B and were divided by 8 pi^2"),
            ("displacement_assumed", self.without_u,
             f"no displacement factors for {{}}; U = {ASSUMED_U_ISO:g} A^2 assumed"),
        )  # fmt: skip
        return [Notice(code, text.format(listed(labels))) for code, labels, text in messages if labels]


def listed(labels: Sequence[str]) -> str:
    """Return labels for a message, only the first few of many."""
    more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
    return ", ".join(label[:40] for label in labels[:NAMED]) + more


def atoms_in(block: cif.Block, cell: Sequence[float], formula: Collection[str], path: Path) -> AtomList:
    """Return the atoms that a block lists.

    Parameters
    ----------
    block
        With an _atom_site_fract_x list.
    cell
        a, b, c (angstrom), alpha, beta, gamma (degrees).
    formula
        Elements of the stated formula, which distinguish "TM" for thulium from "TM" for any metal.
    path
        For messages.

    Raises
    ------
    InputError
        If an atom has no known element, or its position or occupancy cannot be used.
    """
    table = block.find("_atom_site_", COLUMNS)
    if len(table) > MOST_ATOMS:
        raise InputError(f"lists {len(table)} atoms", place=path, cure=f"give at most {MOST_ATOMS}")
    anisotropic = _anisotropic(block, cell)
    noted, sites, multiplicities = _Noted(), list[Site](), list[int]()
    taken: dict[str, int] = {}
    for row in table:
        if value_in(row, FLAG) == "dum":
            continue
        for site in _sites(row, anisotropic, cell, formula, noted, path):
            sites.append(replace(site, label=_unique(site.label, taken)))
            multiplicities.append(_multiplicity(row))
    if not sites:
        raise InputError("holds no atoms", place=path, cure="give a structure with an atom list")
    warnings = [*noted.warnings(), *_large_displacements(sites)]
    return AtomList(tuple(sites), tuple(multiplicities), tuple(warnings))


def value_in(row: cif.Table.Row, column: int) -> str:
    """Return the text of a column, "" if the column or the value is missing."""
    if not row.has(column):
        return ""
    text = row[column]
    return "" if text in UNKNOWN else cif.as_string(text).strip()


def _sites(
    row: cif.Table.Row,
    anisotropic: dict[str, tuple[float, float, float, float, float, float]],
    cell: Sequence[float],
    formula: Collection[str],
    noted: _Noted,
    path: Path,
) -> list[Site]:
    """Return the sites of a row: one, several for a mixture, none for a row that is not an atom."""
    label = value_in(row, LABEL) or value_in(row, TYPE) or "X"
    species = _species(row, label, formula, noted, path)
    if not species:
        noted.vacancies.append(label)
        return []
    position = _position(row, label, path)
    if position is None:
        if any(one.element not in HYDROGEN for one in species):
            raise InputError(f"atom {label} has no complete position", place=path, cure="give its three coordinates")
        noted.unplaced.append(label)
        return []
    u_aniso = anisotropic.get(value_in(row, LABEL))
    one = Site(
        label=label,
        element=species[0].element,
        charge=species[0].charge,
        position=position,
        occupancy=_occupancy(row, label, noted, path),
        u_iso=_displacement(row, u_aniso, cell, label, noted),
        u_aniso=u_aniso,
    )
    return [one] if species[0].share is None else _mixed(one, species, noted, path)


def _species(
    row: cif.Table.Row, label: str, formula: Collection[str], noted: _Noted, path: Path
) -> tuple[Species, ...]:
    kind = value_in(row, TYPE)
    try:
        species = species_from_type(kind, label, formula) if kind else species_from_label(label, formula)
    except InputError as error:
        raise InputError(error.problem, place=path, cure=error.cure) from None
    named = re.match(r"[A-Z][a-z]", label)
    label_element = element_of(named[0]) if kind and named else ""
    if label_element and len(label_element) == 2 and all(one.element != label_element for one in species):
        noted.relabelled.append(f"{label} ({kind[:20]})")
    return species


def _mixed(site: Site, species: Sequence[Species], noted: _Noted, path: Path) -> list[Site]:
    """Return the sites of a mixture: amounts are shares of the occupancy, or occupancies if it equals their sum.

    Raises
    ------
    InputError
        If the occupancy and the sum of the amounts contradict each other.
    """
    total = math.fsum(one.share or 0.0 for one in species)
    whole = abs(site.occupancy - 1.0) < 1e-6 or abs(site.occupancy - total) < 0.01
    if not whole and abs(total - 1.0) > 0.02:
        fault = f"atom {site.label} has occupancy {site.occupancy:g}, its amounts sum to {total:g}"
        raise InputError(fault, place=path, cure="write one row an element, each with its occupancy")
    noted.mixed.append(site.label)
    factor = 1.0 if whole else site.occupancy
    return [
        replace(site, label=f"{site.label}_{one.element}", element=one.element, charge=one.charge,
                occupancy=factor * (one.share or 0.0))
        for one in species
    ]  # fmt: skip


def _unique(label: str, taken: dict[str, int]) -> str:
    """Return a label that no earlier site has: "Na1", then "Na1_2", "Na1_3"."""
    if label not in taken:
        taken[label] = 1
        return label
    while True:
        taken[label] += 1
        candidate = f"{label}_{taken[label]}"
        if candidate not in taken:
            taken[candidate] = 1
            return candidate


def _multiplicity(row: cif.Table.Row) -> int:
    texts = [value_in(row, column) for column in MULTIPLICITIES]
    return next((int(text) for text in texts if re.fullmatch(r"\d{1,3}", text)), 0)


def _position(row: cif.Table.Row, label: str, path: Path) -> Position | None:
    values = [number_in(row[X + k])[0] for k in range(3)]
    if not all(map(math.isfinite, values)):
        texts = [row[X + k] for k in range(3)]
        if unread := [text for text, x in zip(texts, values, strict=True) if text not in UNKNOWN and math.isnan(x)]:
            fault = f"atom {label} has a coordinate {unread[0][:40]}"
            raise InputError(fault, place=path, cure="give its three coordinates as numbers")
        return None
    if max(map(abs, values)) > FURTHEST:
        at = ", ".join(f"{x:g}" for x in values)
        raise InputError(f"atom {label} is at {at}", place=path, cure="give fractions of the cell")
    return position_tuple(values)


def _occupancy(row: cif.Table.Row, label: str, noted: _Noted, path: Path) -> float:
    text = value_in(row, OCCUPANCY)
    if not text:
        return 1.0
    number, esd = number_in(cif.quote(text))
    if not math.isfinite(number):
        raise InputError(f"atom {label} has occupancy {text[:40]!r}", place=path, cure="give 0 to 1")
    excess = max(number - 1.0, -number)
    if excess <= 1e-9:
        return min(max(number, 0.0), 1.0)
    within_esd = math.isfinite(esd) and excess <= TOLERATED_ESDS * esd
    if number > MOST_OCCUPIED or (not within_esd and (number < 0 or excess > TOLERATED_EXCESS)):
        raise InputError(f"atom {label} has occupancy {text[:40]}", place=path, cure="give 0 to 1")
    (noted.overfull if number > 1 else noted.empty).append(f"{label} {text}")
    return max(number, 0.0)


def _displacement(
    row: cif.Table.Row, u_aniso: tuple[float, ...] | None, cell: Sequence[float], label: str, noted: _Noted
) -> float:
    """Return the isotropic displacement of a row, from its anisotropic one if given; a default if unknown."""
    u_iso = _equivalent(u_aniso, cell) if u_aniso is not None else _stated_u(row, label, noted)
    if u_iso is None:
        noted.without_u.append(label)
        return ASSUMED_U_ISO
    if u_iso < 0:
        noted.negative.append(f"{label} {u_iso:g} A^2")
    return max(u_iso, 0.0)


def _stated_u(row: cif.Table.Row, label: str, noted: _Noted) -> float | None:
    """Return the U of a row, given as U or as B; also a B in the column of U if its type states that."""
    u, b = (number_in(row[column])[0] if row.has(column) else math.nan for column in (U, B))
    declared = any(value_in(row, column).lower() == "biso" for column in ADP_TYPES)
    if math.isfinite(u) and not (declared and not math.isfinite(b)):
        return u
    if math.isfinite(b):
        return b * U_FROM_B
    if math.isfinite(u):
        noted.b_in_u.append(label)
        return u * U_FROM_B
    return None


def _large_displacements(sites: Sequence[Site]) -> list[Notice]:
    median = float(np.median([site.u_iso for site in sites])) if sites else 0.0
    if median <= LARGEST_MEDIAN_U:
        return []
    message = f"its displacements are about {median:.2g} A^2, far above those of a solid: in other units?"
    return [Notice("displacement_large", message)]


def _equivalent(u: tuple[float, ...], cell: Sequence[float]) -> float:
    """Return U_eq = sum_ij U_ij a*_i a*_j (a_i . a_j) / 3 (Fischer & Tillmanns, 1988)."""
    metric = metric_tensor(cell)
    star = gemmi.UnitCell(*cell).reciprocal().parameters[:3]
    u11, u22, u33, u12, u13, u23 = u
    tensor = ((u11, u12, u13), (u12, u22, u23), (u13, u23, u33))
    total = sum(tensor[i][j] * star[i] * star[j] * metric[i, j] for i in range(3) for j in range(3))
    return float(total / 3)


def _anisotropic(block: cif.Block, cell: Sequence[float]) -> dict[str, tuple[float, float, float, float, float, float]]:
    """Return U11 U22 U33 U12 U13 U23 of the atoms whose anisotropic U, B or beta is given and not zero.

    beta_ij = 2 pi^2 a*_i a*_j U_ij (Trueblood et al., Acta Cryst. A52 (1996) 770, doi:10.1107/S0108767396005697).
    """
    star = gemmi.UnitCell(*cell).reciprocal().parameters[:3]
    pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
    of_beta = [1.0 / (2.0 * math.pi**2 * star[i] * star[j]) for i, j in pairs]
    found = {}
    for kind, factors in (("U", [1.0] * 6), ("B", [U_FROM_B] * 6), ("beta", of_beta)):
        tags = ["label", *(f"{kind}_{i + 1}{j + 1}" for i, j in pairs)]
        for row in block.find("_atom_site_aniso_", tags):
            values = [number_in(row[k + 1])[0] * factor for k, factor in enumerate(factors)]
            if all(map(math.isfinite, values)) and any(values):
                found[cif.as_string(row[0])] = cell_tuple(values)
    return found
