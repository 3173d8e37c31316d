"""Read a structure from a file or an object of pymatgen, ASE or layerox, as atoms in their original order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.crystal.atoms import Atoms, atoms_from_crystal, atoms_from_structure
from layerox.errors import InputError
from layerox.io.cif import read_crystal
from layerox.io.file_contents import exists

# A path, a pymatgen Structure, an ASE Atoms, a Crystal, Atoms, or an object with a `structure`.
StructureArgument = Any

CIF_SUFFIXES = (".cif", ".mcif")
# Angstrom, of an edge of a cell; fractional, of a coordinate.
LONGEST, FARTHEST = 1e5, 1e6
MOST_BYTES = 64 * 2**20
PYMATGEN_SUFFIXES = (".vasp", ".poscar", ".json")


def atoms_of(structure: StructureArgument) -> Atoms:
    """Return the atoms of a structure; notices of reading are in their warnings.

    Raises
    ------
    InputError
        If it is a file that cannot be read, or no structure.
    """
    if isinstance(structure, Atoms):
        return structure
    if isinstance(structure, Crystal):
        return atoms_from_crystal(structure)
    if isinstance(structure, (str, Path)):
        return _from_file(Path(structure))
    if hasattr(structure, "frac_coords") and hasattr(structure, "lattice"):
        return atoms_from_structure(structure)
    if hasattr(structure, "get_scaled_positions") and hasattr(structure, "get_chemical_symbols"):
        return _from_ase(structure)
    if hasattr(structure, "structure"):
        return atoms_of(structure.structure)
    raise InputError(
        f"a {type(structure).__name__} is no structure", cure="give a CIF, a pymatgen Structure or ASE Atoms"
    )


def _from_file(path: Path) -> Atoms:
    if path.suffix.lower() in CIF_SUFFIXES or not exists(path):
        return atoms_from_crystal(read_crystal(path))
    if path.suffix.lower() in PYMATGEN_SUFFIXES or path.name.startswith(("POSCAR", "CONTCAR")):
        atoms = _by_pymatgen(path)
        _refuse_no_cell(atoms, path)
        return atoms
    raise InputError("is no structure file", place=path, cure="give a CIF, a POSCAR (.vasp) or pymatgen JSON")


def _by_pymatgen(path: Path) -> Atoms:
    from pymatgen.core import Structure  # noqa: PLC0415  (half a second, needed only here)

    if path.stat().st_size > MOST_BYTES:
        raise InputError("is larger than any cell", place=path, cure="give a CIF")
    is_json = path.suffix.lower() == ".json"
    if not is_json:
        _refuse_counts(path)
    try:
        found = Structure.from_dict(_plain_json(path)) if is_json else Structure.from_file(path)
        return atoms_from_structure(found, name=path.stem)
    except Exception as error:  # whatever a reader of someone else's raises at a broken file
        raise InputError(f"cannot be read ({error})", place=path, cure="give a CIF") from error


def _refuse_counts(path: Path) -> None:
    """Refuse a POSCAR whose heading counts more atoms than it lists: pymatgen makes room for them first."""
    lines = path.read_bytes().splitlines()
    for words in map(bytes.split, lines[5:8]):
        if words and all(word.isdigit() for word in words) and sum(int(word[:20]) for word in words) > len(lines):
            raise InputError("counts more atoms than it lists", place=path, cure="correct the numbers of atoms")


def _refuse_no_cell(atoms: Atoms, path: Path) -> None:
    """Refuse positions that are no numbers, and a cell that no crystal has."""
    edges = np.linalg.norm(atoms.lattice, axis=1)
    sound = np.isfinite(atoms.lattice).all() and (np.abs(atoms.positions) < FARTHEST).all()
    if not sound or not 0.5 < edges.min() <= edges.max() < LONGEST or abs(np.linalg.det(atoms.lattice)) < 1.0:
        raise InputError("its cell or its positions are none of a crystal", place=path, cure="correct them")


def _plain_json(path: Path) -> Any:
    """Return the JSON of a structure without the keys (@module, @class) by which it could have any module imported."""
    return json.loads(path.read_text(encoding="utf-8"), object_hook=_without_instructions)


def _without_instructions(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if not key.startswith("@")}


def _from_ase(atoms: Any) -> Atoms:
    symbols = [str(symbol) for symbol in atoms.get_chemical_symbols()]
    elements = list(dict.fromkeys(symbols))
    if not symbols or abs(float(np.linalg.det(np.array(atoms.get_cell())))) < 1.0:
        raise InputError("the ASE atoms have no cell", cure="set a periodic cell")
    return Atoms(
        name=str(atoms.get_chemical_formula()),
        lattice=np.array(atoms.get_cell(), dtype=float),
        positions=np.array(atoms.get_scaled_positions(wrap=False), dtype=float),
        kinds=tuple(Site(label=element, element=element, position=(0.0, 0.0, 0.0)) for element in elements),
        kind=np.array([elements.index(symbol) for symbol in symbols]),
        site=np.arange(len(symbols)),
        source="ASE Atoms",
    )
