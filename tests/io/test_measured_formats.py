"""Every file of the measured formats: read with the right counts, angles, wavelength and time, or refused by name.

Expected values come from the files themselves, read with other means: the JSON files beside them, twins of the same
scan in another format, and the fields of their headers as a hexadecimal dump or a text editor shows them.
"""

import json
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io import read_pattern, read_patterns

pytestmark = pytest.mark.measured

CU, CU_PANALYTICAL, CO = ((1.5406, 1.54439), (1.540598, 1.544426), (1.78897, 1.79285))
# file, scans, points, first and last angle, first counts, wavelengths, start time
READ = [
    ("1517474.cif", 1, 2963, (6.868, 154.968), (576, 564, 580), (2.0785,), None),
    ("23-012-AG_2thomegascan_long.brml", 1, 2001, (44.0, 48.0), (3, 1, 1), CU, "2023-01-26T15:23:09.837152+01:00"),
    ("CG20396_jdb12-1.xrdml", 1, 7181, (5.00835563, 124.99526689), (1678, 1648, 1730), CU_PANALYTICAL,
     "2020-10-08T14:14:22+01:00"),
    ("Cu3Au-1.raw", 1, 3901, (22.0, 100.0), (48, 24, 38), CU, "2008-06-05T11:45:47"),
    ("D5000_1.RAW", 1, 3651, (2.0, 75.0), (2230, 2012, 1950), CO, "2003-10-13T18:51:18.738000"),
    ("D5000_2.RAW", 1, 3651, (2.0, 75.0), (2334, 2222, 2031), CO, "2003-10-13T20:54:55.738000"),
    ("D5000_3.RAW", 1, 3651, (2.0, 75.0), (2381, 2297, 2211), CO, "2003-10-13T22:58:33.739000"),
    ("PSI_DMC.dat", 1, 3198, (2.948, 162.898), (7444, 7639, 7731), (1.494,), "2001-06-16T06:25:59"),
    ("TiO2.raw", 1, 1647, (10.0, 70.041142), (557, 602, 625), CU, "2018-07-11T15:55:31"),
    ("TiOF.brml", 1, 2469, (9.998839261, 60.012776015), (4471, 4545, 4595), CU, "2025-02-26T10:47:52.870879+00:00"),
    ("TwoTheta_scan_powder.rasx", 1, 2724, (10.0, 119.0), (170.55354309082, 170.541732788086, 150.785751342773),
     (1.540593,), "2021-05-05T10:35:31+00:00"),
    ("XRD-918-16_10.xrdml", 1, 5027, (4.00656514, 69.99936587), (1305, 1310, 1345), CU_PANALYTICAL,
     "2021-03-16T13:10:14+03:00"),
    ("brk_raw1.raw", 1, 876, (4.98, 39.98), (665, 632, 637), (1.5406, 1.54443), None),
    ("brk_raw2.raw", 1, 7251, (5.0, 150.0), (222, 187, 198), (1.5406, 1.5443), "1997-12-19T21:57:00"),
    ("empyrean.xrdml", 1, 196, (30.05, 41.75), (8, 11, 6), CU_PANALYTICAL, "2016-11-03T11:08:45+01:00"),
    ("example_bmb.xye", 1, 575, (0.5, 1.073103125), (662.407183, 644.69505, 621.62945), (0.414581,),
     "2017-04-12T01:23:16.472073"),
    ("example_evadiffract.xy", 1, 28, (5.0001, 5.2743), (4.852, 4.097, 4.667), None, None),
    ("example_mac.xye", 1, 599, (0.0, 0.598), (11.632, 11.345, 10.541), None, None),
    ("example_mythen.dat", 1, 730, (2.084, 5.0), (2866.694378, 2866.96162, 2781.034115), None, None),
    ("example_mythen.xye", 1, 74, (2.038, 2.33), (76131, 66343, 60502), None, None),
    ("format1.raw", 3, 101, (10.0, 20.0), (10, 1, 3), CU, "2008-06-12T10:28:16"),
    ("rigaku_multiscan.ras", 2, 3, (10.0, 11.0), (15 * 100.5, 15 * 150.2, 15 * 300.8), (1.540593, 1.544414),
     "2025-01-15T10:30:00"),
    ("rigaku_nims.ras", 1, 3501, (25.0, 60.0), (13, 7, 12), (1.540593, 1.544414), "2017-11-21T08:32:31"),
    ("rigaku_three_column.ras", 1, 4, (10.0, 11.5), (250, 310.5, 480.2), (0.709319,), None),
    ("stoe.raw", 1, 5404, (10.0, 91.045), (4213, 4179, 4109), (1.20793, 1.20839), "2020-09-22T17:18:00"),
    ("with_sigma.txt", 1, 3, (20.0, 20.04), (49, 39, 31), None, None),
    ("xrdml_918-16_10_ref.nxs", 1, 5027, (4.00656514, 69.99936587), (1305, 1310, 1345), CU_PANALYTICAL, None),
]  # fmt: skip
REFUSED = [
    ("ExampleChiPlot.chi", "negative intensity -0.026"),
    ("Steel16CrNi4.RAW", "is a Siemens .RAW file, which is not read yet; export it as"),
    ("bruker.UXD", "runs along PHI, not along two-theta: a pole figure"),
    ("example_ocx.xy", "its axis is theta; double it"),
    ("m82762_rc1mm_1_16dg_src_slit_phi-101_3dg_-420_mesh_long.xrdml", "is a mesh scan (reciprocal-space map)"),
    ("with_commas.txt", "5 numbers in this line, 4 in the lines above"),
]
TABLES = ("horizontal.csv", "vertical.csv")
TWINS = ("D5000_1.xy", "D5000_2.xy", "D5000_3.xy")


