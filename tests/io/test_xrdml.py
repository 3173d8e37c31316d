"""XRDML documents written here; measured ones at the end."""

import json

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io import read_pattern, read_patterns

LINES = """<usedWavelength intended="{intended}">
  <kAlpha1 unit="Angstrom">1.5405980</kAlpha1><kAlpha2 unit="Angstrom">1.5444260</kAlpha2>
  <kBeta unit="Angstrom">1.3922500</kBeta><ratioKAlpha2KAlpha1>0.5000</ratioKAlpha2KAlpha1>
</usedWavelength>"""
TUBE = '<radius unit="mm">240.00</radius><xRayTube><anodeMaterial>Cu</anodeMaterial></xRayTube>'
GE = '<monochromator name="Johansson"><crystal>Ge</crystal></monochromator>'
GRID = "<startPosition>10.0</startPosition><endPosition>10.3</endPosition>"
COUNTS = '<commonCountingTime unit="seconds">2.0</commonCountingTime><counts unit="counts">100 0 25 400</counts>'


def scan(points=COUNTS, positions=GRID, axis="Gonio", status="Completed", extra=""):
    return f"""<scan scanAxis="{axis}" status="{status}">
      <header><startTimeStamp>2024-03-22T21:30:13-07:00</startTimeStamp></header>{extra}
      <dataPoints><positions axis="2Theta" unit="deg">{positions}</positions>
        <positions axis="Omega" unit="deg"><commonPosition>5.0</commonPosition></positions>{points}
      </dataPoints></scan>"""


def document(*scans, intended="K-Alpha", incident=TUBE, diffracted="", version="2.1", wavelength=None):
    wavelength = LINES.format(intended=intended) if wavelength is None else wavelength
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/{version}" status="Completed">
  <sample type="To be analyzed"><id>S1</id><name></name></sample>
  <xrdMeasurement measurementType="Scan" status="Completed">{wavelength}
    <incidentBeamPath>{incident}</incidentBeamPath><diffractedBeamPath>{diffracted}</diffractedBeamPath>
    {"".join(scans or [scan()])}
  </xrdMeasurement>
