"""Dates and times of a log or a frame as seconds since 1970 in UTC.

A local time needs its time zone, which the user gives. Hours that do not exist in a zone (start of summer time) are
rejected; for hours that occur twice (end of summer time), the order of the records decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError
from layerox.typing import FloatArray

Instants = NDArray[np.datetime64]

EPOCH = np.datetime64("1970-01-01T00:00:00", "us")
SECOND = np.timedelta64(1, "s")
# Clock changes are whole quarters of an hour, at whole quarters of an hour.
# Years covered by tables of time zones.
FIRST_YEAR, LAST_YEAR = 1900, 2999
QUARTER = np.timedelta64(15, "m")
# Numbers that mean a time: seconds since 1970 (in UTC), and days since 1899-12-30 as Excel counts them (local).
UNIX, EXCEL = (1e9, 1e10), (2e4, 8e4)
EXCEL_EPOCH = np.datetime64("1899-12-30T00:00:00", "us")

CLOCK = r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,:](\d{1,9}))?)?\s*([AaPp][Mm])?"
ZONE = r"\s*(Z|z|[+-]\d{2}:?\d{2})?"
YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}})[T\s]+{CLOCK}{ZONE}$")
YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})[-/.](\d{{4}})[T\s]+{CLOCK}{ZONE}$")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMED_MONTH = re.compile(rf"(\d{{1,2}})[- ]({'|'.join(MONTHS)})[- ](\d{{4}}|\d{{2}})(?=\s)", re.IGNORECASE)
# Two digits of a year are those of this century: cyclers that write them are not older.
CENTURY = 2000
PLAIN = re.compile(r"[-\d:. T]*")
OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?$")


@dataclass(frozen=True, kw_only=True, eq=False)
class Stamps:
    """Dates and times as written in a file.

    Attributes
    ----------
    instants
        Shape (n,), NaT if not stated; in UTC if `in_utc`, else of a clock whose zone is not stated.
    in_utc
        Whether the zone was stated.
    """

    instants: Instants
    in_utc: bool


def zone_of(text: str) -> tzinfo:
    """Return the time zone that a text names: "Europe/Berlin", "UTC" or "+02:00".

    Raises
    ------
    InputError
        If there is no such zone.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415  (only logs with local times need its tables)

    name = text.strip()
    if name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if match := OFFSET.match(name):
        shift = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if shift < timedelta(hours=15):
            return timezone(-shift if match[1] == "-" else shift)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError(f"unknown time zone {text!r}", argument="time_zone",
                         cure="name it like Europe/Berlin, UTC or +02:00") from None  # fmt: skip


def read_stamps(texts: Sequence[str], place: str | Path, *, month_first: bool | None = None) -> Stamps | None:
    """Return texts as dates with times, None if they are not; like `written_stamps`, but numbers are read too.

    Numbers are seconds since 1970 (UTC) or Excel's day numbers (local).
    """
    found = written_stamps(texts, place, month_first=month_first)
    return _counted([text.strip() for text in texts]) if found is None else found


def written_stamps(texts: Sequence[str], place: str | Path, *, month_first: bool | None = None) -> Stamps | None:
    """Return texts as dates with times, None if they are not.

    Parameters
    ----------
    texts
        ISO 8601, or other orders of day, month and year. Empty texts give NaT.
    place
        The file, for messages.
    month_first
        Whether 03/04 is March 4; None if unknown, so that only unambiguous dates are read.

    Raises
    ------
    InputError
        If a text is not a date although the first one is, or if day and month are ambiguous.
    """
    cleaned = [text.strip() for text in texts]
    first = next((text for text in cleaned if text), "")
    if NAMED_MONTH.match(first):
        return _written([_with_number(text) for text in cleaned], place, ORDERS["day"])
    if YEAR_FIRST.match(first):
        return _plain(cleaned) or _written(cleaned, place, ORDERS["year"])
    if match := YEAR_LAST.match(first):
        before = _month_stands_first(cleaned, match[2], place, month_first)
        return _written(cleaned, place, ORDERS["month" if before else "day"])
    return None


