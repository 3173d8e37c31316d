"""GSAS histograms written here in their fixed columns; measured ones at the end."""

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io import read_pattern, read_patterns

TITLE = "a sample" + " " * 72 + "\n"


def std(counts, counters=None, declared=None, record=" STD", start=1000, step=2.5):
    fields = [f"{'' if counters is None else counters[k]:>2}{count:6d}" for k, count in enumerate(counts)]
    fields += ["       0"] * (-len(fields) % 10)
    rows = ["".join(fields[k : k + 10]) for k in range(0, len(fields), 10)]
    head = f"BANK 1 {declared or len(counts)} {len(rows)} CONST {start} {step} 0 0{record}"
    return TITLE + "\r\n".join([head, *rows]) + "\r\n"


def read(tmp_path, text, name="a.raw", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return read_pattern(path, **options)


def refusal(tmp_path, text, name="a.raw"):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, name)
    return str(caught.value).removeprefix(str(tmp_path / name))


@pytest.mark.parametrize("record", ["", " STD", " std"])
def test_std_counts(tmp_path, record):
    """Start and step of a BANK line are centidegrees: 10 degrees in steps of 0.025."""
    result = read(tmp_path, std(range(100, 123), record=record))
    np.testing.assert_allclose(result.two_theta, 10 + 0.025 * np.arange(23), rtol=1e-14)
    assert result.intensity.tolist() == list(range(100, 123))
    np.testing.assert_allclose(result.sigma, np.sqrt(result.intensity))
    assert (result.sigma_source, result.radiation) == ("poisson", None)


def test_the_number_of_counters_lowers_sigma(tmp_path):
    result = read(tmp_path, std([200, 200, 300], counters=[1, 2, 12]))
    np.testing.assert_allclose(result.sigma, np.sqrt([200, 100, 25]))


def test_empty_channels_at_the_end_are_padding(tmp_path):
    result = read(tmp_path, std([90, 0, 80, 0, 0], declared=5))
    assert result.intensity.tolist() == [90, 0, 80]
    assert result.metadata["warnings"][0].code == "padding_left_out"


def test_points_behind_the_declared_number_are_left_out(tmp_path):
    result = read(tmp_path, std([90, 91, 92, 93], declared=3))
    assert len(result) == 3
    assert result.metadata["warnings"][0].code == "more_points_than_declared"


@pytest.mark.parametrize("keep", [2, 1, 0])
def test_a_truncated_histogram_is_refused(tmp_path, keep):
    lines = std(range(100, 130)).split("\r\n")
    text = "\r\n".join(lines[: 1 + keep])
    assert refusal(tmp_path, text) == (f":2: the file is cut off: 30 points declared, {10 * keep} found; "
                                       "copy the file again when it is complete")  # fmt: skip


def test_esd_pairs(tmp_path):
    rows = ["".join(f"{100.5 + k:8.2f}{10.25 + k:8.3f}" for k in range(j, j + 5)) for j in (0, 5)]
    result = read(tmp_path, TITLE + "BANK 1 10 2 CONST 500.0 10.0 0 0 ESD\n" + "\n".join(rows) + "\n")
    assert result.two_theta.tolist() == pytest.approx([5 + 0.1 * k for k in range(10)])
    assert result.intensity.tolist() == [100.5 + k for k in range(10)]
    assert result.sigma.tolist() == [10.25 + k for k in range(10)]
    assert result.sigma_source == "file"


FXYE = TITLE + "# Calibrated wavelength = 0.413909\nBANK 1 {} {} CONS 50.0 0.1 0 0 FXYE\n"
FXYE_ROWS = "   50.0   239.9  16.0\n   50.1   244.1  16.2\n   50.2   224.0  15.6\n"


def test_fxye_triples(tmp_path):
    result = read(tmp_path, FXYE.format(3, 3) + FXYE_ROWS)
    assert result.two_theta.tolist() == pytest.approx([0.5, 0.501, 0.502])
    assert (result.intensity[1], result.sigma[1]) == (244.1, 16.2)
    assert result.radiation.wavelength == 0.413909


def test_fxye_with_comments_between_its_records(tmp_path):
    rows = FXYE_ROWS.replace("   50.1", "# note\n\n   50.1")
    assert read(tmp_path, FXYE.format(3, 3) + rows).two_theta.tolist() == pytest.approx([0.5, 0.501, 0.502])


