"""lmfit API: the public functions `parameters` and `objective`, for scripts that use lmfit's own minimisers.

The conversion itself is `diffraction.lmfit_adapter`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from layerox.analysis.beam_setup import Beam, instrument_from, pattern_from
from layerox.analysis.phase_arguments import PhaseArgument, phases_from
from layerox.computing.threads import single_threaded
from layerox.diffraction.constraints import constrained
from layerox.diffraction.lmfit_adapter import Objective, lmfit_from_table
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model, slots_of
from layerox.diffraction.model_setup import FIRST_BACKGROUND_TERMS, TAIL
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.simulated_pattern import Simulation
from layerox.instrument import Geometry, Instrument, Profile
from layerox.pattern import Pattern
from layerox.public import public
from layerox.radiation import Radiation
from layerox.symmetry import CELL_NAMES

if TYPE_CHECKING:
    import lmfit

# Initial values of W (degrees^2) without a calibration, and of a crystallite size that is not known (nm).
FIRST_W, FIRST_SIZE_NM = 0.0064, 100.0


@public
@single_threaded
def parameters(
    phases: Sequence[PhaseArgument],
    instrument: Instrument | str | Path | None = None,
    *,
    background_terms: int = FIRST_BACKGROUND_TERMS,
) -> lmfit.Parameters:
    """Return all quantities of phases on an instrument as `lmfit.Parameters`, for changes and for `fit(params=...)`.

    Scales, background, zero, cells, sizes and (without a calibrated profile) W vary. `params["P2_O1_z"].vary = True`
    frees another one; `params.add("delta")` and `params["O3_a"].expr = "P2_a + delta"` tie two. Constraints of symmetry
    are expressions.

    Parameters
    ----------
    phases, instrument
        As for `fit`.
    background_terms
        Number of Chebyshev terms.

    Returns
    -------
    lmfit.Parameters
        By the names of the parameter dictionary, with their units.

    Raises
    ------
    InputError
        If a phase or the instrument cannot be used.

    Examples
    --------
    >>> import layerox as lx
    >>> params = lx.parameters(["P2", "O3"])
    >>> params["P2_b"].expr, params["P2_a"].vary
    ('P2_a', True)
    """
    known = instrument_from(instrument, None)
    calibrated = known.profile is not None
    if not calibrated:
        known = replace(known, profile=Profile(w=FIRST_W))
    chosen = [_with_size(phase) for phase in phases_from(phases)]
    table = constrained(*slots_of(chosen, known, background_terms), chosen)
    table.free(f"background_{k}" for k in range(background_terms))
    table.free(["instrument_zero", *([] if calibrated else ["instrument_w"])])
    for phase in chosen:
        table.free(slot_name(phase, slot) for slot in ("scale", *CELL_NAMES, "inverse_size"))
    return lmfit_from_table(table)


def _with_size(phase: Phase) -> Phase:
    return replace(phase, size_nm=FIRST_SIZE_NM) if math.isinf(phase.size_nm) else phase


@public
@single_threaded
def objective(
    pattern: Pattern | Simulation | str | Path,
    phases: Sequence[PhaseArgument],
    *,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    monochromator: float | None = None,
    geometry: Geometry | None = None,
    polarization: float | None = None,
    instrument: Instrument | str | Path | None = None,
    background_terms: int = FIRST_BACKGROUND_TERMS,
    range: tuple[float, float] | None = None,
) -> Objective:
    """Return the weighted residuals of a pattern as a function of `lmfit.Parameters`, for `lmfit.Minimizer`.

    Parameters
    ----------
    pattern, phases, radiation, neutron, monochromator, geometry, polarization, instrument, range
        As for `fit`.
    background_terms
        The same number as in the parameters of the calls.

    Returns
    -------
    Objective
        Callable: `objective(params)` returns (observed - calculated) / sigma, shape (n,); `objective.jacobian(params)`
        its derivatives with respect to the variables.

    Raises
    ------
    InputError
        As `fit` does.

    Examples
    --------
    >>> import layerox as lx
    >>> objective = lx.objective("patterns/p2_o3.xye", ["P2", "O3"])
    >>> objective(lx.parameters(["P2", "O3"])).shape
    (4001,)
    """
    data = pattern_from(pattern, range)
    given = Beam(radiation=radiation, neutron=neutron, monochromator=monochromator, geometry=geometry,
                 polarization=polarization, instrument=instrument)  # fmt: skip
    known, beam = given.resolve(data)
    tail = TAIL * float(np.median(data.sigma))
    model = Model(data.two_theta, phases_from(phases), known, beam, background_terms=background_terms, tail=tail)
    return Objective(model, Data(data.intensity, 1.0 / data.sigma))
