"""Write structures: a crystal or its atoms as CIF, POSCAR, extended xyz, pymatgen JSON or LAMMPS data.

The file's suffix decides. Files are written atomically; CIFs of a `Crystal` keep its space group, all other files
list atoms. `cif.py` reads structures.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import gemmi
import numpy as np
from gemmi import cif

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.crystal.atoms import Atoms, atoms_from_crystal
from layerox.errors import InputError, nearest
from layerox.io.cif_emission import CELL_TAGS, SITE_TAGS, add_anisotropic, add_sites, add_symmetry, commented, quoted
from layerox.io.output_files import write_outputs
from layerox.typing import FloatArray, IntArray


def write_structure(structure: Crystal | Atoms, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a structure in the format of the path's suffix.

    Parameters
    ----------
    structure
        A crystal, or atoms. POSCAR and LAMMPS data need ordered atoms.
    path
        .cif, .vasp, .xyz, .json or .lmp; the folder must exist. An unchanged file of layerox is
        replaced.
    overwrite
        Whether any other file may be replaced too.

    Raises
    ------
    InputError
        If the suffix is unknown, a file of the user exists there, it cannot be written, or the format has no
        partial occupancies.
    """
    path = Path(path)
    write_outputs({path: structure_text(structure, path)}, by="write_structure", overwrite=overwrite)


def structure_text(structure: Crystal | Atoms, path: Path) -> str:
    """Return the text that `write_structure` writes to a path.

    Raises
    ------
    InputError
        If the suffix is unknown or the format has no partial occupancies.
    """
    demand_structure_suffix(path)
    writer = WRITERS[path.suffix.lower()]
    try:
        return writer(structure)
    except InputError as error:
        raise InputError(error.problem, place=path, cure=error.cure, argument=error.argument) from None


def demand_structure_suffix(path: Path) -> None:
    """Reject an unknown suffix of a structure file."""
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"unknown suffix {path.suffix!r}", place=path, cure=nearest(path.suffix, WRITERS))


def _atoms(structure: Crystal | Atoms) -> Atoms:
    return atoms_from_crystal(structure) if isinstance(structure, Crystal) else structure


# --- CIF -----------------------------------------------------------------------------------------------------------


def cif_text(structure: Crystal | Atoms) -> str:
    """Return a structure as a CIF: symmetric from a crystal, in P 1 from atoms."""
    document = cif.Document()
    block = document.add_new_block(_block_name(structure.name))
    block.set_pair("_audit_creation_method", cif.quote("layerox"))
    block.set_pair("_chemical_name_common", quoted(structure.name))
    if isinstance(structure, Crystal):
        _describe(block, structure.cell, structure.content, structure.formula_units)
        add_symmetry(block, structure.symmetry)
        rows = zip(structure.sites, structure.multiplicities, strict=True)
        add_sites(block, [(site, multiplicity, _site_numbers(site)) for site, multiplicity in rows])
        tensors = [(site.label, site.u_aniso) for site in structure.sites if site.u_aniso]
        add_anisotropic(block, [(label, [f"{u:.8f}" for u in tensor]) for label, tensor in tensors])
        comments = [structure.source, *map(str, structure.warnings)]
    else:
        _describe(block, structure.cell, structure.content, 1)
        _add_p1(block)
        _add_rows(block, structure)
        comments = [structure.source]
    heading = "".join(map(commented, comments))
    block.set_pair("_publ_section_comment", quoted("\n".join(filter(None, comments)) or "."))
    # Not gemmi's Pdbx style, which writes a loop of one row as pairs; pymatgen and ASE misread these.
    options = cif.WriteOptions()
    options.misuse_hash = True
    return heading + str(document.as_string(options))


def _block_name(name: str) -> str:
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.+") else "_" for letter in name)
    return plain or "structure"


def _describe(block: cif.Block, cell: tuple[float, ...], content: Mapping[str, float], units: int) -> None:
    formula = " ".join(f"{element}{round(content[element] / units, 6):.12g}" for element in sorted(content))
    block.set_pair("_chemical_formula_sum", f"'{formula}'")
    block.set_pair("_cell_formula_units_Z", str(units))
    for tag, value in zip(CELL_TAGS, cell, strict=True):
        block.set_pair(tag, f"{value:.10g}")