def test_fxy_pairs_are_counts(tmp_path):
    text = TITLE + "BANK 1 2 2 CONS 50.0 0.1 0 0 FXY\n50.0 100\n50.1 121\n"
    assert read(tmp_path, text).sigma.tolist() == [10, 11]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FXYE.format(4, 4) + FXYE_ROWS, ":3: the file is cut off: 4 points declared, 3 found"),
        (FXYE.format(3, 3) + FXYE_ROWS[:-8], ":6: the last line is cut off: 2 of 3 columns"),
        (FXYE.format(3, 3) + FXYE_ROWS + "end\n50.3 1 1\n", ":7: a line without numbers"),
        (FXYE.format(3, 3), ":3: the file is cut off: 3 points declared, 0 found"),
        (FXYE.format(3, 3).replace("FXYE", "ALT"), ":3: ALT records are not read; export it as FXYE"),
        (FXYE.format(3, 3).replace("CONS", "SLOG"), ":3: SLOG records hold time of flight"),
        (FXYE.format(3, 3).replace("50.0 0.1 0 0", ""), ":3: the BANK line names no points, start and step"),
        (FXYE.format("3" * 5000, 3), ":3: the BANK line names no points, start and step"),
        (FXYE.format(3, 3) + FXYE_ROWS.replace("50.1", "50.0"), ":5: the angle 0.5 is repeated"),
        (FXYE.format(2, 2) + "19000 5 1\n19001 5 1\n", ":4: 190 is no two-theta"),
        (std([100, 110]).replace("     100", "   hello"), ":3: not in the columns of STD records"),
        (std([100, 110]).replace("     100", "\t100"), ":3: not in the columns of STD records"),
    ],
)
def test_damaged_histograms_are_refused_with_their_line(tmp_path, text, message):
    assert refusal(tmp_path, text).startswith(message)


def test_an_axis_other_than_two_theta_contradicts_gsas(tmp_path):
    with pytest.raises(InputError, match="axis is two-theta, not q"):
        read(tmp_path, FXYE.format(3, 3) + FXYE_ROWS, axis="q")


def test_several_banks_are_several_patterns(tmp_path):
    text = std([100, 110, 120]) + std([200, 210]).removeprefix(TITLE).replace("BANK 1", "BANK 2")
    assert refusal(tmp_path, text) == ": holds 2 scans; choose one, 1 to 2 (in Python, read_patterns reads them all)"
    first, second = read_patterns(tmp_path / "a.raw")
    assert (first.label, second.label) == ("a bank 1", "a bank 2")
    assert second.intensity.tolist() == [200, 210]


def test_one_bank_that_can_be_read_is_the_pattern(tmp_path):
    text = std([100, 110]) + "BANK 2 10 1 SLOG 1000 2 0 0 STD\n     100\n"
    result = read(tmp_path, text)
    assert result.metadata["warnings"][0].code == "scans_left_out"


@pytest.mark.measured
@pytest.mark.parametrize(
    ("file", "points", "ends", "first", "notice"),
    [
        # 10 + 6000 x 0.025 = 160; its last record has one value and nine fillers.
        ("standards/PBSO4.XRA", 6001, (10.0, 160.0), (179.0, np.sqrt(179.0)), None),
        # One record of nine values stands twice at the end of this file. First channel: one counter.
        ("standards/PBSO4.CWN", 2919, (10.0, 155.9), (220.0, np.sqrt(220.0)), "more_points_than_declared"),
        # BANK declares 5753 channels, the last two of which are empty.
        ("standards/FAP.XRA", 5751, (15.0, 130.0), (609.0, np.sqrt(609.0)), "padding_left_out"),
        # BANK declares 59497 points, 59498 lines follow; the last but one is at 5998.83 centidegrees.
        ("standards/11BM_NAC.fxye", 59497, (0.5, 59.9883), (239.933, 16.08), "more_points_than_declared"),
        ("cucr2o4-cooling/OH_00.fxye", 12799, (0.5, 26.096), (65.247734, 11.584726), None),
    ],
)
def test_measured_histograms(measured_data, file, points, ends, first, notice):
    result = read_pattern(measured_data / file)
    assert len(result) == points
    assert result.range == pytest.approx(ends)
    assert (result.intensity[0], result.sigma[0]) == pytest.approx(first)
    warnings = result.metadata.get("warnings", ())
    assert [notice.code for notice in warnings] == ([notice] if notice else [])


@pytest.mark.measured
def test_the_counters_of_a_neutron_diffractometer(measured_data):
    """PBSO4.CWN: its sixth record begins with two counters and 197 mean counts (point 51)."""
    result = read_pattern(measured_data / "standards/PBSO4.CWN")
    assert (result.intensity[50], result.sigma[50]) == pytest.approx((197.0, np.sqrt(197.0 / 2)))


@pytest.mark.measured
def test_the_cooling_series_names_wavelength_and_temperature(measured_data):
    patterns = [read_pattern(path) for path in sorted((measured_data / "cucr2o4-cooling").glob("*.fxye"))]
    assert {pattern.radiation.wavelength for pattern in patterns} == {0.413263}
    temperatures = [pattern.metadata["temperature_k"] for pattern in patterns]
    assert len(patterns) == 17
    assert temperatures == sorted(temperatures)
    assert (temperatures[0], temperatures[-1]) == (6.778, 288.7)
