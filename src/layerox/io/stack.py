"""Stack: a file that holds many patterns, read one at a time, with what it says of each of them (time, temperature).

Patterns are not kept: what a stack holds in memory is where they are. Readers of single formats make stacks; a file
of any other format is a stack of the scans that it holds, read as a whole.
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

# Columns that every axis of a series knows: seconds, and kelvin.
TIME, TEMPERATURE = "time", "temperature"
# What `Pattern.metadata` calls the same of one pattern.
START_TIME, TEMPERATURE_K = "start_time", "temperature_k"


@dataclass(frozen=True, eq=False)
class Column:
    """What a file says of each of its patterns.

    Attributes
    ----------
    values
        Shape (patterns,), nan where nothing is said. Times are seconds; since 1970 where `is_absolute`.
    is_absolute
        Of times: whether they are moments, and not counted from the file's own beginning.
    zone
        Of absolute times: whether they are UTC; else they are what the clock showed where it was measured.
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
        """Of the columns that it has beside time and temperature."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a user should know of the choice of what is read."""

    def __len__(self) -> int: ...

    def scan(self, index: int) -> Scan:
        """Return a scan by its number, from 0.

        Raises
        ------
        InputError
            If it cannot be read, or there are not so many.
        """

    def column(self, name: str) -> Column | None:
        """Return what the file says of each pattern, None if it says nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ListedStack:
    """The scans of a file that was read as a whole."""

    path: Path
    scans: Sequence[Scan]
    names: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        return len(self.scans)

    def scan(self, index: int) -> Scan:
        """Return a scan by its number, from 0."""
        refuse_beyond(self, index)
        return self.scans[index]

    def column(self, name: str) -> Column | None:
        """Return the times or temperatures that the scans state."""
        return stated_column([scan.metadata for scan in self.scans], name)


def refuse_beyond(stack: Stack, index: int) -> None:
    """Refuse a number that a stack does not have.

    Raises
    ------
    InputError
        Which names how many there are: the file has been changed since they were counted.
    """
    if index >= len(stack):
        raise InputError(f"holds {len(stack)} scans now", place=stack.path, cure="leave the file as it was")


def stated_column(facts: Sequence[Mapping[str, object]], name: str) -> Column | None:
    """Return times or temperatures from the metadata of each pattern, None if none of them says any."""
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
    """Return the moment that ISO 8601 text says, None for anything else."""
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def seconds_of(moment: datetime) -> float:
    """Return seconds since 1970; a moment without a zone is taken as it stands, as if it were UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso_of(seconds: float, *, utc: bool) -> str:
    """Return seconds since 1970 as ISO 8601, without a zone where it is not known."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return (moment if utc else moment.replace(tzinfo=None)).isoformat()


def number_of(value: object) -> float:
    """Return a number, nan for anything else."""
    try:
        return float(str(value)) if value is not None else np.nan
    except ValueError:
        return np.nan
