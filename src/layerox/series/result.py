"""The result of a series: the table of its frames, the same as an xarray dataset, and a summary as text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.model import safe_name
from layerox.io.file_contents import is_file
from layerox.io.netcdf_writing import NetcdfVariable, netcdf_bytes
from layerox.public import public
from layerox.radiation import Radiation
from layerox.series.frame_row import OFFSETS, QUANTITIES, titles_of
from layerox.series.frame_setup import Frame, PatternReading, frame_of
from layerox.series.group_columns import group_texts, has_other_reason, is_represented
from layerox.series.results_folder import CHANGES, TABLE
from layerox.series.run_document import SCHEMA, read_run
from layerox.series.stacking_columns import VERDICT
from layerox.series.tables import TEXTS, Columns, read_changes, read_frames
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

UNITS = {
    "a": "angstrom", "b": "angstrom", "c": "angstrom", "alpha": "degree", "beta": "degree", "gamma": "degree",
    "volume": "angstrom^3", "size": "nm", "displacement": "mm", "zero": "degree",
}  # fmt: skip
# A scan of several in a file, as tables name it.
SCAN = re.compile(r"(.+)#([1-9]\d{0,9})", re.DOTALL)
MOST_FAULTS = 5
# Larger numbers are no whole numbers with certainty.
MOST_WHOLE = 2.0**53
DESCRIPTION = {"title": "layerox series", "schema": SCHEMA}


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """The result of a series.

    Attributes
    ----------
    columns, changes
        The columns of frames.csv (one row a frame) and of transitions.csv, by title.
    phases
        Names as in the columns.
    axes
        Names of the axis columns.
    run
        run.json: settings, notices, counts of verdicts, times.
    path
        The folder; None without one.

    Examples
    --------
    >>> import layerox as lx
    >>> series = lx.open_series("out")  # written by the example of `fit_series`
    >>> series.phases, series.axes, len(series.frames)
    (('P2', 'OP4', 'O2', 'Al'), ('time', 'voltage'), 10)
    """

    columns: Columns
    changes: Columns
    phases: tuple[str, ...]
    axes: tuple[str, ...]
    run: Mapping[str, Any]
    path: Path | None = None

    def __repr__(self) -> str:
        """One line with the numbers of frames and verdicts, the phases and axes."""
        axes = f"; axes {', '.join(self.axes)}" if self.axes else ""
        return f"Series({_verdicts(self.columns)}; phases {', '.join(self.phases)}{axes})"

    @cached_property
    def frames(self) -> pd.DataFrame:
        """frames.csv as a DataFrame, one row a frame."""
        return _data_frame(self.columns)

    @cached_property
    def transitions(self) -> pd.DataFrame:
        """Phase entries ("birth" in the table) and exits ("death"), as a DataFrame."""
        return _data_frame(self.changes)

    def with_frames(self, frames: pd.DataFrame) -> Series:
        """Return the series with another table of frames."""
        return replace(self, columns={str(title): frames[title].to_numpy() for title in frames})

    @property
    def dataset(self) -> xr.Dataset:
        """The series as an xarray dataset: quantities over (frame, phase) with their esds; axes are coordinates."""
        import xarray as xr  # noqa: PLC0415  (half a second that only a dataset needs)

        quantities, coordinates = (
            {name: (v.dimensions, v.values, v.attributes) for name, v in part.items()}
            for part in (self._quantities(), self._coordinates())
        )
        return xr.Dataset(quantities, coords=coordinates, attrs=DESCRIPTION)

    def _quantities(self) -> dict[str, NetcdfVariable]:
        """Return the variables of the dataset, by name."""
        table, per_phase = self.columns, ("frame", "phase")
        nowhere = np.full(len(table["frame"]), np.nan)
        data: dict[str, NetcdfVariable] = {}
        for title in self.titles:
            columns = [f"{name}.{title}" for name in self.phases]
            values = np.column_stack([np.asarray(table[c]) if c in table else nowhere for c in columns])
            units = {"units": UNITS.get(title.removesuffix("_esd"), "1")}
            data[title] = NetcdfVariable(dimensions=per_phase, values=values.astype(float), attributes=units)
        for name in ("r_wp", "gof"):
            data[name] = NetcdfVariable(dimensions=("frame",), values=np.asarray(table[name], dtype=float))
        for name in titles_of(OFFSETS):
            units = {"units": UNITS[name.removesuffix("_esd")]}
            data[f"instrument_{name}"] = NetcdfVariable(
                dimensions=("frame",), values=np.asarray(table[name], dtype=float), attributes=units
            )
        for name in TEXTS:
            data[name] = NetcdfVariable(dimensions=("frame",), values=np.array(table[name], dtype=object))
        columns = [f"{name}.{VERDICT}" for name in self.phases]
        if any(column in table for column in columns):
            silent = np.full(len(table["frame"]), "", dtype=object)
            verdicts = [np.asarray(table.get(column, silent), dtype=object) for column in columns]
            data[f"stacking_{VERDICT}"] = NetcdfVariable(dimensions=per_phase, values=np.column_stack(verdicts))
        return data

    def _coordinates(self) -> dict[str, NetcdfVariable]:
        """Return the coordinates of the dataset: frames, phases and axes, by name."""
        phases, units = np.array(self.phases, dtype=object), self.run.get("axis_units", {})
        found = {
            "frame": NetcdfVariable(dimensions=("frame",), values=np.asarray(self.columns["frame"])),
            "phase": NetcdfVariable(dimensions=("phase",), values=phases),
        }
        for name in self.axes:
            attributes = {"units": units[name]} if name in units else {}
            found[name] = NetcdfVariable(
                dimensions=("frame",), values=np.asarray(self.columns[name], dtype=float), attributes=attributes
            )
        return found

    def to_netcdf(self) -> bytes:
        """Return the dataset as a NetCDF file (version 3, supported by all readers)."""
        # By CF, a variable names its coordinates that are no dimensions, with blanks between them.
        axes = " ".join(sorted(name for name in self.axes if " " not in name))
        note = {"coordinates": axes} if axes else {}
        quantities = {
            name: replace(variable, attributes={**variable.attributes, **note})
            for name, variable in self._quantities().items()
        }
        return netcdf_bytes({**quantities, **self._coordinates()}, DESCRIPTION)

    def tidy(self) -> pd.DataFrame:
        """Return the series in long form: one row for each frame, phase and quantity that is known.

        Columns: frame, file, the axes, verdict, phase, quantity, value, esd (empty if unknown), unit.
        """
        import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

        common = ["frame", "file", *self.axes, "verdict"]
        parts = []
        for name in self.phases:
            own = [title for title in self.titles if not title.endswith("_esd") and f"{name}.{title}" in self.frames]
            for quantity in own:
                part = self.frames[common].copy()
                part["phase"], part["quantity"] = name, quantity
                part["value"] = self.frames[f"{name}.{quantity}"]
                part["esd"] = self.frames.get(f"{name}.{quantity}_esd", np.nan)
                part["unit"] = UNITS.get(quantity, "1")
                parts.append(part[part["value"].notna()])
        return pd.concat(parts).sort_values("frame", kind="stable", ignore_index=True)

    @property
    def titles(self) -> list[str]:
        """Titles of the columns of the phases, without their names; not every phase has all of them."""
        owned = (column.split(".", 1) for column in self.columns if "." in column)
        own = (title for name, title in owned if name in self.phases and title != VERDICT)
        return list(dict.fromkeys([*titles_of(QUANTITIES), *own]))

    @property
    def place(self) -> NDArray[np.float64]:
        """The position of each frame on the first axis, or its number if there is none, shape (frames,)."""
        return np.asarray(self.columns[self.axes[0] if self.axes else "frame"], dtype=np.float64)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """Which frames are accepted (also after a new start), shape (frames,)."""
        return np.isin(np.asarray(self.columns["verdict"], dtype=object), ("accepted", "reseeded"))

    @property
    def is_trustworthy(self) -> bool:
        """Whether no frame is quarantined and at least one can be read."""
        verdicts = set(self.columns["verdict"])
        return "quarantined" not in verdicts and verdicts != {"unreadable"}


@public
def open_series(path: str | Path) -> Series:
    """Return the series of a folder written by `layerox series`, finished or not.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    Series
        The rows that are there.

    Raises
    ------
    InputError
        If there is none, or one of its files was damaged.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.open_series("out").axes  # written by the example of `fit_series`
    ('time', 'voltage')
    """
    return series_of_run(Path(path), read_run(Path(path)))


def series_of_run(folder: Path, run: Mapping[str, Any]) -> Series:
    """Return the series of a folder whose run.json is known and valid."""
    columns = read_frames(folder / TABLE, run)
    changes = read_changes(folder / CHANGES, run)
    phases = tuple(safe_name(name) for name in run["phases"])
    return Series(columns=columns, changes=changes, phases=phases, axes=tuple(run["axes"]), run=run, path=folder)


def _data_frame(columns: Columns) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  (a third of a second that only data frames need)

    return pd.DataFrame({title: values if "." in title else _whole(values) for title, values in columns.items()})


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as whole ones if all of them are: axes such as a temperature are often."""
    is_whole = values.dtype.kind == "f" and values.size > 0 and (values == np.rint(values)).all()
    return values.astype(np.int64) if is_whole and np.abs(values).max() < MOST_WHOLE else values


