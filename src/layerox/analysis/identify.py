"""Identify: the public function `identify`: which phases of the library, or of the user's files, a pattern contains."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from layerox.analysis.beam_setup import Beam, pattern_from
from layerox.analysis.phase_arguments import FILE_SUFFIXES, PhaseArgument, phases_from
from layerox.analysis.stacking_question import CODE as DISORDER
from layerox.analysis.stacking_question import question_stacking
from layerox.builders import LIBRARY
from layerox.builders.library.library_entry import LibraryEntry
from layerox.computing.threads import single_threaded
from layerox.crystal.asymmetric_unit import cell_tuple
from layerox.diffraction.automatic_strategy import fit_automatically
from layerox.diffraction.candidate_search import Candidate
from layerox.diffraction.identification import FoundPhase, FoundPhases
from layerox.diffraction.layered_indexing import LayeredCell, propose_cell
from layerox.diffraction.model import safe_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_plan import NO_PLAN
from layerox.diffraction.reflections import has_reflection_between
from layerox.diffraction.simulated_pattern import Simulation
from layerox.diffraction.unexplained_peaks import UnexplainedPeak
from layerox.diffraction.unknown_layered_phase import find_phases_beside_layered
from layerox.errors import InputError
from layerox.instrument import Geometry, Instrument
from layerox.io.file_contents import exists
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.public import public
from layerox.radiation import Radiation

SCHEMA = "layerox.identify/1"
# Largest relative difference of the lengths of spinels that are versions of one phase.
SPINEL, SAME_PHASE = "spinel", 0.045
MOST_CANDIDATES = 500
# Phases of the library with a name of their own, as they are written here, and those of them that are stackings.
NAMED = frozenset(safe_name(name) for name in LIBRARY.defaults)
STACKINGS = NAMED - {SPINEL, "tunnel"}


@dataclass(frozen=True, kw_only=True)
class IdentifiedCandidate:
    """A candidate and what the pattern says of it.

    Attributes
    ----------
    name
        Under which it is reported; versions of one phase (P2 of several compositions) have one name.
    version
        The entry of the library, or the file, that fits best.
    score
        Twice the logarithm of the likelihood ratio of the fits with and without it.
    probability
        That it is in the specimen.
    cell
        Lengths (angstrom) and angles (degrees): refined, or as given for a candidate that was not refined.
    intensity_share
        Its share in the intensity of all peaks.
    """

    name: str
    version: str
    score: float
    probability: float
    cell: tuple[float, ...]
    intensity_share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Identification:
    """The phases that a pattern contains.

    Attributes
    ----------
    found
        Their names, the largest share of the intensity first; empty if none fits. A name may stand for two phases of
        different cells, see `phases`.
    alike
        Names that the pattern does not distinguish; the first of each is in `found`.
    candidates
        All candidates: those found, then the others, most probable first.
    unexplained
        The strongest peaks that the found phases do not explain.
    proposed_cell
        The cell of a layered phase that explains some of these peaks, None if none does.
    phases
        The found phases with refined cells, for `fit`.
    cathodes
        Published cathodes of the library with these layered phases.
    warnings
        Notices: stacking disorder, candidates outside of the range.
    """

    found: tuple[str, ...]
    alike: tuple[tuple[str, ...], ...]
    candidates: tuple[IdentifiedCandidate, ...]
    unexplained: tuple[UnexplainedPeak, ...]
    proposed_cell: LayeredCell | None
    phases: tuple[Phase, ...]
    cathodes: tuple[str, ...]
    warnings: tuple[Notice, ...]

    def to_json(self) -> str:
        """Return the result as JSON text."""
        document = {
            "schema": SCHEMA,
            "found": list(self.found),
            "alike": [list(names) for names in self.alike],
            "candidates": [_of_candidate(row) for row in self.candidates],
            "unexplained": [
                {"two_theta": round(p.two_theta, 4), "d": round(p.d, 5), "height": round(p.height, 2)}
                for p in self.unexplained
            ],
            "proposed_cell": None if self.proposed_cell is None else _of_cell(self.proposed_cell),
            "cathodes": list(self.cathodes),
            "warnings": [{"code": notice.code, "message": notice.message} for notice in self.warnings],
        }
        return json.dumps(document, indent=1, allow_nan=False) + "\n"

    def __repr__(self) -> str:
        return f"<Identification {' + '.join(self.found) or 'none'}>"


def _of_cell(cell: LayeredCell) -> dict[str, Any]:
    return {
        "a": None if cell.a is None else round(cell.a, 4),
        "layer_spacing": round(cell.spacing, 4),
        "layers": cell.layers,
        "two_theta": [round(peak.two_theta, 4) for peak in cell.peaks],
    }


def _of_candidate(row: IdentifiedCandidate) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "score": round(row.score, 1),
        "probability": round(row.probability, 3),
        "cell": [round(value, 5) for value in row.cell],
        "intensity_share": round(row.intensity_share, 4),
    }


@public
@single_threaded
def identify(
    pattern: Pattern | Simulation | str | Path,
    candidates: Sequence[PhaseArgument] | None = None,
    *,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    monochromator: float | None = None,
    geometry: Geometry | None = None,
    polarization: float | None = None,
    instrument: Instrument | str | Path | None = None,
    range: tuple[float, float] | None = None,
) -> Identification:
    """Identify the phases of a pattern.

    Parameters
    ----------
    pattern
        A pattern, or a file that `read_pattern` reads.
    candidates
        By default all reference phases of the library. Names of the library restrict it to these; CIF files, folders
        of CIF files and Structures are added to the library, or to the names.
    radiation, neutron, monochromator, geometry, polarization, instrument, range
        As for `fit`.

    Returns
    -------
    Identification
        `found` has the names; `phases` go into `fit`. Cells may differ by 2.8 % from those of the candidates.

    Raises
    ------
    InputError
        If an argument cannot be used, or no candidate has a reflection in the range.

    Examples
    --------
    >>> import layerox as lx
    >>> pattern = lx.simulate(["P2", "O3"], weights=[0.6, 0.4], radiation="CuKa", counts=10_000, seed=1)
    >>> sorted(lx.identify(pattern).found)
    ['O3', 'P2']
    """
    given = Beam(radiation=radiation, neutron=neutron, monochromator=monochromator, geometry=geometry,
                 polarization=polarization, instrument=instrument)  # fmt: skip
    data = pattern_from(pattern, range)
    known, beam = given.resolve(data)
    found = _identified(data, candidates, known, beam)
    return replace(found, warnings=(*found.warnings, *_disorder(data, found.phases, known, beam)))


@single_threaded
def phases_in(pattern: Pattern, given: Beam) -> tuple[Phase, ...]:
    """Return the phases of the library that a pattern contains, with refined cells, for a fit.

    Unlike `identify` it does not look for stacking disorder, which the fit does.
    """
    data = pattern_from(pattern, None)
    return _identified(data, None, *given.resolve(data)).phases


def _identified(
    data: Pattern, candidates: Sequence[PhaseArgument] | None, known: Instrument, beam: Radiation
) -> Identification:
    chosen = candidates_from(candidates)
    visible = [c for c in chosen if has_reflection_between(c.phase.crystal, *data.range, beam.wavelength)]
    if not visible:
        low, high = data.range
        fault = f"no candidate has a reflection between {low:g} and {high:g} degrees"
        raise InputError(fault, place=data.path or data.label, cure="widen the range or check the wavelength")
    found, peaks = find_phases_beside_layered(data, visible, known, beam)
    phases = _refined_phases(visible, found.members)
    return _identification(found, visible, phases, peaks, _outside(chosen, visible))


def candidates_from(arguments: Sequence[PhaseArgument] | None) -> list[Candidate]:
    """Return the candidates of the arguments of `identify`.

    Raises
    ------
    InputError
        If one cannot be read, a folder has no CIF file, or two have the same name.
    """
    listed = [arguments] if isinstance(arguments, (str, Path)) else list(arguments or ())
    named = [a for a in listed if isinstance(a, str) and not exists(a) and (a in LIBRARY or a in LIBRARY.cathodes)]
    others = [a for argument in listed if not _is_in(argument, named) for a in _files_of(argument)]
    entries = _entries(named) if named else list(_reference_entries())
    candidates = [Candidate(phase=_phase(entry), group=group) for entry, group in entries]
    candidates += [Candidate(phase=phase, group=phase.name) for phase in (phases_from(others) if others else [])]
    _refuse_duplicates(candidates)
    if len(candidates) > MOST_CANDIDATES:
        fault = f"{len(candidates)} candidates, at most {MOST_CANDIDATES} are compared"
        raise InputError(fault, argument="candidates", cure="name fewer, by the elements of the specimen")
    return candidates


def _is_in(argument: PhaseArgument, named: Sequence[str]) -> bool:
    return isinstance(argument, str) and argument in named


def _files_of(argument: PhaseArgument) -> list[PhaseArgument]:
    """Return the CIF files of a folder, and any other argument as it is."""
    if not isinstance(argument, (str, Path)) or not Path(argument).is_dir():
        return [argument]
    files = sorted(path for path in Path(argument).iterdir() if path.suffix.lower() in FILE_SUFFIXES)
    if not files:
        raise InputError("the folder has no .cif file", place=argument, cure="give the folder that holds them")
    return files


def _phase(entry: LibraryEntry) -> Phase:
    (phase,) = phases_from([(entry.name, entry)])
    return replace(phase, hardware=entry.phase == "hardware")


def _reference_entries() -> Iterator[tuple[LibraryEntry, str]]:
    """Yield the entries of the library and the names of their phases, without standards and models of cathodes."""
    models = {entry.name for cathode in LIBRARY.cathodes.values() for entry in cathode.all_entries}
    entries = (LIBRARY[name] for name in LIBRARY if name not in models)
    return ((entry, group_of(entry)) for entry in entries if entry.phase != "standard")


def _entries(names: Iterable[str]) -> list[tuple[LibraryEntry, str]]:
    """Return the entries that some names mean: all versions of a phase, the entry itself, the phases of a cathode."""
    found: dict[str, tuple[LibraryEntry, str]] = {}
    for name in names:
        if name in LIBRARY.cathodes:
            found |= {entry.name: (entry, group_of(entry)) for entry in LIBRARY.cathodes[name].entries}
        elif name in LIBRARY.defaults:
            group = group_of(LIBRARY[name])
            found |= {entry.name: (entry, own) for entry, own in _reference_entries() if own == group}
        else:
            found[name] = (LIBRARY[name], group_of(LIBRARY[name]))
    return list(found.values())


def group_of(entry: LibraryEntry) -> str:
    """Return the name under which an entry is reported.

    Layered oxides of one stacking are versions of one phase, whatever they contain. Spinels are if their cells are
    similar: Mn3O4 and Na2MoO4 are phases of their own.
    """
    if entry.phase not in LIBRARY.defaults:
        return entry.name
    name = safe_name(entry.phase)
    if name != SPINEL:
        return name
    own, default = entry.crystal(), LIBRARY[SPINEL].crystal()
    ratio = np.array(own.cell[:3]) / np.array(default.cell[:3])
    return name if np.abs(ratio - 1.0).max() < SAME_PHASE else entry.name


def _refuse_duplicates(candidates: Sequence[Candidate]) -> None:
    names = [candidate.phase.name for candidate in candidates]
    for name in names:
        if names.count(name) > 1:
            cure = "rename a file, or give (name, structure)"
            raise InputError(f"two candidates have the name {name!r}", argument="candidates", cure=cure)


def _refined_phases(visible: Sequence[Candidate], members: Sequence[FoundPhase]) -> tuple[Phase, ...]:
    """Return members as phases with refined cells; a second one of a group has a number in its name."""
    phases: list[Phase] = []
    for row in members:
        candidate = visible[row.index]
        twins = sum(visible[other.index].group == candidate.group for other in members[: len(phases)])
        name = candidate.group if not twins else f"{candidate.group}_{twins + 1}"
        crystal = replace(candidate.phase.crystal.with_cell(cell_tuple(row.cell)), name=name)
        phases.append(replace(candidate.phase, name=name, crystal=crystal))
    return tuple(phases)


def _outside(chosen: Sequence[Candidate], visible: Sequence[Candidate]) -> list[Notice]:
    names = [candidate.phase.name for candidate in chosen if candidate not in visible]
    if not names:
        return []
    return [Notice("no_reflection_in_range", f"not compared, as the range has none of their lines: {', '.join(names)}")]


def _disorder(data: Pattern, phases: Sequence[Phase], instrument: Instrument, beam: Radiation) -> list[Notice]:
    """Return the warning of a fit of layered phases if it points to stacking disorder."""
    if not any(phase.name in STACKINGS for phase in phases):
        return []
    outcome = fit_automatically(data, phases, instrument, beam, NO_PLAN)
    outcome = question_stacking(outcome, data, instrument, beam, NO_PLAN)
    return [notice for notice in outcome.warnings if notice.code == DISORDER]


def _identification(
    found: FoundPhases,
    visible: Sequence[Candidate],
    phases: tuple[Phase, ...],
    peaks: tuple[UnexplainedPeak, ...],
    warnings: Sequence[Notice],
) -> Identification:
    names = tuple(dict.fromkeys(visible[row.index].group for row in found.members))
    rows = [_candidate(visible[row.index], row) for row in (*found.members, *found.others)]
    return Identification(
        found=names,
        alike=found.alike,
        candidates=tuple(rows),
        unexplained=peaks,
        proposed_cell=propose_cell(peaks),
        phases=phases,
        cathodes=tuple(_cathodes(names)),
        warnings=tuple(warnings),
    )


def _candidate(candidate: Candidate, row: FoundPhase) -> IdentifiedCandidate:
    return IdentifiedCandidate(
        name=candidate.group,
        version=candidate.phase.name,
        score=row.gain,
        probability=row.probability,
        cell=row.cell,
        intensity_share=row.share,
    )


def _cathodes(names: Sequence[str]) -> Iterator[str]:
    """Yield the published cathodes whose phases are these, hardware and impurities left out."""
    own = {name for name in names if name in NAMED}
    for cathode in LIBRARY.cathodes.values():
        if own and set(map(safe_name, cathode.phases)) == own:
            yield cathode.name
