"""The builder: a phase or word, a composition and a cell become a structure, its pattern and its findings.

A glide moves everything above one gallery by (1/3, 2/3, 0) or back, which turns P2 into O2, or O3 into P3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from layerox.analysis.fit import simulate
from layerox.builders import build_crystal
from layerox.crystal.asymmetric_unit import Crystal, structure_from_crystal
from layerox.errors import InputError
from layerox.notebook.widgets import SVG, ViewerWidget
from layerox.stacking import POLYTYPES, SPINEL, Word, identify, parse_word
from layerox.validation.structure_check import check
from layerox.viewers.fit_document import simulation_document
from layerox.viewers.structure_scene import StructureScene, scene_document, scene_of
from layerox.viewers.structure_svg import scene_svg

if TYPE_CHECKING:
    from pymatgen.core import Structure

RADIATION, TWO_THETA = "CuKa", (10.0, 80.0, 0.03)
# Sites of a cell that is drawn twice along a and b.
MOST_REPEATED = 60
LENGTHS = ("a", "b", "c", "beta")
# Their places in a cell.
PLACES = {"a": 0, "b": 1, "c": 2, "beta": 4}


class Builder(ViewerWidget):
    """A structure that is built while it is described.

    Parameters
    ----------
    phase, formula, a, b, c, beta
        As for `build`; None is what the library or bond lengths give.

    Raises
    ------
    InputError
        If this cannot be built. What is entered later and cannot be built is stated in the cell, and the structure
        stays as it was.
    """

    def __init__(
        self,
        phase: str = "P2",
        formula: str | None = None,
        *,
        a: float | None = None,
        b: float | None = None,
        c: float | None = None,
        beta: float | None = None,
        **kwargs: Any,
    ):
        self._structure: Structure
        self._scene: StructureScene
        # The stacking whose galleries are shown, and the phase that it was given as or became.
        self._stacking: tuple[str, Word | None] = ("", None)
        sizes = {"a": a, "b": b, "c": c, "beta": beta}
        document = self._built(phase, formula or "", {name: x for name, x in sizes.items() if x is not None})
        super().__init__(kind="builder", document=document, **kwargs)
        self.observe(lambda change: self._answer(change["new"]), names="wish")

    def __repr__(self) -> str:
        return f"Builder({self.phase!r}, {self._structure.composition.reduced_formula}, {len(self._structure)} sites)"

    @property
    def structure(self) -> Structure:
        """The pymatgen Structure that is shown."""
        return self._structure

    @property
    def phase(self) -> str:
        """The phase or word that is shown."""
        return str(self.document["phase"])

    def glide(self, gallery: int, sense: int = 1) -> None:
        """Glide what is above a gallery (counted from 0), by (1/3, 2/3, 0) or back (sense -1).

        The same gallery glides in every period, so that the hexagonal cell may become three times as high. a stays as
        it was given; c is again that of the new stacking.

        Raises
        ------
        InputError
            If the phase is no stacking word, or there is no such gallery.
        """
        _, word = self._stacking
        if word is None:
            raise InputError(
                f"{self.phase} is no stacking word", argument="gallery", cure="give P2, O3, 'P2*2|O3*3' ..."
            )
        kept = {name: float(text) for name in ("a", "b") if (text := self.document[name])}
        glided = word.glide(gallery, sense)
        text = str(glided.unsheared().reduced())
        before, self._stacking = self._stacking, (text, glided)
        try:
            self.document = {**self._built(text, self.document["formula"], kept), "glided": True}
        except InputError:
            self._stacking = before
            raise

    def static_picture(self) -> tuple[str, bytes]:
        """Return the structure, as SVG."""
        return SVG, scene_svg(self._scene).encode()

    def _answer(self, wish: Mapping[str, Any]) -> None:
        """Build what the user has entered; what cannot be built is stated."""
        try:
            if "glide" in wish:
                gallery, sense = wish["glide"]
                self.glide(int(gallery), int(sense))
            else:
                sizes = {name: _number(name, str(wish[name])) for name in LENGTHS if str(wish.get(name, "")).strip()}
                self.document = self._built(str(wish["phase"]), str(wish["formula"]), sizes)
        except InputError as error:
            self.document = {**self.document, "fault": str(error), "asked": wish.get("count", 0)}

    def _built(self, phase: str, formula: str, sizes: Mapping[str, float]) -> dict[str, Any]:
        """Return the data of the form for a structure, and keep the structure."""
        crystal = build_crystal(phase.strip(), formula=formula.strip() or None, **sizes)  # type: ignore[arg-type]
        structure = structure_from_crystal(crystal)
        scene = scene_of(structure)
        simulation = simulate([(phase.strip(), structure)], radiation=RADIATION, two_theta=TWO_THETA)
        self._structure, self._scene = structure, scene
        if phase.strip() != self._stacking[0]:
            self._stacking = phase.strip(), _word_of(phase)
        _, word = self._stacking
        return {
            "phase": phase.strip(),
            "formula": formula.strip(),
            **{name: f"{sizes[name]:g}" if name in sizes else "" for name in LENGTHS},
            "cell": _free_cell(crystal),
            "galleries": [] if word is None else [gallery.character for gallery in word.galleries],
            "glides": word is not None,
            "polytype": "" if word is None else identify(word).name,
            "word_note": "no stacking word: no gallery glides",
            "names": [*POLYTYPES, "P'2", "P'3", "O'3", "P2*2|O3*3", "spinel", "tunnel"],
            "summary": f"{crystal.space_group}, {crystal.formula}, {len(structure)} sites, V {crystal.volume:.2f} Å³",
            "scene": {**scene_document(scene), "cells": 2 if len(structure) <= MOST_REPEATED else 1},
            "pattern": simulation_document(simulation),
            "findings": [{"code": one.code, "message": one.message} for one in check(structure)],
            "warnings": [{"code": one.code, "message": one.message} for one in crystal.warnings],
            "fault": "",
            "glided": False,
        }


def _word_of(phase: str) -> Word | None:
    """Return the stacking word of a phase, None for one that is not given as a word or polytype."""
    name = phase.strip()
    if name == SPINEL:
        return None
    try:
        return parse_word(name)
    except InputError:
        return None


def _free_cell(crystal: Crystal) -> dict[str, float | None]:
    """Return the lengths (angstrom) and beta (degrees) that the symmetry leaves free, None for the others."""
    free = crystal.symmetry.cell_rule.free
    return {name: round(crystal.cell[k], 4) if k in free else None for name, k in PLACES.items()}


def _number(name: str, text: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{text!r} is no number", argument=name, cure="write it as 2.885")
    return value
