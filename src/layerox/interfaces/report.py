"""Report: all quantities of an interface, as immutable values at full precision.

`InterfaceReport.as_dict` writes it under the names of the files, rounded; nothing is rounded before. No cell is built
here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from layerox.crystal.asymmetric_unit import Cell
from layerox.crystal.atoms import Atoms
from layerox.interfaces.boundary_gallery import BoundaryGallery
from layerox.interfaces.cell_inspection import Counts
from layerox.interfaces.charge_balance import LamellaSummary, SlabBalance
from layerox.interfaces.lattice_matching import (
    HARMLESS,
    Coincidence,
    Match,
    StrainState,
    critical_thickness,
    dislocation_spacing,
)
from layerox.interfaces.layer_planes import Boundary, Planes
from layerox.interfaces.phase_component import PhaseComponent
from layerox.notices import Notice
from layerox.validation import Finding

FARTHEST = 1e7  # angstrom
POISSON = 0.25
LARGEST_MISFIT = 0.05
BEYOND_COHERENCY = 0.07  # nearly three times the largest misfit of a known coherent pair (2.6 %)


@dataclass(frozen=True, kw_only=True)
class ElasticSummary:
    """Misfit, strains and coherency energy of a cell.

    Attributes
    ----------
    misfit
        Largest 2 (a2 - a1) / (a1 + a2) of any two phases along the coherent directions.
    misfits
        The same along the short and the long side of a rectangular net; None where it is hexagonal or only one
        direction is coherent.
    strained
        Strains, energy and stress of each phase.
    is_rectangular
        Whether strains differ along the two sides of the net.
    energy, energy_per_interface, energy_per_mole
        MJ/m^3; mJ/m^2, None for a particle, whose curved interface has no single area; kJ/mol of TMO2.
    spacing
        Of misfit dislocations along the short side, angstrom; the smaller one of both sides of a rectangular net.
    spacings
        Along the short and the long side; None as for `misfits`.
    constants
        Source of each phase's elastic tensor.
    """

    misfit: float
    misfits: tuple[float, float] | None
    strained: Mapping[str, StrainState]
    is_rectangular: bool
    energy: float
    energy_per_interface: float | None
    energy_per_mole: float
    spacing: float
    spacings: tuple[float, float] | None
    constants: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, rounded, energies and spacings under the names of the report."""
        by_direction: dict[str, Any] = {}
        if self.misfits is not None and self.spacings is not None:
            by_direction = {
                "misfits": _by_side([round(x, 6) for x in self.misfits]),
                "dislocation_spacings_nm": _by_side([_nanometres(x) for x in self.spacings]),
            }
        area = self.energy_per_interface
        return {
            "misfit": round(self.misfit, 6),
            **by_direction,
            "strain": {phase: _strain_row(s, self.is_rectangular) for phase, s in self.strained.items()},
            "coherency_energy": {
                "MJ_per_m3": round(self.energy, 4),
                "mJ_per_m2_interface": None if area is None else round(area, 4),
                "kJ_per_mol_TMO2": round(self.energy_per_mole, 5),
            },
            "dislocation_spacing_nm": _nanometres(self.spacing),
            "von_mises_stress_GPa": {phase: round(s.von_mises, 4) for phase, s in self.strained.items()},
            "elastic_constants": dict(self.constants),
        }


def elastic_part(
    found: Match,
    sides: Sequence[tuple[float, float]],
    *,
    interfaces: int | None,
    units: float,
    meshes: float = 1,
    constants: Mapping[str, str],
    along_one: bool = False,
) -> ElasticSummary:
    """Return misfit, strains and energies of the common lattice.

    Parameters
    ----------
    found
        The laminae on their lattice.
    sides
        Short and long side of each phase's net when free, angstrom.
    interfaces
        Number in the cell; None where they have no single area.
    units, meshes
        TMO2 in the cell, and unit meshes in its plane.
    constants
        Source of each elastic tensor.
    along_one
        Whether the phases are coherent along the short side only.
    """
    spacings = _spacings(sides)
    by_direction = found.long is not None and not along_one
    return ElasticSummary(
        misfit=found.misfits[0] if along_one else found.misfit,
        misfits=found.misfits if by_direction else None,
        strained=found.strained,
        is_rectangular=found.long is not None,
        energy=found.energy,
        energy_per_interface=None if interfaces is None else found.energy_per_area(interfaces),
        energy_per_mole=found.energy_per_mole(units, meshes),
        spacing=min(spacings) if by_direction else spacings[0],
        spacings=spacings if by_direction else None,
        constants=constants,
    )


