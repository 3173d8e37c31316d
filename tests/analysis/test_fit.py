"""`fit` and `simulate` as users call them: which beam, which instrument, and what contradicts what."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.beam_setup import beam_from
from layerox.analysis.fit import fit, simulate
from layerox.crystal.asymmetric_unit import structure_from_crystal
from layerox.errors import InputError, UnknownWavelength
from layerox.instrument import Instrument, Profile
from layerox.io import write_instrument, write_pattern
from layerox.pattern import Pattern
from layerox.radiation import Radiation, radiation_from_text
from reference_crystals import o3, p2

NOTHING = Instrument()
CU = radiation_from_text("CuKa")


@pytest.fixture(scope="module")
def simulated():
    return simulate(
        [("P2", p2(2.8853, 11.148)), ("O3", o3(2.9655, 15.92))],
        weights=[65, 35],
        radiation="CuKa",
        polarization=0.5,
        two_theta=(12, 90, 0.02),
        sizes_nm=[110, 70],
        microstrains=[0.001, 0.002],
        background=[300, -100, 50],
        counts=8000,
        seed=5,
    )


def test_nobody_states_the_wavelength():
    with pytest.raises(UnknownWavelength, match="scan.xy: the wavelength is unknown; give the radiation"):
        beam_from(None, NOTHING, None, place="scan.xy")


@pytest.mark.parametrize(
    ("from_file", "instrument", "given"),
    [(CU, NOTHING, None), (None, Instrument(radiation=CU), None), (None, NOTHING, "CuKa"), (CU, NOTHING, "CuKa")],
)
def test_somebody_states_it(from_file, instrument, given):
    assert beam_from(from_file, instrument, given).lines == CU.lines


def test_user_and_file_contradict_each_other():
    with pytest.raises(InputError, match="given is MoKa .* the pattern states CuKa"):
        beam_from(CU, NOTHING, "MoKa")


def test_the_users_lines_win_over_equal_ones_of_the_file():
    vendor = Radiation(lines=((1.540598, 1.0), (1.544426, 0.5)))
    assert beam_from(vendor, NOTHING, "CuKa").lines == CU.lines


def test_polarization():
    # graphite (002) and Cu Ka: 1 / (1 + cos^2 26.6 deg) = 0.5557, as the contract says.
    assert beam_from(CU, NOTHING, None, monochromator=26.6).polarization == pytest.approx(0.5557, abs=5e-5)
    assert beam_from(CU, NOTHING, None, polarization=0.95).polarization == 0.95
    assert beam_from(CU, NOTHING, None).polarization is None
    assert beam_from(CU.polarized(0.5557), NOTHING, None, monochromator=26.6).polarization is not None
    with pytest.raises(InputError, match="both monochromator and polarization"):
        beam_from(CU, NOTHING, None, monochromator=26.6, polarization=0.5)
    with pytest.raises(InputError, match="the instrument or the file states 0.9500"):
        beam_from(CU.polarized(0.95), NOTHING, None, polarization=0.5)


def test_neutrons_have_no_polarization():
    beam = Radiation(lines=((1.9, 1.0),), kind="neutron")
    with pytest.raises(InputError, match="neutrons have no polarisation"):
        beam_from(beam, NOTHING, None, monochromator=26.6)


def test_instrument_may_state_what_is_not_the_wavelength():
    assert beam_from(CU, Instrument(polarization=0.6), None).polarization == 0.6
    assert beam_from(None, Instrument(kind="neutron"), 1.9).kind == "neutron"


def test_fit_of_a_file_by_names_and_files(simulated, tmp_path):
    write_pattern(simulated.pattern, tmp_path / "scan.xye")
    result = fit(tmp_path / "scan.xye", [("P2", p2()), "O3"])
    assert result.status == "converged"
    assert list(result.weight_fractions) == ["P2", "O3"]
    assert result.weight_fractions["P2"] == pytest.approx(0.65, abs=4 * result.weight_fractions["P2"].esd)
    assert sum(result.weight_fractions.values()) == pytest.approx(1.0)


def test_range_is_respected(simulated):
    result = fit(simulated, [p2(), o3()], range=(20, 70))
    assert result.pattern.range == pytest.approx((20, 70))
    assert result.agreement.points == 2501


def test_fit_does_not_change_its_inputs(simulated):
    before = simulated.pattern.intensity.copy()
    crystal = p2()
    fit(simulated, [crystal, o3()])
    assert (simulated.pattern.intensity == before).all()
    assert crystal.cell == p2().cell


@pytest.mark.parametrize("described", ["supercell", "P1", "shifted origin"])
def test_fractions_do_not_depend_on_how_a_phase_is_described(simulated, described):
    structure = structure_from_crystal(p2())
    if described == "supercell":
        structure.make_supercell([2, 1, 1])
    elif described == "shifted origin":
        structure.translate_sites(range(len(structure)), [0.13, 0.29, 0.41])
    plain = fit(simulated, [p2(), o3()])
    other = fit(simulated, [("P2", structure), o3()])
    assert other.weight_fractions["P2"] == pytest.approx(plain.weight_fractions["P2"], abs=1e-6)
    assert other.phase("P2").cell["c"] == pytest.approx(plain.phase("P2").cell["c"], abs=1e-6)


def test_warm_start_takes_everything_from_the_result(simulated):
    first = fit(simulated, [p2(), o3()])
    again = fit(simulated, start=first)
    assert again.weight_fractions["P2"] == pytest.approx(first.weight_fractions["P2"], abs=1e-6)
    assert again.free_names == first.free_names
    with pytest.raises(InputError, match="phases is given together with start"):
        fit(simulated, [p2()], start=first)


def test_warm_start_takes_the_beam_from_the_result(simulated):
    first = fit(simulated, [p2(), o3()])
    silent = replace(simulated.pattern, radiation=None)
    assert fit(silent, start=first).radiation == first.radiation
    with pytest.raises(InputError, match="given is CuKa .* the pattern states MoKa"):
        fit(replace(silent, radiation=radiation_from_text("MoKa")), start=first)


def test_instrument_file_is_used(simulated, tmp_path):
    path = tmp_path / "machine.toml"
    write_instrument(Instrument(profile=Profile(w=0.0064), radius_mm=217.5), path)
    result = fit(simulated, [p2(), o3()], instrument=path)
    assert result.instrument.radius_mm == 217.5
    assert "instrument_uncalibrated" not in {w.code for w in result.warnings}


def test_radius_of_the_file_is_used(simulated):
    pattern = simulated.pattern
    measured = Pattern(
        two_theta=pattern.two_theta,
        intensity=pattern.intensity,
        sigma=pattern.sigma,
        radiation=pattern.radiation,
        metadata={"radius_mm": 240.0},
    )
    assert fit(measured, [p2(), o3()]).instrument.radius_mm == 240.0


def test_too_few_points():
    few = simulate([p2()], radiation="CuKa", two_theta=(30, 40, 1.0), background=[10.0])
    with pytest.raises(InputError, match="11 points cannot determine 12 quantities"):
        fit(few, [p2(), o3()])


def test_range_without_reflections(simulated):
    # P2 (002) stands at 15.9 and (004) at 32.1 degrees: nothing between 18 and 30.
    with pytest.raises(InputError, match="P2 has no reflection between 18 and 30 degrees"):
        fit(simulated, [p2()], range=(18, 30))


def test_simulate_without_a_wavelength():
    with pytest.raises(UnknownWavelength):
        simulate(["P2"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"two_theta": (90, 10, 0.02)}, "LO HI STEP"),
        ({"two_theta": (0, 10, 0.02)}, "LO HI STEP"),
        ({"sizes_nm": [10.0]}, "sizes_nm: 1 values for 2 phases"),
        ({"microstrains": [0.1, -0.1]}, "a microstrain of -0.1; give"),
        ({"weights": [1.0]}, "1 weights for 2 phases"),
        ({"geometry": "sideways"}, "unknown geometry 'sideways'"),
    ],
)
def test_nonsense_is_refused(more, message):
    with pytest.raises(InputError, match=message):
        simulate(["P2", "O3"], radiation="CuKa", **more)


def test_neutron_simulation_uses_scattering_lengths():
    found = simulate([p2()], radiation=1.909, neutron=True, two_theta=(15, 100, 0.05))
    listed = {r.hkl: r for r in found.reflections}
    # (100) by hand with the lengths of Sears in fm: metal 10.3 / 3 - 3.73 * 2 / 3 on 2a, O 5.803, Na 3.63.
    q = 4 / (3 * 2.885**2)
    metal, oxygen, sodium = 10.3 / 3 - 3.73 * 2 / 3, 5.803, 3.63
    damp = [np.exp(-2 * np.pi**2 * u * q) for u in (0.005, 0.02)]
    # h + 2k = 1: sites at (1/3, 2/3) pairs give 2 cos(2 pi / 3) = -1 for each pair.
    total = damp[0] * (2 * metal - 2 * oxygen) + damp[1] * sodium * (2 * 0.25 - 0.42)
    assert listed[(1, 0, 0)].f_squared == pytest.approx(total**2, rel=1e-6)
    assert listed[(1, 0, 0)].lorentz_polarization == pytest.approx(
        1 / (np.sin(np.radians(listed[(1, 0, 0)].two_theta / 2)) ** 2
             * np.cos(np.radians(listed[(1, 0, 0)].two_theta / 2)))
    )  # fmt: skip


@pytest.mark.measured
def test_gsas_benchmark_with_the_librarys_structures(reference_data):
    """benchA with the library's own P2 and O3: within 0.006 of a true 0.65, their atoms refined (the issue's bound)."""
    result = fit(reference_data / "benchA_P2O3.xye", ["P2", "O3"], radiation="CuKa")
    assert result.weight_fractions["P2"] == pytest.approx(0.65, abs=0.006)
    oxygen = next(site for site in result.phase("P2").sites if site.label == "O1")
    # z(O) of the structure behind the pattern, reference_structures.json.
    assert oxygen.z.status == "free"
    assert abs(oxygen.z - 0.0917) < 3 * oxygen.z.esd


def test_a_phase_called_background_starts_the_next_fit(simulated):
    first = fit(simulated, [("background", p2()), o3()])
    assert fit(simulated, start=first).weight_fractions["background"] == pytest.approx(
        first.weight_fractions["background"], abs=1e-5
    )


def test_a_profile_without_width_is_refused():
    # 0.01 - 0.03 tan(theta) is negative above two-theta 36.9 degrees.
    with pytest.raises(InputError, match="have no width"):
        simulate(["P2"], radiation="CuKa1", instrument=Instrument(profile=Profile(v=-0.03, w=0.01)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"two_theta": (10, 90, 1e-9)}, r"a step of 1e-09 degrees makes 8e\+10 points; give a step of 8e-05 degrees"),
        ({"sizes_nm": [0.0]}, "a size of 0 nm; give nanometres, more than 0"),
        ({"sizes_nm": [float("nan")]}, "a size of nan nm"),
        ({"microstrains": [-0.1]}, "a microstrain of -0.1; give"),
        ({"polarization": 2}, "polarization 2 is outside 0 to 1; 0.5 is unpolarised"),
    ],
)
def test_impossible_options_of_a_simulation(options, words):
    with pytest.raises(InputError, match=words):
        simulate([p2()], radiation="CuKa", **options)
