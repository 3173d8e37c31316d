"""Patterns in HDF5 files: where they stand, what their axis is, what is said of beam and time, and what is refused."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.errors import ChoiceNeeded, InputError
from layerox.io import read_pattern, read_patterns, read_stack
from layerox.io.nexus_arrays import _by_unit
from layerox.io.nexus_metadata import _walk
from layerox.io.pattern_stack import TEMPERATURE, TIME
from nexus_files import ANGLES, WAVELENGTH, azint_file, curves, data_group, plain_file, pyfai_file

Q = 4.0 * np.pi * np.sin(np.radians(ANGLES / 2.0)) / WAVELENGTH


def test_a_scan_integrated_by_pyfai(tmp_path):
    intensity = pyfai_file(tmp_path / "scan.h5")
    stack = read_stack(tmp_path / "scan.h5")
    assert len(stack) == 4
    for k in range(4):
        scan = stack.scan(k)
        assert scan.axis == "two-theta"
        assert np.array_equal(scan.intensity, intensity[k])
        assert np.allclose(scan.sigma, np.sqrt(intensity[k] + 1.0), rtol=1e-6)
        assert scan.radiation.lines == ((pytest.approx(WAVELENGTH, rel=1e-12), 1.0),)
    assert not stack.warnings


@pytest.mark.parametrize(
    ("unit", "symbol", "axis", "kind"),
    [
        ("2th_deg", "deg", ANGLES, "two-theta"),
        ("2th_rad", "rad", np.radians(ANGLES), "two-theta"),
        ("q_A^-1", r"\AA^{-1}", Q, "q"),
        ("q_nm^-1", "nm^{-1}", 10.0 * Q, "q"),
        ("q_nm^-1", "", 10.0 * Q, "q"),
    ],
    ids=["degrees", "radians", "q in 1/A", "q in 1/nm", "the unit stands in the configuration only"],
)
def test_the_units_of_pyfai(tmp_path, unit, symbol, axis, kind):
    """Symbols as pyFAI.units has them."""
    pyfai_file(tmp_path / "scan.h5", unit=unit, symbol=symbol, axis=axis)
    scan = read_stack(tmp_path / "scan.h5").scan(0)
    assert scan.axis == kind
    assert np.allclose(scan.x, ANGLES if kind == "two-theta" else Q, rtol=1e-12)


def test_polarisation_that_was_taken_out_is_not_put_in_again(tmp_path):
    pyfai_file(tmp_path / "a.h5", polarization_factor=0.99)
    pyfai_file(tmp_path / "b.h5", polarization_factor=None)
    first, second = (read_stack(tmp_path / name).scan(0) for name in ("a.h5", "b.h5"))
    assert first.radiation.polarization == 1.0
    assert [notice.code for notice in first.warnings] == ["polarization_removed"]
    assert second.radiation.polarization is None
    assert not second.warnings


def test_a_scan_integrated_by_azint_behind_a_link(tmp_path):
    """The cake beside it is passed over; the link and what it leads to are one."""
    intensity = azint_file(tmp_path / "scan.h5")
    stack = read_stack(tmp_path / "scan.h5")
    scan = stack.scan(2)
    assert len(stack) == 3
    assert (scan.axis, scan.radiation.polarization) == ("q", 1.0)
    assert np.array_equal(scan.intensity, intensity[2])
    assert np.allclose(scan.x, Q)
    assert scan.radiation.wavelength == pytest.approx(WAVELENGTH, rel=1e-9)


def test_the_same_scan_as_the_file_that_it_was_made_of(measured_data):
    """XRD-918-16_10.xrdml was turned into this NeXus file by pynxtools-xrd."""
    formats = measured_data / "formats"
    found = read_pattern(formats / "xrdml_918-16_10_ref.nxs")
    expected = read_pattern(formats / "XRD-918-16_10.xrdml")
    assert np.array_equal(found.intensity, expected.intensity)
    assert np.allclose(found.two_theta, expected.two_theta, atol=1e-9)
    assert found.radiation.agrees_with(expected.radiation)


def test_a_pattern_of_a_q_axis_is_reported_so_and_converted(tmp_path):
    azint_file(tmp_path / "one.h5", frames=1, cake_too=False)
    with pytest.raises(InputError, match="axis is q"):
        read_pattern(tmp_path / "one.h5")
    found = read_pattern(tmp_path / "one.h5", axis="q")
    assert np.allclose(found.two_theta, ANGLES, rtol=1e-12)


def test_arrays_without_names_of_nexus(tmp_path):
    intensity, sigma = curves(5)
    plain_file(tmp_path / "home.h5", q=10.0 * Q, q__units="1/nm", I=intensity, sigma=sigma, wavelength=WAVELENGTH)
    stack = read_stack(tmp_path / "home.h5")
    assert np.array_equal(stack.scan(4).intensity, intensity[4])
    assert np.array_equal(stack.scan(4).sigma, sigma[4])
    assert stack.scan(4).radiation.wavelength == WAVELENGTH
    assert not stack.scan(4).radiation.says_kind


def test_frames_may_run_along_the_last_dimension_and_in_two(tmp_path):
    intensity, _ = curves(6)
    with h5py.File(tmp_path / "turned.h5", "w") as file:
        group = data_group(file, "entry/data", intensity.T, ANGLES)
        group.attrs["axes"] = ["two_theta", "."]
    with h5py.File(tmp_path / "map.h5", "w") as file:
        group = data_group(file, "entry/data", intensity.reshape(2, 3, -1), ANGLES)
        group.attrs["axes"] = [".", ".", "two_theta"]
    for name in ("turned.h5", "map.h5"):
        stack = read_stack(tmp_path / name)
        assert len(stack) == 6
        assert np.array_equal(stack.scan(4).intensity, intensity[4])


def test_each_frame_may_have_angles_of_its_own_and_edges_become_centres(tmp_path):
    intensity, _ = curves(3)
    own = ANGLES + 0.01 * np.arange(3)[:, None]
    with h5py.File(tmp_path / "own.h5", "w") as file:
        data_group(file, "entry/data", intensity, own)
    assert np.array_equal(read_stack(tmp_path / "own.h5").scan(2).x, own[2])
    edges = np.linspace(1.0, 2.0, ANGLES.size + 1)
    with h5py.File(tmp_path / "edges.h5", "w") as file:
        data_group(file, "entry/data", intensity, edges)
    assert np.allclose(read_stack(tmp_path / "edges.h5").scan(0).x, 0.5 * (edges[1:] + edges[:-1]))


def test_masked_points_are_left_out_and_counted(tmp_path):
    intensity, _ = curves(2)
    intensity[1, 10:13] = np.nan
    plain_file(tmp_path / "masked.h5", two_theta=ANGLES, intensity=intensity)
    found = read_patterns(tmp_path / "masked.h5")[1]
    assert len(found) == ANGLES.size - 3
    assert found.excluded == ((ANGLES[10], ANGLES[12]),)
    assert [notice.code for notice in found.metadata["warnings"]][:1] == ["points_masked"]


def test_a_gap_of_zeros_is_left_out_of_one_frame_only(tmp_path):
    counts = np.random.default_rng(3).poisson(300.0, (2, ANGLES.size)).astype(float)
    counts[1, 40:60] = 0.0
    plain_file(tmp_path / "gap.h5", two_theta=ANGLES, intensity=counts)
    whole, gapped = read_patterns(tmp_path / "gap.h5")
    assert (len(whole), len(gapped)) == (ANGLES.size, ANGLES.size - 20)
    assert gapped.metadata["warnings"][0].code == "points_not_counted"


def entries_file(path, *, default="", each=1):
    intensity, _ = curves(4)
    with h5py.File(path, "w") as file:
        for k in range(4):
            rows = intensity[k] if each == 1 else np.stack([intensity[k]] * each)
            data_group(file, f"{k + 9}.1/plot", rows, ANGLES)
            file[f"{k + 9}.1"].attrs["NX_class"] = "NXentry"
            file[f"{k + 9}.1/start_time"] = f"2024-05-01T10:{k:02d}:00+00:00"
        if default:
            file.attrs["default"] = default
            file[default].attrs["default"] = "plot"
    return intensity


def test_entries_of_one_pattern_each_are_frames_in_natural_order(tmp_path):
    intensity = entries_file(tmp_path / "scans.h5")
    stack = read_stack(tmp_path / "scans.h5")
    assert [np.array_equal(stack.scan(k).intensity, intensity[k]) for k in range(4)] == [True] * 4
    times = stack.column(TIME)
    assert np.array_equal(times.values - times.values[0], [0.0, 60.0, 120.0, 180.0])
    assert stack.scan(1).metadata["start_time"] == "2024-05-01T10:01:00+00:00"


def test_a_choice_is_reported_in_one_line_and_taken_by_path_or_pattern(tmp_path):
    path = tmp_path / "scans.h5"
    intensity = entries_file(path, each=2)
    with pytest.raises(ChoiceNeeded, match=r"holds /9.1/plot, /10.1/plot, .*; say which with --dataset PATH") as error:
        read_stack(path)
    assert "\n" not in str(error.value)
    assert np.array_equal(read_stack(path, "/10.1/plot").scan(1).intensity, intensity[1])
    assert len(read_stack(path, "*/plot")) == 8
    with pytest.raises(ChoiceNeeded, match="holds no patterns at /nowhere; choose from /9.1/plot"):
        read_stack(path, "/nowhere")


def test_the_default_of_the_file_is_taken_and_stated(tmp_path):
    intensity = entries_file(tmp_path / "scans.h5", default="11.1", each=2)
    stack = read_stack(tmp_path / "scans.h5")
    assert np.array_equal(stack.scan(0).intensity, intensity[2])
    (notice,) = stack.warnings
    assert notice.code == "dataset_chosen"
    assert "/11.1/plot was taken" in notice.message


def timed_file(path, **columns):
    intensity, _ = curves(3)
    with h5py.File(path, "w") as file:
        data_group(file, "entry/data", intensity, ANGLES)
        file["entry/start_time"] = "2024-05-01T10:00:00"
        for name, (values, attributes) in columns.items():
            file[f"entry/measurement/{name}"] = values
            file[f"entry/measurement/{name}"].attrs.update(attributes)
    return read_stack(path)


@pytest.mark.parametrize(
    ("columns", "seconds", "absolute", "utc"),
    [
        ({"epoch": ([1.7e9, 1.7e9 + 60, 1.7e9 + 120], {})}, 60.0, True, True),
        ({"elapsed_time": ([0.0, 2.0, 4.0], {"units": "min"})}, 120.0, True, False),
        ({"time": ([0, 500, 1000], {"units": "ms"})}, 0.5, True, False),
        ({"time": ([0.0, 1.0, 2.0], {"units": "hours since 2024-05-01T08:00:00+00:00"})}, 3600.0, True, True),
        (
            {"timestamp": (["2024-05-01T10:00:00Z", "2024-05-01T10:00:07Z", "2024-05-01T10:00:14Z"], {})},
            7.0,
            True,
            True,
        ),
    ],
    ids=["since 1970", "since the start of the entry", "milliseconds", "since a moment", "texts"],
)
def test_times_however_they_are_written(tmp_path, columns, seconds, absolute, utc):
    found = timed_file(tmp_path / "t.h5", **columns).column(TIME)
    assert np.allclose(np.diff(found.values), seconds)
    assert (found.is_absolute, found.is_utc) == (absolute, utc)


def test_a_moment_without_a_zone_stays_without(tmp_path):
    stack = timed_file(tmp_path / "t.h5", elapsed_time=([0.0, 2.0, 4.0], {"units": "min"}))
    assert stack.scan(1).metadata["start_time"] == "2024-05-01T10:02:00"


def test_temperatures_are_kelvin_and_need_a_unit(tmp_path):
    values = [20.0, 30.0, 40.0]
    celsius = timed_file(tmp_path / "c.h5", temperature=(values, {"units": "degC"}))
    assert np.allclose(celsius.column(TEMPERATURE).values, [293.15, 303.15, 313.15])
    assert celsius.scan(2).metadata["temperature_k"] == pytest.approx(313.15)
    assert timed_file(tmp_path / "n.h5", temperature=(values, {})).column(TEMPERATURE) is None


def test_other_columns_go_by_their_names_and_logs_of_another_length_are_none(tmp_path):
    stack = timed_file(tmp_path / "v.h5", Voltage=([3.0, 3.1, 3.2], {"units": "V"}), pressure=([1.0, 2.0], {}))
    assert np.array_equal(stack.column("voltage").values, [3.0, 3.1, 3.2])
    assert "voltage" in stack.names
    assert "pressure" not in stack.names
    assert stack.column("pressure") is None


@pytest.mark.parametrize(
    ("datasets", "said"),
    [
        ({"image": np.zeros((3, 5, 7))}, "holds no patterns: no NXdata"),
        ({"q": Q, "I": curves(2)[0]}, "/q has no unit; write degrees, 1/angstrom or 1/nm"),
        ({"q": Q, "q__units": "1/foot", "I": curves(2)[0]}, "/q has the unit '1/foot'"),
    ],
    ids=["images", "q without a unit", "an unknown unit"],
)
def test_what_holds_no_patterns_states_why(tmp_path, datasets, said):
    plain_file(tmp_path / "bad.h5", **datasets)
    with pytest.raises(InputError, match=said):
        read_stack(tmp_path / "bad.h5")


def test_a_cake_is_to_be_integrated(tmp_path):
    with h5py.File(tmp_path / "cake.h5", "w") as file:
        group = data_group(file, "entry/data", np.ones((36, ANGLES.size)), ANGLES, frames_axis="chi")
        group["chi"] = np.arange(36.0)
    with pytest.raises(InputError, match="is a cake of 36 azimuths; integrate over the azimuth"):
        read_stack(tmp_path / "cake.h5")


def test_wavelengths_that_disagree_are_not_chosen_from(tmp_path):
    pyfai_file(tmp_path / "scan.h5")
    with h5py.File(tmp_path / "scan.h5", "r+") as file:
        file["entry_0000/instrument/wavelength"] = 0.5
        file["entry_0000/instrument/wavelength"].attrs["units"] = "angstrom"
    scan = read_stack(tmp_path / "scan.h5").scan(0)
    assert scan.radiation is None
    assert [notice.code for notice in scan.warnings] == ["wavelengths_disagree"]


def test_a_file_that_is_cut_off_states_it(tmp_path):
    pyfai_file(tmp_path / "whole.h5", frames=50)
    data = (tmp_path / "whole.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="is cut off, or being written"):
        read_stack(tmp_path / "cut.h5")
    (tmp_path / "wrong.h5").write_bytes(data[:8] + b"\x00" * 5000)
    with pytest.raises(InputError, match="is no readable HDF5 file"):
        read_stack(tmp_path / "wrong.h5")


def test_a_file_that_grows_is_counted_anew_and_its_writer_is_not_locked_out(tmp_path):
    path = tmp_path / "scan.h5"
    pyfai_file(path, frames=2)
    assert len(read_stack(path)) == 2
    with h5py.File(path, "r+") as file:
        data = file["entry_0000/integrate/results"]
        data["data"].resize(5, axis=0)
        data["data"][2:] = 7.0
        del data["data_errors"]
    stack = read_stack(path)
    assert len(stack) == 5
    assert (stack.scan(4).intensity == 7.0).all()
    with pytest.raises(InputError, match="holds 5 scans now"):
        stack.scan(5)


def test_all_patterns_at_once(tmp_path):
    intensity = pyfai_file(tmp_path / "scan.h5")
    found = read_patterns(tmp_path / "scan.h5")
    assert [np.array_equal(pattern.intensity, row) for pattern, row in zip(found, intensity, strict=True)] == [True] * 4
    with pytest.raises(InputError, match="holds 4 scans"):
        read_pattern(tmp_path / "scan.h5")


def test_a_dataset_is_for_hdf5_only(tmp_path):
    (tmp_path / "a.xy").write_text("".join(f"{10 + k} 5\n" for k in range(5)))
    with pytest.raises(InputError, match="is no HDF5 file"):
        read_pattern(tmp_path / "a.xy", dataset="/entry")


LENGTH = st.sampled_from(["A", "Å", "AA", "angstrom", "Angstrom", "angstroms", "nm"])


@given(LENGTH, st.sampled_from(["{}^-1", "1/{}", "{}^{{-1}}", " {} ^-1", "1 / {}", "$1/{}$", "({}^-1)"]))
def test_inverse_lengths_in_any_spelling_are_q(unit, form):
    assert _by_unit(form.format(unit)) == ("q", 0.1 if unit == "nm" else 1.0)


@given(st.text(max_size=12))
def test_any_other_text_is_no_unit_or_one_of_three_kinds(text):
    found = _by_unit(text)
    assert found is None or found[0] in ("two-theta", "q", "d")


def test_an_array_that_states_no_wavelength_is_not_read(tmp_path):
    """A million rows of chunked nothing beside the patterns: 2.8 GB, would anybody look into it."""
    intensity, _ = curves(2)
    plain_file(tmp_path / "a.h5", two_theta=ANGLES, intensity=intensity)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.create_dataset("entry/monochromator/energy", shape=(1_000_000, 351), dtype="f8", chunks=(1, 351))
    assert len(read_stack(tmp_path / "a.h5")) == 2


@pytest.mark.parametrize(
    ("shape", "chunks", "words"),
    [
        ((2, 3_000_000), (1, 1000), "has 3000000 points a pattern; rebin it"),
        ((2_000_000, 351), (1, 351), "has 2000000 patterns"),
        ((200_000, 351), (200_000, 351), "is stored in blocks of 561 MB; rewrite it"),
    ],
)
def test_what_would_fill_the_memory_is_refused(tmp_path, shape, chunks, words):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", "two_theta"]})
        group.create_dataset("I", shape=shape, dtype="f8", chunks=chunks)
        axis = group.create_dataset("two_theta", shape=shape[1:], dtype="f8", chunks=True)
        axis.attrs["units"] = "deg"
    with pytest.raises(InputError, match=words):
        read_stack(tmp_path / "a.h5")


@pytest.mark.parametrize("kind", [h5py.string_dtype(), h5py.ref_dtype, "S5", [("a", "f8"), ("b", "S3")]], ids=str)
def test_errors_that_are_no_numbers_are_none(tmp_path, kind):
    intensity, _ = curves(1)
    plain_file(tmp_path / "a.h5", two_theta=ANGLES, intensity=intensity[0])
    with h5py.File(tmp_path / "a.h5", "a") as file:
        group = next(thing.parent for thing in _arrays(file) if thing.name.endswith("/intensity"))
        group.create_dataset("errors", ANGLES.shape, kind)
    assert read_pattern(tmp_path / "a.h5", radiation="CuKa").sigma_source == "poisson"


def _arrays(file):
    found = []
    file.visititems(lambda _, thing: found.append(thing) if isinstance(thing, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize("name", ["integrate/configuration/data", "polarization_applied"])
def test_a_remark_that_is_an_array_of_terabytes_is_not_read(tmp_path, name):
    pyfai_file(tmp_path / "a.h5", 1)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        entry = file["entry_0000"]
        if name in entry:
            del entry[name]
        entry.create_dataset(name, (2**40,), "f4")
    assert len(read_stack(tmp_path / "a.h5")) == 1


@pytest.mark.parametrize("value", ["no", np.void(b"x")], ids=["text", "bytes"])
def test_a_statement_of_another_kind_states_nothing_of_the_polarisation(tmp_path, value):
    pyfai_file(tmp_path / "a.h5", 1)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["entry_0000/polarization_applied"] = value
    assert read_pattern(tmp_path / "a.h5").radiation.polarization is None


def test_numbers_in_names_of_groups_may_be_of_any_length_and_script(tmp_path):
    """More digits than Python converts, and a digit that is none to `int`."""
    names = ["scan_2", "scan_10", "scan_" + "9" * 5000, "scan_²", "²"]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in reversed(names):
            data_group(file, name, curves(1)[0][0], ANGLES)
    assert [source.group for source in read_stack(tmp_path / "a.h5").sources] == [f"/{name}" for name in names]


def test_an_axis_in_blocks_that_fill_the_memory_is_none(tmp_path):
    """561 MB a block: all of it would be unpacked for the angles of one frame."""
    shape = (200_000, 351)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", "two_theta"]})
        group.create_dataset("I", shape=shape, dtype="f8", chunks=(1, 351))
        group.create_dataset("two_theta", shape=shape, dtype="f8", chunks=shape).attrs["units"] = "deg"
    with pytest.raises(InputError, match="holds no patterns: no NXdata with an axis of two-theta"):
        read_stack(tmp_path / "a.h5")


def test_a_remark_in_blocks_that_fill_the_memory_is_passed_over(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("entry")
        group.create_dataset("temperature", (2,), "f8", maxshape=(None,), chunks=(10**8,))
        group.create_dataset("time", (2,), "f8", maxshape=(None,), chunks=(1000,))
        assert [dataset.name for dataset in _walk(group)] == ["/entry/time"]


def test_angles_in_milliradians(tmp_path):
    intensity, _ = curves(1)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = data_group(file, "entry/data", intensity, ANGLES)
        group["two_theta"][:] = np.radians(ANGLES) * 1000
        group["two_theta"].attrs["units"] = "mrad"
    assert read_patterns(tmp_path / "a.h5")[0].two_theta == pytest.approx(ANGLES)


def test_the_arrays_that_a_monochromatic_powder_file_links_are_one_pattern(tmp_path):
    """NXmonopd (manual.nexusformat.org): NXdata links the arrays of the NXdetector; NXcrystal has the beam."""
    path = tmp_path / "monopd.nxs"
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        entry["definition"], entry["start_time"] = "NXmonopd", "2024-05-01T10:00:00Z"
        detector, crystal = (entry.create_group(f"instrument/{name}") for name in ("detector", "crystal"))
        detector.attrs["NX_class"] = "NXdetector"
        detector["polar_angle"], detector["data"] = np.linspace(10.0, 20.0, 50), np.arange(50) + 5
        detector["polar_angle"].attrs["units"] = "degree"
        detector["data"].attrs["signal"] = 1
        crystal["wavelength"] = 1.594
        crystal["wavelength"].attrs["units"] = "angstrom"
        entry["instrument/source/probe"] = "neutron"
        data = entry.create_group("data")
        data.attrs["NX_class"] = "NXdata"
        for name in ("polar_angle", "data"):
            data[name] = h5py.SoftLink(f"/entry/instrument/detector/{name}")
    pattern = read_pattern(path)
    assert pattern.intensity.tolist() == list(range(5, 55))
    assert (pattern.radiation.kind, pattern.radiation.wavelength) == ("neutron", 1.594)
    assert pattern.metadata["start_time"] == "2024-05-01T10:00:00+00:00"
