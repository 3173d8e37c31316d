"""Exposure: a powder before and after it was in air: phases that stay, change their cell, appear or vanish.

Moist air takes sodium out of a layered oxide: the spacing of its slabs grows, a second O3 phase with a longer c or a
distorted O'3 appears beside it, sodium carbonate forms on the surface, and water may enter between the slabs (Zuo et
al., Nat. Commun. 11 (2020) 3544, doi:10.1038/s41467-020-17290-6). Both patterns are identified on their own; then their
phases are compared by name and cell, and the lines that only the exposed one has are indexed as a layered cell.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from layerox.analysis.identify import STACKINGS, Identification, IdentifiedCandidate, identify
from layerox.analysis.phase_arguments import PhaseArgument
from layerox.builders.library.hydrates import Hydrate, hydrates_near
from layerox.diffraction.layered_indexing import LayeredCell, propose_cell
from layerox.diffraction.simulated_pattern import Simulation
from layerox.diffraction.unexplained_peaks import UnexplainedPeak
from layerox.instrument import Geometry, Instrument
from layerox.pattern import Pattern
from layerox.public import public
from layerox.radiation import Radiation

# Relative difference of all lengths below which a cell is the same: two specimens are displaced differently.
SAME_CELL = 0.003
# Relative difference of spacings below which a line of both patterns is one.
SAME_LINE = 0.004
# About the distance of slabs in angstrom, from which their number in a cell follows.
USUAL_SPACING = 5.5
# A stacking and its monoclinic or orthorhombic distortion.
DISTORTIONS = {"Op3": "O3", "Pp3": "P3", "Pp2": "P2"}

Change = Literal["kept", "expanded", "contracted", "distorted", "new", "gone"]


@dataclass(frozen=True, kw_only=True)
class PhaseChange:
    """A phase of the exposed powder, or one that it lost.

    Attributes
    ----------
    name
        Of the phase; a second phase of a name has a number.
    change
        "kept": the same cell within 0.3 %; "expanded" or "contracted": the slabs of a layered phase of that name (else
        the volume) are further apart or nearer; "distorted": the distortion of a phase that was there; "new"; "gone".
    origin
        Phase of the pristine powder with which it is compared, None if there is none.
    spacing_change
        Relative difference of the distance of slabs (of the cube root of the volume if one is not layered) from
        that of the origin; nan without one.
    cell, pristine_cell
        Lengths (angstrom) and angles (degrees); None if it is in one pattern only.
    share, pristine_share
        Share of the intensity of all peaks, 0 to 1.
    """

    name: str
    change: Change
    origin: str | None
    spacing_change: float
    cell: tuple[float, ...] | None
    pristine_cell: tuple[float, ...] | None
    share: float
    pristine_share: float

    def __str__(self) -> str:
        text = f"{self.name}: {self.change}"
        if self.origin is not None and not math.isnan(self.spacing_change) and self.change != "kept":
            what = "slabs" if {_stacking(self.name), _stacking(self.origin)} <= STACKINGS else "lengths"
            text += f", {what} {100 * self.spacing_change:+.2f} % against {self.origin}"
        return f"{text} (share {100 * self.pristine_share:.1f} -> {100 * self.share:.1f} %)"


@dataclass(frozen=True, kw_only=True, eq=False)
class Exposure:
    """What exposure to air changed.

    Attributes
    ----------
    pristine, exposed
        The phases of both patterns.
    changes
        Of the exposed powder's phases, the largest share first, then those that it lost.
    new_lines, lost_lines
        Lines that no candidate explains, of the exposed pattern only and of the pristine one only, strongest first.
    proposed_cell
        The layered cell that explains some of the new lines, None if none does.
    hydrates
        Hydrates of the library whose slabs are as far apart as in that cell, nearest first.
    """

    pristine: Identification
    exposed: Identification
    changes: tuple[PhaseChange, ...]
    new_lines: tuple[UnexplainedPeak, ...]
    lost_lines: tuple[UnexplainedPeak, ...]
    proposed_cell: LayeredCell | None
    hydrates: tuple[Hydrate, ...]

    def having(self, change: Change) -> tuple[str, ...]:
        """Return the names of the phases with a change."""
        return tuple(row.name for row in self.changes if row.change == change)

    def to_json(self) -> str:
        """Return the identification of the exposed pattern as JSON, with the changes under "exposure"."""
        document = json.loads(self.exposed.to_json())
        document["exposure"] = {
            "pristine": list(self.pristine.found),
            "changes": [_document(row) for row in self.changes],
            "new_lines": [_line(peak) for peak in self.new_lines],
            "lost_lines": [_line(peak) for peak in self.lost_lines],
            "proposed_cell": None if self.proposed_cell is None else str(self.proposed_cell),
            "hydrates": [hydrate.name for hydrate in self.hydrates],
        }
        return json.dumps(document, indent=1, allow_nan=False) + "\n"

    def __str__(self) -> str:
        lines = [str(row) for row in self.changes]
        if self.new_lines:
            lines.append("new lines: " + "; ".join(map(str, self.new_lines[:5])))
        if self.proposed_cell is not None:
            lines.append(f"proposed cell of the new lines: {self.proposed_cell}")
        lines += [
            f"as in {h.name} ({h.title}, {h.spacing:.2f} A; {h.provenance}, {h.reference})" for h in self.hydrates
        ]
        return "\n".join(lines)


def _document(row: PhaseChange) -> dict[str, Any]:
    return {
        "name": row.name,
        "change": row.change,
        "origin": row.origin,
        "spacing_change": None if math.isnan(row.spacing_change) else round(row.spacing_change, 5),
        "cell": None if row.cell is None else [round(value, 5) for value in row.cell],
        "pristine_cell": None if row.pristine_cell is None else [round(value, 5) for value in row.pristine_cell],
        "intensity_share": round(row.share, 4),
        "pristine_intensity_share": round(row.pristine_share, 4),
    }


def _line(peak: UnexplainedPeak) -> dict[str, float]:
    return {"two_theta": round(peak.two_theta, 4), "d": round(peak.d, 5), "height": round(peak.height, 2)}


@public
def identify_exposed(
    pattern: Pattern | Simulation | str | Path,
    pristine: Pattern | Simulation | str | Path,
    candidates: Sequence[PhaseArgument] | None = None,
    *,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    monochromator: float | None = None,
    geometry: Geometry | None = None,
    polarization: float | None = None,
    instrument: Instrument | str | Path | None = None,
    range: tuple[float, float] | None = None,
) -> Exposure:
    """Compare a powder that was exposed to air with the pristine one.

    Parameters
    ----------
    pattern, pristine
        Patterns of the exposed and of the pristine powder, or files.
    candidates, radiation, neutron, monochromator, geometry, polarization, instrument, range
        As for `identify`, for both patterns.

    Returns
    -------
    Exposure
        `changes` of the phases, `new_lines`, and the cell and hydrates that explain them.

    Raises
    ------
    InputError
        If an argument cannot be used, or no candidate has a reflection in the range.

    Examples
    --------
    >>> import layerox as lx
    >>> beam = {"radiation": "CuKa", "counts": 10_000, "seed": 1}
    >>> before = lx.simulate(["O3"], weights=[1.0], **beam)
    >>> after = lx.simulate(["O3", "Na2CO3"], weights=[0.8, 0.2], **beam)
    >>> lx.identify_exposed(after, before, ["O3", "P3", "NiO", "Na2CO3"]).having("new")
    ('Na2CO3',)
    """
    before, after = (
        identify(
            one, candidates, radiation=radiation, neutron=neutron, monochromator=monochromator, geometry=geometry,
            polarization=polarization, instrument=instrument, range=range,
        )
        for one in (pristine, pattern)
    )  # fmt: skip
    return compared(before, after)


def compared(pristine: Identification, exposed: Identification) -> Exposure:
    """Return what differs between two identifications."""
    new = _without(exposed.unexplained, pristine.unexplained)
    cell = propose_cell(new)
    return Exposure(
        pristine=pristine,
        exposed=exposed,
        changes=tuple(_changes(_members(pristine), _members(exposed), _alike(pristine, exposed))),
        new_lines=new,
        lost_lines=_without(pristine.unexplained, exposed.unexplained),
        proposed_cell=cell,
        hydrates=() if cell is None else tuple(hydrates_near(cell.spacing)),
    )


def _without(lines: Sequence[UnexplainedPeak], others: Sequence[UnexplainedPeak]) -> tuple[UnexplainedPeak, ...]:
    return tuple(line for line in lines if all(abs(line.d / other.d - 1.0) > SAME_LINE for other in others))


def _members(found: Identification) -> list[tuple[str, IdentifiedCandidate]]:
    """Return the found phases with their names, that of a second phase of a name with a number."""
    return list(zip((phase.name for phase in found.phases), found.candidates, strict=False))


def _alike(pristine: Identification, exposed: Identification) -> dict[str, str]:
    """Return for each name that a pattern does not distinguish from others the first of these.

    Names that the exposed pattern has side by side are different phases.
    """
    groups = (names for one in (pristine, exposed) for names in one.alike)
    return {name: names[0] for names in groups if len({*names} & {*exposed.found}) < 2 for name in names}


def _changes(
    before: list[tuple[str, IdentifiedCandidate]], after: list[tuple[str, IdentifiedCandidate]], alike: dict[str, str]
) -> Iterator[PhaseChange]:
    """Yield the changes; of several phases of one name the one with the nearest cell continues the pristine phase."""
    kinds = {name: alike.get(row.name, row.name) for name, row in (*before, *after)}
    continued: set[str] = set()
    for name, row in after:
        own = [(n, r) for n, r in before if kinds[n] == kinds[name]]
        if own:
            origin, old = min(own, key=lambda pair: _difference(pair[1], row))
            rivals = [r for n, r in after if kinds[n] == kinds[name]]
            is_nearest = min(rivals, key=lambda rival: _difference(old, rival)) is row
            continued.add(origin)
            yield _changed(name, row, origin, old if is_nearest else None, old)
            continue
        source = DISTORTIONS.get(row.name)
        layered = [(n, r) for n, r in before if r.name in STACKINGS and row.name in STACKINGS]
        origin_pair = min(layered, key=lambda pair: (pair[1].name != source, -pair[1].intensity_share), default=None)
        if origin_pair is None:
            yield _appeared(name, "new", row, None, None)
            continue
        origin, old = origin_pair
        continued |= {origin} if old.name == source else set()
        yield _appeared(name, "distorted" if old.name == source else "new", row, origin, old)
    for name, row in before:
        if name not in continued:
            yield PhaseChange(
                name=name, change="gone", origin=name, spacing_change=math.nan, cell=None, pristine_cell=row.cell,
                share=0.0, pristine_share=row.intensity_share,
            )  # fmt: skip


def _changed(
    name: str, row: IdentifiedCandidate, origin: str, continued: IdentifiedCandidate | None, old: IdentifiedCandidate
) -> PhaseChange:
    """Return a phase whose name was there; `continued` is None for one beside the phase that stays."""
    change: Change = "kept"
    if _difference(old, row) > SAME_CELL:
        change = "expanded" if _spacing_change(row, old) > 0.0 else "contracted"
    return PhaseChange(
        name=name, change=change, origin=origin, spacing_change=_spacing_change(row, old), cell=row.cell,
        pristine_cell=None if continued is None else old.cell, share=row.intensity_share,
        pristine_share=0.0 if continued is None else old.intensity_share,
    )  # fmt: skip


def _appeared(
    name: str, change: Change, row: IdentifiedCandidate, origin: str | None, old: IdentifiedCandidate | None
) -> PhaseChange:
    return PhaseChange(
        name=name, change=change, origin=origin, spacing_change=math.nan if old is None else _spacing_change(row, old),
        cell=row.cell, pristine_cell=None, share=row.intensity_share, pristine_share=0.0,
    )  # fmt: skip


def _difference(one: IdentifiedCandidate, other: IdentifiedCandidate) -> float:
    """Return the largest relative difference of two phases' lengths; infinite for other axes."""
    ratios = np.array(one.cell[:3]) / np.array(other.cell[:3])
    return float(np.abs(ratios - 1.0).max())


def _spacing_change(row: IdentifiedCandidate, old: IdentifiedCandidate) -> float:
    """Return the relative difference of the distances of slabs, or of the cube roots of the volumes."""
    if {row.name, old.name} <= STACKINGS:
        return _slab_spacing(row.cell) / _slab_spacing(old.cell) - 1.0
    return float((_volume(row.cell) / _volume(old.cell)) ** (1.0 / 3.0) - 1.0)


def _slab_spacing(cell: Sequence[float]) -> float:
    """Return the distance of slabs (angstrom): d(001) over the number of slabs in it."""
    a, b, _, _, _, gamma = cell
    height = _volume(cell) / (a * b * math.sin(math.radians(gamma)))
    return height / max(round(height / USUAL_SPACING), 1)


def _volume(cell: Sequence[float]) -> float:
    cosines = np.cos(np.radians(cell[3:]))
    factor = 1.0 - float((cosines**2).sum()) + 2.0 * float(np.prod(cosines))
    return float(np.prod(cell[:3])) * math.sqrt(factor)


def _stacking(name: str) -> str:
    """Return the name of a phase without the number of a second one."""
    head, _, tail = name.rpartition("_")
    return head if tail.isdigit() and head else name