def frame_at(series: Series, k: int) -> Frame:
    """Return a frame of a series by its row in the table; "#2" behind a file's name is its second scan."""
    file, folder = str(series.frames["file"].iloc[k]), Path(series.run["folder"])
    scan = None if is_file(folder / file) else SCAN.fullmatch(file)
    name = file if scan is None else scan[1]
    path = folder if is_file(folder) else folder / name
    return replace(frame_of(path, 0, 1) if scan is None else frame_of(path, int(scan[2]) - 1, 2), index=k)


def reading_of(series: Series) -> PatternReading:
    """Return how the patterns of a series are read, nothing left out."""
    limits, lines = series.run["range"], series.run.get("lines")
    return PatternReading(
        radiation=None if lines is None else Radiation(lines=tuple((w, share) for w, share in lines), says_kind=False),
        range=None if limits is None else (limits[0], limits[1]),
        dataset=series.run.get("dataset"),
        axis=series.run.get("abscissa", "two-theta"),
        sigma=series.run.get("sigma", "auto"),
        allow_negative=series.run.get("allow_negative", False),
    )


def series_text(series: Series) -> str:
    """Return verdicts, phases with their frames, transitions and faults."""
    table = series.columns
    known = table["r_wp"][~np.isnan(table["r_wp"])]
    r_wp = np.median(known) if len(known) else np.nan
    lines = [f"{_verdicts(table)}; median R_wp {100 * r_wp:.2f} %", ""]
    lines += [_phase_line(series, name) for name in series.phases]
    lines += group_texts(table, series.phases)
    if "electrochemistry" in series.run:
        lines += ["", _log_line(series)]
    changes = zip(*(series.changes[title] for title in ("phase", "kind", "frame")), strict=True)
    if told := [f"{phase} {kind} at frame {frame}" for phase, kind, frame in changes]:
        lines += ["", "transitions: " + "; ".join(told)]
    bad = np.flatnonzero(has_other_reason(table))
    lines += [f"{table['file'][k]}: {table['verdict'][k]}: {table['reason'][k]}" for k in bad[:MOST_FAULTS]]
    if len(bad) > MOST_FAULTS:
        lines.append(f"and {len(bad) - MOST_FAULTS} more, see frames.csv")
    lines += [f"notice: {notice['message']}" for notice in series.run["notices"]]
    return "\n".join(lines)


