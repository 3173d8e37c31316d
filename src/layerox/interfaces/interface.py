"""Interface: two or three phases made into one coherent cell, and everything that is to be known of it.

The steps are those of the other modules of this folder: phases taken apart, a word that closes, a lattice that they
share, planes laid, and the result looked at again from outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from layerox.atoms import Atoms
from layerox.builders import LIBRARY, build_crystal, phase_name
from layerox.builders.axes import atoms_on_axes
from layerox.builders.sodium import contents
from layerox.crystal import Crystal
from layerox.elasticity import TUNNEL, Stiffness
from layerox.errors import InputError, nearest
from layerox.full_symmetry import with_full_symmetry
from layerox.interfaces.chain import along_the_chain
from layerox.interfaces.chain_report import chain_interface
from layerox.interfaces.closing import closing_blocks
from layerox.interfaces.coordination import Counts, by_letters, coordination, shortest_distances, total
from layerox.interfaces.findings import cell_findings
from layerox.interfaces.heterostructure import VARIANTS, with_spinel
from layerox.interfaces.ingredient import Ingredient
from layerox.interfaces.intergrowth import Boundary, Intergrowth, intergrown, relabelled
from layerox.interfaces.ledger import Entry, lamella_composition, ledger
from layerox.interfaces.matching import HARMLESS, Lamina, Match, critical_thickness, match
from layerox.interfaces.particle import ASPECT
from layerox.interfaces.particle import core_shell as core_shell_particle
from layerox.interfaces.particle_report import particle_interface
from layerox.interfaces.parts import ingredient
from layerox.interfaces.report import Lamella, elastic_part
from layerox.interfaces.result import Interface
from layerox.notice import Notice
from layerox.stacking import Block, closure, word_from_blocks

MOST_PHASES = 4
GALLERIES_BESIDE_TUNNEL = 2
MESHES = 2  # of the net in its centred rectangle
LARGEST_TO_STANDARDISE = 60  # slabs; the search for the space group takes the square of them
POISSON = 0.25


def interface(
    phases: str | Sequence[str],
    *,
    slabs: Sequence[int] | None = None,
    formulas: Sequence[str] | None = None,
    strain: str = "stiffness",
    boundary: str | float = "lower",
    faces: str = "full",
    registry: int = 0,
    elastic: Mapping[str, Stiffness] | None = None,
    supercell: Iterable[int] = (1, 1, 1),
    core_shell: Sequence[float] | None = None,
    aspect: float = ASPECT,
    seed: int = 0,
) -> Interface:
    """Return two or more phases in one coherent cell, stacked along c.

    Parameters
    ----------
    phases
        "P2/O3", or names one by one: polytypes, a Z, or entries of the library.
    slabs
        Galleries of each phase; the smallest set that closes, with two at least, when not given.
    formulas
        Composition of each phase; those of the library when not given.
    strain
        "stiffness" shares the misfit out by stiffness and thickness; a letter (A, B ...) or a phase holds that one.
    boundary
        Filling of the galleries next to a shared slab: "lower" of the two phases, "own", or ions per metal.
    faces
        The slab with which a layered phase faces a spinel: "full" leaves the spinel's tetrahedra on it empty, "kagome"
        takes a quarter of its metals out and fills them.
    registry
        Which of the four places of the 2 x 2 cell a spinel takes, 0 to 3.
    elastic
        Stiffness tensors by phase, axis 3 along c.
    supercell
        Cells along a, b and c.
    core_shell
        For a particle: radius of the core (the first phase), then the thickness of each shell outwards, nm.
    aspect
        Half height of the particle's core over its radius.
    seed
        For a Z, and for which metal stands where in a particle.

    Raises
    ------
    InputError
        If a phase is unknown, the numbers do not close, or a gallery cannot hold what it should.
    """
    names = _names(phases)
    if any(_is_tunnel(name) for name in names):
        if core_shell is not None:
            raise InputError("a particle of a tunnel oxide is not built yet", place="core_shell", cure="take layers")
        return _beside_a_tunnel(names, slabs, formulas, strain, elastic or {}, tuple(supercell))
    labelled = _labelled(_parts(names, formulas, _tensors(elastic, names)))
    if core_shell is not None:
        if slabs is not None:
            raise InputError("a particle has no slab numbers", place="slabs", cure="leave them or core_shell out")
        made = core_shell_particle(labelled, core_shell, aspect=aspect, hold=_hold(strain, labelled), seed=seed)
        return particle_interface(made, labelled)
    stacked = closing_blocks([part.stacking for part in labelled], slabs, seed=seed)
    blocks = [(part.label, count) for part, (_, count) in zip(labelled, stacked, strict=True)]
    laid = relabelled(word_from_blocks(stacked, seed=seed), blocks)
    found = match(_laminae(labelled, blocks), hold=_hold(strain, labelled))
    strained = {
        part.label: part.strained(found.strained[part.label], rectangular=found.long is not None) for part in labelled
    }
    grown = intergrown(laid, strained, boundary=boundary, faces=faces, name="/".join(names))
    cell = _spinel_cell(grown, faces, registry) if any(p.spinel for p in labelled) else _layered_cell(grown)
    return _looked_at(cell, grown, blocks, labelled, found, tuple(supercell))


def _is_tunnel(name: str) -> bool:
    entry = LIBRARY.get(phase_name(name))
    return entry is not None and entry.phase == "tunnel"


def _beside_a_tunnel(
    names: Sequence[str],
    slabs: Sequence[int] | None,
    formulas: Sequence[str] | None,
    strain: str,
    elastic: Mapping[str, Stiffness],
    supercell: tuple[int, ...],
) -> Interface:
    """Return one layered phase beside one cell of the tunnel oxide."""
    place = "/".join(names)
    if len(names) != 2 or all(map(_is_tunnel, names)):
        raise InputError("a tunnel oxide with more than one other phase is not built yet", place=place,
                         cure="take one layered phase, such as P2/tunnel")  # fmt: skip
    order = sorted(range(2), key=lambda k: _is_tunnel(names[k]))
    said = _formulas(formulas, 2)
    layered, tunnel = (phase_name(names[k]) for k in order)
    part = ingredient(layered, said[order[0]], stiffness=elastic.get(layered))
    if part.spinel:
        raise InputError("a spinel beside a tunnel oxide is not built yet", place=place, cure="take a layered phase")
    numbers = [GALLERIES_BESIDE_TUNNEL, 1] if slabs is None else [slabs[k] for k in order if len(slabs) == 2]
    if len(numbers) != 2 or numbers[0] < 1 or numbers[1] != 1:
        raise InputError("slab numbers of a layered phase and a tunnel oxide", place="slabs",
                         cure="give any number of galleries, and 1 for the tunnel: one b")  # fmt: skip
    crystal = build_crystal(tunnel, formula=said[order[1]])
    held = None if strain == "stiffness" else {"AB"[k]: n for k, n in zip(order, (part.label, "tunnel"), strict=True)}
    tensor = elastic.get("tunnel", TUNNEL)
    hold = None if held is None else held.get(strain, strain)
    made = along_the_chain(part, crystal, tensor, galleries=numbers[0], hold=hold)
    return chain_interface(made, part, crystal, supercell)


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """A finished cell: its atoms, its crystal in full symmetry, coordination by letters, and warnings of its own."""

    atoms: Atoms
    crystal: Crystal
    by_letters: Counts
    warnings: tuple[Notice, ...] = ()


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
    if faces == "kagome":
        message = (
            "a quarter of the metals is missing in each slab that faces the spinel, whose tetrahedra are all filled"
        )
    else:
        message = "slabs that face the spinel are full, so that its tetrahedra on them (one in a 2 x 2 cell) are empty"
    return _Cell(atoms=atoms, crystal=crystal, by_letters=letters, warnings=(Notice("boundary_tetrahedra", message),))


def _names(phases: str | Sequence[str]) -> list[str]:
    names = [name.strip() for name in (phases.split("/") if isinstance(phases, str) else phases)]
    if not 2 <= len(names) <= MOST_PHASES or not all(names):
        raise InputError(f"{len(names)} phases make no interface", place="/".join(names),
                         cure=f"give two to {MOST_PHASES}, such as P2/O3")  # fmt: skip
    return names


def _parts(names: Sequence[str], formulas: Sequence[str] | None, tensors: Mapping[str, Stiffness]) -> list[Ingredient]:
    """Return each phase taken apart; those that are alike are one object."""
    wishes = list(zip(names, _formulas(formulas, len(names)), strict=True))
    made = {
        (name, formula): ingredient(name, formula, stiffness=tensors.get(phase_name(name)))
        for name, formula in dict.fromkeys(wishes)
    }
    return [made[wish] for wish in wishes]


def _tensors(elastic: Mapping[str, Stiffness] | None, names: Sequence[str]) -> dict[str, Stiffness]:
    """Return the tensors by the phases' full names; each must belong to one of them."""
    known = {phase_name(name) for name in names}
    for name in elastic or {}:
        if phase_name(name) not in known:
            raise InputError(f"stiffness of {name}, which takes no part", place="elastic", cure=nearest(name, names))
    return {phase_name(name): tensor for name, tensor in (elastic or {}).items()}


