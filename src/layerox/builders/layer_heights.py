"""Geometry: heights of slabs and galleries, as far as a user gives them, the rest from bond lengths.

What comes from bond lengths is constructed, good to some 2 % in a and 3 % in c of sodium oxides, and no refined
structure. Radii: Shannon, Acta Cryst. A32 (1976) 751, doi:10.1107/S0567739476001551.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from layerox.builders.composition import Composition
from layerox.errors import InputError, nearest
from layerox.stacking import Gallery, Word

# Six-coordinate radii by charge, angstrom (high spin where Shannon lists two, but low spin for Co3+, Ni3+, Cu3+).
CATION_RADII: dict[str, dict[int, float]] = {
    "Li": {1: 0.76}, "Na": {1: 1.02}, "K": {1: 1.38}, "Rb": {1: 1.52}, "Cs": {1: 1.67}, "Ag": {1: 1.15},
    "Mg": {2: 0.72}, "Ca": {2: 1.00}, "Sr": {2: 1.18}, "Ba": {2: 1.35}, "Zn": {2: 0.74},
    "Ti": {3: 0.67, 4: 0.605}, "V": {3: 0.64, 4: 0.58, 5: 0.54}, "Cr": {3: 0.615, 4: 0.55, 5: 0.49, 6: 0.44},
    "Mn": {2: 0.83, 3: 0.645, 4: 0.53}, "Fe": {2: 0.78, 3: 0.645, 4: 0.585}, "Co": {2: 0.745, 3: 0.545, 4: 0.53},
    "Ni": {2: 0.69, 3: 0.56, 4: 0.48}, "Cu": {2: 0.73, 3: 0.54}, "Ru": {4: 0.62, 5: 0.565},
    "Ir": {4: 0.625, 5: 0.57}, "Sc": {3: 0.745}, "Al": {3: 0.535}, "Ga": {3: 0.62}, "In": {3: 0.80},
    "Y": {3: 0.90}, "La": {3: 1.032}, "Zr": {4: 0.72}, "Hf": {4: 0.71}, "Sn": {4: 0.69}, "Ge": {4: 0.53},
    "Si": {4: 0.40}, "B": {3: 0.27}, "P": {5: 0.38}, "Nb": {5: 0.64}, "Ta": {5: 0.64}, "Sb": {5: 0.60},
    "Mo": {6: 0.59}, "W": {6: 0.60}, "Te": {6: 0.56},
}  # fmt: skip
UNKNOWN_RADIUS = 0.62
# Four-coordinate radii where Shannon lists them, else six-coordinate ones. With 1.38 A for O the sums come within
# 0.025 A of the metal-oxygen distances in the reference structures of `library.py`.
ANION_RADII = {"O": 1.38, "F": 1.31, "N": 1.46, "S": 1.84, "Se": 1.98, "Cl": 1.81, "Br": 1.96, "I": 2.20}

# Shape of a slab and distances in a gallery, means over the reference structures of `library.py`.
BOND_TO_A = 1.487  # a over the metal-anion distance; sqrt 2 for a regular octahedron
SLAB_TO_A = 2 * math.sqrt(1 / BOND_TO_A**2 - 1 / 3)
PRISMATIC_CONTACT = 1.41  # Na-O distance minus the radius of Na, angstrom
OCTAHEDRAL_CONTACT = 1.335
EMPTY_GALLERY = 2.40  # O galleries of O1 CoO2, angstrom
FULLY_SPREAD = 0.3  # ions per metal above which an octahedral gallery is as high as its ions require
LOWEST_GALLERY = {"P": 2.2, "O": 1.5}  # below it anions would touch at less than 2.2 A
THINNEST_SLAB = 1.0
AGREEMENT = 2e-3


@dataclass(frozen=True, kw_only=True)
class LayerGeometry:
    """What is known of a layered cell; None where it is not. Lengths in angstrom.

    Attributes
    ----------
    a
        Edge of the hexagonal cell.
    c
        Height of the whole word, all its slabs and galleries together.
    slab
        Distance of a slab's two anion planes.
    bond
        Distance of metal and anion; with `a` it fixes the slab.
    galleries
        Distances of the anion planes that face each other, by phase label ("OP4"), character ("P2", "O3" ...) or
        kind ("P", "O"), the first of these that is named.
    """

    a: float | None = None
    c: float | None = None
    slab: float | None = None
    bond: float | None = None
    galleries: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("a", "c", "slab", "bond"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} = {value}", cure="give a positive length in angstrom")
        for name, value in self.galleries.items():
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"a {name} gallery of {value} A", cure="give a positive height in angstrom")


@dataclass(frozen=True, kw_only=True)
class Dimensions:
    """All lengths of a word: a, the slabs' thickness, and the height of each gallery, angstrom."""

    a: float
    slab: float
    galleries: tuple[float, ...]

    @property
    def c(self) -> float:
        """Height of the word, angstrom."""
        return len(self.galleries) * self.slab + sum(self.galleries)


