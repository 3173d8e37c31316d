"""Summary card of a structure or a stacking word: a few lines of HTML with a drawing of its layers."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from spglib.error import SpglibError

from layerox.crystal.asymmetric_unit import ANIONS, formula_text
from layerox.crystal.atoms import Atoms
from layerox.public import public
from layerox.stacking import LETTERS, Word, closure, identify
from layerox.symmetry import cell_from_metric, compact_symbol
from layerox.validation.classified_sites import ALKALI, METAL, ClassifiedSites, classified_sites
from layerox.validation.consistency import LARGEST_CELL, found_space_group
from layerox.validation.coordination import Polyhedra, polyhedra
from layerox.validation.layers import Layers, layers_of
from layerox.validation.phase_identification import phase_of
from layerox.validation.read_structure import StructureArgument, atoms_of
from layerox.validation.structure_check import check
from layerox.viewers.element_colours import element_colour, phase_colour

MOST_DRAWN = 24  # slabs
RISE, STEP, RADIUS = 11.0, 16.0, 4.0  # pixels of a plane, a letter, an anion

Row = tuple[str, str]


@dataclass(frozen=True)
class Card:
    """A summary: `rows` of a name and a value, `picture` an SVG drawing (empty when there is nothing to draw)."""

    title: str
    rows: tuple[Row, ...]
    picture: str

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left;opacity:.65;padding:1px 10px 1px 0">{html.escape(name)}</td>'
            f'<td style="text-align:left;padding:1px 0">{html.escape(value)}</td></tr>'
            for name, value in self.rows
        )
        return (
            '<div style="display:flex;gap:24px;align-items:flex-start;font-size:13px">'
            f'<div><b>{html.escape(self.title)}</b><table style="margin:4px 0 0 0">{rows}</table></div>'
            f"{self.picture}</div>"
        )


@public
def card(structure: StructureArgument | Word) -> Card:
    """Return a summary of a structure (as in `check`) or of a stacking word.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    if isinstance(structure, Word):
        return Card(_word_title(structure), tuple(_word_rows(structure)), picture(structure))
    atoms = atoms_of(structure)
    places = classified_sites(atoms)
    bonds = polyhedra(places)
    layers = layers_of(places, bonds)
    word = layers.word if layers is not None else None
    rows = (*_general_rows(atoms, places), *_layer_rows(layers), *_bond_rows(places, bonds), *_finding_rows(structure))
    return Card(atoms.name, rows, picture(word) if word is not None else "")


# --- words ---------------------------------------------------------------------------------------------------------


def _word_title(word: Word) -> str:
    return identify(word).name if word.cyclic else "open word"


def _word_rows(word: Word) -> Iterator[Row]:
    yield "word", _shortened(str(word))
    yield "galleries", _shortened(" ".join(g.character for g in word.galleries))
    yield "octahedral", f"{word.o_fraction} of the galleries"
    if word.cyclic:
        yield "slabs", f"{word.period} in the hexagonal cell"
        problem = closure(word).problem
        yield "closed", problem or "yes"


def _shortened(text: str, most: int = 72) -> str:
    return text if len(text) <= most else text[: most - 4] + " ..."


# --- structures ----------------------------------------------------------------------------------------------------


def _general_rows(atoms: Atoms, places: ClassifiedSites) -> Iterator[Row]:
    units = _units(atoms)
    yield "formula", f"{formula_text({e: x / units for e, x in atoms.content.items()})} (times {units:g})"
    yield "space group", _space_group(places)
    lengths = cell_from_metric(places.lattice @ places.lattice.T)
    edges, angles = (
        " ".join(f"{x:{width}}" for x in part) for part, width in ((lengths[:3], ".4f"), (lengths[3:], ".2f"))
    )
    yield "cell", f"{edges} Å, {angles}°"
    yield "sites", f"{len(places)}" + ("" if atoms.is_ordered else ", partly occupied or mixed")


def _units(atoms: Atoms) -> float:
    """Return the number of formula units that makes the anions of a layered oxide two."""
    anions = sum(x for element, x in atoms.content.items() if element in ANIONS)
    return round(anions / 2, 3) or 1.0


