"""Sodium: how many ions occupy which sites of each gallery, and when a gallery cannot hold them.

The two prisms of a P gallery are a / sqrt 3 apart, some 1.67 A, so that one column never fills both: together
they hold one ion per metal at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layerox.builders.composition import Amounts, Composition
from layerox.errors import InputError, nearest
from layerox.stacking import Word

# Share of a gallery's ions on each of its sites by default. Face to edge 3:5 is that of P2-Na2/3Ni1/3Mn2/3O2
# in `library.py` (a recalled, typical split).
DEFAULT_SHARE = {"face": 0.375, "edge": 0.625, "lower": 0.5, "upper": 0.5, "octahedral": 1.0}
AGREEMENT = 5e-3
ROUNDING = 1e-6

SiteContents = Mapping[str, float | Amounts]
Filling = Mapping[str, Amounts]


def filled(word: Word, composition: Composition, requested: SiteContents | None = None) -> tuple[Filling, ...]:
    """Return the ions on each site of each gallery: site name -> element -> occupancy.

    Parameters
    ----------
    word, composition
        What is built; the composition's gallery ions are per metal.
    requested
        Occupancies by site ("face", "edge", "lower", "upper", "octahedral"): a number distributes the formula's ions, a
        mapping names them ({"octahedral": {"Li": 0.8}}). Galleries with sites left open get equal contents.

    Raises
    ------
    InputError
        If a gallery cannot hold its ions, or the requested contents contradict the formula.
    """
    sites = [tuple(name for name, _ in gallery.sites) for gallery in word.galleries]
    wanted = _wanted(requested or {}, sites, word)
    occupancies = _occupancies(sites, wanted, composition)
    for gallery, total in zip(word.galleries, occupancies, strict=True):
        _check(gallery.character, total)
    named = {site: value for site, value in (requested or {}).items() if isinstance(value, Mapping)}
    mixture = _mixture(occupancies, named, composition)
    return tuple(
        {
            site: dict(named[site]) if site in named else {element: x * share for element, share in mixture.items()}
            for site, x in total.items()
        }
        for total in occupancies
    )


def contents(filling: Filling) -> dict[str, float]:
    """Return the ions of one gallery, whatever their sites."""
    total: dict[str, float] = {}
    for ions in filling.values():
        for element, x in ions.items():
            total[element] = total.get(element, 0.0) + x
    return total


def _wanted(requested: SiteContents, sites: Sequence[tuple[str, ...]], word: Word) -> dict[str, float]:
    present = sorted({name for names in sites for name in names})
    wanted: dict[str, float] = {}
    for name, value in requested.items():
        if name not in present:
            raise InputError(f"no gallery of {word} has a site {name!r}", cure=nearest(name, present))
        wanted[name] = sum(value.values()) if isinstance(value, Mapping) else float(value)
        if not 0 <= wanted[name] <= 1:
            raise InputError(f"an occupancy of {wanted[name]:g} on the {name} site", cure="give 0 to 1")
    return wanted


def _occupancies(
    sites: Sequence[tuple[str, ...]], wanted: Mapping[str, float], composition: Composition
) -> list[dict[str, float]]:
    fixed = [sum(wanted.get(name, 0.0) for name in names) for names in sites]
    is_open = [any(name not in wanted for name in names) for names in sites]
    missing = composition.sodium * len(sites) - sum(fixed)
    if not any(is_open):
        if abs(missing) > AGREEMENT * len(sites):
            raise InputError(f"the sites hold {sum(fixed) / len(sites):.4g} ions per metal, the formula has "
                             f"{composition.sodium:.4g}", cure="make them agree, or leave one site open")  # fmt: skip
        return [{name: wanted[name] for name in names} for names in sites]
    level = (missing + sum(x for x, free in zip(fixed, is_open, strict=True) if free)) / sum(is_open)
    return [_shared(names, wanted, level) for names in sites]


def _shared(names: tuple[str, ...], wanted: Mapping[str, float], level: float) -> dict[str, float]:
    """Fill the open sites of a gallery until it holds `level` ions."""
    free = [name for name in names if name not in wanted]
    rest = level - sum(wanted.get(name, 0.0) for name in names)
    if free and rest < -AGREEMENT:
        requested = ", ".join(f"{name} {x:g}" for name, x in wanted.items())
        raise InputError(f"{requested}: more ions than the formula has", cure="lower the occupancies")
    whole = sum(DEFAULT_SHARE[name] for name in free)
    return {name: wanted[name] if name in wanted else max(rest, 0.0) * DEFAULT_SHARE[name] / whole for name in names}


def _check(character: str, occupancy: Mapping[str, float]) -> None:
    total = sum(occupancy.values())
    if total > 1 + ROUNDING:
        why = " (its two sites are too close for both)" if len(occupancy) > 1 else ""
        raise InputError(f"a {character} gallery holds one ion per metal at most{why}, not {total:.4g}",
                         cure="lower the sodium content")  # fmt: skip


def _mixture(
    occupancies: Sequence[Mapping[str, float]], named: Mapping[str, Amounts], composition: Composition
) -> dict[str, float]:
    """Return the shares of the elements on sites whose ions are not given."""
    left = {element: x * len(occupancies) for element, x in composition.alkali.items()}
    for occupancy in occupancies:
        for site in occupancy:
            for element, x in named.get(site, {}).items():
                left[element] = left.get(element, 0.0) - x
    short = [element for element, x in left.items() if x < -AGREEMENT * len(occupancies)]
    if short:
        raise InputError(f"the named sites hold more {short[0]} than the formula", cure="lower their occupancy")
    total = sum(max(x, 0.0) for x in left.values())
    return {element: max(x, 0.0) / total for element, x in left.items() if x > 0} if total else {}
