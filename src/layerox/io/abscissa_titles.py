"""Axis and unit of a pattern from the title of its abscissa; titles of other measurements are rejected.

Two-theta in degrees, radians or milliradians, q and d in any usual unit are read. Other axes (theta, energy, time of
flight, a radius on the detector ...) are rejected by name, with a cure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from layerox.errors import InputError
from layerox.io.scan import Axis

LONGEST = 80
TWO_THETA = re.compile(r"^(2[-_ ]?\s?th|2\s?[θϑΘ]|two[-_ ]?th|tth|tt$|angle|pos\.?\b|°2)", re.IGNORECASE)
Q = re.compile(r"^(\|q\||q)(?!\s*(\^|\*\*)?\s*[24²⁴])($|[\s_(\[/,{])", re.IGNORECASE)
D = re.compile(r"^d$|^d[-_ ]?spac|^d\s*[(\[/]|^d_(a|å|nm|pm|ang)", re.IGNORECASE)
RADIAN = re.compile(r"(?<![a-z])(m|milli)?rad(?:ians?)?(?![a-z])", re.IGNORECASE)
UNITS = (
    (re.compile(r"(?<![a-z])nm|nanom", re.IGNORECASE), 10.0),
    (re.compile(r"(?<![a-z])pm(?![a-z])|picom", re.IGNORECASE), 0.01),
    (re.compile(r"(?<![a-z])(?<!n)(?<!p)m(\^?-1|-1|⁻¹)(?![a-z0-9])"), 1e10),
)
# Titles of the first column of other measurements, matched against the whole title without its unit.
REFUSED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"th|theta|θ|ϑ|bragg angle", re.IGNORECASE), "theta",
     "double it, or title it two_theta if it is that already"),
    (re.compile(r"sin ?\(?(th|theta|θ)\)?( ?/ ?(l|lambda|λ|wavelength))?|stol|s ?= ?sin.*", re.IGNORECASE),
     "sin(theta)/lambda", "multiply by 4 pi and give q"),
    (re.compile(r"1 ?/ ?d|d ?\*|d\^?-1|inverse d|h|s"), "1/d", "give q = 2 pi / d, d or two-theta"),
    (re.compile(r"q ?(\^|\*\*)? ?[24²⁴]|ln ?q|log ?q", re.IGNORECASE), "a power or logarithm of q", "give q"),
    (re.compile(r"(binding|kinetic) ?energy|b\.?e\.?|k\.?e\.?", re.IGNORECASE), "the energy of photoemission",
     "a pattern needs angles, q or d"),
    (re.compile(r"energy|e|photon energy|ev|kev", re.IGNORECASE), "energy", "a pattern needs angles, q or d"),
    (re.compile(r"(t|time)[- _]?of[- _]?flight|tof|t\.o\.f\.?", re.IGNORECASE), "time of flight", "convert it to d"),
    (re.compile(r"r|radius|radial( distance)?|distance", re.IGNORECASE), "a radius", "integrate to two-theta, q or d"),
    (re.compile(r"channels?|pixels?|bins?|index", re.IGNORECASE), "a channel number", "calibrate it to two-theta"),
    (re.compile(r"chi|azimuth.*|phi|omega|ω|χ|φ", re.IGNORECASE), "a rocking or azimuthal angle",
     "integrate to two-theta"),
    (re.compile(r"time|temperature|temp|t|wavelength|lambda|λ|frequency|wavenumber|raman.*", re.IGNORECASE),
     "no angle", "give two-theta, q or d"),
)  # fmt: skip
REFLECTIVITY = re.compile(r"reflectivity|reflectance|r$|log ?r", re.IGNORECASE)
UNIT_BEHIND = re.compile(r"\s*[(\[{/].*$|_(m?rad|deg|mm|m|us|ms|s|kev|ev|nm|a|ang|px|k|c)\b.*$", re.IGNORECASE)


def axis_from_title(title: str) -> Axis | None:
    """Return the axis that a title or label names, None for any other text."""
    title = _plain(title)
    if TWO_THETA.match(title):
        return "two-theta"
    if Q.match(title):
        return "q"
    return "d" if D.match(title) else None


def scale_from_title(title: str, axis: Axis) -> float:
    """Return the factor from the unit of a title to degrees, 1/angstrom or angstrom."""
    title = _plain(title)
    if axis == "two-theta":
        radian = RADIAN.search(title)
        return 1.0 if radian is None else math.degrees(1e-3 if radian[1] else 1.0)
    if axis == "q" and (metres := UNITS[2][0].search(title)):
        return 1.0 / UNITS[2][1] if metres else 1.0
    length = next((factor for form, factor in UNITS[:2] if form.search(title)), 1.0)
    return length if axis == "d" else 1.0 / length


def refuse_other_axis(title: str, place: str) -> None:
    """Reject a title of an axis that a powder pattern cannot have.

    Raises
    ------
    InputError
        With the name of that axis and a cure.
    """
    name = UNIT_BEHIND.sub("", _plain(title)).replace("_", " ").strip() or _plain(title)
    for whole in (_plain(title), name):
        for form, what, cure in REFUSED:
            if form.fullmatch(whole):
                shown = what if what == whole else f"{what} ({_plain(title)!r})"
                raise InputError(f"its axis is {shown}", place=place, cure=cure)


def refuse_other_ordinate(titles: Sequence[str], place: str) -> None:
    """Reject a title of intensities that are not those of a powder pattern.

    Raises
    ------
    InputError
        If one of the titles names a reflectivity.
    """
    if any(REFLECTIVITY.match(_plain(title)) for title in titles):
        problem = "is a reflectivity curve, not a powder pattern"
        raise InputError(problem, place=place, cure="give a pattern over two-theta, q or d")


def _plain(title: str) -> str:
    return title[:LONGEST].strip().strip('"#').strip()
