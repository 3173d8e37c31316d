"""Build: from what a user says of a phase, a name or a word and a few numbers, to its crystal or its atoms.

What is not said is taken from a library entry of the same phase and composition, or else from bond lengths; the
crystal's source names which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from layerox.atoms import Atoms
from layerox.builders.composition import Composition, parse_formula
from layerox.builders.geometry import Geometry
from layerox.builders.layered import DisplacementFactors, Stack, check_closure, layered_stack
from layerox.builders.library import DEFAULTS, LIBRARY, Entry, Layered
from layerox.builders.ordering import ordered_atoms
from layerox.builders.sodium import Asked
from layerox.builders.supercell import Shape, in_supercell
from layerox.crystal import Crystal, structure_from_crystal
from layerox.errors import InputError, nearest
from layerox.notice import Notice
from layerox.stacking import LETTERS, POLYTYPES, Word, identify, parse_word

if TYPE_CHECKING:
    from pymatgen.core import Structure

DEFAULT_FORMULA = "Na2/3Ni1/3Mn2/3O2"
SAME_COMPOSITION = 0.02
NOT_YET = ("P'2", "P'3", "O'3", "spinel", "tunnel")
ALIASES = {
    "Pp2": "P'2", "P2'": "P'2", "Pp3": "P'3", "P3'": "P'3", "Op3": "O'3", "O3'": "O'3", "S": "spinel", "T": "tunnel",
}  # fmt: skip
APOSTROPHES = str.maketrans({"’": "'", "′": "'", "`": "'"})


def build_crystal(
    phase: str,
    *,
    formula: str | Composition | None = None,
    a: float | None = None,
    c: float | None = None,
    slab: float | None = None,
    bond: float | None = None,
    galleries: Mapping[str, float] | None = None,
    sodium: Asked | None = None,
    supercell: Iterable[int] | None = None,
    seed: int = 0,
) -> Crystal:
    """Return the crystal of a phase in the standard setting of its space group.

    Parameters
    ----------
    phase
        A phase ("P2", "Pp2" for P'2), an entry of the library ("P2_NaCoO2"), or a stacking word ("P2*4|O3*3", "AB BA").
    formula
        Composition per MO2; that of the library's entry, or Na2/3Ni1/3Mn2/3O2, when not given.
    a, c
        Hexagonal cell, angstrom; c is the height of the whole word.
    slab, bond
        Thickness of a slab, or metal-anion distance, angstrom.
    galleries
        Heights of galleries by kind ("P", "O"), character ("P3") or phase label, angstrom.
    sodium
        Occupancies of gallery sites: "face" and "edge" in P2, "lower" and "upper" in P3, "octahedral" in O.
    supercell
        Cells along a, b and c; the atoms are then listed in P 1. Meant for some thousand atoms, see `build_atoms`.
    seed
        For a Z, and for what ordering draws.

    Raises
    ------
    InputError
        If the phase is unknown, does not close, cannot hold its sodium, or the lengths make no cell.
    """
    wish = Wish(phase, formula, Geometry(a=a, c=c, slab=slab, bond=bond, galleries=galleries or {}), sodium, seed)
    stack = _stack(wish)
    return stack.crystal() if supercell is None else stack.atoms().repeated(supercell).to_crystal()


def build_atoms(
    phase: str,
    *,
    formula: str | Composition | None = None,
    a: float | None = None,
    c: float | None = None,
    slab: float | None = None,
    bond: float | None = None,
    galleries: Mapping[str, float] | None = None,
    sodium: Asked | None = None,
    supercell: Shape | None = None,
    ordered: bool = False,
    seed: int = 0,
) -> Atoms:
    """Return every atom of a cell or supercell with its layer and phase; parameters as in `build_structure`."""
    wish = Wish(phase, formula, Geometry(a=a, c=c, slab=slab, bond=bond, galleries=galleries or {}), sodium, seed)
    stack = _stack(wish)
    if ordered:
        return _ordered(stack, supercell, seed)
    return in_supercell(stack.atoms(), (1, 1, 1) if supercell is None else supercell)


def build_structure(
    phase: str,
    *,
    formula: str | Composition | None = None,
    a: float | None = None,
    c: float | None = None,
    slab: float | None = None,
    bond: float | None = None,
    galleries: Mapping[str, float] | None = None,
    sodium: Asked | None = None,
    supercell: Shape | None = None,
    ordered: bool = False,
    seed: int = 0,
) -> Structure:
    """Return the pymatgen Structure of a phase; parameters as in `build_crystal`.

    `ordered` gives whole atoms, see `ordering.ordered_atoms`: the best of all orderings in a small cell, one drawn with
    `seed` in a large one, in the smallest supercell that reaches the composition unless `supercell` is given (three
    counts, or a 3 x 3 matrix with the new edges as rows). What had to be rounded stands in `properties["remarks"]`.
    Its `properties` hold name and source, its site properties `u_iso` (angstrom^2) and `site_label`.
    """
    wish = Wish(phase, formula, Geometry(a=a, c=c, slab=slab, bond=bond, galleries=galleries or {}), sodium, seed)
    stack = _stack(wish)
    if ordered:
        return _ordered(stack, supercell, seed).to_structure()
    if supercell is None:
        return structure_from_crystal(stack.crystal())
    return in_supercell(stack.atoms(), supercell).to_structure()


def _ordered(stack: Stack, supercell: Shape | None, seed: int) -> Atoms:
    """Return whole atoms, with what building the disordered cell noticed."""
    disordered = replace(stack.atoms(), remarks=stack.remarks)
    return ordered_atoms(disordered, supercell, seed=seed)


@dataclass(frozen=True)
class Wish:
    """What a user asks for; see `build_crystal`."""

    phase: str
    formula: str | Composition | None
    geometry: Geometry
    sodium: Asked | None
    seed: int

    @property
    def is_bare(self) -> bool:
        """Whether a phase is named and nothing else is said."""
        return self.formula is None and self.sodium is None and self.geometry == Geometry()


def phase_name(text: str) -> str:
    """Return the name of a phase as the literature writes it: "Pp2" and "P2'" are "P'2"; others come back unchanged."""
    plain = text.strip().translate(APOSTROPHES)
    return ALIASES.get(plain, plain)


def _stack(wish: Wish) -> Stack:
    name = phase_name(wish.phase)
    if name in NOT_YET:
        raise InputError(f"{name} cannot be built yet", cure=f"choose from {', '.join([*POLYTYPES, 'Z:0.3'])}")
    entry, word = _entry_and_word(name, wish.seed)
    recipe = _layered(entry)
    if wish.is_bare and entry is not None and recipe is not None:
        return recipe.stack(name=wish.phase.strip(), source=entry.source)
    return _described(wish, entry, word)


def _entry_and_word(name: str, seed: int) -> tuple[Entry | None, Word]:
    """Return the library entry that a name or word stands for, if any, and its word."""
    recipe = _layered(LIBRARY.get(name))
    if recipe is not None:
        return LIBRARY[name], parse_word(recipe.word)
    if not _is_word(name):
        raise InputError(f"unknown phase {name!r}", cure=nearest(name, [*POLYTYPES, "Z:0.3", *NOT_YET, *LIBRARY]))
    word = parse_word(name, seed=seed)
    check_closure(word)
    key = DEFAULTS.get(identify(word).name)
    return (LIBRARY[key] if key else None), word


def _is_word(name: str) -> bool:
    return name in (*POLYTYPES, "Z") or any(mark in name for mark in "|*:") or not set(name) - set(f"{LETTERS} ")


def _described(wish: Wish, entry: Entry | None, word: Word) -> Stack:
    """Build what no entry holds as it stands."""
    composition, assumed = _composition(wish.formula, entry)
    model = _model(entry, composition)
    recipe = _layered(model)
    sodium = wish.sodium if wish.sodium is not None or recipe is None else _same_sodium(recipe, composition)
    stack = layered_stack(
        word,
        composition,
        geometry=_geometry(wish.geometry, recipe, word),
        sodium=sodium,
        displacement=recipe.displacement if recipe else DisplacementFactors(),
        name=wish.phase.strip(),
        source=_source(wish.geometry, model),
    )
    estimated = recipe is None and not _is_complete(wish.geometry)
    return replace(stack, remarks=(*stack.remarks, *_notices(stack, estimated, assumed)))


def _composition(formula: str | Composition | None, entry: Entry | None) -> tuple[Composition, bool]:
    """Return the composition, and whether nobody gave one."""
    if isinstance(formula, Composition):
        return formula, False
    if formula is not None:
        return parse_formula(formula), False
    recipe = _layered(entry)
    if recipe is not None:
        return parse_formula(recipe.formula), False
    return parse_formula(DEFAULT_FORMULA), True


def _model(entry: Entry | None, composition: Composition) -> Entry | None:
    """Return the library's entry of the same phase and composition."""
    if entry is None:
        return None
    for candidate in (entry, *LIBRARY.values()):
        recipe = _layered(candidate)
        if recipe is None or candidate.phase != entry.phase:
            continue
        if _distance(parse_formula(recipe.formula), composition) <= SAME_COMPOSITION:
            return candidate
    return None


def _layered(entry: Entry | None) -> Layered | None:
    """Return the recipe of an entry that is a plain layered cell."""
    return entry.recipe if entry is not None and isinstance(entry.recipe, Layered) else None


def _distance(one: Composition, other: Composition) -> float:
    """Return the largest difference in any amount."""
    pairs = [(one.alkali, other.alkali), (one.metals, other.metals), (one.anions, other.anions)]
    return max(abs(a.get(e, 0.0) - b.get(e, 0.0)) for a, b in pairs for e in {*a, *b, "O"})


def _geometry(given: Geometry, recipe: Layered | None, word: Word) -> Geometry:
    """Complete what is given with the shape of a library entry.

    A slab keeps its shape when a changes. Where gallery heights are given, the entry's c is dropped.
    """
    if recipe is None:
        return given
    known = recipe.geometry
    scale = given.a / known.a if given.a and known.a else 1.0
    own_slab = given.slab is not None or given.bond is not None
    periods = len(word) / len(parse_word(recipe.word))
    known_c = None if given.galleries or known.c is None else known.c * periods
    return Geometry(
        a=given.a or known.a,
        c=given.c or known_c,
        slab=given.slab if own_slab else known.slab and known.slab * scale,
        bond=given.bond if own_slab else known.bond and known.bond * scale,
        galleries={**known.galleries, **given.galleries},
    )


def _same_sodium(recipe: Layered, composition: Composition) -> Asked | None:
    """Return an entry's sodium sites, scaled to a composition that differs by rounding."""
    theirs = parse_formula(recipe.formula).sodium
    scale = composition.sodium / theirs if theirs else 1.0
    return {
        site: {e: x * scale for e, x in value.items()} if isinstance(value, Mapping) else value * scale
        for site, value in recipe.sodium.items()
    }


def _is_complete(given: Geometry) -> bool:
    """Whether neither a nor c has to be estimated."""
    has_a = given.a is not None or (given.slab is not None and given.bond is not None)
    has_slab = given.slab is not None or given.bond is not None
    return has_a and (given.c is not None or (has_slab and bool(given.galleries)))


def _source(given: Geometry, model: Entry | None) -> str:
    names = [name for name in ("a", "c", "slab", "bond") if getattr(given, name) is not None]
    names += [f"the {kind} gallery" for kind in given.galleries]
    said = f"{', '.join(names)} as given; " if names else ""
    rest = f"the rest after {model.source}" if model else "the rest from bond lengths (Shannon radii)"
    return f"CONSTRUCTED by layerox: {said}{rest}"


def _notices(stack: Stack, estimated: bool, assumed: bool) -> list[Notice]:
    notices = []
    if estimated:
        message = f"a = {stack.a:.3f} A and c = {stack.c:.3f} A contain estimates from bond lengths, good to some 3 %"
        notices.append(Notice("geometry_estimated", message))
    if assumed:
        notices.append(Notice("formula_assumed", f"no formula was given: {DEFAULT_FORMULA} was taken"))
    return notices
