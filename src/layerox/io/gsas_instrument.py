"""GSAS .prm and GSAS-II .instprm instrument files of constant-wavelength diffractometers.

.prm: A. C. Larson & R. B. Von Dreele, GSAS, Los Alamos report LAUR 86-748 (2004), "Instrument parameter file": twelve
columns of key, then ICONS with LAM1 (columns 1-10), LAM2 (11-20), ZERO in centidegrees (21-30), POLA (41-50), IPOLA
(51-55) and KRATIO, the intensity ratio of the two lines (56-65); the same columns as GSAS-II reads
(SetPowderInstParms). With IPOLA = 0, POLA is the polarised fraction p itself, 0.5 for no polarisation and 1 for a
synchrotron; with IPOLA = 1 the factor is the traditional 1 + POLA cos^2(2 theta), POLA = cos^2(2 theta_m), so that
p = 1 / (1 + POLA) (R. B. Von Dreele, quoted in CCP14, "Setting up POLA or IPOLA and POLA", 2002).
Orders of profile coefficients: EXPGUI (B. H. Toby, J. Appl. Cryst. 34 (2001) 210, doi:10.1107/S0021889801002242).
.instprm: GSAS-II's ReadInstprm; B. H. Toby & R. B. Von Dreele, J. Appl. Cryst. 46 (2013) 544,
doi:10.1107/S0021889813003531. U, V, W are variances in centidegrees^2, X and Y full widths in centidegrees, Zero is in
degrees, SH/L the sum of S/L and H/L. P at azimuth A has p = Polariz. cos^2 A + (1 - Polariz.) sin^2 A.
The asymmetry of profile functions 1 and 2 is not supported; `axial` is then unknown. Transparency and shift
belong to a specimen and are ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from layerox.errors import InputError
from layerox.instrument import DEFAULT_RADIUS_MM, Geometry, Instrument, Profile
from layerox.io.file_contents import read_bytes, text_of
from layerox.radiation import Radiation

VARIANCE = 8.0 * math.log(2.0) * 1e-4  # centidegrees^2 as a variance -> degrees^2 as a squared FWHM
CENTIDEGREE = 0.01
KEY_WIDTH = 12
# Whole numbers of records.
WHOLE = re.compile(r"[0-9]{1,6}")
GAUSSIAN_TERMS = 3
TYPES = {"PXC": "xray", "PNC": "neutron"}
ORDERS: dict[int, tuple[str, ...]] = {
    1: ("GU", "GV", "GW"),
    2: ("GU", "GV", "GW", "LX", "LY", "trns", "asym", "shft", "GP"),
    3: ("GU", "GV", "GW", "GP", "LX", "LY", "S/L", "H/L"),
    4: ("GU", "GV", "GW", "GP", "LX", "ptec", "trns", "shft", "sfec", "S/L", "H/L"),
    5: ("GU", "GV", "GW", "GP", "LX", "LY", "S/L", "H/L"),
}


def read_prm(path: Path) -> Instrument:
    """Return the instrument of a GSAS .prm file with one bank, with its first profile function.

    Two wavelengths mean a flat specimen (bragg-brentano), one a capillary (debye-scherrer), as in GSAS-II.

    Raises
    ------
    InputError
        If it is cut off, of several banks, or not of a constant wavelength.
    """
    records = _records(text_of(read_bytes(path), path))
    if not records:
        raise InputError("holds no INS records", place=path, cure="give a GSAS instrument file")
    banks = records.get("INS   BANK", "1").split()
    if banks and banks[0] != "1":
        raise InputError(f"describes {banks[0]} banks", place=path, cure="keep the one that was used")
    kind = _kind(records.get("INS   HTYPE", ""), path)
    constants = _constants(records, path)
    lines = _lines(constants["LAM1"], constants["LAM2"], constants["KRATIO"], path)
    azimuth = _float(records.get("INS  1DETAZM", "").strip(), path, "DETAZM")
    fraction = constants["POLA"] if constants["IPOLA"] == 0 else 1.0 / (1.0 + constants["POLA"])
    return Instrument(
        radiation=_radiation(lines, kind, _at_azimuth(fraction, azimuth), path),
        geometry=_usual_geometry(lines),
        profile=_prm_profile(records, path),
        zero=constants["ZERO"] * CENTIDEGREE,
    )


def read_instprm(path: Path) -> Instrument:
    """Return the instrument of a GSAS-II .instprm file with one bank.

    Raises
    ------
    InputError
        If it is cut off, of several banks, not of a constant wavelength, or has a Lorentzian term Z.
    """
    values = _instprm_values(text_of(read_bytes(path), path), path)
    kind = _kind(values.get("Type", ""), path)

    def number(key: str) -> float:
        return _float(values.get(key, ""), path, key)

    if number("Z"):
        problem = f"Z = {number('Z'):g}: a Lorentzian width without dependence on the angle is not part of the profile"
        raise InputError(problem, place=path, cure="calibrate again with Z = 0")
    first = number("Lam1") if "Lam1" in values else number("Lam")
    lines = _lines(first, number("Lam2"), number("I(L2)/I(L1)"), path)
    widths = {f"G{key}": number(key) for key in "UVW"} | {"LX": number("X"), "LY": number("Y")}
    return Instrument(
        radiation=_radiation(lines, kind, _at_azimuth(number("Polariz."), number("Azimuth")), path),
        geometry=_stated_geometry(values.get("Diff-type", ""), lines),
        radius_mm=number("Gonio.radius") or DEFAULT_RADIUS_MM,
        profile=_profile(widths, axial=(number("SH/L") / 2.0, number("SH/L") / 2.0)),
        zero=number("Zero"),
    )


def _records(text: str) -> dict[str, str]:
    """Return the INS records by their key, the first twelve columns."""
    lines = [line for line in text.split("\n") if line.startswith("INS")]
    records: dict[str, str] = {}
    for line in lines:
        records.setdefault(line[:KEY_WIDTH].rstrip(), line[KEY_WIDTH:])
    return records


def _constants(records: Mapping[str, str], path: Path) -> dict[str, float]:
    text = records.get("INS  1 ICONS")
    if text is None:
        raise InputError("has no ICONS record, and so no wavelength", place=path, cure="complete the file")
    fields = {
        "LAM1": (0, 10),
        "LAM2": (10, 20),
        "ZERO": (20, 30),
        "POLA": (40, 50),
        "IPOLA": (50, 55),
        "KRATIO": (55, 65),
    }
    constants = {name: _float(text[a:b].strip(), path, f"ICONS {name}") for name, (a, b) in fields.items()}
    if constants["IPOLA"] not in (0, 1):
        raise InputError(f"IPOLA {constants['IPOLA']:g} is unknown", place=path, cure="0 and 1 are")
    return constants


def _prm_profile(records: Mapping[str, str], path: Path) -> Profile | None:
    """Return the first profile function, None when the file has none."""
    heads = [key for key in (f"INS  1PRCF{n}" for n in ("", *range(1, 10))) if key in records]
    if not heads:
        return None
    words = records[heads[0]].split()
    function = int(words[0]) if words and WHOLE.fullmatch(words[0]) else 0
    if function not in ORDERS:
        raise InputError(f"profile function {words[0] if words else ''} is not one of 1 to 5", place=path,
                         cure="give the coefficients of function 3 in an instrument.toml")  # fmt: skip
    coefficients = _coefficients(records, heads[0], path)
    names = ORDERS[function]
    declared = int(words[1]) if len(words) > 1 and WHOLE.fullmatch(words[1]) else 0
    if len(coefficients) < max(GAUSSIAN_TERMS, min(len(names), declared)):
        problem = f"cut off: {len(coefficients)} coefficients of profile function {function}"
        raise InputError(problem, place=path, cure="complete the file")
    values = dict(zip(names, coefficients, strict=False))
    return _profile(values, axial=(values["S/L"], values["H/L"]) if "S/L" in values and "H/L" in values else None)


def _coefficients(records: Mapping[str, str], head: str, path: Path) -> list[float]:
    """Return the coefficients of the records "1PRCF11", "1PRCF12" ... (or "1PRCF 1" ...) in turn."""
    stem = head if len(head) == KEY_WIDTH - 1 else f"{head} "
    texts = (records.get(f"{stem}{number}", "") for number in range(1, 10))
    return [_float(word, path, head) for text in texts for word in text.split()]


def _profile(values: Mapping[str, float], axial: tuple[float, float] | None) -> Profile:
    """Return GSAS coefficients in degrees; GP / cos^2 = GP (1 + tan^2) goes into u and w."""
    scherrer = values.get("GP", 0.0)
    return Profile(
        u=(values["GU"] + scherrer) * VARIANCE,
        v=values["GV"] * VARIANCE,
        w=(values["GW"] + scherrer) * VARIANCE,
        x=values.get("LX", 0.0) * CENTIDEGREE,
        y=values.get("LY", 0.0) * CENTIDEGREE,
        axial=axial,
    )


def _instprm_values(text: str, path: Path) -> dict[str, str]:
    banks = set(re.findall(r"^#\s*Bank\s+(\d+)", text, re.MULTILINE))
    if len(banks) > 1:
        raise InputError(f"describes {len(banks)} banks", place=path, cure="keep the one that was used")
    values: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        for item in [] if line.startswith("#") else line.replace(" ", "").split(";"):
            key, mark, value = item.partition(":")
            if item and not mark:
                raise InputError(f"{item!r} is no 'key:value'", place=f"{path}:{number}", cure="correct the line")
            values.setdefault(key, value)
    return values


def _kind(text: str, path: Path) -> str:
    kind = TYPES.get(text.strip()[:3])
    if kind is None:
        problem = f"of type {text.strip()!r}" if text.strip() else "names no type (HTYPE, Type)"
        raise InputError(problem, place=path, cure="only constant-wavelength types are read: PXC and PNC")
    return kind


def _lines(first: float, second: float, ratio: float, path: Path) -> tuple[tuple[float, float], ...]:
    if not first > 0:
        raise InputError("names no wavelength", place=path, cure="complete the file")
    if not second > 0:
        return ((first, 1.0),)
    if not ratio > 0:
        problem = "names a second wavelength without its intensity ratio"
        raise InputError(problem, place=path, cure="give the ratio, 0.5 for K-alpha doublets")
    return ((first, 1.0), (second, ratio))


def _radiation(lines: tuple[tuple[float, float], ...], kind: str, polarization: float, path: Path) -> Radiation:
    try:
        if kind == "neutron":
            return Radiation(lines=lines, kind="neutron")
        return Radiation(lines=lines, polarization=polarization)
    except InputError as error:
        raise InputError(error.problem, place=path, cure=error.cure) from None


def _at_azimuth(fraction: float, azimuth: float) -> float:
    """Return p in the plane of diffraction at `azimuth` degrees from that of polarisation."""
    sine = math.sin(math.radians(azimuth)) ** 2
    return fraction * (1.0 - sine) + (1.0 - fraction) * sine


def _usual_geometry(lines: tuple[tuple[float, float], ...]) -> Geometry:
    return "bragg-brentano" if len(lines) > 1 else "debye-scherrer"


def _stated_geometry(text: str, lines: tuple[tuple[float, float], ...]) -> Geometry:
    stated: dict[str, Geometry] = {"Bragg-Brentano": "bragg-brentano", "Debye-Scherrer": "debye-scherrer"}
    return stated.get(text, _usual_geometry(lines))


def _float(text: str, path: Path, name: str) -> float:
    """Return a number, 0 for an empty field as in FORTRAN."""
    try:
        value = float(text or 0.0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{name} is {text!r}, no number in its columns", place=path, cure="correct the record")
    return value
