"""Build result: the result of a fit from the outcome of a strategy; `conclusion` evaluates it when it is read."""

from __future__ import annotations

from collections.abc import Mapping

from layerox.diffraction.conclusion import Conclusion
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.on_demand import deferred
from layerox.diffraction.quantification import NO_QUANTIFICATION, Quantification
from layerox.diffraction.refinement import Refinement
from layerox.instrument import Instrument
from layerox.pattern import Pattern


def build_result(
    outcome: Outcome,
    pattern: Pattern,
    instrument: Instrument,
    cpu_s: float,
    recipe: Mapping[str, object] | None = None,
    quantification: Quantification = NO_QUANTIFICATION,
) -> Refinement:
    """Return the result of a fit; each of its fields is computed when it is read for the first time.

    Parameters
    ----------
    outcome
        Of the strategy; nothing may change its model and its minimum afterwards.
    pattern
        The data.
    instrument
        The diffractometer before the fit.
    cpu_s
        CPU time of the fit, seconds.
    recipe
        Of the result.
    quantification
        The user's information on specimen and standards.
    """
    return deferred(Refinement, Conclusion(outcome, pattern, instrument, cpu_s, recipe, quantification))
