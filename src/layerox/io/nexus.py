"""Read one or many patterns from NeXus (HDF5) files of integration programs (pyFAI, azint, NXxrd).

`nexus_arrays.py` finds the arrays, `nexus_metadata.py` the metadata of the beam and of each frame
(Könnecke et al., J. Appl. Cryst. 48 (2015) 301, doi:10.1107/S1600576714027575). Images and cakes are not patterns and
must be integrated first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from layerox.computing.optional import optional_module
from layerox.errors import InputError
from layerox.io.nexus_arrays import Source, chosen, sources_in
from layerox.io.nexus_metadata import Facts, facts_of
from layerox.io.pattern_stack import START_TIME, TEMPERATURE, TEMPERATURE_K, TIME, Column, iso_of, refuse_beyond
from layerox.io.scan import Scan
from layerox.notices import Notice
from layerox.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class NexusStack:
    """The patterns of an HDF5 file.

    Attributes
    ----------
    path
        The file. It is opened again for each pattern and without a lock, so that another program can write to it.
    sources, facts
        The arrays in reading order, and the metadata of each.
    warnings
        Notices on the choice of arrays.
    """

    path: Path
    sources: tuple[Source, ...]
    facts: tuple[Facts, ...]
    warnings: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self.sources))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the metadata columns of the patterns."""
        return tuple(dict.fromkeys(name for facts in self.facts for name in facts.columns))

    def column(self, name: str) -> Column | None:
        """Return a metadata column of the patterns."""
        with opened(self.path) as file:
            pairs = zip(self.facts, self.sources, strict=True)
            parts = [facts.column(file, name, len(source)) for facts, source in pairs]
        if all(np.isnan(part.values).all() for part in parts):
            return None
        values = np.concatenate([part.values for part in parts])
        absolute = all(part.is_absolute for part in parts)
        return Column(values, is_absolute=absolute, is_utc=absolute and all(part.is_utc for part in parts))

    @cached_property
    def _stated(self) -> dict[str, Column | None]:
        return {name: self.column(name) for name in (TIME, TEMPERATURE)}

    def scan(self, index: int) -> Scan:
        """Return a scan by its number, from 0."""
        refuse_beyond(self, index)
        part, inside = 0, index
        while inside >= len(self.sources[part]):
            part, inside = part + 1, inside - len(self.sources[part])
        facts = self.facts[part]
        with opened(self.path) as file:
            scan = _scan(file, self.sources[part], inside, self.path)
        metadata = {**facts.metadata, **self._metadata(index)}
        return replace(scan, radiation=facts.radiation, says_kind=facts.says_kind, metadata=metadata,
                       warnings=(*scan.warnings, *facts.warnings))  # fmt: skip

    def _metadata(self, index: int) -> dict[str, object]:
        """Return time and temperature of a pattern for `Pattern.metadata`."""
        found: dict[str, object] = {}
        time, temperature = self._stated[TIME], self._stated[TEMPERATURE]
        if time is not None and time.is_absolute and np.isfinite(time.values[index]):
            found[START_TIME] = iso_of(float(time.values[index]), utc=time.is_utc)
        if temperature is not None and np.isfinite(temperature.values[index]):
            found[TEMPERATURE_K] = float(temperature.values[index])
        return found


def nexus_stack(path: Path, dataset: str | None = None) -> NexusStack:
    """Return the patterns of an HDF5 file.

    Parameters
    ----------
    path
        The file.
    dataset
        Path of the group (or of its signal) with the patterns, or a wildcard such as "*/integrate/results"; by default
        the file's own default, or the only group.

    Raises
    ------
    InputError
        If the file is damaged or being written, or has no patterns; `ChoiceNeeded` if several are possible.
    """
    with opened(path) as file:
        usable, refused = sources_in(file, path)
        meant, notices = chosen(file, usable, refused, dataset, path)
        facts = tuple(facts_of(file, source.group, source.frames, path) for source in meant)
    return NexusStack(path=path, sources=tuple(meant), facts=facts, warnings=tuple(notices))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading, also one in single-writer mode; its errors become `InputError`.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    h5py = optional_module("h5py", purpose="an HDF5 file", place=path)
    _load_filters()
    try:
        try:
            file = h5py.File(path, "r", locking=False)
        except OSError:
            file = h5py.File(path, "r", locking=False, libver="latest", swmr=True)
        with file:
            yield file
    except FileNotFoundError:
        raise InputError("no such file", place=path, cure="check the path") from None
    except (OSError, RuntimeError, KeyError) as error:
        raise _refusal(error, path) from None


@cache
def _load_filters() -> None:
    """Load the filters of compressed files, if installed."""
    with suppress(ImportError):
        import hdf5plugin  # type: ignore[import-not-found]  # noqa: F401, PLC0415  (see above)


def _refusal(error: Exception, path: Path) -> InputError:
    reason = str(error).replace("\n", " ").strip("'\"")
    if "filter" in reason and "regist" in reason:
        cure = "install hdf5plugin, or rewrite it with h5repack -f GZIP=4"
        return InputError("is compressed with a filter that is not installed", place=path, cure=cure)
    if "truncated" in reason or "already open" in reason or "consistency" in reason:
        return InputError("is cut off, or being written", place=path, cure="wait until it is closed, or copy it again")
    return InputError(f"is no readable HDF5 file ({reason[:120]})", place=path, cure="write or copy it again")


def _scan(file: Any, source: Source, index: int, path: Path) -> Scan:
    """Return one frame."""
    signal, place = file[source.signal], source.place(index)
    if signal.ndim != len(source.shape) or any(isinstance(k, int) and k >= n for k, n in zip(place, signal.shape,
                                                                                         strict=False)):  # fmt: skip
        raise InputError(f"{source.signal} has shrunk", place=path, cure="leave the file as it was")
    intensity = np.asarray(signal[place], dtype=np.float64)
    x = _x(file[source.abscissa], place, intensity.size) * source.factor
    sigma = None if source.errors is None else np.asarray(file[source.errors][place], dtype=np.float64)
    return Scan(x=x, intensity=intensity, sigma=sigma, axis=source.kind)


def _x(abscissa: Any, place: tuple[int | slice, ...], points: int) -> FloatArray:
    if abscissa.ndim > 1:
        frame = tuple(k for k in place if isinstance(k, int))
        return np.asarray(abscissa[frame], dtype=np.float64)
    x = np.asarray(abscissa[()], dtype=np.float64)
    return x if len(x) == points else 0.5 * (x[1:] + x[:-1])
