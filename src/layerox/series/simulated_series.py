"""Simulated series with known true values: phases that enter and leave, foil, drift, and damaged frames.

The forward model of the refinement calculates the patterns; Poisson noise is drawn from a seed. The scenarios are in
`scenarios`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from layerox.computing.threads import single_threaded
from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction import peaks as pk
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.weight_fractions import scales_for_weights
from layerox.errors import InputError, nearest
from layerox.instrument import Instrument, Profile
from layerox.io.atomic_writing import Content
from layerox.io.output_files import check_outputs, is_own, recorded, remove_own, results_in, write_outputs
from layerox.io.pattern_writing import pattern_text
from layerox.io.structure_writing import cif_text
from layerox.pattern import Pattern, poisson_sigma
from layerox.public import public
from layerox.radiation import Radiation, radiation_from_text
from layerox.series.frames import SUFFIXES as PATTERNS
from layerox.series.scenarios import (
    EXPERIMENT_LOGS,
    PLAIN,
    SCENARIOS,
    ExperimentLog,
    History,
    crystal_of,
    cycler_text,
    halite,
    log_text,
    value_at,
)
from layerox.typing import FloatArray

BadKind = Literal["truncated", "beam-off", "spikes", "saturated", "foreign"]
BAD_KINDS: tuple[BadKind, ...] = ("truncated", "beam-off", "spikes", "saturated", "foreign")
# Name of a scenario given by the user.
OWN = "own"
SUFFIXES = (".xye", ".xy")
SCHEMA = "layerox.series-truth/1"
# Command name in the manifest, and names of the frame files.
BY, FRAME = "simulate-series", re.compile(r"frame_\d{4,}\.xye?")
# Limits of disk space, and of the random generator.
MOST_FRAMES, MOST_POINTS, MOST_COUNTS = 100_000, 1e9, 1e15
# A laboratory diffractometer: peaks of 0.07 degrees.
DIFFRACTOMETER = Instrument(profile=Profile(u=0.002, v=-0.001, w=0.004))
BACKGROUND = (260.0, -90.0, 40.0, -15.0)
TAIL = 1e-6
# Counts of the strongest point of a frame, and drift of the specimen over the series (mm).
COUNTS, DRIFT_MM = 8000.0, 0.06
HEIGHT_OF_SPIKES, SHARE_OF_SPIKES, SATURATION = 20.0, 0.01, 0.25


@dataclass(frozen=True, kw_only=True)
class TrueFrame:
    """The true values of a simulated frame.

    Attributes
    ----------
    file
        Its name.
    phases
        For each present phase: weight_fraction, a, b, c (angstrom).
    time, axes
        Time (ISO 8601, UTC), and axis values: time_h, temperature_k and, with a cell, voltage and x_na.
    displacement_mm
        Displacement of the specimen.
    bad
        The damage of the frame, None if it is good.
    """

    file: str
    time: str
    axes: Mapping[str, float]
    phases: Mapping[str, Mapping[str, float]]
    displacement_mm: float
    bad: BadKind | None


@public
@single_threaded
def simulate_series(
    folder: str | Path,
    scenario: str | Sequence[History] = "p2-op4-o2",
    *,
    frames: int = 60,
    seed: int = 0,
    bad: float = 0.0,
    radiation: Radiation | str = "CuKa",
    two_theta: tuple[float, float, float] = (10.0, 90.0, 0.02),
    counts: float = COUNTS,
    suffix: str = ".xye",
    overwrite: bool = False,
) -> list[TrueFrame]:
    """Write a folder of synthetic patterns: frame_0000.xye ..., a CIF for each phase, logs, and truth.json.

    The patterns state their time and temperature; log.csv lists both for all frames, and for a cell
    its voltage and sodium content too, of which cycler.csv is the cycler's own record.

    Parameters
    ----------
    folder
        Created if missing. Simulated frames of an earlier call are replaced; a folder with measured patterns is
        rejected.
    scenario
        One of `SCENARIOS`, or user-defined histories.
    frames, seed
        Their number; the seed of noise, drift and faults.
    bad
        Share of damaged frames.
    radiation
        The beam.
    two_theta
        First angle, last angle and step, degrees.
    counts
        Counts of the strongest point of each frame.
    suffix
        ".xye", or ".xy" for a third of the size: sigmas follow from the counts in both cases.
    overwrite
        Whether files that layerox did not write, or that were changed, may be replaced.

    Raises
    ------
    InputError
        If an argument cannot be used, the folder cannot be written, or it has files of the user.
    """
    folder = Path(folder)
    if isinstance(scenario, str) and scenario not in SCENARIOS:
        raise InputError(f"unknown scenario {scenario!r}", place="--scenario", cure=nearest(scenario, SCENARIOS))
    if not 1 <= frames <= MOST_FRAMES or not 0 <= bad < 1 or not 0 < counts <= MOST_COUNTS:
        problem = f"{frames} frames, {bad:g} of them bad, {counts:g} counts"
        cure = f"give 1 to {MOST_FRAMES} frames, a share below 1, counts up to {MOST_COUNTS:g}"
        raise InputError(problem, place="--frames, --bad, --counts", cure=cure)
    points = frames * (two_theta[1] - two_theta[0]) / two_theta[2] if two_theta[2] > 0 else 0.0
    if points > MOST_POINTS:
        raise InputError(f"{frames} frames with {points:.2g} points in all", place="--frames, --two-theta",
                         cure=f"give at most {MOST_POINTS:g} points")  # fmt: skip
    if suffix not in SUFFIXES:
        raise InputError(f"series are not written as {suffix!r}", place="--suffix", cure=nearest(suffix, SUFFIXES))
    beam = radiation_from_text(radiation) if isinstance(radiation, str) else radiation
    name, histories = (scenario, SCENARIOS[scenario]) if isinstance(scenario, str) else (OWN, tuple(scenario))
    book = EXPERIMENT_LOGS.get(name, PLAIN)
    maker = _PatternSimulator(histories, book, beam.polarized(0.5), two_theta, counts)
    faults = _faults(frames, bad, np.random.default_rng([seed, 1]))
    truth: list[TrueFrame] = []
    places = [k / max(frames - 1, 1) for k in range(frames)]

    def frame_text(k: int) -> Iterator[str]:
        file = f"frame_{k:04d}{suffix}"
        pattern, true = maker.frame(file, places[k], faults[k], np.random.default_rng([seed, 2, k]))
        truth.append(true)
        text = pattern_text(pattern, folder / file)
        yield text[: int(0.4 * len(text))] if true.bad == "truncated" else text

    def truth_text() -> Iterator[str]:
        yield _truth_text(name, seed, book, truth)

    listed = [f"frame_{k:04d}{suffix}" for k in range(frames)]
    files: dict[str, Content] = {file: frame_text(k) for k, file in enumerate(listed)}
    files |= {f"{phase.name}.cif": cif_text(phase.crystal) for phase in maker.phases}
    files |= {"log.csv": log_text(book, listed, places)}
    files |= {} if book.cell is None else {"cycler.csv": cycler_text(book)}
    _write(folder, files | {"truth.json": truth_text()}, overwrite=overwrite)
    return truth


def _write(folder: Path, files: Mapping[str, Content], *, overwrite: bool) -> None:
    """Write a series, all files or none, replacing an earlier simulated one."""
    check_outputs([folder / name for name in files], overwrite=overwrite, makes_folder=True)
    before = {name for name, record in recorded(folder).items() if record.by == BY}
    strange = [path for path in _patterns_in(folder) if path.name not in before and path.name not in files]
    if strange:
        raise InputError("is not simulated, and would be in a folder of simulated patterns", place=strange[0],
                         cure="choose another folder", argument="output")  # fmt: skip
    left = [folder / name for name in before if FRAME.fullmatch(name) and name not in files]
    for path in left:
        if path.is_file() and not (overwrite or is_own(path)):
            raise InputError("was changed after the simulation, and would be among the new patterns", place=path,
                             cure="choose another folder, or give overwrite", argument="overwrite")  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made ({error.strerror})", place=folder, cure="choose another folder") from None
    write_outputs({folder / name: content for name, content in files.items()}, by=BY, overwrite=overwrite)
    remove_own(left, overwrite=overwrite)


def _patterns_in(folder: Path) -> list[Path]:
    """Return the files of a folder that may be patterns."""
    own = results_in(folder)
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(p for p in found if p.suffix.lower() in PATTERNS and p.name not in own and p.name[0] != ".")


def _truth_text(scenario: str, seed: int, book: ExperimentLog, truth: list[TrueFrame]) -> str:
    document: dict[str, object] = {"schema": SCHEMA, "scenario": scenario, "provenance": "CONSTRUCTED", "seed": seed}
    if book.cell is not None:
        document["cell"] = {"formula": book.cell.formula, "mass_mg": book.cell.mass_mg}
    document["frames"] = [vars(true) for true in truth]
    return json.dumps(document, indent=1) + "\n"


def _faults(count: int, share: float, draw: np.random.Generator) -> list[BadKind | None]:
    """Return the damage of each frame; the first one is never damaged."""
    found: list[BadKind | None] = [None] * count
    number = min(round(share * count), count - 1)
    for k in draw.choice(np.arange(1, count), number, replace=False) if number else ():
        found[int(k)] = BAD_KINDS[int(draw.integers(len(BAD_KINDS)))]
    return found


class _PatternSimulator:
    """Makes the frames of one scenario."""

    def __init__(
        self,
        histories: tuple[History, ...],
        book: ExperimentLog,
        beam: Radiation,
        two_theta: tuple[float, float, float],
        counts: float,
    ):
        self.histories, self.book, self.beam, self.counts = histories, book, beam, counts
        low, high, step = two_theta
        self.angles = np.round(low + step * np.arange(int(np.floor((high - low) / step + 1e-6)) + 1), 10)
        self.phases = [
            Phase(name=h.name, crystal=crystal_of(h.structure or h.name), size_nm=h.size_nm, microstrain=h.microstrain)
            for h in histories
        ]
        # The foreign specimen of frames measured by mistake.
        stranger = Phase(name="stranger", crystal=halite(), size_nm=50.0)
        self.model = self._model(self.phases)
        self.strange = self._model([stranger])

    def _model(self, phases: list[Phase]) -> Model:
        return Model(
            self.angles, phases, DIFFRACTOMETER, self.beam, background_terms=len(BACKGROUND), tail=TAIL * self.counts
        )

    def frame(
        self, name: str, progress: float, bad: BadKind | None, draw: np.random.Generator
    ) -> tuple[Pattern, TrueFrame]:
        """Return the pattern of a file and its true values."""
        displacement = DRIFT_MM * float(np.sin(2.0 * progress)) + 0.003 * float(draw.normal())
        crystals = [self._crystal(phase, history, progress) for phase, history in zip(self.phases, self.histories,
                                                                                    strict=True)]  # fmt: skip
        weights = np.maximum([value_at(history.weight, progress) for history in self.histories], 0.0)
        weights = weights / weights.sum()
        expected = self._expected(self.model, crystals, weights, displacement)
        if bad == "foreign":
            (stranger,) = self.strange.phases
            expected = self._expected(self.strange, [stranger.crystal], np.ones(1), displacement)
        if bad == "beam-off":
            expected = np.full_like(expected, 5.0)
        intensity = _spoilt(draw.poisson(expected).astype(np.float64), bad, draw)
        true = TrueFrame(
            file=name,
            time=self.book.time(progress).isoformat(timespec="seconds"),
            axes=self.book.axes(progress),
            phases={
                phase.name: dict(zip(("weight_fraction", "a", "b", "c"), (float(w), *crystal.cell[:3]), strict=True))
                for phase, crystal, w in zip(self.phases, crystals, weights, strict=True)
                if w > 0
            },
            displacement_mm=displacement,
            bad=bad,
        )
        metadata = {"start_time": true.time, "temperature_k": value_at(self.book.temperature_k, progress)}
        pattern = Pattern(two_theta=self.angles, intensity=intensity, sigma=poisson_sigma(intensity), metadata=metadata,
                          sigma_source="poisson", radiation=self.beam, label=Path(name).stem)  # fmt: skip
        return pattern, true

    def _crystal(self, phase: Phase, history: History, progress: float) -> Crystal:
        a, b, c, *angles = phase.crystal.cell
        in_plane, across = value_at(history.a, progress), value_at(history.c, progress)
        return phase.crystal.with_cell([a * in_plane, b * in_plane, c * across, *angles])

    def _expected(self, model: Model, crystals: list[Crystal], weights: FloatArray, displacement: float) -> FloatArray:
        """Return the expected counts."""
        values = model.start
        values[model.background_block] = BACKGROUND
        values[model.instrument_block.start + pk.DISPLACEMENT] = displacement
        for block, crystal in zip(model.phase_blocks, crystals, strict=True):
            values[block.start + pk.CELL : block.start + pk.CELL + 6] = crystal.cell
        scales = scales_for_weights(crystals, weights)
        top = 1.0
        for factor in (self.counts, None):
            for block, scale in zip(model.phase_blocks, scales, strict=True):
                values[block.start + pk.SCALE] = scale * (top if factor is None else factor)
            found = model.calculated(values)
            top = self.counts**2 / float(found.phases.sum(axis=0).max())
        return found.total


def _spoilt(intensity: FloatArray, bad: BadKind | None, draw: np.random.Generator) -> FloatArray:
    spoil: dict[BadKind, Callable[[], FloatArray]] = {
        "saturated": lambda: np.minimum(intensity, np.rint(SATURATION * intensity.max())),
        "spikes": lambda: _with_spikes(intensity, draw),
    }
    return spoil[bad]() if bad in spoil else intensity


def _with_spikes(intensity: FloatArray, draw: np.random.Generator) -> FloatArray:
    """Return the counts with single channels far too high, as from sparks and cosmic rays."""
    hit = draw.random(len(intensity)) < SHARE_OF_SPIKES
    heights = HEIGHT_OF_SPIKES * np.median(intensity) * (1.0 + draw.random(len(intensity)))
    return np.where(hit, np.rint(heights), intensity)
