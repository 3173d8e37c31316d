"""layerox: crystal structures and phase analysis of layered oxide cathodes, NaxTMO2 first.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerox.analysis.calibrate import Calibration, calibrate
    from layerox.analysis.fit import fit, simulate
    from layerox.analysis.joint import JointRefinement, Measurement, fit_jointly
    from layerox.analysis.lmfit_api import objective, parameters
    from layerox.analysis.recipe import read_recipe
    from layerox.analysis.uncertainty import bootstrap, likelihood_profile
    from layerox.builders import LIBRARY as library  # noqa: N811  (a name of the public interface)
    from layerox.builders import build_structure as build
    from layerox.builders import orderings
    from layerox.diffraction.refinement import Refinement
    from layerox.diffraction.simulated_pattern import Simulation
    from layerox.electrochemistry import Electrochemistry, read_electrochemistry
    from layerox.errors import InputError, LayeroxError, UnknownWavelength
    from layerox.instrument import Instrument, Profile
    from layerox.interfaces import Interface, interface
    from layerox.io import read_instrument, read_pattern, read_patterns, write_instrument, write_pattern
    from layerox.notebook import card, view
    from layerox.pattern import Pattern, pattern_from_arrays
    from layerox.plotting import plot, plot_waterfall
    from layerox.radiation import Radiation
    from layerox.report import write_report
    from layerox.results.compare import compare
    from layerox.results.published_cif import read_published
    from layerox.results.result_folder import load
    from layerox.series.dask_cluster import Tls
    from layerox.series.parametric.refine import refine_parametric
    from layerox.series.parametric.result import Parametric
    from layerox.series.result import Series, open_series
    from layerox.series.run import fit_series
    from layerox.series.simulated_series import simulate_series
    from layerox.strain import strain
    from layerox.strain.evolution import StrainEvolution
    from layerox.validation import Finding, check, identify_structure

    __version__: str

_HOMES = {
    "fit": "layerox.analysis.fit",
    "simulate": "layerox.analysis.fit",
    "build": "layerox.builders:build_structure",
    "library": "layerox.builders:LIBRARY",
    "Refinement": "layerox.diffraction.refinement",
    "Simulation": "layerox.diffraction.simulated_pattern",
    "Electrochemistry": "layerox.electrochemistry",
    "read_electrochemistry": "layerox.electrochemistry",
    "InputError": "layerox.errors",
    "LayeroxError": "layerox.errors",
    "UnknownWavelength": "layerox.errors",
    "Instrument": "layerox.instrument",
    "Profile": "layerox.instrument",
    "read_instrument": "layerox.io",
    "read_pattern": "layerox.io",
    "read_patterns": "layerox.io",
    "write_pattern": "layerox.io",
    "write_instrument": "layerox.io",
    "Pattern": "layerox.pattern",
    "pattern_from_arrays": "layerox.pattern",
    "plot": "layerox.plotting",
    "plot_waterfall": "layerox.plotting",
    "Radiation": "layerox.radiation",
    "compare": "layerox.results.compare",
    "load": "layerox.results.result_folder",
    "write_report": "layerox.report",
    "read_recipe": "layerox.analysis.recipe",
    "JointRefinement": "layerox.analysis.joint",
    "Measurement": "layerox.analysis.joint",
    "fit_jointly": "layerox.analysis.joint",
    "Calibration": "layerox.analysis.calibrate",
    "calibrate": "layerox.analysis.calibrate",
    "objective": "layerox.analysis.lmfit_api",
    "bootstrap": "layerox.analysis.uncertainty",
    "likelihood_profile": "layerox.analysis.uncertainty",
    "parameters": "layerox.analysis.lmfit_api",
    "read_published": "layerox.results.published_cif",
    "orderings": "layerox.builders",
    "card": "layerox.notebook",
    "view": "layerox.notebook",
    "Finding": "layerox.validation",
    "check": "layerox.validation",
    "identify_structure": "layerox.validation",
    "interface": "layerox.interfaces",
    "Interface": "layerox.interfaces",
    "Series": "layerox.series.result",
    "open_series": "layerox.series.result",
    "fit_series": "layerox.series.run",
    "simulate_series": "layerox.series.simulated_series",
    "Tls": "layerox.series.dask_cluster",
    "Parametric": "layerox.series.parametric.result",
    "refine_parametric": "layerox.series.parametric.refine",
    "StrainEvolution": "layerox.strain.evolution",
    "strain": "layerox.strain",
    "Broadening": "layerox.strain.broadening",
    "broadening": "layerox.strain.broadening",
    "Transitions": "layerox.strain.transitions",
    "transitions": "layerox.strain.transitions",
}

__all__ = [
    "Broadening",
    "Calibration",
    "Electrochemistry",
    "Finding",
    "InputError",
    "Instrument",
    "Interface",
    "JointRefinement",
    "LayeroxError",
    "Measurement",
    "Parametric",
    "Pattern",
    "Profile",
    "Radiation",
    "Refinement",
    "Series",
    "Simulation",
    "StrainEvolution",
    "Tls",
    "Transitions",
    "UnknownWavelength",
    "bootstrap",
    "broadening",
    "build",
    "calibrate",
    "card",
    "check",
    "compare",
    "fit",
    "fit_jointly",
    "fit_series",
    "identify_structure",
    "interface",
    "library",
    "likelihood_profile",
    "load",
    "objective",
    "open_series",
    "orderings",
    "parameters",
    "pattern_from_arrays",
    "plot",
    "plot_waterfall",
    "read_electrochemistry",
    "read_instrument",
    "read_pattern",
    "read_patterns",
    "read_published",
    "read_recipe",
    "refine_parametric",
    "simulate",
    "simulate_series",
    "strain",
    "transitions",
    "view",
    "write_instrument",
    "write_pattern",
    "write_report",
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
