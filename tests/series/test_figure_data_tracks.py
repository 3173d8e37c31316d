"""Where reflections stand and how far layers are apart, against closed formulas and the simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import layerox as lx
from layerox.builders import build_crystal
from layerox.diffraction.reflections import reflections
from layerox.instrument import Instrument, Profile
from layerox.series.figure_data import d_spacings, layer_lengths, reflection_tracks
from layerox.series.frame_row import QUANTITIES
from layerox.series.request import cell_variables, layers_in
from layerox.series.result import Series
from layerox.symmetry import symmetry_from_name
from series_tables import columns_of

ESD = 1e-3


def series_of(crystal, cells, verdicts, reflected=((0, 0, 2), (1, 0, 2))):
    """Return a series of one phase P whose cells are given, each parameter with an uncertainty of `ESD`."""
    table = {"frame": range(len(cells)), "file": "f", "verdict": verdicts, "reason": "", "r_wp": 0.05, "gof": 1.0}
    columns = {"a": 0, "b": 1, "c": 2, "beta": 4}
    for quantity in QUANTITIES:
        known = [cell[columns[quantity]] for cell in cells] if quantity in columns else 1.0
        table[f"P.{quantity}"], table[f"P.{quantity}_esd"] = known, ESD
    table |= {"zero": 0.0, "displacement": 0.0}
    rows = [{"hkl": list(hkl), "intensity": 1.0} for hkl in reflected]
    structure = {
        "space_group": crystal.space_group, "cell": list(crystal.cell), "variables": cell_variables(crystal),
        "layers": layers_in(crystal), "reflections": rows,
    }  # fmt: skip
    measured = {"wavelength": 1.5405929, "geometry": "bragg-brentano", "radius_mm": 200.0}
    run = {"measured": measured, "structures": {"P": structure}}
    return Series(columns=columns_of(table), changes={}, phases=("P",), axes=(), run=run)


def test_hexagonal_layers_are_a_and_a_share_of_c():
    cells = [(2.88, 2.88, 11.16, 90, 90, 120), (2.86, 2.86, 11.30, 90, 90, 120)]
    found = layer_lengths(series_of(build_crystal("P2"), cells, ["accepted", "reseeded"]))["P"]
    np.testing.assert_allclose(found.in_plane, [2.88, 2.86], rtol=1e-12)
    np.testing.assert_allclose(found.spacing, [5.58, 5.65], rtol=1e-12)
    np.testing.assert_allclose(found.in_plane_esd, ESD, rtol=1e-6)
    np.testing.assert_allclose(found.spacing_esd, ESD / 2, rtol=1e-6)


def test_an_undistorted_monoclinic_cell_has_the_layers_of_the_hexagonal_one():
    """O'3 without distortion: a_m = sqrt(3) a, b_m = a, c_m sin(beta) = c/3, c_m cos(beta) = -a_m/3."""
    a, c = 2.96, 15.91
    a_m, across = np.sqrt(3) * a, c / 3
    c_m, beta = np.hypot(across, a_m / 3), 180 - np.degrees(np.arctan(across / (a_m / 3)))
    cells = [(a_m, a, c_m, 90.0, beta, 90.0)]
    found = layer_lengths(series_of(build_crystal("Op3"), cells, ["accepted"]))["P"]
    assert found.in_plane[0] == pytest.approx(a)
    assert found.spacing[0] == pytest.approx(c / 3)
    # d = c sin(beta): the derivatives by c, and by beta in degrees, both with the uncertainty ESD.
    by_c, by_beta = np.sin(np.radians(beta)), c_m * np.cos(np.radians(beta)) * np.pi / 180
    assert found.spacing_esd[0] == pytest.approx(ESD * np.hypot(by_c, by_beta), rel=1e-3)
    # a_hex = (2 a_m b_m / (sqrt(3) * 2))^(1/2), so that its relative variance is a quarter of those of a_m and b_m.
    assert found.in_plane_esd[0] == pytest.approx(0.5 * a * ESD * np.hypot(1 / a_m, 1 / a), rel=1e-3)


