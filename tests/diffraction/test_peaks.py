"""Where a peak stands, how wide and how strong it is: against the formulas of the contract, written out again here, and
finite differences."""

import math

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction import peaks as pk
from layerox.diffraction.model import INSTRUMENT_SLOTS
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_model import CELL_MARGIN, PhaseModel
from layerox.diffraction.reciprocal_metric import inverse_squares, reciprocal_metric
from layerox.diffraction.reflections import reflections
from layerox.diffraction.transfer import PhaseTransfer
from layerox.instrument import Instrument
from layerox.radiation import Radiation, polarization_from_monochromator, polarization_of, radiation_from_text
from layerox.symmetry import cell_from_metric, metric_tensor
from reference_crystals import ALL, LAB6, O3, O3_PRIME, P2, POLAR, SPINEL, TRICLINIC

COPPER = radiation_from_text("CuKa")
ONE_LINE = Radiation(lines=((1.540593, 1.0),), polarization=0.5)
RADIUS = 173.0
LAST = 1.5
cells = st.tuples(*(st.floats(2, 20),) * 3, *(st.floats(70, 115),) * 3)


def instrument_values(**values):
    return np.array([float(values.get(slot, 0.0)) for slot in INSTRUMENT_SLOTS])


def peaks_of(q, *, radiation=COPPER, size_nm=math.inf, microstrain=0.0, polarization=0.5, geometry="bragg-brentano",
             strength=None, slope=None, last=1.5, **instrument):  # fmt: skip
    q = np.atleast_1d(np.asarray(q, dtype=float))
    strength = np.ones(q.size) if strength is None else strength
    table, slopes, _, _ = pk.peak_list(
        q,
        strength,
        np.zeros(q.size) if slope is None else slope,
        np.array([wavelength for wavelength, _ in radiation.lines]),
        np.array(radiation.weights),
        instrument_values(**instrument),
        1 / size_nm,
        microstrain,
        polarization,
        RADIUS,
        geometry == "bragg-brentano",
        last,
    )
    return table, slopes


D_SPACINGS = np.array([11.2, 5.5775, 2.4984833, 1.5, 1.1155, 0.85])
Q = D_SPACINGS**-2


# Cells.


@given(cells)
def test_the_reciprocal_metric_is_that_of_gemmi(cell):
    inverse, _ = reciprocal_metric(np.array(cell))
    reciprocal = gemmi.UnitCell(*cell).reciprocal()
    np.testing.assert_allclose(cell_from_metric(inverse)[:3], reciprocal.parameters[:3], rtol=1e-9)
    np.testing.assert_allclose(inverse @ metric_tensor(cell), np.eye(3), atol=1e-9)


@given(cells)
def test_derivatives_of_the_reciprocal_metric(cell):
    _, slopes = reciprocal_metric(np.array(cell))
    for k in range(6):
        step = 1e-6 * cell[k]
        up, down = np.array(cell), np.array(cell)
        up[k] += step
        down[k] -= step
        numeric = (reciprocal_metric(up)[0] - reciprocal_metric(down)[0]) / (2 * step)
        np.testing.assert_allclose(slopes[k], numeric, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.name)
def test_inverse_squares_are_those_of_gemmi(known):
    hkl = reflections(known.symmetry, known.cell, 1.2).hkl
    inverse, slopes = reciprocal_metric(np.array(known.cell))
    q, by_cell = inverse_squares(hkl.astype(float), inverse, slopes)
    np.testing.assert_allclose(q, known.unit_cell.calculate_1_d2_array(hkl), rtol=1e-6)
    np.testing.assert_allclose(by_cell, np.einsum("ni,kij,nj->kn", hkl, slopes, hkl), rtol=1e-9, atol=1e-12)


# Positions.


def bragg(d, wavelength):
    return 2 * math.degrees(math.asin(wavelength / (2 * d)))


