"""The heading of a text pattern: wavelength, temperature, time, sample, and the titles of the columns.

Headings have no standard. The known phrases are those of 11-BM (Argonne) files, pyFAI and FIT2D, the PSI
neutron diffractometers, Bruker EVA and PANalytical text exports, and layerox's own files.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from layerox.errors import InputError
from layerox.io.abscissa_titles import axis_from_title, refuse_other_axis, refuse_other_ordinate, scale_from_title
from layerox.io.scan import Axis
from layerox.pattern import SigmaSource
from layerox.radiation import K_ALPHA_RATIO, PLAUSIBLE_WAVELENGTH, Radiation

# Every repetition is bounded, so that the search time is linear in the length of a line.
VALUE = (r"[ \t]{0,9}(?:\[[^\]\n]{0,40}\]|\([^)\n]{0,40}\))?[ \t]{0,9}[=:,;][ \t]{0,40}\"?"
         r"([-+]?[\d.]{1,40}(?:[eE][-+]?\d{1,4})?)\"?[ \t]{0,9}([A-Za-zÅµ]{0,20})")  # fmt: skip
WAVELENGTH = re.compile(r"(?<![A-Za-z-])(?<!beta )(?:wave\s?length|lambda|λ)" + VALUE, re.IGNORECASE)
ALPHA_1 = re.compile(r"k-?alpha-?\s?1 wavelength" + VALUE, re.IGNORECASE)
ALPHA_2 = re.compile(r"k-?alpha-?\s?2 wavelength" + VALUE, re.IGNORECASE)
ALPHA_RATIO = re.compile(r"ratio k-?alpha-?\s?2/k-?alpha-?\s?1" + VALUE, re.IGNORECASE)
CHARACTERISTIC = re.compile(r"k-?(alpha|beta)", re.IGNORECASE)
TEMPERATURE = re.compile(
    r"\b(?:temp(?:erature)?)\.?\s{0,9}[\[(]?\s{0,9}(K|°?C)\s{0,9}[\])]?\s{0,9}[=:,]\s{0,40}([-+\d.]+)", re.IGNORECASE
)
TEMPERATURE_K = re.compile(r"(?:^|,)\s{0,9}T\s{0,9}=\s{0,9}([\d.]+)")
RADIUS = re.compile(r"gonio(?:meter)?\.?[_ ]*radius" + VALUE, re.IGNORECASE)
TIME = re.compile(r"\b(?:scan time|date|start time|measured)[ \t]{0,9}[=:,](.+)$", re.IGNORECASE)
SAMPLE = re.compile(r"\b(?:sample comment|sample identification|sample name|sample)[ \t]{0,9}[=:,](.+)$", re.IGNORECASE)
ANODE = re.compile(r"\banode(?: material)?\s*[=:,]\s*\"?([A-Z][a-z])\b", re.IGNORECASE)
OWN = re.compile(r"^\s*#\s*(label|radiation|sigma)\s*:\s*(.*)$")
TIME_FORMATS = ("%b %d, %Y %H:%M:%S.%f", "%b %d, %Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d-%b-%Y %H:%M:%S")

# Sequence of values in a heading of DMC and HRPT, both neutron diffractometers of PSI.
PSI = (re.compile(r"lambda[ \t]{0,9}="), re.compile(r"\bT[ \t]{0,9}="), re.compile(r"\bdT[ \t]{0,9}="))
# Longest heading; further lines are not searched.
LONGEST_LINE, LONGEST_HEADING = 1000, 100_000
# Longest excerpt of a line in a message.
LONGEST_SHOWN = 120

INTENSITY_TITLE = re.compile(r"int$|inten|count|obs|yobs|iobs|cps$|signal|i$|y$")
SIGMA_TITLE = re.compile(r"sig|esd|err|e$|std|sd$|uncert|di$|dy$|yerr|σ|(intensity|counts?|i)(sig|esd|err|std|uncert)")
# White space between titles, but not between a title and its unit: "q (1/A) intensity", "Q A^-1 I".
BEFORE_TITLE = re.compile(r"\s+(?![(\[/]|1/|m?rad\b|deg\b|(?:[AÅ]|nm)\^?[-−⁻][1¹])")


@dataclass(frozen=True)
class Heading:
    """The metadata of a heading; `says_kind` is whether it names X-rays or neutrons."""

    radiation: Radiation | None = None
    says_kind: bool = False
    sigma_source: SigmaSource = "file"
    label: str = ""
    metadata: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Titles:
    """The columns of a title line: axis and its kind, intensity, sigma (None without one).

    `scale` converts the axis to degrees, 1/angstrom or angstrom if its title has another unit.
    """

    axis: Axis
    x: int
    intensity: int
    sigma: int | None
    scale: float = 1.0


def heading_from_lines(lines: Sequence[str], path: Path) -> Heading:
    """Return the metadata of the heading lines and comments of a file.

    Raises
    ------
    InputError
        If a line of layerox's own heading is damaged.
    """
    own = {match[1]: match[2] for line in lines if (match := OWN.match(line))}
    text = "\n".join(line[:LONGEST_LINE] for line in lines)[:LONGEST_HEADING]
    lines = text.split("\n")
    neutron = "neutron" in text.lower() or any(map(_is_of_psi, lines))
    radiation = _own_radiation(own["radiation"], path) if "radiation" in own else _radiation(text, neutron)
    return Heading(
        radiation=radiation,
        says_kind=neutron if "radiation" not in own else radiation is not None and radiation.says_kind,
        sigma_source="poisson" if own.get("sigma", "").startswith("poisson") else "file",
        label=_own_label(own.get("label", "")),
        metadata=_metadata(lines, text),
    )


def _is_of_psi(line: str) -> bool:
    """Whether a line is the sequence wavelength, temperature and deviation."""
    place = 0
    for form in PSI:
        match = form.search(line, place)
        if match is None:
            return False
        place = match.end()
    return True


@lru_cache(maxsize=64)
def _classified(
    line: str, separator: str | None, width: int
) -> tuple[tuple[str, ...], tuple[Axis | None, ...], tuple[str, ...]]:
    """Return the words of a line, the axis that each names, and its letters; the frames of a series have one line."""
    words = _words(line, separator, width)
    plain = tuple(re.sub(r"[^a-zσ]", "", re.sub(r"[(\[].*", "", word.lower())) for word in words)
    return tuple(words), tuple(map(axis_from_title, words)), plain


def titles_from_line(line: str, separator: str | None, width: int, place: str) -> Titles | None:
    """Return the columns of a title line, or None if it is not a title line of `width` columns.

    Raises
    ------
    InputError
        At `place`, if its first column is an axis that a powder pattern cannot have.
    """
    words, kinds, plain = _classified(line, separator, width)
    x = next((k for k, kind in enumerate(kinds) if kind), None)
    sigma = next((k for k, word in enumerate(plain) if SIGMA_TITLE.match(word) and k != x), None)
    titled = [k for k, word in enumerate(plain) if k not in (x, sigma) and INTENSITY_TITLE.match(word)]
    if x is None and titled and titled[0] > 0:
        refuse_other_axis(words[0], place)
    if x is not None and not titled:
        refuse_other_ordinate(words, place)
    if x is None or not titled:
        return None
    intensity = next((k for k in titled if k > x), titled[0])  # a column before the angle is usually an index
    axis = kinds[x]
    assert axis is not None
    return Titles(axis, x, intensity, sigma, scale_from_title(words[x], axis))


def radiation_from_wavelength(text: str, unit: str = "", *, neutron: bool = False) -> Radiation | None:
    """Return the one-line radiation of a stated wavelength, or None if it is not plausible.

    Without a unit it is in angstrom, except below 1e-8: pyFAI writes metres.
    """
    try:
        value = float(text)
    except ValueError:
        return None
    if value < 1e-8 or unit == "m":
        value *= 1e10
    value *= {"nm": 10.0, "pm": 0.01}.get(unit, 1.0)
    if not PLAUSIBLE_WAVELENGTH[0] <= value <= PLAUSIBLE_WAVELENGTH[1]:
        return None
    return Radiation(lines=((float(f"{value:.12g}"), 1.0),), kind="neutron" if neutron else "xray")


def iso_time(text: str) -> str | None:
    """Return a time stamp in ISO 8601, or None for any other text."""
    text = text.strip().strip('"')
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        pass
    for form in TIME_FORMATS:
        try:
            return datetime.strptime(text, form).isoformat()
        except ValueError:
            continue
    return None


def number_at(keys: Mapping[str, str], key: str) -> float | None:
    """Return the finite number that a heading gives first under a key, None if it gives none."""
    try:
        value = float(keys.get(key, "").split()[0])
    except (ValueError, IndexError):
        return None
    return value if math.isfinite(value) else None


def _words(line: str, separator: str | None, width: int) -> list[str]:
    line = line.strip().lstrip("#!';%*").strip()
    splits = (
        line.split(separator),
        line.split(","),
        re.split(r"\t|\s{2,}", line),
        line.split(),
        BEFORE_TITLE.split(line),
    )
    for words in splits:
        if len(words) == width:
            return [word.strip().strip('"') for word in words]
    return []


def _own_radiation(text: str, path: Path) -> Radiation:
    try:
        stated = json.loads(text)
        lines = tuple((float(wavelength), float(weight)) for wavelength, weight in stated.pop("lines"))
        return Radiation(lines=lines, says_kind="kind" in stated, **stated)
    except (InputError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        problem = f"the line '# radiation: {text[:LONGEST_SHOWN]}' is damaged"
        raise InputError(problem, place=path, cure="correct or remove it") from None


def _own_label(text: str) -> str:
    try:
        label = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return label if isinstance(label, str) else ""


def _radiation(text: str, neutron: bool) -> Radiation | None:
    doublet = _doublet(text)
    if doublet is not None:
        return doublet
    plain = [line for line in text.splitlines() if not CHARACTERISTIC.search(line)]
    matches = [match for line in plain for match in WAVELENGTH.finditer(line)]
    found = {radiation_from_wavelength(match[1], match[2], neutron=neutron) for match in matches} - {None}
    return found.pop() if len(found) == 1 else None


def _doublet(text: str) -> Radiation | None:
    first, second = ALPHA_1.search(text), ALPHA_2.search(text)
    strong = radiation_from_wavelength(first[1], first[2]) if first else None
    weak = radiation_from_wavelength(second[1], second[2]) if second else None
    if strong is None or weak is None:
        return strong
    stated = ALPHA_RATIO.search(text)
    ratio = _float(stated[1]) if stated else K_ALPHA_RATIO
    lines = ((strong.wavelength, 1.0), (weak.wavelength, ratio or 0.0))
    return Radiation(lines=lines) if ratio else strong


def _metadata(lines: Sequence[str], text: str) -> dict[str, object]:
    facts: dict[str, Any] = {
        "sample": _first(SAMPLE, lines),
        "start_time": next((t for m in map(TIME.search, lines) if m and (t := iso_time(m[1]))), None),
        "temperature_k": _temperature(lines),
        "radius_mm": _float(match[1]) if (match := RADIUS.search(text)) else None,
        "anode": match[1] if (match := ANODE.search(text)) else None,
    }
    return {key: value for key, value in facts.items() if value}


def _first(pattern: re.Pattern[str], lines: Sequence[str]) -> str:
    return next((m[1].strip().strip('"') for m in map(pattern.search, lines) if m), "")


def _temperature(lines: Sequence[str]) -> float | None:
    """Return the stated temperature in kelvin; zero means no thermometer."""
    for line in lines:
        if match := TEMPERATURE.search(line):
            value = _float(match[2])
            return value + 273.15 if value is not None and match[1].upper().endswith("C") else value
        if match := TEMPERATURE_K.search(line):
            return _float(match[1])
    return None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
