"""Stackings of the phases of a series (P2, O'3, OP4, spinel), and the glides that lead from one to another.

A glide never changes a slab's sense, so that {P2, O2, O6, OP4, Z} and {P3, O3, O1, OP2} do not convert into each other
by gliding (see `layerox.stacking.polytype_identity`); such a step in a series needs a check.
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
    """The stacking of a phase.

    Attributes
    ----------
    name
        "P2", "O'3", "Z", "spinel", ...
    family
        Where slab senses reverse, which no glide changes; None without regular layers.
    is_layered
        Whether it consists of TMO2 slabs, all parallel.
    """

    name: str
    family: tuple[bool, ...] | None = None
    is_layered: bool = False

    @property
    def base(self) -> str:
        """The polytype of `POLYTYPES` without its distortion; "" if there is none."""
        plain = self.name.replace("'", "")
        return plain if plain in POLYTYPES else ""


def stacking_of(name: str) -> Stacking | None:
    """Return the stacking in a phase's name ("P2", "Op3_core", "Z_0_3", "spinel"); None if there is none."""
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
    """Return the stacking of a structure; for one without layers, the one in the phase's name."""
    layering = layering_of(crystal)
    if layering is not None:
        return Stacking(layering.name, layering.family, is_layered=True)
    by_name = stacking_of(name)
    return by_name if by_name is not None and not by_name.is_layered else None


def stackings_of(
    phases: Sequence[str], crystals: Mapping[str, Crystal], given: Mapping[str, str] | None = None
) -> dict[str, Stacking]:
    """Return the stackings of the phases of a series, by name; phases without one (foil, impurity) are left out.

    Parameters
    ----------
    phases
        Names as in the columns of the series.
    crystals
        Known structures; the stacking of others follows from the name.
    given
        Stackings that replace those from name and structure: {"main": "P2"}.

    Raises
    ------
    InputError
        If `given` has an unknown phase or an unknown stacking.
    """
    given = given or {}
    for name, text in given.items():
        if name not in phases:
            raise InputError(f"no phase is called {name!r}", argument="stackings", cure=nearest(name, phases))
        if stacking_of(text) is None:
            cure = nearest(text, [*POLYTYPES, "Z", "P'2", "O'3", "P'3", "spinel", "tunnel"])
            raise InputError(f"{text!r} is no stacking", argument="stackings", cure=cure)
    found: dict[str, Stacking | None] = {}
    for name in phases:
        by_name = name in given or name not in crystals
        found[name] = stacking_of(given.get(name, name)) if by_name else _stacking_of_crystal(name, crystals[name])
    return {name: stacking for name, stacking in found.items() if stacking is not None}


def shown_names(stackings: Mapping[str, Stacking]) -> dict[str, str]:
    """Return the displayed name of each phase: its stacking, or its own name where two have the same stacking."""
    names = [stacking.name for stacking in stackings.values()]
    return {p: s.name if names.count(s.name) == 1 else p for p, s in stackings.items()}


def glide_text(start: Stacking, end: Stacking) -> str:
    """Return the glides from one stacking to another.

    Returns
    -------
    str
        The glides, gallery by gallery ("+1 -1"), "distortion" without glides, "some galleries" to or from a Z,
    "forbidden" if gliding cannot do it, and "" where one of the two is not layered.
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
