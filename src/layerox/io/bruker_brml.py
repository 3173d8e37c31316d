"""Read Bruker BRML: a zip file with one XML member for each scan.

Members and elements as files of DIFFRAC.SUITE 5 to 8 have them and geddes (docs/formats.md) describes: RawDataN.xml
holds the time stamps, the scanned axes, one <Datum> of comma-separated numbers a point, and <DataViews> that name the
columns of a datum (counting time, absorption factor, drives, counters). Optics and tube are under <FixedInformation>.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.counting import AUTOMATIC_SLIT, Counts, counts_of, counts_of_rates
from layerox.io.scan import Scan
from layerox.io.scan_kinds import kind_of, refusal_of_axis, refusal_of_kind
from layerox.io.text_heading import iso_time
from layerox.io.tube_lines import tube_radiation
from layerox.io.xml_tree import Element, all_of, anywhere, deep, number_of_element, one_of, text_at, xml_root
from layerox.io.zip_archive import ZipMembers, has_member, opened_zip
from layerox.notices import Notice
from layerox.radiation import Radiation
from layerox.typing import FloatArray

RAW_DATA = re.compile(r"Experiment(\d{1,6})/RawData(\d{1,6})\.xml$")
INSIDE = "/RawData"
CONTAINER = "/DataContainer.xml"
AUTOMATIC = re.compile(r"sample|illum|irradiat|variable|length", re.IGNORECASE)
# One number for a point that was left out.
BLANKING = -9999.0
COMPLETE = "read it again when the measurement has ended"
MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class _Columns:
    """Places of the columns in a datum; None without one."""

    two_theta: int | None
    intensity: int
    width: int
    time: int | None
    absorption: int | None
    is_rate: bool


def is_brml(data: bytes) -> bool:
    """Whether bytes are a zip file with raw data of DIFFRAC."""
    return has_member(data, INSIDE)


def scans_from_brml(data: bytes, path: Path) -> list[Scan | InputError]:
    """Return the scans of a BRML file, or the error of a scan that is not a powder pattern."""
    with opened_zip(data, path) as members:
        names = sorted((int(m[1]), int(m[2]), m[0]) for m in map(RAW_DATA.search, members.names) if m)
        if not names:
            raise InputError("holds no raw data", place=path, cure=COMPLETE)
        device = _device(members, path)
        found = [_scan_or_error(members, name, k, path) for k, (*_, name) in enumerate(names, 1)]
    return [s if isinstance(s, InputError) or not device else _of_device(s, device) for s in found]


def _of_device(scan: Scan, device: str) -> Scan:
    return replace(scan, metadata={**scan.metadata, "instrument": device})


def _device(members: ZipMembers, path: Path) -> str:
    """Return the description or the name of the diffractometer from the container of the data, "" without one."""
    name = next((name for name in members.names if name.endswith(CONTAINER)), None)
    if name is None:
        return ""
    root = xml_root(members.read(name), path)
    texts = [element.text for tag in ("DeviceTypeDesc", "InstrumentName") for element in anywhere(root, tag)]
    return next((text.strip() for text in texts if text and text.strip()), "")


def _scan_or_error(members: ZipMembers, name: str, number: int, path: Path) -> Scan | InputError:
    full = next(member for member in members.names if member.endswith(name))
    try:
        return _scan(xml_root(members.read(full), path), number, path)
    except InputError as error:
        return error


def _scan(root: Element, number: int, path: Path) -> Scan:
    method = next((text for e in anywhere(root, "MethodApplicationType") if (text := e.text or "")), "")
    if kind := kind_of(method):
        raise refusal_of_kind(kind, path)
    route = _measured_route(root, number, path)
    information = deep(route, "ScanInformation")
    columns = _columns(route, information, number, path)
    rows = _rows(route, columns, path)
    counts = _counts(rows, columns)
    metadata = _facts(root, information)
    slit = (AUTOMATIC_SLIT,) if metadata.get("divergence_slit") == "automatic" else ()
    return Scan(
        x=_two_theta(rows, columns, information, path), intensity=counts.intensity, sigma=counts.sigma,
        sigma_source="poisson", axis="two-theta", radiation=_radiation(root), metadata=metadata,
        warnings=(*counts.warnings, *_status(root, information, len(rows)), *slit),
    )  # fmt: skip


def _measured_route(root: Element, number: int, path: Path) -> Element:
    """Return the data as they were measured, not as they were processed."""
    routes = [route for found in all_of(root, "DataRoutes") for route in all_of(found, "DataRoute")]
    measured = [route for route in routes if route.get("RouteFlag") == "Measured"] or routes
    if not measured or one_of(measured[0], "Datum") is None:
        raise InputError(f"scan {number} holds no points", place=path, cure=COMPLETE)
    return measured[0]


def _columns(route: Element, information: Element | None, number: int, path: Path) -> _Columns:
    """Return the places of the columns from the views of the data.

    Raises
    ------
    InputError
        If the scan runs along another axis than two-theta, or its points are images.
    """
    axes = [] if information is None else [e.get("AxisId", "") for e in anywhere(information, "ScanAxisInfo")]
    if "TwoTheta" not in axes:
        name = "" if information is None else information.get("VisibleName", "")
        raise refusal_of_axis(axes[0] if axes else name, number, path)
    two_theta = time = absorption = recorded = None
    width, is_rate = 1, False
    for view in (v for found in all_of(route, "DataViews") for v in all_of(found, "RawDataView")):
        start, length = int(view.get("Start", "0")), int(view.get("Length", "1"))
        name, recording = view.get("LogicName", ""), one_of(view, "Recording")
        time = start if name == "MeasuredTime" else time
        absorption = start if name == "AbsorptionFactor" else absorption
        fields = [field.get("AxisId") for field in anywhere(view, "FieldDefinitions")]
        two_theta = start + fields.index("TwoTheta") if "TwoTheta" in fields else two_theta
        if recording is not None and recorded is None:
            unit = one_of(recording, "Unit")
            recorded, width = start, length
            is_rate = unit is not None and "counts" not in (unit.get("Base", "Counts")).lower()
    if width > 1:
        raise refusal_of_kind(f"an image of {width} pixels a point", path)
    if recorded is None:
        raise InputError(f"scan {number} names no counter", place=path, cure="export it as .xye")
    return _Columns(two_theta, recorded, width, time, absorption, is_rate)


def _rows(route: Element, columns: _Columns, path: Path) -> FloatArray:
    """Return the numbers of the points, shape (points, columns)."""
    texts = [datum.text or "" for datum in all_of(route, "Datum")]
    if len(texts) > MOST_POINTS:
        raise InputError(f"holds more than {MOST_POINTS} points", place=path, cure="split it into scans")
    try:
        rows = np.array([text.split(",") for text in texts], dtype=np.float64)
    except ValueError:
        raise InputError("its points differ in length or are not numbers", place=path, cure=COMPLETE) from None
    used = (columns.two_theta, columns.intensity, columns.time, columns.absorption)
    if rows.ndim != 2 or rows.shape[1] <= max(place for place in used if place is not None):
        raise InputError("its points have fewer numbers than stated", place=path, cure="copy or export it again")
    used_rows: FloatArray = rows[rows[:, columns.intensity] != BLANKING]
    return used_rows


def _counts(rows: FloatArray, columns: _Columns) -> Counts:
    """Return counts corrected for the absorber and for unequal counting times.

    Whole numbers are counts of the detector, to be multiplied by the absorption factor; others already are.
    """
    stored = rows[:, columns.intensity]
    factor = np.ones(len(rows)) if columns.absorption is None else rows[:, columns.absorption]
    factor = np.where(np.isfinite(factor) & (factor > 0), factor, 1.0)
    times = None if columns.time is None or not (rows[:, columns.time] > 0).all() else rows[:, columns.time]
    if columns.is_rate:
        return counts_of_rates(stored, None if times is None else float(np.median(times)), factor)
    detected = stored if (stored == np.rint(stored)).all() else stored / factor
    return counts_of(detected, factor, times)


def _two_theta(rows: FloatArray, columns: _Columns, information: Element | None, path: Path) -> FloatArray:
    if columns.two_theta is not None:
        return rows[:, columns.two_theta]
    assert information is not None
    axis = next(e for e in anywhere(information, "ScanAxisInfo") if e.get("AxisId") == "TwoTheta")
    start, step = (number_of_element(one_of(axis, name)) for name in ("Start", "Increment"))
    if start is None or step is None:
        raise InputError("the scan names no two-theta positions", place=path, cure="export it again")
    return np.round(start + step * np.arange(len(rows)), 9)


def _radiation(root: Element) -> Radiation | None:
    first, second, ratio = (_value(root, f"WaveLength{name}") for name in ("Alpha1", "Alpha2", "Ratio"))
    anode = next((e.text or "" for e in anywhere(root, "TubeMaterial")), "")
    beam = tube_radiation(anode, first, second, ratio)
    return beam if beam is not None else tube_radiation(anode, _value(root, "WaveLength"))


def _value(root: Element, name: str) -> float | None:
    """Return the attribute Value of the first element of a name, None without a number."""
    for element in anywhere(root, name):
        try:
            return float(element.get("Value", ""))
        except ValueError:
            continue
    return None


def _facts(root: Element, information: Element | None) -> dict[str, object]:
    named = {item.get("Name", ""): item.get("Value", "") for item in anywhere(root, "InfoItem")}
    step = None if information is None else number_of_element(one_of(information, "TimePerStepEffective"))
    facts: dict[str, object] = {
        "sample": named.get("SampleName", ""),
        "comment": named.get("Comment", ""),
        "start_time": iso_time(text_at(root, "TimeStampStarted")),
        "end_time": iso_time(text_at(root, "TimeStampFinished")),
        "temperature_k": _temperature(root),
        "radius_mm": _value(root, "Radius"),
        "anode": next((e.text for e in anywhere(root, "TubeMaterial")), ""),
        "counting_time_s": step,
        "incident_monochromator": _optic(root, "PrimaryTracks", "monochrom"),
        "diffracted_monochromator": _optic(root, "SecondaryTracks", "monochrom"),
        "scan_axis": "" if information is None else information.get("VisibleName", "").strip(),
        **_slits(root),
    }
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _optics(root: Element, side: str) -> list[Element]:
    return [optic for track in anywhere(root, side) for optic in anywhere(track, "InfoData")]


def _kind(element: Element) -> str:
    return next((value for key, value in element.attrib.items() if key.endswith("}type")), "")


def _optic(root: Element, side: str, word: str) -> str:
    names = (o.get("VisibleName", "") for o in _optics(root, side) if word in _kind(o).lower())
    return next((name for name in names if name), "")


def _slits(root: Element) -> dict[str, object]:
    """Return the kind and width of the divergence slit, the first slit of the incident beam."""
    for optic in _optics(root, "PrimaryTracks"):
        kind = _kind(optic)
        if "Slit" not in kind or "Soller" in kind:
            continue
        if kind.startswith("Var") and AUTOMATIC.search(optic.get("Mode", "")):
            return {"divergence_slit": "automatic", "irradiated_length_mm": _value(optic, "SampleLength")}
        width = _value(optic, "SlitWidth") or _value(optic, "Height")
        return {"divergence_slit": "fixed", "divergence_slit_mm": width}
    return {}


def _temperature(root: Element) -> float | None:
    """Return the temperature of a stage, kelvin."""
    for stage in anywhere(root, "InfoData"):
        if "temperature" not in (stage.get("LogicName", "") + _kind(stage)).lower():
            continue
        for element in stage.iter():
            unit = element.get("Unit", "")
            try:
                value = float(element.get("Value", ""))
            except ValueError:
                continue
            if unit in ("K", "°C", "C"):
                return value if unit == "K" else value + 273.15
    return None


def _status(root: Element, information: Element | None, points: int) -> tuple[Notice, ...]:
    stated = None if information is None else number_of_element(one_of(information, "MeasurementPoints"))
    if stated is None or stated <= points:
        return ()
    status = text_at(root, "MeasurementStatus") or "unfinished"
    message = f"{points} of {stated:.0f} points were measured (status {status}): check its last angle"
    return (Notice("scan_incomplete", message),)
