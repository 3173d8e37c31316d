"""Build: from a phase name or a word and a few numbers to a crystal or its atoms.

What is not given is taken from a library entry of the same phase and composition, or else from bond lengths; the
crystal's source names which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from layerox.builders.axes import atoms_on_axes, crystal_on_axes
from layerox.builders.composition import Amounts, Composition, parse_formula
from layerox.builders.defaults import SAME_COMPOSITION, distorted_from, spinel_from, tunnel_from
from layerox.builders.layer_heights import LayerGeometry
from layerox.builders.layered import DisplacementFactors, PlaneStack, check_closure, layered_stack
from layerox.builders.library import DEFAULTS, LIBRARY, LibraryEntry
from layerox.builders.ordering import ordered_atoms
from layerox.builders.phase_recipes import Distorted, Layered, Spinel, Tunnel
from layerox.builders.request import PhaseOptions, PhaseRequest, largest_difference, phase_name, refuse_implausible
from layerox.builders.sodium_sites import SiteContents
from layerox.builders.supercell import Shape, in_supercell
from layerox.computing.threads import single_threaded
from layerox.crystal.asymmetric_unit import Crystal, structure_from_crystal
from layerox.crystal.atoms import Atoms, atoms_from_crystal
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.public import public
from layerox.stacking import LETTERS, POLYTYPES, Word, identify, parse_word

if TYPE_CHECKING:
    from pymatgen.core import Structure

DEFAULT_FORMULA = "Na2/3Ni1/3Mn2/3O2"


def build_crystal(
    phase: str,
    *,
    setting: str = "conventional",
    supercell: Iterable[int] | None = None,
    **options: Unpack[PhaseOptions],
) -> Crystal:
    """Return the crystal of a phase, by default in the standard setting of its space group.

    Parameters are those of `build_structure`. With a supercell the atoms are listed in P 1; meant for some thousand
    atoms, see `build_atoms`.

    Raises
    ------
    InputError
        If the phase is unknown, does not close, cannot hold its sodium, or the lengths make no cell.
    """
    built = _built(PhaseRequest(phase=phase, **options))
    if supercell is not None:
        return _atoms(built, setting).repeated(supercell).to_crystal()
    return crystal_on_axes(built.crystal() if isinstance(built, PlaneStack) else built, setting)


def build_atoms(
    phase: str,
    *,
    setting: str = "conventional",
    supercell: Shape | None = None,
    ordered: bool = False,
    **options: Unpack[PhaseOptions],
) -> Atoms:
    """Return every atom of a cell or supercell, with its layer and phase where the cell is a stack of layers.

    Parameters are those of `build_structure`.
    """
    request = PhaseRequest(phase=phase, **options)
    built = _built(request)
    atoms = _atoms(built, setting)
    if ordered:
        return ordered_atoms(replace(atoms, warnings=built.warnings), supercell, seed=request.seed)
    return in_supercell(atoms, (1, 1, 1) if supercell is None else supercell)


def build_stack(phase: str, **options: Unpack[PhaseOptions]) -> PlaneStack:
    """Return the planes of a phase that is a stack of hexagonal layers; parameters as in `build_structure`.

    Raises
    ------
    InputError
        As `build_crystal`, and for phases that are no such stack.
    """
    built = _built(PhaseRequest(phase=phase, **options))
    if not isinstance(built, PlaneStack):
        raise InputError(f"{phase} is no stack of hexagonal layers", cure="take P2, P3, O3, O2, O1, OP2, OP4 or a Z")
    return built


@public
@single_threaded
def build_structure(
    phase: str,
    *,
    formula: str | Composition | None = None,
    a: float | None = None,
    b: float | None = None,
    c: float | None = None,
    beta: float | None = None,
    slab: float | None = None,
    bond: float | None = None,
    bonds: tuple[float, float] | None = None,
    galleries: Mapping[str, float] | None = None,
    sodium: SiteContents | None = None,
    distortion: float | None = None,
    u: float | None = None,
    inversion: float | None = None,
    tetrahedral: Mapping[str, float] | None = None,
    metals: Mapping[str, Amounts] | None = None,
    setting: str = "conventional",
    supercell: Shape | None = None,
    ordered: bool = False,
    seed: int = 0,
) -> Structure:
    """Return the pymatgen Structure of a phase.

    `ordered` gives whole atoms, see `ordering.ordered_atoms`: the best of all orderings in a small cell, one drawn with
    `seed` in a large one, in the smallest supercell that reaches the composition unless `supercell` is given (three
    counts, or a 3 x 3 matrix with the new edges as rows). Rounded amounts are listed in `properties["warnings"]`.
    Its `properties` hold name and source, its site properties `u_iso` (angstrom^2) and `site_label`.

    Parameters
    ----------
    phase
        A phase ("P2", "Pp2" for P'2, "spinel", "tunnel"), an entry of the library ("P2_NaCoO2", "Al"), or a stacking
        word ("P2*4|O3*3", "AB BA").
    formula
        Composition per MO2 (spinels: any multiple of AB2O4); the library's when not given.
    a, b, c, beta
        Cell, angstrom and degrees; c of a word is the height of the whole word. P'2 has a and b of the rectangular
        layer, P'3 and O'3 those of C2/m; a and c of a spinel make it tetragonal (I41/amd).
    slab, bond
        Thickness of a slab, or metal-anion distance (of a spinel: the octahedral one), angstrom.
    bonds
        The short and the long metal-anion distance of P'2, P'3 and O'3, angstrom.
    galleries
        Heights of galleries by kind ("P", "O"), character ("P3") or phase label, angstrom.
    sodium
        Occupancies of sodium sites: "face" and "edge" in P2, "lower" and "upper" in P3, "octahedral" in O, "Na1",
        "Na2" and "Na3" in a tunnel.
    distortion
        P'2, P'3, O'3: stretch of the layer at constant area, 0 is the parent, whose hexagonal a and c are then meant.
        Spinel: c / (sqrt(2) a) - 1 at constant volume, 0 is the cube, whose a is then meant.
    u
        Anion parameter of a spinel, inversion at the origin (near 0.26).
    inversion, tetrahedral
        Share of a spinel's tetrahedral ions that have changed places; or contents of the tetrahedra.
    metals
        Contents of metal sites "1" to "5" of a tunnel.
    setting
        "conventional"; "primitive"; or "rectangular": orthohexagonal a, a + 2b, c where the cell is hexagonal.
    supercell
        Cells along a, b and c of that setting.
    ordered
        Whole atoms instead of partial occupancies.
    seed
        For a Z.

    Returns
    -------
    Structure
        A pymatgen Structure; its site properties are `site_label` and `u_iso` (angstrom^2).

    Raises
    ------
    InputError
        If the phase is unknown, does not close, cannot hold its sodium, the lengths make no cell, or something does
        not apply to the phase.

    Examples
    --------
    >>> import layerox as lx
    >>> p2 = lx.build("P2", formula="Na0.67Ni0.33Mn0.67O2", a=2.885, c=11.155)
    >>> p2.get_space_group_info(), lx.check(p2)
    (('P6_3/mmc', 194), [])
    """
    options: PhaseOptions = {
        "formula": formula, "a": a, "b": b, "c": c, "beta": beta, "slab": slab, "bond": bond, "bonds": bonds,
        "galleries": galleries, "sodium": sodium, "distortion": distortion, "u": u, "inversion": inversion,
        "tetrahedral": tetrahedral, "metals": metals, "seed": seed,
    }  # fmt: skip
    if supercell is None and not ordered:
        return structure_from_crystal(build_crystal(phase, setting=setting, **options))
    return build_atoms(phase, setting=setting, supercell=supercell, ordered=ordered, **options).to_structure()


def _atoms(built: PlaneStack | Crystal, setting: str) -> Atoms:
    if isinstance(built, PlaneStack):
        return atoms_on_axes(built.atoms(), setting, built.group)
    return atoms_on_axes(atoms_from_crystal(built), setting, built.symmetry.name)


def _built(request: PhaseRequest) -> PlaneStack | Crystal:
    """Return a stack for a word, a crystal for every other phase."""
    name = phase_name(request.phase)
    entry = LIBRARY.get(name)
    if request.gives_size:
        _refuse_size(request, name, entry)
    return _made(request, name, entry)


def _refuse_size(request: PhaseRequest, name: str, entry: LibraryEntry | None) -> None:
    """Refuse a length or an angle far from that of the phase, where it has one without the user's."""
    try:
        known = _made(request.without_size(), name, entry)
    except InputError:
        return  # only with the given lengths is there anything to build
    cell = (known.a, known.a, known.c) if isinstance(known, PlaneStack) else known.cell
    refuse_implausible(request, cell, spinel=entry is not None and isinstance(entry.recipe, Spinel))


def _made(request: PhaseRequest, name: str, entry: LibraryEntry | None) -> PlaneStack | Crystal:
    if entry is None or isinstance(entry.recipe, Layered):
        return _stack(request, name)
    if request.is_bare:
        return entry.crystal(request.name)
    if isinstance(entry.recipe, Distorted):
        return distorted_from(request, entry)
    if isinstance(entry.recipe, Spinel):
        return spinel_from(request, entry)
    if isinstance(entry.recipe, Tunnel):
        return tunnel_from(request, entry)
    request.check("tabulated", name)
    return entry.crystal(request.name)


def _stack(request: PhaseRequest, name: str) -> PlaneStack:
    entry, word = _entry_and_word(name, request.seed)
    request.check("layered", name)
    recipe = _layered(entry)
    if request.is_bare and entry is not None and recipe is not None:
        made = recipe.stack(name=request.name, source=entry.source)
        return replace(made, warnings=(*made.warnings, *entry.notices))
    return _described(request, entry, word)


def _entry_and_word(name: str, seed: int) -> tuple[LibraryEntry | None, Word]:
    """Return the library entry that a name or word means, if any, and its word."""
    recipe = _layered(LIBRARY.get(name))
    if recipe is not None:
        return LIBRARY[name], parse_word(recipe.word)
    if name in LIBRARY.cathodes:
        LIBRARY.entry(name)
    if not _is_word(name):
        raise InputError(f"unknown phase {name!r}", cure=LIBRARY.suggestion(name, [*POLYTYPES, "Z:0.3"]))
    word = parse_word(name, seed=seed)
    check_closure(word)
    key = DEFAULTS.get(identify(word).name)
    return (LIBRARY[key] if key else None), word


def _is_word(name: str) -> bool:
    return name in (*POLYTYPES, "Z") or any(mark in name for mark in "|*:") or not set(name) - set(f"{LETTERS} ")


def _described(request: PhaseRequest, entry: LibraryEntry | None, word: Word) -> PlaneStack:
    """Build a phase that is no unchanged library entry."""
    given = LayerGeometry(
        a=request.a, c=request.c, slab=request.slab, bond=request.bond, galleries=request.galleries or {}
    )
    composition, assumed = _given_composition(request.formula, entry)
    model = _model(entry, composition)
    recipe = _layered(model)
    sodium = request.sodium if request.sodium is not None or recipe is None else _same_sodium(recipe, composition)
    stack = layered_stack(
        word,
        composition,
        geometry=_geometry(given, recipe, word),
        sodium=sodium,
        displacement=recipe.displacement if recipe else DisplacementFactors(),
        name=request.name,
        source=request.source(model.source if model else None),
    )
    estimated = recipe is None and not _is_complete(given)
    return replace(stack, warnings=(*stack.warnings, *_notices(stack, estimated, assumed)))


def _given_composition(formula: str | Composition | None, entry: LibraryEntry | None) -> tuple[Composition, bool]:
    """Return the composition, and whether none was given."""
    if isinstance(formula, Composition):
        return formula, False
    if formula is not None:
        return parse_formula(formula), False
    recipe = _layered(entry)
    if recipe is not None:
        return parse_formula(recipe.formula), False
    return parse_formula(DEFAULT_FORMULA), True


def _model(entry: LibraryEntry | None, composition: Composition) -> LibraryEntry | None:
    """Return the library's entry of the same phase and composition."""
    if entry is None:
        return None
    for candidate in (entry, *LIBRARY.values()):
        recipe = _layered(candidate)
        if recipe is None or candidate.phase != entry.phase or recipe.geometry.a is None:
            continue  # models of cathodes have no cell of their own
        if _distance(parse_formula(recipe.formula), composition) <= SAME_COMPOSITION:
            return candidate
    return None


def _layered(entry: LibraryEntry | None) -> Layered | None:
    """Return the recipe of an entry that is a plain layered cell."""
    return entry.recipe if entry is not None and isinstance(entry.recipe, Layered) else None


def _distance(one: Composition, other: Composition) -> float:
    return largest_difference([(one.alkali, other.alkali), (one.metals, other.metals), (one.anions, other.anions)])


def _geometry(given: LayerGeometry, recipe: Layered | None, word: Word) -> LayerGeometry:
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
    return LayerGeometry(
        a=given.a or known.a,
        c=given.c or known_c,
        slab=given.slab if own_slab else known.slab and known.slab * scale,
        bond=given.bond if own_slab else known.bond and known.bond * scale,
        galleries={**known.galleries, **given.galleries},
    )


def _same_sodium(recipe: Layered, composition: Composition) -> SiteContents | None:
    """Return an entry's sodium sites, scaled to a composition that differs by rounding."""
    theirs = parse_formula(recipe.formula).sodium
    scale = composition.sodium / theirs if theirs else 1.0
    return {
        site: {e: x * scale for e, x in value.items()} if isinstance(value, Mapping) else value * scale
        for site, value in recipe.sodium.items()
    }


def _is_complete(given: LayerGeometry) -> bool:
    """Whether neither a nor c has to be estimated."""
    has_a = given.a is not None or (given.slab is not None and given.bond is not None)
    has_slab = given.slab is not None or given.bond is not None
    return has_a and (given.c is not None or (has_slab and bool(given.galleries)))


def _notices(stack: PlaneStack, estimated: bool, assumed: bool) -> list[Notice]:
    notices = []
    if estimated:
        message = f"a = {stack.a:.3f} A and c = {stack.c:.3f} A contain estimates from bond lengths, good to some 3 %"
        notices.append(Notice("geometry_estimated", message))
    if assumed:
        notices.append(Notice("formula_assumed", f"no formula was given: {DEFAULT_FORMULA} was taken"))
    return notices
