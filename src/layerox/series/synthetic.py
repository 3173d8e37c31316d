"""Synthetic: operando series whose truth is known: births, deaths, jumps, spectators, drift, and frames gone bad.

The same forward model that is refined makes the patterns, with Poisson noise from a seed. What the phases do is told by
a scenario; it is CONSTRUCTED for tests and teaching, after what the literature reports of sodium layered oxides, and
stands for no measurement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from layerox.builders import build_crystal
from layerox.computing.threads import single_threaded
from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.diffraction import peaks as pk
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.weight_fractions import scales_for_weights
from layerox.errors import InputError, nearest
from layerox.instrument import Instrument, Profile
from layerox.io.atomic import Content
from layerox.io.outputs import check_outputs, is_own, recorded, remove_own, results_in, write_outputs
from layerox.io.structures import cif_text
from layerox.io.writing import pattern_text
from layerox.pattern import Pattern, poisson_sigma
from layerox.public import public
from layerox.radiation import Radiation, radiation_from_text
from layerox.series.frames import SUFFIXES as PATTERNS
from layerox.series.synthetic_log import LOGBOOKS, PLAIN, Curve, Logbook, cycler_text, log_text, value_at
from layerox.symmetry import symmetry_from_name
from layerox.typing import FloatArray

BadKind = Literal["truncated", "beam-off", "spikes", "saturated", "foreign"]
BAD_KINDS: tuple[BadKind, ...] = ("truncated", "beam-off", "spikes", "saturated", "foreign")
# What histories of somebody's own are called.
OWN = "own"
SUFFIXES = (".xye", ".xy")
SCHEMA = "layerox.series-truth/1"
# How the manifest names what is written here, and what its frames are called.
BY, FRAME = "simulate-series", re.compile(r"frame_\d{4,}\.xye?")
# More would fill disks, and counts beyond what a random generator draws.
MOST_FRAMES, MOST_POINTS, MOST_COUNTS = 100_000, 1e9, 1e15
# A laboratory diffractometer: peaks of 0.07 degrees.
DIFFRACTOMETER = Instrument(profile=Profile(u=0.002, v=-0.001, w=0.004))
BACKGROUND = (260.0, -90.0, 40.0, -15.0)
TAIL = 1e-6
# Counts of the strongest point of a frame, and how far the specimen wanders over the series (mm).
COUNTS, DRIFT_MM = 8000.0, 0.06
HEIGHT_OF_SPIKES, SHARE_OF_SPIKES, SATURATION = 20.0, 0.01, 0.25


@dataclass(frozen=True, kw_only=True)
class History:
    """What one phase does.

    Attributes
    ----------
    name
        A library phase, or "Al", "NiO" or "spinel".
    weight
        (progress, weight) points, joined by straight lines; progress runs from 0 to 1. Weights are scaled to sum to 1.
    a, c
        (progress, factor on the length) points.
    size_nm, microstrain
        Of its crystallites.
    structure
        The library phase, "Al", "NiO" or "spinel" that it is where it has a name of its own.
    """

    name: str
    weight: Curve
    a: Curve = ((0.0, 1.0),)
    c: Curve = ((0.0, 1.0),)
    size_nm: float = 80.0
    microstrain: float = 0.0015
    structure: str = ""


SCENARIOS: Mapping[str, tuple[History, ...]] = {
    # Charge of a P2 cathode: c grows, then the layers glide to OP4 and collapse to O2; spinel and foil look on.
    "p2-op4-o2": (
        History(name="P2", weight=((0.0, 0.9), (0.4, 0.9), (0.7, 0.0)), a=((0.0, 1.0), (0.7, 0.992)),
                c=((0.0, 1.0), (0.4, 1.012), (0.7, 1.014))),
        History(name="OP4", weight=((0.35, 0.0), (0.6, 0.7), (0.9, 0.15)), a=((0.3, 1.0), (1.0, 0.994)),
                size_nm=35.0, microstrain=0.003),
        History(name="O2", weight=((0.6, 0.0), (0.95, 0.75)), c=((0.6, 1.0), (1.0, 0.985)), size_nm=25.0,
                microstrain=0.004),
        History(name="spinel", weight=((0.0, 0.05),), size_nm=60.0),
        History(name="Al", weight=((0.0, 0.05),), size_nm=200.0, microstrain=0.0005),
    ),
    # Charge of an O3 cathode: O3 turns into P3 over a range of coexistence, c jumps.
    "o3-p3": (
        History(name="O3", weight=((0.2, 1.0), (0.65, 0.0)), a=((0.0, 1.0), (0.65, 0.988)), c=((0.0, 1.0),
                (0.65, 1.008))),
        History(name="P3", weight=((0.25, 0.0), (0.7, 1.0)), a=((0.2, 1.0), (1.0, 0.985)), c=((0.2, 0.992),
                (1.0, 1.012)), size_nm=50.0, microstrain=0.0025),
        History(name="Al", weight=((0.0, 0.06),), size_nm=200.0, microstrain=0.0005),
    ),
    # Heating of a biphasic cathode: O3 turns into P2 and comes back a little; a spinel is born.
    "p2-o3": (
        History(name="P2", weight=((0.0, 0.35), (0.6, 0.8), (1.0, 0.65)), c=((0.0, 1.0), (1.0, 1.006))),
        History(name="O3", weight=((0.0, 0.65), (0.6, 0.15), (1.0, 0.25)), a=((0.0, 1.0), (1.0, 1.004))),
        History(name="spinel", weight=((0.5, 0.0), (0.9, 0.12)), size_nm=40.0),
    ),
    # A P2 cathode charged and discharged: OP4 and O2 come, go later than they came, and P2 does not quite return.
    "p2-cycle": (
        History(name="P2", weight=((0.22, 0.9), (0.4, 0.0), (0.7, 0.0), (0.9, 0.85)), a=((0.0, 1.0), (0.22, 0.9935),
                (0.4, 0.992), (0.7, 0.9925), (1.0, 0.9985)), c=((0.0, 1.0), (0.22, 1.012), (0.4, 1.015),
                (0.7, 1.014), (1.0, 1.0035))),
        History(name="OP4", weight=((0.2, 0.0), (0.36, 0.7), (0.48, 0.15), (0.58, 0.15), (0.7, 0.75), (0.92, 0.0)),
                a=((0.2, 1.0), (0.5, 0.994), (0.9, 1.0)), c=((0.2, 1.0), (0.5, 0.992), (0.9, 1.0)), size_nm=40.0,
                microstrain=0.0025),
        History(name="O2", weight=((0.36, 0.0), (0.49, 0.75), (0.57, 0.75), (0.68, 0.0)), c=((0.36, 1.0), (0.52, 0.985),
                (0.68, 1.0)), size_nm=30.0, microstrain=0.003),
        History(name="Al", weight=((0.0, 0.06),), size_nm=200.0, microstrain=0.0005),
    ),
    # Heating of a P3 cathode that holds a spinel: P3 turns into P2, everything expands, the spinel looks on.
    "p3-p2-spinel": (
        History(name="P3", weight=((0.3, 0.88), (0.7, 0.0)), a=((0.0, 1.0), (0.7, 1.005)), c=((0.0, 1.0),
                (0.7, 1.011))),
        History(name="P2", weight=((0.33, 0.0), (0.7, 0.88)), a=((0.3, 1.002), (1.0, 1.007)), c=((0.3, 1.004),
                (1.0, 1.015)), size_nm=60.0, microstrain=0.002),
        History(name="spinel", weight=((0.0, 0.12),), a=((0.0, 1.0), (1.0, 1.008)), c=((0.0, 1.0), (1.0, 1.008)),
                size_nm=60.0),
    ),
    # Specimens of growing titanium content, each made anew: O3 gives way to P2, both follow Vegard, NiO is left over.
    "o3-p2-titanium": (
        History(name="O3", weight=((0.0, 0.95), (0.25, 0.8), (0.75, 0.0)), a=((0.0, 1.0), (1.0, 1.012)),
                c=((0.0, 1.0), (1.0, 1.006)), size_nm=120.0, microstrain=0.001),
        History(name="P2", weight=((0.2, 0.0), (0.75, 0.95), (1.0, 1.0)), a=((0.0, 0.998), (1.0, 1.010)),
                c=((0.0, 1.0), (1.0, 1.009)), size_nm=150.0, microstrain=0.001),
        History(name="NiO", weight=((0.0, 0.05), (0.6, 0.0)), size_nm=40.0),
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrueFrame:
    """What a synthetic frame was made of.

    Attributes
    ----------
    file
        Its name.
    phases
        Of each phase that is there: weight_fraction, a, b, c (angstrom).
    time, axes
        When it was taken (ISO 8601, UTC), and where it stands: time_h, temperature_k and, of a cell, voltage and x_na.
    displacement_mm
        Of the specimen.
    bad
        What has happened to the frame, None if it is good.
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

    The patterns say when they were taken and how warm the specimen was; log.csv says it of all of them, and of a cell
    its voltage and sodium content too, of which cycler.csv is the cycler's own record.

    Parameters
    ----------
    folder
        Made if it is missing. Simulated frames of an earlier call are replaced; beside measured patterns none is
        written.
    scenario
        One of `SCENARIOS`, or histories of your own.
    frames, seed
        Their number; the seed of noise, drift and faults.
    bad
        Share of the frames that something has happened to.
    radiation
        The beam.
    two_theta
        First angle, last angle and step, degrees.
    counts
        Of the strongest point of each frame.
    suffix
        ".xye", or ".xy" for a third of the size: sigmas are those of counting either way.
    overwrite
        Whether files may be replaced that layerox did not write, or that were changed since.

    Raises
    ------
    InputError
        If something given cannot be used, the folder cannot be written to, or it holds files of the user.
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
    book = LOGBOOKS.get(name, PLAIN)
    maker = _Maker(histories, book, beam.polarized(0.5), two_theta, counts)
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
    """Write a series, all files or none, in the place of one that was simulated before."""
    check_outputs([folder / name for name in files], overwrite=overwrite, makes_folder=True)
    before = {name for name, record in recorded(folder).items() if record.by == BY}
    strange = [path for path in _patterns_in(folder) if path.name not in before and path.name not in files]
    if strange:
        raise InputError("would stand among simulated patterns, and was not simulated", place=strange[0],
                         cure="choose another folder", argument="output")  # fmt: skip
    left = [folder / name for name in before if FRAME.fullmatch(name) and name not in files]
    for path in left:
        if path.is_file() and not (overwrite or is_own(path)):
            raise InputError("was changed after it was simulated and would stand among others", place=path,
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


def _truth_text(scenario: str, seed: int, book: Logbook, truth: list[TrueFrame]) -> str:
    document: dict[str, object] = {"schema": SCHEMA, "scenario": scenario, "provenance": "CONSTRUCTED", "seed": seed}
    if book.cell is not None:
        document["cell"] = {"formula": book.cell.formula, "mass_mg": book.cell.mass_mg}
    document["frames"] = [vars(true) for true in truth]
    return json.dumps(document, indent=1) + "\n"


def _faults(count: int, share: float, draw: np.random.Generator) -> list[BadKind | None]:
    """Return what happens to each frame; the first one is spared."""
    found: list[BadKind | None] = [None] * count
    number = min(round(share * count), count - 1)
    for k in draw.choice(np.arange(1, count), number, replace=False) if number else ():
        found[int(k)] = BAD_KINDS[int(draw.integers(len(BAD_KINDS)))]
    return found


class _Maker:
    """Makes the frames of one scenario."""

    def __init__(
        self,
        histories: tuple[History, ...],
        book: Logbook,
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
        # The foreign specimen that is measured by mistake once in a while.
        stranger = Phase(name="stranger", crystal=_halite(), size_nm=50.0)
        self.model = self._model(self.phases)
        self.strange = self._model([stranger])

    def _model(self, phases: list[Phase]) -> Model:
        return Model(
            self.angles, phases, DIFFRACTOMETER, self.beam, background_terms=len(BACKGROUND), tail=TAIL * self.counts
        )

    def frame(
        self, name: str, progress: float, bad: BadKind | None, draw: np.random.Generator
    ) -> tuple[Pattern, TrueFrame]:
        """Return the pattern of a file and what it was made of."""
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
        said = {"start_time": true.time, "temperature_k": value_at(self.book.temperature_k, progress)}
        pattern = Pattern(two_theta=self.angles, intensity=intensity, sigma=poisson_sigma(intensity), metadata=said,
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
    """Return the counts with single channels far too high, as sparks and cosmic rays leave them."""
    hit = draw.random(len(intensity)) < SHARE_OF_SPIKES
    heights = HEIGHT_OF_SPIKES * np.median(intensity) * (1.0 + draw.random(len(intensity)))
    return np.where(hit, np.rint(heights), intensity)


def crystal_of(name: str) -> Crystal:
    """Return a phase of a scenario: aluminium, NiO, a spinel, or one of the library."""
    if name == "Al":
        aluminium = Site(label="Al1", element="Al", position=(0.0, 0.0, 0.0), u_iso=0.01)
        return _cubic("Al", "F m -3 m", 4.0495, (aluminium,), "RECALLED: cell of aluminium at room temperature")
    if name == "NiO":
        nickel = Site(label="Ni1", element="Ni", position=(0.0, 0.0, 0.0), u_iso=0.005)
        oxygen = Site(label="O1", element="O", position=(0.5, 0.5, 0.5), u_iso=0.007)
        return _cubic("NiO", "F m -3 m", 4.177, (nickel, oxygen), "RECALLED: cell of NiO at room temperature")
    if name == "spinel":
        sites = (
            Site(label="Li1", element="Li", position=(0.125, 0.125, 0.125), u_iso=0.02),
            Site(label="Mn1", element="Mn", position=(0.5, 0.5, 0.5), u_iso=0.005),
            Site(label="O1", element="O", position=(0.263, 0.263, 0.263), u_iso=0.01),
        )
        return _cubic("spinel", "F d -3 m:2", 8.24, sites, "RECALLED: LiMn2O4")
    return replace(build_crystal(name), name=name)


def _halite() -> Crystal:
    sites = (
        Site(label="Na1", element="Na", position=(0.0, 0.0, 0.0), u_iso=0.02),
        Site(label="Cl1", element="Cl", position=(0.5, 0.5, 0.5), u_iso=0.02),
    )
    return _cubic("halite", "F m -3 m", 5.64, sites, "RECALLED: NaCl")


def _cubic(name: str, group: str, a: float, sites: tuple[Site, ...], source: str) -> Crystal:
    cell = (a, a, a, 90.0, 90.0, 90.0)
    return Crystal(name=name, cell=cell, symmetry=symmetry_from_name(group), sites=sites, source=source)
