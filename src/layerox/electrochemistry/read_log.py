"""Read the files of a cycler, of any program, as one log in UTC; consecutive files of one cell are joined.

BioLogic's text exports (.mpt), Neware's binary files (.nda, .ndax), the Battery Data Format, exports of Neware, Arbin,
Maccor, Landt, Basytec, Digatron and Novonix, and any table with titles of time, voltage and current, as text or as a
workbook; a user can map the titles of other tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerox.electrochemistry.biologic_header import Header, header_of, heading_start, is_eclab
from layerox.electrochemistry.cell_log import Electrochemistry
from layerox.electrochemistry.charge_states import Convention, counted_cycles, gaps_of, states_of, steps_of
from layerox.electrochemistry.column_titles import Mapped, Quantity, mapped_columns
from layerox.electrochemistry.excel_workbook import SUFFIXES as WORKBOOKS
from layerox.electrochemistry.excel_workbook import columns_from_workbook
from layerox.electrochemistry.file_records import REST, Counter, Records, kinds_of
from layerox.electrochemistry.net_charge import Source, net_charge
from layerox.electrochemistry.neware_files import SUFFIXES as NEWARE
from layerox.electrochemistry.neware_files import records_from_neware
from layerox.electrochemistry.table_columns import WHAT_IS_NEEDED, Columns, columns_from_text
from layerox.electrochemistry.time_stamps import read_stamps, seconds_of, seconds_of_one, utc_text, zone_of
from layerox.errors import InputError
from layerox.io.file_contents import read_bytes, text_of
from layerox.notices import Notice
from layerox.public import public
from layerox.typing import FloatArray, IntArray

# Clocks with whole seconds may seem to go backwards by this much.
ROUNDING_S = 1.5


def joined(logs: Sequence[Electrochemistry], longest_gap_s: float | None, *, count_cycles: bool) -> Electrochemistry:
    """Return the logs of one cell, in the order of their times, as one.

    Parameters
    ----------
    logs
        In order.
    longest_gap_s
        As for `read_electrochemistry`.
    count_cycles
        Whether cycles are numbered over all files, because no file numbers them.

    Raises
    ------
    InputError
        If a file begins before another one ends.
    """
    if len(logs) == 1:
        return logs[0]
    for earlier, later in pairwise(logs):
        if later.time[0] < earlier.time[-1] - ROUNDING_S:
            raise InputError(f"begins before {earlier.paths[0].name} ends", place=later.paths[0],
                             cure="give files of one cell that follow each other")  # fmt: skip
    names = ("time", "voltage", "current", "cycle", "step", "state")
    whole = {name: np.concatenate([getattr(log, name) for log in logs]) for name in names}
    whole["time"] = np.maximum.accumulate(whole["time"])
    if count_cycles:
        whole["cycle"] = counted_cycles(whole["state"])
    labels = np.stack([whole[name] for name in ("cycle", "step", "state")], axis=1)
    gaps = gaps_of(whole["time"], whole["voltage"], whole["current"], labels, longest_gap_s)
    capacity, doubts = _continued(logs, gaps)
    return Electrochemistry(
        **whole,
        capacity=capacity,
        gaps=gaps,
        paths=tuple(path for log in logs for path in log.paths),
        mass_mg=next((log.mass_mg for log in logs if log.mass_mg is not None), None),
        warnings=(*(notice for log in logs for notice in log.warnings), *doubts),
    )


def _continued(logs: Sequence[Electrochemistry], gaps: NDArray[np.bool_]) -> tuple[FloatArray, list[Notice]]:
    """Return the charge over all files, zero between them; unknown after a gap that may contain current."""
    parts, level, doubts = [logs[0].capacity], float(logs[0].capacity[-1]), []
    at = len(logs[0])
    for earlier, later in pairwise(logs):
        if gaps[at - 1] and (earlier.state[-1] != REST or later.state[0] != REST):
            level = np.nan
            message = f"the charge is unknown between {earlier.paths[-1].name} and the next file"
            doubts.append(Notice("charge_unknown", message))
        parts.append(level + later.capacity - later.capacity[0])
        level, at = float(parts[-1][-1]), at + len(later)
    return np.concatenate(parts), doubts


# First bytes of files that are not read, and how to export a readable file. No maintained reader of them has a licence
# that is compatible with this package.
REFUSED: tuple[tuple[bytes, str, str], ...] = (
    (b"BIO-LOGIC MODULAR FILE", "a binary file of EC-Lab (.mpr)",
     "convert it in EC-Lab: Experiment, Export as Text, as .mpt with its header"),
    (b"\x00\x01\x00\x00Standard Jet DB", "a database of Arbin (.res)",
     "convert it: mdb-export FILE.res Channel_Normal_Table > FILE.csv (mdbtools), or export CSV from MITS Pro"),
    (b"\x00\x01\x00\x00Standard ACE DB", "a database of Arbin (.res)",
     "convert it: mdb-export FILE.res Channel_Normal_Table > FILE.csv (mdbtools), or export CSV from MITS Pro"),
    (b"EC-LAB SETTING FILE", "a settings file of EC-Lab (.mps)", "give the .mpt of the data"),
    (b"EC-Lab LOG FILE", "a protocol file of EC-Lab (.mpl)", "give the .mpt of the data"),
)  # fmt: skip
# 1990-01-01 and 2100-01-01, seconds since 1970.
EARLIEST, LATEST = 631152000.0, 4102444800.0
EXPORT = "export it as CSV, Excel or .mpt"
COUNTERS: tuple[Counter, ...] = ("net", "increment", "charge", "discharge", "step_capacity")


@public
def read_electrochemistry(
    path: str | Path | Sequence[str | Path],
    *,
    time_zone: str | None = None,
    start: datetime | None = None,
    current: Convention | None = None,
    charge: Source = "automatic",
    longest_gap_s: float | None = None,
    columns: Mapping[str, str] | None = None,
) -> Electrochemistry:
    """Return the log of a cell from a cycler's files.

    Parameters
    ----------
    path
        A file, or several consecutive ones of one cell (EC-Lab writes one per technique).
    time_zone
        Time zone of the cycler's clock ("Europe/Berlin", "UTC", "+02:00"), for files with local times.
    start
        Start of the log, for files with elapsed seconds that do not state it.
    current
        Whether a positive current charges or discharges the cathode, for files without step names.
    charge
        Whether the charge is the cycler's own counter or the integral of the logged current; by default the counter
        where it is fine enough.
    longest_gap_s
        Longest interval between records, s, for interpolation; by default five times the usual one of the step, and
        longer where voltage and current are constant.
    columns
        Titles of the columns of a table that no program writes: {"time": "Zeit:s", "voltage": "U [V]", "current":
        "I:mA"}; a unit that the title does not state follows a colon. Names: date, time, voltage, current, net, charge,
        discharge, capacity, cycle, step, type.

    Raises
    ------
    InputError
        With file and line: a format that is not read (and how to export a readable one), a missing unit or time zone,
        times that go backwards, a current whose sign contradicts the voltage.
    """
    paths = [Path(path)] if isinstance(path, (str, Path)) else [Path(each) for each in path]
    if not paths:
        raise InputError("no electrochemistry file", argument="electrochemistry", cure="give one")
    zone = None if time_zone is None else zone_of(time_zone)
    mapped = mapped_columns(columns or {})
    found = [_records(each, zone, start, mapped) for each in paths]
    found.sort(key=lambda records: float(records.time[0]))
    logs = [_log(records, current, charge, longest_gap_s) for records in found]
    return joined(logs, longest_gap_s, count_cycles=all(records.cycle is None for records in found))


def _records(path: Path, zone: tzinfo | None, start: datetime | None, mapped: Mapped) -> Records:
    suffix = path.suffix.lower()
    data = read_bytes(path)
    for signature, name, cure in REFUSED:
        if data.startswith(signature):
            raise InputError(f"is {name}, which is not read", place=path, cure=cure)
    if suffix in NEWARE:
        return records_from_neware(path, zone)
    if suffix in WORKBOOKS:
        return _records_of(columns_from_workbook(path, mapped), Header(), zone, start)
    try:
        text = text_of(data, path)
    except InputError as error:
        raise InputError(error.problem, place=path, cure=EXPORT) from None
    if not is_eclab(text):
        header = Header(start=heading_start(text, path))
        return _records_of(columns_from_text(text, path, mapped=mapped), header, zone, start)
    columns = columns_from_text(text, path, month_first=True, mapped=mapped)
    return _records_of(columns, header_of(text, path), zone, start)


def _records_of(columns: Columns, header: Header, zone: tzinfo | None, start: datetime | None) -> Records:
    """Return the records of a table; those without a time or a voltage are left out."""
    time = _times(columns, header, zone, start)
    voltage, current = columns.numbers("voltage"), columns.numbers("current")
    if current is None and header.at_rest:
        current = np.zeros_like(time)
    if voltage is None or current is None:
        raise InputError("has no column of current", place=columns.path, cure=WHAT_IS_NEEDED)
    keep = np.isfinite(time) & np.isfinite(voltage) & np.isfinite(current)
    if not keep.any():
        raise InputError("no record has time, voltage and current", place=columns.path, cure=EXPORT)
    _refuse_odd_times(time[keep], [line for line, kept in zip(columns.lines, keep, strict=True) if kept], columns.path)
    counters = {name: values[keep] for name in COUNTERS if (values := columns.numbers(name)) is not None}
    return Records(
        path=columns.path,
        time=np.maximum.accumulate(time[keep]),
        voltage=voltage[keep],
        current=current[keep],
        counters={name: values for name, values in counters.items() if np.isfinite(values).all()},
        cycle=_integers(columns, "cycle", keep),
        step=_integers(columns, "step", keep),
        kind=kinds_of(columns.cells["kind"])[keep] if "kind" in columns else None,
        mass_mg=header.mass_mg,
        warnings=_notices(columns, int((~keep).sum())),
    )


def _times(columns: Columns, header: Header, zone: tzinfo | None, start: datetime | None) -> FloatArray:
    """Return the time of each record, s since 1970 in UTC: from its date, or from the start of the log."""
    path = columns.path
    written: tuple[Quantity, ...] = ("stamp", "elapsed")
    for quantity in written:
        if quantity in columns:
            stamps = read_stamps(columns.cells[quantity], path, month_first=columns.month_first)
            if stamps is not None:
                return seconds_of(stamps, zone, path)
    elapsed = columns.durations()
    if elapsed is None:
        raise InputError(f"the time {columns.cells['stamp'][0]!r} is not a date and time", place=path,
                         cure="write dates as 2024-03-22 21:30:13")  # fmt: skip
    if start is not None:
        return elapsed + seconds_of_one(start, zone, path)
    if header.start is None:
        raise InputError("has elapsed times but no start time", place=path,
                         cure="export dates and times (EC-Lab: with the header), or set in [electrochemistry] "
                         "start = 2024-03-22T21:30:13")  # fmt: skip
    return elapsed + float(seconds_of(header.start, zone, path)[0])


def _refuse_odd_times(time: FloatArray, lines: Sequence[int], path: Path) -> None:
    """Reject impossible years, and times that go backwards."""
    outside = np.flatnonzero((time < EARLIEST) | (time > LATEST))
    if outside.size:
        raise InputError("its time is not one of the years 1990 to 2099", place=f"{path}:{lines[int(outside[0])]}",
                         cure="correct the line, or the clock")  # fmt: skip
    back = np.flatnonzero(np.diff(time) < -ROUNDING_S)
    if back.size:
        at = int(back[0])
        problem = f"the time goes backwards, from {utc_text(time[at])} to {utc_text(time[at + 1])}"
        cure = "export one test of one channel, with dates or the total time"
        raise InputError(problem, place=f"{path}:{lines[at + 1]}", cure=cure)


def _integers(columns: Columns, quantity: Quantity, keep: np.ndarray) -> IntArray | None:
    values = columns.numbers(quantity)
    return None if values is None else np.nan_to_num(values[keep]).astype(np.int64)


def _notices(columns: Columns, dropped: int) -> tuple[Notice, ...]:
    notices = []
    if columns.is_cut:
        notices.append(Notice("log_cut", f"the last line of {columns.path.name} is not complete and was left out"))
    if dropped:
        notices.append(Notice("records_left_out", f"{dropped} records of {columns.path.name} lack time or voltage"))
    return tuple(notices)


def _log(records: Records, convention: Convention | None, source: Source, longest: float | None) -> Electrochemistry:
    """Return the log of one file's records."""
    state, sign = states_of(records, convention)
    cycle = counted_cycles(state) if records.cycle is None else records.cycle
    step = steps_of(records, state)
    gaps = gaps_of(records.time, records.voltage, records.current, np.stack([cycle, step, state], axis=1), longest)
    capacity, found_notices = net_charge(records, state, sign, gaps, source)
    return Electrochemistry(
        time=records.time,
        voltage=records.voltage,
        # Adding zero turns -0 into 0.
        current=np.where(state == REST, sign * records.current, np.abs(records.current) * state) + 0.0,
        capacity=capacity,
        cycle=cycle,
        step=step,
        state=state,
        gaps=gaps,
        paths=(records.path,),
        mass_mg=records.mass_mg,
        warnings=(*records.warnings, *found_notices),
    )
