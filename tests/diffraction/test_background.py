"""Chebyshev terms against their defining formula; humps and foreign peaks against integrals, differences and a fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.analysis.fit import fit, simulate
from layerox.diffraction.background import ExtraPeak, chebyshev_basis, extra_curve, refuse_outside, unit_curves
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.model import Model
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.pattern import pattern_from_arrays
from layerox.radiation import radiation_from_text
from reference_crystals import P2, o3, p2, phase

ANGLES = np.arange(12.0, 70.0, 0.02)
COPPER = radiation_from_text("CuKa").polarized(0.5)
INSTRUMENT = Instrument(profile=Profile(w=0.006))


@given(st.floats(25, 55), st.floats(0.1, 4.0), st.floats(0, 1), st.floats(1, 1e4))
def test_area_and_width(position, width, share, area):
    peak = ExtraPeak(name="x", position=position, gauss=(1 - share) * width, lorentz=share * width, area=area)
    curve = extra_curve(ANGLES, np.array(peak.values), 1e-9 * area)
    # Lorentzian tails beyond the range, by the arctangent: at most 2 (lorentz / 2) / (pi 13).
    assert np.trapezoid(curve, ANGLES) == pytest.approx(area, rel=0.055 * share * width + 1e-3)
    assert ANGLES[np.argmax(curve)] == pytest.approx(position, abs=0.011)


def test_widths_are_full_ones_at_half_the_height():
    for shape in ({"gauss": 2.0}, {"gauss": 0.0, "lorentz": 2.0}):
        peak = ExtraPeak(name="x", position=40.0, area=100.0, **shape)
        curve = extra_curve(ANGLES, np.array(peak.values), 1e-9)
        above = ANGLES[curve >= 0.5 * curve.max()]
        assert np.ptp(above) == pytest.approx(2.0, abs=0.041)  # two steps of the grid


def test_curves_add_up():
    rows = np.array([30.0, 2.0, 0.0, 50.0, 44.0, 0.1, 0.05, 7.0])
    each = [extra_curve(ANGLES, row, 1e-9) for row in rows.reshape(2, 4)]
    np.testing.assert_allclose(extra_curve(ANGLES, rows, 1e-9), each[0] + each[1])
    units = unit_curves(ANGLES, rows)
    np.testing.assert_allclose(rows[[3, 7]] @ units, each[0] + each[1], atol=1e-6)
    assert extra_curve(ANGLES, np.zeros(0), 1e-9).tolist() == [0.0] * ANGLES.size


def test_derivatives_are_those_of_differences():
    extras = [ExtraPeak(name="hump_0", position=25.0, gauss=5.0, lorentz=2.0, area=900.0),
              ExtraPeak(name="peak_0", position=44.3, gauss=0.15, lorentz=0.1, area=40.0)]  # fmt: skip
    model = Model(ANGLES, [phase(P2, scale=1e-3)], INSTRUMENT, COPPER, background_terms=2, tail=1e-7, extras=extras)
    table = parameters_of(model)
    names = [name for extra in extras for name in extra.names]
    assert table.free(names) == names
    weight = np.linspace(0.5, 1.5, ANGLES.size)
    _, jacobian = model.linearised(table.values, table.transfer(), weight)
    for k, name in enumerate(names):
        at, step = table.find(name), 1e-4 * (0.1 if name.endswith("position") else table.value(name))
        pair = []
        for sign in (1, -1):
            values = table.values.copy()
            values[at] += sign * step
            pair.append(model.calculated(values).total)
        expected = (pair[0] - pair[1]) / (2 * step) * weight
        np.testing.assert_allclose(jacobian[k], expected, atol=2e-5 * np.abs(expected).max(), err_msg=name)


def test_a_peak_without_area_shows_what_an_area_would_bring():
    extra = ExtraPeak(name="peak_0", position=44.3, gauss=0.2)
    model = Model(ANGLES, [phase(P2)], INSTRUMENT, COPPER, background_terms=1, tail=0.01, extras=[extra])
    table = parameters_of(model)
    table.free(["peak_0_area"])
    _, jacobian = model.linearised(table.values, table.transfer(), np.ones(ANGLES.size))
    # A Gaussian of unit area is 2 sqrt(ln 2 / pi) / width high.
    assert jacobian[0].max() == pytest.approx(2 * np.sqrt(np.log(2) / np.pi) / 0.2, rel=1e-2)


@pytest.mark.parametrize(
    "shape", [{"gauss": 0.0}, {"gauss": -1.0, "lorentz": 2.0}, {"gauss": np.nan}, {"gauss": np.inf}]
)
def test_a_peak_needs_a_width(shape):
    with pytest.raises(InputError, match="hump_0: has no width"):
        ExtraPeak(name="hump_0", position=25.0, **shape)


def test_a_peak_outside_the_data_is_refused():
    peak = ExtraPeak(name="peak_0", position=8.0, gauss=0.1)
    with pytest.raises(InputError, match=r"peak_0: is at 8 degrees, outside the data \(12 to 70\)"):
        refuse_outside([peak], (12.0, 70.0))


# Found again.

HUMP = ExtraPeak(name="hump", position=24.0, gauss=3.0, area=1600.0)
FOREIGN = ExtraPeak(name="foreign", position=40.9, gauss=0.08, lorentz=0.04, area=55.0)


@pytest.fixture(scope="module")
def result():
    """A fit of a noisy P2/O3 pattern with a hump and a foreign line that the recipe describes roughly."""
    clean = simulate([("P2", p2()), ("O3", o3())], weights=[0.6, 0.4], radiation=COPPER, two_theta=(12, 80, 0.02),
                     sizes_nm=[100, 70], background=[300, -80]).pattern  # fmt: skip
    added = np.concatenate([HUMP.values, FOREIGN.values])
    total = 0.6 * clean.intensity + 0.4 * 300 + extra_curve(clean.two_theta, added, 1e-6)
    counts = np.random.default_rng(7).poisson(total)
    recipe = {
        "background": {"humps": [{"name": "hump", "position": 23.6, "width": 4.0, "free": ["position", "gauss"]}]},
        "peak": [{"name": "foreign", "position": 40.93, "width": 0.15, "lorentzian": 0.4,
                  "free": ["position", "gauss", "lorentz"]}],
    }  # fmt: skip
    pattern = pattern_from_arrays(clean.two_theta, counts, radiation=COPPER)
    return fit(pattern, [("P2", p2()), ("O3", o3())], recipe=recipe)


@pytest.mark.parametrize(
    ("name", "truth"),
    [("hump_area", 1600.0), ("hump_position", 24.0), ("hump_gauss", 3.0), ("foreign_area", 55.0),
     ("foreign_position", 40.9)],
)  # fmt: skip
def test_what_was_added_is_found(result, name, truth):
    number = next(p.number for p in result.parameters if p.name == name)
    assert number.status == "free"
    assert abs(number - truth) < 3 * number.esd
    assert number.esd < 0.1 * truth


def test_it_does_not_disturb_the_phases(result):
    assert result.status == "converged"
    # Counting statistics only: one within three times 1 / sqrt(2 x 3401 points).
    assert result.agreement.gof == pytest.approx(1.0, abs=0.036)
    fraction = result.weight_fractions["P2"]
    assert abs(fraction - 0.6) < 3 * fraction.esd
    assert fraction.esd < 0.005


def test_it_is_with_the_background(result):
    at = np.interp([40.4, 40.9, 41.4], result.pattern.two_theta, result.background)
    # A Gaussian 0.08 wide and a Lorentzian 0.04 wide of 55 counts x degrees: about 400 counts high.
    assert at[1] - 0.5 * (at[0] + at[2]) == pytest.approx(450, abs=150)


CHEBYSHEV_ANGLES = np.linspace(12.0, 87.0, 301)


def test_terms_are_chebyshev_polynomials_of_the_first_kind():
    basis = chebyshev_basis(CHEBYSHEV_ANGLES, 7, (12.0, 87.0))
    x = np.linspace(-1, 1, 301)
    for k in range(7):
        # T_k(cos t) = cos(k t): Abramowitz & Stegun 22.3.15.
        np.testing.assert_allclose(basis[k], np.cos(k * np.arccos(np.clip(x, -1, 1))), atol=1e-12)


def test_the_range_is_that_of_the_limits_and_not_of_the_angles():
    part = chebyshev_basis(CHEBYSHEV_ANGLES[100:200], 5, (12.0, 87.0))
    np.testing.assert_allclose(part, chebyshev_basis(CHEBYSHEV_ANGLES, 5, (12.0, 87.0))[:, 100:200])
    assert np.abs(part[1]).max() < 1


@pytest.mark.parametrize("terms", [0, 1, 2])
def test_few_terms(terms):
    basis = chebyshev_basis(CHEBYSHEV_ANGLES, terms, (12.0, 87.0))
    assert basis.shape == (terms, 301)
    assert (basis[:1] == 1).all()


def test_a_smooth_background_is_met_by_few_terms():
    smooth = 300 * np.exp(-CHEBYSHEV_ANGLES / 30) + 40
    basis = chebyshev_basis(CHEBYSHEV_ANGLES, 8, (12.0, 87.0))
    coefficients, *_ = np.linalg.lstsq(basis.T, smooth, rcond=None)
    assert np.abs(coefficients @ basis - smooth).max() < 1e-3