def test_every_line_obeys_braggs_law_exactly():
    table, _ = peaks_of(Q)
    positions = table[0].reshape(-1, 2)
    for d, (first, second) in zip(D_SPACINGS, positions, strict=True):
        assert first == pytest.approx(bragg(d, 1.5405929), rel=1e-13)
        assert second == pytest.approx(bragg(d, 1.5444274), rel=1e-13)


# Two-theta of the reference list (GSAS-II, commit 013259a0; 1.540593 A).
@pytest.mark.parametrize(
    ("d", "two_theta"),
    [(5.5775, 15.87674), (2.4984833, 35.914301), (1.4425, 64.552379), (1.1155, 87.345616), (1.0899955, 89.933604)],
)
def test_positions_are_those_of_gsas(d, two_theta):
    table, _ = peaks_of(d**-2, radiation=ONE_LINE)
    assert table[0][0] == pytest.approx(two_theta, abs=2e-5)


def test_a_zero_error_shifts_all_peaks_alike():
    shifted, plain = peaks_of(Q, zero=0.03)[0][0], peaks_of(Q)[0][0]
    np.testing.assert_allclose(shifted - plain, 0.03)


def test_a_specimen_behind_the_focusing_circle_shifts_its_peaks_by_the_cosine():
    theta = np.radians(peaks_of(Q)[0][0] / 2)
    shift = peaks_of(Q, displacement=0.1)[0][0] - peaks_of(Q)[0][0]
    np.testing.assert_allclose(shift, np.degrees(-2 * 0.1 / RADIUS * np.cos(theta)))
    assert (shift < 0).all()


def test_a_capillary_displaced_along_the_beam_shifts_its_peaks_by_the_sine():
    theta = np.radians(peaks_of(Q)[0][0] / 2)
    shift = peaks_of(Q, displacement=0.1, geometry="debye-scherrer")[0][0] - peaks_of(Q)[0][0]
    np.testing.assert_allclose(shift, np.degrees(0.1 / RADIUS * np.sin(2 * theta)))


def test_a_line_too_long_to_be_diffracted_is_out_of_sight():
    d = 0.7715  # K alpha 1 at 173.6 degrees, K alpha 2 beyond 180
    table, slopes = peaks_of(d**-2)
    assert table[0][0] == pytest.approx(bragg(d, 1.5405929))
    assert (table[0][1], table[3][1]) == (pk.OUT_OF_SIGHT, 0.0)
    assert np.isfinite(table).all()
    assert np.isfinite(slopes).all()
    assert not slopes[:, 1].any()


# Widths.


def test_gaussian_width_is_cagliotis():
    u, v, w = 0.011, -0.007, 0.004
    table, _ = peaks_of(Q, u=u, v=v, w=w)
    tangent = np.tan(np.radians(table[0] / 2))
    np.testing.assert_allclose(table[1], np.sqrt(u * tangent**2 + v * tangent + w))
    np.testing.assert_allclose(table[2], 0)


def test_an_imaginary_gaussian_width_falls_off_to_nothing_smoothly():
    table, slopes = peaks_of(Q, v=-0.1, w=0.02)
    tangent = np.tan(np.radians(table[0] / 2))
    square = 0.02 - 0.1 * tangent
    floored = square < 1e-6
    assert floored.any()
    assert not floored.all()
    np.testing.assert_allclose(table[1][floored] ** 2, 1e-6 * np.exp(square[floored] / 1e-6 - 1), atol=1e-300)
    np.testing.assert_allclose(table[1][~floored] ** 2, square[~floored])
    assert np.isfinite(slopes).all()


def test_lorentzian_width_is_x_over_cosine_and_y_tangent():
    table, _ = peaks_of(Q, x=0.02, y=0.05)
    theta = np.radians(table[0] / 2)
    np.testing.assert_allclose(table[2], 0.02 / np.cos(theta) + 0.05 * np.tan(theta))