def _with_number(text: str) -> str:
    """Return a date like 22-Mar-24 as 22-03-2024; other texts come back unchanged."""
    match = NAMED_MONTH.match(text)
    if match is None:
        return text
    year = int(match[3]) + (CENTURY if len(match[3]) == 2 else 0)
    return f"{match[1]}-{MONTHS.index(match[2].lower()) + 1:02d}-{year}{text[match.end() :]}"


def seconds_of(stamps: Stamps, zone: tzinfo | None, place: str | Path, argument: str = "time_zone") -> FloatArray:
    """Return instants as seconds since 1970 in UTC, shape (n,); nan if not stated.

    Parameters
    ----------
    stamps
        The dates and times.
    zone
        Zone of the clock; needed unless the stamps state theirs.
    place, argument
        The file, and the argument that gives the zone, for messages.

    Raises
    ------
    InputError
        If the zone is needed and missing, or one of the times does not exist in it.
    """
    if stamps.in_utc:
        return _since_1970(stamps.instants)
    known = stamps.instants[~np.isnat(stamps.instants)]
    if zone is None:
        summary = f" ({str(known[0])[:19]})" if known.size else ""
        raise InputError(f"its times{summary} are local times without a time zone", place=place, argument=argument,
                         cure="name the zone of that clock, such as Europe/Berlin or UTC")  # fmt: skip
    result = np.full(stamps.instants.shape, np.nan)
    result[~np.isnat(stamps.instants)] = _since_1970(known) - _ahead_of_utc(known, zone, place, argument)
    return result


def seconds_of_one(moment: datetime, zone: tzinfo | None, place: str | Path, argument: str = "time_zone") -> float:
    """Return one moment as seconds since 1970 in UTC.

    Raises
    ------
    InputError
        Like `seconds_of`.
    """
    if moment.tzinfo is not None:
        return moment.timestamp()
    stamps = Stamps(instants=np.array([np.datetime64(moment, "us")]), in_utc=False)
    return float(seconds_of(stamps, zone, place, argument)[0])


