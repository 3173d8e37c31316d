"""LibraryEntry: a named phase of the library with the provenance of its values in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from layerox.builders.phase_recipes import PhaseRecipe
from layerox.crystal.asymmetric_unit import Crystal, structure_from_crystal
from layerox.notices import Notice

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True, kw_only=True)
class LibraryEntry:
    """A reference phase.

    Attributes
    ----------
    name
        Key in the library.
    phase
        What kind of phase it is: a polytype, or a name such as "spinel".
    title
        Description of the phase.
    recipe
        How it is built.
    provenance
        Which of its values are LOOKED-UP, RECALLED and CONSTRUCTED.
    reference
        Where the values come from.
    notices
        What its crystal warns of beside the builder's own notices.
    """

    name: str
    phase: str
    title: str
    recipe: PhaseRecipe
    provenance: str
    reference: str
    notices: tuple[Notice, ...] = ()

    @property
    def source(self) -> str:
        """Provenance and reference in one line, as a `Crystal` carries them."""
        return f"layerox library {self.name}: {self.provenance} ({self.reference})"

    def crystal(self, name: str | None = None) -> Crystal:
        """Return the crystal, called by the entry's name unless another is given."""
        made = self.recipe.crystal(name=name or self.name, source=self.source)
        return replace(made, warnings=(*made.warnings, *self.notices)) if self.notices else made

    def structure(self) -> Structure:
        """Return the pymatgen Structure."""
        return structure_from_crystal(self.crystal())
