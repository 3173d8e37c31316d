"""Frames, how their patterns are read, and the settings with which they are refined (phases, beam, instrument, plan).

`frames` decides which files are frames; the patterns are not examined here.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import OWN_SLOTS, Phase
from layerox.diffraction.refinement_plan import NO_PLAN, Plan
from layerox.electrochemistry.cell_log import Electrochemistry
from layerox.errors import InputError, nearest, printable
from layerox.instrument import Instrument
from layerox.io import read_pattern, read_stack
from layerox.io.scan import pattern_from_scan, request_from_arguments
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.validation.layer_mesh import Layering, layering_of

# Formats with random access to single patterns.
STACKED = (".cif", ".h5", ".hdf5", ".hdf", ".nxs", ".nx", ".nexus")


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One pattern of a series.

    Attributes
    ----------
    index
        Its place in the series, from 0.
    file
        Name in tables: the file's name, followed by "#2" for the second of several scans.
    path, scan
        File and scan; `scan` counts from 0 within the file, None for a file with one scan. The number in
        `file` counts from 1.
    axes
        Its value on each axis of the series, in the order of `Frames.axes`; nan if unknown.
    """

    index: int
    file: str
    path: Path
    scan: int | None = None
    axes: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frames:
    """The frames of a series, in order, the names of its axes, and notices.

    `electrochemistry` is the assignment of a log to the frames, for run.json; `log` the log with the seconds that bring
    its times to the clock of the frames.
    """

    frames: tuple[Frame, ...]
    axes: tuple[str, ...] = ()
    warnings: tuple[Notice, ...] = ()
    electrochemistry: Mapping[str, object] | None = None
    log: tuple[Electrochemistry, float] | None = None

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, kw_only=True)
class PatternReading:
    """How the patterns of a series are read: the arguments of `read_pattern`, and excluded regions.

    Attributes
    ----------
    radiation, range, dataset
        See `read_pattern`.
    exclude
        (first, last) two-theta of regions, degrees.
    axis, sigma, allow_negative
        See `read_pattern`; the axis is that of files that do not state one.
    """

    radiation: Radiation | str | float | None = None
    range: tuple[float, float] | None = None
    exclude: tuple[tuple[float, float], ...] = ()
    dataset: str | None = None
    axis: str = "two-theta"
    sigma: str = "auto"
    allow_negative: bool = False

    def pattern(self, frame: Frame) -> Pattern:
        """Return the pattern of a frame; at few counts weights do not follow the noise, as in a single fit.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if frame.scan is None:
            found = read_pattern(
                frame.path,
                radiation=self.radiation,
                axis=self.axis,
                range=self.range,
                sigma=self.sigma,
                allow_negative=self.allow_negative,
            )
        else:
            scan = read_stack(frame.path, self.dataset).scan(frame.scan)
            # The file usually states its axis.
            axis = scan.axis or self.axis
            request = request_from_arguments(
                frame.path, self.radiation, axis, self.range, self.allow_negative, self.sigma
            )
            found = pattern_from_scan(scan, request)
        found = found.with_expected_sigma()
        return found.exclude(self.exclude) if self.exclude else found


def frame_of(path: Path, scan: int, count: int) -> Frame:
    """Return a frame of a file with `count` scans, with the index 0 until the series is sorted."""
    if count == 1:
        return Frame(index=0, file=printable(path.name), path=path, scan=0 if path.suffix.lower() in STACKED else None)
    return Frame(index=0, file=f"{printable(path.name)}#{scan + 1}", path=path, scan=scan)


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesSetup:
    """The settings of the refinement of a series.

    Attributes
    ----------
    phases
        All phases that may occur in any frame.
    instrument, radiation
        The diffractometer (profile None if not calibrated) and the beam.
    plan
        The refinement plan of the recipe.
    reading
        How the patterns are read.
    own
        Names or wildcards of atomic parameters that every frame refines ("P2_O1_z").
    similar
        Pairs of phases that a frame may not distinguish, by name.
    """

    phases: tuple[Phase, ...]
    instrument: Instrument
    radiation: Radiation
    plan: Plan = NO_PLAN
    reading: PatternReading = field(default_factory=PatternReading)
    own: tuple[str, ...] = ()
    similar: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the phases."""
        return tuple(phase.name for phase in self.phases)

    @cached_property
    def layerings(self) -> dict[str, Layering | None]:
        """The layers of each phase by name, None for a phase without layers; cached, so that workers receive them."""
        return {phase.name: layering_of(phase.crystal) for phase in self.phases}

    @property
    def own_names(self) -> frozenset[str]:
        """Names of the atomic parameters that every frame refines.

        Raises
        ------
        InputError
            If a name or wildcard matches no parameter.
        """
        atoms = [slot_name(phase, slot) for phase in self.phases for slot in phase.slot_names[len(OWN_SLOTS) :]]
        found = {pattern: fnmatch.filter(atoms, pattern) for pattern in self.own}
        for pattern, names in found.items():
            if not names:
                raise InputError(f"no atom has a quantity {pattern!r}", argument="own", cure=nearest(pattern, atoms))
        return frozenset(name for names in found.values() for name in names)

    @property
    def reference(self) -> str | None:
        """Name of the reference phase for masses."""
        return self.plan.quantification.reference
