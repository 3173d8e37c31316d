"""The function `interface`: two or more phases in one cell, coherent, semi-coherent or a particle.

It checks the request and calls the builder for that kind of cell. Coherent layered and spinel cells are built here:
the phases become components, a closing word is chosen, a common lattice is found, planes are stacked, and the finished
cell is inspected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.builders import LIBRARY
from layerox.builders.axes import atoms_on_axes
from layerox.computing.threads import single_threaded
from layerox.crystal.asymmetric_unit import Crystal
from layerox.crystal.atoms import Atoms
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.elasticity import Stiffness
from layerox.errors import InputError
from layerox.interfaces.cathode_interface import cathode_interface
from layerox.interfaces.cell_inspection import (
    Counts,
    by_letters,
    cell_findings,
    coordination,
    shortest_distances,
    total,
)
from layerox.interfaces.charge_balance import lamellae_of, ledger
from layerox.interfaces.components import components_of
from layerox.interfaces.intergrowth import VARIANTS, Intergrowth, intergrown, relabelled, with_spinel
from layerox.interfaces.lattice_matching import Match, match
from layerox.interfaces.particle import ASPECT, particle_interface
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.report import (
    InterfaceReport,
    boundary_tetrahedra,
    boundary_warnings,
    charge_warnings,
    coherency_findings,
    coherency_warnings,
    component_warnings,
    elastic_part,
    sites_in,
)
from layerox.interfaces.request import DEFAULT_BOUNDARY, DEFAULT_FACES, DEFAULT_REGISTRY, ONE_CELL, InterfaceRequest
from layerox.interfaces.result import Interface
from layerox.interfaces.semicoherent_interface import semicoherent_interface
from layerox.interfaces.tunnel_interface import tunnel_interface
from layerox.notices import Notice
from layerox.public import public
from layerox.stacking import Block, closure, word_from_blocks
from layerox.stacking.closing_blocks import closing_blocks

MESHES = 2  # of the net in its centred rectangle

LARGEST_TO_STANDARDISE = 60  # slabs; the search for the space group takes the square of them


def coherent_interface(request: InterfaceRequest) -> Interface:
    """Return phases on one mesh, stacked along c in a cell that closes, with a report.

    Raises
    ------
    InputError
        If two spinels are neighbours, or the numbers of slabs do not close.
    """
    parts = components_of(request, request.numbers)
    if any(parts[k - 1].spinel and parts[k].spinel for k in request.numbers):
        raise InputError("two spinels side by side, or round the cell's edge, share no TMO2 slab", place=request.place,
                         cure="put a layered phase between them, or name one spinel once")  # fmt: skip
    stacked = closing_blocks([part.stacking for part in parts], request.slabs, seed=request.seed)
    blocks = [(part.label, count) for part, (_, count) in zip(parts, stacked, strict=True)]
    laid = relabelled(word_from_blocks(stacked, seed=request.seed), blocks)
    thick = _thicknesses(parts, blocks)
    unique = {part.label: part for part in parts}
    hold = request.hold(dict(enumerate(part.label for part in parts)))
    found = match([part.lamina(thick[label]) for label, part in unique.items()], hold=hold)
    strained = {
        label: part.strained(found.strained[label], rectangular=found.long is not None)
        for label, part in unique.items()
    }
    grown = intergrown(laid, strained, boundary=request.boundary, faces=request.faces, name=request.place)
    cell = _finished_cell(grown, parts, request)
    source = "; ".join(dict.fromkeys(f"{part.label}: {part.source}" for part in parts))
    unit = replace(cell.atoms, source=f"CONSTRUCTED by layerox, coherent cell of {source}")
    atoms = unit.repeated(request.supercell)
    return Interface(
        atoms=atoms,
        crystal=cell.crystal,
        word=grown.word,
        details=_report(grown, blocks, parts, found, cell, (unit, atoms)),
        parts=unique,
        grown=grown,
    )


def _thicknesses(parts: Sequence[PhaseComponent], blocks: Sequence[Block]) -> dict[str, float]:
    """Return the thickness of all lamellae of each phase, free of strain, angstrom."""
    thick: dict[str, float] = {}
    for part, (label, count) in zip(parts, blocks, strict=True):
        thick[label] = thick.get(label, 0.0) + count * part.repeat
    return thick


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """A finished cell: its atoms, its crystal in full symmetry, coordination by letters, and warnings of its own."""

    atoms: Atoms
    crystal: Crystal
    by_letters: Counts
    warnings: tuple[Notice, ...] = ()


def _finished_cell(grown: Intergrowth, parts: Sequence[PhaseComponent], request: InterfaceRequest) -> _Cell:
    if any(part.spinel for part in parts):
        return _spinel_cell(grown, request.faces, request.registry)
    return _layered_cell(grown)


def _layered_cell(grown: Intergrowth) -> _Cell:
    if grown.long is not None:
        atoms = _rectangular(grown.atoms())
        crystal = with_full_symmetry(atoms.to_crystal())
        return _Cell(atoms=atoms, crystal=crystal, by_letters=total(by_letters(grown.stack), MESHES))
    stack = grown.stack if len(grown.word) > LARGEST_TO_STANDARDISE else grown.stack.standardised()
    return _Cell(atoms=stack.atoms(), crystal=stack.crystal(), by_letters=by_letters(stack))


def _rectangular(atoms: Atoms) -> Atoms:
    """Return the atoms over the whole centred rectangle instead of over one of its two meshes."""
    return atoms_on_axes(atoms, "rectangular", "P 3 m 1")


def _spinel_cell(grown: Intergrowth, faces: str, registry: int) -> _Cell:
    atoms = with_spinel(grown, faces=faces, registry=registry)
    letters = total(by_letters(grown.stack), VARIANTS)
    if grown.long is not None:
        atoms, letters = _rectangular(atoms), total(letters, MESHES)
    letters["TM"]["octahedral"] = np.unique(atoms.site[atoms.site_kind == "metal"]).size
    letters["TM"]["tetrahedral"] = np.unique(atoms.site[atoms.site_kind == "tetrahedral"]).size
    crystal = with_full_symmetry(atoms.to_crystal())
    return _Cell(atoms=atoms, crystal=crystal, by_letters=letters, warnings=(boundary_tetrahedra(faces),))


def _report(
    grown: Intergrowth,
    blocks: Sequence[Block],
    parts: Sequence[PhaseComponent],
    found: Match,
    cell: _Cell,
    units: tuple[Atoms, Atoms],
) -> InterfaceReport:
    """Return the report on a cell; `units` are its atoms once, and repeated."""
    unit, atoms = units
    repeats = len(atoms) // len(unit)
    balances = ledger(grown.planes)
    return InterfaceReport(
        name=atoms.name,
        sites=sites_in(unit, atoms),
        formula=atoms.formula,
        cell=atoms.cell,
        space_group=cell.crystal.space_group,
        closed=closure(grown.word).is_closed,
        elastic=elastic_part(
            found,
            [(part.a, part.long) for part in parts],
            interfaces=max(len(grown.planes.boundaries), 1),
            units=len(grown.word),
            constants={part.label: part.stiffness.source for part in parts},
        ),
        lamellae=tuple(lamellae_of(grown.planes, blocks)),
        ledger=balances,
        boundaries=grown.planes.boundaries,
        coordination=total(coordination(unit), repeats),
        coordination_by_letters=total(cell.by_letters, repeats),
        shortest=shortest_distances(unit),
        findings=(*cell_findings(unit, list(parts)), *coherency_findings(found.misfits)),
        warnings=(
            *component_warnings(parts),
            *boundary_warnings(grown.planes),
            *charge_warnings(balances),
            *coherency_warnings(found),
            *cell.warnings,
        ),
    )


@public
@single_threaded
def interface(
    phases: str | Sequence[str],
    *,
    slabs: Sequence[int] | None = None,
    formulas: Sequence[str] | None = None,
    strain: str = "stiffness",
    boundary: str | float = DEFAULT_BOUNDARY,
    faces: str = DEFAULT_FACES,
    registry: int = DEFAULT_REGISTRY,
    cells: Mapping[str, Mapping[str, float]] | None = None,
    elastic: Mapping[str, Stiffness] | None = None,
    supercell: Iterable[int] = ONE_CELL,
    in_plane: Sequence[int] | str | None = None,
    core_shell: Sequence[float] | None = None,
    aspect: float = ASPECT,
    seed: int = 0,
) -> Interface:
    """Return two or more phases in one coherent cell, stacked along c.

    Parameters
    ----------
    phases
        "P2/O3", or names one by one: polytypes, a Z, or entries of the library; or a published cathode ("C93"), whose
        phases get the sodium of its formula: numbers of slabs near it, and the rest distributed over the galleries.
    slabs
        Galleries of each phase; the smallest set that closes, with two at least, when not given.
    formulas
        Composition of each phase; those of the library when not given.
    strain
        "stiffness" distributes the misfit by stiffness and thickness; a letter (A, B ...) or a phase leaves that one
        free of strain.
    boundary
        Filling of the galleries next to a shared slab: "lower" of the two phases, "own", or ions per metal.
    faces
        The slab with which a layered phase faces a spinel: "full" leaves the spinel's tetrahedra on it empty, "kagome"
        takes a quarter of its metals out and fills them.
    registry
        Which of the four places of the 2 x 2 cell a spinel takes, 0 to 3.
    cells
        Measured cells by phase, such as {"P2": {"a": 2.887, "c": 11.15}}: a, b, c (angstrom), beta (degrees) of the
        conventional cell, as many as are known; those of the library when not given.
    elastic
        Stiffness tensors by phase, on each crystal's own axes (see `elasticity.stiffness`).
    supercell
        Cells along a, b and c.
    in_plane
        Meshes of each phase along a and b of one larger cell, such as (40, 39): neighbours whose numbers differ share
        no slab, and take up in the gallery between them what a coherent cell would strain. "auto": n on n + 1 of the
        two phases that differ most.
    core_shell
        For a particle: radius of the core (the first phase), then the thickness of each shell outwards, nm.
    aspect
        Half height of the particle's core over its radius.
    seed
        Of the random stacking of a Z, and of the random placing of ions in a particle.

    Returns
    -------
    Interface
        `structure` (pymatgen), `report` (strains, energies, lamellae; units in the keys), `findings` (defects) and
        `warnings` (choices and limits).

    Raises
    ------
    InputError
        If a phase is unknown, the numbers do not close, or a gallery cannot hold its ions.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.interface(["P2", "O3"], slabs=[4, 6])
    <Interface P2/O3: Na8Mn5.667Ni4.333O20, P-3m1, 44 sites, misfit 2.55%, 53.6 MJ/m3, 0 findings, 3 warnings>
    """
    names = phases.split("/") if isinstance(phases, str) else phases
    cathode = LIBRARY.cathodes.get(names[0].strip()) if len(names) == 1 else None
    if cathode is not None:
        names = [entry.name for entry in cathode.entries]
    request = InterfaceRequest(
        names=tuple(name.strip() for name in names), slabs=slabs, formulas=formulas, strain=strain, boundary=boundary,
        faces=faces, registry=registry, cells=cells or {}, elastic=elastic or {}, supercell=tuple(supercell),
        in_plane=in_plane, core_shell=core_shell, aspect=aspect, seed=seed,
    )  # fmt: skip
    if not any(request.is_a(k, "spinel") for k in request.numbers):
        request.refuse("an interface without a spinel", "faces", "registry")
    return _built(request) if cathode is None else cathode_interface(cathode, request, _built)


def _built(request: InterfaceRequest) -> Interface:
    if request.core_shell is not None:
        return particle_interface(request, request.core_shell)
    if any(request.is_a(k, "tunnel") for k in request.numbers):
        return tunnel_interface(request)
    return coherent_interface(request) if request.in_plane is None else semicoherent_interface(request)
