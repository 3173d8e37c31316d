"""Electrochemical columns of a series: the values of a cycler's log at the middle of each frame.

A frame is placed by its time only. Where the log has no value (before, after, in a gap) the columns are empty, and a
notice gives the number of such frames.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerox.electrochemistry.cell_log import Electrochemistry, Moments, moments_of
from layerox.electrochemistry.clock_offset import Offset, fitted_offset
from layerox.electrochemistry.read_log import read_electrochemistry
from layerox.electrochemistry.sodium_content import Sodium, sodium_of
from layerox.electrochemistry.time_stamps import utc_text, zone_of
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.series.frame_axes import FrameTimes, axis_notices, frame_times
from layerox.series.frame_setup import Frames
from layerox.series.frames import frames_of
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from layerox.electrochemistry.recipe_settings import ElectrochemistryModel

# The file of a log, several, or a table with the keys of [electrochemistry].
ElectrochemistryArgument = str | Path | Sequence[str | Path] | Mapping[str, Any]

COLUMNS = ("voltage", "current", "capacity", "x_na", "x_na_esd", "cycle", "step")
COLUMN_UNITS = {"voltage": "V", "current": "mA", "capacity": "mAh", "x_na": "Na per MO2"}
TIME = "time"
# Impossible sodium contents: the charge exceeds that of all sodium.
LEAST_X, MOST_X = -0.02, 1.05
# Largest number of charge, rest and discharge intervals in run.json; pulses give thousands.
MOST_STRETCHES = 500
# Relative difference of the user's mass and the log's that gives a notice.
MASS_DIFFERS = 0.01


def settings_from(
    argument: ElectrochemistryArgument | None, recipe: ElectrochemistryModel | None
) -> ElectrochemistryModel | None:
    """Return the settings of a cycler's log from the call and the recipe; None if there are none.

    Raises
    ------
    InputError
        If a setting is given twice, an unknown key is given, or there is no file.
    """
    if argument is None and recipe is None:
        return None
    from layerox.electrochemistry.recipe_settings import ElectrochemistryModel  # noqa: PLC0415  (pydantic takes 30 ms)
    from layerox.io.toml_file import validated  # noqa: PLC0415

    own: dict[str, Any] = _table(argument)
    there = {} if recipe is None else recipe.model_dump(exclude_unset=True)
    if there.get("file") == []:
        del there["file"]
    if twice := sorted(own.keys() & there.keys()):
        raise InputError(f"{twice[0]} is given here and in the recipe", argument="electrochemistry",
                         cure="keep one of them")  # fmt: skip
    settings = validated(ElectrochemistryModel, {**there, **own}, "electrochemistry")
    if not settings.files:
        raise InputError("no file of a cycler", argument="electrochemistry", cure="give one")
    if (settings.mass_mg is None) and settings.mass_esd_mg is not None:
        raise InputError("an uncertainty of the mass without it", argument="mass", cure="give both")
    settings.file = [str(Path(name).resolve()) for name in settings.files]
    return settings


def _table(argument: ElectrochemistryArgument | None) -> dict[str, Any]:
    if argument is None:
        return {}
    if isinstance(argument, Mapping):
        own = {key: value for key, value in argument.items() if value is not None}
        file = own.pop("file", None)
        return own if file is None else {**own, **_table(file)}
    return {"file": [str(argument)] if isinstance(argument, (str, Path)) else [str(each) for each in argument]}


def frames_with_log(
    source: Path,
    settings: ElectrochemistryModel,
    *,
    glob: str | None = None,
    axes: Sequence[str] = (),
    dataset: str | None = None,
) -> Frames:
    """Return the frames of a folder with the columns of a log as further axes.

    Parameters
    ----------
    source, glob, axes, dataset
        As for `frames_of`; an axis may also be a column of the log, which then comes first, the frames in the order
        of their times. Without axes the first is the time, in hours since the first frame.
    settings
        The log, the clocks and the cathode.

    Raises
    ------
    InputError
        Like `frames_of` and `read_electrochemistry`; if the frames have no times, or none is within the log.
    """
    others = [axis for axis in axes if axis not in COLUMNS]
    wanted = [axis for axis in axes if axis in COLUMNS]
    frames = frames_of(source, glob=glob, axes=others, dataset=dataset)
    if taken := sorted(set(frames.axes) & set(COLUMNS)):
        raise InputError(f"the axis {taken[0]!r} is also a column of the log", place="--axis", cure="rename it")
    zone = None if settings.frame_time_zone or settings.time_zone is None else zone_of(settings.time_zone)
    zone = zone_of(settings.frame_time_zone) if settings.frame_time_zone else zone
    times = frame_times(frames.frames, others, settings, zone, source)
    log = read_electrochemistry(
        settings.files, time_zone=settings.time_zone, start=settings.start, current=settings.current,
        charge=settings.charge, longest_gap_s=settings.longest_gap_s, columns=settings.columns,
    )  # fmt: skip
    offset = fitted_offset(times.starts, times.ends, log) if settings.offset == "fit" else Offset(value=settings.offset)
    sodium = _sodium(settings, log)
    found = moments_of(log, times.middles - offset.value)
    _refuse_strangers(log, times, offset, found)
    columns = _columns(found, sodium)
    if wanted and (missing := set(wanted) - columns.keys()):
        raise InputError(f"{missing.pop()} needs the mass and the formula of the cathode", place="--axis",
                         cure="give --mass and --formula")  # fmt: skip
    placed = _placed(frames, times, columns, wanted)
    notices = [*placed.warnings, *log.warnings, *_notices(settings, log, times, offset, found, sodium, columns)]
    return replace(
        placed,
        warnings=tuple(notices),
        electrochemistry=_report(settings, log, times, offset, found, sodium),
        log=(log, offset.value),
    )


def _sodium(settings: ElectrochemistryModel, log: Electrochemistry) -> Sodium | None:
    """Return the cathode, if the user gives a formula; its mass may be in the log."""
    mass = log.mass_mg if settings.mass_mg is None else settings.mass_mg
    if settings.formula is None:
        if settings.mass_mg is not None:
            raise InputError("a mass without a formula gives no sodium content", argument="formula",
                             cure="give the formula as weighed")  # fmt: skip
        return None
    if mass is None:
        raise InputError("a formula without a mass gives no sodium content", argument="mass",
                         cure="give milligrams of active material")  # fmt: skip
    return sodium_of(settings.formula, mass, settings.mass_esd_mg, settings.sodium, settings.sodium_esd)


def _refuse_strangers(log: Electrochemistry, times: FrameTimes, offset: Offset, found: Moments) -> None:
    """Raise if no frame is within the log."""
    if found.outside < np.isfinite(times.middles).sum():
        return
    first, last = np.nanmin(times.middles), np.nanmax(times.middles)
    shifted = f" with an offset of {offset.value:g} s" if offset.value else ""
    problem = (
        f"no frame is within the log: frames {utc_text(first)} to {utc_text(last)}, log {utc_text(log.time[0])} to "
        f"{utc_text(log.time[-1])}{shifted}"
    )
    raise InputError(problem, place=log.paths[0] if log.paths else None,
                     cure="check the time zones of both clocks, or give their offset in seconds")  # fmt: skip


def _columns(found: Moments, sodium: Sodium | None) -> dict[str, FloatArray]:
    """Return the columns of the table by name, each shape (frames,)."""
    columns = {"voltage": found.voltage, "current": found.current, "capacity": found.capacity}
    if sodium is not None:
        columns["x_na"], columns["x_na_esd"] = sodium.content(found.capacity)
    return {**columns, "cycle": found.cycle, "step": found.step}


def _placed(frames: Frames, times: FrameTimes, columns: Mapping[str, FloatArray], wanted: Sequence[str]) -> Frames:
    """Return the frames with the columns after their axes, the requested ones first."""
    names = [*wanted, *frames.axes]
    middles = times.middles
    extra = dict(columns)
    if not names:
        names, extra[TIME] = [TIME], (middles - np.nanmin(middles)) / 3600.0
    behind = [name for name in columns if name not in names]
    own = {name: [frame.axes[k] for frame in frames.frames] for k, name in enumerate(frames.axes)}
    values = {**{name: column.tolist() for name, column in extra.items()}, **own}
    placed = [
        replace(frame, axes=tuple(values[name][k] for name in (*names, *behind)))
        for k, frame in enumerate(frames.frames)
    ]
    if frames.axes:
        return replace(frames, frames=tuple(placed), axes=(*names, *behind))
    order = sorted(range(len(placed)), key=lambda k: (math.isnan(middles[k]), middles[k]))
    settings = axis_notices(TIME, [float(middles[k]) / 3600.0 for k in order])
    placed = [replace(placed[k], index=index) for index, k in enumerate(order)]
    return replace(frames, frames=tuple(placed), axes=(*names, *behind), warnings=(*frames.warnings, *settings))


def _notices(
    settings: ElectrochemistryModel, log: Electrochemistry, times: FrameTimes, offset: Offset, found: Moments,
    sodium: Sodium | None, columns: Mapping[str, FloatArray],
) -> list[Notice]:  # fmt: skip
    notices = []
    if offset.evidence:
        text = f"the cycler's clock is {offset.value:.1f}({offset.esd:.1f}) s behind that of the frames: "
        notices.append(Notice("clock_offset_fitted", text + offset.evidence))
    if times.are_starts:
        message = "the frames have start times but no durations: the log is read at their start times"
        notices.append(Notice("frame_times_are_starts", f"{message}; give frame_exposure_s in [electrochemistry]"))
    if untimed := int(np.isnan(times.middles).sum()):
        notices.append(Notice("frames_without_time", f"{untimed} frames have no time and no values of the log"))
    if found.outside:
        notices.append(Notice("frames_outside_log", f"{found.outside} frames are before or after the log: their "
                              "electrochemical columns are empty"))  # fmt: skip
    if found.in_gaps:
        notices.append(Notice("frames_in_gaps", f"{found.in_gaps} frames are in gaps of the log: their "
                              "electrochemical columns are empty"))  # fmt: skip
    return notices if sodium is None else [*notices, *_sodium_notices(settings, log, sodium, columns["x_na"])]


def _sodium_notices(
    settings: ElectrochemistryModel, log: Electrochemistry, sodium: Sodium, content: FloatArray
) -> list[Notice]:
    notices = []
    if settings.mass_mg is None:
        notices.append(Notice("mass_from_log", f"the mass of active material is the log's, {sodium.mass_mg:g} mg"))
    elif log.mass_mg is not None and abs(log.mass_mg / sodium.mass_mg - 1.0) > MASS_DIFFERS:
        notices.append(Notice("mass_differs", f"{sodium.mass_mg:g} mg are given, the log has {log.mass_mg:g} mg"))
    if beyond := int(((content < LEAST_X) | (content > MOST_X)).sum()):
        notices.append(
            Notice(
                "sodium_implausible",
                f"x_na is outside 0 to 1 in {beyond} frames: mass, formula and "
                "start are inconsistent with this charge, or side reactions consumed charge",
            )
        )
    return notices


def _report(
    settings: ElectrochemistryModel, log: Electrochemistry, times: FrameTimes, offset: Offset, found: Moments,
    sodium: Sodium | None,
) -> dict[str, object]:  # fmt: skip
    """Return the entry of run.json on the log and the position of frames in it."""
    report: dict[str, object] = {
        "files": [str(path) for path in log.paths],
        "records": len(log),
        "from": utc_text(log.time[0]),
        "to": utc_text(log.time[-1]),
        "time_zone": settings.time_zone,
        "frame_times": times.source,
        "offset_s": round(offset.value, 3),
        "offset_esd_s": round(offset.esd, 3) if offset.evidence else None,
        "offset_evidence": offset.evidence or None,
        "frames_outside": found.outside,
        "frames_in_gaps": found.in_gaps,
        "units": COLUMN_UNITS,
        "stretches": [
            {
                "state": stretch.state,
                "cycle": stretch.cycle,
                "from": utc_text(stretch.start),
                "to": utc_text(stretch.end),
                "capacity_mAh": None if math.isnan(stretch.capacity) else round(stretch.capacity, 6),
                "voltage": stretch.voltage,
            }
            for stretch in log.stretches[:MOST_STRETCHES]
        ],
    }
    if sodium is not None:
        report |= {
            "formula": sodium.formula,
            "mass_mg": sodium.mass_mg,
            "mass_esd_mg": None if math.isnan(sodium.mass_esd_mg) else sodium.mass_esd_mg,
            "sodium_at_start": sodium.start,
            "theoretical_capacity_mAh_per_g": round(sodium.theoretical_capacity, 3),
        }
    return report
