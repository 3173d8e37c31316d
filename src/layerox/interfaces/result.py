"""Result: a finished interface, and the same interface with whole atoms instead of partial occupancies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from layerox.builders import ordered_atoms
from layerox.crystal.asymmetric_unit import Crystal
from layerox.crystal.atoms import Atoms
from layerox.interfaces.cell_inspection import cell_findings, coordination, shortest_distances
from layerox.interfaces.intergrowth import Intergrowth
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.report import InterfaceReport
from layerox.notices import Notice
from layerox.stacking import Word
from layerox.validation import Finding

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True, kw_only=True, repr=False)
class Interface:
    """A cell of several phases.

    Attributes
    ----------
    atoms
        Every atom, with its layer, phase and kind of site.
    crystal
        The cell in its space group, before it was repeated; None for a particle.
    word
        Its stacking; None where letters do not describe all of it.
    details
        The report as typed values at full precision.
    parts, grown
        The layered phases without strain, by label, and their stacked planes; none for other cells.
    unmatched
        Slabs above which two different meshes face each other.
    """

    atoms: Atoms
    crystal: Crystal | None
    word: Word | None
    details: InterfaceReport
    parts: Mapping[str, PhaseComponent] = field(default_factory=dict)
    grown: Intergrowth | None = None
    unmatched: tuple[int, ...] = ()

    @cached_property
    def report(self) -> Mapping[str, Any]:
        """The report as it is written: plain, rounded values under the names of the report file."""
        return self.details.as_dict()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Defects of the cell."""
        return self.details.findings

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """Notices on choices and limits that are no defects."""
        return self.details.warnings

    @cached_property
    def structure(self) -> Structure:
        """The pymatgen Structure; site properties `layer`, `phase`, `site_kind`, `site_label`, `u_iso`."""
        return self.atoms.to_structure()

    def __repr__(self) -> str:
        found = self.details
        counts = (_counted(found.findings, "finding"), _counted(found.warnings, "warning"))
        return (
            f"<Interface {found.name}: {found.formula}, {found.space_group}, {found.sites} sites, "
            f"misfit {found.elastic.misfit:.2%}, {found.elastic.energy:.3g} MJ/m3, {', '.join(counts)}>"
        )


def _counted(rows: tuple[Any, ...], noun: str) -> str:
    return f"{len(rows)} {noun}{'' if len(rows) == 1 else 's'}"


def with_whole_atoms(made: Interface, *, seed: int = 0) -> Interface:
    """Return the same cell, its sites filled by whole atoms; a larger supercell comes nearer to the composition.

    Raises
    ------
    InputError
        If the sites of the cell cannot hold them.
    """
    if made.atoms.is_ordered:
        return made
    atoms = ordered_atoms(made.atoms, (1, 1, 1), seed=seed)
    details = replace(
        made.details,
        sites=len(np.unique(atoms.site)),
        formula=atoms.formula,
        space_group="P1",
        coordination=coordination(atoms),
        shortest=shortest_distances(atoms),
        findings=(
            *cell_findings(atoms, list(made.parts.values()), unmatched=made.unmatched),
            *(f for f in made.findings if f.code == "misfit_beyond_coherency"),
        ),
        warnings=(*made.warnings, *atoms.warnings),
    )
    return replace(made, atoms=atoms, details=details)
