"""layerox: crystal structures and phase analysis of layered oxide cathodes, NaxTMO2 first.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerox.analysis import fit, simulate
    from layerox.builders import build_structure as build
    from layerox.builders import orderings
    from layerox.diffraction.refinement import Refinement
    from layerox.diffraction.simulation import Simulation
    from layerox.errors import InputError, LayeroxError, UnknownWavelength
    from layerox.instrument import Instrument, Profile
    from layerox.io import read_instrument, read_pattern, read_patterns, write_pattern
    from layerox.notebook import card, view
    from layerox.pattern import Pattern, pattern_from_arrays
    from layerox.plotting import plot
    from layerox.radiation import Radiation
    from layerox.results.folder import load
    from layerox.validation import Finding, check, identify_structure

    __version__: str

_HOMES = {
    "fit": "layerox.analysis",
    "simulate": "layerox.analysis",
    "build": "layerox.builders:build_structure",
    "orderings": "layerox.builders",
    "Refinement": "layerox.diffraction.refinement",
    "Simulation": "layerox.diffraction.simulation",
    "InputError": "layerox.errors",
    "LayeroxError": "layerox.errors",
    "UnknownWavelength": "layerox.errors",
    "Instrument": "layerox.instrument",
    "Profile": "layerox.instrument",
    "read_instrument": "layerox.io",
    "read_pattern": "layerox.io",
    "read_patterns": "layerox.io",
    "write_pattern": "layerox.io",
    "Pattern": "layerox.pattern",
    "pattern_from_arrays": "layerox.pattern",
    "plot": "layerox.plotting",
    "Radiation": "layerox.radiation",
    "load": "layerox.results.folder",
    "card": "layerox.notebook",
    "view": "layerox.notebook",
    "Finding": "layerox.validation",
    "check": "layerox.validation",
    "identify_structure": "layerox.validation",
}

__all__ = [
    "Finding",
    "InputError",
    "Instrument",
    "LayeroxError",
    "Pattern",
    "Profile",
    "Radiation",
    "Refinement",
    "Simulation",
    "UnknownWavelength",
    "build",
    "card",
    "check",
    "fit",
    "identify_structure",
    "load",
    "orderings",
    "pattern_from_arrays",
    "plot",
    "read_instrument",
    "read_pattern",
    "read_patterns",
    "simulate",
    "view",
    "write_pattern",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("layerox")
    if name not in _HOMES:
        raise AttributeError(f"module 'layerox' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