def dimensions(
    geometry: LayerGeometry, word: Word, composition: Composition, filling: Sequence[Mapping[str, float]]
) -> Dimensions:
    """Return every length of a word: those that are given, and estimates for the rest.

    Parameters
    ----------
    geometry
        What is given.
    word, composition
        What is built.
    filling
        The ions of each gallery, per metal.

    Raises
    ------
    InputError
        If the lengths contradict each other or leave no room.
    """
    a, slab = _slab(geometry, composition)
    known = _known_heights(geometry, word)
    guessed = [
        gallery_height(gallery, ions, composition, a) for gallery, ions in zip(word.galleries, filling, strict=True)
    ]
    if geometry.c is not None:
        guessed = _stretched(geometry.c - len(word) * slab, known, guessed)
    heights = tuple(guess if given is None else given for given, guess in zip(known, guessed, strict=True))
    for gallery, height in zip(word.galleries, heights, strict=True):
        lowest = LOWEST_GALLERY[gallery.character[0]]
        if height < lowest:
            raise InputError(f"{height:.2f} A are left for a {gallery.character} gallery, which needs {lowest} A",
                             cure="give a larger c or a thinner slab")  # fmt: skip
    return Dimensions(a=a, slab=slab, galleries=heights)


def bond_length(composition: Composition) -> float:
    """Return the mean metal-anion distance from radii, angstrom."""
    states = composition.oxidation_states
    metals = sum(x * cation_radius(m, states[m]) for m, x in composition.metals.items()) / sum(
        composition.metals.values()
    )
    return metals + _anion_radius(composition)


def cation_radius(element: str, charge: float) -> float:
    """Return the six-coordinate radius at a charge between two tabulated ones, angstrom."""
    radii = CATION_RADII.get(element, {2: UNKNOWN_RADIUS})
    return float(np.interp(charge, list(radii), list(radii.values())))


def gallery_height(gallery: Gallery, ions: Mapping[str, float], composition: Composition, a: float) -> float:
    """Return the estimated distance of the anion planes on either side of a gallery, angstrom."""
    content = sum(ions.values())
    radius = sum(x * cation_radius(ion, 1) for ion, x in ions.items()) / content if content else cation_radius("Na", 1)
    contact = PRISMATIC_CONTACT if gallery.is_prismatic else OCTAHEDRAL_CONTACT
    distance = radius + contact + _anion_radius(composition) - ANION_RADII["O"]
    height = 2 * math.sqrt(max(distance**2 - a**2 / 3, (EMPTY_GALLERY / 2) ** 2))
    if gallery.is_prismatic:
        return height
    return EMPTY_GALLERY + (height - EMPTY_GALLERY) * min(content / FULLY_SPREAD, 1.0)


def _anion_radius(composition: Composition) -> float:
    amounts = composition.anions
    return sum(x * ANION_RADII[anion] for anion, x in amounts.items()) / sum(amounts.values())


def _slab(geometry: LayerGeometry, composition: Composition) -> tuple[float, float]:
    """Return a and the thickness of a slab."""
    a, slab, bond = geometry.a, geometry.slab, geometry.bond
    if a is None and slab is not None and bond is not None:
        a = math.sqrt(3 * max(bond**2 - slab**2 / 4, 0.0))
    if a is None:
        a = slab / SLAB_TO_A if slab is not None else BOND_TO_A * (bond or bond_length(composition))
    if bond is not None:
        half = math.sqrt(max(bond**2 - a**2 / 3, 0.0))
        if slab is not None and abs(2 * half - slab) > AGREEMENT:
            raise InputError(f"a = {a:g} A and a bond of {bond:g} A make a slab of {2 * half:.4f} A, not {slab:g} A",
                             cure="give two of the three")  # fmt: skip
        slab = 2 * half
    slab = SLAB_TO_A * a if slab is None else slab
    if slab < THINNEST_SLAB:
        needed = math.hypot(a / math.sqrt(3), THINNEST_SLAB / 2)
        raise InputError(f"a slab of {slab:.2f} A (a = {a:g} A) is no layer of octahedra",
                         cure=f"give a smaller a, or a bond above {needed:.2f} A")  # fmt: skip
    return a, slab


def _known_heights(geometry: LayerGeometry, word: Word) -> list[float | None]:
    names = [(g.label.phase, g.character, g.character[0]) for g in word.galleries]
    unknown = set(geometry.galleries) - {name for keys in names for name in keys}
    if unknown:
        choices = sorted({name for keys in names for name in keys})
        raise InputError(f"no gallery of {word} is of kind {min(unknown)!r}", cure=nearest(min(unknown), choices))
    return [next((geometry.galleries[key] for key in keys if key in geometry.galleries), None) for keys in names]


def _stretched(total: float, known: Sequence[float | None], guessed: Sequence[float]) -> list[float]:
    """Return the guessed heights with one amount added to each, so that all heights together are `total`."""
    free = [guess for given, guess in zip(known, guessed, strict=True) if given is None]
    rest = total - sum(given for given in known if given is not None) - sum(free)
    if not free and abs(rest) > AGREEMENT:
        raise InputError(f"slabs and galleries add up to {-rest:+.4f} A more than c", cure="leave one of them out")
    return [guess + rest / len(free) for guess in guessed] if free else list(guessed)
