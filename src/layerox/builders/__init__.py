"""Builders: a description in, a crystal or its atoms out; they never diffract."""

from layerox.builders.build import build_atoms, build_crystal, build_structure, phase_name
from layerox.builders.composition import Composition, parse_formula
from layerox.builders.geometry import Geometry
from layerox.builders.layered import (
    DisplacementFactors,
    GalleryContent,
    SlabContent,
    Stack,
    layered_crystal,
    layered_stack,
    stacked,
)
from layerox.builders.library import DEFAULTS, LIBRARY, Entry, library_entry, library_phase
from layerox.builders.ordering import Ordering, ordered_atoms, orderings

__all__ = [
    "DEFAULTS",
    "LIBRARY",
    "Composition",
    "DisplacementFactors",
    "Entry",
    "GalleryContent",
    "Geometry",
    "Ordering",
    "SlabContent",
    "Stack",
    "build_atoms",
    "build_crystal",
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
