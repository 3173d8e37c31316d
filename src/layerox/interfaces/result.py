"""Result: a finished interface cell with its report; how it came about is for the other modules of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from layerox.crystal.asymmetric_unit import Crystal
from layerox.crystal.atoms import Atoms
from layerox.interfaces.intergrowth import Intergrowth
from layerox.interfaces.phase_component import PhaseComponent
from layerox.notices import Notice
from layerox.stacking import Word
from layerox.validation import Finding

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True, kw_only=True)
class Interface:
    """A coherent cell of several phases.

    Attributes
    ----------
    atoms
        Every atom, with its layer, phase and kind of site.
    crystal
        The cell in its space group, before it was repeated; None for a particle.
    word
        Its stacking; None where letters do not describe all of it.
    report
        Plain values under the names of the contract.
    findings, warnings
        Defects; and what a user should know although nothing is wrong.
    parts, grown
        The layered phases free of strain, by label, and the planes that they were made into; none for other cells.
    unmatched
        Slabs above which two different meshes face each other.
    """

    atoms: Atoms
    crystal: Crystal | None
    word: Word | None
    report: Mapping[str, Any]
    findings: tuple[Finding, ...] = field(default=())
    warnings: tuple[Notice, ...] = field(default=())
    parts: Mapping[str, PhaseComponent] = field(default_factory=dict)
    grown: Intergrowth | None = None
    unmatched: tuple[int, ...] = ()

    @cached_property
    def structure(self) -> Structure:
        """The pymatgen Structure; site properties `layer`, `phase`, `site_kind`, `site_label`, `u_iso`."""
        return self.atoms.to_structure()
