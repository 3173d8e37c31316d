"""layerox: crystal structures and phase analysis of layered oxide cathodes, NaxTMO2 first.

A public name is imported when it is first used, so that importing the package costs nothing. `__init__.pyi` has the
same names for type checkers and editors.
"""

from importlib import import_module

# Where each public name is defined: the module, and the name there if it is another one (":" alone: the module).
_PUBLIC = {
    "InputError": "layerox.errors",
    "Instrument": "layerox.instrument",
    "Pattern": "layerox.pattern",
    "Radiation": "layerox.radiation",
    "Refinement": "layerox.diffraction.refinement",
    "Series": "layerox.series.result",
    "broadening": "layerox.strain.broadening",
    "build": "layerox.builders:build_structure",
    "calibrate": "layerox.analysis.calibrate",
    "calibrate_phase": "layerox.analysis.measured_phase",
    "check": "layerox.validation",
    "compare": "layerox.results.compare",
    "features": "layerox.strain.features",
    "fit": "layerox.analysis.fit",
    "fit_jointly": "layerox.analysis.joint",
    "fit_series": "layerox.series.run",
    "identify": "layerox.analysis.identify",
    "identify_exposed": "layerox.analysis.exposure",
    "identify_structure": "layerox.validation",
    "interface": "layerox.interfaces",
    "library": "layerox.builders:LIBRARY",
    "load": "layerox.results.result_folder",
    "measure_phase": "layerox.analysis.measured_phase",
    "notebook": "layerox.notebook:",
    "objective": "layerox.analysis.lmfit_api",
    "open_series": "layerox.series.result",
    "orderings": "layerox.builders",
    "parameters": "layerox.analysis.lmfit_api",
    "pattern_from_arrays": "layerox.pattern",
    "plot": "layerox.plotting",
    "read_pattern": "layerox.io",
    "read_patterns": "layerox.io",
    "refine_parametric": "layerox.series.parametric.refine",
    "simulate": "layerox.analysis.fit",
    "simulator": "layerox.analysis.simulator",
    "strain": "layerox.strain",  # the package, which is callable
    "transitions": "layerox.strain.transitions.of_series",
    "view": "layerox.notebook",
    "write_pattern": "layerox.io",
    "write_report": "layerox.report",
}

# Names of version 0.1 that are imported from their module now; they go in version 0.3 (CONTRIBUTING, Versions).
_DEPRECATED = {
    "Broadening": "layerox.strain.broadening",
    "Calibration": "layerox.analysis.calibrate",
    "Electrochemistry": "layerox.electrochemistry",
    "Finding": "layerox.validation",
    "Interface": "layerox.interfaces",
    "JointRefinement": "layerox.analysis.joint",
    "LayeroxError": "layerox.errors",
    "Measurement": "layerox.analysis.joint",
    "Parametric": "layerox.series.parametric.result",
    "Profile": "layerox.instrument",
    "Simulation": "layerox.diffraction.simulated_pattern",
    "StrainEvolution": "layerox.strain.strain_evolution",
    "Tls": "layerox.series.dask_cluster",
    "Transitions": "layerox.strain.transitions.of_series",
    "UnknownWavelength": "layerox.errors",
    "bootstrap": "layerox.analysis.uncertainty",
    "card": "layerox.notebook",
    "likelihood_profile": "layerox.analysis.uncertainty",
    "plot_waterfall": "layerox.plotting",
    "read_electrochemistry": "layerox.electrochemistry",
    "read_instrument": "layerox.io",
    "read_published": "layerox.results.published_cif",
    "read_recipe": "layerox.analysis.recipe",
    "simulate_series": "layerox.series.simulated_series",
    "write_instrument": "layerox.io",
}

__all__ = sorted(_PUBLIC)  # noqa: PLE0605  (the stub has the literal list)


def __getattr__(name: str) -> object:
    if name in _PUBLIC:
        return _imported(name, _PUBLIC[name])
    if name in _DEPRECATED:
        return _deprecated(name, _DEPRECATED[name])
    if name == "__version__":
        return import_module("importlib.metadata").version("layerox")
    raise AttributeError(f"module 'layerox' has no attribute {name!r}")


def _imported(name: str, place: str) -> object:
    module, mark, attribute = place.partition(":")
    found = import_module(module)
    return found if mark and not attribute else getattr(found, attribute or name)


def _deprecated(name: str, module: str) -> object:
    message = f"layerox.{name} is deprecated and goes in version 0.3: use `from {module} import {name}`"
    import_module("warnings").warn(message, DeprecationWarning, stacklevel=3)
    return _imported(name, module)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
