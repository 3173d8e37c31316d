"""Small files of each vendor, written from the descriptions that their readers cite; measured ones stand elsewhere."""

from contextlib import suppress

import numpy as np
import pytest

import diffractometer_files as files
from layerox.errors import InputError
from layerox.io import read_pattern, read_patterns
from layerox.io.pattern_formats import format_rows

TUBES = ("v2.raw", "v3.raw", "v4.raw", "scan.uxd", "scan.ras", "scan.asc", "scan.brml", "scan.rasx")
AUTOMATIC = '<InfoData xsi:type="VarSlitInfoData" Mode="IrradiatedLength"><SampleLength Value="10"/></InfoData>'


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_patterns(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", files.SAMPLES)
def test_each_sample_holds_the_same_counts_at_the_same_angles(tmp_path, name):
    pattern = read_patterns(written(tmp_path, name, files.SAMPLES[name]()))[0]
    assert pattern.intensity.tolist() == list(files.COUNTS)
    np.testing.assert_allclose(pattern.two_theta, files.START + files.STEP * np.arange(6), atol=1e-9)
    detectors = 2 if name == "d1a.dat" else 1  # of which the mean is in the file
    np.testing.assert_allclose(pattern.sigma, np.sqrt(np.maximum(np.array(files.COUNTS) * detectors, 1)) / detectors)


@pytest.mark.parametrize("name", files.SAMPLES)
def test_the_contents_decide_before_the_suffix(tmp_path, name):
    if name == "wide.xlsx":
        pytest.skip("the reader of workbooks looks at the suffix")
    right, wrong = (written(tmp_path, found, files.SAMPLES[name]()) for found in (name, "scan.xye"))
    assert [p.intensity.tolist() for p in read_patterns(right)] == [p.intensity.tolist() for p in read_patterns(wrong)]


@pytest.mark.parametrize("name", TUBES)
def test_a_tube_is_named_by_its_anode_and_lines(tmp_path, name):
    radiation = read_patterns(written(tmp_path, name, files.SAMPLES[name]()))[0].radiation
    assert radiation.name == "CuKa"
    assert [wavelength for wavelength, _ in radiation.lines] == pytest.approx(list(files.LINES), abs=1e-7)
    assert [weight for _, weight in radiation.lines] == [1.0, files.RATIO]


TIMES = {
    "v2.raw": "1997-12-19T21:57:00", "v3.raw": "2024-05-01T10:00:00", "v4.raw": "2024-05-01T10:00:00",
    "stoe.raw": "2024-05-01T10:00:00", "scan.uxd": "2024-05-01T10:00:00", "scan.ras": "2024-05-01T10:00:00",
    "scan.asc": "2024-05-01T10:00:00", "scan.brml": "2024-05-01T10:00:00+02:00",
    "scan.rasx": "2024-05-01T08:00:00+00:00",
}  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
def test_specimen_counting_time_and_start_are_metadata(tmp_path, name):
    """A zone only where the file has one: 10:00 at +02:00 and 08:00 in UTC are the same moment."""
    metadata = read_patterns(written(tmp_path, name, files.SAMPLES[name]()))[0].metadata
    assert metadata["sample"] == "specimen"
    assert metadata["counting_time_s"] == pytest.approx(files.SECONDS)
    assert metadata["start_time"] == TIMES[name]


def test_ranges_of_a_file_start_one_after_the_other(tmp_path):
    times = [p.metadata["start_time"] for p in read_patterns(written(tmp_path, "a.raw", files.bruker_raw3(ranges=3)))]
    assert times == ["2024-05-01T10:00:00", "2024-05-01T10:01:00", "2024-05-01T10:02:00"]
    assert len(read_patterns(written(tmp_path, "b.raw", files.bruker_raw1()))) == 2


def test_records_may_be_longer_than_a_count_and_have_an_extra_header(tmp_path):
    path = written(tmp_path, "a.raw", files.bruker_raw3(datum=12, extra=40, ranges=2))
    assert [p.intensity.tolist() for p in read_patterns(path)] == [list(files.COUNTS)] * 2


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.raw", files.bruker_raw3(slit=b"V20")), ("a.raw", files.stoe_raw(area=12.0)),
     ("a.brml", files.brml(slit=AUTOMATIC))],
)  # fmt: skip
def test_an_automatic_slit_is_stated_with_a_notice(tmp_path, name, content):
    metadata = read_patterns(written(tmp_path, name, content))[0].metadata
    assert metadata["divergence_slit"] == "automatic"
    assert [notice.code for notice in metadata["warnings"]] == ["automatic_slit"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.uxd", files.uxd(head="_2THETACPS", scale=0.5)), ("a.uxd", files.uxd(head="_CPS", scale=0.5)),
     ("a.uxd", files.uxd(head="_COUNTS")), ("a.ras", files.ras(unit="cps")), ("a.asc", files.asc(unit="cps"))],
)  # fmt: skip
def test_rates_become_counts(tmp_path, name, content):
    """A rate times the counting time of two seconds is the count, whose root is sigma."""
    pattern = read_pattern(written(tmp_path, name, content))
    assert pattern.intensity.tolist() == list(files.COUNTS)
    np.testing.assert_allclose(pattern.sigma, np.sqrt(np.maximum(files.COUNTS, 1)))


