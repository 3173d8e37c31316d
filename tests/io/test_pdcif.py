"""Powder CIFs written here, with the spellings that programs use; measured ones at the end."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.io import read_pattern, read_patterns
from layerox.pattern import Pattern

HEAD = "data_scan\n_diffrn_radiation_probe x-ray\n_diffrn_radiation_wavelength 1.5\n"
ANGLED = "loop_\n_pd_meas_2theta_scan\n_pd_meas_counts_total\n10.0 100\n10.1 144\n10.2 81\n10.3 64\n"


@pytest.fixture
def read(tmp_path):
    def reader(text, **options):
        path = tmp_path / "made.cif"
        path.write_text(text)
        return read_pattern(path, **options)

    return reader


def refusal(read, text, **options):
    with pytest.raises(InputError) as caught:
        read(text, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert "made.cif: " in message
    return message


def outcome(path):
    """Return the pattern of a file and "", or None and the message of the error."""
    try:
        return read_pattern(path), ""
    except InputError as error:
        return None, str(error)


def codes(pattern):
    return {notice.code for notice in pattern.metadata.get("warnings", ())}


# Intensities and their uncertainties.


def test_counts_have_counting_statistics(read):
    pattern = read(HEAD + ANGLED)
    assert pattern.two_theta.tolist() == [10.0, 10.1, 10.2, 10.3]
    assert pattern.sigma.tolist() == [10, 12, 9, 8]
    assert pattern.sigma_source == "poisson"
    assert pattern.label == "made"


@pytest.mark.parametrize(
    ("tags", "rows"),
    [
        ("_pd_meas_2theta_scan _pd_meas_intensity_total", "10 50(2) 11 40(3) 12 45(4)"),
        ("_pd_meas_2theta_scan _pd_meas_intensity_total _pd_meas_intensity_total_su", "10 50 2 11 40 3 12 45 4"),
        ("_pd_meas.2theta_scan _pd_proc.intensity_total _pd_proc.ls_weight", f"10 50 .25 11 40 {1 / 9} 12 45 .0625"),
        ("_pd_proc_2theta_corrected _pd_proc_intensity_total _pd_proc_ls_weight",
         f"10 50 .25 11 40 {1 / 9} 12 45 .0625"),
    ],
    ids=["brackets", "column", "weights, dotted names", "weights"],
)  # fmt: skip
def test_uncertainties_in_brackets_in_a_column_and_as_weights(read, tags, rows):
    pattern = read(f"{HEAD}loop_ {tags}\n{rows}\n")
    assert pattern.intensity.tolist() == [50, 40, 45]
    assert pattern.sigma == pytest.approx([2, 3, 4], rel=1e-12)
    assert pattern.sigma_source == "file"


def test_weights_that_are_not_of_the_brackets_are_not_accepted(read):
    rows = "10 50(2) 1 11 40(3) 1 12 45(4) 1"
    pattern = read(f"{HEAD}loop_ _pd_meas_2theta_scan _pd_meas_intensity_total _pd_proc_ls_weight\n{rows}\n")
    assert pattern.sigma.tolist() == [2, 3, 4]


def test_weights_refine_rounded_brackets(read):
    rows = "10 350(19) 0.002857 11 340(18) 0.002941 12 330(18) 0.003030"
    pattern = read(f"{HEAD}loop_ _pd_meas_2theta_scan _pd_meas_intensity_total _pd_proc_ls_weight\n{rows}\n")
    assert pattern.sigma == pytest.approx(np.sqrt([350, 340, 330]), rel=1e-3)


def test_points_without_weight_are_excluded_regions(read):
    x = np.arange(10.0, 20.0, 0.5)
    weight = np.where(((x >= 13) & (x <= 14)) | (x == 16) | (x < 10.4), 0.0, 0.01)
    body = "".join(f"{a} 100 {w or '.'}\n" for a, w in zip(x, weight, strict=True))
    pattern = read(f"{HEAD}loop_ _pd_meas_2theta_scan _pd_proc_intensity_total _pd_proc_ls_weight\n{body}")
    assert len(pattern) == np.count_nonzero(weight)
    assert pattern.excluded == ((13.0, 14.0), (16.0, 16.0))


def test_weights_that_are_all_zero_are_none(read):
    pattern = read(f"{HEAD}loop_ _pd_meas_2theta_scan _pd_meas_counts_total _pd_proc_ls_weight 10 100 0 11 81 0")
    assert pattern.sigma.tolist() == [10, 9]


def test_net_intensities_are_remarked(read):
    pattern = read(f"{HEAD}loop_ _pd_meas_2theta_scan _pd_proc_intensity_net 10 100(10) 11 81(9)")
    assert codes(pattern) == {"net_intensities"}


# Angles.


def test_corrected_angles_are_preferred(read):
    body = "loop_ _pd_meas_2theta_scan _pd_proc_2theta_corrected _pd_meas_counts_total 10 10.1 5 11 11.1 6"
    pattern = read(HEAD + body)
    assert pattern.two_theta.tolist() == [10.1, 11.1]
    assert pattern.metadata["two_theta_corrected"] is True
    assert "two_theta_corrected" not in read(HEAD + ANGLED).metadata


def test_angles_from_first_last_and_step(read):
    ends = "_pd_meas_2theta_range_min 10\n_pd_meas_2theta_range_max 10.4\n_pd_meas_2theta_range_inc 0.1\n"
    pattern = read(f"{HEAD}{ends}loop_ _pd_meas_counts_total 1 2 3 4 5")
    assert pattern.two_theta.tolist() == [10.0, 10.1, 10.2, 10.3, 10.4]


def test_angles_in_a_loop_of_their_own(read):
    assert read(f"{HEAD}loop_ _pd_meas_2theta_scan 10 11\nloop_ _pd_meas_counts_total 4 9").sigma.tolist() == [2, 3]


def test_d_and_q_axes(read):
    body = "loop_ _pd_proc_d_spacing _pd_proc_intensity_total 3.0 100 2.0 100 1.5 100"
    assert "the file's axis is d" in refusal(read, HEAD + body)
    pattern = read(HEAD + body, axis="d")
    # Bragg: 2 asin(lambda / 2d), lambda 1.5
    assert pattern.two_theta == pytest.approx(2 * np.degrees(np.arcsin(0.75 / np.array([3.0, 2.0, 1.5]))))


# The beam.


@pytest.mark.parametrize(
    ("items", "lines", "kind", "name"),
    [
        ("_diffrn_radiation_probe neutron\n_diffrn_radiation_wavelength 1.5402(3)", ((1.5402, 1),), "neutron", ""),
        ("_diffrn_radiation_type 'Cu K\\a'", ((1.5405929, 1.0), (1.5444274, 0.5)), "xray", "CuKa"),
        ("_diffrn_radiation_type 'Cu K\\a~1~'", ((1.5405929, 1.0),), "xray", "CuKa1"),
        ("_diffrn_radiation_type 'Mo K\\a~1,2~'", ((0.70931715, 1.0), (0.713607, 0.5)), "xray", "MoKa"),
        ("_diffrn_radiation_type 'Cu K\\a'\n_diffrn_radiation_wavelength 1.5418",
         ((1.5405929, 1.0), (1.5444274, 0.5)), "xray", "CuKa"),
        ("_diffrn_radiation_type 'Cu K\\a'\n_diffrn_radiation_wavelength 1.5405", ((1.5405, 1),), "xray", ""),
        ("loop_ _diffrn_radiation_wavelength _diffrn_radiation_wavelength_wt 1.54443 0.52 1.54056 1.0",
         ((1.54056, 1.0), (1.54443, 0.52)), "xray", ""),
        ("loop_ _diffrn_radiation_wavelength.id _diffrn_radiation_wavelength.value\na 1.54056 b 1.54439",
         ((1.54056, 1.0), (1.54439, 0.5)), "xray", ""),
        ("_diffrn_radiation_probe x-ray\n_diffrn_radiation_type synchrotron\n_diffrn_radiation_wavelength 0.4139",
         ((0.4139, 1),), "xray", ""),
    ],
)  # fmt: skip
def test_beam(read, items, lines, kind, name):
    found = read(f"data_scan\n{items}\n{ANGLED}").radiation
    assert found.lines == lines
    assert (found.kind, found.name) == (kind, name)


def test_beam_from_another_block_if_only_one_states_it(read, tmp_path):
    assert read(f"data_beam\n_diffrn_radiation_type 'Co K\\a'\ndata_a\n{ANGLED}").radiation.name == "CoKa"
    two = f"data_b\n_diffrn_radiation_wavelength 1.5\ndata_c\n_diffrn_radiation_wavelength 0.7\ndata_a\n{ANGLED}"
    assert read(two).radiation is None


@pytest.mark.parametrize(
    ("items", "polarization"),
    [
        # p / (1 - p) = 1.25 is p = 5/9
        ("_diffrn_radiation_polarisn_norm 0\n_diffrn_radiation_polarisn_ratio 1.25", 5 / 9),
        ("_diffrn_radiation_polarisn_norm 90\n_diffrn_radiation_polarisn_ratio 0", 1.0),
        # Contract: 26.6 degrees are p = 0.5557
        ("_pd_instr_2theta_monochr_post 26.6", 0.5557),
        ("_diffrn_radiation_polarisn_ratio 0.99", None),
        ("", None),
    ],
)
def test_polarisation(read, items, polarization):
    found = read(f"{HEAD}{items}\n{ANGLED}")
    assert found.radiation.polarization == (None if polarization is None else pytest.approx(polarization, abs=1e-4))
    assert ("polarization_unused" in codes(found)) == ("0.99" in items)


def test_a_described_monochromator_is_kept(read):
    pattern = read(f"{HEAD}_pd_instr_monochr_post_spec 'graphite (002)'\n{ANGLED}")
    assert pattern.metadata["diffracted_monochromator"] == "graphite (002)"
    assert pattern.radiation.polarization is None


def test_a_beam_that_the_user_contradicts(read):
    assert "the file states 1.5 A, given is" in refusal(read, HEAD + ANGLED, radiation="CuKa")


def test_facts(read):
    items = "_diffrn_ambient_temperature 294(2)\n_pd_instr_dist_spec/detc 217.5\n_pd_spec_description 'a powder'\n"
    pattern = read(f"{HEAD}{items}_pd_block_id 2020-10-28|first|me|\n{ANGLED}")
    assert pattern.metadata == {"temperature_k": 294.0, "radius_mm": 217.5, "sample": "a powder"}
    assert pattern.label == "first"


# What cannot be used.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "loop_ _pd_meas_time_of_flight _pd_meas_intensity_total 1000 5 1001 6", "a time-of-flight pattern"),
        (HEAD + "loop_ _pd_meas_counts_total 1 2 3", "3 intensities and no angles"),
        (HEAD + "_pd_meas_number_of_points 5\n" + ANGLED, "lists 4 points and states 5"),
        (HEAD + ANGLED.replace("81", "x81"), "'x81' is no number"),
        (HEAD + ANGLED + "7\n", "is no readable CIF"),
        (HEAD.replace("x-ray", "electron") + ANGLED, "measured with electrons"),
        (HEAD.replace("1.5", "15000") + ANGLED, "is not one of powder diffraction"),
        (HEAD.replace("1.5", "unknown") + ANGLED, "'unknown' is no number"),
        (HEAD + "_pd_meas_2theta_range_min 10\n_pd_meas_2theta_range_max 20\n_pd_meas_2theta_range_inc 1\n"
         "loop_ _pd_meas_counts_total 1 2 3", "10 to 20 in steps of 1 are 11"),
        (HEAD + ANGLED + ANGLED.replace("loop_", "data_two\nloop_"), "holds 2 scans"),
        (HEAD + "loop_ _pd_meas_2theta_scan _pd_proc_intensity_total_su 10 5 11 6", "without a pattern"),
    ],
)  # fmt: skip
def test_refusals(read, text, words):
    assert words in refusal(read, text)


def test_many_blocks_are_many_patterns(read, tmp_path):
    path = tmp_path / "two.cif"
    flight = "data_tof\nloop_ _pd_meas_time_of_flight _pd_meas_intensity_total 1000 5 1001 6\n"
    path.write_text(f"{HEAD}{ANGLED}data_two\n{ANGLED.replace('144', '169')}{flight}")
    first, second = read_patterns(path)
    assert (first.intensity[1], second.intensity[1]) == (144, 169)
    assert codes(first) == {"scans_left_out"}


def test_a_block_that_is_called_calculated_is_left_beside_the_measured_one(read, tmp_path):
    block = "_pd_block_id t|a_{}|me|\n" + ANGLED
    both = f"{HEAD}{block.format('meas')}data_calc\n{block.format('calc')}"
    assert read(both).label == "a_meas"
    assert codes(read(both)) == {"scans_left_out"}
    assert read(HEAD + block.format("calc")).label == "a_calc"


PARTS = ["data_a\n", "loop_\n", "_pd_meas_2theta_scan\n", "_pd_meas_counts_total\n", "_pd_proc_ls_weight\n", "10 100\n",
         "11 121\n", "0 ", ". ", "? ", "1(2) ", "-3 ", "1e400 ", "'\n", ";\n", "_diffrn_radiation_wavelength 1.5\n",
         "_pd_meas_2theta_range_min 10\n", "_pd_meas_2theta_range_max 12\n", "_pd_meas_2theta_range_inc 0\n",
         "_pd_meas_number_of_points 2\n", "_diffrn_radiation_type 'Cu K\\a'\n", "_diffrn_radiation_polarisn_norm 0\n",
         "_diffrn_radiation_polarisn_ratio 1e300\n", "save_x\n", "_pd_meas_counts_total 5\n"]  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PARTS), max_size=25).map("".join))
def test_any_powder_cif_is_a_pattern_or_an_input_error(tmp_path, body):
    path = tmp_path / "any.cif"
    path.write_text("data_first\n_pd_meas_intensity_total ?\n" + body)
    pattern, error = outcome(path)
    assert isinstance(pattern, Pattern) or ("\n" not in error and str(path) in error)


# Measured files.


@pytest.mark.measured
def test_the_certification_scan_of_srm_660c(measured_data):
    pattern = read_pattern(measured_data / "standards" / "nist_srm660c_100a.cif")
    # Its own header: 5332 points, 20.3001 to 150.9081, 217.5 mm, Cu K alpha; first line 19.00 with weight 0.103.
    assert len(pattern) == 5332
    assert pattern.range == (20.3, 150.908)
    assert (pattern.intensity[0], pattern.sigma[0]) == (19.0, pytest.approx(0.103**-0.5))
    assert pattern.radiation.name == "CuKa"
    assert pattern.metadata["radius_mm"] == 217.5
    assert codes(pattern) == {"scans_left_out"}
    (only,) = read_patterns(measured_data / "standards" / "nist_srm660c_100a.cif")
    assert np.array_equal(only.intensity, pattern.intensity)


@pytest.mark.measured
def test_alumina_with_neutrons(measured_data):
    pattern = read_pattern(measured_data / "standards" / "ALUMINA.cif")
    # 3300 points from 2.9824 (corrected) in steps of 0.05, the first and the last without weight; 149(19), 1/0.00277.
    assert len(pattern) == 3298
    assert pattern.two_theta[0] == pytest.approx(2.9824 + 0.05)
    assert (pattern.intensity[0], pattern.sigma[0]) == (149.0, pytest.approx(0.00277**-0.5))
    assert pattern.radiation.kind == "neutron"
    assert pattern.radiation.lines == ((1.5402, 1.0),)
    assert pattern.excluded == ()


@pytest.mark.measured
def test_a_neutron_file_of_the_open_database(measured_data):
    pattern = read_pattern(measured_data / "formats" / "1517474.cif")
    assert pattern.radiation.lines == ((2.0785, 1.0),)
    assert pattern.metadata["temperature_k"] == 10.0


@pytest.mark.measured
@pytest.mark.parametrize("file", ["nist_srm660c_100a.cif", "ALUMINA.cif"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_refused_or_whole(measured_data, tmp_path, file, share):
    data = (measured_data / "standards" / file).read_bytes()
    whole = read_pattern(measured_data / "standards" / file)
    path = tmp_path / file
    path.write_bytes(data[: int(share * len(data))])
    pattern, error = outcome(path)
    assert "\n" not in error if pattern is None else len(pattern) == len(whole)
