"""Intergrowth: layered phases stacked along c on one lattice, sharing their boundary slabs.

Galleries carry the label of their phase; a slab between two phases is the mean of theirs, in content, thickness and
distortion, so that no plane is doubled and none is missing. Where distorted layers take part the lattice is a centred
rectangular net, and c leans as far as they shift it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.atoms import Atoms
from layerox.builders import GalleryContent, SlabContent, Stack, stacked
from layerox.builders.layered import POINTS, Sheet
from layerox.errors import InputError
from layerox.interfaces.ingredient import KAGOME, Ingredient, mixed_plane
from layerox.stacking import Block, Label, Word, lay
from layerox.symmetry import FloatArray


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
class Planes:
    """What an open or a cyclic word is made of.

    Attributes
    ----------
    word
        Its slabs and galleries; labels are those of the ingredients.
    slabs, galleries
        What each slab, and the gallery above it, holds.
    lower, upper
        How far the lower and the upper anions of each slab stand ahead of their letters along the long side of the net,
        angstrom; a cyclic word has its first slab once more at the end of `lower`.
    boundaries
        The shared slabs.
    """

    word: Word
    slabs: tuple[SlabContent, ...]
    galleries: tuple[GalleryContent, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    boundaries: tuple[Boundary, ...]


@dataclass(frozen=True, kw_only=True)
class Intergrowth:
    """Layered phases in one cell.

    Attributes
    ----------
    planes
        What its slabs and galleries hold.
    stack
        Its planes of atoms as letters, heights as fractions of c; layers are numbered as the slabs of the word.
    parts
        The strained phases, by label.
    long
        Long side of the rectangular net, angstrom; None on a hexagonal lattice.
    """

    planes: Planes
    stack: Stack
    parts: Mapping[str, Ingredient]
    long: float | None = None

    @property
    def word(self) -> Word:
        """Its slabs and galleries."""
        return self.planes.word

    @property
    def lattice(self) -> FloatArray:
        """Edges over one mesh as rows, angstrom: a, the way to the rectangle's centre (b), and c, which may lean."""
        a = self.stack.a
        long = np.sqrt(3) * a if self.long is None else self.long
        return np.array([[a, 0.0, 0.0], [-a / 2, long / 2, 0.0], [0.0, self._lean, self.stack.c]])

    @property
    def _lean(self) -> float:
        if self.long is None:
            return 0.0
        return float((self.planes.lower[-1] + self.long / 2) % self.long - self.long / 2)

    def ahead(self, sheet: Sheet) -> float:
        """Return how far a plane stands ahead of its letter along the long side, angstrom."""
        if self.long is None:
            return 0.0
        k, planes = sheet.layer, self.planes
        if sheet.role == "metal":
            return (planes.lower[k] + planes.upper[k]) / 2
        if sheet.role == "alkali":
            net, gallery = self.parts[sheet.phase].net, self.word.galleries[k]
            own = 0.0 if net is None else gallery.below.sense * net.sites.get(sheet.site, 0.0)
            return (planes.upper[k] + planes.lower[k + 1]) / 2 + own
        return planes.lower[k] if sheet.letter == self.word.slabs[k].lower else planes.upper[k]

    def atoms(self) -> Atoms:
        """Return every atom over one mesh of the plane, with its layer and phase."""
        atoms = self.stack.atoms()
        if self.long is None:
            return atoms
        sheets = [self.stack.sheets[k] for k in atoms.site.tolist()]
        flat = np.array([POINTS[sheet.letter] for sheet in sheets]) @ self.lattice[:2]
        upright = np.array([(0.0, self.ahead(sheet), sheet.height * self.stack.c) for sheet in sheets])
        return replace(atoms, lattice=self.lattice, positions=(flat + upright) @ np.linalg.inv(self.lattice))