def _add_p1(block: cif.Block) -> None:
    block.set_pair("_space_group_name_H-M_alt", cif.quote("P 1"))
    block.set_pair("_space_group_IT_number", "1")
    block.init_loop("_space_group_symop_", ["operation_xyz"]).add_row([cif.quote("x,y,z")])


def _site_numbers(site: Site) -> list[str]:
    position = [f"{x:.12g}" for x in site.position]
    return [*position, _occupancy(site.occupancy), f"{site.u_iso:.8f}"]


def _occupancy(share: float) -> str:
    """Return an occupancy, truncated rather than rounded, so that thirds of a mixed site do not sum to more than 1."""
    return f"{math.floor(share * 1e10 + 1e-3) / 1e10:.10g}"


def _add_rows(block: cif.Block, atoms: Atoms) -> None:
    """One row for each atom, numbered by element so that labels are unique."""
    arrays = {"phase": atoms.phase, "layer": atoms.layer, "site_kind": atoms.site_kind}
    known = {f"layerox_{name}": values for name, values in arrays.items() if values is not None}
    loop = block.init_loop("_atom_site_", [*SITE_TAGS, *known])
    tails = [[_occupancy(kind.occupancy), "Uiso", f"{kind.u_iso:.8f}"] for kind in atoms.kinds]
    columns: list[list[str]] = [[] for _ in SITE_TAGS]
    for label, index, position in zip(
        _numbered_labels(atoms), atoms.kind.tolist(), atoms.positions.tolist(), strict=True
    ):
        row = [label, atoms.kinds[index].species, "1", *(f"{x:.10f}" for x in position), *tails[index]]
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    loop.set_all_values([*columns, *([quoted(str(x)) for x in values.tolist()] for values in known.values())])


def _numbered_labels(atoms: Atoms) -> list[str]:
    counts: dict[str, int] = {}
    labels = []
    for element in atoms.elements.tolist():
        counts[element] = counts.get(element, 0) + 1
        labels.append(f"{element}{counts[element]}")
    return labels


# --- lists of atoms ------------------------------------------------------------------------------------------------


def xyz_text(structure: Crystal | Atoms) -> str:
    """Return extended xyz: species and cartesian positions, site labels, occupancies, layers and phases if known.

    A mixed site has one line for each species.
    """
    atoms = _atoms(structure)
    labels = ["_".join(label.split()) for label in atoms.labels.tolist()]
    columns = [atoms.elements.tolist(), *atoms.cartesian.T.tolist(), labels, atoms.occupancies.tolist()]
    properties, pattern = "species:S:1:pos:R:3:site_label:S:1:occupancy:R:1", "%-2s %.8f %.8f %.8f %s %.6f"
    if atoms.layer is not None:
        columns.append(atoms.layer.tolist())
        properties, pattern = f"{properties}:layer:I:1", f"{pattern} %d"
    if atoms.phase is not None:
        columns.append(atoms.phase.tolist())
        properties, pattern = f"{properties}:phase:S:1", f"{pattern} %s"
    if atoms.site_kind is not None:
        columns.append(atoms.site_kind.tolist())
        properties, pattern = f"{properties}:site_kind:S:1", f"{pattern} %s"
    lattice = " ".join(f"{x:.8f}" for x in atoms.lattice.flat)
    comment = f'Lattice="{lattice}" Properties={properties} pbc="T T T" name="{_quotable(atoms.name)}"'
    lines = [pattern % row for row in zip(*columns, strict=True)]
    return "\n".join([str(len(atoms)), f'{comment} source="{_quotable(atoms.source)}"', *lines, ""])


def _quotable(text: str) -> str:
    return " ".join(text.replace('"', "'").split())


def poscar_text(structure: Crystal | Atoms) -> str:
    """Return a POSCAR (VASP 5): ordered atoms grouped by element."""
    atoms = _ordered(_atoms(structure), "a POSCAR")
    elements = list(dict.fromkeys(atoms.elements.tolist()))
    groups = [np.flatnonzero(atoms.elements == element) for element in elements]
    order = np.concatenate(groups)
    positions = atoms.positions[order] % 1.0
    return "\n".join(
        [
            f"{_quotable(atoms.name)} {atoms.formula}",
            "1.0",
            *(" ".join(f"{x:16.10f}" for x in row) for row in atoms.lattice),
            " ".join(elements),
            " ".join(str(len(group)) for group in groups),
            "Direct",
            *map(
                "%.10f %.10f %.10f%s".__mod__, zip(*positions.T.tolist(), _comments(atoms, order, " ! "), strict=True)
            ),
            "",
        ]
    )