@pytest.mark.parametrize(("name", "content"), [("a.ras", files.ras(factor=4.0)), ("a.brml", files.brml(factor=4.5))])
def test_the_factor_of_an_attenuator_multiplies_sigma(tmp_path, name, content):
    """The stored intensity is the count N times the factor A, so that sigma is A sqrt(N)."""
    pattern = read_pattern(written(tmp_path, name, content))
    factor = 4.0 if name == "a.ras" else 4.5
    np.testing.assert_allclose(pattern.intensity, factor * np.array(files.COUNTS))
    np.testing.assert_allclose(pattern.sigma, factor * np.sqrt(np.maximum(files.COUNTS, 1)))


def test_the_monitor_of_d1a_scales_counts_and_sigma(tmp_path):
    """Counts were multiplied by 100000 / 25000 = 4; CFML's variance is y n_norm / n with two detectors."""
    pattern = read_pattern(written(tmp_path, "a.dat", files.d1a(counted=25000.0)))
    np.testing.assert_allclose(pattern.sigma[[0, 3]] ** 2, 4.0 * np.array([100.0, 400.0]) / 2)
    assert pattern.radiation is None


def test_temperatures_are_kelvin(tmp_path):
    for name, content in (("a.raw", files.bruker_raw2()), ("a.dat", files.d1b())):
        assert read_pattern(written(tmp_path, name, content)).metadata["temperature_k"] == 298.0


def test_a_line_of_k_alpha_1_alone_may_be_overruled(tmp_path):
    path = written(tmp_path, "a.rasx", files.rasx(wave="Ka1"))
    assert len(read_pattern(path).radiation.lines) == 1
    assert len(read_pattern(path, radiation="CuKa").radiation.lines) == 2
    path = written(tmp_path, "a.raw", files.stoe_raw(monochromator=1))
    assert len(read_pattern(path).radiation.lines) == 1


OTHERS = [
    ("a.raw", files.bruker_raw3(kind=3), "runs along rocking curve"),
    ("a.raw", files.bruker_raw3(kind=5), "runs along phi, not along two-theta: a pole figure"),
    ("a.raw", files.bruker_raw4(scan_type=b"Rocking Curve", drive=b"Theta"), "a rocking curve"),
    ("a.uxd", files.uxd(drive="PHI"), "runs along PHI, not along two-theta: a pole figure"),
    ("a.ras", files.ras(axis="Omega"), "a rocking curve"),
    ("a.rasx", files.rasx(axis="Phi"), "a pole figure"),
    ("a.asc", files.asc(axis="theta"), "a rocking curve"),
    ("a.brml", files.brml(axis="Chi"), "a pole figure"),
    ("a.brml", files.brml(width=192), "is an image of 192 pixels a point, not a powder pattern"),
    ("a.brml", files.brml(method="Reflectometry"), "is a reflectivity curve, not a powder pattern"),
    ("a.txt", b"Binding Energy (eV)\tCounts\n284.8\t100\n285.0\t110\n", "is a photoemission spectrum"),
    ("a.txt", b"# Binding Energy (eV)  Counts\n84.8 100\n85.0 110\n", "its axis is the energy of photoemission"),
    ("a.dat", b"# q (1/A)  Reflectivity  error\n0.1 1.0 0.1\n0.2 0.5 0.1\n", "is a reflectivity curve"),
    ("a.dat", b"# time_of_flight (us)  intensity\n1000 5\n1001 6\n", "its axis is time of flight"),
    ("a.cbf", b"###CBF: VERSION 1.5\r\n\x0c\x1a\x04", "is a CBF image: integrate it first"),
    ("a.gfrm", b"FORMAT :  86\x00\x01", "is a GADDS image: integrate it first"),
]


@pytest.mark.parametrize(("name", "content", "reason"), OTHERS)
def test_other_measurements_are_refused_by_name(tmp_path, name, content, reason):
    assert reason in refusal(written(tmp_path, name, content))


HUGE = b"\xff\xff\xff\x7f"