def _verdicts(table: Columns) -> str:
    """Return the numbers of frames and of each verdict."""
    counts = Counter(table["verdict"])
    return f"{len(table['verdict'])} frames: {', '.join(f'{counts[verdict]} {verdict}' for verdict in sorted(counts))}"


def _log_line(series: Series) -> str:
    """Return the range of the log's values over the frames."""
    log, table = series.run["electrochemistry"], series.columns
    shown = np.flatnonzero(~np.isnan(table["voltage"]))
    text = [f"cell: {len(shown)} frames within the log, {_ends(table['voltage'][shown], '.3f')} V"]
    text.append(f"{_ends(table['capacity'][shown], '.4g')} mAh")
    if "x_na" in table:
        text.append(f"x_na {_ends(table['x_na'][shown], '.3f')}")
        text.append(f"{log['theoretical_capacity_mAh_per_g']:.1f} mAh/g in theory")
    fitted = " (fitted)" if log["offset_evidence"] else ""
    return f"{', '.join(text)}; clocks {log['offset_s']:g} s apart{fitted}, times from {log['frame_times']}"


def _ends(values: FloatArray, form: str) -> str:
    return f"{values[0]:{form}} -> {values[-1]:{form}}"


def _phase_line(series: Series, name: str) -> str:
    table = series.columns
    volumes, weights = (np.asarray(table[f"{name}.{title}"], dtype=float) for title in ("volume", "weight_fraction"))
    shown = np.flatnonzero(series.is_good & ~np.isnan(volumes))
    if not len(shown):
        return f"{name}: {'not distinguished' if is_represented(table, name) else 'in no frame'}"
    weight = f"{_ends(100 * weights[shown], '.1f')} wt%"
    if np.isnan(weights[shown]).all():
        weight = "hardware"
    first, last = (table["frame"][k] for k in (shown[0], shown[-1]))
    return f"{name}: in {len(shown)} frames, {first} to {last}: {weight}, V {_ends(volumes[shown], '.3f')} A^3"
