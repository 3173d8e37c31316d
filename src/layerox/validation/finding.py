"""Finding: one fault of a structure, with a code for programs and the atoms concerned."""

from __future__ import annotations

from dataclasses import dataclass

CODES = (
    "prismatic_metal",
    "metal_coordination",
    "wrong_gallery",
    "missing_gallery",
    "double_plane",
    "short_contact",
    "impossible_site_pair",
    "composition_off",
    "charge_off",
    "not_closed",
    "symmetry_lower",
)


@dataclass(frozen=True)
class Finding:
    """A named defect.

    Attributes
    ----------
    code
        One of `CODES`.
    message
        What is wrong, with numbers.
    atoms
        The sites concerned, numbered from 0 in the order of the structure (for a crystal, of its full cell: each
        position of its first site, then of the next); empty when it concerns the whole.
    """

    code: str
    message: str
    atoms: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