def test_size_is_that_of_the_contract():
    # (180 / pi) lambda / (L cos theta), shape factor 1, for each line; 40 nm are 400 A.
    table, _ = peaks_of(Q, size_nm=40.0)
    theta = np.radians(table[0] / 2)
    wavelength = np.tile([1.5405929, 1.5444274], len(Q))
    np.testing.assert_allclose(table[2], 180 / math.pi * wavelength / (400 * np.cos(theta)))
    # By hand: 1.5405929 A over 400 A is 0.003851 radian, 0.2207 degrees at theta = 0.
    assert table[2][0] == pytest.approx(0.2207 / math.cos(theta[0]), rel=1e-3)


def test_microstrain_is_that_of_the_contract():
    table, _ = peaks_of(Q, microstrain=0.002)
    theta = np.radians(table[0] / 2)
    np.testing.assert_allclose(table[2], 180 / math.pi * 0.002 * np.tan(theta))


def test_broadening_of_specimen_and_instrument_add_up():
    both = peaks_of(Q, size_nm=40.0, microstrain=0.002, x=0.02, y=0.05)[0][2]
    parts = peaks_of(Q, size_nm=40.0)[0][2] + peaks_of(Q, microstrain=0.002)[0][2] + peaks_of(Q, x=0.02, y=0.05)[0][2]
    np.testing.assert_allclose(both, parts)


# Strengths.


# Column LP of the reference list (GSAS-II, commit 013259a0; p = 0.5): it has 1 / (2 sin^2 cos), half of the contract's.
@pytest.mark.parametrize(
    ("d", "lp"), [(5.5775, 25.477218), (2.4984833, 4.5783332), (1.4425, 1.2283813), (1.1155, 0.72640416)]
)
def test_lorentz_and_polarisation_are_those_of_gsas(d, lp):
    theta = math.asin(1.540593 / (2 * d))
    assert pk.lorentz_polarization(theta, 0.5)[0] == pytest.approx(2 * lp, rel=1e-6)


@pytest.mark.parametrize("polarization", [0.0, 0.5, 0.5557, 1.0])
def test_lorentz_and_polarisation_by_the_formula(polarization):
    for two_theta in (5.0, 30.0, 90.0, 150.0, 179.0):
        theta = math.radians(two_theta / 2)
        part = polarization + (1 - polarization) * math.cos(2 * theta) ** 2
        expected = part / (math.sin(theta) ** 2 * math.cos(theta))
        assert pk.lorentz_polarization(theta, polarization)[0] == pytest.approx(expected)


def test_a_monochromator_polarises_as_its_reflection_does():
    # The usual form (1 + A cos^2 2 theta) / (1 + A) with A = cos^2 2 theta_m: International Tables C, section 6.2.3.
    p = polarization_from_monochromator(two_theta=26.6)
    a = math.cos(math.radians(26.6)) ** 2
    for two_theta in (20.0, 60.0, 110.0):
        theta = math.radians(two_theta / 2)
        usual = (1 + a * math.cos(2 * theta) ** 2) / (1 + a)
        lorentz = 1 / (math.sin(theta) ** 2 * math.cos(theta))
        assert pk.lorentz_polarization(theta, p)[0] == pytest.approx(usual * lorentz)


@pytest.mark.parametrize(
    ("beam", "expected"),
    [
        (COPPER, 0.5),
        (COPPER.polarized(0.95), 0.95),
        (COPPER.polarized(0.0), 0.0),
        (Radiation(lines=((1.8, 1.0),), kind="neutron"), 1.0),
        (Radiation(lines=((1.8, 1.0),), kind="neutron", polarization=0.5), 1.0),
    ],
)
def test_which_polarisation_a_beam_has(beam, expected):
    assert polarization_of(beam) == expected
    model = PhaseModel(Phase(name="a", crystal=P2), beam, Instrument(), 60.0)
    assert model.polarization == expected


def test_areas_are_strength_times_factor_shared_by_the_lines():
    strength = np.array([3.0, 5.0, 7.0, 1.0, 2.0, 4.0])
    table, _ = peaks_of(Q, strength=strength)
    theta = np.radians(table[0] / 2).reshape(-1, 2)
    for k, share in ((0, 2 / 3), (1, 1 / 3)):
        factor = [pk.lorentz_polarization(t, 0.5)[0] for t in theta[:, k]]
        np.testing.assert_allclose(table[3].reshape(-1, 2)[:, k], share * strength * factor)


