"""Find the arrays of patterns in an HDF5 file, and choose among them.

An NXdata group names its signal and axes (NeXus manual, NXdata); older files mark the signal itself, and some have no
NeXus names at all, only an array of intensities with one of angles, q or d. One dimension is the axis, identified by
its unit; all others count frames.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from layerox.errors import ChoiceNeeded, InputError
from layerox.io.nexus_links import has_small_blocks, member
from layerox.io.nexus_metadata import attribute, pyfai_configuration, texts
from layerox.io.scan import Axis
from layerox.notices import Notice

# Largest depth and number of groups that are searched.
DEEPEST, MOST_GROUPS = 10, 50_000
MOST_NAMED = 6
# Larger arrays are not patterns; the memory is bounded before it is used.
MOST_POINTS, MOST_FRAMES = 2_000_000, 1_000_000
# The axis of a unit (in lower case without blanks, brackets, backslashes), and its factor to degrees, 1/A or A.
UNITS: tuple[tuple[re.Pattern[str], Axis, float], ...] = (
    (re.compile(r"(2th_)?(deg|degrees?|°|\^o)"), "two-theta", 1.0),
    (re.compile(r"(2th_)?(rad|radians?)"), "two-theta", 180.0 / math.pi),
    (re.compile(r"(2th_)?(mrad|milliradians?)"), "two-theta", 0.18 / math.pi),
    (re.compile(r"(q_)?(1/(a|å|aa|ang|angstroms?)|(a|å|aa|ang|angstroms?)\^?-1)"), "q", 1.0),
    (re.compile(r"(q_)?(1/nm|nm\^?-1|1/nanometers?)"), "q", 0.1),
    (re.compile(r"(a|å|ang|angstroms?)"), "d", 1.0),
    (re.compile(r"nm|nanometers?"), "d", 10.0),
    (re.compile(r"pm|picometers?"), "d", 0.01),
)
ABSCISSA = re.compile(r"(2|two)_?[- ]?th(eta)?|tth|ttheta|polar_angle|scattering_angle|radial(_axis)?|q|d|d_?spacing")
ANGLE = re.compile(r"(2|two)_?[- ]?th(eta)?|tth|ttheta|polar_angle|scattering_angle")
AZIMUTH = re.compile(r"chi|eta|phi|azim.*", re.IGNORECASE)
PLAIN_SIGNALS = ("intensity", "intensities", "i", "counts", "data", "y", "signal")
ERRORS = ("errors", "sigma", "intensity_errors", "intensity_error", "i_errors", "sem")
CHOOSE = "say which with --dataset PATH (a pattern such as */results takes several)"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One array of patterns in a file.

    Attributes
    ----------
    group, signal, abscissa, errors
        Paths; errors may be missing.
    kind, factor
        The kind of abscissa, and its factor to degrees, 1/angstrom or angstrom.
    shape
        Shape of the signal.
    dimension
        The dimension of the abscissa; the others count frames.
    """

    group: str
    signal: str
    abscissa: str
    errors: str | None
    kind: Axis
    factor: float
    shape: tuple[int, ...]
    dimension: int

    @property
    def frames(self) -> tuple[int, ...]:
        """The shape without the angles."""
        return self.shape[: self.dimension] + self.shape[self.dimension + 1 :]

    def __len__(self) -> int:
        return math.prod(self.frames)

    def place(self, index: int) -> tuple[int | slice, ...]:
        """Return the index of a frame in the signal."""
        place: list[int | slice] = [int(k) for k in np.unravel_index(index, self.frames)] if self.frames else []
        place.insert(self.dimension, slice(None))
        return tuple(place)


def sources_in(file: Any, path: Path) -> tuple[list[Source], list[InputError]]:
    """Return the arrays of patterns of a file in natural order, and the errors of unusable ones."""
    usable: list[Source] = []
    refused: list[InputError] = []
    signals = set[tuple[int, int]]()
    for group in _groups(file):
        try:
            found = _source(group, path)
        except InputError as error:
            refused.append(error)
            continue
        # NXmonopd links the arrays of its NXdetector into its NXdata: both groups hold one pattern.
        if found is not None and (where := _location(file[found.signal])) not in signals:
            signals.add(where)
            usable.append(found)
    return usable, refused


def _location(thing: Any) -> tuple[int, int]:
    """Return where in which file a group or an array is, the same through every link."""
    import h5py  # noqa: PLC0415

    where = h5py.h5o.get_info(thing.id)
    return where.fileno, where.addr


