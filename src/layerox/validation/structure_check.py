"""Check: findings on a structure of a layered oxide, a spinel or a tunnel phase from any source.

Distances and coordination numbers do not suffice: a naive stack of two phases keeps both and has its metals in
trigonal prisms. So bonds are classified by angle, and layers by the stacking word of their atoms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from layerox.builders import phase_name
from layerox.crystal.atoms import Atoms
from layerox.errors import InputError
from layerox.io.file_contents import exists
from layerox.public import public
from layerox.stacking import Word, closure, identify, parse_word
from layerox.validation.classified_sites import METAL, ClassifiedSites, classified_sites
from layerox.validation.close_contacts import contact_findings
from layerox.validation.consistency import (
    charge_findings,
    formula_findings,
    overfull_findings,
    remark_findings,
    symmetry_findings,
)
from layerox.validation.coordination import Polyhedra, polyhedra
from layerox.validation.finding import Finding
from layerox.validation.layers import Layers, Space, layers_of
from layerox.validation.phase_identification import phase_of
from layerox.validation.read_structure import StructureArgument, atoms_of

LOWEST_GALLERY = 2.2  # angstrom; an empty O1 gallery is 2.35 A high, the anions of a slab are 1.9 to 2.1 A apart
LOWEST_PRISMATIC = 2.75  # angstrom between anions on top of each other, twice the radius of O
ALKALI_PLANES = 1.2  # angstrom between heights that make two planes of ions in one gallery
METALS_PER_SITE = (0.65, 1.04)  # metals per anion of a plane: ordered vacancies reach 2/3
IONS_PER_SITE = 1.04
FEWEST = 4


@public
def check(
    structure: StructureArgument | Word,
    *,
    phase: str | None = None,
    formula: str | None = None,
    space_group: str | None = None,
) -> list[Finding]:
    """Return what is wrong with a structure: an empty list when nothing is.

    Parameters
    ----------
    structure
        A pymatgen Structure, ASE Atoms, `Crystal`, `Atoms`, an `Interface`, or the path of a CIF, POSCAR or pymatgen
        JSON; ordered or with partial occupancies, in any setting. A stacking word is checked for closure.
    phase, formula, space_group
        Expected phase, formula and space group: "P2" or a word of blocks, "Na0.67MnO2", "P 63/m m c".

    Returns
    -------
    list of Finding
        Each with `code`, `message` and `atoms`; `layerox explain CODE` says what to do.

    Raises
    ------
    InputError
        If it cannot be read, or a claim makes no sense.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.check(lx.build("O3", formula="NaMnO2"))
    []
    >>> without_oxygen = lx.build("P2")
    >>> _ = without_oxygen.remove_species(["O"])
    >>> [finding.code for finding in lx.check(without_oxygen)]
    ['metal_coordination']
    """
    word = _word_of(structure)
    if word is not None:
        return list(_closure_findings(word))
    atoms = atoms_of(structure)
    sites = classified_sites(atoms)
    return [
        *overfull_findings(sites),
        *contact_findings(sites),
        *_structural_findings(atoms, sites, phase),
        *charge_findings(atoms, sites),
        *remark_findings(atoms),
        *(formula_findings(atoms, formula) if formula else ()),
        *(symmetry_findings(atoms, sites, space_group) if space_group else ()),
    ]


def _word_of(structure: StructureArgument | Word) -> Word | None:
    """Return the word when a word was given, as such or as a text that names no file."""
    if isinstance(structure, Word):
        return structure
    if not isinstance(structure, str) or Path(structure).suffix or exists(structure):
        return None
    try:
        return parse_word(structure)
    except InputError:
        return None


def _closure_findings(word: Word) -> Iterator[Finding]:
    report = closure(word)
    if not report.is_closed:
        yield Finding("not_closed", f"{word.text} {report.problem}; {', or '.join(report.remedies)}")


# --- bonds and layers ----------------------------------------------------------------------------------------------


def _structural_findings(atoms: Atoms, sites: ClassifiedSites, phase: str | None) -> Iterator[Finding]:
    bonds = polyhedra(sites)
    layers = layers_of(sites, bonds)
    yield from _coordination_findings(sites, bonds)
    if layers is None:
        if phase is not None and _claimed_word(phase) is not None:
            yield Finding("wrong_gallery", f"the metals form no layers, {phase} has them")
        return
    mixed = {k for k, space in enumerate(layers.spaces) if _is_mixed(space, bonds)}
    yield from _sequence_findings(sites, layers, mixed)
    yield from _gallery_findings(sites, layers)
    yield from _content_findings(sites, layers, mixed)
    if phase is not None:
        yield from _phase_findings(layers, phase)
    yield from _label_findings(atoms, layers)


def _coordination_findings(sites: ClassifiedSites, bonds: Polyhedra) -> Iterator[Finding]:
    metals = np.flatnonzero((sites.role == METAL) & ~sites.either)
    prismatic = [int(k) for k in metals if bonds.shape[k] == "prismatic"]
    if prismatic:
        message = f"{sites.named(prismatic)}: in trigonal prisms of anions, where metals are octahedral"
        yield Finding("prismatic_metal", message, tuple(prismatic))
    bare = [int(k) for k in metals if bonds.number[k] < FEWEST or bonds.number[k] > 6]
    if bare:
        numbers = sorted({int(bonds.number[k]) for k in bare})
        message = f"{sites.named(bare)}: {', '.join(map(str, numbers))} anions about a metal, where 4 to 6 belong"
        yield Finding("metal_coordination", message, tuple(bare))


def _is_mixed(space: Space, bonds: Polyhedra) -> bool:
    """Whether it is a spinel's plane of octahedral and tetrahedral metals, neither slab nor gallery."""
    return any(bonds.shape[k] == "tetrahedral" for k in space.metals)


