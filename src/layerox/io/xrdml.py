"""Read PANalytical (Malvern) XRDML: XML with one or many scans.

Elements as in the schema XRDMeasurement 1.0 to 2.2 (www.xrdml.com). <intensities> of schema 1.x are
already corrected for the beam attenuator, <counts> of 2.x are raw detector counts, to be multiplied by
<beamAttenuationFactors>; both readings are those of xrayutilities (panalytical_xml.py) and agree with files whose
attenuator switches. The attribute intended="K-Alpha 1" is not used alone: tubes with only a filter have it too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree

import numpy as np

from layerox.errors import InputError
from layerox.io.pattern_stack import number_of
from layerox.io.scan import Scan
from layerox.io.text_heading import iso_time
from layerox.notices import Notice
from layerox.pattern import poisson_sigma
from layerox.radiation import Radiation, radiation_from_text
from layerox.typing import FloatArray

Element = ElementTree.Element
POWDER_AXES = ("Gonio", "2Theta", "2Theta-Omega", "Omega-2Theta", "TwoThetaOmega")
CLOSING = re.compile(rb"</(\w+:)?xrdMeasurements>\s*\Z")
DOUBTFUL_DOUBLET = "K-alpha doublet: the file states K-Alpha 1 but has no incident-beam monochromator"
COMPLETE = "read it again when the measurement has ended"


@dataclass(frozen=True)
class Counts:
    """Intensities of a scan on one scale, with sigmas from counting statistics."""

    intensity: FloatArray
    sigma: FloatArray
    warnings: tuple[Notice, ...] = ()


def is_xrdml(data: bytes) -> bool:
    """Whether bytes are an XRDML document, in any encoding."""
    return b"xrdMeasurements" in data[:20_000].replace(b"\x00", b"")


def scans_from_xrdml(data: bytes, path: Path) -> list[Scan | InputError]:
    """Return the scans of an XRDML file, or the error of a scan that is not a powder pattern."""
    root = _root(data, path)
    found: list[Scan | InputError] = []
    pairs = [(m, scan) for m in _all(root, "xrdMeasurement") for scan in _all(m, "scan")]
    for number, (measurement, scan) in enumerate(pairs, 1):
        label = f"{path.stem} #{number}" if len(pairs) > 1 else ""
        refusal = _refusal(scan, path, number)
        found.append(refusal or _scan(root, measurement, scan, label, path))
    if not found:
        raise InputError("holds no scan", place=path, cure="measure or export it again")
    return found


def _root(data: bytes, path: Path) -> Element:
    plain = data.replace(b"\x00", b"")  # also for two bytes per letter
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise InputError("declares a document type, which XRDML has not", place=path, cure="export it again")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        line = getattr(error, "position", (0, 0))[0]
        if CLOSING.search(data.replace(b"\x00", b"")) is None:
            problem = "the file is cut off; is it still being written?"
            raise InputError(problem, place=f"{path}:{line}", cure=COMPLETE) from None
        raise InputError(f"damaged XML: {error}", place=f"{path}:{line}", cure="export it again") from None


def _refusal(scan: Element, path: Path, number: int) -> InputError | None:
    axis = scan.get("scanAxis", "")
    positions = _positions(scan, "2Theta")
    moves = positions is not None and _one(positions, "commonPosition") is None
    if axis in POWDER_AXES and moves:
        return None
    problem = f"scan {number} runs along {axis or 'an unnamed axis'}, not along two-theta"
    return InputError(problem, place=path, cure="give a 2Theta or Gonio scan")


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
        warnings=(*counts.warnings, *_status_warnings(scan)),
    )


def _two_theta(scan: Element, points: int, path: Path) -> FloatArray:
    positions = _positions(scan, "2Theta")
    assert positions is not None
    listed = _one(positions, "listPositions")
    if listed is not None:
        return _sized(_numbers(listed, path), points, "angles", path)
    start, end = _number(_one(positions, "startPosition")), _number(_one(positions, "endPosition"))
    if start is None or end is None:
        raise InputError("the scan names no two-theta positions", place=path, cure="export it again")
    return np.linspace(start, end, points)


def _counts(scan: Element, path: Path) -> Counts:
    """Return intensities and sigmas, with the attenuator and unequal counting times corrected."""
    points = _one(scan, "dataPoints")
    values = None if points is None else _one(points, "intensities", "counts")
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
    return _counts_from_counts(intensity / (1.0 if raw else attenuation), attenuation, times)


def _counts_from_counts(detected: FloatArray, attenuation: FloatArray, times: FloatArray | None) -> Counts:
    """Return detected counts N times the attenuation A: I = N A, sigma = A sqrt(max(N, 1))."""
    scale, warnings = attenuation, _attenuation_warnings(attenuation)
    if times is not None and np.ptp(times) > 0:
        scale = scale * float(np.median(times)) / times
        warnings += (Notice("counting_times_unequal", "intensities were scaled to the median counting time"),)
    return Counts(detected * scale, poisson_sigma(detected) * scale, warnings)


def _counts_from_rates(rate: FloatArray, attenuation: FloatArray, times: FloatArray | None) -> Counts:
    """Return rates R in cps: N = R t / A counts were detected, sigma = A sqrt(max(N, 1)) / t."""
    warnings = _attenuation_warnings(attenuation)
    if times is None:
        warnings += (Notice("not_counts", "counts per second without a counting time: sigma is only an estimate"),)
        times = np.ones_like(rate)
    return Counts(rate, attenuation * poisson_sigma(rate * times / attenuation) / times, warnings)


def _attenuation_warnings(attenuation: FloatArray) -> tuple[Notice, ...]:
    if not np.ptp(attenuation) > 0:
        return ()
    return (Notice("attenuator_corrected", "the beam attenuator changed during the scan; its factors were applied"),)


def _attenuation(points: Element, size: int, path: Path) -> FloatArray:
    listed, common = _one(points, "beamAttenuationFactors"), _one(points, "commonBeamAttenuationFactor")
    factors = _sized(_numbers(listed, path), size, "attenuation factors", path) if listed is not None else None
    if factors is None:
        factors = np.full(size, _number(common) or 1.0)
    return _positive(factors, "attenuation factor", path)


def _times(points: Element, size: int, path: Path) -> FloatArray | None:
    listed, common = _one(points, "countingTimes"), _number(_one(points, "commonCountingTime"))
    if listed is not None:
        return _positive(_sized(_numbers(listed, path), size, "counting times", path), "counting time", path)
    return np.full(size, common) if common is not None and common > 0 else None


def _refuse_divergence(points: Element, path: Path) -> None:
    listed = _one(points, "divergenceCorrections")
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
    used = _one(measurement, "usedWavelength")
    first = None if used is None else _number(_one(used, "kAlpha1"))
    if used is None or not first:
        return None, ""
    intended = used.get("intended", "")
    if intended == "K-Beta" and (beta := _number(_one(used, "kBeta"))):
        return Radiation(lines=((beta, 1.0),)), "K-beta: stated in the file"
    name = _anode(measurement) or ""
    incident = _one(measurement, "incidentBeamPath")
    monochromator = None if incident is None else _one(incident, "monochromator")
    if intended == "K-Alpha 1" and monochromator is not None:
        choice = "K-alpha 1 alone: stated in the file with an incident-beam monochromator"
        return _named(((first, 1.0),), f"{name}Ka1"), choice
    second, ratio = _number(_one(used, "kAlpha2")), _number(_one(used, "ratioKAlpha2KAlpha1"))
    if not second or not ratio:
        return _named(((first, 1.0),), f"{name}Ka1"), "K-alpha 1 alone: the file names no second line"
    return _named(((first, 1.0), (second, ratio)), f"{name}Ka"), _doublet_choice(intended)


def _doublet_choice(intended: str) -> str:
    if intended == "K-Alpha 1":
        return DOUBTFUL_DOUBLET
    return "K-alpha doublet: stated in the file"


def _named(lines: tuple[tuple[float, float], ...], name: str) -> Radiation:
    """Return a radiation with its usual name, if its anode and wavelength agree."""
    radiation = Radiation(lines=lines)
    try:
        usual = radiation_from_text(name)
    except InputError:
        return radiation
    return Radiation(lines=lines, name=usual.name) if radiation.agrees_with(usual) else radiation


def _metadata(root: Element, measurement: Element, scan: Element) -> dict[str, object]:
    facts: dict[str, object] = {
        "sample": _sample(root),
        "start_time": iso_time(_text(scan, "header", "startTimeStamp")),
        "end_time": iso_time(_text(scan, "header", "endTimeStamp")),
        "temperature_k": _temperature(scan),
        "radius_mm": _number(_deep(measurement, "incidentBeamPath", "radius")),
        "anode": _anode(measurement),
        "counting_time_s": _number(_deep(scan, "dataPoints", "commonCountingTime")),
        "diffracted_monochromator": _monochromator(measurement, "diffractedBeamPath"),
        "incident_monochromator": _monochromator(measurement, "incidentBeamPath"),
        "omega": _number(_fixed_position(scan, "Omega")),
    }
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _sample(root: Element) -> str:
    return _text(root, "sample", "name") or _text(root, "sample", "id")


def _anode(measurement: Element) -> str | None:
    return _text(measurement, "incidentBeamPath", "xRayTube", "anodeMaterial") or None


def _temperature(scan: Element) -> float | None:
    """Return the mean temperature of a non-ambient scan, kelvin."""
    points = _one(scan, "nonAmbientPoints")
    if points is None:
        points = _deep(scan, "dataPoints", "nonAmbientPoints")
    values = None if points is None else _one(points, "nonAmbientValues")
    if points is None or values is None:
        return None
    if points.get("type", values.get("type", "")) != "Temperature":
        return None
    numbers = [number for number in map(number_of, (values.text or "").split()) if math.isfinite(number)]
    offset = 273.15 if (values.get("unit") or points.get("unit") or "K").endswith("C") else 0.0
    return float(np.mean(numbers)) + offset if numbers else None


def _monochromator(measurement: Element, side: str) -> str:
    element = _deep(measurement, side, "monochromator")
    if element is None:
        return ""
    return " ".join(filter(None, (element.get("name"), _text(element, "crystal"))))


def _status_warnings(scan: Element) -> tuple[Notice, ...]:
    status = scan.get("status", "Completed")
    if status == "Completed":
        return ()
    return (Notice("scan_incomplete", f"the scan is marked {status}: check its last angle"),)


def _positions(scan: Element, axis: str) -> Element | None:
    points = _one(scan, "dataPoints")
    found = () if points is None else _all(points, "positions")
    return next((element for element in found if element.get("axis") == axis), None)


def _fixed_position(scan: Element, axis: str) -> Element | None:
    positions = _positions(scan, axis)
    return None if positions is None else _one(positions, "commonPosition")


def _all(element: Element, name: str) -> Iterator[Element]:
    return iter(element.findall(f"{{*}}{name}"))


def _one(element: Element, *names: str) -> Element | None:
    """Return the first child of any of these names, in any namespace."""
    return next((child for name in names for child in element.findall(f"{{*}}{name}")), None)


def _deep(element: Element, *names: str) -> Element | None:
    found: Element | None = element
    for name in names:
        found = None if found is None else _one(found, name)
    return found


def _text(element: Element, *names: str) -> str:
    found = _deep(element, *names)
    return "" if found is None else (found.text or "").strip()


def _number(element: Element | None) -> float | None:
    try:
        return float((element.text or "") if element is not None else "")
    except ValueError:
        return None


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
