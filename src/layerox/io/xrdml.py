"""Read PANalytical (Malvern) XRDML: XML with one or many scans.

Elements as in the schema XRDMeasurement 1.0 to 2.2 (www.xrdml.com). <intensities> of schema 1.x are
already corrected for the beam attenuator, <counts> of 2.x are raw detector counts, to be multiplied by
<beamAttenuationFactors>; both readings are those of xrayutilities (panalytical_xml.py) and agree with files whose
attenuator switches. The attribute intended="K-Alpha 1" is not used alone: tubes with only a filter have it too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from layerox.errors import InputError
from layerox.io.counting import ATTENUATED, AUTOMATIC_SLIT, NO_TIME, Counts, counts_of
from layerox.io.pattern_stack import number_of
from layerox.io.scan import Scan
from layerox.io.scan_kinds import is_two_theta, refusal_of_axis, refusal_of_kind
from layerox.io.text_heading import iso_time
from layerox.io.tube_lines import named
from layerox.io.xml_tree import COMPLETE, Element, all_of, deep, number_of_element, one_of, text_at, xml_root
from layerox.notices import Notice
from layerox.pattern import poisson_sigma
from layerox.radiation import Radiation
from layerox.typing import FloatArray

CLOSING = re.compile(rb"</(\w+:)?xrdMeasurements>\s*\Z")
# Axes of a goniometer; scans repeated along them are a map. Scans along x, y or time are patterns.
CIRCLES = ("Omega", "2Theta", "2Theta-Omega", "Omega-2Theta", "Phi", "Chi", "Psi")
SYSTEM = "Diffractometer system="
AUTOMATIC, FIXED = "automatic", "fixed"
DOUBTFUL_DOUBLET = "K-alpha doublet: the file states K-Alpha 1 but has no incident-beam monochromator"


def is_xrdml(data: bytes) -> bool:
    """Whether bytes are an XRDML document, in any encoding."""
    return b"xrdMeasurements" in data[:20_000].replace(b"\x00", b"")


def scans_from_xrdml(data: bytes, path: Path) -> list[Scan | InputError]:
    """Return the scans of an XRDML file, or the error of a scan that is not a powder pattern."""
    root = xml_root(data, path, closing=CLOSING)
    found: list[Scan | InputError] = []
    pairs = [(m, scan) for m in all_of(root, "xrdMeasurement") for scan in all_of(m, "scan")]
    for number, (measurement, scan) in enumerate(pairs, 1):
        label = f"{path.stem} #{number}" if len(pairs) > 1 else ""
        refusal = _refusal(measurement, scan, path, number)
        found.append(refusal or _scan(root, measurement, scan, label, path))
    if not found:
        raise InputError("holds no scan", place=path, cure="measure or export it again")
    return found


def _refusal(measurement: Element, scan: Element, path: Path, number: int) -> InputError | None:
    axis = scan.get("scanAxis", "")
    if measurement.get("measurementStepAxis", "") in CIRCLES:
        return refusal_of_kind("a mesh scan (reciprocal-space map) or pole figure", path)
    positions = _positions(scan, "2Theta")
    moves = positions is not None and one_of(positions, "commonPosition") is None
    return None if is_two_theta(axis) and moves else refusal_of_axis(axis, number, path)


def _scan(root: Element, measurement: Element, scan: Element, label: str, path: Path) -> Scan:
    counts = _counts(scan, path)
    radiation, choice = _radiation(measurement)
    metadata = _metadata(root, measurement, scan)
    doubtful = radiation is not None and choice == DOUBTFUL_DOUBLET
    if choice:
        metadata["wavelength_choice"] = choice
    return Scan(
        x=_two_theta(scan, counts.intensity.size, path),
        intensity=counts.intensity,
        sigma=counts.sigma,
        sigma_source="poisson",
        axis="two-theta",
        radiation=radiation,
        other_radiation=replace(radiation, lines=radiation.lines[:1], name="") if radiation and doubtful else None,
        label=label,
        metadata=metadata,
        warnings=(*counts.warnings, *_status_warnings(scan), *_slit_warnings(metadata)),
    )


def _two_theta(scan: Element, points: int, path: Path) -> FloatArray:
    positions = _positions(scan, "2Theta")
    assert positions is not None
    listed = one_of(positions, "listPositions")
    if listed is not None:
        return _sized(_numbers(listed, path), points, "angles", path)
    start, end = (number_of_element(one_of(positions, name)) for name in ("startPosition", "endPosition"))
    if start is None or end is None:
        raise InputError("the scan names no two-theta positions", place=path, cure="export it again")
    return np.linspace(start, end, points)


def _counts(scan: Element, path: Path) -> Counts:
    """Return intensities and sigmas, with the attenuator and unequal counting times corrected."""
    points = one_of(scan, "dataPoints")
    values = None if points is None else one_of(points, "intensities", "counts")
    if points is None or values is None:
        raise InputError("the scan holds no intensities", place=path, cure=COMPLETE)
    _refuse_divergence(points, path)
    intensity = _numbers(values, path)
    if not intensity.size:
        raise InputError("the scan holds no intensities", place=path, cure=COMPLETE)
    attenuation = _attenuation(points, intensity.size, path)
    raw = values.tag.endswith("counts")
    times = _times(points, intensity.size, path)
    if values.get("unit") == "cps":
        return _counts_from_rates(intensity * (attenuation if raw else 1.0), attenuation, times)
    return counts_of(intensity / (1.0 if raw else attenuation), attenuation, times)


def _counts_from_rates(rate: FloatArray, attenuation: FloatArray, times: FloatArray | None) -> Counts:
    """Return rates R in cps: N = R t / A counts were detected, sigma = A sqrt(max(N, 1)) / t."""
    warnings = _attenuation_warnings(attenuation)
    if times is None:
        warnings += (NO_TIME,)
        times = np.ones_like(rate)
    return Counts(rate, attenuation * poisson_sigma(rate * times / attenuation) / times, warnings)


def _attenuation_warnings(attenuation: FloatArray) -> tuple[Notice, ...]:
    return (ATTENUATED,) if np.ptp(attenuation) > 0 else ()


def _attenuation(points: Element, size: int, path: Path) -> FloatArray:
    listed, common = one_of(points, "beamAttenuationFactors"), one_of(points, "commonBeamAttenuationFactor")
    factors = _sized(_numbers(listed, path), size, "attenuation factors", path) if listed is not None else None
    if factors is None:
        factors = np.full(size, number_of_element(common) or 1.0)
    return _positive(factors, "attenuation factor", path)


def _times(points: Element, size: int, path: Path) -> FloatArray | None:
    listed, common = one_of(points, "countingTimes"), number_of_element(one_of(points, "commonCountingTime"))
    if listed is not None:
        return _positive(_sized(_numbers(listed, path), size, "counting times", path), "counting time", path)
    return np.full(size, common) if common is not None and common > 0 else None


def _refuse_divergence(points: Element, path: Path) -> None:
    listed = one_of(points, "divergenceCorrections")
    if listed is not None and np.ptp(_numbers(listed, path)) > 0:
        raise InputError(
            "raw counts of an automatic divergence slit, not yet corrected",
            place=path,
            cure="convert them to a fixed slit in the instrument's software",
        )


def _radiation(measurement: Element) -> tuple[Radiation | None, str]:
    """Return the beam and the reason for the choice of its lines.

    The doublet is used, except if "K-Alpha 1" is intended and a monochromator is in the incident beam.
    """
    used = one_of(measurement, "usedWavelength")
    first = None if used is None else number_of_element(one_of(used, "kAlpha1"))
    if used is None or not first:
        return None, ""
    intended = used.get("intended", "")
    if intended == "K-Beta" and (beta := number_of_element(one_of(used, "kBeta"))):
        return Radiation(lines=((beta, 1.0),)), "K-beta: stated in the file"
    name = _anode(measurement) or ""
    incident = one_of(measurement, "incidentBeamPath")
    monochromator = None if incident is None else one_of(incident, "monochromator")
    if intended == "K-Alpha 1" and monochromator is not None:
        choice = "K-alpha 1 alone: stated in the file with an incident-beam monochromator"
        return named(((first, 1.0),), f"{name}Ka1"), choice
    second, ratio = number_of_element(one_of(used, "kAlpha2")), number_of_element(one_of(used, "ratioKAlpha2KAlpha1"))
    if not second or not ratio:
        return named(((first, 1.0),), f"{name}Ka1"), "K-alpha 1 alone: the file names no second line"
    return named(((first, 1.0), (second, ratio)), f"{name}Ka"), _doublet_choice(intended)


def _doublet_choice(intended: str) -> str:
    if intended == "K-Alpha 1":
        return DOUBTFUL_DOUBLET
    return "K-alpha doublet: stated in the file"


def _metadata(root: Element, measurement: Element, scan: Element) -> dict[str, object]:
    facts: dict[str, object] = {
        "sample": _sample(root),
        "start_time": iso_time(text_at(scan, "header", "startTimeStamp")),
        "end_time": iso_time(text_at(scan, "header", "endTimeStamp")),
        "temperature_k": _temperature(scan),
        "radius_mm": number_of_element(deep(measurement, "incidentBeamPath", "radius")),
        "anode": _anode(measurement),
        "counting_time_s": number_of_element(deep(scan, "dataPoints", "commonCountingTime")),
        "diffracted_monochromator": _monochromator(measurement, "diffractedBeamPath"),
        "incident_monochromator": _monochromator(measurement, "incidentBeamPath"),
        "omega": number_of_element(_fixed_position(scan, "Omega")),
        "instrument": _instrument(root),
        **_slits(measurement),
    }
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _instrument(root: Element) -> str:
    """Return the name of the diffractometer, which comments state as "Diffractometer system=EMPYREAN"."""
    entries = (entry.text or "" for comment in all_of(root, "comment") for entry in all_of(comment, "entry"))
    return next((text.partition(SYSTEM)[2].strip() for text in entries if text.startswith(SYSTEM)), "")


def _slits(measurement: Element) -> dict[str, object]:
    """Return the kind and the opening or width of the divergence slit."""
    slit = deep(measurement, "incidentBeamPath", "divergenceSlit")
    kind = "" if slit is None else next((v for k, v in slit.attrib.items() if k.endswith("}type")), "")
    if slit is None or not kind:
        return {}
    return {
        "divergence_slit": AUTOMATIC if "auto" in kind.lower() else FIXED if "fixed" in kind.lower() else "",
        "divergence_slit_degrees": number_of_element(one_of(slit, "angle")),
        "divergence_slit_mm": number_of_element(one_of(slit, "height")),
        "irradiated_length_mm": number_of_element(one_of(slit, "irradiatedLength")),
    }


def _slit_warnings(metadata: Mapping[str, object]) -> tuple[Notice, ...]:
    return (AUTOMATIC_SLIT,) if metadata.get("divergence_slit") == AUTOMATIC else ()


def _sample(root: Element) -> str:
    return text_at(root, "sample", "name") or text_at(root, "sample", "id")


def _anode(measurement: Element) -> str | None:
    return text_at(measurement, "incidentBeamPath", "xRayTube", "anodeMaterial") or None


def _temperature(scan: Element) -> float | None:
    """Return the mean temperature of a non-ambient scan, kelvin."""
    points = one_of(scan, "nonAmbientPoints")
    if points is None:
        points = deep(scan, "dataPoints", "nonAmbientPoints")
    values = None if points is None else one_of(points, "nonAmbientValues")
    if points is None or values is None:
        return None
    if points.get("type", values.get("type", "")) != "Temperature":
        return None
    numbers = [number for number in map(number_of, (values.text or "").split()) if math.isfinite(number)]
    offset = 273.15 if (values.get("unit") or points.get("unit") or "K").endswith("C") else 0.0
    return float(np.mean(numbers)) + offset if numbers else None


def _monochromator(measurement: Element, side: str) -> str:
    element = deep(measurement, side, "monochromator")
    if element is None:
        return ""
    return " ".join(filter(None, (element.get("name"), text_at(element, "crystal"))))


def _status_warnings(scan: Element) -> tuple[Notice, ...]:
    status = scan.get("status", "Completed")
    if status == "Completed":
        return ()
    return (Notice("scan_incomplete", f"the scan is marked {status}: check its last angle"),)


def _positions(scan: Element, axis: str) -> Element | None:
    points = one_of(scan, "dataPoints")
    found = () if points is None else all_of(points, "positions")
    return next((element for element in found if element.get("axis") == axis), None)


def _fixed_position(scan: Element, axis: str) -> Element | None:
    positions = _positions(scan, axis)
    return None if positions is None else one_of(positions, "commonPosition")


def _numbers(element: Element, path: Path) -> FloatArray:
    name = element.tag.rpartition("}")[2]
    try:
        return np.array((element.text or "").split(), dtype=np.float64)
    except ValueError as error:
        _damaged(f"<{name}>: {error}", path)


def _sized(values: FloatArray, size: int, what: str, path: Path) -> FloatArray:
    if values.size != size:
        _damaged(f"{values.size} {what} for {size} intensities", path)
    return values


def _positive(values: FloatArray, what: str, path: Path) -> FloatArray:
    if not (values > 0).all():
        _damaged(f"a {what} is not positive", path)
    return values


def _damaged(problem: str, path: Path) -> NoReturn:
    raise InputError(problem, place=path, cure="export the file again")