def _sequence_findings(sites: ClassifiedSites, layers: Layers, mixed: Collection[int]) -> Iterator[Finding]:
    """Slabs and galleries must take turns."""
    spaces = layers.spaces
    for k, space in enumerate(spaces):
        after = (k + 1) % len(spaces)
        following = spaces[after]
        if len(spaces) == 1 or space.is_slab != following.is_slab or {k, after} & set(mixed):
            continue
        if space.is_slab:
            metals = np.concatenate([space.metals, following.metals])
            message = f"two slabs share a plane of anions: no gallery between {sites.named(metals)}"
            yield Finding("missing_gallery", message, _plain(metals))
        else:
            message = f"an anion plane with galleries on both sides ({sites.named(space.above)}) is one too many"
            yield Finding("double_plane", message, _plain(space.above))


def _gallery_findings(sites: ClassifiedSites, layers: Layers) -> Iterator[Finding]:
    for k, space in enumerate(layers.spaces):
        if space.is_slab:
            continue
        facing = np.concatenate([space.below, space.above])
        if k in layers.irregular and space.height >= LOWEST_GALLERY:
            message = (
                f"gallery {k // 2} ({space.height:.2f} A high): its anions face each other neither on top nor staggered"
            )
            yield Finding("wrong_gallery", message, _plain(facing))
        lowest = LOWEST_PRISMATIC if k in _prismatic(layers) else LOWEST_GALLERY
        if space.height < lowest:
            message = f"slabs only {space.height:.2f} A apart leave no gallery (at least {lowest} A)"
            yield Finding("missing_gallery", message, _plain(facing))
        yield from _alkali_planes(sites, layers, space)


def _prismatic(layers: Layers) -> set[int]:
    """Return the indices of the spaces that are prismatic galleries."""
    if layers.word is None:
        return set()
    slabs = [k for k, space in enumerate(layers.spaces) if space.is_slab]
    size = len(layers.spaces)
    return {(k + 1) % size for k, step in zip(slabs, layers.word.steps, strict=False) if step.shift == 0}


