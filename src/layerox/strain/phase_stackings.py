"""Naming: which stacking a phase of a series is, what the review calls the run, and what gliding forbids.

A run is named by the phases of its stages ("P2/O3 -> P2/P3 -> OP4/OP2"), each product in the place of what it was made
of. A glide never changes a slab's sense, so that {P2, O2, O6, OP4, Z} and {P3, O3, O1, OP2} do not turn into each other
by gliding (see `layerox.stacking.identity`); a series in which they seem to is worth a second look.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layerox.crystal.asymmetric_unit import Crystal
from layerox.errors import InputError, nearest
from layerox.stacking import POLYTYPES, glides_between, polytype, sense_family
from layerox.validation.layer_mesh import layering_of

# "Op3_main" is a distorted O3: letters, primes (safe names write them p), a digit, and r for the reoriented OP4.
_LAYERED = re.compile(r"(?P<letters>OP|O|P)(?P<primes>['p]{0,2})(?P<rest>[1-9]r?)(?:_.*)?")
_SUFFIXED = re.compile(r"(?P<head>[A-Za-z]+)(?:_.*)?")
FRAMEWORKS = {"spinel": "spinel", "S": "spinel", "tunnel": "tunnel", "T": "tunnel"}
ARROW = " -> "


@dataclass(frozen=True)
class Stacking:
    """What a phase is as a stacking.

    Attributes
    ----------
    name
        As the review writes it: "P2", "O'3", "Z", "spinel".
    family
        Where slab senses reverse, which no glide changes; None for what is not layered, or not regularly.
    is_layered
        Whether it consists of TMO2 slabs, all parallel.
    """

    name: str
    family: tuple[bool, ...] | None = None
    is_layered: bool = False

    @property
    def base(self) -> str:
        """The polytype of `POLYTYPES` without its distortion; "" where it is none."""
        plain = self.name.replace("'", "")
        return plain if plain in POLYTYPES else ""


def stacking_of(name: str) -> Stacking | None:
    """Return the stacking that a phase's name says ("P2", "Op3_core", "Z_0_3", "spinel"); None if it says none."""
    match = _LAYERED.fullmatch(name)
    if match is not None:
        base = match["letters"] + match["rest"]
        if base not in POLYTYPES:
            return None
        shown = match["letters"] + "'" * len(match["primes"]) + match["rest"]
        return Stacking(shown, sense_family(polytype(base)), is_layered=True)
    head = _SUFFIXED.fullmatch(name)
    if head is None:
        return None
    if head["head"] == "Z":
        return Stacking("Z", sense_family(polytype("P2")), is_layered=True)
    known = FRAMEWORKS.get(head["head"])
    return Stacking(known) if known else None


def _stacking_of_crystal(name: str, crystal: Crystal) -> Stacking | None:
    """Return the stacking that a structure has, else the one that its phase's name says of what is not layered."""
    layering = layering_of(crystal)
    if layering is not None:
        return Stacking(layering.name, layering.family, is_layered=True)
    said = stacking_of(name)
    return said if said is not None and not said.is_layered else None


def stackings_of(
    phases: Sequence[str], crystals: Mapping[str, Crystal], told: Mapping[str, str] | None = None
) -> dict[str, Stacking]:
    """Return the stackings of the phases of a series, by name; what is none (a foil, an impurity) is left out.

    Parameters
    ----------
    phases
        Their names, as the columns of the series have them.
    crystals
        Structures, as far as they are known; of others the name must say what they are.
    told
        What a phase is, whatever name and structure say: {"main": "P2"}.

    Raises
    ------
    InputError
        If something told is no phase of the series or no stacking.
    """
    told = told or {}
    for name, text in told.items():
        if name not in phases:
            raise InputError(f"no phase is called {name!r}", argument="stackings", cure=nearest(name, phases))
        if stacking_of(text) is None:
            cure = nearest(text, [*POLYTYPES, "Z", "P'2", "O'3", "P'3", "spinel", "tunnel"])
            raise InputError(f"{text!r} is no stacking", argument="stackings", cure=cure)
    found: dict[str, Stacking | None] = {}
    for name in phases:
        by_name = name in told or name not in crystals
        found[name] = stacking_of(told.get(name, name)) if by_name else _stacking_of_crystal(name, crystals[name])
    return {name: stacking for name, stacking in found.items() if stacking is not None}


def shown_names(stackings: Mapping[str, Stacking]) -> dict[str, str]:
    """Return how each phase is called in the name of a run: its stacking, or its own name where two have the same."""
    names = [stacking.name for stacking in stackings.values()]
    return {p: s.name if names.count(s.name) == 1 else p for p, s in stackings.items()}


def glide_text(start: Stacking, end: Stacking) -> str:
    """Return how gliding leads from one stacking to another.

    Returns
    -------
    str
        The glides, gallery by gallery ("+1 -1"), "distortion" where nothing glides, "some galleries" to or from a Z,
        "forbidden" where no glide leads, and "" where one of the two is not layered.
    """
    if start.family is None or end.family is None:
        return ""
    if start.family != end.family:
        return "forbidden"
    if start.base == end.base:
        return "distortion"
    if not (start.base and end.base):
        return "some galleries"
    glides = glides_between(polytype(start.base), polytype(end.base))
    return " ".join(f"{glide:+d}" if glide else "0" for glide in glides)
