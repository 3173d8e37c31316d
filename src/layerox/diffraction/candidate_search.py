"""Candidate search: candidate phases scored against a pattern, and sets of them refined quickly.

A score test on the blurred pattern (Rao, Proc. Cambridge Philos. Soc. 44 (1948) 50, doi:10.1017/S0305004100023987)
scans the cell of every candidate and predicts by how much it would lower chi-squared beside the members of a set.
Structures are known only roughly here: the uncertainty of a point contains a share of the peaks' intensity beside the
counting statistics.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.background import BLANK, MeasuredBackground
from layerox.diffraction.cell_search import blurred, blurs_for, search_cells, widened
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.model_setup import with_starting_widths
from layerox.diffraction.parameters import Parameters, is_background, position_names, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.starting_values import peak_width, plausible_scales, set_linear, starting_inverse_size
from layerox.diffraction.unexplained_peaks import windows
from layerox.instrument import Instrument
from layerox.pattern import Pattern, merged
from layerox.radiation import Radiation
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

BACKGROUND_TERMS = 8
# Uncertainty of a calculated intensity, relative to itself: atoms, texture and profile are those of another specimen.
WRONG_INTENSITY = 0.1
# Largest relative difference of a cell length from that of the candidate, and the step of the grid.
CELL_REACH, CELL_STEP = 0.028, 0.0035
# Blur of the pattern for the grid and for the descents, in units of the coarsest blur of a cell search.
GRID_BLUR, DESCENT_BLURS = 0.35, (0.25, 0.09)
# Height at which tails are cut, in units of the median sigma; end of a descent, and its evaluations.
TAIL, TOLERANCE, MOST_EVALUATIONS = 0.02, 0.3, 20
# Half of the window in which the background is the lowest intensity, in widths of a peak, and in points at least.
BACKGROUND_REACH, FEWEST_POINTS = 12.0, 10
# Height from which a point belongs to the lines of a phase, relative to its highest one.
OWN_LINE = 0.05
# March coefficients of powders: beyond them a few lines alone make the pattern of a phase.
TEXTURES = 0.5, 1.5
# March coefficients of a member of the best set that reaches these limits or matches badly, and where they start; the
# gain that they need.
STRONG_TEXTURES, STARTING_TEXTURE, GOOD_MATCH, TEXTURE_GAIN = (0.15, 3.0), 0.6, 0.9, 15.0
# Lines whose normals are tried as axes: two often coincide.
AXES_TRIED = 2
# Smallest crystallites (nm) and largest microstrain: broader lines are humps of the background.
SMALLEST, LARGEST_STRAIN = 4.0, 0.02
# Points per peak width of the pattern that is searched: neighbouring points of a finer one are merged.
POINTS_PER_WIDTH = 4.0
# Score above that of a set that is kept from which textures and strains are not refined.
HOPELESS = 60.0
# Share of a curve that the other curves must not be able to describe.
LEAST_NEW = 1e-4


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A phase that may be in a pattern.

    Attributes
    ----------
    phase
        With the cell from which the search starts.
    group
        Name under which it is reported; candidates of one group are versions of one phase, such as P2 of two
        compositions.
    """

    phase: Phase
    group: str


@dataclass(frozen=True, kw_only=True, eq=False)
class PhaseSet:
    """A set of candidates, refined with the weights of the search.

    Attributes
    ----------
    members
        Indices of the candidates, ascending.
    minimum
        Of the refinement.
    """

    members: tuple[int, ...]
    minimum: Minimum

    @property
    def chi_squared(self) -> float:
        """Chi-squared with the weights of the search."""
        return self.minimum.chi_squared