@pytest.fixture(scope="module")
def formats(measured_data):
    return measured_data / "formats"


def test_every_file_is_in_a_table(formats):
    named = {row[0] for row in READ} | {row[0] for row in REFUSED} | {*TABLES, *TWINS}
    assert {path.name for path in formats.iterdir() if path.suffix != ".json"} == named


@pytest.mark.parametrize(("file", "scans", "points", "ends", "first", "lines", "start"), READ, ids=[r[0] for r in READ])
def test_a_file_is_read(formats, file, scans, points, ends, first, lines, start):
    patterns = read_patterns(formats / file)
    assert len(patterns) == scans
    pattern = patterns[0]
    assert len(pattern) == points
    assert pattern.range == pytest.approx(ends, abs=1e-9)
    np.testing.assert_allclose(pattern.intensity[:3], first, rtol=1e-6)
    found = None if pattern.radiation is None else [wavelength for wavelength, _ in pattern.radiation.lines]
    assert found == (None if lines is None else pytest.approx(lines, abs=1e-6))
    assert pattern.metadata.get("start_time") == start


@pytest.mark.parametrize(("file", "reason"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_file_is_refused_by_name(formats, file, reason):
    with pytest.raises(InputError) as caught:
        read_patterns(formats / file)
    assert reason in str(caught.value)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_raw_file_and_its_text_twin_agree_point_by_point(formats, number):
    raw, text = (read_pattern(formats / f"D5000_{number}.{suffix}") for suffix in ("RAW", "xy"))
    np.testing.assert_array_equal(raw.intensity, text.intensity)
    np.testing.assert_allclose(raw.two_theta, text.two_theta, atol=1e-9)


def test_an_xrdml_file_and_its_nexus_twin_agree_point_by_point(formats):
    xrdml, nexus = (read_pattern(formats / name) for name in ("XRD-918-16_10.xrdml", "xrdml_918-16_10_ref.nxs"))
    np.testing.assert_array_equal(xrdml.intensity, nexus.intensity)
    np.testing.assert_allclose(xrdml.two_theta, nexus.two_theta, atol=1e-8)


def test_a_table_and_its_transpose_hold_the_same_patterns(formats):
    """Columns of the one are rows of the other. Their logarithms of intensities are negative above 3.3 degrees."""
    columns, rows = (formats / name for name in reversed(TABLES))
    for number in (1, 2, 769):
        one, other = (read_pattern(path, scan=number, range=(0.39, 2.5)) for path in (columns, rows))
        np.testing.assert_array_equal(one.two_theta, other.two_theta)
        np.testing.assert_array_equal(one.intensity, other.intensity)
    assert read_pattern(columns, scan=1, range=(0.39, 0.41)).intensity.tolist() == [0.322219, 0.22494]
    with pytest.raises(InputError, match="holds 769 scans; choose one, 1 to 769"):
        read_pattern(columns)
    with pytest.raises(InputError, match="negative intensity -0.00190898"):
        read_pattern(columns, scan=1)


def test_the_json_beside_a_brml_file_agrees(formats):
    name = "23-012-AG_2thomegascan_long.brml"
    expected = json.loads((formats / f"{name}.json").read_text())
    pattern = read_pattern(formats / name)
    assert expected["intensity"] == expected["2Theta"] == f"({len(pattern)},)"
    source = expected["metadata"]["source"]
    (first, _), (second, ratio) = pattern.radiation.lines
    assert [first, second, ratio] == [float(source[k]) for k in ("kAlpha1", "kAlpha2", "ratioKAlpha2KAlpha1")]
    assert pattern.metadata["anode"] == source["anode_material"]


@pytest.mark.parametrize("name", ["TiOF.brml", "23-012-AG_2thomegascan_long.brml"])
def test_a_brml_file_agrees_with_its_numbers_as_xml_shows_them(formats, name):
    """The stored counts are already multiplied by the absorption factor (8.3 on the strongest peak of one file)."""
    with zipfile.ZipFile(formats / name) as archive:
        root = ElementTree.fromstring(archive.read("Experiment0/RawData0.xml"))
    rows = np.array([datum.text.split(",") for datum in root.iter("Datum")], dtype=float)
    pattern = read_pattern(formats / name)
    np.testing.assert_allclose(pattern.intensity, rows[:, -1], rtol=1e-12)
    np.testing.assert_array_equal(pattern.two_theta, rows[:, 2])
    np.testing.assert_allclose(pattern.sigma, rows[:, 1] * np.sqrt(np.maximum(rows[:, -1] / rows[:, 1], 1.0)))


FACTS = [
    ("TiOF.brml", {"sample": "TiOF 18F.2", "radius_mm": 141.0, "end_time": "2025-02-26T11:17:47.177402+00:00",
                   "divergence_slit": "fixed", "divergence_slit_mm": 1.0}),
    ("D5000_1.RAW", {"sample": "NIPS PROJECT neat spray dreid", "radius_mm": 217.5, "anode": "Co",
                     "counting_time_s": 2.0, "divergence_slit": "fixed", "divergence_slit_degrees": 2.0}),
    ("rigaku_nims.ras", {"sample": "Test Sample", "radius_mm": 300.0, "counting_time_s": 0.075,
                         "divergence_slit_degrees": 0.3, "end_time": "2017-11-21T08:37:42"}),
    ("TwoTheta_scan_powder.rasx", {"radius_mm": 300.0, "instrument": "SmartLabXE",
                                   "end_time": "2021-05-05T12:24:50+00:00"}),
    ("stoe.raw", {"end_time": "2020-09-22T18:21:00", "counting_time_s": 352.0}),
    ("TiO2.raw", {"sample": "TiO2", "counting_time_s": 77.9}),
]  # fmt: skip


@pytest.mark.parametrize(("file", "facts"), FACTS, ids=[row[0] for row in FACTS])
def test_a_file_states_its_optics_and_times(formats, file, facts):
    metadata = read_pattern(formats / file).metadata
    assert {key: metadata.get(key) for key in facts} == facts
