"""Disordered arguments: the disordered stackings that a user names, as phases.

"P2~O3:0.4,thickness=8" takes slab and galleries from the library, "A.cif~B.cif" from files, which must share slab and
mesh. "Z:0.3" is P2 with 30 % of its galleries turned octahedral, at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from layerox.analysis.layer_contents import LayerContent, layer_content
from layerox.builders import build_crystal
from layerox.diffraction.disordered.mean_slab import LayerAtom, disordered_phase
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.io.cif import read_crystal
from layerox.stacking.disorder import BETWEEN, CURE, Disorder, files_of_disorder, parse_disorder, rest_after_files

# Largest difference of meshes (relative) and of the occupancies of metals that one slab can have.
SAME_MESH, SAME_METALS = 0.03, 0.03


def disordered_from(text: str, name: str = "") -> DisorderedPhase:
    """Return the disordered phase of an argument.

    Parameters
    ----------
    text
        "P2~O3:0.4,thickness=8", "Z:0.3" or "A.cif~B.cif:0.4".
    name
        Of the phase; that of its kinds when left out.

    Raises
    ------
    InputError
        If it cannot be read, or its parts have no common slab.
    """
    if files := files_of_disorder(text):
        return _from_files(files, rest_after_files(text), text, name)
    disorder = parse_disorder(text)
    contents = [layer_content(build_crystal(kind)) for kind in disorder.kinds]
    default = text.strip() if BETWEEN not in text else disorder.name
    return phase_from_contents(disorder, contents, name or default, "library: " + ", ".join(disorder.kinds))


def _from_files(paths: Sequence[str], rest: str, text: str, name: str) -> DisorderedPhase:
    if len(paths) < 2:
        raise InputError("names one file", place=text, cure="write A.cif~B.cif")
    contents = [layer_content(read_crystal(path.strip())) for path in paths]
    kinds = [content.kind for content in contents]
    if len(set(kinds)) < len(kinds):
        raise InputError(f"both structures are {kinds[0]}", place=text, cure=CURE)
    disorder = parse_disorder(BETWEEN.join(kinds) + rest)
    _refuse_different_slabs(contents, list(paths), text)
    return phase_from_contents(disorder, contents, name or disorder.name, ", ".join(path.strip() for path in paths))


def _refuse_different_slabs(contents: Sequence[LayerContent], paths: list[str], text: str) -> None:
    first = contents[0]
    for other, path in zip(contents[1:], paths[1:], strict=True):
        if abs(other.a / first.a - 1.0) > SAME_MESH:
            fault = f"{paths[0]} has a mesh of {first.a:.4f} A, {path} one of {other.a:.4f} A"
            raise InputError(fault, place=text, cure="an intergrowth has one mesh: fit them as a mixture")
        here, there = _amounts(first.slab.metals), _amounts(other.slab.metals)
        if any(abs(here.get(e, 0.0) - there.get(e, 0.0)) > SAME_METALS for e in {*here, *there}):
            fault = f"the slabs of {paths[0]} and {path} hold different metals"
            raise InputError(fault, place=text, cure="give both the metals of one slab")


def _amounts(metals: Sequence[LayerAtom]) -> dict[str, float]:
    amounts: dict[str, float] = {}
    for atom in metals:
        amounts[atom.element] = amounts.get(atom.element, 0.0) + atom.occupancy
    return amounts


def phase_from_contents(
    disorder: Disorder, contents: Sequence[LayerContent], name: str, source: str
) -> DisorderedPhase:
    """Return the phase with the slab of the first content, the mean mesh, and the galleries of all."""
    weights = disorder.fractions
    a = sum(f * content.a for f, content in zip(weights, contents, strict=True))
    half = sum(f * content.slab.half for f, content in zip(weights, contents, strict=True))
    slab = replace(contents[0].slab, half=half)
    return disordered_phase(disorder, a, slab, [content.gallery for content in contents], name=name, source=source)


def refuse_beside_both_ends(phases: Sequence[tuple[Phase, bool]]) -> None:
    """Refuse an intergrowth beside both its ends, unless the user has named it.

    Parameters
    ----------
    phases
        Each phase, and whether the user gave it a name.
    """
    if not any(isinstance(phase, DisorderedPhase) and not is_named for phase, is_named in phases):
        return
    present = {_only_kind(phase) for phase, _ in phases}
    for phase, is_named in phases:
        if isinstance(phase, DisorderedPhase) and not is_named and present >= set(phase.disorder.kinds):
            ends = " and ".join(phase.disorder.kinds)
            cure = f"leave one of them out, or name the intergrowth (X={phase.name}) to fit all of them"
            raise InputError(f"{phase.name} stands beside {ends}, which it contains", argument="phases", cure=cure)


def _only_kind(phase: Phase) -> str:
    """Return the kind of gallery of an ordered hexagonal phase that has one kind; nothing for others."""
    if isinstance(phase, DisorderedPhase):
        return ""
    try:
        return layer_content(phase.crystal).kind
    except InputError:
        return ""