class CandidateSearch:
    """A pattern and its candidates.

    Parameters
    ----------
    pattern
        The data.
    candidates
        Each with at least one reflection in the range of the pattern.
    instrument, beam
        The diffractometer and the beam.

    Attributes
    ----------
    pattern
        The data, with merged points if there are many in a peak.
    resolved
        Number of peak widths in the pattern, as many independent data.
    empty
        The set without members.
    """

    def __init__(self, pattern: Pattern, candidates: Sequence[Candidate], instrument: Instrument, beam: Radiation):
        self.width = peak_width(pattern.two_theta, pattern.intensity)
        self.pattern = pattern = merged(pattern, self._points_to_merge(pattern))
        self.candidates = tuple(candidates)
        self.calibrated = instrument.profile is not None
        known = with_starting_widths(instrument, pattern)
        phases = [candidate.phase for candidate in candidates]
        tail = TAIL * float(np.median(pattern.sigma))
        lowest = background_of(pattern.intensity, self._reach())
        humps = MeasuredBackground(two_theta=pattern.two_theta, intensity=lowest, place="background")
        self.model = Model(pattern.two_theta, phases, known, beam, background_terms=BACKGROUND_TERMS, tail=tail,
                           blank=humps)  # fmt: skip
        self.data = Data(pattern.intensity, 1.0 / self._sigmas(lowest))
        self.resolved = (self.model.limits[1] - self.model.limits[0]) / self.width
        self.table = parameters_of(self.model)
        for phase in phases:
            self.table.assign(slot_name(phase, "inverse_size"), starting_inverse_size(self.width, beam.wavelength))
        self._refined: dict[tuple[int, ...], PhaseSet] = {}
        self._strong: set[str] = set()
        self.empty = self._refine((), parameters_of(self.model.showing(())))

    def _points_to_merge(self, pattern: Pattern) -> int:
        step = float(np.median(np.diff(pattern.two_theta)))
        return int(self.width / (POINTS_PER_WIDTH * step))

    def _reach(self) -> int:
        """Return half of the window in which the background is the lowest intensity, in points."""
        step = float(np.median(np.diff(self.pattern.two_theta)))
        return max(round(BACKGROUND_REACH * self.width / step), FEWEST_POINTS)

    def _sigmas(self, lowest: FloatArray) -> FloatArray:
        """Return the uncertainty of each point: counting statistics, and a share of the intensity of the peaks."""
        net = np.maximum(self.pattern.intensity - lowest, 0.0)
        return np.sqrt(self.pattern.sigma**2 + (WRONG_INTENSITY * net) ** 2)

    @property
    def _blur(self) -> float:
        return GRID_BLUR * blurs_for(self.model)[0]

    @cached_property
    def _blurred(self) -> tuple[Model, Data]:
        return blurred(self.model, self.data, self._blur)

    @cached_property
    def _grids(self) -> tuple[tuple[list[dict[str, float]], NDArray[np.float32]], ...]:
        """For each candidate its cells, and their weighted curves on the blurred angles, shape (g, n)."""
        model, data = self._blurred
        table = widened(self.table, self.table.value("instrument_w") + self._blur**2)
        reach = plausible_scales(model, table.values, max(float(np.ptp(data.intensity)), 1.0))
        grids = []
        for index, candidate in enumerate(self.candidates):
            cells = list(cells_of(candidate.phase))
            curves = np.empty((len(cells), model.two_theta.size), dtype=np.float32)
            places = table.places(cells[0])
            for curve, cell in zip(curves, cells, strict=True):
                values = table.values.copy()
                values[places] = list(cell.values())
                curve[:] = model.unit_pattern(index, values, reach[index]) * data.weight * reach[index]
            grids.append((cells, curves))
        return tuple(grids)

    def promising(self, found: PhaseSet) -> list[tuple[float, int, dict[str, float]]]:
        """Return for each candidate its predicted gain (see `gain`), its index, and its cell; best first."""
        _, data = self._blurred
        basis = np.linalg.qr(self._known_curves(found).T)[0].astype(np.float32)
        residual = (data.intensity * data.weight).astype(np.float32)
        residual = residual - basis @ (basis.T @ residual)
        total = float(residual @ residual)
        ranked = []
        for index, (cells, curves) in enumerate(self._grids):
            if index in found.members:
                continue
            whole = (curves**2).sum(axis=1)
            power = whole - ((curves @ basis) ** 2).sum(axis=1)
            overlap = np.maximum(curves @ residual, 0.0)
            falls = np.where(power > LEAST_NEW * whole, overlap**2 / np.maximum(power, 1e-30), 0.0)
            best = int(np.argmax(falls))
            left = max(total - float(falls[best]), 1e-6 * total)
            ranked.append((self.resolved * math.log(total / left), index, cells[best]))
        return sorted(ranked, key=lambda row: -row[0])

    def _known_curves(self, found: PhaseSet) -> FloatArray:
        """Return the weighted curves of the background terms and of the members of a set on the blurred angles."""
        model, data = self._blurred
        part, known = model.showing(found.members), found.minimum.parameters
        table = widened(known, known.value("instrument_w") + self._blur**2)
        scales = np.array([table.value(slot_name(phase, "scale")) for phase in part.phases])
        curves = part.unit_patterns(table.values[: len(part.names)], np.maximum(scales, 1e-300))
        return np.concatenate([model.basis, curves]) * data.weight

    def with_member(self, found: PhaseSet, index: int, cell: Mapping[str, float], worst: float = math.inf) -> PhaseSet:
        """Return a set with one more candidate, refined from a cell.

        Its textures and strains are not refined if its score without them is far above `worst`.
        """
        members = tuple(sorted((*found.members, index)))
        start = self._table(members, found)
        for name, value in cell.items():
            start.assign(name, value)
        return self._refine(members, start, search=True, worst=worst)

    def without_member(self, found: PhaseSet, index: int) -> PhaseSet:
        """Return a set without one of its members, refined."""
        members = tuple(k for k in found.members if k != index)
        return self._refined.get(members) or self._refine(members, self._table(members, found))

    def with_textures(self, found: PhaseSet) -> PhaseSet:
        """Return a set with stronger textures of its members, or about other axes, where these fit clearly better.

        From then on these members have them in every set: a phase enters by its pattern with a texture that powders
        usually have, and only then may crystallites that lie on one face make a few of its lines much stronger.
        """
        for index in found.members:
            if self._texture(found, index) in TEXTURES:
                found = self._retried(found, index, self.model)
            if self.matches(found)[found.members.index(index)] < GOOD_MATCH:
                for hkl in self._weakest_lines(found, index):
                    found = self._retried(found, index, self.model.about(index, hkl))
        return found

    def _retried(self, found: PhaseSet, index: int, model: Model) -> PhaseSet:
        """Return a set refined with any texture of a member in a model, or the set itself if that is not better."""
        before = self.model, set(self._strong), dict(self._refined)
        self.model = model
        self._strong.add(self.candidates[index].phase.name)
        self._refined = {members: one for members, one in self._refined.items() if index not in members}
        start = self._table(found.members, found)
        start.assign(slot_name(self.candidates[index].phase, "preferred_orientation"), STARTING_TEXTURE)
        trial = self._refine(found.members, start)
        if self.gain(found, trial) >= TEXTURE_GAIN:
            return trial
        self.model, self._strong, self._refined = before
        return found

    def _weakest_lines(self, found: PhaseSet, index: int) -> list[tuple[int, int, int]]:
        """Return the indices of the lines of a member that are too weak by most intensity, at most `AXES_TRIED`."""
        calculated, place = found.minimum.calculated, found.members.index(index)
        lines, own = calculated.peaks[place].listed, self.model.phase_models[index]
        missing = np.maximum(self.data.intensity - calculated.total, 0.0)
        total = np.concatenate([[0.0], np.cumsum(missing)])
        ends = [np.searchsorted(self.model.two_theta, lines.table[0] + side * self.width) for side in (-1, 1)]
        lacking = np.where(lines.line == 0, total[ends[1]] - total[ends[0]], 0.0)
        best = [int(k) for k in np.argsort(-lacking, kind="stable")[:AXES_TRIED] if lacking[k] > 0.0]
        rows = (own.reflections.hkl[lines.owner[k]].tolist() for k in best)
        return [(h, k, i) for h, k, i in rows]

    def _texture(self, found: PhaseSet, index: int) -> float:
        return found.minimum.parameters.value(slot_name(self.candidates[index].phase, "preferred_orientation"))

    def _table(self, members: Sequence[int], found: PhaseSet) -> Parameters:
        """Return parameters of a set: those of another set where it has them, and initial ones."""
        table, known = parameters_of(self.model.showing(members)), found.minimum.parameters
        for k, name in enumerate(table.names):
            if name in known.index:
                table.values[k] = known.value(name)
            elif not is_background(name):
                table.values[k] = self.table.value(name)
        return table

    def _refine(
        self, members: tuple[int, ...], start: Parameters, *, search: bool = False, worst: float = math.inf
    ) -> PhaseSet:
        """Return a set refined from a table of parameters; the better one of two refinements of a set is kept."""
        model, table = self.model.showing(members), start.copy()
        for phase in model.phases:
            place = table.find(slot_name(phase, "preferred_orientation"))
            table.lower[place], table.upper[place] = STRONG_TEXTURES if phase.name in self._strong else TEXTURES
            table.upper[table.find(slot_name(phase, "inverse_size"))] = 1.0 / SMALLEST
            table.upper[table.find(slot_name(phase, "microstrain"))] = LARGEST_STRAIN
        table.free([BLANK, *(f"background_{k}" for k in range(BACKGROUND_TERMS))])
        table.free(slot_name(phase, "scale") for phase in model.phases)
        set_linear(model, self.data, table)
        if search:
            table = search_cells(model, self.data, table, [blur * blurs_for(model)[0] for blur in DESCENT_BLURS])
            set_linear(model, self.data, table)
        minimum = self._descend(model, table, self._shifts_and_widths(model, table))
        if members and self.score(PhaseSet(members=members, minimum=minimum)) > worst + HOPELESS:
            return PhaseSet(members=members, minimum=minimum)
        minimum = self._descend(model, minimum.parameters, self._texture_and_strain(model, table))
        found, known = PhaseSet(members=members, minimum=minimum), self._refined.get(members)
        self._refined[members] = found if known is None or found.chi_squared < known.chi_squared else known
        return self._refined[members]

    def _descend(self, model: Model, start: Parameters, freed: Sequence[str]) -> Minimum:
        table = start.copy()
        table.free(freed)
        return minimise(model, self.data, table, tolerance=TOLERANCE, most_evaluations=MOST_EVALUATIONS)

    def _shifts_and_widths(self, model: Model, table: Parameters) -> list[str]:
        error = "displacement" if model.instrument.geometry == "bragg-brentano" else "zero"
        own = [[*position_names(phase), slot_name(phase, "inverse_size")] for phase in _present(model, table)]
        return [f"instrument_{error}", *([] if self.calibrated else ["instrument_w"]), *itertools.chain(*own)]

    def _texture_and_strain(self, model: Model, table: Parameters) -> list[str]:
        present = _present(model, table)
        textured = [slot_name(phase, "preferred_orientation") for phase in present if len(phase.length_slots) > 1]
        return [*textured, *(slot_name(phase, "microstrain") for phase in present)]

    def gain(self, before: PhaseSet, after: PhaseSet) -> float:
        """Return twice the logarithm of the likelihood ratio of two sets, for an unknown error of all data."""
        return self.resolved * math.log(before.chi_squared / max(after.chi_squared, 1e-300))

    def score(self, found: PhaseSet) -> float:
        """Return the information criterion of a set, the lower the better (Schwarz, Ann. Stat. 6 (1978) 461)."""
        variables = sum(self.variables(k) for k in found.members)
        return -self.gain(self.empty, found) + variables * math.log(self.resolved)

    def variables(self, index: int) -> int:
        """Return the number of variables of a candidate: its cell, scale and width."""
        return len(self.candidates[index].phase.crystal.symmetry.cell_rule.free) + 2

    def cell(self, found: PhaseSet, index: int) -> tuple[float, ...]:
        """Return the refined cell of a member: lengths (angstrom) and angles (degrees)."""
        phase = self.candidates[index].phase
        return tuple(found.minimum.parameters.value(slot_name(phase, name)) for name in CELL_NAMES)

    def shares(self, found: PhaseSet) -> FloatArray:
        """Return the share of each member in the intensity of all peaks, in the order of `members`."""
        areas = found.minimum.calculated.phases.sum(axis=1)
        return np.asarray(areas / max(float(areas.sum()), 1e-300))

    def unexplained(self, found: PhaseSet) -> float:
        """Return the share of the peaks' intensity that a set does not explain, see `agreement.unexplained`."""
        calculated = found.minimum.calculated
        sigma = 1.0 / self.data.weight
        return unexplained(self.data.intensity, calculated.total, calculated.background, sigma)

    def misfit(self, found: PhaseSet) -> float:
        """Return the logarithm of chi-squared per point: at most 0 if the set explains everything."""
        return math.log(max(found.chi_squared / found.minimum.points, 1e-12))

    def matches(self, found: PhaseSet) -> FloatArray:
        """Return how much of what the other members leave at its lines each member explains; 1 is everything."""
        calculated, weight = found.minimum.calculated, self.data.weight
        residual = (self.data.intensity - calculated.total) * weight
        matches = np.zeros(len(found.members))
        for row, own in enumerate(calculated.phases):
            lines = own > OWN_LINE * own.max(initial=0.0)
            left = float(((residual + own * weight)[lines] ** 2).sum())
            matches[row] = 1.0 - float((residual[lines] ** 2).sum()) / max(left, 1e-300)
        return matches


