"""Crystal structures from CIF files, read with gemmi, each doubtful item named.

The atom list is read in `cif_sites.py`, the space group in `cif_symmetry.py`. Assumptions and decisions (no
displacement factors, two possible origins, an incomplete list of operations) are in the crystal's warnings.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from gemmi import cif

from layerox.crystal.asymmetric_unit import Crystal
from layerox.errors import InputError
from layerox.io.cif_emission import CELL_TAGS
from layerox.io.cif_number import number_in
from layerox.io.cif_sites import atoms_in
from layerox.io.cif_stated_content import FORMULA_TOLERANCE, Stated, disagreement, stated_in, text_in
from layerox.io.cif_symmetry import crystal_in_its_group
from layerox.io.file_contents import read_limited
from layerox.notices import Notice

# Plausible values, in angstrom and degrees.
LENGTHS, ANGLES = (0.5, 1e5), (1.0, 179.0)
MOST_BYTES = 100_000_000


def read_crystal(path: str | Path, *, name: str | None = None) -> Crystal:
    """Return the crystal structure of a CIF file.

    Parameters
    ----------
    path
        The file; exactly one of its data blocks has atoms.
    name
        Name of the crystal; by default the file's stem.

    Raises
    ------
    InputError
        If the file cannot be read, or has no usable structure.
    """
    path = Path(path)
    blocks = _blocks_with_atoms(path)
    if len(blocks) > 1:
        names = ", ".join(block.name[:40] for block in blocks[:4])
        raise InputError(f"holds {len(blocks)} structures ({names})", place=path, cure="keep one in a file")
    return _crystal(blocks[0], path, name or path.stem)


def read_crystals(path: str | Path) -> list[Crystal]:
    """Return the crystal structures of all data blocks with atoms, named by phase or block.

    Raises
    ------
    InputError
        Like `read_crystal`.
    """
    path = Path(path)
    return [_crystal(block, path, text_in(block, "_pd_phase_name") or block.name) for block in _blocks_with_atoms(path)]


def _crystal(block: cif.Block, path: Path, name: str) -> Crystal:
    cell = _cell(block, path)
    stated = stated_in(block)
    atoms = atoms_in(block, cell, stated.formula, path)
    crystal = crystal_in_its_group(block, cell, atoms, stated, name, path).checked()
    notices = (
        *atoms.warnings,
        *crystal.warnings,
        *_shared_above_one(crystal),
        *_formula_disagrees(crystal, stated, block),
    )
    return replace(crystal, warnings=notices)


def _blocks_with_atoms(path: Path) -> list[cif.Block]:
    document = _document(path)
    blocks = [block for block in document if block.find_values("_atom_site_fract_x")]
    if not blocks:
        raise InputError("holds no atoms", place=path, cure="give a CIF with an _atom_site_fract_x list")
    return blocks


def _document(path: Path) -> cif.Document:
    text = read_limited(path, MOST_BYTES, cure="give a CIF file").decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise InputError("is empty", place=path, cure="give a CIF file")
    try:
        return cif.read_string(text)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"is no readable CIF ({_first_line(error)})", place=path, cure="correct it there") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].removeprefix("string:")[:200] if str(error) else type(error).__name__


def _cell(block: cif.Block, path: Path) -> tuple[float, ...]:
    values = []
    for tag in CELL_TAGS:
        text = block.find_value(tag)
        number = number_in(text)[0] if text else math.nan
        low, high = LENGTHS if "length" in tag else ANGLES
        if not low < number < high:
            cure = "give the whole cell, in angstrom and degrees"
            raise InputError(f"{tag} is {text[:40] if text else 'missing'}", place=path, cure=cure)
        values.append(number)
    return tuple(values)


def _shared_above_one(crystal: Crystal) -> list[Notice]:
    """Return a notice for positions whose occupancies sum to slightly more than one."""
    shared = [(labels, total) for labels, total, number in crystal.crowded() if number > 1]
    if not shared:
        return []
    places = ", ".join(f"{' and '.join(labels[:4])} {total:.3g}" for labels, total in shared[:4])
    return [Notice("occupancy_above_one", f"stated occupancies of one position above 1 were kept: {places}")]


def _formula_disagrees(crystal: Crystal, stated: Stated, block: cif.Block) -> list[Notice]:
    if not stated.formula or disagreement(crystal.content, stated.formula) < FORMULA_TOLERANCE:
        return []
    formula = text_in(block, "_chemical_formula_sum")[:80]
    return [Notice("formula_disagrees", f"its atoms make {crystal.formula}, its _chemical_formula_sum is {formula!r}")]
