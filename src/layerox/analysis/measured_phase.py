"""Measured phase: the public functions that make a phase known by its cell and measured intensities.

`measure_phase` extracts `|F|^2` from the pattern of the pure phase (Le Bail, `diffraction.intensity_extraction`);
`calibrate_phase` finds the constant in the place of Z M from a mixture of known composition, so that weight fractions
are those of Hill & Howard (`diffraction.weight_fractions`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from layerox.analysis.fit import fit
from layerox.analysis.phase_arguments import PhaseArgument, phase_from
from layerox.builders.composition import amounts_of
from layerox.crystal.asymmetric_unit import cell_tuple
from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.measured_phase import MeasuredPhase
from layerox.diffraction.reflections import reflections
from layerox.errors import InputError
from layerox.public import public
from layerox.symmetry import CELL_NAMES, symmetry_from_name

if TYPE_CHECKING:
    from layerox.diffraction.refinement import Refinement
    from layerox.instrument import Geometry, Instrument
    from layerox.pattern import Pattern
    from layerox.radiation import Radiation

# `|F|^2` of the strongest line, and the constant with which a mixture is fitted to find the true one (g/mol).
STRONGEST, PROVISIONAL = 1000.0, 100.0
# Smallest spacing of the list before the data choose, angstrom.
SHORTEST = 0.6


@public
def measure_phase(
    pattern: Pattern | str | Path,
    name: str,
    *,
    cell: Sequence[float],
    space_group: str,
    others: Sequence[PhaseArgument] = (),
    composition: str | None = None,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    monochromator: float | None = None,
    geometry: Geometry | None = None,
    polarization: float | None = None,
    instrument: Instrument | str | Path | None = None,
    range: tuple[float, float] | None = None,
) -> MeasuredPhase:
    """Measure `|F|^2` of a phase without a structure on a pattern of the pure phase.

    Parameters
    ----------
    pattern
        Of the phase, at most with impurities that have a structure.
    name
        Name of the phase.
    cell, space_group
        a, b, c (angstrom), alpha, beta, gamma (degrees), and a Hermann-Mauguin symbol.
    others
        Phases of the pattern that have a structure, as for `fit`.
    composition
        Content of the cell, such as "Na0.9Mn3O6 (H2O)2", for density and attenuation.
    radiation, neutron, monochromator, geometry, polarization, instrument, range
        As for `fit`.

    Returns
    -------
    MeasuredPhase
        Without a constant: see `calibrate_phase`. Its `|F|^2` are relative, 1000 for the strongest line.

    Raises
    ------
    InputError
        If an argument cannot be used, or the intensities could not be extracted.

    Examples
    --------
    >>> import layerox as lx
    >>> pure = lx.simulate(["NiO"], weights=[1.0], radiation="CuKa", counts=10_000, seed=1)
    >>> phase = lx.measure_phase(pure, "unknown", cell=[4.18, 4.18, 4.18, 90, 90, 90], space_group="F m -3 m")
    >>> phase.crystal.space_group
    'Fm-3m'
    """
    symmetry = symmetry_from_name(space_group)
    unit = cell_tuple(cell)
    hkl = [(h, k, i) for h, k, i in reflections(symmetry, unit, SHORTEST).hkl.tolist()]
    crystal = MeasuredCrystal(
        name=name, cell=unit, symmetry=symmetry, sites=(), reflections=tuple(hkl), f_squared=(1.0,) * len(hkl),
        atoms=_atoms(composition),
    ).checked()  # fmt: skip
    phase = MeasuredPhase(name=name, crystal=crystal, mode="le-bail")
    found = fit(
        pattern, [phase, *others], radiation=radiation, neutron=neutron, monochromator=monochromator,
        geometry=geometry, polarization=polarization, instrument=instrument, range=range,
    )  # fmt: skip
    return _extracted(phase, found)


def _atoms(composition: str | None) -> tuple[tuple[str, float], ...]:
    """Return the number of atoms of each element of a formula; empty for None."""
    found = {} if composition is None else amounts_of(composition)[0]
    return tuple((element, float(number)) for element, number in found.items())


def _extracted(phase: MeasuredPhase, found: Refinement) -> MeasuredPhase:
    """Return the phase with the extracted intensities and the refined cell."""
    if found.status == "failed":
        raise InputError(f"the intensities of {phase.name} were not extracted: {found.reason}", cure="correct the cell")
    row = found.phase(phase.name)
    top = max((float(number) for number in row.intensities.values()), default=0.0)
    if not top > 0.0:
        raise InputError(f"{phase.name} has no intensity in the pattern", cure="correct the cell or widen the range")
    values = {hkl: STRONGEST * float(number) / top for hkl, number in row.intensities.items()}
    crystal = replace(
        phase.crystal,
        cell=cell_tuple(row.cell[name] for name in CELL_NAMES),
        reflections=tuple(values),
        f_squared=tuple(values.values()),
        source=f"measured on {found.pattern.label or found.pattern.path or 'a pattern'}",
    )
    return replace(phase, crystal=crystal, mode="rietveld")


@public
def calibrate_phase(
    pattern: Pattern | str | Path,
    phase: PhaseArgument,
    others: Sequence[PhaseArgument],
    *,
    fraction: float,
    fraction_esd: float = 0.0,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    monochromator: float | None = None,
    geometry: Geometry | None = None,
    polarization: float | None = None,
    instrument: Instrument | str | Path | None = None,
    range: tuple[float, float] | None = None,
) -> MeasuredPhase:
    """Find the constant of a measured phase from a mixture of known composition.

    With the fraction f of a fit with the constant k0, and the true fraction w, k = k0 w (1 - f) / ((1 - w) f). Its
    relative standard uncertainty is the root of (esd_model(f) / (f (1 - f)))^2 + (esd(w) / (w (1 - w)))^2.

    Parameters
    ----------
    pattern
        Of the mixture.
    phase
        The measured phase, or its file.
    others
        The other phases of the mixture, with structures, as for `fit`.
    fraction, fraction_esd
        Weight fraction of the measured phase among them, 0 to 1, and its standard uncertainty.
    radiation, neutron, monochromator, geometry, polarization, instrument, range
        As for `fit`.

    Returns
    -------
    MeasuredPhase
        With the constant and its standard uncertainty.

    Raises
    ------
    InputError
        If an argument cannot be used, or the mixture does not determine the constant.

    Examples
    --------
    >>> import layerox as lx
    >>> pure = lx.simulate(["NiO"], weights=[1.0], radiation="CuKa", counts=10_000, seed=1)
    >>> phase = lx.measure_phase(pure, "unknown", cell=[4.18, 4.18, 4.18, 90, 90, 90], space_group="F m -3 m")
    >>> phase.crystal.space_group
    'Fm-3m'
    >>> known = lx.simulate(["NiO", "P2"], weights=[0.5, 0.5], radiation="CuKa", counts=10_000, seed=2)
    >>> lx.calibrate_phase(known, phase, ["P2"], fraction=0.5).crystal.constant > 0
    True
    """
    given = phase_from(phase)
    if not isinstance(given, MeasuredPhase):
        raise InputError(f"{given.name} has a structure", argument="phase", cure="give a phase of measured intensities")
    if not 0.0 < fraction < 1.0 or not 0.0 <= fraction_esd < 1.0:
        raise InputError(f"weight fraction {fraction:g}", argument="fraction", cure="give a number between 0 and 1")
    assumed = replace(given, crystal=replace(given.crystal, constant=PROVISIONAL, constant_esd=0.0))
    found = fit(
        pattern, [assumed, *others], radiation=radiation, neutron=neutron, monochromator=monochromator,
        geometry=geometry, polarization=polarization, instrument=instrument, range=range,
    )  # fmt: skip
    number = found.phase(given.name).weight_fraction
    share = float(number)
    if found.status != "converged" or not 0.0 < share < 1.0:
        reason = found.reason or f"weight fraction {share:.3g}"
        raise InputError(f"the mixture does not calibrate {given.name}: {reason}", cure="fit the mixture first")
    esd = number.esd if number.esd_model is None else number.esd_model
    constant = PROVISIONAL * fraction / (1.0 - fraction) * (1.0 - share) / share
    relative = math.hypot(esd / (share * (1.0 - share)), fraction_esd / (fraction * (1.0 - fraction)))
    crystal = replace(given.crystal, constant=constant, constant_esd=relative * constant)
    return replace(given, crystal=crystal)