def _space_group(places: ClassifiedSites) -> str:
    if len(places) > LARGEST_CELL:
        return "not determined for a cell of this size"
    try:
        found = found_space_group(places)
    except SpglibError:
        return "none found"
    return f"{compact_symbol(found)} ({found.number})"


def _layer_rows(layers: Layers | None) -> Iterator[Row]:
    if layers is None:
        yield "layers", "none: the metals are joined in all directions"
        return
    if layers.word is None:
        yield "stacking", "irregular"
    else:
        yield "stacking", f"{phase_of(layers.word, distorted=layers.distorted)}: {_shortened(str(layers.word))}"
        yield "galleries", _shortened(" ".join(step.character for step in layers.word.steps))
    slabs = sorted({f"{space.height:.3f}" for space in layers.spaces if space.is_slab})
    galleries = sorted({f"{space.height:.3f}" for space in layers.spaces if not space.is_slab})
    yield "slab height", f"{_range(slabs)} Å"
    yield "gallery height", f"{_range(galleries)} Å"


def _range(values: Sequence[str]) -> str:
    return " to ".join(dict.fromkeys((values[0], values[-1]))) if values else "none"


def _bond_rows(places: ClassifiedSites, bonds: Polyhedra) -> Iterator[Row]:
    for role, what in ((METAL, "metal"), (ALKALI, "alkali")):
        chosen = bonds.bonds.distance[np.isin(bonds.bonds.first, places.having(role))]
        if len(chosen):
            shapes = bonds.counts(places)[role]
            listed = ", ".join(f"{number} {shape.replace('_', ' ')}" for shape, number in shapes.items())
            yield f"{what} to anion", f"{_range([f'{chosen.min():.3f}', f'{chosen.max():.3f}'])} Å ({listed})"


def _finding_rows(structure: StructureArgument) -> Iterator[Row]:
    for finding in check(structure):
        yield "finding", str(finding)


# --- picture -------------------------------------------------------------------------------------------------------


def picture(word: Word) -> str:
    """Return an SVG of the layers seen from the side: anions at their letters, galleries coloured by kind."""
    shown = word.slabs[:MOST_DRAWN]
    height = RISE * (4 * len(shown) + 1)
    parts = [_svg_layer(word, k, height) for k in range(len(shown))]
    letters = "".join(
        f'<text x="{20 + STEP * k * 1.5:.1f}" y="{height + 12:.1f}" text-anchor="middle">{letter}</text>'
        for k, letter in enumerate(LETTERS)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="150" height="{height + 18:.0f}" font-size="10" '
        f'fill="currentColor" role="img" aria-label="stacking {html.escape(_shortened(str(word)))}">'
        f"{''.join(parts)}{letters}</svg>"
    )


def _svg_layer(word: Word, k: int, height: float) -> str:
    """One slab as two anions and its metal, and the gallery above it with its name."""
    slab = word.slabs[k]
    low = height - RISE * (4 * k + 1)
    parts = []
    if k < len(word.galleries):
        gallery = word.galleries[k]
        colour = phase_colour(gallery.character)
        parts.append(
            f'<rect x="4" y="{low - 4 * RISE:.1f}" width="100" height="{2 * RISE:.1f}" fill="{colour}" opacity=".25"/>'
            f'<text x="108" y="{low - 3 * RISE + 3:.1f}" fill="{colour}">{gallery.character}</text>'
        )
    for letter, rise, colour, radius in (
        (slab.lower, 0.0, element_colour("O"), RADIUS),
        (slab.metal, 1.0, element_colour("Mn"), RADIUS * math.sqrt(0.5)),
        (slab.upper, 2.0, element_colour("O"), RADIUS),
    ):
        x = 20 + STEP * letter * 1.5
        parts.append(f'<circle cx="{x:.1f}" cy="{low - rise * RISE:.1f}" r="{radius:.1f}" fill="{colour}"/>')
    return "".join(parts)
