"""Absorption, beam overflow and automatic slit: formulas computed here, an independent approximation, derivatives."""

import math

import numpy as np
import pytest
from scipy.integrate import dblquad

from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction import peaks as pk
from layerox.diffraction.angle_factors import angle_factors
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.model import Model
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text

THETA = np.radians(np.linspace(2.0, 85.0, 40))
PROFILE = Profile(u=0.003, v=-0.002, w=0.004, x=0.004)


def values(**slots):
    found = np.zeros(12)
    for name, value in slots.items():
        found[getattr(pk, name.upper())] = value
    return found


def lobanov(mu_r, theta):
    """Transmission of a cylinder, mu R up to 3 (Lobanov & Alte da Veiga, 6th EPDIC, 1998; the formula of GSAS-II)."""
    s = np.sin(theta) ** 2
    k0 = 16.0 / (3.0 * math.pi)
    k1 = (25.99978 - 0.01911 * s**0.25) * np.exp(-0.024551 * s) + 0.109561 * np.sqrt(s) - 26.04556
    k2 = -0.02489 - 0.39499 * s + 1.219077 * s**1.5 - 1.31268 * s**2 + 0.871081 * s**2.5 - 0.2327 * s**3
    k3 = 0.003045 + 0.018167 * s - 0.03305 * s**2
    return np.exp(-k0 * mu_r - k1 * mu_r**2 - k2 * mu_r**3 - k3 * mu_r**4)


def test_without_a_correction_there_is_none():
    assert angle_factors(THETA, values(u=1.0), automatic_slit=False) is None


def test_a_thin_plate_scatters_less_at_high_angles():
    """1 - exp(-2 mu t / sin theta), as in Klug & Alexander; a thick one scatters everything."""
    found = angle_factors(THETA, values(two_mu_t=0.25), automatic_slit=False)
    np.testing.assert_allclose(found.value, 1 - np.exp(-0.25 / np.sin(THETA)), rtol=1e-12)
    assert angle_factors(THETA, values(two_mu_t=40.0), automatic_slit=False).value.min() == pytest.approx(1.0)


@pytest.mark.parametrize("mu_r", [0.1, 0.5, 1.0, 2.0])
def test_the_absorption_of_a_capillary_is_that_of_the_published_approximation(mu_r):
    """It differs from the integral (below) by up to 1.5 % at mu R = 2; the factor is relative to theta = 0."""
    found = angle_factors(THETA, values(mu_r=mu_r), automatic_slit=False)
    expected = lobanov(mu_r, THETA) / lobanov(mu_r, 1e-9)
    np.testing.assert_allclose(found.value, expected, rtol=0.015)


@pytest.mark.parametrize("mu_r", [0.3, 1.5, 5.0])
def test_the_absorption_of_a_capillary_is_the_integral_over_the_disc(mu_r):
    def path(x, y, angle):
        along = x * math.cos(angle) + y * math.sin(angle)
        return math.sqrt(max(1.0 - (x * x + y * y) + along * along, 0.0)) - along

    def mean(theta):
        def passed(y, x):
            return math.exp(-mu_r * (path(-x, -y, 0.0) + path(x, y, 2 * theta)))

        edge = lambda x: math.sqrt(max(1.0 - x * x, 0.0))  # noqa: E731  (the limits of an integral)
        return dblquad(passed, -1.0, 1.0, lambda x: -edge(x), edge, epsabs=1e-7)[0]

    thetas = np.radians([15.0, 40.0, 70.0])
    found = angle_factors(thetas, values(mu_r=mu_r), automatic_slit=False)
    expected = np.array([mean(theta) for theta in thetas]) / mean(0.0)
    np.testing.assert_allclose(found.value, expected, rtol=2e-3)


def test_the_beam_overflows_below_an_angle_and_an_automatic_slit_at_all():
    found = angle_factors(THETA, values(overflow=30.0), automatic_slit=False)
    below = np.radians(15.0) > THETA
    np.testing.assert_allclose(found.value[below], np.sin(THETA[below]) / math.sin(math.radians(15.0)), rtol=1e-12)
    assert (found.value[~below] == 1.0).all()
    np.testing.assert_allclose(angle_factors(THETA, values(), automatic_slit=True).value, np.sin(THETA), rtol=1e-12)


@pytest.mark.parametrize(
    ("slots", "automatic"), [({"two_mu_t": 0.4}, False), ({"mu_r": 1.2}, False), ({"overflow": 41.0}, True)]
)
def test_its_derivatives_are_those_of_central_differences(slots, automatic):
    found = angle_factors(THETA, values(**slots), automatic_slit=automatic)
    h = 1e-6
    up, down = (angle_factors(THETA + s * h, values(**slots), automatic_slit=automatic) for s in (1, -1))
    np.testing.assert_allclose(found.by_theta, np.log(up.value / down.value) / (2 * h), rtol=1e-5, atol=2e-5)
    ((name, value),) = slots.items()
    row = ("two_mu_t", "mu_r", "overflow").index(name)
    up, down = (angle_factors(THETA, values(**{name: value + s * h}), automatic_slit=automatic) for s in (1, -1))
    np.testing.assert_allclose(found.by_slot[row], np.log(up.value / down.value) / (2 * h), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("names", [("P2", "O3"), ("P2~O3:0.4,thickness=5",)])
@pytest.mark.parametrize("axial", [None, (0.03, 0.03)])
@pytest.mark.parametrize("slot", ["two_mu_t", "mu_r", "overflow"])
def test_the_derivatives_of_the_pattern_are_those_of_central_differences(names, axial, slot):
    """By the correction itself and by a cell length, of ordered and disordered phases, with and without asymmetry."""
    start = {"two_mu_t": 0.4, "mu_r": 1.2, "overflow": 45.0}[slot]
    field = {"overflow": "overflow_two_theta"}.get(slot, slot)
    geometry = "debye-scherrer" if slot == "mu_r" else "bragg-brentano"
    instrument = Instrument(profile=Profile(w=0.01, x=0.01, axial=axial), geometry=geometry, **{field: start})
    model = Model(
        np.arange(15.0, 75.0, 0.05), phases_from(list(names)), instrument, radiation_from_text("CuKa"), tail=1e-9
    )
    table = parameters_of(model)
    table.free([f"instrument_{slot}", next(name for name in table.names if name.endswith("_a"))])
    weight = np.ones(model.two_theta.size)
    model.reach_scales = np.ones(len(model.phases))
    x = table.values[table.free_indices]
    _, jacobian = model.linearised(table.with_variables(x), table.transfer(), weight)
    for k, step in enumerate((1e-5, 1e-6)):
        shift = np.zeros(len(x))
        shift[k] = step
        up, down = (model.calculated(table.with_variables(x + s * shift)).total for s in (1, -1))
        numeric = (up - down) / (2 * step)
        assert np.abs(jacobian[k] - numeric).max() < 2e-4 * np.abs(numeric).max()


def test_corrections_of_the_other_geometry_are_refused():
    flat = ({"two_mu_t": 0.3}, {"slit": "automatic"}, {"overflow_two_theta": 20.0})
    for geometry, given in [*(("debye-scherrer", row) for row in flat), ("bragg-brentano", {"mu_r": 0.3})]:
        with pytest.raises(InputError, match="does not apply"):
            Instrument(geometry=geometry, **given)
    with pytest.raises(InputError, match="unknown slit"):
        Instrument(slit="variable")
    with pytest.raises(InputError, match="two_mu_t = -1"):
        Instrument(two_mu_t=-1.0)
