"""A stack: a file with many patterns, read one at a time, with columns of metadata (time, temperature).

Patterns are not kept in memory, only their positions in the file. HDF5 and CIF readers have their own stacks; a file
of any other format is read as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from layerox.errors import InputError
from layerox.io.scan import Scan
from layerox.notices import Notice
from layerox.typing import FloatArray

# Standard columns of series axes: seconds, and kelvin.
TIME, TEMPERATURE = "time", "temperature"
# Their keys in `Pattern.metadata`.
START_TIME, TEMPERATURE_K = "start_time", "temperature_k"


@dataclass(frozen=True, eq=False)
class Column:
    """A metadata column with one value per pattern.

    Attributes
    ----------
    values
        Shape (patterns,), nan if missing. Times are seconds; since 1970 if `is_absolute`.
    is_absolute
        For times: whether they are dates, not elapsed times.
    zone
        For absolute times: whether they are UTC; otherwise they are local times of the measurement.
    """

    values: FloatArray
    is_absolute: bool = False
    is_utc: bool = False


class Stack(Protocol):
    """Many patterns of one file."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns other than time and temperature."""

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """Notices on the choice of the patterns."""

    def __len__(self) -> int: ...

    def scan(self, index: int) -> Scan:
        """Return a scan by its number, from 0.

        Raises
        ------
        InputError
            If it cannot be read, or the number is too large.
        """

    def column(self, name: str) -> Column | None:
        """Return a metadata column, None if missing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ListedStack:
    """The scans of a file that is read as a whole."""

    path: Path
    scans: Sequence[Scan]
    names: tuple[str, ...] = ()
    warnings: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        return len(self.scans)

    def scan(self, index: int) -> Scan:
        """Return a scan by its number, from 0."""
        refuse_beyond(self, index)
        return self.scans[index]

    def column(self, name: str) -> Column | None:
        """Return the times or temperatures of the scans."""
        return stated_column([scan.metadata for scan in self.scans], name)


def refuse_beyond(stack: Stack, index: int) -> None:
    """Raise an error for a pattern number that a stack does not have.

    Raises
    ------
    InputError
        With the present number: the file has changed since the patterns were counted.
    """
    if index >= len(stack):
        raise InputError(f"holds {len(stack)} scans now", place=stack.path, cure="leave the file as it was")


def stated_column(facts: Sequence[Mapping[str, object]], name: str) -> Column | None:
    """Return times or temperatures from the metadata of each pattern, None if all are missing."""
    if name == TEMPERATURE:
        values = [number_of(own.get(TEMPERATURE_K)) for own in facts]
        return None if np.isnan(values).all() else Column(np.array(values))
    if name != TIME:
        return None
    times = [moment_of(own.get(START_TIME)) for own in facts]
    if all(time is None for time in times):
        return None
    utc = all(time.tzinfo is not None for time in times if time is not None)
    seconds = [np.nan if time is None else seconds_of(time) for time in times]
    return Column(np.array(seconds), is_absolute=True, is_utc=utc)


def moment_of(text: object) -> datetime | None:
    """Return the time of an ISO 8601 text, None for anything else."""
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def seconds_of(moment: datetime) -> float:
    """Return seconds since 1970; a time without a zone is treated as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso_of(seconds: float, *, utc: bool) -> str:
    """Return seconds since 1970 as ISO 8601, without a zone if it is unknown."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return (moment if utc else moment.replace(tzinfo=None)).isoformat()


def number_of(value: object) -> float:
    """Return a number, nan for anything else."""
    try:
        return float(str(value)) if value is not None else np.nan
    except ValueError:
        return np.nan
