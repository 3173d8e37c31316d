"""Intergrowth: layered phases stacked along c on one lattice, sharing their boundary slabs.

Galleries carry the label of their phase; a slab between two phases is the mean of theirs, in content and thickness, so
that no plane is doubled and none is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from layerox.builders import GalleryContent, SlabContent, Stack, stacked
from layerox.errors import InputError
from layerox.interfaces.ingredient import KAGOME, Ingredient, mixed_plane
from layerox.stacking import Block, Label, Word, lay


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """What was chosen where two phases meet.

    Attributes
    ----------
    slab
        Number of the shared slab.
    phases
        Label below and above it.
    sodium
        Ions per metal in the gallery below and above it.
    own
        What these galleries hold inside their lamellae.
    """

    slab: int
    phases: tuple[str, str]
    sodium: tuple[float, float]
    own: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Intergrowth:
    """Layered phases in one cell.

    Attributes
    ----------
    word
        Its slabs and galleries; labels are those of the ingredients.
    stack
        Its planes of atoms, heights as fractions of c; layers are numbered as the slabs of `word`.
    slabs, galleries
        What each slab, and the gallery above it, holds.
    boundaries
        The shared slabs.
    """

    word: Word
    stack: Stack
    slabs: tuple[SlabContent, ...]
    galleries: tuple[GalleryContent, ...]
    boundaries: tuple[Boundary, ...]


def intergrown(
    word: Word,
    ingredients: Mapping[str, Ingredient],
    *,
    boundary: str | float = "lower",
    faces: str = "full",
    name: str = "",
) -> Intergrowth:
    """Return the planes of a word whose labels name strained ingredients.

    Parameters
    ----------
    word
        Closed.
    ingredients
        Strained to one lattice parameter, by label.
    boundary
        Filling of the two galleries next to a shared slab: "lower" takes the lower of the two phases' contents, "own"
        leaves each as it is in its phase, a number is ions per metal. Galleries beside a spinel keep their own.
    faces
        The slab with which a layered phase faces a spinel: "full" leaves the spinel's tetrahedra on it empty, "kagome"
        takes a quarter of its metals out and fills them.
    name
        Of the stack.

    Raises
    ------
    InputError
        If a phase has no gallery of a kind that the word asks for, or the filling is impossible.
    """
    if faces not in {"full", "kagome"}:
        raise InputError(f"slabs that face a spinel as {faces!r}", cure="choose from full, kagome")
    galleries = [_gallery(ingredients[g.label.phase], g.character) for g in word.galleries]
    labels = [label.phase for label in word.labels]
    own = [0.0 if ingredients[label].spinel else _sodium(g) for label, g in zip(labels, galleries, strict=True)]
    filled, boundaries = list(galleries), []
    for slab, (below, above) in enumerate(zip([labels[-1], *labels[:-1]], labels, strict=True)):
        if below == above:
            continue
        low, high = (slab - 1) % len(labels), slab
        if not (ingredients[below].spinel or ingredients[above].spinel):
            for index in (low, high):
                filled[index] = _filled(filled[index], _target(boundary, own[low], own[high], _sodium(filled[index])))
        boundaries.append((slab, (below, above), low, high))
    filled = _without_boundary_tetrahedra(filled, labels, ingredients, faces)
    slabs = [_slab(ingredients[labels[k - 1]], ingredients[labels[k]], faces) for k in range(len(labels))]
    stack = stacked(word, slabs, filled, a=ingredients[labels[0]].a)
    return Intergrowth(
        word=word,
        stack=replace(_with_displacements(stack, ingredients), name=name),
        slabs=tuple(slabs),
        galleries=tuple(filled),
        boundaries=tuple(
            Boundary(slab=k, phases=p, sodium=_alkali(filled, own, i, j), own=(own[i], own[j]))
            for k, p, i, j in boundaries
        ),
    )


def relabelled(word: Word, blocks: Sequence[Block]) -> Word:
    """Return the word with its galleries labelled anew: (label, galleries) from the first on."""
    names = [name for name, count in blocks for _ in range(count)]
    labels = [Label(name, label.step) for name, label in zip(names, word.labels, strict=True)]
    return lay(labels, first=word.slabs[0])


def _gallery(phase: Ingredient, character: str) -> GalleryContent:
    if character not in phase.galleries:
        raise InputError(f"{phase.label} has no {character} gallery", cure=f"it has {', '.join(phase.galleries)}")
    return phase.galleries[character]


def _sodium(gallery: GalleryContent) -> float:
    return sum(sum(ions.values()) for ions in gallery.ions.values())


def _target(boundary: str | float, low: float, high: float, now: float) -> float:
    if boundary == "own":
        return now
    if boundary == "lower":
        return min(low, high, now)
    if isinstance(boundary, str) or not 0 <= boundary <= 1:
        raise InputError(f"a boundary filling of {boundary!r}", cure="give 'lower', 'own', or 0 to 1 ions per metal")
    return float(boundary)


def _filled(gallery: GalleryContent, target: float) -> GalleryContent:
    now = _sodium(gallery)
    if now == 0 and target > 0:
        raise InputError("an empty gallery has no sites to share sodium out on", cure="take 'own' or 'lower'")
    scale = target / now if now else 1.0
    ions = {site: {element: x * scale for element, x in held.items()} for site, held in gallery.ions.items()}
    return GalleryContent(height=gallery.height, ions=ions)


def _alkali(filled: Sequence[GalleryContent], own: Sequence[float], low: int, high: int) -> tuple[float, float]:
    """Return the alkali ions of two galleries; a spinel's mixed plane, whose own number is 0, has none."""
    first, second = (_sodium(filled[k]) if own[k] else 0.0 for k in (low, high))
    return first, second


