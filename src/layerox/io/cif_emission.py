"""Write symmetry, sites and texts as items of a CIF block, for structure files and for results.

Numbers are passed as text: the caller decides on digits and standard uncertainties. Text is quoted, so that it cannot
become CIF syntax.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import gemmi
from gemmi import cif

from layerox.crystal.asymmetric_unit import Site
from layerox.symmetry import CELL_NAMES, Symmetry

CELL_TAGS = tuple(f"_cell_{'length' if name in 'abc' else 'angle'}_{name}" for name in CELL_NAMES)
SITE_TAGS = [
    "label", "type_symbol", "symmetry_multiplicity", "fract_x", "fract_y", "fract_z", "occupancy", "adp_type",
    "U_iso_or_equiv",
]  # fmt: skip
ANISO_TAGS = ["label", "U_11", "U_22", "U_33", "U_12", "U_13", "U_23"]


def add_symmetry(block: cif.Block, symmetry: Symmetry, *, detailed: bool = False) -> None:
    """Add space group and operations; `detailed` adds the Hall symbol, the crystal system and operation numbers."""
    if symmetry.name:
        block.set_pair("_space_group_name_H-M_alt", quoted(symmetry.name))
        group = gemmi.SpaceGroup(symmetry.name)
        if detailed:
            block.set_pair("_space_group_name_Hall", quoted(str(group.hall)))
        block.set_pair("_space_group_IT_number", str(symmetry.number))
        if detailed:
            block.set_pair("_space_group_crystal_system", str(group.crystal_system_str()))
    loop = block.init_loop("_space_group_symop_", [*(["id"] if detailed else []), "operation_xyz"])
    for k, triplet in enumerate(symmetry.triplets, start=1):
        loop.add_row([*([str(k)] if detailed else []), cif.quote(triplet)])


def add_sites(block: cif.Block, rows: Iterable[tuple[Site, int, Sequence[str]]]) -> None:
    """Add the sites of an asymmetric unit.

    Parameters
    ----------
    block
        The block of the structure.
    rows
        Site, multiplicity, and the texts of x, y, z, occupancy and U_iso (angstrom^2).
    """
    loop = block.init_loop("_atom_site_", SITE_TAGS)
    for site, multiplicity, (x, y, z, occupancy, u_iso) in rows:
        kind = "Uani" if site.u_aniso else "Uiso"
        loop.add_row([quoted(site.label), quoted(site.species), str(multiplicity), x, y, z, occupancy, kind, u_iso])


def add_anisotropic(block: cif.Block, rows: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Add the labels and the texts of U_11, U_22, U_33, U_12, U_13, U_23 (angstrom^2); no loop without rows."""
    if not rows:
        return
    loop = block.init_loop("_atom_site_aniso_", ANISO_TAGS)
    for label, tensor in rows:
        loop.add_row([quoted(label), *tensor])


def quoted(text: str) -> str:
    """Return a text quoted for a CIF 1.1 file.

    Non-ASCII characters become question marks, control characters other than line ends spaces; a line that begins
    with a semicolon, which would end a text field, is indented.
    """
    plain = text.encode("ascii", "replace").decode()
    lines = ["".join(c if c.isprintable() else " " for c in line) for line in plain.splitlines()]
    whole = "\n".join([*lines[:1], *(f" {line}" if line.startswith(";") else line for line in lines[1:])])
    return str(cif.quote(whole))


def commented(text: str) -> str:
    """Return the lines of a text as comments of a CIF."""
    plain = text.encode("ascii", "replace").decode()
    return "".join(f"# {line}\n" for line in plain.splitlines() if line.strip())