@pytest.mark.parametrize(
    ("name", "place"),
    [("v1.raw", 4), ("v2.raw", 258), ("v3.raw", 712 + 4), ("v3.raw", 12), ("v3.raw", 712 + 256), ("v4.raw", 61 + 4)],
)
def test_a_header_that_declares_too_much_is_refused_before_memory_is_taken(tmp_path, name, place):
    content = bytearray(files.SAMPLES[name]())
    content[place : place + 4] = HUGE
    assert any(word in refusal(written(tmp_path, name, bytes(content))) for word in ("cut off", "declares"))


@pytest.mark.parametrize("name", files.SAMPLES)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_is_refused_in_one_line(tmp_path, name, share):
    """Unless all counts stand before the cut, or a text declares no number of points."""
    content = files.SAMPLES[name]()
    path = written(tmp_path, name, content[: int(share * len(content))])
    if name in ("scan.uxd", "scan.plt", "wide.csv"):
        with suppress(InputError):
            assert all(len(pattern) <= len(files.COUNTS) for pattern in read_patterns(path))
        return
    try:
        counts = read_patterns(path)[0].intensity.tolist()
    except InputError as error:
        counts = None if "\n" in str(error) else list(files.COUNTS)
    assert counts == list(files.COUNTS)


def test_xml_with_entities_is_refused(tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY a "b">]><RawData>&a;</RawData>'
    path = written(tmp_path, "a.brml", files.zipped({"Experiment0/RawData0.xml": bomb}))
    assert "declares entities" in refusal(path)
    padded = " " * 5000 + bomb
    path = written(tmp_path, "b.brml", files.zipped({"Experiment0/RawData0.xml": padded}))
    assert "declares a document type" in refusal(path)


def test_columns_of_a_wide_table_are_patterns_with_their_titles(tmp_path):
    for name in ("wide.csv", "wide.xlsx"):
        patterns = read_patterns(written(tmp_path, name, files.SAMPLES[name]()))
        assert [pattern.label for pattern in patterns] == ["one", "two", "three"]
        assert patterns[2].intensity.tolist() == [3 * count for count in files.COUNTS]


@pytest.mark.parametrize(
    ("titles", "patterns"),
    [("2theta,one,two", 2), ("2theta,int_25C,int_50C,int_75C", 3), ("2theta,counts,sigma", 1), ("2theta,sample,dy", 1),
     ("2theta,yobs,ycalc,background", 1), ("a,b,c", 1)],
)  # fmt: skip
def test_titles_decide_whether_columns_are_patterns(tmp_path, titles, patterns):
    columns = titles.count(",")
    rows = "".join(f"{10 + k},{','.join(str(100 * (c + 1) + k) for c in range(columns))}\n" for k in range(4))
    found = read_patterns(written(tmp_path, "a.csv", f"{titles}\n{rows}".encode()))
    assert len(found) == patterns
    assert found[0].intensity.tolist() == [100, 101, 102, 103]


def test_a_scan_is_chosen_by_its_number(tmp_path):
    path = written(tmp_path, "wide.csv", files.wide_csv())
    assert read_pattern(path, scan=2).intensity.tolist() == [2 * count for count in files.COUNTS]
    with pytest.raises(InputError, match="holds 3 scans; choose one, 1 to 3"):
        read_pattern(path)
    with pytest.raises(InputError, match="has no scan 4; choose 1 to 3"):
        read_pattern(path, scan=4)


def test_sigma_is_chosen(tmp_path):
    path = written(tmp_path, "a.xye", b"10 100 3\n11 400 4\n12 900 5\n")
    assert read_pattern(path, sigma="column").sigma.tolist() == [3, 4, 5]
    assert read_pattern(path, sigma="counts").sigma.tolist() == [10, 20, 30]
    assert read_pattern(path, sigma="sqrt").sigma_source == "poisson"
    with pytest.raises(InputError, match="has no column of uncertainties"):
        read_pattern(written(tmp_path, "b.xy", b"10 100\n11 400\n12 900\n"), sigma="column")


def test_regions_are_excluded_when_reading(tmp_path):
    path = written(tmp_path, "a.xy", b"10 100\n11 400\n12 900\n13 4\n")
    pattern = read_pattern(path, exclude=[(10.5, 11.5)])
    assert pattern.two_theta.tolist() == [10, 12, 13]
    assert pattern.excluded == ((10.5, 11.5),)


def test_every_sample_has_a_row_in_the_table_of_formats():
    suffixes = {suffix for row in format_rows() for suffix in row["suffixes"]}
    assert {f".{name.rpartition('.')[2]}" for name in files.SAMPLES} <= suffixes