def utc_text(seconds: float) -> str:
    """Return seconds since 1970 as "2024-03-22 21:30:13 UTC"."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _since_1970(instants: Instants) -> FloatArray:
    seconds: FloatArray = (instants - EPOCH) / SECOND
    return seconds


def _counted(texts: Sequence[str]) -> Stamps | None:
    """Return numbers of seconds since 1970, or of days as Excel counts them, as stamps."""
    try:
        start = float(next((text for text in texts if text), ""))
        values = np.array([float(text) if text else np.nan for text in texts])
    except ValueError:
        return None
    if UNIX[0] <= start < UNIX[1]:
        return Stamps(instants=_added(EPOCH, values), in_utc=True)
    if EXCEL[0] <= start < EXCEL[1]:
        # A double holds such days to a microsecond; Excel rounds to milliseconds.
        return Stamps(instants=_added(EXCEL_EPOCH, np.round(values * 86400.0, 3)), in_utc=False)
    return None


def _added(origin: np.datetime64, seconds: FloatArray) -> Instants:
    known = np.isfinite(seconds)
    micro = np.rint(1e6 * np.where(known, seconds, 0.0)).astype("timedelta64[us]")
    return np.where(known, origin + micro, np.datetime64("NaT", "us"))


def _month_stands_first(texts: Sequence[str], mark: str, place: str | Path, usual: bool | None) -> bool:
    """Whether the month comes first (03/04 is March 4): numbers above 12 decide, else the default."""
    found = [match for match in map(YEAR_LAST.match, texts) if match]
    if any(int(match[1]) > 12 for match in found):
        return False
    if any(int(match[3]) > 12 for match in found):
        return True
    if usual is not None:
        return usual
    if mark == ".":
        return False  # no format has the month first with dots
    raise InputError(f"{found[0][0]!r} may have the month first or the day", place=place,
                     cure="write dates as 2024-03-22 21:30:13")  # fmt: skip


@dataclass(frozen=True)
class _Order:
    """Which groups of a pattern are year, month and day; the clock and the zone follow."""

    pattern: re.Pattern[str]
    date: tuple[int, int, int]

    def moment(self, text: str) -> tuple[datetime, bool]:
        """Return the time in a text, in UTC if it states a zone, and whether it does."""
        match = self.pattern.match(text)
        if match is None:
            raise ValueError(f"{text!r} is not a date and time in the format of the lines above")
        year, month, day = (int(match[k]) for k in self.date)
        hour, minute, second, fraction, half, zone = match.groups()[-6:]
        hours = int(hour) if half is None else int(hour) % 12 + 12 * (half.lower() == "pm")
        try:
            found = datetime(year, month, day, hours, int(minute), int(second or 0), int(f"{fraction or 0:0<6}"[:6]))
        except ValueError:
            raise ValueError(f"{text!r} is not a date and time") from None
        return found - _shift(zone), zone is not None


ORDERS = {
    "year": _Order(YEAR_FIRST, (1, 2, 3)),
    "month": _Order(YEAR_LAST, (4, 1, 3)),
    "day": _Order(YEAR_LAST, (4, 3, 1)),
}


def _plain(texts: Sequence[str]) -> Stamps | None:
    """Return times like 2024-03-22 21:30:13 by a fast path (ten times as fast); None if there are other formats."""
    together = "".join(texts)
    known = sum(map(bool, texts))
    if together.count("-") != 2 * known or not PLAIN.fullmatch(together):
        return None
    try:
        return Stamps(instants=np.array(texts, dtype="datetime64[us]"), in_utc=False)
    except ValueError:
        return None


def _written(texts: Sequence[str], place: str | Path, order: _Order) -> Stamps:
    try:
        moments = [order.moment(text) if text else None for text in texts]
    except ValueError as error:
        raise InputError(str(error), place=place, cure="write dates as 2024-03-22 21:30:13") from None
    zones = {moment[1] for moment in moments if moment}
    if len(zones) > 1:
        raise InputError(
            "some of its times state a zone and some do not", place=place, cure="write all of them in one format"
        )
    instants = np.array([moment[0] if moment else None for moment in moments], dtype="datetime64[us]")
    return Stamps(instants=instants, in_utc=True in zones)


def _shift(zone: str | None) -> timedelta:
    """Return how far the clock of "+02:00" is ahead of UTC; zero without a zone."""
    if zone is None or zone in "Zz":
        return timedelta(0)
    size = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -size if zone[0] == "-" else size


def _ahead_of_utc(local: Instants, zone: tzinfo, place: str | Path, argument: str) -> FloatArray:
    """Return how far the clock of a zone is ahead of UTC at local times, s."""
    years = local.astype("datetime64[Y]").astype(np.int64) + 1970
    if ((years < FIRST_YEAR) | (years > LAST_YEAR)).any():
        raise InputError("has a time that does not exist", place=place, cure="correct the time")
    quarters, at = np.unique(local.astype("datetime64[m]").astype(np.int64) // 15, return_inverse=True)
    starts = [datetime(1970, 1, 1) + timedelta(minutes=15 * int(k)) for k in quarters]
    early = np.array([_ahead(start, zone, 0) for start in starts])
    late = np.array([_ahead(start, zone, 1) for start in starts])
    if (early < late).any():
        odd = local[(early < late)[at]][0]
        raise InputError(f"{str(odd)[:19]} does not exist in {zone}: its clocks were put forward", place=place,
                         argument=argument, cure="a clock without summer time has a zone like +01:00")  # fmt: skip
    return np.where(_seen_twice(local, (early > late)[at]), late[at], early[at])


def _ahead(start: datetime, zone: tzinfo, fold: int) -> float:
    ahead = start.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0)
    return ahead.total_seconds()


def _seen_twice(local: Instants, ambiguous: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which times of a repeated hour (in autumn) belong to its second occurrence.

    The records are in order, so the second occurrence begins where the clock goes backwards; otherwise it is the first.
    """
    if not ambiguous.any():
        return ambiguous
    back = np.concatenate([[False], np.diff(local) < -QUARTER])
    return ambiguous & (np.cumsum(back & ambiguous) > 0)
