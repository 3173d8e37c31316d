"""Metadata of patterns in an HDF5 file: the beam, and time, temperature and other columns of the frames.

They are searched in the entry of the patterns, by the names of NeXus (NXbeam, NXmonochromator, NXsource, NXsample), of
pyFAI's configuration and of beamline loggers. A log with another length than the frames is not interpolated.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from layerox.io.nexus_links import has_small_blocks, member
from layerox.io.pattern_stack import TEMPERATURE, TIME, Column, moment_of, seconds_of
from layerox.notices import Notice
from layerox.radiation import K_ALPHA_RATIO, PLAUSIBLE_WAVELENGTH, SAME_WAVELENGTH, Radiation, ev_from_angstrom

DEEPEST, MOST_DATASETS = 6, 20_000
# Largest number of values of a wavelength array, and largest size in bytes of a metadata column.
MOST_STATED, MOST_BYTES = 1_000_000, 100_000_000
# Names of the columns that are axes of a series, the most reliable first.
NAMES = {
    TIME: ("epoch", "timestamp", "timestamps", "time_stamp", "start_time", "time", "elapsed_time", "elapsed", "t"),
    TEMPERATURE: ("temperature", "sample_temperature", "temperature_k", "temp"),
}
SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "ms": 1e-3, "millisecond": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0,
           "minute": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0}  # fmt: skip
SINCE = re.compile(r"(?P<unit>\w+)\s+since\s+(?P<start>.+)")
# Numbers above this are seconds since 1970 (1 March 1973), not elapsed times.
EPOCH = 1e8
KELVIN = {"k": (1.0, 0.0), "kelvin": (1.0, 0.0), "c": (1.0, 273.15), "°c": (1.0, 273.15), "degc": (1.0, 273.15),
          "deg_c": (1.0, 273.15), "celsius": (1.0, 273.15), "degree_celsius": (1.0, 273.15)}  # fmt: skip
METRES = {"m": 1e10, "nm": 10.0, "pm": 0.01, "a": 1.0, "å": 1.0, "angstrom": 1.0, "angstroms": 1.0, "ang": 1.0}
EV = {"ev": 1.0, "kev": 1e3, "mev": 1e6, "j": 1.0 / 1.602176634e-19}
WAVELENGTHS = ("wavelength", "incident_wavelength")
ENERGIES = ("energy", "incident_energy", "photon_energy")


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """The metadata of one array of patterns.

    Attributes
    ----------
    radiation, says_kind
        The beam, None if the file does not state it; whether X-rays and neutrons are distinguished.
    columns
        Paths of the columns with a value for each frame, by name in lower case.
    start
        Start time of the entry, ISO 8601; "" if not stated.
    metadata, warnings
        Metadata and notices common to all frames.
    """

    radiation: Radiation | None = None
    says_kind: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[Notice, ...] = ()

    def column(self, file: Any, name: str, frames: int) -> Column:
        """Return a column of a given number of frames from the open file; all nan if missing."""
        candidates = NAMES.get(name, (name.lower(),))
        path = next((self.columns[key] for key in candidates if key in self.columns), None)
        nothing = Column(np.full(frames, np.nan))
        if path is None:
            return nothing
        logged = _logged(file[path], self.start, frames)
        return {TIME: logged.times, TEMPERATURE: logged.kelvins}.get(name, logged.plain)() or nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class Logged:
    """A number or a text for each frame.

    Attributes
    ----------
    values
        Shape (frames,); numbers, or text.
    unit
        The unit in the file.
    start
        Origin of elapsed times, ISO 8601; "" if not stated.
    """

    values: Any
    unit: str = ""
    start: str = ""

    def plain(self) -> Column | None:
        """Return numbers without conversion."""
        return None if self.values.dtype.kind not in "iufb" else Column(self.values.astype(np.float64))

    def kelvins(self) -> Column | None:
        """Return temperatures in kelvin; None if their unit is unknown."""
        factor = KELVIN.get(self.unit.lower().replace(" ", ""))
        numbers = self.plain()
        return None if factor is None or numbers is None else Column(factor[0] * numbers.values + factor[1])

    def times(self) -> Column | None:
        """Return seconds; absolute if they are dates or have a stated origin."""
        if self.values.dtype.kind in "OSU":
            return self._moments()
        numbers = self.plain()
        if numbers is None:
            return None
        since = SINCE.fullmatch(self.unit.strip())
        unit = (since["unit"] if since else self.unit).strip().lower()
        factor = SECONDS.get(unit, SECONDS.get(unit.removesuffix("s"), 1.0 if not unit else math.nan))
        seconds = numbers.values * factor
        if np.isnan(factor):
            return None
        if np.nanmin(seconds, initial=np.inf) > EPOCH:
            return Column(seconds, is_absolute=True, is_utc=True)
        start = moment_of(since["start"] if since else self.start)
        if start is None:
            return Column(seconds)
        return Column(seconds + seconds_of(start), is_absolute=True, is_utc=start.tzinfo is not None)

    def _moments(self) -> Column | None:
        moments = [moment_of(_text(value)) for value in self.values.tolist()]
        known = [moment for moment in moments if moment is not None]
        if not known:
            return None
        seconds = [math.nan if moment is None else seconds_of(moment) for moment in moments]
        return Column(np.array(seconds), is_absolute=True, is_utc=all(moment.tzinfo for moment in known))


def texts(value: Any) -> list[str]:
    """Return an attribute as texts, whatever its type; empty if missing."""
    if value is None:
        return []
    values = np.atleast_1d(value).tolist()
    return [text for text in map(_text, values) if text]


def attribute(thing: Any, name: str) -> str:
    """Return an attribute of a group or an array as text, "" where there is none."""
    return next(iter(texts(thing.attrs.get(name))), "")


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def facts_of(file: Any, group: str, frames: Sequence[int], path: Path) -> Facts:
    """Return the metadata of the entry of a group.

    Parameters
    ----------
    file
        The open file.
    group
        Path of the group with the patterns.
    frames
        The shape of the frames.
    path
        Path of the file, for messages.
    """
    entry = _entry(file, group)
    datasets = list(_walk(entry))
    own = [dataset for dataset in datasets if dataset.name.startswith(group.rstrip("/") + "/")]
    datasets = [*own, *(dataset for dataset in datasets if dataset not in own)]
    start = next((_text(d[()]) for d in datasets if _name(d) == "start_time" and d.shape == () and _is_text(d)), "")
    configuration = next((found for place in _up(file, group) if (found := pyfai_configuration(place))), {})
    radiation, says_kind, warnings = _radiation(datasets, configuration, path)
    return Facts(
        radiation=radiation,
        says_kind=says_kind,
        columns=_columns(datasets, tuple(frames)),
        start=start,
        metadata=_metadata(datasets),
        warnings=tuple(warnings),
    )


def _entry(file: Any, group: str) -> Any:
    """Return the outermost group below the root that contains a group (a NeXus entry), or the root."""
    first = group.strip("/").partition("/")[0]
    return file[first] if first and not hasattr(file[first], "shape") else file["/"]


def _up(file: Any, group: str) -> Iterator[Any]:
    """Yield a group and all groups that contain it, the root last."""
    parts = group.strip("/").split("/")
    for k in range(len(parts), -1, -1):
        yield file["/" + "/".join(parts[:k])]


def _walk(entry: Any) -> Iterator[Any]:
    """Yield the arrays of a group, then those of its subgroups; each group once, also with several links to it.

    Broken links are skipped.
    """
    import h5py  # noqa: PLC0415  (see `nexus.opened`)

    waiting, seen, count = deque([(entry, 0)]), set[tuple[int, int]](), 0
    while waiting:
        group, depth = waiting.popleft()
        where = h5py.h5o.get_info(group.id)
        if (where.fileno, where.addr) in seen:
            continue
        seen.add((where.fileno, where.addr))
        for name in group:
            if (count := count + 1) > MOST_DATASETS:
                return
            found = member(group, name)
            if isinstance(found, h5py.Dataset) and has_small_blocks(found):
                yield found
            elif isinstance(found, h5py.Group) and depth < DEEPEST:
                waiting.append((found, depth + 1))


def pyfai_configuration(group: Any) -> Mapping[str, Any]:
    """Return the configuration that pyFAI stores with its results ("configuration/data", JSON); empty if missing."""
    with suppress(KeyError, ValueError, TypeError, OSError, AttributeError, RecursionError):
        data = member(group, "configuration/data")
        found = {} if data is None or data.shape != () else json.loads(_text(data[()]))
        return found if isinstance(found, dict) else {}
    return {}


def _radiation(
    datasets: Sequence[Any], configuration: Mapping[str, Any], path: Path
) -> tuple[Radiation | None, bool, list[Notice]]:
    lines, warnings = _lines(datasets, configuration)
    if not lines:
        return None, False, warnings
    probe = next((_text(d[()]).lower() for d in datasets if _name(d) == "probe" and d.shape == ()), "")
    is_stated = "neutron" in probe or "ray" in probe
    beam = Radiation(lines=tuple(lines), kind="neutron" if "neutron" in probe else "xray", says_kind=is_stated)
    if beam.kind == "xray" and _is_depolarized(datasets, configuration):
        message = "the integration program has divided by the polarisation factor"
        return beam.polarized(1.0), is_stated, [*warnings, Notice("polarization_removed", message)]
    return beam, is_stated, warnings


def _is_depolarized(datasets: Sequence[Any], configuration: Mapping[str, Any]) -> bool:
    """Whether the intensities were divided by the polarisation factor when the images were integrated."""
    for dataset in datasets:
        if _name(dataset) == "polarization_applied" and dataset.shape == () and dataset.dtype.kind in "biuf":
            return bool(dataset[()])
    factor = configuration.get("polarization_factor")
    return factor is not None and configuration.get("do_polarization", True) is not False


def _lines(datasets: Sequence[Any], configuration: Mapping[str, Any]) -> tuple[list[tuple[float, float]], list[Notice]]:
    """Return the (wavelength, weight) of the beam; empty, with a notice, if statements disagree."""
    first, second, ratio = (
        _scalar(datasets, name) for name in ("k_alpha_one", "k_alpha_two", "ratio_k_alphatwo_k_alphaone")
    )
    if first is not None and _is_plausible(first):
        if second is None or not _is_plausible(second):
            return [(first, 1.0)], []
        return [(first, 1.0), (second, ratio if ratio is not None and 0 < ratio <= 1 else K_ALPHA_RATIO)], []
    stated = [found for dataset in datasets for found in _wavelengths(dataset)]
    poni = configuration.get("poni")
    for given in (configuration.get("wavelength"), poni.get("wavelength") if isinstance(poni, dict) else None):
        with suppress(TypeError, ValueError):
            stated.append(1e10 * float(given))  # type: ignore[arg-type]
    stated = [wavelength for wavelength in stated if _is_plausible(wavelength)]
    if not stated:
        return [], []
    if max(stated) / min(stated) - 1 > SAME_WAVELENGTH:
        message = f"the file names wavelengths from {min(stated):.6g} to {max(stated):.6g} A: give the radiation"
        return [], [Notice("wavelengths_disagree", message)]
    return [(stated[0], 1.0)], []


def _wavelengths(dataset: Any) -> list[float]:
    """Return the wavelengths (angstrom) that an array states."""
    name, unit = _name(dataset), attribute(dataset, "units").lower().strip()
    if name not in (*WAVELENGTHS, *ENERGIES) or dataset.dtype.kind not in "iuf":
        return []
    if dataset.size > MOST_STATED:
        return []
    values = np.unique(np.asarray(dataset[()], dtype=np.float64).ravel())
    values = values[np.isfinite(values) & (values > 0)]
    if name in WAVELENGTHS:
        # Without a unit: metres if the value is impossible in angstrom.
        factor = METRES.get(unit, 1.0 if not unit and (values > 1e-3).all() else 1e10)
        return list((values * factor).tolist())
    factor = EV.get(unit, 1.0 if (values > 1e3).all() else 1e3)
    return [ev_from_angstrom(wavelength=value * factor) for value in values.tolist()]  # h c / E, as h c / lambda


def _is_plausible(wavelength: float) -> bool:
    return PLAUSIBLE_WAVELENGTH[0] <= wavelength <= PLAUSIBLE_WAVELENGTH[1]


def _scalar(datasets: Sequence[Any], name: str) -> float | None:
    for dataset in datasets:
        if _name(dataset) == name and dataset.size == 1 and dataset.dtype.kind in "iuf":
            return float(np.asarray(dataset[()]).ravel()[0])
    return None


def _name(dataset: Any) -> str:
    return str(dataset.name).rpartition("/")[2]


def _columns(datasets: Sequence[Any], frames: tuple[int, ...]) -> dict[str, str]:
    """Return the paths of the columns with a value for each frame, by name; for a single frame also scalars."""
    count = math.prod(frames)
    shapes = {frames, (count,)} | ({(), (1,)} if count == 1 else set())
    found: dict[str, str] = {}
    for dataset in datasets:
        if (
            dataset.shape in shapes
            and dataset.size * dataset.dtype.itemsize <= MOST_BYTES
            and (dataset.dtype.kind in "iufb" or _is_text(dataset))
        ):
            found.setdefault(_name(dataset).lower(), str(dataset.name))
    return found


def _logged(dataset: Any, start: str, frames: int) -> Logged:
    """Return a column of the file; one that has grown since the frames were counted is truncated."""
    values = np.ravel(dataset[()])[:frames]
    unit = attribute(dataset, "units") or attribute(dataset, "unit")
    return Logged(values=values, unit=unit, start=attribute(dataset, "start") or start)


def _is_text(dataset: Any) -> bool:
    return dataset.dtype.kind in "OSU"


def _metadata(datasets: Sequence[Any]) -> dict[str, object]:
    """Return the name of the sample, if it is stated once."""
    for dataset in datasets:
        if str(dataset.name).endswith(("/sample/name", "/sample_name")) and dataset.shape == () and _is_text(dataset):
            return {"sample": _text(dataset[()])}
    return {}