def _formulas(formulas: Sequence[str] | None, size: int) -> list[str | None]:
    if formulas is None:
        return [None] * size
    if len(formulas) not in {1, size}:
        raise InputError(f"{len(formulas)} formulas for {size} phases", cure="give one for all, or one for each")
    return list(formulas) if len(formulas) == size else [formulas[0]] * size


def _labelled(parts: Sequence[Ingredient]) -> list[Ingredient]:
    """Give phases of one name that differ a number each: a label stands for one phase."""
    labelled: list[Ingredient] = []
    for part in parts:
        alike = [other for other in labelled if other.label.partition("#")[0] == part.label]
        same = next((other for other in alike if replace(other, label=part.label) == part), None)
        if same is not None:
            labelled.append(same)
        else:
            labelled.append(replace(part, label=f"{part.label}#{len(alike) + 1}") if alike else part)
    return labelled


def _laminae(parts: Sequence[Ingredient], blocks: Sequence[Block]) -> list[Lamina]:
    galleries: dict[str, int] = {}
    for label, count in blocks:
        galleries[label] = galleries.get(label, 0) + count
    return [part.lamina(galleries[part.label] * part.repeat) for part in {part.label: part for part in parts}.values()]


def _hold(strain: str, parts: Sequence[Ingredient]) -> str | None:
    if strain == "stiffness":
        return None
    letters = {chr(ord("A") + k): part.label for k, part in enumerate(parts)}
    return letters.get(strain, strain)


