"""Builders: make a crystal or its atoms from a description."""

from layerox.builders.build import build_atoms, build_crystal, build_stack, build_structure
from layerox.builders.composition import Composition, parse_formula
from layerox.builders.layer_heights import LayerGeometry
from layerox.builders.layered import (
    DisplacementFactors,
    GalleryContent,
    PlaneStack,
    SlabContent,
    layered_crystal,
    layered_stack,
    stacked,
)
from layerox.builders.library import (
    CATHODES,
    DEFAULTS,
    LIBRARY,
    Cathode,
    Library,
    LibraryEntry,
    library_entry,
    library_phase,
)
from layerox.builders.ordering import Ordering, ordered_atoms, orderings
from layerox.builders.request import phase_name

__all__ = [
    "CATHODES",
    "DEFAULTS",
    "LIBRARY",
    "Cathode",
    "Composition",
    "DisplacementFactors",
    "GalleryContent",
    "LayerGeometry",
    "Library",
    "LibraryEntry",
    "Ordering",
    "PlaneStack",
    "SlabContent",
    "build_atoms",
    "build_crystal",
    "build_stack",
    "build_structure",
    "layered_crystal",
    "layered_stack",
    "library_entry",
    "library_phase",
    "ordered_atoms",
    "orderings",
    "parse_formula",
    "phase_name",
    "stacked",
]
