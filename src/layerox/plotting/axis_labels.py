"""Axes of figures: the scales of intensity, and the labels of a series axis ("temperature_k": "temperature (K)")."""

from __future__ import annotations

from layerox.errors import InputError, nearest

# Units of axes whose names have no unit.
UNITS = {"voltage": "V"}
# Unit suffixes of names, and their spelling.
SUFFIXES = {"k": "K", "h": "h", "s": "s", "min": "min", "v": "V", "ma": "mA", "gpa": "GPa", "mpa": "MPa", "mah": "mAh"}
SYMBOLS = {"x_na": "x (Na per formula unit)"}


MOST_SHOWN = 120
INTENSITY_SCALES = ("linear", "sqrt", "log")


def verbatim(text: str) -> str:
    """Return a text so that matplotlib shows it literally ($ starts no formula), shortened if long."""
    shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
    return "".join(c if c.isprintable() else " " for c in shown).replace("$", r"\$")


def axis_text(name: str, unit: str | None = None) -> str:
    """Return the label of an axis, with its unit where it is given, part of the name, or known.

    Parameters
    ----------
    name
        Name of the axis ("temperature_k"); "" for the frame number.
    unit
        The unit stored in the series.
    """
    if not name:
        return "frame"
    if name.lower() in SYMBOLS:
        return SYMBOLS[name.lower()]
    head, _, tail = name.rpartition("_")
    if head and tail.lower() in SUFFIXES:
        return f"{head} ({unit or SUFFIXES[tail.lower()]})"
    unit = unit or UNITS.get(name)
    return f"{name} ({unit})" if unit else name


def check_scale(intensity: str) -> None:
    """Reject an intensity axis that is not one of `INTENSITY_SCALES`.

    Raises
    ------
    InputError
        With the nearest one.
    """
    if intensity not in INTENSITY_SCALES:
        fault = f"unknown intensity axis {intensity!r}"
        raise InputError(fault, cure=nearest(intensity, INTENSITY_SCALES), argument="intensity")
