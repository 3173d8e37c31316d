"""Tunnel interface: a finished cell with its report, for layers beside the tunnel oxide.

The cell itself comes from `tunnel_cell`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from layerox.builders import build_crystal, phase_name
from layerox.builders.composition import INTERLAYER
from layerox.crystal.asymmetric_unit import ANIONS, Crystal
from layerox.crystal.atoms import Atoms
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.elasticity import TUNNEL as TUNNEL_STIFFNESS
from layerox.errors import InputError
from layerox.interfaces.cell_inspection import (
    TUNNEL,
    Counts,
    cell_findings,
    coordination,
    layers_by_letters,
    polyhedra,
    shortest_distances,
    total,
)
from layerox.interfaces.charge_balance import LamellaSummary, composition_of, lamellae_of
from layerox.interfaces.components import components_of
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.report import (
    ElasticSummary,
    InterfaceReport,
    boundary_tetrahedra,
    boundary_warnings,
    charge_warnings,
    component_warnings,
    elastic_part,
    sites_in,
)
from layerox.interfaces.request import InterfaceRequest, phase_options
from layerox.interfaces.result import Interface
from layerox.interfaces.tunnel_cell import ALONG_THE_CHAINS, TunnelCell, along_the_chain
from layerox.notices import Notice
from layerox.stacking import Block, Label, Word, labels_of_blocks, word_from_steps
from layerox.stacking.closing_blocks import smallest_count


def tunnel_interface(request: InterfaceRequest) -> Interface:
    """Return layers beside one b of the tunnel oxide, with a report; the order of phases along c is cyclic.

    Raises
    ------
    InputError
        If another phase than a layered one is named beside the tunnel, or the tunnel is to be thicker.
    """
    request.refuse("a cell with a tunnel oxide", "in_plane")
    tunnel, order = _order(request)
    parts = components_of(request, order)
    counts = _counts(request, parts, tunnel, order)
    tensor = request.tensor(tunnel)
    unique = {part.label: part for part in parts}
    options = phase_options(request.formula(tunnel), request.cell(tunnel))
    crystal = build_crystal(phase_name(request.names[tunnel]), **options)
    made = along_the_chain(
        _open_word(parts, counts, request.seed),
        unique,
        crystal,
        TUNNEL_STIFFNESS if tensor is None else tensor.rotated(ALONG_THE_CHAINS),
        boundary=request.boundary,
        faces=request.faces,
        registry=request.registry,
        hold=request.hold({tunnel: TUNNEL, **{k: part.label for k, part in zip(order, parts, strict=True)}}),
    )
    blocks = [(part.label, count) for part, count in zip(parts, counts, strict=True)]
    sources = [*(f"{part.label}: {part.source}" for part in unique.values()), f"{TUNNEL}: {crystal.source}"]
    unit = replace(made.atoms, source=f"CONSTRUCTED by layerox, cell coherent along the chains of {'; '.join(sources)}")
    atoms = unit.repeated(request.supercell)
    full = with_full_symmetry(unit.to_crystal())
    details = _report(made, blocks, unique, crystal, (unit, atoms), request.faces)
    return Interface(
        atoms=atoms, crystal=full, word=made.planes.word, details=replace(details, space_group=full.space_group)
    )


def _order(request: InterfaceRequest) -> tuple[int, list[int]]:
    """Return the number of the tunnel oxide, and of the others from it upwards."""
    tunnel, *more = [k for k in request.numbers if request.is_a(k, TUNNEL)]
    if more:
        raise InputError("two tunnel oxides in one cell", place=request.place, cure="name one, such as P2/tunnel")
    order = [(tunnel + k) % len(request.names) for k in request.numbers if k]
    spinel = [request.is_a(k, "spinel") for k in order]
    if spinel and (spinel[0] or spinel[-1]):
        raise InputError("no orientation of a spinel face to face with a tunnel oxide is known", place=request.place,
                         cure="put layered phases on both its sides, such as P2/spinel/P2/tunnel")  # fmt: skip
    return tunnel, order


def _counts(request: InterfaceRequest, parts: Sequence[PhaseComponent], tunnel: int, order: Sequence[int]) -> list[int]:
    """Return the galleries of each layered phase."""
    if request.slabs is None:
        return [smallest_count(part.stacking) for part in parts]
    if request.slabs[tunnel] != 1:
        raise InputError(f"a tunnel oxide of {request.slabs[tunnel]} slabs", argument="slabs",
                         cure="give 1 for the tunnel: it is one b thick")  # fmt: skip
    return [request.slabs[k] for k in order]


def _open_word(parts: Sequence[PhaseComponent], counts: Sequence[int], seed: int) -> Word:
    """Return the open word of lamellae with so many galleries, labelled with their phases."""
    blocks = [(part.stacking, count) for part, count in zip(parts, counts, strict=True)]
    steps = [label.step for label in labels_of_blocks(blocks, seed=seed)]
    phases = [part.label for part, count in zip(parts, counts, strict=True) for _ in range(count)]
    labels = tuple(Label(phase, step) for phase, step in zip(phases, steps, strict=True))
    return Word(word_from_steps(steps, cyclic=False).slabs, cyclic=False, labels=labels)


FEWEST = 4  # anions around a gallery or tunnel ion, at least

FACES = 2  # of the tunnel slab


def _report(
    made: TunnelCell,
    blocks: Sequence[Block],
    parts: Mapping[str, PhaseComponent],
    tunnel: Crystal,
    units: tuple[Atoms, Atoms],
    faces: str,
) -> InterfaceReport:
    """Return the report on a cell; `units` are its atoms once, and repeated; `blocks` run from the tunnel upwards."""
    unit, atoms = units
    repeats = len(atoms) // len(unit)
    lamellae = (*lamellae_of(made.planes, blocks), _tunnel_lamella(unit))
    return InterfaceReport(
        name=atoms.name,
        sites=sites_in(unit, atoms),
        formula=atoms.formula,
        cell=atoms.cell,
        space_group="P1",
        closed=None,
        misfit_direction="1d",
        elastic=_elastic(made, parts, tunnel),
        periods=(
            {TUNNEL: made.coincidence.first, **dict.fromkeys(parts, made.coincidence.second)},
            made.coincidence,
        ),
        gaps=made.gap,
        lamellae=lamellae,
        boundaries=made.planes.boundaries,
        coordination=total(coordination(unit), repeats),
        coordination_by_letters=total(_by_letters(made), repeats),
        shortest=shortest_distances(unit),
        findings=cell_findings(unit, list(parts.values())),
        warnings=(*_warnings(made, blocks, parts, lamellae), *_at_spinels(parts, faces)),
    )


def _at_spinels(parts: Mapping[str, PhaseComponent], faces: str) -> tuple[Notice, ...]:
    return (boundary_tetrahedra(faces),) if any(part.spinel for part in parts.values()) else ()


def _by_letters(made: TunnelCell) -> Counts:
    """Return the polyhedra of the layers; the tunnel oxide has no letters."""
    counts = layers_by_letters(made.planes, made.meshes)
    atoms = made.atoms
    tetrahedral = np.unique(atoms.site[atoms.site_kind == "tetrahedral"]).size
    if tetrahedral:
        own = (atoms.phase != TUNNEL) & (atoms.site_kind == "metal")
        counts["TM"] |= {"octahedral": np.unique(atoms.site[own]).size, "tetrahedral": tetrahedral}
    return counts


def _tunnel_lamella(atoms: Atoms) -> LamellaSummary:
    """Return the tunnel oxide as a lamella, its composition per metal."""
    assert atoms.phase is not None
    rows = atoms.phase == TUNNEL
    amounts: dict[str, float] = {}
    for element, x in zip(atoms.elements[rows].tolist(), atoms.occupancies[rows].tolist(), strict=True):
        amounts[element] = amounts.get(element, 0.0) + x
    return LamellaSummary(phase=TUNNEL, slabs=1, galleries=0, composition=composition_of(amounts, per=_metals(amounts)))


def _metals(amounts: Mapping[str, float]) -> float:
    return sum(x for element, x in amounts.items() if element not in ANIONS and element not in INTERLAYER)


def _elastic(made: TunnelCell, parts: Mapping[str, PhaseComponent], tunnel: Crystal) -> ElasticSummary:
    constants = {label: part.stiffness.source for label, part in parts.items()}
    return elastic_part(
        made.match,
        [(tunnel.cell[2], tunnel.cell[0]), *((part.a, part.long) for part in parts.values())],
        interfaces=FACES + len(made.planes.boundaries),
        units=_metals(made.atoms.content),
        meshes=made.meshes // made.coincidence.second,
        constants={**constants, TUNNEL: made.stiffness.source},
        along_one=True,
    )


def _warnings(
    made: TunnelCell,
    blocks: Sequence[Block],
    parts: Mapping[str, PhaseComponent],
    lamellae: Sequence[LamellaSummary],
) -> Iterator[Notice]:
    yield from component_warnings(list(parts.values()))
    near, (first, last) = made.coincidence, (blocks[0][0], blocks[-1][0])
    yield Notice(
        "one_direction",
        f"coherent along the chains only: across them {near.first} periods of the tunnel meet {near.second} of "
        f"{'/'.join(parts)} with {near.misfit:+.2%} left, and no plane of anions is shared",
    )
    *layered, tunnel = lamellae
    charges = ", ".join(f"{row.phase} {row.composition.metal_valence:+.2f}" for row in layered)
    yield Notice(
        "boundary_filling",
        f"the gaps to the tunnel ({made.gap[0]:.2f} A below {first}, {made.gap[1]:.2f} A above {last}) hold no sodium: "
        f"mean charges of the metals are {charges}",
    )
    yield from boundary_warnings(made.planes)
    yield Notice(
        "added_anions",
        f"{made.tunnel.added} anions were added to each cell of the tunnel oxide, so that the metals of its faces "
        f"are whole: its metals have a mean charge of {tunnel.composition.metal_valence:+.2f}",
    )
    bare = _under_coordinated(made.atoms)
    if bare:
        yield Notice("under_coordinated", f"{bare} gallery ions at the boundaries have under {FEWEST} anions")
    yield from charge_warnings(lamellae)


def _under_coordinated(atoms: Atoms) -> int:
    kinds, alkali, bonds = polyhedra(atoms)
    return int(np.count_nonzero(alkali & (kinds != "") & (bonds < FEWEST)))
