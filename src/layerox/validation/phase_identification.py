"""Phase identity: the phase of any structure, from its atoms alone."""

from __future__ import annotations

from dataclasses import dataclass

from layerox.public import public
from layerox.stacking import Word, identify
from layerox.validation.classified_sites import classified_sites
from layerox.validation.coordination import polyhedra
from layerox.validation.layers import layers_of
from layerox.validation.read_structure import StructureArgument, atoms_of

DISTORTED = {"P2": "P'2", "P3": "P'3", "O3": "O'3"}


@dataclass(frozen=True, kw_only=True)
class StructureIdentity:
    """Which phase a structure is.

    Attributes
    ----------
    name
        A polytype ("P2", "O'3" where it is distorted), "Z", "intergrowth", or "not layered".
    word
        The stacking over its hexagonal cell, in canonical form; None when it has none.
    characters
        What each gallery is: P2, P3, O1, O2 or O3.
    direction
        Indices (h k l) of the layers in the cell as given; None without layers.
    distorted
        Whether the layers are stretched or glided against a hexagonal lattice.
    coordination
        Numbers of sites by role and shape: {"metal": {"octahedral": 6}, "alkali": {"prismatic": 4}}.
    """

    name: str
    word: Word | None
    characters: tuple[str, ...]
    direction: tuple[int, int, int] | None
    distorted: bool
    coordination: dict[str, dict[str, int]]


@public
def identify_structure(structure: StructureArgument) -> StructureIdentity:
    """Return which phase a structure is, in any setting: a supercell, a P 1 list, a shifted origin, a turned cell.

    Parameters
    ----------
    structure
        As in `check`.

    Returns
    -------
    StructureIdentity
        `name` of the polytype ("P2", "not layered" ...), its `word`, the `characters` of its galleries, the stacking
        `direction` (indices of the plane of the layers), and the `coordination` of metals and alkali ions.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.identify_structure(lx.build("OP4", formula="Na0.33Ni0.33Mn0.67O2")).name
    'OP4'
    """
    sites = classified_sites(atoms_of(structure))
    bonds = polyhedra(sites)
    layers = layers_of(sites, bonds)
    counts = bonds.counts(sites)
    if layers is None:
        return StructureIdentity(
            name="not layered", word=None, characters=(), direction=None, distorted=False, coordination=counts
        )
    word = layers.word.reduced().canonical() if layers.word is not None else None
    return StructureIdentity(
        name=phase_of(word, distorted=layers.distorted) if word is not None else "no regular stacking",
        word=word,
        characters=identify(word).characters if word is not None else (),
        direction=layers.direction,
        distorted=layers.distorted,
        coordination=counts,
    )


def phase_of(word: Word, *, distorted: bool) -> str:
    """Return the name of a stacking, with its prime where the cell is distorted."""
    name = identify(word).name
    return DISTORTED.get(name, name) if distorted else name
