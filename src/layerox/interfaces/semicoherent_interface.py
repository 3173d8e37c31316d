"""Semi-coherent interface: a finished cell with its report, for phases with different meshes.

The cell itself comes from `semicoherent_cell`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layerox.crystal.atoms import Atoms
from layerox.errors import InputError
from layerox.interfaces.boundary_gallery import BOUNDARY, BoundaryGallery
from layerox.interfaces.cell_inspection import (
    Counts,
    added,
    cell_findings,
    counted,
    layers_by_letters,
    polyhedra,
    shortest_distances,
    total,
)
from layerox.interfaces.charge_balance import LamellaSummary, composition_of
from layerox.interfaces.components import components_of
from layerox.interfaces.lattice_matching import dislocation_spacing, misfit
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.report import (
    ElasticSummary,
    InPlaneMeshes,
    InterfaceReport,
    boundary_warnings,
    charge_warnings,
    component_warnings,
    elastic_part,
    sites_in,
)
from layerox.interfaces.request import AUTO, InterfaceRequest
from layerox.interfaces.result import Interface
from layerox.interfaces.semicoherent_cell import (
    LamellaSpec,
    SemiCoherent,
    meshes_for,
    semicoherent,
)
from layerox.notices import Notice
from layerox.stacking.closing_blocks import smallest_count

WHOLE = 6  # anions around an ion in the gallery of a phase


def semicoherent_interface(request: InterfaceRequest) -> Interface:
    """Return phases with meshes of their own on one larger cell, with a report.

    Raises
    ------
    InputError
        If a phase is no stack of hexagonal layers, or the numbers of meshes make no sense.
    """
    for kind, why in (("spinel", "shares a plane of anions, which has one mesh"), ("tunnel", "fits along its chains")):
        if any(request.is_a(k, kind) for k in request.numbers):
            raise InputError(f"a {kind} {why}: it has no in_plane", place=request.place, cure="leave in_plane out")
    parts = components_of(request, request.numbers)
    meshes = _meshes(request, parts)
    slabs = [smallest_count(part.stacking) + 1 for part in parts] if request.slabs is None else request.slabs
    if min(slabs) < 2:
        raise InputError("a lamella of one slab has no gallery", argument="slabs", cure="give two slabs or more")
    made = semicoherent(
        [LamellaSpec(part=part, slabs=n, meshes=m) for part, n, m in zip(parts, slabs, meshes, strict=True)],
        boundary=request.boundary,
        hold=request.hold(dict(enumerate(part.label for part in parts))),
        name=request.place,
        seed=request.seed,
    )
    unique = {part.label: part for part in parts}
    sources = "; ".join(f"{part.label}: {part.source}" for part in unique.values())
    unit = replace(made.atoms, source=f"CONSTRUCTED by layerox, semi-coherent cell of {sources}")
    atoms = unit.repeated(request.supercell)
    return Interface(
        atoms=atoms,
        crystal=None,
        word=None,
        details=_report(made, unique, (unit, atoms)),
        parts=unique,
        unmatched=tuple(gallery.slab for gallery in made.unmatched),
    )


def _meshes(request: InterfaceRequest, parts: Sequence[PhaseComponent]) -> list[int]:
    distorted = [part.label for part in parts if part.net is not None]
    if distorted:
        raise InputError(f"the net of {distorted[0]} is rectangular: it has no in_plane", place=request.place,
                         cure="take hexagonal phases, or leave in_plane out")  # fmt: skip
    if request.in_plane == AUTO:
        return meshes_for([part.a for part in parts], request.place)
    numbers = request.in_plane if request.in_plane is not None and not isinstance(request.in_plane, str) else ()
    if len(numbers) != len(parts) or any(int(n) != n or n < 1 for n in numbers):
        raise InputError(f"meshes {request.in_plane!r} for {len(parts)} phases", argument="in_plane",
                         cure=f"give {AUTO!r}, or a positive number for each phase")  # fmt: skip
    if len(set(numbers)) == 1:
        raise InputError("the same number of meshes for each phase is the coherent cell", argument="in_plane",
                         cure="leave it out, and repeat the cell by supercell")  # fmt: skip
    return list(numbers)


def _report(made: SemiCoherent, parts: Mapping[str, PhaseComponent], units: tuple[Atoms, Atoms]) -> InterfaceReport:
    """Return the report on a cell; `units` are its atoms once, and repeated."""
    unit, atoms = units
    repeats = len(atoms) // len(unit)
    kinds, alkali, bonds = polyhedra(unit)
    lamellae = tuple(_lamellae(made, unit))
    at_boundary = _boundary_bonds(unit, bonds)
    elastic = _elastic(made, parts)
    natural = _natural_edges(parts)
    return InterfaceReport(
        name=atoms.name,
        sites=sites_in(unit, atoms),
        formula=atoms.formula,
        cell=atoms.cell,
        space_group="P1",
        closed=None,
        elastic=replace(elastic, misfit=misfit(*natural), spacing=_spacing(made)),
        in_plane=InPlaneMeshes(
            meshes=_meshes_by_phase(made),
            length=made.match.a,
            residual_misfit=elastic.misfit,
            natural_spacing=dislocation_spacing(*natural),
        ),
        lamellae=lamellae,
        boundaries=tuple(boundary for planes in made.planes for boundary in planes.boundaries),
        boundary_galleries=made.unmatched,
        anions_of_sites=at_boundary,
        coordination=total(counted(kinds, alkali), repeats),
        coordination_by_letters=total(_by_letters(made), repeats),
        shortest=shortest_distances(unit),
        findings=cell_findings(unit, list(parts.values()), unmatched=tuple(gallery.slab for gallery in made.unmatched)),
        warnings=tuple(_warnings(made, parts, lamellae, at_boundary)),
    )


def _natural_edges(parts: Mapping[str, PhaseComponent]) -> tuple[float, float]:
    """Return the smallest and the largest a of the phases when free, angstrom."""
    edges = [part.a for part in parts.values()]
    return min(edges), max(edges)


def _meshes_by_phase(made: SemiCoherent) -> dict[str, int]:
    return {one.part.label: one.meshes for group in made.groups for one in group}


def _spacing(made: SemiCoherent) -> float:
    """Return the spacing of misfit dislocations in the cell, angstrom."""
    meshes = _meshes_by_phase(made).values()
    return made.match.a / (max(meshes) - min(meshes))


def _by_letters(made: SemiCoherent) -> Counts:
    """Return the polyhedra of slabs and galleries of one mesh; between two meshes letters mean nothing."""
    groups = zip(made.groups, made.planes, strict=True)
    return added(layers_by_letters(planes, group[0].meshes ** 2) for group, planes in groups)


def _elastic(made: SemiCoherent, parts: Mapping[str, PhaseComponent]) -> ElasticSummary:
    """Return the elastic summary of the misfit that the meshes leave."""
    meshes = _meshes_by_phase(made)
    return elastic_part(
        made.match,
        [(n * parts[label].a, n * parts[label].long) for label, n in meshes.items()],
        interfaces=len(made.unmatched) + sum(len(planes.boundaries) for planes in made.planes),
        units=sum(one.slabs * one.meshes**2 for group in made.groups for one in group),
        constants={label: part.stiffness.source for label, part in parts.items()},
    )


def _lamellae(made: SemiCoherent, atoms: Atoms) -> Iterator[LamellaSummary]:
    """Yield what each lamella holds: its slabs, half of one that it shares, and half of the ions beside each slab."""
    held = _slab_contents(atoms)
    start = 0
    for group in made.groups:
        for number, one in enumerate(group):
            shares = np.ones(one.slabs + 1)
            shares[0] = 1.0 if number == 0 else 0.5
            shares[-1] = 0.0 if number == len(group) - 1 else 0.5
            content: dict[str, float] = {}
            for share, slab in zip(shares.tolist(), range(start, start + one.slabs + 1), strict=True):
                for element, x in held[slab % len(held)].items():
                    content[element] = content.get(element, 0.0) + share * x / one.meshes**2 / shares.sum()
            yield LamellaSummary(
                phase=one.part.label, slabs=one.slabs, galleries=one.slabs, composition=composition_of(content)
            )
            start += one.slabs


def _slab_contents(atoms: Atoms) -> list[dict[str, float]]:
    """Return the atoms of each slab with half of the gallery ions on either side."""
    assert atoms.layer is not None
    assert atoms.site_kind is not None
    elements, numbers = np.unique(atoms.elements, return_inverse=True)
    size = int(atoms.layer.max()) + 1
    in_slab = np.isin(atoms.site_kind, ["metal", "anion"])
    amounts = np.zeros((size, len(elements)))
    np.add.at(amounts, (atoms.layer[in_slab], numbers[in_slab]), atoms.occupancies[in_slab])
    for layer in (atoms.layer[~in_slab], (atoms.layer[~in_slab] + 1) % size):
        np.add.at(amounts, (layer, numbers[~in_slab]), atoms.occupancies[~in_slab] / 2)
    return [dict(zip(elements.tolist(), row, strict=True)) for row in amounts.tolist()]


def _boundary_bonds(atoms: Atoms, bonds: np.ndarray[Any, np.dtype[np.int64]]) -> dict[int, dict[int, int]]:
    """Return, for each slab below a gallery between two meshes, how many of its sites have how many anions."""
    assert atoms.layer is not None
    assert atoms.site_kind is not None
    first = np.unique(atoms.site, return_index=True)[1]
    kinds, layers = atoms.site_kind[first], atoms.layer[first]
    found: dict[int, dict[int, int]] = {}
    for slab in range(int(layers.max()) + 1):
        numbers, counts = np.unique(bonds[(kinds == BOUNDARY) & (layers == slab)], return_counts=True)
        found[slab] = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    return found


def _warnings(
    made: SemiCoherent,
    parts: Mapping[str, PhaseComponent],
    lamellae: Sequence[LamellaSummary],
    at_boundary: Mapping[int, Mapping[int, int]],
) -> Iterator[Notice]:
    yield from component_warnings(list(parts.values()))
    meshes = ", ".join(f"{one.meshes} of {one.part.label}" for group in made.groups for one in group)
    yield Notice(
        "semi_coherent",
        f"{meshes} make one edge of {made.match.a / 10:.2f} nm: no plane is shared between different meshes, and "
        "nothing is relaxed; the energy is that of the strain left in the lamellae, without the dislocations'",
    )
    for planes in made.planes:
        yield from boundary_warnings(planes)
    for gallery in made.unmatched:
        yield from _gallery_warnings(gallery, at_boundary[gallery.slab])
    yield from charge_warnings(lamellae)


def _gallery_warnings(gallery: BoundaryGallery, bonds: Mapping[int, int]) -> Iterator[Notice]:
    where = f"the gallery above slab {gallery.slab} between {gallery.phases[0]} and {gallery.phases[1]}"
    if max(abs(gallery.sodium - own) for own in gallery.own) > 1e-9:
        yield Notice(
            "boundary_filling",
            f"{where} holds {gallery.sodium:.3f} ions per metal instead of {gallery.own[0]:.3f} and "
            f"{gallery.own[1]:.3f}, distributed over the {gallery.sites} holes of its two nets",
        )
    bare = sum(count for number, count in bonds.items() if number < WHOLE)
    if bare:
        yield Notice(
            "under_coordinated",
            f"in {where} {bare} of {gallery.sites} sites for ions have under {WHOLE} anions: two different nets face "
            "each other there",
        )
