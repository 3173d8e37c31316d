"""Logbook: what is written down beside the patterns of a synthetic experiment: times, temperatures, a cell's charge.

A cell is charged and discharged with constant currents, so that its sodium content is a line of straight pieces, each
a step of the cycler. Voltages are CONSTRUCTED: they have plateaus where the literature reports them, and are no
measurement.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np

from layerox.builders.composition import MAH_PER_MOL, parse_formula
from layerox.errors import InputError

Point = tuple[float, float]
Curve = tuple[Point, ...]

BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ROOM_K = 298.0
# Rows of a cycler's log between the beginning and the end, beside those at which a step ends.
CYCLER_ROWS = 240
CYCLER_TITLES = ("time_utc", "voltage_V", "current_mA", "capacity_mAh", "cycle", "step")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell that is charged while its cathode is looked at.

    Attributes
    ----------
    formula, mass_mg
        Of the fresh cathode material.
    sodium
        (progress, Na for each metal of the slabs) points, joined by straight lines: one for each step of the cycler.
    voltage
        (progress, volts) points.
    """

    formula: str
    mass_mg: float
    sodium: Curve
    voltage: Curve


@dataclass(frozen=True, kw_only=True)
class Logbook:
    """What is logged of an experiment whose progress runs from 0 to 1.

    Attributes
    ----------
    hours
        How long it takes.
    temperature_k
        (progress, kelvin) points.
    cell
        None where nothing is charged.
    composition
        Where specimens differ in it: what x is of ("x_ti"), and (progress, x) points.
    """

    hours: float
    temperature_k: Curve = ((0.0, ROOM_K),)
    cell: Cell | None = None
    composition: tuple[str, Curve] | None = None

    def time(self, progress: float) -> datetime:
        """Return the time of day (UTC)."""
        return BEGIN + timedelta(hours=self.hours * progress)

    def axes(self, progress: float) -> dict[str, float]:
        """Return hours, kelvin and, of a cell, volts and sodium content; of different specimens, their composition."""
        if self.composition is not None:
            name, curve = self.composition
            return {name: value_at(curve, progress)}
        found = {"time_h": self.hours * progress, "temperature_k": value_at(self.temperature_k, progress)}
        if self.cell is not None:
            found |= {"voltage": value_at(self.cell.voltage, progress), "x_na": value_at(self.cell.sodium, progress)}
        return found


# Of an experiment of which nothing else is told.
PLAIN = Logbook(hours=10.0)
NICKEL_MANGANESE = "Na0.67Ni0.33Mn0.67O2"
LOGBOOKS: Mapping[str, Logbook] = {
    "p2-op4-o2": Logbook(hours=10.0, cell=Cell(
        formula=NICKEL_MANGANESE, mass_mg=4.2, sodium=((0.0, 0.67), (1.0, 0.12)),
        voltage=((0.0, 2.75), (0.03, 3.2), (0.2, 3.34), (0.24, 3.6), (0.42, 3.72), (0.5, 4.1), (0.95, 4.24),
                 (1.0, 4.45)),
    )),
    "o3-p3": Logbook(hours=10.0, cell=Cell(
        formula="NaNi0.5Mn0.5O2", mass_mg=4.2, sodium=((0.0, 1.0), (1.0, 0.45)),
        voltage=((0.0, 2.6), (0.05, 2.88), (0.5, 3.02), (0.75, 3.3), (1.0, 3.65)),
    )),
    "p2-o3": Logbook(hours=6.0, temperature_k=((0.0, 300.0), (1.0, 1000.0))),
    "p2-cycle": Logbook(hours=20.0, cell=Cell(
        formula=NICKEL_MANGANESE, mass_mg=4.2, sodium=((0.0, 0.67), (0.5, 0.12), (0.54, 0.12), (1.0, 0.63)),
        voltage=((0.0, 2.75), (0.015, 3.2), (0.1, 3.34), (0.12, 3.6), (0.21, 3.72), (0.25, 4.1), (0.47, 4.24),
                 (0.5, 4.45), (0.5005, 4.3), (0.54, 4.18), (0.5405, 4.02), (0.72, 3.9), (0.8, 3.56), (0.9, 3.42),
                 (0.93, 3.15), (0.98, 2.95), (1.0, 2.3)),
    )),
    "o3-p2-titanium": Logbook(hours=12.0, composition=("x_ti", ((0.0, 0.0), (1.0, 0.4)))),
    "p3-p2-spinel": Logbook(hours=8.0, temperature_k=((0.0, 300.0), (1.0, 1100.0))),
}  # fmt: skip


def value_at(curve: Curve, progress: float) -> float:
    """Return the value of a curve of straight pieces."""
    x, y = zip(*curve, strict=True)
    return float(np.interp(progress, x, y))


def log_text(book: Logbook, files: Sequence[str], places: Sequence[float]) -> str:
    """Return a CSV that says where each frame stands; `places` are their values of progress."""
    found = [book.axes(progress) for progress in places]
    rows = ([name, *(f"{x:.6g}" for x in axes.values())] for name, axes in zip(files, found, strict=True))
    return _csv_text(["file", *found[0]], rows)


def cycler_text(book: Logbook) -> str:
    """Return what the cycler of a cell logs, as CSV: a charge is positive, capacities count from where a step began.

    Raises
    ------
    InputError
        If there is no cell.
    """
    if book.cell is None:
        raise InputError("no cell is charged in this experiment", cure="choose one that has a cell")
    steps = enumerate(pairwise(book.cell.sodium), start=1)
    return _csv_text(
        CYCLER_TITLES, (row for number, ends in steps for row in _step_rows(book, book.cell, number, *ends))
    )


def _step_rows(book: Logbook, cell: Cell, number: int, begin: Point, end: Point) -> Iterator[list[str]]:
    """Yield the rows of a step; the first row of the log is the beginning of its first step."""
    count = max(round(CYCLER_ROWS * (end[0] - begin[0])), 1)
    whole = (begin[1] - end[1]) * MAH_PER_MOL * 1e-3 * cell.mass_mg / parse_formula(cell.formula).molar_mass
    current = whole / (book.hours * (end[0] - begin[0]))
    for share in np.linspace(0.0, 1.0, count + 1)[0 if number == 1 else 1 :]:
        progress = begin[0] + float(share) * (end[0] - begin[0])
        time = book.time(progress).isoformat(timespec="seconds")
        voltage = value_at(cell.voltage, progress)
        yield [time, f"{voltage:.4f}", f"{current:.5f}", f"{abs(whole) * share:.6f}", "1", str(number)]


def _csv_text(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows(rows)
    return text.getvalue()