def _groups(file: Any) -> Iterator[Any]:
    """Yield every group once, through links too, parents first; broken links are skipped."""
    import h5py  # noqa: PLC0415

    waiting, seen = [(file["/"], 0)], set[tuple[int, int]]()
    while waiting and len(seen) < MOST_GROUPS:
        group, depth = waiting.pop(0)
        where = _location(group)
        if where in seen:
            continue
        seen.add(where)
        yield group
        for name in sorted(group, key=_natural) if depth < DEEPEST else ():
            found = member(group, name)
            if isinstance(found, h5py.Group):
                waiting.append((found, depth + 1))


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d{1,20})", name)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def _source(group: Any, path: Path) -> Source | None:
    """Return the patterns of a group, None if it has none.

    Raises
    ------
    InputError
        If its patterns cannot be read.
    """
    signal = _signal(group)
    if signal is None or signal.ndim == 0 or signal.dtype.kind not in "iuf" or 0 in signal.shape[1:]:
        return None
    axes = _axes(group, signal)
    for dimension in reversed(range(signal.ndim)):
        abscissa = _abscissa(group, signal, axes, dimension)
        if abscissa is None:
            continue
        _refuse_cake(group, axes, dimension, signal, path)
        _refuse_large(signal, dimension, path)
        kind, factor = _kind(group, abscissa, path)
        return Source(
            group=group.name,
            signal=signal.name,
            abscissa=abscissa.name,
            errors=_errors(group, signal),
            kind=kind,
            factor=factor,
            shape=tuple(signal.shape),
            dimension=dimension,
        )
    return None


def _datasets(group: Any) -> dict[str, Any]:
    """Return the arrays directly in a group, by name."""
    import h5py  # noqa: PLC0415

    found = {name: member(group, name) for name in group}
    return {name: array for name, array in found.items() if isinstance(array, h5py.Dataset)}


def _signal(group: Any) -> Any | None:
    """Return the signal of a group: by the group's attribute, by that of an old file, or by its name."""
    datasets = _datasets(group)
    names_given = texts(group.attrs.get("signal"))
    if names_given:
        return datasets.get(names_given[0])
    for dataset in datasets.values():
        if str(attribute(dataset, "signal")) == "1":
            return dataset
    if attribute(group, "NX_class") not in ("", "NXdata", "NXcollection"):
        return None
    return next((dataset for name, dataset in datasets.items() if name.lower() in PLAIN_SIGNALS), None)


def _axes(group: Any, signal: Any) -> list[str]:
    """Return the name of the axis of each dimension, "" where there is none."""
    names_given = texts(group.attrs.get("axes")) or texts(signal.attrs.get("axes"))
    if len(names_given) == 1 and signal.ndim > 1:
        names_given = re.split(r"[:,]", names_given[0].strip("[]"))
    names = [name if name != "." else "" for name in names_given]
    return names if len(names) == signal.ndim else [""] * (signal.ndim - len(names)) + names[: signal.ndim]


def _abscissa(group: Any, signal: Any, axes: Sequence[str], dimension: int) -> Any | None:
    """Return the axis along a dimension if it is one of angles, q or d; centres, or edges with one more."""
    datasets = _datasets(group)
    named = [axes[dimension]] if axes[dimension] else [name for name in datasets if ABSCISSA.fullmatch(name.lower())]
    points = signal.shape[dimension]
    for name in named:
        found = datasets.get(name)
        if found is None or found.name == signal.name or found.dtype.kind not in "iuf" or not has_small_blocks(found):
            continue
        fits = found.ndim == 1 and found.shape[0] in (points, points + 1)
        frames = signal.shape[:dimension] + signal.shape[dimension + 1 :]
        each = found.ndim == signal.ndim and found.shape == (*frames, points)
        if (fits or each) and points > 1 and _is_abscissa(group, found):
            return found
    return None


def _is_abscissa(group: Any, dataset: Any) -> bool:
    name = posixpath.basename(dataset.name).lower()
    if AZIMUTH.fullmatch(name):
        return False
    return bool(ABSCISSA.fullmatch(name) or ABSCISSA.fullmatch(attribute(dataset, "name").lower())
                or _by_unit(_unit(group, dataset)))  # fmt: skip


def _unit(group: Any, dataset: Any) -> str:
    """Return the unit of an axis from the file, or from pyFAI's configuration."""
    for key in ("units", "unit"):
        if unit_text := attribute(dataset, key):
            return unit_text
    return str(pyfai_configuration(group.parent).get("unit", ""))


def _by_unit(unit: str) -> tuple[Axis, float] | None:
    plain = re.sub(r"[\s\\{}()$]", "", unit).lower()
    return next(((kind, factor) for form, kind, factor in UNITS if form.fullmatch(plain)), None)


