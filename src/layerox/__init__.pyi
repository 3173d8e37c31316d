"""Types of the public names; `__init__.py` says where each is defined."""

from layerox import notebook as notebook
from layerox.analysis.calibrate import calibrate
from layerox.analysis.exposure import identify_exposed
from layerox.analysis.fit import fit, simulate
from layerox.analysis.identify import identify
from layerox.analysis.joint import fit_jointly
from layerox.analysis.lmfit_api import objective, parameters
from layerox.analysis.measured_phase import calibrate_phase, measure_phase
from layerox.analysis.simulator import simulator
from layerox.builders import LIBRARY as library  # noqa: N811  (a constant of its module, a name of the public interface)
from layerox.builders import build_structure as build
from layerox.builders import orderings
from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.interfaces import interface
from layerox.io import read_pattern, read_patterns, write_pattern
from layerox.notebook import view
from layerox.pattern import Pattern, pattern_from_arrays
from layerox.plotting import plot
from layerox.radiation import Radiation
from layerox.report import write_report
from layerox.results.compare import compare
from layerox.results.result_folder import load
from layerox.series.parametric.refine import refine_parametric
from layerox.series.result import Series, open_series
from layerox.series.run import fit_series
from layerox.strain.broadening import broadening
from layerox.strain.features import features
from layerox.strain.strain_evolution import strain_evolution as strain
from layerox.strain.transitions.of_series import transitions
from layerox.validation import check, identify_structure

__version__: str

__all__ = [
    "InputError",
    "Instrument",
    "Pattern",
    "Radiation",
    "Refinement",
    "Series",
    "broadening",
    "build",
    "calibrate",
    "calibrate_phase",
    "check",
    "compare",
    "features",
    "fit",
    "fit_jointly",
    "fit_series",
    "identify",
    "identify_exposed",
    "identify_structure",
    "interface",
    "library",
    "load",
    "measure_phase",
    "notebook",
    "objective",
    "open_series",
    "orderings",
    "parameters",
    "pattern_from_arrays",
    "plot",
    "read_pattern",
    "read_patterns",
    "refine_parametric",
    "simulate",
    "simulator",
    "strain",
    "transitions",
    "view",
    "write_pattern",
    "write_report",
]