# A whole phase.


@pytest.mark.parametrize("known", [P2, O3, SPINEL, O3_PRIME], ids=lambda known: known.name)
def test_a_phase_puts_multiplicity_structure_factor_and_texture_together(known):
    phase = Phase(name="a", crystal=known, size_nm=60.0, preferred_orientation=0.8)
    model = PhaseModel(phase, ONE_LINE, Instrument(), 80.0)
    found = model.peaks(phase.values, instrument_values(w=0.01))
    theta = np.arcsin(1.540593 / 2 * np.sqrt(found.q))
    factor = np.array([pk.lorentz_polarization(t, 0.5)[0] for t in theta])
    expected = model.reflections.multiplicity * found.f_squared * found.texture * factor
    np.testing.assert_allclose(found.table[3], expected)
    np.testing.assert_allclose(found.strength, model.reflections.multiplicity * found.f_squared * found.texture)
    np.testing.assert_allclose(found.table[1], 0.1)


def test_cells_may_shrink_and_grow_by_the_margin():
    phase = Phase(name="a", crystal=LAB6)
    model = PhaseModel(phase, ONE_LINE, Instrument(), 80.0)
    for factor in (1 - 0.9 * CELL_MARGIN, 1 + 0.9 * CELL_MARGIN):
        values = phase.values
        values[1:4] *= factor
        table = model.peaks(values, instrument_values(w=0.01)).table
        cell = LAB6.with_cell((*values[1:4], 90, 90, 90))
        needed = reflections(cell.symmetry, cell.cell, 1.540593 / 2 / math.sin(math.radians(40.0)))
        assert np.count_nonzero(table[0] <= 80.0) == len(needed)


@pytest.mark.parametrize("two_theta", [178.0, 180.0, 200.0])
def test_a_range_that_reaches_back_scattering_is_no_fault(two_theta):
    model = PhaseModel(Phase(name="a", crystal=P2), COPPER, Instrument(), two_theta)
    assert np.isfinite(model.peaks(model.phase.values, instrument_values(w=0.01)).table).all()


# Derivatives.


