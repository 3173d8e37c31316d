"""Extract one lamella of an intergrowth as a cell of its own, without strain.

It uses the atoms of the interface, not the components, to test whether a lamella is still its phase.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from layerox.crystal.atoms import Atoms
from layerox.errors import InputError
from layerox.interfaces.result import Interface
from layerox.stacking import Word
from layerox.typing import FloatArray


def relaxed_lamella(made: Interface, number: int) -> Atoms:
    """Return one period of a lamella, its strain removed; c leans by the shift of its layers.

    Its slabs are the lamella's own as far as these reach; one of a lamella with a single period is shared.

    Parameters
    ----------
    made
        A layered intergrowth.
    number
        Which lamella, counted along c from 0.

    Raises
    ------
    InputError
        If there is no such lamella, it is none of layers, or it is shorter than a period.
    """
    if made.grown is None:
        raise InputError("no lamella can be cut out of this interface", cure="take a coherent intergrowth of layers")
    word = made.grown.word
    if number not in range(len(word.blocks)):
        raise InputError(f"no lamella {number}", cure=f"give 0 to {len(word.blocks) - 1}")
    phase, count = word.blocks[number]
    if made.grown.parts[phase].spinel:
        raise InputError(f"a lamella of {phase} has no layers of its own", cure="cut a layered one out")
    first = sum(n for _, n in word.blocks[:number])
    size = _period(word, first, count)
    start = first + 1 if size < count else first
    atoms = made.grown.atoms()
    low, high = (_lower_anion(atoms, word, k) for k in (start, start + size))
    lattice = np.vstack([atoms.lattice[:2], high - low])
    layer = atoms.layer
    assert layer is not None
    rows = np.flatnonzero((layer >= start) & (layer < start + size))
    relaxing = np.linalg.inv(_deformation(made, phase, word.slabs[start].sense))
    return replace(
        atoms,
        name=phase,
        lattice=lattice @ relaxing.T,
        positions=(atoms.cartesian[rows] - low) @ np.linalg.inv(lattice),
        kind=atoms.kind[rows],
        site=atoms.site[rows],
        layer=layer[rows],
        phase=None,
        site_kind=None if atoms.site_kind is None else atoms.site_kind[rows],
        source=f"lamella {number} of {made.details.name}",
    )


def _period(word: Word, first: int, count: int) -> int:
    """Return the galleries after which a lamella repeats, with slabs of the same sense at both ends."""
    steps = word.steps[first : first + count]
    for size in range(1, count + 1):
        repeats = all(steps[k] == steps[k - size] for k in range(size, count))
        if repeats and sum(step.flips for step in steps[:size]) % 2 == 0:
            return size
    raise InputError(f"{count} galleries of {word.labels[first].phase} are no period", cure="take more slabs")


def _lower_anion(atoms: Atoms, word: Word, slab: int) -> FloatArray:
    """Return the place of the lower anions of a slab, angstrom; that of the next cell's first slab after the last."""
    cells, k = divmod(slab, len(word))
    assert atoms.layer is not None
    assert atoms.site_kind is not None
    rows = np.flatnonzero((atoms.layer == k) & (atoms.site_kind == "anion"))
    lowest = rows[atoms.positions[rows, 2].argmin()]
    return np.asarray(atoms.cartesian[lowest] + cells * atoms.lattice[2])


def _deformation(made: Interface, phase: str, sense: int) -> FloatArray:
    """Return the deformation of a phase in the interface as a matrix that acts on a vector (a column)."""
    strain = made.details.elastic.strained[phase]
    matrix = np.diag([1 + strain.in_plane, 1 + strain.across, 1 + strain.out_of_plane])
    if made.details.elastic.is_rectangular:
        matrix[1, 2] = sense * strain.lean
    return matrix