def _looked_at(
    cell: _Cell,
    grown: Intergrowth,
    blocks: Sequence[Block],
    parts: Sequence[Ingredient],
    found: Match,
    supercell: tuple[int, ...],
) -> Interface:
    """Look at a finished cell from outside, and repeat it."""
    source = "; ".join(dict.fromkeys(f"{part.label}: {part.source}" for part in parts))
    unit = replace(cell.atoms, source=f"CONSTRUCTED by layerox, coherent cell of {source}")
    atoms = unit.repeated(supercell)
    entries = ledger(grown.planes)
    warnings = (*_warnings(grown, entries, parts, found), *cell.warnings)
    findings = cell_findings(unit, list(parts))
    report = {
        **_identity(cell.crystal, unit, atoms),
        "closed": closure(grown.word).is_closed,
        "misfit_direction": "2d",
        **elastic_part(
            found,
            [(p.a, p.long) for p in parts],
            interfaces=max(len(grown.planes.boundaries), 1),
            units=len(grown.word),
            meshes=1,
        ),
        "elastic_constants": {part.label: part.stiffness.source for part in parts},
        "lamellae": [lamella.entry() for lamella in _lamellae(blocks, grown)],
        "ledger": [_ledger_row(entry, grown) for entry in entries],
        "boundaries": [_boundary_row(boundary) for boundary in grown.planes.boundaries],
        **_geometry(cell, unit, math.prod(supercell)),
        "findings": [{"code": f.code, "message": f.message} for f in findings],
        "warnings": [{"code": w.code, "message": w.message} for w in warnings],
    }
    return Interface(
        atoms=atoms,
        crystal=cell.crystal,
        word=grown.word,
        report=report,
        findings=findings,
        warnings=warnings,
        parts={part.label: part for part in parts},
        grown=grown,
    )


