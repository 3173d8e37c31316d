"""instrument.toml: the example of its definition, every fault by name, and round trips."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.instrument import CalibrationUncertainty, Instrument, Profile
from layerox.io import read_instrument, write_instrument
from layerox.io.instrument_toml import instrument_from_table
from layerox.radiation import Radiation, radiation_from_text

WHOLE = """
[radiation]
kind = "xray"
source = "CuKa"
monochromator_two_theta = 26.6
[geometry]
kind = "debye-scherrer"
radius_mm = 240
[profile]
u = 0.001
v = -0.002
w = 0.003
x = 0.01
y = 0.02
axial = [0.03, 0.04]
[position]
zero = 0.015
displacement_mm = -0.05
"""


def read(tmp_path, text):
    path = tmp_path / "instrument.toml"
    path.write_text(text, encoding="utf-8")
    return read_instrument(path)


def refusal(tmp_path, text):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(tmp_path / "instrument.toml"))


def test_a_whole_file(tmp_path):
    """An ideally mosaic monochromator at 26.6 degrees has p = 1 / (1 + cos^2 26.6) = 0.5557."""
    result = read(tmp_path, WHOLE)
    assert result.radiation.lines == radiation_from_text("CuKa").lines
    assert result.radiation.polarization == pytest.approx(0.5557, abs=5e-5)
    assert (result.geometry, result.radius_mm, result.zero, result.displacement_mm) == (
        "debye-scherrer", 240.0, 0.015, -0.05)  # fmt: skip
    assert result.profile == Profile(u=0.001, v=-0.002, w=0.003, x=0.01, y=0.02, axial=(0.03, 0.04))


@pytest.mark.parametrize("text", ["# nothing\n", "[radiation]\n", "[profile]\n[position]\n"])
def test_every_key_is_optional(tmp_path, text):
    assert read(tmp_path, text) == Instrument()


@pytest.mark.parametrize(
    ("radiation", "lines", "kind"),
    [
        ("wavelength = 0.2413", ((0.2413, 1.0),), "xray"),
        ('kind = "neutron"\nwavelength = 1.909', ((1.909, 1.0),), "neutron"),
        ("lines = [[1.540593, 1], [1.544427, 0.5]]", ((1.540593, 1.0), (1.544427, 0.5)), "xray"),
        ('source = "MoKa1"', radiation_from_text("MoKa1").lines, "xray"),
        ('source = "0.5"', ((0.5, 1.0),), "xray"),
    ],
)
def test_ways_to_name_the_radiation(tmp_path, radiation, lines, kind):
    result = read(tmp_path, f"[radiation]\n{radiation}\n").radiation
    assert (result.lines, result.kind, result.polarization) == (lines, kind, None)


def test_polarisation_and_kind_without_a_wavelength_wait_for_one(tmp_path):
    result = read(tmp_path, '[radiation]\npolarization = 0.9\nkind = "neutron"\n')
    assert (result.radiation, result.polarization, result.kind) == (None, 0.9, "neutron")
    beam = result.completed(radiation_from_text(1.5))
    assert beam == Radiation(lines=((1.5, 1.0),), kind="neutron", polarization=0.9)


def test_what_the_user_states_of_polarisation_wins(tmp_path):
    instrument = read(tmp_path, "[radiation]\nwavelength = 1.5\npolarization = 0.9\n")
    assert instrument.completed(radiation_from_text("CuKa").polarized(0.5)).polarization == 0.5
    assert instrument.completed(radiation_from_text("CuKa")).polarization == 0.9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[radiation]\nwavelenght = 1.5\n", ":2: unknown key [radiation] wavelenght; did you mean 'wavelength'?"),
        ("[radiaton]\nwavelength = 1.5\n", ":1: unknown key [radiaton]; did you mean 'radiation'?"),
        ("\n[profile]\nU = 1.0\n", ":3: unknown key [profile] U; "),
        ("[position]\n\nzero = '0'\n", ":3: [position] zero: input should be a valid number"),
        ("[position]\nzero = nan\n", ":2: [position] zero: input should be a finite number"),
        ("[position]\nzero = true\n", ":2: [position] zero: input should be a valid number"),
        ("[geometry]\nkind = 'bragg'\n", ":2: [geometry] kind = 'bragg'; did you mean 'bragg-brentano'?"),
        ("[geometry]\nradius_mm = -1\n", ":2: a goniometer radius of -1.0 mm"),
        ("[profile]\naxial = [0.1]\n", ":2: [profile] axial"),
        ("[profile]\nu = -1\nw = -1\n", ":3: [profile] w: input should be greater than or equal to 0"),
        ("[profile]\nx = -0.1\n", ":2: [profile] x"),
        ("[profile]\ny = -0.1\n", ":2: [profile] y"),
        ("[radiation]\nlines = [[1.5]]\n", ":2: [radiation] lines"),
        ("[radiation]\nlines = []\n", ":2: [radiation] lines"),
        ("[radiation]\nlines = [[1.5, -1]]\n", ":2: the line at 1.5 A has weight -1.0"),
        ("[radiation]\nwavelength = 0\n", ":2: a wavelength of 0.0 A is not one of powder diffraction"),
        ("[radiation]\nsource = 'CuKb'\n", ":2: unknown radiation 'CuKb'"),
        ("[radiation]\nsource = 'CuKa'\nwavelength = 1.5\n", ":2: source and wavelength exclude each other"),
        ("[radiation]\npolarization = 0.5\nmonochromator_two_theta = 26.6\n",
         ":2: polarization and monochromator_two_theta exclude each other; keep one of them"),
        ("[radiation]\npolarization = 1.5\n", ":2: polarization 1.5 is outside 0 to 1"),
        ("[radiation]\nsource = 'CuKa'\npolarization = 1.5\n", ":3: polarization 1.5 is outside 0 to 1"),
        ("[radiation]\nmonochromator_two_theta = 200\n", ":2: a monochromator at 200.0 degrees"),
        ("[radiation]\nkind = 'neutron'\nsource = 'CuKa'\n", ':3: kind = "neutron" with the X-ray source CuKa'),
        ("[radiation]\nwavelength = \n", ":2: not valid TOML: Invalid value"),
        ("[radiation\n", ":1: not valid TOML: "),
        ("[radiation]\nwavelength = 1.5\nwavelength = 1.6\n", ":3: not valid TOML: Cannot overwrite a value"),
        ("radiation = 5\n", ":1: [radiation]: input should be a valid dictionary"),
        ("", ": is empty"),
        ("[calibration]\nnames = ['w']\nesds = [1e-4]\ncorrelations = [[1.0]]\n",
         ":1: a calibration without a profile"),
        ("[profile]\nw = 0.01\n[calibration]\nnames = ['q']\nesds = [1e-4]\ncorrelations = [[1.0]]\n",
         ":3: a calibration of 'q'"),
        ("[profile]\nw = 0.01\n[calibration]\nnames = ['w', 'u']\nesds = [1e-4]\ncorrelations = [[1.0]]\n",
         ":3: a calibration with other names than esds"),
        ("[profile]\nw = 0.01\n[calibration]\nnames = ['w']\nesds = [1e-4]\ncorrelations = [[0.5]]\n",
         ":3: correlations are no symmetric matrix with ones on its diagonal"),
        ("[profile]\nw = 0.01\n[calibration]\nnames = ['w']\nesds = [1e-4]\ncorrelations = [[1.0], [1.0]]\n",
         ":3: correlations of other size than esds"),
    ],
)  # fmt: skip
def test_every_fault_is_one_line_with_its_place(tmp_path, text, message):
    assert refusal(tmp_path, text).startswith(message)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_instrument(tmp_path / "none.toml")


def test_another_suffix(tmp_path):
    with pytest.raises(InputError, match=r"is no instrument file; give one of \.toml, \.prm, \.instprm"):
        read_instrument(tmp_path / "a.xye")


def test_the_table_of_a_recipe():
    table = {"radiation": {"source": "CuKa"}, "position": {"zero": 0.01}}
    assert instrument_from_table(table, place="recipe.toml").zero == 0.01
    with pytest.raises(InputError, match=r"recipe\.toml:2: unknown key \[position\] zeros; did you mean 'zero'"):
        instrument_from_table({"position": {"zeros": 1.0}}, place="recipe.toml", text="[position]\nzeros = 1.0\n")


finite = st.floats(-1e6, 1e6)
radiations = st.none() | st.builds(
    Radiation,
    lines=st.lists(st.tuples(st.floats(0.05, 10.0), st.floats(1e-3, 10.0)), min_size=1, max_size=3).map(tuple),
    kind=st.sampled_from(["xray", "neutron"]),
    polarization=st.none() | st.floats(0, 1),
)
named = st.sampled_from([radiation_from_text("CuKa"), radiation_from_text("AgKa1").polarized(0.5)])
widths = st.floats(0, 1e3)
profiles = st.none() | st.builds(
    Profile, u=finite, v=finite, w=widths, x=widths, y=widths, axial=st.none() | st.tuples(finite, finite)
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    instrument=st.builds(
        Instrument,
        radiation=radiations | named,
        geometry=st.sampled_from(["bragg-brentano", "debye-scherrer"]),
        radius_mm=st.floats(1e-3, 1e6),
        profile=profiles,
        zero=finite,
        displacement_mm=finite,
    )
)
def test_a_written_instrument_reads_back_unchanged(tmp_path, instrument):
    path = tmp_path / "instrument.toml"
    write_instrument(instrument, path)
    assert read_instrument(path) == instrument
    assert sorted(os.listdir(tmp_path)) == [".layerox.jsonl", "instrument.toml"]


def test_the_uncertainty_of_a_calibration_reads_back_unchanged(tmp_path):
    known = CalibrationUncertainty(names=("w", "zero"), esds=(1e-4, 5e-4), correlations=((1.0, -0.25), (-0.25, 1.0)))
    instrument = Instrument(profile=Profile(w=0.01), calibration=known)
    write_instrument(instrument, tmp_path / "i.toml")
    assert read_instrument(tmp_path / "i.toml") == instrument


@pytest.mark.parametrize("instrument", [Instrument(polarization=0.9), Instrument(kind="neutron"), Instrument()])
def test_instruments_without_a_wavelength_are_written_too(tmp_path, instrument):
    write_instrument(instrument, tmp_path / "i.toml")
    assert read_instrument(tmp_path / "i.toml") == instrument


def test_a_source_is_written_by_its_name(tmp_path):
    write_instrument(Instrument(radiation=radiation_from_text("CuKa")), tmp_path / "i.toml")
    assert (tmp_path / "i.toml").read_text().startswith('[radiation]\nkind = "xray"\nsource = "CuKa"\n')


def test_weak_lines_are_read_and_written(tmp_path):
    result = read(tmp_path, '[radiation]\nsource = "CoKa"\nk_beta = 0.01\ntungsten = 0.005\n')
    assert result.radiation == radiation_from_text("CoKa").with_weak_lines(k_beta=0.01, tungsten=0.005)
    write_instrument(result, tmp_path / "again.toml")
    assert read_instrument(tmp_path / "again.toml") == result
    assert "k_beta = 0.01" in (tmp_path / "again.toml").read_text(encoding="utf-8")


def test_weak_lines_without_a_tube_are_refused(tmp_path):
    assert refusal(tmp_path, "[radiation]\nk_beta = 0.01\n").startswith(":2: weak lines without a source")
    text = "[radiation]\nwavelength = 0.5\nk_beta = 0.01\n"
    assert refusal(tmp_path, text).startswith(":3: weak lines of a beam that is not of a tube")
