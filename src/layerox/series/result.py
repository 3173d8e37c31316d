"""The result of a series: the table of its frames, the same as an xarray dataset, and a summary as text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from layerox.series.group_columns import group_texts, is_represented, with_other_reasons
from layerox.series.results_folder import CHANGES, TABLE
from layerox.series.run_document import SCHEMA, read_run
from layerox.series.stacking_columns import VERDICT
from layerox.series.tables import TEXTS, read_changes, read_frames

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
DESCRIPTION = {"title": "layerox series", "schema": SCHEMA}


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """The result of a series.

    Attributes
    ----------
    frames
        frames.csv as a DataFrame, one row a frame.
    transitions
        Phase entries ("birth" in the table) and exits ("death"), as a DataFrame.
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

    frames: pd.DataFrame
    transitions: pd.DataFrame
    phases: tuple[str, ...]
    axes: tuple[str, ...]
    run: Mapping[str, Any]
    path: Path | None = None

    def __repr__(self) -> str:
        """One line with the numbers of frames and verdicts, the phases and axes."""
        counts = self.frames["verdict"].value_counts().sort_index()
        text = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        axes = f"; axes {', '.join(self.axes)}" if self.axes else ""
        return f"Series({len(self.frames)} frames: {text}; phases {', '.join(self.phases)}{axes})"

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
        table, per_phase = self.frames, ("frame", "phase")
        data: dict[str, NetcdfVariable] = {}
        for title in self.titles:
            columns = [f"{name}.{title}" for name in self.phases]
            values = np.column_stack([table[c] if c in table else np.full(len(table), np.nan) for c in columns])
            units = {"units": UNITS.get(title.removesuffix("_esd"), "1")}
            data[title] = NetcdfVariable(dimensions=per_phase, values=values.astype(float), attributes=units)
        for name in ("r_wp", "gof"):
            data[name] = NetcdfVariable(dimensions=("frame",), values=table[name].to_numpy(float))
        for name in titles_of(OFFSETS):
            units = {"units": UNITS[name.removesuffix("_esd")]}
            data[f"instrument_{name}"] = NetcdfVariable(
                dimensions=("frame",), values=table[name].to_numpy(float), attributes=units
            )
        for name in TEXTS:
            data[name] = NetcdfVariable(dimensions=("frame",), values=table[name].astype(str).to_numpy(object))
        columns = [f"{name}.{VERDICT}" for name in self.phases]
        if any(column in table for column in columns):
            verdicts = table.reindex(columns=columns).fillna("").to_numpy(object)
            data[f"stacking_{VERDICT}"] = NetcdfVariable(dimensions=per_phase, values=verdicts)
        return data

    def _coordinates(self) -> dict[str, NetcdfVariable]:
        """Return the coordinates of the dataset: frames, phases and axes, by name."""
        phases, units = np.array(self.phases, dtype=object), self.run.get("axis_units", {})
        found = {
            "frame": NetcdfVariable(dimensions=("frame",), values=self.frames["frame"].to_numpy()),
            "phase": NetcdfVariable(dimensions=("phase",), values=phases),
        }
        for name in self.axes:
            attributes = {"units": units[name]} if name in units else {}
            found[name] = NetcdfVariable(
                dimensions=("frame",), values=self.frames[name].to_numpy(float), attributes=attributes
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
        owned = (column.split(".", 1) for column in self.frames.columns if "." in column)
        own = (title for name, title in owned if name in self.phases and title != VERDICT)
        return list(dict.fromkeys([*titles_of(QUANTITIES), *own]))

    @property
    def place(self) -> NDArray[np.float64]:
        """The position of each frame on the first axis, or its number if there is none, shape (frames,)."""
        return np.asarray(self.frames[self.axes[0] if self.axes else "frame"], dtype=np.float64)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """Which frames are accepted (also after a new start), shape (frames,)."""
        return np.asarray(self.frames["verdict"].isin(["accepted", "reseeded"]))

    @property
    def is_trustworthy(self) -> bool:
        """Whether no frame is quarantined and at least one can be read."""
        verdicts = self.frames["verdict"]
        return not (verdicts == "quarantined").any() and not (verdicts == "unreadable").all()


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
    folder = Path(path)
    run = read_run(folder)
    frames = read_frames(folder / TABLE, run)
    changes = read_changes(folder / CHANGES, run)
    phases = tuple(safe_name(name) for name in run["phases"])
    return Series(frames=frames, transitions=changes, phases=phases, axes=tuple(run["axes"]), run=run, path=folder)


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
    frames = series.frames
    counts = Counter(frames["verdict"])
    text = ", ".join(f"{counts[verdict]} {verdict}" for verdict in sorted(counts))
    lines = [f"{len(frames)} frames: {text}; median R_wp {100 * frames['r_wp'].median():.2f} %", ""]
    lines += [_phase_line(series, name) for name in series.phases]
    lines += group_texts(frames, series.phases)
    if "electrochemistry" in series.run:
        lines += ["", _log_line(series)]
    changes = [f"{row.phase} {row.kind} at frame {row.frame}" for row in series.transitions.itertuples()]
    if changes:
        lines += ["", "transitions: " + "; ".join(changes)]
    bad = with_other_reasons(frames)
    lines += [f"{row.file}: {row.verdict}: {row.reason}" for row in bad.head(MOST_FAULTS).itertuples()]
    if len(bad) > MOST_FAULTS:
        lines.append(f"and {len(bad) - MOST_FAULTS} more, see frames.csv")
    lines += [f"notice: {notice['message']}" for notice in series.run["notices"]]
    return "\n".join(lines)


def _log_line(series: Series) -> str:
    """Return the range of the log's values over the frames."""
    log, shown = series.run["electrochemistry"], series.frames[series.frames["voltage"].notna()]
    text = [f"cell: {len(shown)} frames within the log, {_ends(shown['voltage'], '.3f')} V"]
    text.append(f"{_ends(shown['capacity'], '.4g')} mAh")
    if "x_na" in shown:
        text.append(f"x_na {_ends(shown['x_na'], '.3f')}")
        text.append(f"{log['theoretical_capacity_mAh_per_g']:.1f} mAh/g in theory")
    fitted = " (fitted)" if log["offset_evidence"] else ""
    return f"{', '.join(text)}; clocks {log['offset_s']:g} s apart{fitted}, times from {log['frame_times']}"


def _ends(values: Any, form: str) -> str:
    return f"{values.iloc[0]:{form}} -> {values.iloc[-1]:{form}}"


def _phase_line(series: Series, name: str) -> str:
    frames = series.frames
    shown = frames[series.is_good & frames[f"{name}.volume"].notna()]
    if not len(shown):
        return f"{name}: {'not distinguished' if is_represented(frames, name) else 'in no frame'}"
    first, last = shown.iloc[0], shown.iloc[-1]
    weight = f"{100 * first[f'{name}.weight_fraction']:.1f} -> {100 * last[f'{name}.weight_fraction']:.1f} wt%"
    if shown[f"{name}.weight_fraction"].isna().all():
        weight = "hardware"
    volume = f"V {first[f'{name}.volume']:.3f} -> {last[f'{name}.volume']:.3f} A^3"
    return f"{name}: in {len(shown)} frames, {first['frame']} to {last['frame']}: {weight}, {volume}"