def lammps_text(structure: Crystal | Atoms) -> str:
    """Return LAMMPS data (units metal, atom_style charge if all ions carry one, else atomic) of ordered atoms."""
    atoms = _ordered(_atoms(structure), "LAMMPS data")
    box, positions = _lammps_box(atoms)
    elements = list(dict.fromkeys(atoms.elements.tolist()))
    charges = [kind.charge for kind in atoms.kinds]
    style = "charge" if all(charges) else "atomic"
    masses = [f"{k} {gemmi.Element(element).weight:.5f}  # {element}" for k, element in enumerate(elements, 1)]
    comments = _comments(atoms, np.arange(len(atoms)), "  # ")
    rows = zip(atoms.elements.tolist(), atoms.kind.tolist(), positions.tolist(), comments, strict=True)
    number = {element: k for k, element in enumerate(elements, 1)}
    lines = [
        f"{k} {number[element]}{f' {charges[kind]}' if style == 'charge' else ''} {x:.8f} {y:.8f} {z:.8f}{comment}"
        for k, (element, kind, (x, y, z), comment) in enumerate(rows, 1)
    ]
    (lx, _, _), (xy, ly, _), (xz, yz, lz) = box.tolist()
    head = [f"{_quotable(atoms.name)} {atoms.formula} (layerox, atom_style {style})", "", f"{len(atoms)} atoms"]
    sizes = [f"0.0 {size:.8f} {axis}lo {axis}hi" for size, axis in ((lx, "x"), (ly, "y"), (lz, "z"))]
    tilts = f"{xy:.8f} {xz:.8f} {yz:.8f} xy xz yz"
    body = ["", "Masses", "", *masses, "", f"Atoms  # {style}", "", *lines, ""]
    return "\n".join([*head, f"{len(elements)} atom types", "", *sizes, tilts, *body])


def _lammps_box(atoms: Atoms) -> tuple[FloatArray, FloatArray]:
    """Return an equivalent box with tilts below half an edge, as LAMMPS requires, and the positions wrapped into it."""
    upright = np.linalg.cholesky(atoms.lattice @ atoms.lattice.T)
    box = upright.copy()
    for row, column in ((1, 0), (2, 1), (2, 0)):
        box[row] -= np.rint(box[row, column] / box[column, column]) * box[column]
    fractional = np.round(atoms.positions @ upright @ np.linalg.inv(box), 12) % 1.0
    return np.asarray(box), np.asarray(fractional @ box + 0.0)


def json_text(structure: Crystal | Atoms) -> str:
    """Return the JSON of the pymatgen Structure."""
    return json.dumps(_atoms(structure).to_structure().as_dict()) + "\n"


def _comments(atoms: Atoms, order: IntArray, mark: str) -> list[str]:
    """Return phase, layer and kind of site of each atom as a comment; empty if unknown."""
    if atoms.phase is None or atoms.layer is None or atoms.site_kind is None:
        return [""] * len(order)
    known = zip(atoms.phase[order].tolist(), atoms.layer[order].tolist(), atoms.site_kind[order].tolist(), strict=True)
    return [f"{mark}{phase} {layer} {kind}" for phase, layer, kind in known]


def _ordered(atoms: Atoms, what: str) -> Atoms:
    if not atoms.is_ordered:
        shared = sorted({kind.label for kind in atoms.kinds if kind.occupancy < 1})
        raise InputError(f"{what} cannot hold the partial occupancies of {', '.join(shared[:6])}",
                         argument="ordered", cure="order the cell, or write .cif, .xyz or .json")  # fmt: skip
    return atoms


WRITERS: Mapping[str, Callable[[Crystal | Atoms], str]] = {
    ".cif": cif_text,
    ".vasp": poscar_text,
    ".xyz": xyz_text,
    ".json": json_text,
    ".lmp": lammps_text,
}
