"""Read Rigaku RASX: a zip file with a table and an XML of the measuring conditions for each scan.

Members DataN/ProfileN.txt (angle, intensity, factor of the attenuator; a byte-order mark) and
DataN/MesurementConditionsN.xml, spelt so, as SmartLab Studio II writes them. Time stamps end in Z, which is UTC.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.rigaku_ras import scan_of_table
from layerox.io.scan import Scan
from layerox.io.xml_tree import Element, anywhere, deep, text_at, xml_root
from layerox.io.zip_archive import ZipMembers, has_member, opened_zip
from layerox.typing import FloatArray

PROFILE = re.compile(r"^Data(\d{1,6})/Profile\d{1,6}\.txt$")
CONDITIONS = re.compile(r"^Data(\d{1,6})/Mea?surementConditions\d{1,6}\.xml$")
# Elements of the conditions, by the key of a RAS file.
ELEMENTS = {
    "MEAS_SCAN_AXIS_X": ("ScanInformation", "AxisName"),
    "MEAS_SCAN_MODE": ("ScanInformation", "Mode"),
    "MEAS_SCAN_STEP": ("ScanInformation", "Step"),
    "MEAS_SCAN_SPEED": ("ScanInformation", "Speed"),
    "MEAS_SCAN_SPEED_UNIT": ("ScanInformation", "SpeedUnit"),
    "MEAS_SCAN_UNIT_Y": ("ScanInformation", "IntensityUnit"),
    "MEAS_SCAN_START_TIME": ("ScanInformation", "StartTime"),
    "MEAS_SCAN_END_TIME": ("ScanInformation", "EndTime"),
    "MEAS_DATA_COUNT": ("ScanInformation", "DataCount"),
    "HW_XG_TARGET_NAME": ("HWConfigurations", "XrayGenerator", "TargetName"),
    "HW_XG_WAVE_TYPE": ("HWConfigurations", "XrayGenerator", "WaveType"),
    "HW_XG_WAVE_LENGTH_ALPHA1": ("HWConfigurations", "XrayGenerator", "WavelengthKalpha1"),
    "HW_XG_WAVE_LENGTH_ALPHA2": ("HWConfigurations", "XrayGenerator", "WavelengthKalpha2"),
    "FILE_SAMPLE": ("GeneralInformation", "SampleName"),
    "FILE_COMMENT": ("GeneralInformation", "Comment"),
    "FILE_SYSTEM_NAME": ("GeneralInformation", "SystemName"),
}


def is_rasx(data: bytes) -> bool:
    """Whether bytes are a zip file with a profile of SmartLab Studio."""
    return has_member(data, "/Profile")


def scans_from_rasx(data: bytes, path: Path) -> list[Scan | InputError]:
    """Return the scans of a RASX file, or the error of a scan that is not a powder pattern."""
    with opened_zip(data, path) as members:
        profiles = {int(m[1]): m[0] for m in map(PROFILE.match, members.names) if m}
        conditions = {int(m[1]): m[0] for m in map(CONDITIONS.match, members.names) if m}
        if not profiles:
            raise InputError("holds no one-dimensional profile", place=path, cure="integrate its image, then export it")
        return [_scan(members, profiles[k], conditions.get(k), n, path) for n, k in enumerate(sorted(profiles), 1)]


def _scan(members: ZipMembers, profile: str, conditions: str | None, number: int, path: Path) -> Scan | InputError:
    try:
        rows = _table(members.read(profile), profile, path)
        keys = {} if conditions is None else _keys(xml_root(members.read(conditions), path))
        return scan_of_table(rows, keys, number, path)
    except InputError as error:
        return error


def _table(data: bytes, name: str, path: Path) -> FloatArray:
    lines = data.decode("utf-8-sig", errors="replace").split("\n")
    try:
        return np.loadtxt([line for line in lines if line.strip()], dtype=np.float64, comments=None, ndmin=2)
    except ValueError:
        raise InputError(f"its member {name} is not a table of numbers", place=path, cure="export it again") from None


def _keys(root: Element) -> dict[str, str]:
    """Return the conditions under the keys of a RAS file."""
    keys = {key: text for key, names in ELEMENTS.items() if (text := text_at(root, *names))}
    for distance in anywhere(root, "Distance"):
        if (distance.get("From"), distance.get("To")) == ("XrayGenerator", "AttachmentStage"):
            keys["HW_GONIOMETER_RADIUS-3"] = distance.get("Value", "")
    axes = deep(root, "Axes")
    for k, axis in enumerate([] if axes is None else anywhere(axes, "Axis")):
        keys[f"MEAS_COND_AXIS_NAME-{k}"] = axis.get("Name", "")
        keys[f"MEAS_COND_AXIS_POSITION-{k}"] = axis.get("Position", "")
    return keys
