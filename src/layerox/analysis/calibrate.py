"""Calibrate: the public function `calibrate`: the profile and the zero of a diffractometer from a standard.

The refinement itself is `diffraction.standard_fit`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from layerox.analysis.beam_setup import Beam, pattern_from
from layerox.analysis.phase_arguments import PhaseArgument, phase_from
from layerox.computing.threads import single_threaded
from layerox.diffraction.build_result import build_result
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.standard_fit import STRETCH, CalibrationCurve, calibration_curve, refine_standard
from layerox.errors import InputError, nearest
from layerox.instrument import CALIBRATED, CalibrationUncertainty, Geometry, Instrument
from layerox.pattern import Pattern
from layerox.public import public
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.symmetry import CELL_NAMES

# Parameter of axial divergence, to which H/L is tied.
SLOT_OF_AXIAL = "s_over_l"
CORRELATION_DIGITS = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """The diffractometer as a standard determines it.

    Attributes
    ----------
    instrument
        Profile, zero, displacement and beam, for `fit` and `write_instrument`.
    refinement
        The fit of the standard.
    wavelength
        Of the strongest line, angstrom; with an esd if it was refined.
    curve
        Width and shift as functions of angle, and those of single reflections.
    """

    instrument: Instrument
    refinement: Refinement
    wavelength: Refined
    curve: CalibrationCurve


@public
@single_threaded
def calibrate(
    pattern: Pattern | str | Path,
    phase: PhaseArgument,
    *,
    certified: Mapping[str, float] | None = None,
    size_nm: float | None = None,
    wavelength: bool = False,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    monochromator: float | None = None,
    geometry: Geometry | None = None,
    polarization: float | None = None,
    instrument: Instrument | str | Path | None = None,
    range: tuple[float, float] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Calibration:
    """Calibrate a diffractometer on a standard.

    Parameters
    ----------
    pattern, radiation, neutron, monochromator, geometry, polarization, instrument, range, progress
        As for `fit`; the profile of `instrument` is the initial value.
    phase
        The standard, such as LaB6, Si, Al2O3 or Na2Ca3Al2F14.
    certified
        Certified cell, such as {"a": 4.156826} (angstrom); the rest follows by symmetry. By default the cell of the
        structure.
    size_nm
        Crystallite size of the standard, if it broadens the peaks.
    wavelength
        Whether to refine the wavelength too.

    Returns
    -------
    Calibration
        `instrument` with the refined profile (widths in degrees), zero and displacement; `refinement`; `wavelength`
        (angstrom); `curve` of widths and shifts against two-theta (degrees).

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import layerox as lx
    >>> standard = lx.simulate(["Al"], radiation="CuKa", two_theta=(30, 140, 0.02), counts=50_000, seed=1)
    >>> found = lx.calibrate(standard.pattern, "Al")
    >>> f"{found.instrument.profile.w**0.5:.3f} degrees"  # full width; simulated with 0.08
    '0.080 degrees'
    """
    began = time.process_time()
    data = pattern_from(pattern, range)
    given = Beam(radiation=radiation, neutron=neutron, monochromator=monochromator, geometry=geometry,
                 polarization=polarization, instrument=instrument)  # fmt: skip
    known, beam = given.resolve(data)
    standard = _certified(phase_from(phase), certified or {})
    if size_nm is not None:
        standard = replace(standard, size_nm=size_nm)
    outcome = refine_standard(data, standard, known, beam, wavelength=wavelength, progress=progress)
    refinement = build_result(outcome, data, known, time.process_time() - began)
    stretch = next((p.number for p in refinement.parameters if p.name == STRETCH), Refined(1.0))
    lines = tuple((length / stretch.value, weight) for length, weight in beam.lines)
    found = beam if stretch.value == 1.0 else replace(beam, lines=lines, name="")
    strongest = beam.wavelength / stretch.value
    return Calibration(
        instrument=replace(
            refinement.instrument,
            radiation=found,
            kind=None,
            polarization=None,
            calibration=_uncertainty(refinement.with_serial_correlation()),
        ),
        refinement=refinement,
        wavelength=Refined(strongest, strongest * stretch.esd / stretch.value, stretch.status),
        curve=calibration_curve(outcome, data),
    )


def _uncertainty(refinement: Refinement) -> CalibrationUncertainty | None:
    """Return the uncertainty of the refined quantities of the diffractometer, without those at a bound."""
    slots = {f"instrument_{SLOT_OF_AXIAL if name == 'axial' else name}": name for name in CALIBRATED}
    variances = np.diag(refinement.covariance)
    kept = [k for k, name in enumerate(refinement.free_names) if name in slots and variances[k] > 0.0]
    if not kept:
        return None
    esds = np.sqrt(variances[kept])
    correlations = np.round(refinement.covariance[np.ix_(kept, kept)] / np.outer(esds, esds), CORRELATION_DIGITS)
    return CalibrationUncertainty(
        names=tuple(slots[refinement.free_names[k]] for k in kept),
        esds=tuple(esds.tolist()),
        correlations=tuple(map(tuple, correlations.tolist())),
    )


def _certified(phase: Phase, certified: Mapping[str, float]) -> Phase:
    """Return the phase with the certified cell."""
    crystal, rule = phase.crystal, phase.crystal.symmetry.cell_rule
    cell = list(crystal.cell)
    free = [CELL_NAMES[k] for k in rule.free]
    for name, value in certified.items():
        if name not in free:
            raise InputError(f"{name} = {value:g} cannot be certified", argument="certified", cure=nearest(name, free))
        if not value > 0:
            raise InputError(f"{name} = {value:g}", argument="certified", cure="give angstroms and degrees")
        cell[CELL_NAMES.index(name)] = value
    for follower, leader in rule.follows.items():
        cell[follower] = cell[leader]
    return replace(phase, crystal=crystal.with_cell(cell))
