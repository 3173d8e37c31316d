"""Consistency: whether a structure agrees with its formula, its charges, its space group and its phase name."""

from __future__ import annotations

from collections.abc import Iterator

import gemmi
import numpy as np
import spglib

from layerox.builders.composition import ANION_CHARGE, INTERLAYER, INTERLAYER_CHARGE, STATES, UNKNOWN_STATES
from layerox.crystal.asymmetric_unit import ANIONS, formula_text
from layerox.crystal.atoms import Atoms
from layerox.crystal.full_symmetry import errors_raised
from layerox.errors import InputError
from layerox.symmetry import compact_symbol, symmetry_from_name
from layerox.validation.classified_sites import ALKALI, METAL, ClassifiedSites
from layerox.validation.finding import Finding

CHARGE_MARGIN = 0.05  # mean charge per metal by which rounding and split states are let off
SAME_AMOUNT = 0.02  # relative
SYMMETRY_TOLERANCE = 0.01  # angstrom
LARGEST_CELL = 2000
# What reading a file may notice, and the finding that it is.
WARNING_CODES = {
    "formula_disagrees": "composition_off",
    "content_contradicts": "composition_off",
    "space_group_contradiction": "symmetry_lower",
    "operations_completed": "symmetry_lower",
}


def charge_findings(atoms: Atoms, sites: ClassifiedSites) -> Iterator[Finding]:
    """Yield a finding when stated charges do not cancel, or the metals would need charges that they cannot have."""
    content = atoms.content
    if all(kind.charge for kind in atoms.kinds):
        numbers = np.bincount(atoms.kind, minlength=len(atoms.kinds))
        total = sum(k.charge * k.occupancy * float(n) for k, n in zip(atoms.kinds, numbers, strict=True))
        if abs(total) > CHARGE_MARGIN * max(len(sites.having(METAL)), 1):
            yield Finding("charge_off", f"the stated charges add up to {total:+.3g} in the cell")
        return
    anions = sum(ANION_CHARGE[element] * x for element, x in content.items() if element in ANIONS)
    fixed = sum(INTERLAYER_CHARGE.get(element, 1) * x for element, x in content.items() if element in INTERLAYER)
    metals = {e: x for e, x in content.items() if e not in ANIONS and e not in INTERLAYER}
    number = sum(metals.values())
    if not anions or not number:
        return
    mean = (-anions - fixed) / number
    low, high = (sum(STATES.get(e, UNKNOWN_STATES)[k] * x for e, x in metals.items()) / number for k in (0, 2))
    if not low - CHARGE_MARGIN <= mean <= high + CHARGE_MARGIN:
        message = f"{formula_text(metals)} would need a mean charge of {mean:+.2f}; it can have {low:.2f} to {high:.2f}"
        yield Finding("charge_off", message, tuple(sites.having(METAL).tolist()))


def formula_findings(atoms: Atoms, formula: str) -> Iterator[Finding]:
    """Yield a finding when the atoms are not in the proportions of a formula.

    Raises
    ------
    InputError
        If the text is no formula.
    """
    wanted = _amounts(formula)
    content = atoms.content
    scale = sum(content.values()) / sum(wanted.values())
    off = {
        element
        for element in {*wanted, *content}
        if abs(content.get(element, 0.0) - scale * wanted.get(element, 0.0)) > SAME_AMOUNT * scale
    }
    if off:
        found = formula_text({element: x / scale for element, x in content.items()})
        yield Finding("composition_off", f"the atoms are {found}, not {formula}: {', '.join(sorted(off))} differ")


def _amounts(formula: str) -> dict[str, float]:
    from pymatgen.core import Composition  # noqa: PLC0415  (half a second, needed only here)

    try:
        return {str(k): float(x) for k, x in Composition(formula).get_el_amt_dict().items()}
    except ValueError as error:
        raise InputError(f"cannot read the formula {formula!r} ({error})", cure="write Na0.67Ni0.33Mn0.67O2") from error


def found_space_group(sites: ClassifiedSites) -> gemmi.SpaceGroup:
    """Return the space group of atoms, mixed and partly occupied sites distinguished by content, to 0.001.

    Raises
    ------
    spglib.error.SpglibError
        If spglib finds none.
    """
    mixtures = [tuple(sorted((e, round(x, 3)) for e, x in species)) for species in sites.species]
    numbers = [sorted(set(mixtures)).index(mixture) + 1 for mixture in mixtures]
    with errors_raised():
        found = spglib.get_symmetry_dataset((sites.lattice, sites.positions, numbers), symprec=SYMMETRY_TOLERANCE)
    return gemmi.find_spacegroup_by_number(found.number)


def symmetry_findings(atoms: Atoms, sites: ClassifiedSites, claimed: str) -> Iterator[Finding]:
    """Yield a finding when the atoms lack operations of a space group that is claimed for them.

    Raises
    ------
    InputError
        If there is no such space group, or the cell is too large to determine it.
    """
    if len(sites) > LARGEST_CELL:
        raise InputError(f"{len(sites)} sites are too many to find their space group", cure="check a smaller cell")
    wanted = symmetry_from_name(claimed)
    has = found_space_group(sites)
    order = len(has.operations().derive_symmorphic().sym_ops)
    claimed_order = len(wanted) // len(wanted.centrings)
    if has.number != wanted.number and order <= claimed_order:
        yield Finding(
            "symmetry_lower", f"the atoms have {compact_symbol(has)} to {SYMMETRY_TOLERANCE} A, not {claimed}"
        )


def remark_findings(atoms: Atoms) -> Iterator[Finding]:
    """Yield what reading a file found to contradict itself."""
    for notice in atoms.warnings:
        if notice.code in WARNING_CODES:
            yield Finding(WARNING_CODES[notice.code], notice.message)


def overfull_findings(sites: ClassifiedSites) -> Iterator[Finding]:
    """Yield a finding for sites with more than one atom, and for more gallery ions than anions allow."""
    over = np.flatnonzero(sites.occupancy > 1.03)
    if len(over):
        message = f"{sites.named(over)} hold up to {sites.occupancy[over].max():.3g} atoms on one site"
        yield Finding("composition_off", message, tuple(over.tolist()))
    if not (sites.role == METAL).any() and (sites.role == ALKALI).any():
        yield Finding("composition_off", "there is no metal besides gallery ions")