def _present(model: Model, table: Parameters) -> list[Phase]:
    """Return the phases of a model with a scale above zero."""
    return [phase for phase in model.phases if table.value(slot_name(phase, "scale")) > 0]


def background_of(intensity: FloatArray, reach: int) -> FloatArray:
    """Return the lowest mean of some points within `reach` points, smoothed: background and humps, shape (n,)."""
    lowest = _running(_running(intensity, max(reach // 12, 1), np.mean), reach, np.min)
    return _running(lowest, reach, np.mean)


def _running(values: FloatArray, reach: int, function: Callable[..., FloatArray]) -> FloatArray:
    return np.asarray(function(windows(values, reach), axis=1))


def cells_of(phase: Phase) -> Iterator[dict[str, float]]:
    """Yield the cells of a grid: one factor for lengths in the layers, another along the stacking."""
    steps = round(CELL_REACH / CELL_STEP)
    factors = (1.0 + CELL_STEP * np.arange(-steps, steps + 1)).tolist()
    lengths = [k for k in phase.crystal.symmetry.cell_rule.free if k < 3]
    stacked = len(lengths) > 1
    for in_plane, along in itertools.product(factors, factors if stacked else [1.0]):
        yield {
            slot_name(phase, CELL_NAMES[k]): phase.crystal.cell[k] * (along if k == 2 and stacked else in_plane)
            for k in lengths
        }
