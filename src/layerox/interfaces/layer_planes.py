"""Layer planes: the content of each slab and gallery of a word labelled with phases, and the positions of its planes.

Galleries carry the label of their phase; a slab between two phases is the mean of theirs, in content, thickness and
distortion, so that no plane is doubled and none is missing. Words are cyclic, or open with two faces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from layerox.builders import GalleryContent, SlabContent
from layerox.errors import InputError
from layerox.interfaces.phase_component import KAGOME, PhaseComponent, mixed_plane
from layerox.stacking import Word


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
        Its slabs and galleries; labels are those of the components.
    slabs, galleries
        What each slab, and the gallery above it, holds.
    lower, upper
        How far the lower and the upper anions of each slab are ahead of their letters along the long side of the net,
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
class Layer:
    """One plane of atoms of an open word.

    Attributes
    ----------
    letter, ahead
        Position: a letter, and how far ahead of it along the long side, angstrom.
    height
        From the lowest anions, angstrom.
    species, u_iso
        Element -> occupancy, and displacement (angstrom^2).
    layer, phase, kind
        As `layer`, `phase` and `site_kind` of `Atoms`.
    """

    letter: int
    ahead: float
    height: float
    species: Mapping[str, float]
    u_iso: float
    layer: int
    phase: str
    kind: str


def planes_of(
    word: Word, components: Mapping[str, PhaseComponent], *, boundary: str | float = "lower", faces: str = "full"
) -> Planes:
    """Return what the slabs and galleries of a word hold whose labels name strained components.

    Parameters
    ----------
    word
        Closed, or open.
    components
        StrainState to one lattice, by label.
    boundary
        Filling of the two galleries next to a shared slab: "lower" takes the lower of the two phases' contents, "own"
        leaves each as it is in its phase, a number is ions per metal. Galleries beside a spinel keep their own.
    faces
        The slab with which a layered phase faces a spinel: "full" leaves the spinel's tetrahedra on it empty, "kagome"
        takes a quarter of its metals out and fills them.

    Raises
    ------
    InputError
        If a phase has no gallery of a kind that the word has, or the filling is impossible.
    """
    if faces not in {"full", "kagome"}:
        raise InputError(f"slabs that face a spinel as {faces!r}", argument="faces", cure="choose from full, kagome")
    galleries = [_gallery(components[g.label.phase], g.character) for g in word.galleries]
    labels = [label.phase for label in word.labels]
    own = [0.0 if components[label].spinel else _sodium(g) for label, g in zip(labels, galleries, strict=True)]
    filled, boundaries = list(galleries), []
    for slab, (below, above) in enumerate(_sides(word)):
        if below == above:
            continue
        low, high = (slab - 1) % len(labels), slab
        if not (components[below].spinel or components[above].spinel):
            for index in (low, high):
                filled[index] = _filled(
                    filled[index], target_filling(boundary, own[low], own[high], _sodium(filled[index]))
                )
        boundaries.append((slab, (below, above), low, high))
    filled = _without_boundary_tetrahedra(filled, labels, components, faces)
    pairs = [(components[below], components[above]) for below, above in _sides(word)]
    lower, upper = _displaced(word, [_slab_ahead(*pair) for pair in pairs], components)
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


def layers_of(planes: Planes, parts: Mapping[str, PhaseComponent]) -> Iterator[Layer]:
    """Yield the planes of an open word from the lowest anions up."""
    height = 0.0
    for k, (slab, held, (below, above)) in enumerate(
        zip(planes.word.slabs, planes.slabs, _sides(planes.word), strict=True)
    ):
        phase = below if below == above else f"{below}|{above}"
        low, high = planes.lower[k], planes.upper[k]
        for letter, rise, species, kind in (
            (slab.lower, 0.0, held.lower, "anion"),
            (slab.metal, 0.5, held.metals, "metal"),
            (slab.upper, 1.0, held.upper, "anion"),
        ):
            yield Layer(
                letter=letter, ahead=low + rise * (high - low), height=height + rise * held.thickness, species=species,
                u_iso=displacement(phase, kind, parts), layer=k, phase=phase, kind=kind,
            )  # fmt: skip
        height += held.thickness
        if k < len(planes.galleries):
            yield from _gallery_layers(planes, parts, k, height)
            height += planes.galleries[k].height


def _gallery_layers(planes: Planes, parts: Mapping[str, PhaseComponent], k: int, height: float) -> Iterator[Layer]:
    gallery, held = planes.word.galleries[k], planes.galleries[k]
    phase = gallery.label.phase
    for site, letter in gallery.sites:
        yield Layer(
            letter=letter, ahead=ion_ahead(planes, parts, k, site), height=height + held.height / 2,
            species=held.ions.get(site, {}), u_iso=displacement(phase, site, parts), layer=k, phase=phase, kind=site,
        )  # fmt: skip


def ion_ahead(planes: Planes, parts: Mapping[str, PhaseComponent], k: int, site: str) -> float:
    """Return how far the ions on a site of gallery k are ahead of their letter, angstrom."""
    gallery = planes.word.galleries[k]
    net = parts[gallery.label.phase].net
    own = 0.0 if net is None else gallery.below.sense * net.sites.get(site, 0.0)
    return (planes.upper[k] + planes.lower[k + 1]) / 2 + own


def displacement(phase: str, kind: str, parts: Mapping[str, PhaseComponent]) -> float:
    """Return the displacement that a kind of place has in its phase; in a shared slab ("P2|O3") the mean."""
    values = [parts[name].u_iso.get(kind, 0.0) for name in phase.split("|")]
    return sum(values) / len(values)


def _sides(word: Word) -> list[tuple[str, str]]:
    """Return the labels below and above each slab; slabs at the ends of an open word have one label."""
    labels = [label.phase for label in word.labels]
    if word.cyclic:
        return list(zip([labels[-1], *labels[:-1]], labels, strict=True))
    return list(zip([labels[0], *labels], [*labels, labels[-1]], strict=True))


def _displaced(
    word: Word, ahead: Sequence[float], components: Mapping[str, PhaseComponent]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return how far the lower and upper anions of each slab are ahead, the first slab's lower ones at 0.

    A gallery that turns the sense is a mirror or an inversion between equal slabs: it displaces nothing.
    """
    lower, upper = [0.0], []
    for slab, gallery in zip(ahead, word.galleries, strict=False):
        sense, net = gallery.below.sense, components[gallery.label.phase].net
        upper.append(lower[-1] + sense * slab)
        step = 0.0 if net is None or gallery.step.flips else sense * net.galleries.get(gallery.character, 0.0)
        lower.append(upper[-1] + step)
    if not word.cyclic:
        upper.append(lower[-1] + word.slabs[-1].sense * ahead[-1])
    return tuple(lower), tuple(upper)


