"""Scans that are not powder patterns, refused by the name of their kind of measurement.

A diffractometer also measures pole figures, rocking curves, reciprocal-space maps and reflectivity, in files like those
of a pattern; only the name of the scanned axis, or a statement on the method, distinguishes them.
"""

from __future__ import annotations

import re
from pathlib import Path

from layerox.errors import InputError

TWO_THETA_AXES = frozenset({
    "2theta", "twotheta", "gonio", "2thetaomega", "omega2theta", "twothetaomega", "omegatwotheta", "twothetatheta",
    "2thetatheta", "thetatwotheta", "theta2theta", "lockedcoupled", "unlockedcoupled", "coupled", "detectorscan",
    "coupledtwothetatheta", "thth", "2thomg", "2th",
})  # fmt: skip
# Words in the plain name of an axis or a method, and the measurement that they stand for.
KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"reflectiv|reflectom|xrr"), "a reflectivity curve"),
    (re.compile(r"pole|texture"), "a pole figure"),
    (re.compile(r"^(phi|chi|khi|psi|eta|beta|alpha)"), "a pole figure"),
    (re.compile(r"rsm|recipro|area|mesh|map"), "a mesh scan (reciprocal-space map)"),
    (re.compile(r"^(theta|omega|rocking|thetas|th$|omg)"), "a rocking curve"),
    (re.compile(r"^(x|y|z|zs|zdrive|xdrive|ydrive|height|zi?)$|align|slit|translation"), "an alignment scan"),
    (re.compile(r"time|sit|psdfix|fixed"), "a count at a fixed angle"),
)


def is_two_theta(axis: str) -> bool:
    """Whether the name of a scanned axis is one of two-theta."""
    return plain_name(axis) in TWO_THETA_AXES


def plain_name(axis: str) -> str:
    """Return the name of an axis in lower case, with 2-theta in letters and without separators."""
    name = axis.lower().replace("θ", "theta").replace("ω", "omega")
    return re.sub(r"[\s/_*()-]", "", name)


def refusal_of_axis(axis: str, number: int, path: Path) -> InputError:
    """Return the error for a scan along another axis than two-theta."""
    problem = f"scan {number} runs along {axis or 'an unnamed axis'}, not along two-theta"
    kind = kind_of(axis)
    return InputError(f"{problem}: {kind}" if kind else problem, place=path, cure="give a 2Theta or Gonio scan")


def refusal_of_kind(kind: str, path: Path) -> InputError:
    """Return the error for a file that states another kind of measurement."""
    return InputError(f"is {kind}, not a powder pattern", place=path, cure="give a scan of two-theta")


def kind_of(name: str) -> str:
    """Return the measurement that the name of an axis or method stands for, "" if it is unknown."""
    plain = plain_name(name)
    return next((kind for form, kind in KINDS if form.search(plain)), "")
