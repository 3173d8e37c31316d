"""Calibration: what a standard was simulated with comes back, specimens measured on it have their own sizes, and NIST's
certification scan of SRM 660c gives the certified wavelength and cell."""

from dataclasses import replace

import pytest

from layerox.analysis.calibrate import calibrate
from layerox.analysis.fit import fit, simulate
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.io import read_instrument, write_instrument
from reference_crystals import LAB6, O3, P2, o3, p2

TRUE = Instrument(
    profile=Profile(u=0.004, v=-0.003, w=0.0045, x=0.02, y=0.03, axial=(0.025, 0.025)),
    zero=0.02,
    displacement_mm=0.06,
    radius_mm=217.5,
)
CERTIFIED = {"a": 4.156826}
RADIUS = Instrument(radius_mm=217.5)


def standard(seed, **more):
    options = {"radiation": "CuKa", "polarization": 0.5, "two_theta": (18, 140, 0.02), **more}
    return simulate([("LaB6", LAB6)], instrument=TRUE, background=[200, -60, 20], counts=60000, seed=seed, **options)


@pytest.fixture(scope="module")
def calibration():
    return calibrate(standard(1).pattern, ("LaB6", LAB6), certified=CERTIFIED, instrument=RADIUS)


def numbers(refinement):
    return {p.name: p.number for p in refinement.parameters}


def off(number, truth):
    return abs(number - truth) / number.esd


@pytest.mark.parametrize(
    ("name", "truth", "known"),
    # The last column: an esd that a calibration worth its name stays below.
    [("u", 0.004, 3e-4), ("v", -0.003, 4e-4), ("w", 0.0045, 2e-4), ("x", 0.02, 1e-3), ("y", 0.03, 2e-3),
     ("s_over_l", 0.025, 3e-4), ("zero", 0.02, 1e-3), ("displacement", 0.06, 2e-3)],
)  # fmt: skip
def test_a_synthetic_standard_gives_back_what_it_was_made_with(calibration, name, truth, known):
    found = numbers(calibration.refinement)[f"instrument_{name}"]
    assert found.status == "free"
    assert off(found, truth) < 4
    assert 0 < found.esd < known


def test_the_calibration_carries_its_covariance(calibration):
    """Of the refined quantities, widened for serial correlation; U and V of one width are strongly correlated."""
    known, wide = calibration.instrument.calibration, calibration.refinement.with_serial_correlation()
    found = {name: numbers(wide)[f"instrument_{'s_over_l' if name == 'axial' else name}"].esd for name in known.names}
    assert set(known.names) == {"u", "v", "w", "x", "y", "axial", "zero"}
    assert known.esds == pytest.approx([found[name] for name in known.names])
    assert known.correlations[known.names.index("u")][known.names.index("v")] < -0.8


def test_a_fit_holds_the_errors_of_a_calibration_in_esd_model(calibration):
    """The same calibration with ten times its esds widens the fractions; without any, they are narrowest."""
    phases = [("P2", P2), ("O3", O3)]
    pattern = simulate(phases, weights=[0.5, 0.5], instrument=replace(TRUE, displacement_mm=0.0), radiation="CuKa",
                       polarization=0.5, two_theta=(12, 100, 0.02), background=[200], counts=2000, seed=3,
                       sizes_nm=[300, 8]).pattern  # fmt: skip
    instrument = replace(calibration.instrument, displacement_mm=0.0)
    known = instrument.calibration
    wide = replace(instrument, calibration=replace(known, esds=tuple(10 * esd for esd in known.esds)))
    exact, plain, wider = (
        fit(pattern, phases, instrument=own) for own in (replace(instrument, calibration=None), instrument, wide)
    )
    parts = [found.uncertainty_parts["priors"]["P2"] for found in (exact, plain, wider)]
    assert parts[0] <= parts[1] < parts[2]
    held = [row for row in plain.priors if row.name.startswith("instrument_calibration_")]
    assert len(held) == len(known.names)
    assert not any(row.is_refined for row in held)


def test_the_certified_cell_is_held(calibration):
    cell = calibration.refinement.phase("LaB6").cell
    assert [(cell[x].value, cell[x].status) for x in "abc"] == [(4.156826, "fixed")] * 3
    assert calibration.refinement.status == "converged"
    # One within five times 1 / sqrt(2 x 6101 points): noise, and tails that are cut.
    assert calibration.refinement.agreement.gof == pytest.approx(1.0, abs=0.045)
    assert (calibration.wavelength.value, calibration.wavelength.esd) == (1.5405929, 0.0)


def test_the_instrument_is_ready_for_a_file(calibration, tmp_path):
    found = calibration.instrument
    values = numbers(calibration.refinement)
    assert found.profile.u == values["instrument_u"].value
    assert found.profile.axial == (values["instrument_s_over_l"].value,) * 2
    assert (found.radius_mm, found.radiation.name, found.radiation.polarization) == (217.5, "CuKa", 0.5)
    write_instrument(found, tmp_path / "d8.toml")
    assert read_instrument(tmp_path / "d8.toml") == found