def _spacings(sides: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the spacings of misfit dislocations along the short side, and along the long one between rows, angstrom.

    Rows of a centred rectangle are half a long side apart.
    """
    short, long = ([side[k] / (1, 2)[k] for side in sides] for k in (0, 1))
    return dislocation_spacing(min(short), max(short)), dislocation_spacing(min(long), max(long))


def _strain_row(strain: StrainState, is_rectangular: bool) -> dict[str, float]:
    """Return one phase's strains: one in the plane of a hexagonal lattice, two and the shear of a rectangular net."""
    across = {"across": round(strain.across, 6), "lean": round(strain.lean, 6)} if is_rectangular else {}
    values = {"in_plane": round(strain.in_plane, 6), **across, "out_of_plane": round(strain.out_of_plane, 6)}
    return {name: value + 0.0 for name, value in values.items()}  # no negative zero


def _nanometres(spacing: float) -> float | None:
    """Return a spacing in angstrom as nm; None where nothing differs."""
    return round(spacing / 10, 4) if spacing < FARTHEST else None


def _by_side(values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(("short", "long"), values, strict=True))


@dataclass(frozen=True, kw_only=True)
class InPlaneMeshes:
    """Meshes of each phase on one edge (angstrom), the misfit that they leave, and the spacing without them."""

    meshes: Mapping[str, int]
    length: float
    residual_misfit: float
    natural_spacing: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, lengths in nm."""
        return {
            "meshes": dict(self.meshes),
            "length_nm": round(self.length / 10, 4),
            "residual_misfit": round(self.residual_misfit, 6),
            "natural_spacing_nm": _nanometres(self.natural_spacing),
        }


@dataclass(frozen=True, kw_only=True)
class InterfaceReport:
    """All quantities of a finished interface; None or empty if they do not apply to a kind of cell.

    Attributes
    ----------
    name, formula, space_group
        Of the cell.
    sites
        Positions in it, each counted once however many elements share it.
    cell
        Lengths (angstrom) and angles (degrees).
    closed
        Whether the word closes; None where a cell need not.
    misfit_direction
        "2d", or "1d" where one direction only is coherent.
    elastic
        Misfit, strains and energies.
    lamellae, ledger, boundaries, boundary_galleries
        Content of each lamella and slab, and what was chosen where phases meet.
    coordination, coordination_by_letters
        Counts of polyhedra.
    shortest
        Shortest distance of each pair of elements, angstrom.
    findings, warnings
        Defects; and notices on choices and limits.
    periods, gaps
        Of layers beside a tunnel oxide: the coincidence across the chains with its phases, and the gaps, angstrom.
    in_plane
        Of a semi-coherent cell.
    anions_of_metals
        Of a particle: number of metals by their number of anions.
    anions_of_sites
        Of a semi-coherent cell: the same for the sites of each boundary gallery, by slab.
    """

    name: str
    sites: int
    formula: str
    cell: Cell
    space_group: str
    closed: bool | None
    misfit_direction: str = "2d"
    elastic: ElasticSummary
    lamellae: tuple[LamellaSummary, ...]
    ledger: tuple[SlabBalance, ...] = ()
    boundaries: tuple[Boundary, ...] | None = ()
    boundary_galleries: tuple[BoundaryGallery, ...] = ()
    coordination: Counts
    coordination_by_letters: Counts | None = None
    shortest: Mapping[str, float]
    findings: tuple[Finding, ...]
    warnings: tuple[Notice, ...]
    periods: tuple[Mapping[str, int], Coincidence] | None = None
    gaps: tuple[float, float] | None = None
    in_plane: InPlaneMeshes | None = None
    anions_of_metals: Mapping[int, int] = field(default_factory=dict)
    anions_of_sites: Mapping[int, Mapping[int, int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values under the names of the report file, rounded; what the cell does not have is left out."""
        return {
            "name": self.name,
            "atoms": self.sites,
            "formula": self.formula,
            "cell": [round(x, 6) for x in self.cell],
            "space_group": self.space_group,
            "closed": self.closed,
            "misfit_direction": self.misfit_direction,
            **self.elastic.as_dict(),
            **self._of_this_kind(),
            "lamellae": [lamella.as_dict() for lamella in self.lamellae],
            **({"ledger": [balance.as_dict() for balance in self.ledger]} if self.ledger else {}),
            **({} if self.boundaries is None else {"boundaries": self._boundary_rows(self.boundaries)}),
            "coordination": self.coordination,
            **(
                {}
                if self.coordination_by_letters is None
                else {"coordination_by_letters": self.coordination_by_letters}
            ),
            "shortest": {pair: round(d, 4) for pair, d in self.shortest.items()},
            "findings": _code_and_message(self.findings),
            "warnings": _code_and_message(self.warnings),
        }

    def _of_this_kind(self) -> dict[str, Any]:
        rows: dict[str, Any] = {}
        if self.periods is not None:
            periods, coincidence = self.periods
            rows["across"] = {"periods": dict(periods), "residual_misfit": round(coincidence.misfit, 6)}
        if self.gaps is not None:
            rows["gaps"] = [round(gap, 4) for gap in self.gaps]
        if self.in_plane is not None:
            rows["in_plane"] = self.in_plane.as_dict()
        if self.anions_of_metals:
            rows["metals_by_number_of_anions"] = {str(n): count for n, count in self.anions_of_metals.items()}
        return rows

    def _boundary_rows(self, boundaries: Sequence[Boundary]) -> list[dict[str, Any]]:
        shared = [
            {
                "slab": boundary.slab,
                "phases": list(boundary.phases),
                "sodium": [round(x, 4) for x in boundary.sodium],
                "own_sodium": [round(x, 4) for x in boundary.own],
            }
            for boundary in boundaries
        ]
        facing = [
            {
                "slab": gallery.slab,
                "phases": list(gallery.phases),
                "height": round(gallery.height, 4),
                "sodium": [round(gallery.sodium, 4)] * 2,
                "own_sodium": [round(x, 4) for x in gallery.own],
                "sites": gallery.sites,
                "sites_by_number_of_anions": {str(n): m for n, m in self.anions_of_sites[gallery.slab].items()},
            }
            for gallery in self.boundary_galleries
        ]
        return [*shared, *facing]


def _code_and_message(rows: Sequence[Finding | Notice]) -> list[dict[str, str]]:
    return [{"code": row.code, "message": row.message} for row in rows]


def sites_in(unit: Atoms, atoms: Atoms) -> int:
    """Return the number of positions in whole cells (`atoms`) of a unit."""
    return len(np.unique(unit.site)) * (len(atoms) // len(unit))


def component_warnings(components: Sequence[PhaseComponent]) -> Iterator[Notice]:
    """Yield the warnings on each phase, once for each label."""
    for part in {part.label: part for part in components}.values():
        yield from (Notice(notice.code, f"{part.label}: {notice.message}") for notice in part.warnings)


def charge_warnings(rows: Sequence[LamellaSummary] | Sequence[SlabBalance]) -> Iterator[Notice]:
    """Yield a warning for each lamella or slab whose metals would need an implausible charge."""
    for row in rows:
        if row.composition.charge_warning:
            yield Notice("charge_implausible", f"{row.name}: {row.composition.charge_warning}")


def boundary_tetrahedra(faces: str) -> Notice:
    """Return what is chosen for the slabs that face a spinel, see `faces` of `planes_of`."""
    if faces == "kagome":
        message = "a quarter of the metals is missing in slabs that face the spinel, whose tetrahedra are all filled"
    else:
        message = "slabs that face the spinel are full, so that its tetrahedra on them (one in a 2 x 2 cell) are empty"
    return Notice("boundary_tetrahedra", message)


def boundary_warnings(planes: Planes) -> Iterator[Notice]:
    """Yield a warning for each shared slab whose galleries do not hold what they hold in their phases."""
    for b in planes.boundaries:
        where = f"slab {b.slab} between {b.phases[0]} and {b.phases[1]}"
        if max(abs(now - own) for now, own in zip(b.sodium, b.own, strict=True)) > HARMLESS:
            yield Notice(
                "boundary_filling",
                f"the galleries beside {where} hold {b.sodium[0]:.3f} and {b.sodium[1]:.3f} ions per metal "
                f"instead of {b.own[0]:.3f} and {b.own[1]:.3f}",
            )


def coherency_warnings(found: Match) -> Iterator[Notice]:
    """Yield warnings on a misfit: the critical thickness of coherency theory, and a misfit larger than any known."""
    if found.misfit < HARMLESS:
        return
    thickness = critical_thickness(found.misfit, found.a, POISSON) / 10
    yield Notice(
        "coherency_limit",
        f"a misfit of {found.misfit:.2%} gives a Matthews-Blakeslee thickness of {thickness:.2g} nm, outside the "
        "range of that theory: real lamellae may relax",
    )
    if found.misfit > LARGEST_MISFIT:
        yield Notice(
            "large_misfit",
            f"known coherent pairs differ by 0.3 to 2.6 %, these by {found.misfit:.1%}: coherency is "
            "doubtful, and elasticity is not linear at such strains",
        )


def coherency_findings(misfits: Sequence[float]) -> Iterator[Finding]:
    """Yield a finding if the misfits along both sides of the net are such that no direction can be coherent."""
    misfit = min(misfits)
    if misfit > BEYOND_COHERENCY:
        yield Finding(
            "misfit_beyond_coherency",
            f"a misfit of {misfit:.1%} is beyond coherency: known coherent pairs differ by 0.3 to 2.6 %; such phases "
            "touch, and share no plane of atoms",
            (),
        )
