"""A phase of measured intensities beside the same phase with atoms: pattern, derivatives, weight, absorption."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.fit import simulate
from layerox.diffraction.absorption import phase_attenuation
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.measured_phase import CALIBRATION, MeasuredPhase, measured_phase_warnings
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.priors import priors_of
from layerox.errors import InputError
from layerox.instrument import Instrument
from measured_phases import HYDRATE, measured
from mixtures import CU, PROFILE

ANGLES = np.arange(10.0, 90.0, 0.03)
INSTRUMENT = Instrument(profile=PROFILE)


def phase(**changes):
    return MeasuredPhase(name="hydrate", crystal=measured(**changes), size_nm=60.0, microstrain=0.001)


def test_pattern_is_that_of_the_structure():
    with_atoms = Phase(name="hydrate", crystal=HYDRATE, size_nm=60.0, microstrain=0.001)
    models = [Model(ANGLES, [one], INSTRUMENT, CU, tail=1e-9) for one in (with_atoms, phase())]
    one, other = (model.calculated(model.start).total for model in models)
    assert np.abs(other - one).max() < 1e-9 * one.max()


def test_derivatives_are_those_of_differences():
    model = Model(ANGLES, [phase(constant=310.0)], INSTRUMENT, CU, tail=1e-12)
    table = parameters_of(model)
    names = [slot_name(model.phases[0], slot) for slot in ("scale", "a", "c", "inverse_size", "preferred_orientation")]
    table.free(names)
    values = table.values[: len(model.names)]
    _, jacobian = model.linearised(values, table.transfer()[: len(model.names)], np.ones(len(ANGLES)))
    for row, name in zip(jacobian, table.free_names, strict=True):
        step = 1e-6 * max(abs(table.value(name)), 1e-3)
        curves = []
        for sign in (1, -1):
            moved = table.copy()
            moved.assign(name, table.value(name) + sign * step)
            curves.append(model.calculated(moved.values[: len(model.names)]).total)
        slope = (curves[0] - curves[1]) / (2 * step)
        assert np.abs(row - slope).max() < 2e-4 * np.abs(slope).max(), name


def test_constant_takes_the_place_of_the_mass_of_the_cell():
    one = phase(constant=310.0)
    mass, slopes = one.cell_content_mass(one.values)
    assert mass == 310.0
    assert dict(zip(one.slot_names, slopes.tolist(), strict=True)) == {
        **dict.fromkeys(one.slot_names, 0.0), CALIBRATION: 1.0
    }  # fmt: skip


def test_absolute_intensities_and_the_true_mass_are_the_structure():
    """With |F|^2 in electrons^2 and Z M as the constant, a simulated mixture is that of the structure."""
    options = {"weights": [0.4, 0.6], "radiation": CU, "instrument": INSTRUMENT, "two_theta": (10.0, 90.0, 0.03)}
    with_atoms = simulate([Phase(name="hydrate", crystal=HYDRATE), "P2"], **options)
    without = simulate([MeasuredPhase(name="hydrate", crystal=measured(constant=HYDRATE.mass)), "P2"], **options)
    assert np.abs(without.calculated - with_atoms.calculated).max() < 1e-9 * with_atoms.calculated.max()


def test_absorption_is_that_of_the_composition():
    one, values = phase(constant=5.0), phase(constant=5.0).values
    with_atoms = Phase(name="hydrate", crystal=HYDRATE)
    expected = phase_attenuation(HYDRATE, with_atoms.values, CU)
    found = phase_attenuation(one.crystal, values, CU)
    assert found.density == pytest.approx(expected.density, rel=1e-12)
    assert found.linear_attenuation == pytest.approx(expected.linear_attenuation, rel=1e-9)
    assert found.linear_slopes[:9] == pytest.approx(expected.linear_slopes[:9], rel=1e-9)
    unknown = phase_attenuation(replace(one.crystal, atoms=()), values, CU)
    assert np.isnan([unknown.density, unknown.mass_attenuation, unknown.linear_attenuation]).all()


def test_uncertainty_of_the_constant_is_a_prior():
    one = phase(constant=310.0, esd=6.0)
    table = parameters_of(Model(ANGLES, [one], INSTRUMENT, CU))
    (prior,) = (row for row in priors_of([one], table) if row.name == "hydrate_calibration")
    assert (prior.value, prior.esd, prior.provenance) == (310.0, 6.0, "calibration")


def test_without_a_constant_it_has_no_weight():
    assert not phase().is_weighed
    assert phase(constant=310.0).is_weighed
    with pytest.raises(InputError, match="no calibration"):
        simulate([phase(), "P2"], weights=[0.5, 0.5], radiation=CU, instrument=INSTRUMENT)


def test_a_crystal_with_atoms_is_refused():
    with pytest.raises(InputError, match="no measured intensities"):
        MeasuredPhase(name="hydrate", crystal=HYDRATE)


def test_reflections_beyond_the_measured_intensities_are_announced():
    short = MeasuredPhase(name="hydrate", crystal=measured(constant=310.0, two_theta=(5.0, 50.0, 0.05)))
    models = [Model(ANGLES, [one], INSTRUMENT, CU).phase_models for one in (short, phase(constant=310.0))]
    (notice,) = measured_phase_warnings(models[0], (10.0, 89.97))
    assert notice.code == "intensities_end"
    assert "outside and count as absent" in notice.message
    assert not list(measured_phase_warnings(models[0], (10.0, 48.0)))
    assert not list(measured_phase_warnings(models[1], (10.0, 89.97)))