def test_sizes_and_strains_are_the_specimens_own(calibration):
    specimen = simulate(
        [("P2", p2()), ("O3", o3())], weights=[0.6, 0.4], radiation="CuKa", polarization=0.5, two_theta=(12, 90, 0.02),
        instrument=TRUE, sizes_nm=[80, 50], microstrains=[0.001, 0.002], background=[300, -80], counts=9000, seed=1,
    )  # fmt: skip
    result = fit(specimen, [("P2", P2), ("O3", O3)], instrument=calibration.instrument)
    for name, size, strain, a in (("P2", 80, 0.001, 2.885), ("O3", 50, 0.002, 2.961)):
        phase = result.phase(name)
        assert off(phase.size_nm, size) < 3
        assert phase.size_nm.esd < 0.05 * size
        assert off(phase.microstrain, strain) < 3
        assert off(phase.cell["a"], a) < 3
    assert not {"instrument_uncalibrated", "profile_doubtful", "profile_too_wide"} & {w.code for w in result.warnings}


def test_the_same_specimen_without_a_calibration_is_warned_of():
    specimen = simulate(
        [("P2", p2())], radiation="CuKa", polarization=0.5, two_theta=(12, 70, 0.03), instrument=TRUE, sizes_nm=[80],
        background=[300], counts=5000, seed=1,
    )  # fmt: skip
    result = fit(specimen, [("P2", P2)])
    assert "instrument_uncalibrated" in {w.code for w in result.warnings}
    # The diffractometer's 0.02 degrees pass for small crystallites: 1 / (1 / 80 + 0.02 pi / 180 / 0.15406) nm, by hand.
    assert result.phase("P2").size_nm == pytest.approx(67.7, abs=6)


def test_a_wavelength_is_found():
    """The pattern's beam said 150 ppm too short: the true one comes back."""
    truth = 1.5405929
    pattern = standard(2, radiation=truth).pattern
    wrong = truth * (1 - 150e-6)
    found = calibrate(replace(pattern, radiation=None), ("LaB6", LAB6), certified=CERTIFIED, instrument=RADIUS,
                      radiation=wrong, polarization=0.5, wavelength=True)  # fmt: skip
    assert found.wavelength.status == "free"
    assert off(found.wavelength, truth) < 4
    assert found.wavelength.esd < 15e-6 * truth
    assert found.instrument.radiation.wavelength == pytest.approx(found.wavelength)
    assert off(numbers(found.refinement)["instrument_zero"], 0.02) < 4


def test_the_size_of_a_standard_that_broadens_is_taken_off():
    pattern = standard(3, sizes_nm=[300.0]).pattern
    found = calibrate(pattern, ("LaB6", LAB6), certified=CERTIFIED, instrument=RADIUS, size_nm=300.0)
    assert off(numbers(found.refinement)["instrument_x"], 0.02) < 4
    ignored = calibrate(pattern, ("LaB6", LAB6), certified=CERTIFIED, instrument=RADIUS)
    # 0.0294 degrees by (180 / pi) 1.5406 / 3000 A, added to the 0.02 of the diffractometer.
    assert numbers(ignored.refinement)["instrument_x"] == pytest.approx(0.0494, abs=0.004)


@pytest.mark.parametrize(
    ("certified", "message"),
    [
        ({"aa": 4.1}, r"aa = 4\.1 cannot be certified; did you mean 'a'\?"),
        ({"b": 4.1}, r"b = 4\.1 cannot be certified"),
        ({"a": -4.1}, r"a = -4\.1; give angstroms"),
        ({"a": float("nan")}, r"a = nan"),
    ],
)
def test_what_cannot_be_certified(certified, message):
    with pytest.raises(InputError, match=message):
        calibrate(standard(1).pattern, ("LaB6", LAB6), certified=certified)


# SRM 660c: a = 4.156780 A at the temperature of the scan, wavelength 1.5405929 A, 26.6 degrees of graphite (the file).

PPM = 1e-6


@pytest.fixture(scope="module")
def srm(measured_data):
    folder = measured_data / "standards"
    return folder / "nist_srm660c_100a.cif", folder / "1000057-LaB6.cif"


@pytest.mark.measured
def test_the_wavelength_from_srm_660c(srm):
    found = calibrate(*srm, certified={"a": 4.156780}, monochromator=26.6, wavelength=True)
    assert found.refinement.status == "converged"
    assert found.wavelength == pytest.approx(1.5405929, rel=30 * PPM)
    profile = found.instrument.profile
    assert profile.axial is not None
    assert 0.04 < found.curve.width[0] < 0.15  # degrees, of a laboratory diffractometer


@pytest.mark.measured
def test_the_cell_from_srm_660c(srm):
    pattern, structure = srm
    result = fit(pattern, [structure], monochromator=26.6)
    assert result.status == "converged"
    assert result.phases[0].cell["a"] == pytest.approx(4.156780, rel=30 * PPM)
