"""Scenarios of simulated series: the history of each phase, and the log of the experiment (times, temperature, cell).

All are CONSTRUCTED from the literature on sodium layered oxides; they reproduce no measurement. A cell is
charged and discharged with constant currents, so that its sodium content is piecewise linear.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np

from layerox.builders import build_crystal
from layerox.builders.composition import MAH_PER_MOL, parse_formula
from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.errors import InputError
from layerox.symmetry import symmetry_from_name

Point = tuple[float, float]
Curve = tuple[Point, ...]
BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ROOM_K = 298.0
# Rows of a cycler's log in addition to the ends of steps.
CYCLER_ROWS = 240
CYCLER_TITLES = ("time_utc", "voltage_V", "current_mA", "capacity_mAh", "cycle", "step")
NICKEL_MANGANESE = "Na0.67Ni0.33Mn0.67O2"


@dataclass(frozen=True, kw_only=True)
class History:
    """The history of one phase.

    Attributes
    ----------
    name
        A library phase, or "Al", "NiO" or "spinel".
    weight
        (progress, weight) points, joined by straight lines; progress runs from 0 to 1. Weights are scaled to sum to 1.
    a, c
        (progress, factor on the length) points.
    size_nm, microstrain
        Of its crystallites.
    structure
        The library phase, "Al", "NiO" or "spinel", if the phase has another name.
    """

    name: str
    weight: Curve
    a: Curve = ((0.0, 1.0),)
    c: Curve = ((0.0, 1.0),)
    size_nm: float = 80.0
    microstrain: float = 0.0015
    structure: str = ""


SCENARIOS: Mapping[str, tuple[History, ...]] = {
    # Charge of a P2 cathode: c grows, then the layers glide to OP4 and collapse to O2; spinel and foil do not change.
    "p2-op4-o2": (
        History(name="P2", weight=((0.0, 0.9), (0.4, 0.9), (0.7, 0.0)), a=((0.0, 1.0), (0.7, 0.992)),
                c=((0.0, 1.0), (0.4, 1.012), (0.7, 1.014))),
        History(name="OP4", weight=((0.35, 0.0), (0.6, 0.7), (0.9, 0.15)), a=((0.3, 1.0), (1.0, 0.994)),
                size_nm=35.0, microstrain=0.003),
        History(name="O2", weight=((0.6, 0.0), (0.95, 0.75)), c=((0.6, 1.0), (1.0, 0.985)), size_nm=25.0,
                microstrain=0.004),
        History(name="spinel", weight=((0.0, 0.05),), size_nm=60.0),
        History(name="Al", weight=((0.0, 0.05),), size_nm=200.0, microstrain=0.0005),
    ),
    # Charge of an O3 cathode: O3 turns into P3 over a range of coexistence, c jumps.
    "o3-p3": (
        History(name="O3", weight=((0.2, 1.0), (0.65, 0.0)), a=((0.0, 1.0), (0.65, 0.988)), c=((0.0, 1.0),
                (0.65, 1.008))),
        History(name="P3", weight=((0.25, 0.0), (0.7, 1.0)), a=((0.2, 1.0), (1.0, 0.985)), c=((0.2, 0.992),
                (1.0, 1.012)), size_nm=50.0, microstrain=0.0025),
        History(name="Al", weight=((0.0, 0.06),), size_nm=200.0, microstrain=0.0005),
    ),
    # Heating of a biphasic cathode: O3 converts to P2 and partly back; a spinel forms.
    "p2-o3": (
        History(name="P2", weight=((0.0, 0.35), (0.6, 0.8), (1.0, 0.65)), c=((0.0, 1.0), (1.0, 1.006))),
        History(name="O3", weight=((0.0, 0.65), (0.6, 0.15), (1.0, 0.25)), a=((0.0, 1.0), (1.0, 1.004))),
        History(name="spinel", weight=((0.5, 0.0), (0.9, 0.12)), size_nm=40.0),
    ),
    # A P2 cathode charged and discharged: OP4 and O2 form and disappear with hysteresis; P2 does not fully recover.
    "p2-cycle": (
        History(name="P2", weight=((0.22, 0.9), (0.4, 0.0), (0.7, 0.0), (0.9, 0.85)), a=((0.0, 1.0), (0.22, 0.9935),
                (0.4, 0.992), (0.7, 0.9925), (1.0, 0.9985)), c=((0.0, 1.0), (0.22, 1.012), (0.4, 1.015),
                (0.7, 1.014), (1.0, 1.0035))),
        History(name="OP4", weight=((0.2, 0.0), (0.36, 0.7), (0.48, 0.15), (0.58, 0.15), (0.7, 0.75), (0.92, 0.0)),
                a=((0.2, 1.0), (0.5, 0.994), (0.9, 1.0)), c=((0.2, 1.0), (0.5, 0.992), (0.9, 1.0)), size_nm=40.0,
                microstrain=0.0025),
        History(name="O2", weight=((0.36, 0.0), (0.49, 0.75), (0.57, 0.75), (0.68, 0.0)), c=((0.36, 1.0), (0.52, 0.985),
                (0.68, 1.0)), size_nm=30.0, microstrain=0.003),
        History(name="Al", weight=((0.0, 0.06),), size_nm=200.0, microstrain=0.0005),
    ),
    # Heating of a P3 cathode with a spinel: P3 converts to P2, all cells expand, the amount of spinel is constant.
    "p3-p2-spinel": (
        History(name="P3", weight=((0.3, 0.88), (0.7, 0.0)), a=((0.0, 1.0), (0.7, 1.005)), c=((0.0, 1.0),
                (0.7, 1.011))),
        History(name="P2", weight=((0.33, 0.0), (0.7, 0.88)), a=((0.3, 1.002), (1.0, 1.007)), c=((0.3, 1.004),
                (1.0, 1.015)), size_nm=60.0, microstrain=0.002),
        History(name="spinel", weight=((0.0, 0.12),), a=((0.0, 1.0), (1.0, 1.008)), c=((0.0, 1.0), (1.0, 1.008)),
                size_nm=60.0),
    ),
    # Separate specimens of increasing titanium content: P2 replaces O3, both follow Vegard's law, NiO is an impurity.
    "o3-p2-titanium": (
        History(name="O3", weight=((0.0, 0.95), (0.25, 0.8), (0.75, 0.0)), a=((0.0, 1.0), (1.0, 1.012)),
                c=((0.0, 1.0), (1.0, 1.006)), size_nm=120.0, microstrain=0.001),
        History(name="P2", weight=((0.2, 0.0), (0.75, 0.95), (1.0, 1.0)), a=((0.0, 0.998), (1.0, 1.010)),
                c=((0.0, 1.0), (1.0, 1.009)), size_nm=150.0, microstrain=0.001),
        History(name="NiO", weight=((0.0, 0.05), (0.6, 0.0)), size_nm=40.0),
    ),
}  # fmt: skip


def crystal_of(name: str) -> Crystal:
    """Return a phase of a scenario: aluminium, NiO, a spinel, or one of the library."""
    if name == "Al":
        aluminium = Site(label="Al1", element="Al", position=(0.0, 0.0, 0.0), u_iso=0.01)
        return _cubic("Al", "F m -3 m", 4.0495, (aluminium,), "RECALLED: cell of aluminium at room temperature")
    if name == "NiO":
        nickel = Site(label="Ni1", element="Ni", position=(0.0, 0.0, 0.0), u_iso=0.005)
        oxygen = Site(label="O1", element="O", position=(0.5, 0.5, 0.5), u_iso=0.007)
        return _cubic("NiO", "F m -3 m", 4.177, (nickel, oxygen), "RECALLED: cell of NiO at room temperature")
    if name == "spinel":
        sites = (
            Site(label="Li1", element="Li", position=(0.125, 0.125, 0.125), u_iso=0.02),
            Site(label="Mn1", element="Mn", position=(0.5, 0.5, 0.5), u_iso=0.005),
            Site(label="O1", element="O", position=(0.263, 0.263, 0.263), u_iso=0.01),
        )
        return _cubic("spinel", "F d -3 m:2", 8.24, sites, "RECALLED: LiMn2O4")
    return replace(build_crystal(name), name=name)


def halite() -> Crystal:
    """Return NaCl, the foreign specimen of damaged series."""
    sites = (
        Site(label="Na1", element="Na", position=(0.0, 0.0, 0.0), u_iso=0.02),
        Site(label="Cl1", element="Cl", position=(0.5, 0.5, 0.5), u_iso=0.02),
    )
    return _cubic("halite", "F m -3 m", 5.64, sites, "RECALLED: NaCl")


def _cubic(name: str, group: str, a: float, sites: tuple[Site, ...], source: str) -> Crystal:
    cell = (a, a, a, 90.0, 90.0, 90.0)
    return Crystal(name=name, cell=cell, symmetry=symmetry_from_name(group), sites=sites, source=source)


@dataclass(frozen=True, kw_only=True)
class SimulatedCell:
    """A cell that is cycled during the measurement.

    Attributes
    ----------
    formula, mass_mg
        Formula and mass of the fresh cathode material.
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
class ExperimentLog:
    """The log of an experiment whose progress runs from 0 to 1.

    Attributes
    ----------
    hours
        Duration.
    temperature_k
        (progress, kelvin) points.
    cell
        None without a cell.
    composition
        For specimens of different composition: the name of x ("x_ti"), and (progress, x) points.
    """

    hours: float
    temperature_k: Curve = ((0.0, ROOM_K),)
    cell: SimulatedCell | None = None
    composition: tuple[str, Curve] | None = None

    def time(self, progress: float) -> datetime:
        """Return the time of day (UTC)."""
        return BEGIN + timedelta(hours=self.hours * progress)

    def axes(self, progress: float) -> dict[str, float]:
        """Return hours, kelvin and, with a cell, volts and sodium content; for several specimens, the composition."""
        if self.composition is not None:
            name, curve = self.composition
            return {name: value_at(curve, progress)}
        found = {"time_h": self.hours * progress, "temperature_k": value_at(self.temperature_k, progress)}
        if self.cell is not None:
            found |= {"voltage": value_at(self.cell.voltage, progress), "x_na": value_at(self.cell.sodium, progress)}
        return found


