"""Recipes: the description of a phase, kept as data, from which its crystal can be built at any time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from layerox.builders.composition import Amounts, Composition, parse_formula
from layerox.builders.distorted_layers import DistortedGeometry, distorted_crystal
from layerox.builders.layer_heights import LayerGeometry
from layerox.builders.layered import DisplacementFactors, PlaneStack, layered_stack
from layerox.builders.site_rows import MixedSite, sites_of
from layerox.builders.sodium_sites import SiteContents
from layerox.builders.spinel import (
    SpinelComposition,
    SpinelFactors,
    SpinelGeometry,
    spinel_composition,
    spinel_crystal,
)
from layerox.builders.tunnel import TunnelGeometry, tunnel_crystal
from layerox.crystal.asymmetric_unit import Cell, Crystal, Position
from layerox.stacking import parse_word
from layerox.symmetry import symmetry_from_name


class PhaseRecipe(Protocol):
    """How a phase is built: any description that makes a crystal."""

    def crystal(self, *, name: str, source: str) -> Crystal:
        """Return the crystal."""


@dataclass(frozen=True, kw_only=True)
class Layered:
    """A layered cell described by its word, composition and geometry; see `layered_crystal` for the fields."""

    word: str
    formula: str
    geometry: LayerGeometry = field(default_factory=LayerGeometry)
    sodium: SiteContents = field(default_factory=dict)
    displacement: DisplacementFactors = field(default_factory=DisplacementFactors)

    def stack(self, *, name: str, source: str) -> PlaneStack:
        """Return its planes of atoms."""
        return layered_stack(
            parse_word(self.word),
            parse_formula(self.formula),
            geometry=self.geometry,
            sodium=self.sodium,
            displacement=self.displacement,
            name=name,
            source=source,
        )

    def crystal(self, *, name: str, source: str) -> Crystal:
        """Return its crystal."""
        return self.stack(name=name, source=source).crystal()


@dataclass(frozen=True, kw_only=True)
class Distorted:
    """A P'2, P'3 or O'3; see `distorted_crystal` for the fields."""

    phase: str
    formula: str | Composition
    geometry: DistortedGeometry = field(default_factory=DistortedGeometry)
    sodium: SiteContents = field(default_factory=dict)
    displacement: DisplacementFactors = field(default_factory=DisplacementFactors)

    @property
    def composition(self) -> Composition:
        """The composition that its formula describes."""
        return composition_from(self.formula)

    def crystal(self, *, name: str, source: str) -> Crystal:
        """Return its crystal."""
        return distorted_crystal(
            self.phase,
            self.composition,
            geometry=self.geometry,
            sodium=self.sodium,
            displacement=self.displacement,
            name=name,
            source=source,
        )


@dataclass(frozen=True, kw_only=True)
class Spinel:
    """A cubic or tetragonal spinel; see `spinel_composition` and `spinel_crystal` for the fields."""

    formula: str
    inversion: float = 0.0
    tetrahedral: Amounts | None = None
    geometry: SpinelGeometry = field(default_factory=SpinelGeometry)
    factors: SpinelFactors = field(default_factory=SpinelFactors)

    @property
    def composition(self) -> SpinelComposition:
        """The ions of its sites."""
        return spinel_composition(self.formula, inversion=self.inversion, tetrahedral=self.tetrahedral)

    def crystal(self, *, name: str, source: str) -> Crystal:
        """Return its crystal."""
        return spinel_crystal(
            self.composition, geometry=self.geometry, factors=self.factors, name=name, source=source
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """A tunnel oxide; see `tunnel_crystal` for the fields."""

    formula: str | Composition
    geometry: TunnelGeometry = field(default_factory=TunnelGeometry)
    sodium: SiteContents = field(default_factory=dict)
    metals: Mapping[str, Amounts] = field(default_factory=dict)

    @property
    def composition(self) -> Composition:
        """The composition that its formula describes."""
        return composition_from(self.formula)

    def crystal(self, *, name: str, source: str) -> Crystal:
        """Return its crystal."""
        return tunnel_crystal(
            self.composition,
            geometry=self.geometry,
            sodium=self.sodium,
            metals=self.metals,
            name=name,
            source=source,
        )


@dataclass(frozen=True, kw_only=True)
class PublishedStructure:
    """A structure that is known, not built: space group, cell, and (label, occupancy, position, B) of each site."""

    group: str
    cell: Cell
    sites: tuple[tuple[str, float, Position, float], ...]

    def crystal(self, *, name: str, source: str) -> Crystal:
        """Return its crystal."""
        places = [
            MixedSite(species={_element(label): x}, position=position, b_iso=b, tag=label.removeprefix(_element(label)))
            for label, x, position, b in self.sites
        ]
        symmetry = symmetry_from_name(self.group, hexagonal=self.cell[5] == 120.0)
        crystal = Crystal(name=name, cell=self.cell, symmetry=symmetry, sites=sites_of(places), source=source)
        return replace(crystal.snapped())


def composition_from(formula: str | Composition) -> Composition:
    """Return a composition as it is, or that of a formula."""
    return formula if isinstance(formula, Composition) else parse_formula(formula)


def _element(label: str) -> str:
    return label.rstrip("0123456789")
