"""Labels: what axes of a run are called in figures: their quantity with its unit ("temperature_k": temperature (K))."""

from __future__ import annotations

# Units of axes whose names do not say them.
UNITS = {"voltage": "V"}
# Last parts of names that are units, and how these are written.
SUFFIXES = {"k": "K", "h": "h", "s": "s", "min": "min", "v": "V", "ma": "mA", "gpa": "GPa", "mpa": "MPa", "mah": "mAh"}
SYMBOLS = {"x_na": "x (Na per formula unit)"}


MOST_SHOWN = 120


def verbatim(text: str) -> str:
    """Return a text from a file or a user as matplotlib shows it letter by letter: $ begins no formula; cut if long."""
    shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
    return "".join(c if c.isprintable() else " " for c in shown).replace("$", r"\$")


def axis_text(name: str, unit: str | None = None) -> str:
    """Return what an axis is called, with its unit where that is told, said by its name, or known.

    Parameters
    ----------
    name
        Of the axis ("temperature_k"); "" for the number of the frame.
    unit
        As the run has it.
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