def _gallery(phase: PhaseComponent, character: str) -> GalleryContent:
    if character not in phase.galleries:
        raise InputError(f"{phase.label} has no {character} gallery", cure=f"it has {', '.join(phase.galleries)}")
    return phase.galleries[character]


def _sodium(gallery: GalleryContent) -> float:
    return sum(sum(ions.values()) for ions in gallery.ions.values())


def target_filling(boundary: str | float, low: float, high: float, now: float) -> float:
    """Return the ions per metal of a gallery that now has so many, between phases that have `low` and `high`."""
    if boundary == "own":
        return now
    if boundary == "lower":
        return min(low, high, now)
    if isinstance(boundary, str) or not 0 <= boundary <= 1:
        raise InputError(f"a boundary filling of {boundary!r}", argument="boundary",
                         cure="give 'lower', 'own', or 0 to 1 ions per metal")  # fmt: skip
    return float(boundary)


def _filled(gallery: GalleryContent, target: float) -> GalleryContent:
    now = _sodium(gallery)
    if now == 0 and target > 0:
        raise InputError("an empty gallery has no sites for sodium", argument="boundary",
                         cure="take 'own' or 'lower'")  # fmt: skip
    scale = target / now if now else 1.0
    ions = {site: {element: x * scale for element, x in held.items()} for site, held in gallery.ions.items()}
    return GalleryContent(height=gallery.height, ions=ions)


def _alkali(filled: Sequence[GalleryContent], own: Sequence[float], low: int, high: int) -> tuple[float, float]:
    """Return the alkali ions of two galleries; a spinel's mixed plane, whose own number is 0, has none."""
    first, second = (_sodium(filled[k]) if own[k] else 0.0 for k in (low, high))
    return first, second


def _without_boundary_tetrahedra(
    filled: Sequence[GalleryContent], labels: Sequence[str], components: Mapping[str, PhaseComponent], faces: str
) -> list[GalleryContent]:
    """Return the galleries, a spinel's first and last without the tetrahedra on a full slab."""
    kept = list(filled)
    for k, label in enumerate(labels):
        sites = components[label].spinel
        if sites is None or faces == "kagome":
            continue
        full = (labels[k - 1] != label) + (labels[(k + 1) % len(labels)] != label)
        kept[k] = replace(kept[k], ions=mixed_plane(sites.octahedral, sites.tetrahedral, 2 - full))
    return kept


def _slab(below: PhaseComponent, above: PhaseComponent, faces: str) -> SlabContent:
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


def _slab_ahead(below: PhaseComponent, above: PhaseComponent) -> float:
    """Return how far the slab between two galleries displaces its upper anions: as `_slab` has its thickness."""
    one, other = (0.0 if part.net is None else part.net.slab for part in (below, above))
    if below.spinel or above.spinel:
        return other if below.spinel else one
    return (one + other) / 2


def mean(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Return the mean of two sets of amounts."""
    return {element: (one.get(element, 0.0) + other.get(element, 0.0)) / 2 for element in {**one, **other}}