def intergrown(
    word: Word,
    ingredients: Mapping[str, Ingredient],
    *,
    boundary: str | float = "lower",
    faces: str = "full",
    name: str = "",
) -> Intergrowth:
    """Return the planes of a cyclic word whose labels name strained ingredients.

    Parameters
    ----------
    word
        Closed.
    ingredients
        Strained to one lattice, by label.
    boundary, faces
        As in `planes_of`.
    name
        Of the stack.

    Raises
    ------
    InputError
        If a phase has no gallery of a kind that the word asks for, or the filling is impossible.
    """
    planes = planes_of(word, ingredients, boundary=boundary, faces=faces)
    first = ingredients[word.labels[0].phase]
    stack = stacked(word, planes.slabs, planes.galleries, a=first.a)
    return Intergrowth(
        planes=planes,
        stack=replace(_with_displacements(stack, ingredients), name=name),
        parts=ingredients,
        long=None if first.net is None else first.net.long,
    )


def planes_of(
    word: Word, ingredients: Mapping[str, Ingredient], *, boundary: str | float = "lower", faces: str = "full"
) -> Planes:
    """Return what the slabs and galleries of a word hold whose labels name strained ingredients.

    Parameters
    ----------
    word
        Closed, or open.
    ingredients
        Strained to one lattice, by label.
    boundary
        Filling of the two galleries next to a shared slab: "lower" takes the lower of the two phases' contents, "own"
        leaves each as it is in its phase, a number is ions per metal. Galleries beside a spinel keep their own.
    faces
        The slab with which a layered phase faces a spinel: "full" leaves the spinel's tetrahedra on it empty, "kagome"
        takes a quarter of its metals out and fills them.

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
    for slab, (below, above) in enumerate(_sides(word)):
        if below == above:
            continue
        low, high = (slab - 1) % len(labels), slab
        if not (ingredients[below].spinel or ingredients[above].spinel):
            for index in (low, high):
                filled[index] = _filled(filled[index], _target(boundary, own[low], own[high], _sodium(filled[index])))
        boundaries.append((slab, (below, above), low, high))
    filled = _without_boundary_tetrahedra(filled, labels, ingredients, faces)
    pairs = [(ingredients[below], ingredients[above]) for below, above in _sides(word)]
    lower, upper = _displaced(word, [_slab_ahead(*pair) for pair in pairs], ingredients)
    return Planes(
        word=word,
        slabs=tuple(_slab(*pair, faces) for pair in pairs),
        galleries=tuple(filled),
        lower=lower,
        upper=upper,
        boundaries=tuple(
            Boundary(slab=k, phases=p, sodium=_alkali(filled, own, i, j), own=(own[i], own[j]))
            for k, p, i, j in boundaries
        ),
    )


def _sides(word: Word) -> list[tuple[str, str]]:
    """Return the labels below and above each slab; those at the ends of an open word see one label."""
    labels = [label.phase for label in word.labels]
    if word.cyclic:
        return list(zip([labels[-1], *labels[:-1]], labels, strict=True))
    return list(zip([labels[0], *labels], [*labels, labels[-1]], strict=True))


def _displaced(
    word: Word, ahead: Sequence[float], ingredients: Mapping[str, Ingredient]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return how far the lower and upper anions of each slab stand ahead, the first slab's lower ones at 0.

    A gallery that turns the sense is a mirror or an inversion between equal slabs: it displaces nothing.
    """
    lower, upper = [0.0], []
    for slab, gallery in zip(ahead, word.galleries, strict=False):
        sense, net = gallery.below.sense, ingredients[gallery.label.phase].net
        upper.append(lower[-1] + sense * slab)
        step = 0.0 if net is None or gallery.step.flips else sense * net.galleries.get(gallery.character, 0.0)
        lower.append(upper[-1] + step)
    if not word.cyclic:
        upper.append(lower[-1] + word.slabs[-1].sense * ahead[-1])
    return tuple(lower), tuple(upper)


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


def _slab_ahead(below: Ingredient, above: Ingredient) -> float:
    """Return how far the slab between two galleries displaces its upper anions: as `_slab` has its thickness."""
    one, other = (0.0 if part.net is None else part.net.slab for part in (below, above))
    if below.spinel or above.spinel:
        return other if below.spinel else one
    return (one + other) / 2


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
