"""Result: a series as its folder holds it: the table of its frames, and the same as an xarray dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.model import safe_name
from layerox.public import public
from layerox.series.frametable import TEXTS, read_changes, read_frames
from layerox.series.measured import OFFSETS, QUANTITIES, titles_of
from layerox.series.rundocument import SCHEMA, read_run
from layerox.series.store import CHANGES, TABLE

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

UNITS = {
    "a": "angstrom", "b": "angstrom", "c": "angstrom", "alpha": "degree", "beta": "degree", "gamma": "degree",
    "volume": "angstrom^3", "size": "nm", "displacement": "mm", "zero": "degree",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """The result of a series.

    Attributes
    ----------
    frames
        frames.csv as a DataFrame, one row a frame.
    transitions
        Births and deaths of phases, as a DataFrame.
    phases
        Their names as the columns have them.
    axes
        Names of the axis columns.
    run
        run.json: settings, notices, counts of verdicts, times.
    path
        The folder; None if there is none any more.
    """

    frames: pd.DataFrame
    transitions: pd.DataFrame
    phases: tuple[str, ...]
    axes: tuple[str, ...]
    run: Mapping[str, Any]
    path: Path | None = None

    def __repr__(self) -> str:
        """Say in one line what the series holds."""
        counts = self.frames["verdict"].value_counts().sort_index()
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        axes = f"; axes {', '.join(self.axes)}" if self.axes else ""
        return f"Series({len(self.frames)} frames: {said}; phases {', '.join(self.phases)}{axes})"

    @property
    def dataset(self) -> xr.Dataset:
        """The series as an xarray dataset: quantities over (frame, phase) with their esds; axes are coordinates."""
        import xarray as xr  # noqa: PLC0415  (half a second that only a dataset needs)

        table = self.frames
        data: dict[str, Any] = {}
        for title in self.titles:
            columns = [f"{name}.{title}" for name in self.phases]
            unit = UNITS.get(title.removesuffix("_esd"), "1")
            data[title] = (("frame", "phase"), table.reindex(columns=columns).to_numpy(float), {"units": unit})
        for name in ("r_wp", "gof"):
            data[name] = ("frame", table[name].to_numpy(float))
        for name in titles_of(OFFSETS):
            unit = UNITS[name.removesuffix("_esd")]
            data[f"instrument_{name}"] = ("frame", table[name].to_numpy(float), {"units": unit})
        for name in TEXTS:
            data[name] = ("frame", table[name].astype(str).to_numpy(object))
        coordinates: dict[str, Any] = {"frame": table["frame"].to_numpy(), "phase": list(self.phases)}
        units = self.run.get("axis_units", {})
        for name in self.axes:
            attributes = {"units": units[name]} if name in units else {}
            coordinates[name] = ("frame", table[name].to_numpy(float), attributes)
        return xr.Dataset(data, coords=coordinates, attrs={"title": "layerox series", "schema": SCHEMA})

    def tidy(self) -> pd.DataFrame:
        """Return the series in long form: one row for each frame, phase and quantity that is known.

        Columns: frame, file, the axes, verdict, phase, quantity, value, esd (empty where none is known), unit.
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
        return list(dict.fromkeys([*titles_of(QUANTITIES), *(title for name, title in owned if name in self.phases)]))

    @property
    def place(self) -> NDArray[np.float64]:
        """Where each frame stands on the first axis, or its number if there is none, shape (frames,)."""
        return np.asarray(self.frames[self.axes[0] if self.axes else "frame"], dtype=np.float64)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """Which frames can be believed, shape (frames,)."""
        return np.asarray(self.frames["verdict"].isin(["accepted", "reseeded"]))

    @property
    def is_trustworthy(self) -> bool:
        """Whether no frame is quarantined, and there are some that can be read."""
        verdicts = self.frames["verdict"]
        return not (verdicts == "quarantined").any() and not (verdicts == "unreadable").all()


@public
def open_series(path: str | Path) -> Series:
    """Return the series of a folder that `layerox series` has written, finished or not.

    Raises
    ------
    InputError
        If there is none, or one of its files was damaged.
    """
    folder = Path(path)
    run = read_run(folder)
    frames = read_frames(folder / TABLE, run)
    changes = read_changes(folder / CHANGES, run)
    phases = tuple(safe_name(name) for name in run["phases"])
    return Series(frames=frames, transitions=changes, phases=phases, axes=tuple(run["axes"]), run=run, path=folder)


def netcdf_bytes(series: Series) -> bytes:
    """Return the dataset of a series as a NetCDF file (version 3, which every reader knows)."""
    return bytes(series.dataset.to_netcdf(path=None, format="NETCDF3_64BIT", engine="scipy"))