</xrdMeasurements>
"""


def write(tmp_path, text, name="a.xrdml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(tmp_path, text, name="a.xrdml", **options):
    return read_pattern(write(tmp_path, text, name), **options)


def refusal(tmp_path, text, **options):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_pattern(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize("version", ["1.0", "1.5", "2.2"])
@pytest.mark.parametrize("name", ["a.xrdml", "a.xml", "a.txt"])
def test_a_scan_of_counts(tmp_path, version, name):
    result = read(tmp_path, document(version=version), name)
    np.testing.assert_allclose(result.two_theta, [10.0, 10.1, 10.2, 10.3])
    assert result.intensity.tolist() == [100, 0, 25, 400]
    assert result.sigma.tolist() == [10, 1, 5, 20]
    assert result.sigma_source == "poisson"
    assert result.radiation.lines == ((1.540598, 1.0), (1.544426, 0.5))
    assert (str(result.radiation), result.radiation.polarization) == ("CuKa (1.540598, 1.544426 A)", None)


def test_what_the_file_states_of_the_experiment(tmp_path):
    heat = (
        '<nonAmbientPoints type="Temperature"><nonAmbientValues unit="K">300 302</nonAmbientValues></nonAmbientPoints>'
    )
    graphite = '<monochromator name="Curved"><crystal>Graphite</crystal></monochromator>'
    facts = read(tmp_path, document(scan(extra=heat), diffracted=graphite)).metadata
    assert facts["start_time"] == "2024-03-22T21:30:13-07:00"
    assert facts["temperature_k"] == 301.0
    assert (facts["radius_mm"], facts["sample"], facts["anode"]) == (240.0, "S1", "Cu")
    assert facts["diffracted_monochromator"] == "Curved Graphite"
    assert facts["wavelength_choice"].startswith("K-alpha doublet")


@pytest.mark.parametrize(("words", "mean"), [("300 --5 302", 301.0), ("eee 1.2.3", None), ("nan 1e999", None)])
def test_temperatures_that_are_no_numbers_are_left_out(tmp_path, words, mean):
    heat = (
        f'<nonAmbientPoints type="Temperature"><nonAmbientValues unit="K">{words}</nonAmbientValues></nonAmbientPoints>'
    )
    assert read(tmp_path, document(scan(extra=heat))).metadata.get("temperature_k") == mean


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(tmp_path, encoding):
    text = document().replace('encoding="UTF-8"', 'encoding="UTF-16"' if encoding == "utf-16" else 'encoding="UTF-8"')
    assert len(read(tmp_path, text.encode(encoding))) == 4


@pytest.mark.parametrize(
    ("intended", "incident", "lines"),
    [
        ("K-Alpha", TUBE, 2),
        ("K-Alpha 1", TUBE, 2),  # bare tubes carry "K-Alpha 1" as well
        ("K-Alpha 1", TUBE + GE, 1),
        ("K-Alpha", TUBE + GE, 2),
        ("K-Beta", TUBE, 1),
    ],
)
def test_the_doublet_is_taken_unless_a_monochromator_is_in_the_incident_beam(tmp_path, intended, incident, lines):
    result = read(tmp_path, document(intended=intended, incident=incident))
    assert len(result.radiation.lines) == lines
    assert result.radiation.wavelength == (1.39225 if intended == "K-Beta" else 1.540598)
    assert result.metadata["wavelength_choice"]


def test_no_wavelength_stays_unknown(tmp_path):
    assert read(tmp_path, document(wavelength="")).radiation is None


def test_listed_and_descending_positions(tmp_path):
    listed = "<listPositions>10.4 10.3 10.1 10.0</listPositions>"
    result = read(tmp_path, document(scan(positions=listed)))
    assert result.two_theta.tolist() == [10.0, 10.1, 10.3, 10.4]
    assert result.intensity.tolist() == [400, 25, 0, 100]


FACTORS = "<beamAttenuationFactors>1 1 10 10</beamAttenuationFactors>"


def test_raw_counts_are_multiplied_by_the_attenuation(tmp_path):
    """N counts behind an attenuator A: I = N A, sigma = A sqrt(N)."""
    result = read(tmp_path, document(scan(FACTORS + COUNTS)))
    assert result.intensity.tolist() == [100, 0, 250, 4000]
    assert result.sigma.tolist() == [10, 1, 50, 200]
    assert result.metadata["warnings"][0].code == "attenuator_corrected"


def test_intensities_of_schema_1_are_corrected_for_the_attenuation_already(tmp_path):
    points = FACTORS + '<intensities unit="counts">100 0 250 4000</intensities>'
    result = read(tmp_path, document(scan(points), version="1.5"))
    assert result.intensity.tolist() == [100, 0, 250, 4000]
    np.testing.assert_allclose(result.sigma, [10, 1, 50, 200])


def test_counts_per_second_use_the_counting_time(tmp_path):
    """R = N / t: sigma = sqrt(N) / t; an empty channel counts as one."""
    points = '<commonCountingTime>4.0</commonCountingTime><intensities unit="cps">25 0 6.25 100</intensities>'
    result = read(tmp_path, document(scan(points)))
    assert result.intensity.tolist() == [25, 0, 6.25, 100]
    assert result.sigma.tolist() == [2.5, 0.25, 1.25, 5.0]


def test_counts_per_second_without_a_time_are_remarked(tmp_path):
    result = read(tmp_path, document(scan('<intensities unit="cps">25 0 6.25 100</intensities>')))
    assert result.metadata["warnings"][0].code == "not_counts"


def test_unequal_counting_times_are_scaled_to_their_median(tmp_path):
    points = '<countingTimes>2 2 2 8</countingTimes><counts unit="counts">100 0 25 400</counts>'
    result = read(tmp_path, document(scan(points)))
    assert result.intensity.tolist() == [100, 0, 25, 100]
    assert result.sigma.tolist() == [10, 1, 5, 5]


@pytest.mark.parametrize("axis", ["Omega", "Phi", "Psi", "Chi", "X", ""])
def test_scans_along_other_axes_are_refused(tmp_path, axis):
    message = refusal(tmp_path, document(scan(axis=axis)))
    assert message.startswith(f": scan 1 runs along {axis or 'an unnamed axis'}, not along two-theta")


def test_a_scan_with_the_detector_at_rest_is_refused(tmp_path):
    rest = scan(positions="<commonPosition>30.0</commonPosition>", axis="2Theta")
    assert "not along two-theta" in refusal(tmp_path, document(rest))


@pytest.mark.parametrize("axis", ["Gonio", "2Theta", "2Theta-Omega", "Omega-2Theta"])
def test_scans_along_two_theta(tmp_path, axis):
    assert len(read(tmp_path, document(scan(axis=axis)))) == 4


def test_many_scans_are_many_patterns(tmp_path):
    text = document(scan(), scan(), scan())
    assert refusal(tmp_path, text) == ": holds 3 scans; choose one, 1 to 3 (in Python, read_patterns reads them all)"
    assert [pattern.label for pattern in read_patterns(tmp_path / "a.xrdml")] == ["a #1", "a #2", "a #3"]


def test_one_powder_scan_among_others_is_the_pattern(tmp_path):
    result = read(tmp_path, document(scan(axis="Omega"), scan(), scan(axis="Phi")))
    (notice,) = result.metadata["warnings"]
    assert notice.code == "scans_left_out"
    assert "2 of 3 scans" in notice.message


def test_an_aborted_scan_is_read_and_remarked(tmp_path):
    assert read(tmp_path, document(scan(status="Aborted"))).metadata["warnings"][0].code == "scan_incomplete"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.995])
def test_a_file_that_is_still_being_written(tmp_path, share):
    text = document()
    message = refusal(tmp_path, text[: int(share * len(text))])
    assert "the file is cut off; is it still being written?" in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</scan>", "</scann>", "damaged XML"),
        ("100 0 25 400", "100 x 25 400", "<counts>: could not convert"),
        ("100 0 25 400", "", "the scan holds no intensities"),
        (COUNTS, "", "the scan holds no intensities"),
        (GRID, "", "the scan names no two-theta positions"),
        (GRID, "<listPositions>10 11</listPositions>", "2 angles for 4 intensities"),
        (COUNTS, "<beamAttenuationFactors>1 2</beamAttenuationFactors>" + COUNTS, "2 attenuation factors for 4"),
        (COUNTS, "<beamAttenuationFactors>1 1 0 1</beamAttenuationFactors>" + COUNTS, "factor is not positive"),
        (COUNTS, "<divergenceCorrections>1 1 2 2</divergenceCorrections>" + COUNTS, "automatic divergence slit"),
        ("100 0 25 400", "100 -1 25 400", "point 2: negative intensity -1"),
        ('<?xml version="1.0" encoding="UTF-8"?>', "<!DOCTYPE a []>", "declares a document type"),
        ("10.3</end", "10.0</end", "point 2: the angle 10 is repeated"),
    ],
)
def test_damaged_documents_are_refused(tmp_path, old, new, message):
    assert message in refusal(tmp_path, document().replace(old, new))


def test_entities_in_two_bytes_a_letter_are_refused_too(tmp_path):
    """A billion laughs in UTF-16, which parsers of XML read as well."""
    laughs = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    old = '<?xml version="1.0" encoding="UTF-8"?>'
    text = document().replace(old, f'<?xml version="1.0" encoding="UTF-16"?>{laughs}')
    path = tmp_path / "scan.xrdml"
    path.write_bytes(text.encode("utf-16"))
    with pytest.raises(InputError, match="declares a document type"):
        read_pattern(path)


def test_a_document_without_scans(tmp_path):
    assert refusal(tmp_path, document("<comment/>")).startswith(": holds no scan")


def test_the_radiation_must_agree(tmp_path):
    assert "the file states CuKa" in refusal(tmp_path, document(), radiation="MoKa")
    assert "the file states CuKa" in refusal(tmp_path, document(), radiation="CuKa1")
    assert read(tmp_path, document(), radiation="CuKa").radiation.name == "CuKa"


def test_a_doubtful_doublet_may_be_one_line(tmp_path):
    """The file intends K-Alpha 1 and names no monochromator that would leave it alone: the user decides."""
    doubtful = document().replace('intended="K-Alpha"', 'intended="K-Alpha 1"')
    assert doubtful != document()
    assert len(read(tmp_path, doubtful).radiation.lines) == 2
    assert read(tmp_path, doubtful, radiation="CuKa1").radiation.name == "CuKa1"


@pytest.mark.measured
@pytest.mark.parametrize(
    ("file", "points", "ends", "first", "radius"),
    [
        # Ends and first count: <startPosition>, <endPosition> and the first number of each file.
        ("formats/CG20396_jdb12-1.xrdml", 7181, (5.00835563, 124.99526689), 1678, 240.0),
        ("formats/XRD-918-16_10.xrdml", 5027, (4.00656514, 69.99936587), 1305, 240.0),
        ("formats/empyrean.xrdml", 196, (30.05, 41.75), 8, 240.0),
        ("in-situ-xrdml/Scan_C1.xrdml", 7181, (5.00475563, 124.99166689), 374, 240.0),
        ("alab-equal-weight/patterns/Cr2O3_Fe3O4_Y2O3.12-min.xrdml", 8293, (9.99043322, 100.0949537), 5479, 145.0),
    ],
)
def test_measured_documents(measured_data, file, points, ends, first, radius):
    result = read_pattern(measured_data / file)
    assert (len(result), result.range, result.intensity[0]) == (points, ends, first)
    assert result.metadata["radius_mm"] == radius
    assert result.radiation.lines == ((1.540598, 1.0), (1.544426, 0.5))


@pytest.mark.measured
def test_the_source_that_another_reader_found(measured_data):
    """FAIRmat's readers-xrd: wavelengths and shapes in XRD-918-16_10.xrdml.json."""
    expected = json.loads((measured_data / "formats/XRD-918-16_10.xrdml.json").read_text())
    source = expected["metadata"]["source"]
    result = read_pattern(measured_data / "formats/XRD-918-16_10.xrdml")
    assert expected["2Theta"] == f"({len(result)},)"
    (first, _), (second, ratio) = result.radiation.lines
    assert [first, second, ratio] == [float(source[k]) for k in ("kAlpha1", "kAlpha2", "ratioKAlpha2KAlpha1")]


@pytest.mark.measured
def test_a_reciprocal_space_map_is_refused_by_name(measured_data):
    """Its 101 scans of two-theta differ in omega: measurementType="Area measurement", measurementStepAxis="Omega"."""
    path = next((measured_data / "formats").glob("m82762*.xrdml"))
    with pytest.raises(InputError, match=r"is a mesh scan \(reciprocal-space map\) or pole figure"):
        read_patterns(path)


@pytest.mark.measured
def test_the_in_situ_scans_have_time_stamps(measured_data):
    times = [read_pattern(path).metadata["start_time"] for path in (measured_data / "in-situ-xrdml").glob("*.xrdml")]
    assert len(set(times)) == 10
    assert min(times) == "2020-11-06T18:09:37+00:00"