def _identity(crystal: Crystal, unit: Atoms, atoms: Atoms) -> dict[str, Any]:
    return {
        "name": atoms.name,
        "atoms": len(set(unit.site.tolist())) * (len(atoms) // len(unit)),
        "formula": atoms.formula,
        "cell": [round(x, 6) for x in atoms.cell],
        "space_group": crystal.space_group,
    }


def _geometry(cell: _Cell, unit: Atoms, cells: int) -> dict[str, Any]:
    return {
        "coordination": total(coordination(unit), cells),
        "coordination_by_letters": total(cell.by_letters, cells),
        "shortest": {pair: round(d, 4) for pair, d in shortest_distances(unit).items()},
    }


def _lamellae(blocks: Sequence[Block], grown: Intergrowth) -> list[Lamella]:
    """Return the lamellae in order: n galleries have n - 1 slabs of their own and two halves."""
    lamellae, start = [], 0
    for label, count in blocks:
        held = lamella_composition(grown.planes, start, count)
        lamellae.append(
            Lamella(phase=label, slabs=count, galleries=count, formula=held.formula, tm_valence=held.metal_valence)
        )
        start += count
    return lamellae


def _ledger_row(entry: Entry, grown: Intergrowth) -> dict[str, Any]:
    return {
        "slab": entry.slab,
        "phases": list(entry.phases),
        "formula": entry.composition.formula,
        "tm_valence": round(entry.tm_valence, 4),
        "sodium_above": round(sum(contents(grown.planes.galleries[entry.slab].ions).values()), 4),
    }


def _boundary_row(boundary: Boundary) -> dict[str, Any]:
    return {
        "slab": boundary.slab,
        "phases": list(boundary.phases),
        "sodium": [round(x, 4) for x in boundary.sodium],
        "own_sodium": [round(x, 4) for x in boundary.own],
    }


def _warnings(
    grown: Intergrowth, entries: Sequence[Entry], parts: Sequence[Ingredient], found: Match
) -> tuple[Notice, ...]:
    unique = {part.label: part for part in parts}.values()
    remarks = [Notice(r.code, f"{part.label}: {r.message}") for part in unique for r in part.remarks]
    return (*remarks, *_boundary_warnings(grown), *_charge_warnings(entries), *_coherency_warnings(found))


def _boundary_warnings(grown: Intergrowth) -> list[Notice]:
    warnings = []
    for b in grown.planes.boundaries:
        where = f"slab {b.slab} between {b.phases[0]} and {b.phases[1]}"
        if max(abs(now - own) for now, own in zip(b.sodium, b.own, strict=True)) > HARMLESS:
            warnings.append(
                Notice(
                    "boundary_filling",
                    f"the galleries beside {where} hold {b.sodium[0]:.3f} and {b.sodium[1]:.3f} ions per metal "
                    f"instead of {b.own[0]:.3f} and {b.own[1]:.3f}",
                )
            )
    return warnings


def _charge_warnings(entries: Sequence[Entry]) -> list[Notice]:
    found = [(entry.slab, entry.composition.charge_warning) for entry in entries]
    return [Notice("charge_implausible", f"slab {slab}: {problem}") for slab, problem in found if problem]


def _coherency_warnings(found: Match) -> list[Notice]:
    if found.misfit < HARMLESS:
        return []
    thickness = critical_thickness(found.misfit, found.a, POISSON) / 10
    return [
        Notice(
            "coherency_limit",
            f"a misfit of {found.misfit:.2%} gives a Matthews-Blakeslee thickness of {thickness:.2g} nm, outside the "
            "range of that theory: a hint that real lamellae may relax, no verdict",
        )
    ]