def _without_boundary_tetrahedra(
    filled: Sequence[GalleryContent], labels: Sequence[str], ingredients: Mapping[str, Ingredient], faces: str
) -> list[GalleryContent]:
    """Return the galleries, a spinel's first and last without the tetrahedra that stand on a full slab."""
    kept = list(filled)
    for k, label in enumerate(labels):
        sites = ingredients[label].spinel
        if sites is None or faces == "kagome":
            continue
        full = (labels[k - 1] != label) + (labels[(k + 1) % len(labels)] != label)
        kept[k] = replace(kept[k], ions=mixed_plane(sites.octahedral, sites.tetrahedral, 2 - full))
    return kept


def _slab(below: Ingredient, above: Ingredient, faces: str) -> SlabContent:
    """Return the slab between two galleries: the phase's own, the mean of two, or what faces a spinel."""
    one, other = below.slab, above.slab
    if below is above:
        return one
    if below.spinel or above.spinel:
        layered = other if below.spinel else one
        share = KAGOME if faces == "kagome" else 1.0
        return replace(layered, metals={element: share * x for element, x in layered.metals.items()})
    return SlabContent(
        thickness=(one.thickness + other.thickness) / 2,
        metals=mean(one.metals, other.metals),
        lower=mean(one.lower, other.lower),
        upper=mean(one.upper, other.upper),
    )


def mean(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Return the mean of two sets of amounts."""
    return {element: (one.get(element, 0.0) + other.get(element, 0.0)) / 2 for element in {**one, **other}}


def _with_displacements(stack: Stack, ingredients: Mapping[str, Ingredient]) -> Stack:
    """Give each plane the displacement that it has in its phase; a shared slab the mean."""
    sheets = []
    for sheet in stack.sheets:
        values = [ingredients[name].u_iso.get(sheet.site or sheet.role, 0.0) for name in sheet.phase.split("|")]
        sheets.append(replace(sheet, u_iso=sum(values) / len(values)))
    return replace(stack, sheets=tuple(sheets))
