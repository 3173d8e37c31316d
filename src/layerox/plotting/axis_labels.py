"""Axis labels of figures: quantity and unit of a series axis ("temperature_k" gives "temperature (K)")."""

from __future__ import annotations

# Units of axes whose names have no unit.
UNITS = {"voltage": "V"}
# Unit suffixes of names, and their spelling.
SUFFIXES = {"k": "K", "h": "h", "s": "s", "min": "min", "v": "V", "ma": "mA", "gpa": "GPa", "mpa": "MPa", "mah": "mAh"}
SYMBOLS = {"x_na": "x (Na per formula unit)"}


MOST_SHOWN = 120


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