def _alkali_planes(sites: ClassifiedSites, layers: Layers, space: Space) -> Iterator[Finding]:
    """Ions of one gallery are in one plane."""
    if not len(space.alkali):
        return
    heights = sites.positions[space.alkali] @ sites.lattice @ layers.normal
    near = heights[0] + (heights - heights[0] + layers.repeat / 2) % layers.repeat - layers.repeat / 2
    if np.ptp(near) > ALKALI_PLANES and np.diff(np.sort(near)).max() > ALKALI_PLANES:
        message = f"two planes of ions in one gallery: {sites.named(space.alkali)} span {np.ptp(near):.2f} A"
        yield Finding("double_plane", message, _plain(space.alkali))


def _content_findings(sites: ClassifiedSites, layers: Layers, mixed: Collection[int]) -> Iterator[Finding]:
    """Each slab has one metal site for each anion of a plane, each gallery at most one ion."""
    for k, space in enumerate(layers.spaces):
        size = len(space.below)
        if len(space.below) != len(space.above):
            message = f"anion planes of {len(space.below)} and {len(space.above)} atoms face each other"
            yield Finding("composition_off", message, _plain(np.concatenate([space.below, space.above])))
        metals = float(sites.occupancy[space.metals].sum()) / size
        if space.is_slab and k not in mixed and not METALS_PER_SITE[0] <= metals <= METALS_PER_SITE[1]:
            message = f"a slab with {metals:.2f} metals per site ({sites.named(space.metals)})"
            yield Finding("composition_off", message, _plain(space.metals))
        ions = float(sites.occupancy[space.alkali].sum()) / size
        if not space.is_slab and ions > IONS_PER_SITE:
            message = f"a gallery with {ions:.2f} ions per metal ({sites.named(space.alkali)}): it can hold one"
            yield Finding("composition_off", message, _plain(space.alkali))


def _plain(indices: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[int, ...]:
    return tuple(sorted(int(k) for k in np.unique(indices)))


# --- claims on the stacking ----------------------------------------------------------------------------------------


def _claimed_word(phase: str) -> Word | None:
    """Return the word that a phase name or word text means, None for phases without one."""
    name = phase_name(phase).replace("'", "")
    return None if name in ("spinel", "tunnel") else parse_word(name)


def _phase_findings(layers: Layers, phase: str) -> Iterator[Finding]:
    meant = _claimed_word(phase)
    if meant is None:
        yield Finding("wrong_gallery", f"the metals form layers, {phase} has none")
        return
    report = closure(meant)
    if not report.is_closed:
        yield Finding("not_closed", f"{phase} {report.problem}; {', or '.join(report.remedies)}")
    if layers.word is None:
        return
    if identify(meant).name == "Z" and identify(layers.word).name == "Z":
        return
    if layers.word.reduced().canonical() != meant.reduced().canonical():
        found = phase_of(layers.word, distorted=layers.distorted)
        message = f"the atoms stack as {found} ({layers.word}), not as {phase}"
        yield Finding("wrong_gallery", message, _galleries(layers))


def _galleries(layers: Layers) -> tuple[int, ...]:
    return _plain(np.concatenate([s.below for s in layers.spaces if not s.is_slab]))


def _label_findings(atoms: Atoms, layers: Layers) -> Iterator[Finding]:
    """Compare the kind of each gallery with the phase that its ions are labelled with, where atoms carry labels."""
    if atoms.phase is None or layers.word is None:
        return
    label = dict(zip(atoms.site.tolist(), atoms.phase.tolist(), strict=True))
    order = sorted(label)
    slabs = [k for k, space in enumerate(layers.spaces) if space.is_slab]
    for k, step in zip(slabs, layers.word.steps, strict=False):
        space = layers.spaces[(k + 1) % len(layers.spaces)]
        phases = {str(label[order[site]]) for site in space.alkali}
        for phase in phases & {"P2", "P3", "O3", "O2", "O1"}:
            if step.character != phase:
                message = f"a gallery labelled {phase} is {step.character}: the cell does not close"
                yield Finding("not_closed", message, _plain(space.alkali))