def test_glides_and_jumps_compare_on_one_scale():
    """Library cells: the galleries of O2 are 0.7 A or more narrower than those of P2."""
    spacing = {}
    for name in ("P2", "OP4", "O2", "O3", "P3", "O1"):
        crystal = build_crystal(name)
        spacing[name] = layer_lengths(series_of(crystal, [crystal.cell], ["accepted"]))["P"].spacing[0]
    slabs = {"P2": 2, "OP4": 4, "O2": 2, "O3": 3, "P3": 3, "O1": 1}
    assert spacing == pytest.approx({name: build_crystal(name).cell[2] / n for name, n in slabs.items()})
    assert spacing["P2"] - spacing["O2"] > 0.7


def test_reflections_stand_where_the_simulation_has_them():
    cell = (2.87, 2.87, 11.2, 90, 90, 120)
    series = series_of(build_crystal("P2"), [cell], ["accepted"])
    structure = lx.build("P2", a=2.87, c=11.2)
    simulated = {
        r.hkl: r.two_theta for r in lx.simulate([structure], radiation="CuKa", two_theta=(10, 60, 0.1)).reflections
    }
    for track in reflection_tracks(series):
        assert track.two_theta[0] == pytest.approx(simulated[track.hkl], abs=1e-6)


@pytest.mark.parametrize("geometry", ["bragg-brentano", "debye-scherrer"])
def test_reflections_are_moved_as_the_simulation_moves_them(geometry):
    """By zero and displacement; hardware stands beside the specimen."""
    series = series_of(build_crystal("P2"), [build_crystal("P2").cell], ["accepted"])
    series.frames["zero"], series.frames["displacement"] = 0.021, -0.13
    series.frames["P.displacement"] = 0.05
    series.run["measured"]["geometry"] = geometry
    instrument = Instrument(zero=0.021, displacement_mm=-0.13 + 0.05, radius_mm=200.0, geometry=geometry,
                            profile=Profile(w=4e-4))  # fmt: skip
    for track in reflection_tracks(series):
        place = track.two_theta[0]
        assert abs(place - track.start) > 0.005
        window = (place - 0.1, place + 0.1, 0.001)
        shown = lx.simulate(["P2"], radiation=1.5405929, two_theta=window, instrument=instrument)
        assert shown.two_theta[np.argmax(shown.intensity)] == pytest.approx(place, abs=0.0015)


def test_frames_that_cannot_be_accepted_have_no_cell():
    crystal = build_crystal("P2")
    series = series_of(crystal, [crystal.cell] * 3, ["accepted", "quarantined", "unreadable"])
    assert np.isnan(layer_lengths(series)["P"].spacing).tolist() == [False, True, True]
    assert np.isnan(reflection_tracks(series)[0].two_theta).tolist() == [False, True, True]


def test_a_reflection_is_first_where_its_phase_shows_first_or_else_where_it_starts():
    crystal = build_crystal("P2")
    a, b, c, *angles = crystal.cell
    cells = [crystal.cell, (a, b, 1.01 * c, *angles), crystal.cell]
    seen = reflection_tracks(series_of(crystal, cells, ["quarantined", "accepted", "accepted"]))[0]
    never = reflection_tracks(series_of(crystal, cells, ["quarantined"] * 3))[0]
    assert seen.first == seen.two_theta[1] < never.first
    # Bragg's law for 002: sin(theta) = lambda / c.
    assert never.first == never.start == pytest.approx(2 * np.degrees(np.arcsin(1.5405929 / c)))


def test_reflections_beyond_the_wavelength_are_not_there():
    crystal = build_crystal("P2")
    track = reflection_tracks(series_of(crystal, [crystal.cell], ["accepted"], reflected=((9, 0, 0),)))[0]
    assert np.isnan(track.two_theta).all()


angle = st.floats(75, 105)


@given(lengths=st.tuples(*[st.floats(2, 20)] * 3), angles=st.tuples(angle, angle, angle))
def test_spacings_of_any_cell_are_those_of_the_reflection_list(lengths, angles):
    cell = (*lengths, *angles)
    listed = reflections(symmetry_from_name("P -1"), cell, 0.9 * min(lengths))
    expected = listed.d_spacing(cell)
    found = [d_spacings(np.array([cell]), hkl)[0] for hkl in listed.hkl.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
