"""Crystal structures from CIF files, read with gemmi, each doubtful item named.

A file decides its own symmetry by its list of operations or its Hall symbol where it has one, else by its
Hermann-Mauguin symbol or number. What had to be assumed (no displacement factors, two possible origins) stands in the
crystal's remarks.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import gemmi
from gemmi import cif

from layerox.crystal import ASSUMED_U_ISO, Cell, Crystal, Position, Site, cell_tuple, position_tuple
from layerox.errors import InputError
from layerox.io.opening import exists
from layerox.notice import Notice
from layerox.symmetry import Symmetry, metric_tensor, symmetry_from_name, symmetry_from_triplets

OPERATION_TAGS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz", "_space_group_symop.operation_xyz")
SYMBOL_TAGS = (
    "_space_group_name_H-M_alt",
    "_symmetry_space_group_name_H-M",
    "_space_group_name_H-M_full",
    "_space_group_IT_number",
    "_symmetry_Int_Tables_number",
)
HALL_TAGS = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
CELL_TAGS = tuple(f"_cell_length_{x}" for x in "abc") + tuple(f"_cell_angle_{x}" for x in ("alpha", "beta", "gamma"))
# What can be meant: angstrom, degrees, and fractions of the cell.
LENGTHS, ANGLES, FURTHEST = (0.5, 1e5), (1.0, 179.0), 10.0
U_FROM_B = 1.0 / (8.0 * math.pi**2)
FORMULA_TOLERANCE = 0.01
CELL_TOLERANCE = 2e-3
UNKNOWN = ("?", ".")


def read_crystal(path: str | Path, *, name: str | None = None) -> Crystal:
    """Return the crystal structure of a CIF file.

    Parameters
    ----------
    path
        The file; exactly one of its data blocks holds atoms.
    name
        What to call it; the file's stem when not given.

    Raises
    ------
    InputError
        If the file cannot be read, or describes no structure that can diffract.
    """
    path = Path(path)
    blocks = _blocks_with_atoms(path)
    if len(blocks) > 1:
        names = ", ".join(block.name for block in blocks[:4])
        raise InputError(f"holds {len(blocks)} structures ({names})", place=path, cure="keep one in a file")
    return _crystal(blocks[0], path, name or path.stem)


def read_crystals(path: str | Path) -> list[Crystal]:
    """Return the crystal structures of all data blocks with atoms, called by their phase or else their block.

    Raises
    ------
    InputError
        As `read_crystal`.
    """
    path = Path(path)
    return [_crystal(block, path, _text(block, "_pd_phase_name") or block.name) for block in _blocks_with_atoms(path)]


def _crystal(block: cif.Block, path: Path, name: str) -> Crystal:
    cell = _cell(block, path)
    sites, remarks = _sites(block, path)
    symmetry, more = _symmetry(block, path, cell, sites)
    crystal = Crystal(
        name=name,
        cell=_cell_in_symmetry(cell, symmetry, path),
        symmetry=symmetry,
        sites=sites,
        source=str(path),
        remarks=(*remarks, *more),
    )
    crystal = crystal.snapped().checked()
    return _with_formula_checked(crystal, block)


def _blocks_with_atoms(path: Path) -> list[cif.Block]:
    document = _document(path)
    blocks = [block for block in document if block.find_values("_atom_site_fract_x")]
    if not blocks:
        raise InputError("holds no atoms", place=path, cure="give a CIF with an _atom_site_fract_x list")
    return blocks


def _document(path: Path) -> cif.Document:
    if not exists(path):
        raise InputError("no such file", place=path, cure="check the path")
    if path.is_dir():
        raise InputError("is a folder", place=path, cure="give a CIF file")
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
        if not text.strip():
            raise InputError("is empty", place=path, cure="give a CIF file")
        return cif.read_string(text)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"is no readable CIF ({_first_line(error)})", place=path, cure="correct it there") from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", place=path) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].removeprefix("string:") if str(error) else type(error).__name__


def _cell(block: cif.Block, path: Path) -> tuple[float, ...]:
    values = []
    for tag in CELL_TAGS:
        text = block.find_value(tag)
        number = cif.as_number(text) if text else math.nan
        low, high = LENGTHS if "length" in tag else ANGLES
        if not low < number < high:
            cure = "give the whole cell, in angstrom and degrees"
            raise InputError(f"{tag} is {text or 'missing'}", place=path, cure=cure)
        values.append(number)
    return tuple(values)


def _cell_in_symmetry(cell: tuple[float, ...], symmetry: Symmetry, path: Path) -> Cell:
    """Return the cell with the metric that the space group demands, if it was meant to have it."""
    centred = symmetry.centred_cell(cell)
    worst = max(abs(one / other - 1) for one, other in zip(cell, centred, strict=True))
    if worst > CELL_TOLERANCE:
        numbers = " ".join(f"{x:g}" for x in cell)
        raise InputError(f"the cell {numbers} contradicts the space group {symmetry.short_name}", place=path,
                         cure="correct one of them")  # fmt: skip
    exact = [one if abs(one / other - 1) < 1e-12 else other for one, other in zip(cell, centred, strict=True)]
    for index, angle in symmetry.cell_rule.fixed.items():
        exact[index] = angle
    for index, leader in symmetry.cell_rule.follows.items():
        exact[index] = exact[leader]
    return cell_tuple(exact)


def _symmetry(
    block: cif.Block, path: Path, cell: tuple[float, ...], sites: tuple[Site, ...]
) -> tuple[Symmetry, list[Notice]]:
    operations = _operations(block)
    symbols = [text for tag in SYMBOL_TAGS if (text := _text(block, tag))]
    if operations:
        try:
            symmetry = symmetry_from_triplets(operations)
        except InputError as error:
            raise InputError(error.problem, place=path, cure=f"correct {OPERATION_TAGS[0]}") from error
        return symmetry, _contradictions(symmetry, symbols, cell)
    if not symbols:
        raise InputError("states no space group", place=path, cure="add _space_group_name_H-M_alt")
    symbol, symmetry = _agreed(symbols, cell, path)
    chosen, remarks = _with_origin_chosen(symmetry, symbol, block, cell, sites)
    if symbol != symbols[0]:
        message = f"its space group {symbols[0]!r} is unknown: {symbol}, {symmetry.short_name}, was taken"
        remarks = [Notice("space_group_unknown", message), *remarks]
    return chosen, remarks


def _agreed(symbols: list[str], cell: tuple[float, ...], path: Path) -> tuple[str, Symmetry]:
    """Return the first symbol (or number) that is known, and its group; the others must not say another one."""
    known = [(symbol, found) for symbol in symbols if (found := _named(symbol, cell)) is not None]
    if not known:
        raise InputError(f"unknown space group {symbols[0]!r}", place=path, cure="give a Hermann-Mauguin symbol")
    symbol, symmetry = known[0]
    for other, found in known[1:]:
        if found.number != symmetry.number:
            fault = f"two space groups, {symbol!r} (number {symmetry.number}) and {other!r} ({found.short_name})"
            raise InputError(fault, place=path, cure="correct one of them")
    return symbol, symmetry


def _operations(block: cif.Block) -> list[str]:
    """Return the operations that the file lists, or that its Hall symbol stands for; none if it has neither."""
    for tag in OPERATION_TAGS:
        if listed := [cif.as_string(text) for text in block.find_values(tag) if text not in UNKNOWN]:
            return listed
    hall = next((text for tag in HALL_TAGS if (text := _text(block, tag))), "")
    try:
        return [op.triplet() for op in gemmi.symops_from_hall(hall)] if hall else []
    except (RuntimeError, ValueError):
        return []


def _text(block: cif.Block, tag: str) -> str:
    value = block.find_value(tag)
    return "" if value is None or value in UNKNOWN else cif.as_string(value).strip()


def _named(symbol: str, cell: tuple[float, ...]) -> Symmetry | None:
    if symbol.isdigit():
        group = gemmi.find_spacegroup_by_number(int(symbol))
        symbol = group.hm if group else symbol
    try:
        return symmetry_from_name(symbol, hexagonal=abs(cell[5] - 120) < 1)
    except InputError:
        return None


def _contradictions(symmetry: Symmetry, symbols: list[str], cell: tuple[float, ...]) -> list[Notice]:
    for symbol in symbols if symmetry.name else ():
        named = _named(symbol, cell)
        if named is not None and named.number != symmetry.number:
            message = (
                f"its operations are those of {symmetry.short_name}, its symbol says {symbol!r}: the operations hold"
            )
            return [Notice("space_group_contradiction", message)]
    return []


def _with_origin_chosen(
    symmetry: Symmetry, symbol: str, block: cif.Block, cell: tuple[float, ...], sites: tuple[Site, ...]
) -> tuple[Symmetry, list[Notice]]:
    """Choose between two origins where the symbol leaves it open: the one whose atoms give the stated formula."""
    if not symmetry.name.endswith(":1") or ":1" in symbol:
        return symmetry, []
    second = symmetry_from_name(symmetry.name[:-1] + "2")
    stated = _stated_formula(block)
    fitting = [s for s in (second, symmetry) if _is_possible(s, cell, sites, stated)]
    chosen = fitting[0] if fitting else second
    which = "the only one that fits the atoms" if len(fitting) == 1 else "assumed"
    message = f"{symbol!r} has two origins and the file does not say which: {chosen.name!r} is {which}"
    return chosen, [Notice("origin_chosen", message)]


def _is_possible(
    symmetry: Symmetry, cell: tuple[float, ...], sites: tuple[Site, ...], stated: dict[str, float]
) -> bool:
    trial = Crystal(name="trial", cell=cell_tuple(cell), symmetry=symmetry, sites=sites).snapped()
    try:
        trial.checked()
    except InputError:
        return False
    return not stated or _disagreement(trial.content, stated) < FORMULA_TOLERANCE


def _sites(block: cif.Block, path: Path) -> tuple[tuple[Site, ...], list[Notice]]:
    table = block.find(
        "_atom_site_",
        ["fract_x", "fract_y", "fract_z", "?label", "?type_symbol", "?occupancy", "?U_iso_or_equiv",
         "?B_iso_or_equiv", "?calc_flag"],
    )  # fmt: skip
    anisotropic = _anisotropic(block)
    sites: list[Site] = []
    without_u: list[str] = []
    remarks: list[Notice] = []
    for row in table:
        if _value(row, 8) == "dum":
            continue
        label = _unique_label(_value(row, 3) or _value(row, 4) or "X", sites)
        element, charge = _species(_value(row, 4) or label, label, path)
        u_aniso = anisotropic.get(_value(row, 3))
        u_iso = _u_iso(row, u_aniso, block)
        if u_iso is None:
            without_u.append(label)
        elif u_iso < 0:
            remarks.append(Notice("negative_displacement", f"{label} has U = {u_iso:g} A^2; taken as 0"))
        sites.append(
            Site(
                label=label,
                element=element,
                charge=charge,
                position=_position(row, label, path),
                occupancy=_occupancy(row, label, path),
                u_iso=ASSUMED_U_ISO if u_iso is None else max(u_iso, 0.0),
                u_aniso=u_aniso,
            )
        )
    if without_u:
        message = f"no displacement factors for {', '.join(without_u)}; U = {ASSUMED_U_ISO:g} A^2 assumed"
        remarks.append(Notice("displacement_assumed", message))
    return tuple(sites), remarks


def _value(row: cif.Table.Row, column: int) -> str:
    """Return the text of a column, "" where the file has no such column or no value in it."""
    if not row.has(column):
        return ""
    text = row[column]
    return "" if text in UNKNOWN else cif.as_string(text)


def _unique_label(label: str, sites: list[Site]) -> str:
    taken = {site.label for site in sites}
    if label not in taken:
        return label
    return next(f"{label}_{k}" for k in range(2, len(sites) + 3) if f"{label}_{k}" not in taken)


def _species(text: str, label: str, path: Path) -> tuple[str, int]:
    """Read "Mn3+", "MN", "O-2", "Fe2" (a label) as an element and its charge."""
    match = re.match(r"([A-Za-z]{1,2})(?:([+-])(\d+)|(\d*)([+-]))?", text)
    letters = match.group(1) if match else ""
    # "OW" is an oxygen of water; "Va" is not vanadium but somebody's vacancy.
    shorter = "" if letters[1:].islower() else letters[:1].upper()
    for symbol in (letters.capitalize(), shorter):
        if symbol and gemmi.Element(symbol).atomic_number > 0:
            return symbol, _charge(match)
    raise InputError(
        f"atom {label} is of no known element ({text!r})", place=path, cure="correct _atom_site_type_symbol"
    )


def _charge(match: re.Match[str] | None) -> int:
    if match is None:
        return 0
    size, sign = (match.group(3), match.group(2)) if match.group(2) else (match.group(4), match.group(5))
    return 0 if sign is None else int(size or 1) * (1 if sign == "+" else -1)


def _position(row: cif.Table.Row, label: str, path: Path) -> Position:
    values = [cif.as_number(row[k]) for k in range(3)]
    if not all(math.isfinite(x) for x in values):
        raise InputError(f"atom {label} has no complete position", place=path, cure="give its three coordinates")
    if max(map(abs, values)) > FURTHEST:
        at = ", ".join(f"{x:g}" for x in values)
        raise InputError(f"atom {label} stands at {at}", place=path, cure="give fractions of the cell")
    return position_tuple(values)


def _occupancy(row: cif.Table.Row, label: str, path: Path) -> float:
    text = _value(row, 5)
    if not text:
        return 1.0
    number = cif.as_number(text)
    if not math.isfinite(number):
        raise InputError(f"atom {label} has occupancy {text!r}", place=path, cure="give 0 to 1")
    return float(number)


def _u_iso(row: cif.Table.Row, u_aniso: tuple[float, ...] | None, block: cif.Block) -> float | None:
    """Return the isotropic displacement of a row, of its anisotropic one where it has that, None when unknown."""
    if u_aniso is not None:
        return _equivalent(u_aniso, _cell_of(block))
    for column, factor in ((6, 1.0), (7, U_FROM_B)):
        number = cif.as_number(_value(row, column) or "?")
        if math.isfinite(number):
            return float(number) * factor
    return None


def _cell_of(block: cif.Block) -> tuple[float, ...]:
    return tuple(cif.as_number(block.find_value(tag) or "?") for tag in CELL_TAGS)


def _equivalent(u: tuple[float, ...], cell: tuple[float, ...]) -> float:
    """Return U_eq = sum_ij U_ij a*_i a*_j (a_i . a_j) / 3 (Fischer & Tillmanns, 1988)."""
    metric = metric_tensor(cell)
    star = gemmi.UnitCell(*cell).reciprocal().parameters[:3]
    u11, u22, u33, u12, u13, u23 = u
    tensor = ((u11, u12, u13), (u12, u22, u23), (u13, u23, u33))
    total = sum(tensor[i][j] * star[i] * star[j] * metric[i, j] for i in range(3) for j in range(3))
    return float(total / 3)


def _anisotropic(block: cif.Block) -> dict[str, tuple[float, float, float, float, float, float]]:
    """Return U11 U22 U33 U12 U13 U23 of the atoms whose anisotropic U (or B) is given and not zero."""
    found = {}
    for kind, factor in (("U", 1.0), ("B", U_FROM_B)):
        tags = ["label", *(f"{kind}_{ij}" for ij in ("11", "22", "33", "12", "13", "23"))]
        for row in block.find("_atom_site_aniso_", tags):
            values = [cif.as_number(row[k]) * factor for k in range(1, 7)]
            if all(math.isfinite(x) for x in values) and any(values):
                found[cif.as_string(row[0])] = cell_tuple(values)
    return found


def _stated_formula(block: cif.Block) -> dict[str, float]:
    text = _text(block, "_chemical_formula_sum")
    pairs = re.findall(r"([A-Z][a-z]?)\s*(\d*\.?\d*)", text)
    formula: dict[str, float] = {}
    for element, number in pairs:
        formula[element] = formula.get(element, 0.0) + (float(number) if number not in {"", "."} else 1.0)
    return formula


def _disagreement(content: dict[str, float], stated: dict[str, float]) -> float:
    """Return the largest difference between two compositions, as a fraction of all atoms."""
    total, whole = sum(content.values()), sum(stated.values())
    if not (total > 0 and whole > 0):
        return 1.0
    elements = set(content) | set(stated)
    return max(abs(content.get(e, 0.0) / total - stated.get(e, 0.0) / whole) for e in elements)


def _with_formula_checked(crystal: Crystal, block: cif.Block) -> Crystal:
    stated = _stated_formula(block)
    if not stated or _disagreement(crystal.content, stated) < FORMULA_TOLERANCE:
        return crystal
    message = (
        f"its atoms make {crystal.formula}, its _chemical_formula_sum says {_text(block, '_chemical_formula_sum')!r}"
    )
    remarks = (*crystal.remarks, Notice("formula_disagrees", message))
    return Crystal(
        name=crystal.name,
        cell=crystal.cell,
        symmetry=crystal.symmetry,
        sites=crystal.sites,
        source=crystal.source,
        remarks=remarks,
    )