def test_derivatives_with_respect_to_theta():
    h = 1e-6
    instrument = instrument_values(u=0.01, v=-0.004, w=0.005, x=0.02, y=0.03)
    for theta in (0.1, 0.4, 0.8, 1.2):
        for function in (
            lambda t: pk.displacement_shift(t, RADIUS, True),
            lambda t: pk.displacement_shift(t, RADIUS, False),
            lambda t: pk.lorentz_polarization(t, 0.3),
            lambda t: pk.lorentzian_width(t, 1.54, instrument, 0.02, 0.001),
            lambda t: pk.gaussian_width(t, instrument),
        ):
            numeric = (function(theta + h)[0] - function(theta - h)[0]) / (2 * h)
            assert function(theta)[1] == pytest.approx(numeric, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("geometry", ["bragg-brentano", "debye-scherrer"])
def test_slopes_with_respect_to_q(geometry):
    known = {"u": 0.01, "v": -0.004, "w": 0.005, "x": 0.02, "y": 0.03, "displacement": 0.2, "zero": 0.01}
    strength, slope = np.full(Q.size, 5.0), np.linspace(-30, 40, Q.size)
    options = {"size_nm": 50.0, "microstrain": 0.001, "geometry": geometry, **known}
    _, slopes = peaks_of(Q, strength=strength, slope=slope, **options)
    h = 1e-7 * Q
    up, _ = peaks_of(Q + h, strength=strength + h * slope, **options)
    down, _ = peaks_of(Q - h, strength=strength - h * slope, **options)
    numeric = (up - down) / (2 * np.repeat(h, 2))
    np.testing.assert_allclose(slopes, numeric, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("geometry", ["bragg-brentano", "debye-scherrer"])
@pytest.mark.parametrize("slot", range(7))
def test_gradients_of_the_instrument(slot, geometry):
    values = instrument_values(zero=0.01, displacement=0.1, u=0.01, v=-0.004, w=0.005, x=0.02, y=0.03)
    wavelengths, weights = np.array([1.5405929, 1.5444274]), np.array([2 / 3, 1 / 3])

    def peaks(instrument):
        return pk.peak_list(
            Q, np.ones(Q.size), np.zeros(Q.size), wavelengths, weights, instrument, 0.01, 0.001, 0.5, RADIUS,
            geometry == "bragg-brentano", LAST,
        )  # fmt: skip

    def table(instrument):
        return peaks(instrument)[0]

    bragg = peaks(values)[2]
    gradient = np.full((2 * Q.size, 4), 1.5)
    pk.instrument_gradient(slot, bragg, table(values)[1], RADIUS, geometry == "bragg-brentano", LAST, gradient, 2.0)
    h = 1e-6
    up, down = values.copy(), values.copy()
    up[slot] += h
    down[slot] -= h
    numeric = (table(up) - table(down)) / (2 * h)
    np.testing.assert_allclose(gradient, 1.5 + 2.0 * numeric.T, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("slot", [pk.INVERSE_SIZE, pk.MICROSTRAIN])
def test_gradients_of_the_broadening(slot):
    phase = Phase(name="a", crystal=P2, size_nm=50.0, microstrain=0.001)
    model = PhaseModel(phase, COPPER, Instrument(), 80.0)
    values, instrument = phase.values, instrument_values(w=0.01)
    found = model.peaks(values, instrument)
    gradient = np.zeros((found.table.shape[1], 4))
    pk.broadening_gradient(slot, found.listed.bragg, found.listed.wavelengths, model.last, gradient, 1.0)
    h = 1e-7
    up, down = values.copy(), values.copy()
    up[slot] += h
    down[slot] -= h
    numeric = (model.peaks(up, instrument).table - model.peaks(down, instrument).table) / (2 * h)
    np.testing.assert_allclose(gradient, numeric.T, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("known", [P2, O3_PRIME, POLAR, TRICLINIC], ids=lambda known: known.name)
def test_gradients_of_every_slot_of_a_phase(known):
    phase = Phase(
        name="a", crystal=known, scale=3e-3, size_nm=50.0, microstrain=0.001, preferred_orientation=0.8,
        texture_axis=(1, 0, 1),
    )  # fmt: skip
    model = PhaseModel(phase, COPPER, Instrument(), 60.0)
    values, instrument = phase.values, instrument_values(u=0.003, w=0.01, displacement=0.05)
    found = model.peaks(values, instrument)
    transfer = PhaseTransfer.of(np.eye(len(values)), np.zeros((12, len(values))))
    gradients = model.gradients(found, values, transfer)

    def scaled(v):
        table = model.peaks(v, instrument).table.copy()
        table[3] *= v[pk.SCALE]
        return table

    for slot, name in enumerate(phase.slot_names):
        step = 1e-6 * max(abs(values[slot]), 0.1) if slot else 1e-8
        up, down = values.copy(), values.copy()
        up[slot] += step
        down[slot] -= step
        numeric = (scaled(up) - scaled(down)).T / (2 * step)
        for field in range(4):
            largest = max(np.abs(numeric[:, field]).max(), 1e-9)
            worst = np.abs(gradients[slot][:, field] - numeric[:, field]).max()
            assert worst < 1e-5 * largest + 1e-6, (name, field)


def test_widths_beyond_the_pattern_are_those_at_its_end():
    # W + V tan(theta) would be negative at the smallest d-spacing, which stands beyond the last angle.
    table, slopes = peaks_of(Q, v=-0.1, w=0.05, last=0.4)
    beyond = table[0] > np.degrees(0.8)
    assert beyond.any()
    assert np.allclose(table[1][beyond], np.sqrt(0.05 - 0.1 * np.tan(0.4)))
    assert (slopes[1][beyond] == 0).all()
