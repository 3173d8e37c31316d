"""Cathode interface: the cell of a published cathode's phases, with the sodium of the cathode's formula.

Every layered lamella has a gallery inside, between two of its own kind, so that its composition stands somewhere in the
cell. Numbers of galleries are those that come nearest to the formula's sodium; what then still differs is distributed
over the galleries of the layered phases, the same number of ions to each, as far as they hold it. Spinels and tunnels
keep theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from layerox.builders import LIBRARY, Cathode
from layerox.builders.composition import INTERLAYER, parse_formula
from layerox.crystal.asymmetric_unit import ANIONS
from layerox.interfaces.request import DEFAULT_BOUNDARY, InterfaceRequest
from layerox.interfaces.result import Interface
from layerox.notices import Notice
from layerox.stacking.closing_blocks import closing_numbers

INSIDE = 3  # galleries of a layered lamella, so that one is beside no other phase
BESIDE_TUNNEL = (4, 6, 8, 10, 12)  # the slabs that face a tunnel have a gallery on one side only: some are needed
SPINEL_SLABS = 2
# Slabs at most, and the deviation of the sodium content that one slab more is worth; the second is for phases that
# hold the sodium of the formula only if one of them is rare.
SIZES = ((20, 0.002), (40, 0.0001))
# Ions per metal that a gallery holds at most (CONSTRUCTED): known P2 and P3 oxides have up to some 0.85.
MOST: Mapping[str, float] = {"P": 0.85, "O": 1.0}
HARMLESS = 5e-4
PASSES = 2  # the coincidence beside a tunnel may change with the cell of the layers

Builder = Callable[[InterfaceRequest], Interface]


def cathode_interface(cathode: Cathode, request: InterfaceRequest, build: Builder) -> Interface:
    """Return the interface of a cathode's phases.

    Parameters
    ----------
    cathode
        Its phases are the names of the request.
    request
        Slabs, formulas and filling of the boundaries that it gives are kept.
    build
        Returns the interface of a request.

    Raises
    ------
    InputError
        As `interface`.
    """
    if request.core_shell is not None or request.in_plane is not None or request.formulas is not None:
        return build(request)
    boundary = "own" if request.boundary == DEFAULT_BOUNDARY else request.boundary
    choices: Iterable[Sequence[int]] = [request.slabs] if request.slabs is not None else _numbers(cathode)
    for slabs in choices:
        made = _with_its_sodium(cathode, replace(request, slabs=slabs, boundary=boundary), build)
        if abs(_shortage(made, cathode)) < HARMLESS * _metals(made):
            break
    return made


def _with_its_sodium(cathode: Cathode, request: InterfaceRequest, build: Builder) -> Interface:
    """Return the interface with the sodium of the formula, as far as its galleries hold it, and a notice of it."""
    own = [_sodium(cathode.components[phase]) if _is_layered(phase) else 0.0 for phase in cathode.phases]
    contents, made = list(own), build(request)
    for _ in range(PASSES):
        change = _shortage(made, cathode) / max(_galleries(made), 1.0)
        if abs(change) < HARMLESS:
            break
        contents = _distributed(cathode.phases, contents, change, request.slabs or ())
        made = build(replace(request, formulas=_formulas(cathode, contents)))
    notice = _notice(cathode, own, contents, made)
    return replace(made, details=replace(made.details, warnings=(*made.details.warnings, notice)))


def _is_layered(phase: str) -> bool:
    return phase not in {"spinel", "tunnel"}


def _sodium(formula: str) -> float:
    return parse_formula(formula).sodium


def _numbers(cathode: Cathode) -> Iterator[Sequence[int]]:
    """Return galleries of each phase, the preferred set first.

    Beside a tunnel all sets that may be needed; else, of all that close, those nearest to the formula's sodium, few
    galleries rather than many.
    """
    if "tunnel" in cathode.phases:
        yield from ([n if _is_layered(phase) else 1 for phase in cathode.phases] for n in BESIDE_TUNNEL)
        return
    least = [INSIDE if _is_layered(phase) else SPINEL_SLABS for phase in cathode.phases]
    own = np.array([_sodium(cathode.components[p]) if _is_layered(p) else 0.0 for p in cathode.phases])

    def distance(numbers: Sequence[int], per_slab: float) -> float:
        total = sum(numbers)
        return float(abs(own @ np.array(numbers) / total - cathode.sodium) + per_slab * total)

    for largest, per_slab in SIZES:
        closing = closing_numbers(cathode.phases, least, largest)
        yield min(closing, key=partial(distance, per_slab=per_slab))


def _shortage(made: Interface, cathode: Cathode) -> float:
    """Return the sodium that the cell lacks, atoms."""
    return cathode.sodium * _metals(made) - made.atoms.content.get("Na", 0.0)


def _metals(made: Interface) -> float:
    return sum(x for e, x in made.atoms.content.items() if e not in ANIONS and e not in INTERLAYER)


def _galleries(made: Interface) -> float:
    """Return the metal sites of one net for each gallery of the layered phases, all together."""
    held = {row.phase: row for row in made.details.lamellae if row.galleries and _is_layered_label(row.phase)}
    assert made.atoms.phase is not None
    sodium = sum(
        x
        for element, phase, x in zip(made.atoms.elements, made.atoms.phase, made.atoms.occupancies, strict=True)
        if element == "Na" and phase in held
    )
    per_net = sum(row.galleries * _own(row.phase, made) for row in held.values())
    return float(sodium / per_net * sum(row.galleries for row in held.values())) if per_net else 0.0


def _own(label: str, made: Interface) -> float:
    """Return the ions per metal in the galleries of a label, all with their own filling."""
    rows = [row for row in made.details.lamellae if row.phase == label]
    if made.grown is not None:
        return made.parts[label].composition.sodium
    (row,) = rows
    return row.composition.sodium * (row.galleries + 1) / row.galleries  # faces of an open word: one slab more


def _is_layered_label(label: str) -> bool:
    return _is_layered(LIBRARY[label].phase) if label in LIBRARY else False


def _distributed(phases: Sequence[str], contents: Sequence[float], change: float, slabs: Sequence[int]) -> list[float]:
    """Return contents of the phases with the mean of their galleries changed, each within 0 and its largest."""
    most = np.array([MOST[phase[0]] if _is_layered(phase) else 0.0 for phase in phases])
    weights = np.array([n if _is_layered(p) else 0 for p, n in zip(phases, slabs, strict=True)], dtype=float)
    found = np.array(contents)
    most = np.where(weights > 0, np.maximum(most, found), found)
    left = change * weights.sum()
    for _ in phases:
        free = (weights > 0) & ((found < most - 1e-9) if left > 0 else (found > 1e-9))
        if not free.any() or abs(left) < 1e-9:
            break
        before = found.copy()
        found = np.where(free, np.clip(found + left / weights[free].sum(), 0.0, most), found)
        left -= float(weights @ (found - before))
    return [float(x) for x in found]


def _formulas(cathode: Cathode, contents: Sequence[float]) -> list[str | None]:
    """Return the formulas of the layered phases with these contents, None for the others."""
    return [
        re.sub(r"^Na[0-9./]*", f"Na{x:.6f}", formula) if _is_layered(phase) else None
        for (phase, formula), x in zip(cathode.components.items(), contents, strict=True)
    ]


def _notice(cathode: Cathode, own: Sequence[float], contents: Sequence[float], made: Interface) -> Notice:
    held = made.atoms.content.get("Na", 0.0) / _metals(made)
    changed = [
        f"{phase} {now:.3f} instead of {was:.3f}"
        for phase, was, now in zip(cathode.phases, own, contents, strict=True)
        if abs(now - was) > HARMLESS
    ]
    text = f"galleries hold, per metal, {', '.join(changed)}" if changed else "every phase keeps its own sodium"
    total = f"the cell holds {held:.3f} Na per metal, {cathode.formula} {cathode.sodium:.3f}"
    rest = cathode.sodium - held
    end = f"; {rest:+.3f} have no place in these phases" if abs(rest) > 10 * HARMLESS else ""
    return Notice("sodium_distributed", f"{total}: {text}{end}")