# Default log of an experiment.
PLAIN = ExperimentLog(hours=10.0)


EXPERIMENT_LOGS: Mapping[str, ExperimentLog] = {
    "p2-op4-o2": ExperimentLog(hours=10.0, cell=SimulatedCell(
        formula=NICKEL_MANGANESE, mass_mg=4.2, sodium=((0.0, 0.67), (1.0, 0.12)),
        voltage=((0.0, 2.75), (0.03, 3.2), (0.2, 3.34), (0.24, 3.6), (0.42, 3.72), (0.5, 4.1), (0.95, 4.24),
                 (1.0, 4.45)),
    )),
    "o3-p3": ExperimentLog(hours=10.0, cell=SimulatedCell(
        formula="NaNi0.5Mn0.5O2", mass_mg=4.2, sodium=((0.0, 1.0), (1.0, 0.45)),
        voltage=((0.0, 2.6), (0.05, 2.88), (0.5, 3.02), (0.75, 3.3), (1.0, 3.65)),
    )),
    "p2-o3": ExperimentLog(hours=6.0, temperature_k=((0.0, 300.0), (1.0, 1000.0))),
    "p2-cycle": ExperimentLog(hours=20.0, cell=SimulatedCell(
        formula=NICKEL_MANGANESE, mass_mg=4.2, sodium=((0.0, 0.67), (0.5, 0.12), (0.54, 0.12), (1.0, 0.63)),
        voltage=((0.0, 2.75), (0.015, 3.2), (0.1, 3.34), (0.12, 3.6), (0.21, 3.72), (0.25, 4.1), (0.47, 4.24),
                 (0.5, 4.45), (0.5005, 4.3), (0.54, 4.18), (0.5405, 4.02), (0.72, 3.9), (0.8, 3.56), (0.9, 3.42),
                 (0.93, 3.15), (0.98, 2.95), (1.0, 2.3)),
    )),
    "o3-p2-titanium": ExperimentLog(hours=12.0, composition=("x_ti", ((0.0, 0.0), (1.0, 0.4)))),
    "p3-p2-spinel": ExperimentLog(hours=8.0, temperature_k=((0.0, 300.0), (1.0, 1100.0))),
}  # fmt: skip


def value_at(curve: Curve, progress: float) -> float:
    """Return the value of a piecewise linear curve."""
    x, y = zip(*curve, strict=True)
    return float(np.interp(progress, x, y))


def log_text(book: ExperimentLog, files: Sequence[str], places: Sequence[float]) -> str:
    """Return a CSV with the axis values of each frame; `places` are their values of progress."""
    found = [book.axes(progress) for progress in places]
    rows = ([name, *(f"{x:.6g}" for x in axes.values())] for name, axes in zip(files, found, strict=True))
    return _csv_text(["file", *found[0]], rows)


def cycler_text(book: ExperimentLog) -> str:
    """Return the log of the cycler as CSV: charging current is positive, capacities count from the start of a step.

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


def _step_rows(book: ExperimentLog, cell: SimulatedCell, number: int, begin: Point, end: Point) -> Iterator[list[str]]:
    """Yield the rows of a step; the first row of the log is the start of its first step."""
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