def _kind(group: Any, abscissa: Any, path: Path) -> tuple[Axis, float]:
    """Return the kind of an axis and the factor to the unit used here.

    Raises
    ------
    InputError
        If the unit is missing or not one of a pattern.
    """
    unit, name = _unit(group, abscissa), posixpath.basename(abscissa.name).lower()
    found = _by_unit(unit)
    if found is not None:
        return found
    if not unit and ANGLE.fullmatch(name):
        return "two-theta", 1.0
    unit_text = f"the unit {unit!r}" if unit else "no unit"
    raise InputError(f"{abscissa.name} has {unit_text}", place=path, cure="write degrees, 1/angstrom or 1/nm to it")


def _refuse_cake(group: Any, axes: Sequence[str], dimension: int, signal: Any, path: Path) -> None:
    for k, name in enumerate(axes):
        if k != dimension and AZIMUTH.fullmatch(name) and signal.shape[k] > 1:
            problem = f"{group.name} is a cake of {signal.shape[k]} azimuths"
            raise InputError(problem, place=path, cure="integrate over the azimuth")


def _refuse_large(signal: Any, dimension: int, path: Path) -> None:
    """Reject arrays that need too much memory: too many points or patterns, or too large blocks.

    A compressed block is unpacked whenever any part of it is read.
    """
    points, frames = signal.shape[dimension], math.prod(signal.shape) // max(signal.shape[dimension], 1)
    if points > MOST_POINTS or frames > MOST_FRAMES:
        what = f"{points} points a pattern" if points > MOST_POINTS else f"{frames} patterns"
        raise InputError(f"{signal.name} has {what}", place=path, cure="rebin it, or split the file")
    if not has_small_blocks(signal):
        block = math.prod(signal.chunks) * signal.dtype.itemsize
        problem = f"{signal.name} is stored in blocks of {block // 1_000_000} MB"
        raise InputError(problem, place=path, cure="rewrite it with one pattern per block: h5repack -l CHUNK=1xPOINTS")


def _errors(group: Any, signal: Any) -> str | None:
    name = posixpath.basename(signal.name)
    wanted = (f"{name}_errors", f"{name}_error", *texts(signal.attrs.get("uncertainties")), *ERRORS)
    datasets = {key.lower(): dataset for key, dataset in _datasets(group).items()}
    for key in wanted:
        found = datasets.get(key.lower())
        if found is None or found.dtype.kind not in "iuf":
            continue
        if found.shape == signal.shape and has_small_blocks(found):
            return str(found.name)
    return None


def chosen(
    file: Any, usable: list[Source], refused: list[InputError], dataset: str | None, path: Path
) -> tuple[list[Source], list[Notice]]:
    """Return the selected arrays.

    Raises
    ------
    InputError
        If there is none; `ChoiceNeeded` if there are several without a selection.
    """
    if not usable:
        if refused:
            raise refused[0]
        raise InputError("holds no patterns: no NXdata with an axis of two-theta, q or d", place=path,
                         cure="integrate the images first")  # fmt: skip
    if dataset is not None:
        return _asked(usable, dataset, path), []
    if len(usable) == 1:
        return usable, []
    if (default := _default(file, usable)) is not None:
        others = [source.group for source in usable if source is not default]
        message = f"{path.name}: {default.group} was taken, the file's default, not {_named(others)}; {CHOOSE}"
        return [default], [Notice("dataset_chosen", message)]
    if _are_entries(usable):
        return usable, []
    raise ChoiceNeeded(f"holds {_named([source.group for source in usable])}", place=path, cure=CHOOSE)


def _asked(usable: list[Source], dataset: str, path: Path) -> list[Source]:
    wanted = "/" + dataset.strip("/")
    found = [s for s in usable if wanted in (s.group, s.signal)]
    found = found or [s for s in usable if fnmatchcase(s.group, wanted) or fnmatchcase(s.signal, wanted)]
    if not found:
        cure = f"choose from {_named([source.group for source in usable])}"
        raise ChoiceNeeded(f"holds no patterns at {dataset}", place=path, cure=cure)
    return found


def _named(groups: Sequence[str]) -> str:
    more = f" and {len(groups) - MOST_NAMED} more" if len(groups) > MOST_NAMED else ""
    return ", ".join(groups[:MOST_NAMED]) + more


def _default(file: Any, usable: Sequence[Source]) -> Source | None:
    """Return the array given by the file's `default` attributes."""
    group = file
    for _ in range(DEEPEST):
        name = attribute(group, "default")
        inner = member(group, name) if name else None
        if inner is None:
            break
        group = inner
    return next((source for source in usable if group.name != "/" and file[source.group] == group), None)


def _are_entries(usable: Sequence[Source]) -> bool:
    """Whether each is one pattern at the same place of its own entry."""
    tails = {source.group.strip("/").partition("/")[2] for source in usable}
    return len(tails) == 1 and all(len(source) == 1 for source in usable)
