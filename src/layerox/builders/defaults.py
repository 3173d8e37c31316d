"""Defaults: values of a distorted, spinel or tunnel phase that a request leaves open, taken from the library.

An entry of the same phase and composition gives its numbers; without one the builders estimate. Layered words are
completed in `build.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from layerox.builders.composition import Composition
from layerox.builders.distorted_layers import DistortedGeometry, parent_lengths
from layerox.builders.library import LIBRARY, LibraryEntry
from layerox.builders.phase_recipes import Distorted, Spinel, Tunnel, composition_from
from layerox.builders.request import PhaseRequest, largest_difference
from layerox.builders.spinel import SpinelGeometry
from layerox.builders.tunnel import TunnelGeometry
from layerox.crystal.asymmetric_unit import Crystal
from layerox.errors import InputError
from layerox.notices import Notice

SAME_COMPOSITION = 0.02


def distorted_from(request: PhaseRequest, default: LibraryEntry) -> Crystal:
    """Return the distorted crystal that a request describes; `default` is the library's entry of its phase."""
    request.check("distorted", default.phase)
    assert isinstance(default.recipe, Distorted)
    formula = default.recipe.formula if request.formula is None else request.formula
    composition = composition_from(formula)
    model = _model(default, lambda recipe: _apart(composition, recipe.composition))
    recipe = model.recipe if model else Distorted(phase=default.phase, formula=composition)
    sodium = request.sodium if request.sodium is not None else _same_sodium(recipe, composition) if model else {}
    geometry = _distorted_geometry(request, default.phase, recipe.geometry)
    made = replace(recipe, formula=composition, sodium=sodium, geometry=geometry)
    crystal = made.crystal(name=request.name, source=request.source(model.source if model else None))
    complete = model is not None or all(x is not None for x in (request.a, request.b, request.c))
    return crystal if complete else _estimated(crystal)


def spinel_from(request: PhaseRequest, default: LibraryEntry) -> Crystal:
    """Return the spinel that a request describes."""
    request.check("spinel", "a spinel")
    if isinstance(request.formula, Composition):
        raise InputError("a composition per MO2 for a spinel", cure="give its formula as a text: LiMn2O4")
    assert isinstance(default.recipe, Spinel)
    requested = Spinel(
        formula=request.formula or default.recipe.formula,
        inversion=request.inversion if request.inversion is not None else 0.0,
        tetrahedral=request.tetrahedral,
    )
    ions = requested.composition
    if request.inversion is None and request.tetrahedral is None:
        # No distribution is given: that of a model with the same ions is used.
        model = _model(
            default,
            lambda r: largest_difference([(ions.cations, r.composition.cations), (ions.anions, r.composition.anions)]),
        )
        requested = model.recipe if model else requested
    else:
        model = _model(
            default,
            lambda r: largest_difference(
                [(ions.tetrahedral, r.composition.tetrahedral), (ions.octahedral, r.composition.octahedral)]
            ),
        )
    known = model.recipe if model else None
    geometry = _spinel_geometry(request, known.geometry if known else SpinelGeometry())
    made = replace(requested, geometry=geometry, **({"factors": known.factors} if known else {}))
    crystal = made.crystal(name=request.name, source=request.source(model.source if model else None))
    return crystal if model or request.a is not None else _estimated(crystal)


def tunnel_from(request: PhaseRequest, default: LibraryEntry) -> Crystal:
    """Return the tunnel oxide that a request describes."""
    request.check("tunnel", "a tunnel oxide")
    assert isinstance(default.recipe, Tunnel)
    composition = composition_from(default.recipe.formula if request.formula is None else request.formula)
    model = _model(default, lambda recipe: _apart(composition, recipe.composition))
    known = model.recipe if model else None
    sodium: Any = request.sodium if request.sodium is not None else known.sodium if known else {}
    lengths = known.geometry if known else TunnelGeometry()
    edges = {name: _first(getattr(request, name), getattr(lengths, name)) for name in ("a", "b", "c")}
    made = Tunnel(
        formula=composition, geometry=TunnelGeometry(**edges), sodium=sodium, metals=request.metals or {}
    )  # fmt: skip
    return made.crystal(name=request.name, source=request.source((model or default).source))


def _model(default: LibraryEntry, distance: Any) -> Any:
    """Return the entry of the same phase whose composition is nearest, None when none is near."""
    candidates = [default, *(entry for entry in LIBRARY.values() if entry.phase == default.phase)]
    known = [entry for entry in candidates if type(entry.recipe) is type(default.recipe) and _has_cell(entry)]
    best = min(known, key=lambda entry: float(distance(entry.recipe)))
    return best if distance(best.recipe) <= SAME_COMPOSITION else None


def _has_cell(entry: LibraryEntry) -> bool:
    """Whether an entry has a cell of its own; models of cathodes do not."""
    return getattr(getattr(entry.recipe, "geometry", None), "a", None) is not None


def _apart(one: Composition, other: Composition) -> float:
    return largest_difference([(one.alkali, other.alkali), (one.metals, other.metals), (one.anions, other.anions)])


def _same_sodium(recipe: Distorted, composition: Composition) -> dict[str, Any]:
    """Return a recipe's sodium sites, scaled to a composition that differs by rounding."""
    theirs = recipe.composition.sodium
    scale = composition.sodium / theirs if theirs else 1.0
    return {site: x * scale for site, x in recipe.sodium.items() if not isinstance(x, Mapping)}


def _distorted_geometry(request: PhaseRequest, phase: str, known: DistortedGeometry) -> DistortedGeometry:
    """Return the model's geometry with the given values put in.

    With a distortion the parent of the model is distorted anew, and given a and c are the parent's.
    """
    galleries = _first(request.galleries, known.parent.galleries)
    own_slab = request.slab is not None or request.bond is not None or request.bonds is not None
    if request.distortion is not None:
        if request.b is not None or request.beta is not None:
            raise InputError(f"a distortion beside b or beta of {phase}", cure="give the parent's a and c only")
        parent = parent_lengths(phase, known)
        parent = replace(parent, slab=None, bond=None) if own_slab else parent
        parent = replace(
            parent,
            a=_first(request.a, parent.a),
            c=_first(request.c, parent.c),
            slab=_first(request.slab, parent.slab),
            bond=request.bond,
            galleries=galleries,
        )
        return DistortedGeometry(distortion=request.distortion, bonds=request.bonds, parent=parent)
    parent = replace(known.parent, slab=request.slab, bond=request.bond) if own_slab else known.parent
    return replace(
        known,
        a=_first(request.a, known.a),
        b=_first(request.b, known.b),
        c=_first(request.c, known.c),
        beta=_first(request.beta, known.beta),
        bonds=request.bonds if own_slab else known.bonds,
        apex=None if own_slab else known.apex,
        parent=replace(parent, galleries=galleries),
    )


def _spinel_geometry(request: PhaseRequest, known: SpinelGeometry) -> SpinelGeometry:
    """Return the model's geometry with the given values put in; a changed edge keeps u, not the anion's y, z."""
    if request.bond is not None:
        return SpinelGeometry(a=request.a, c=request.c, distortion=request.distortion, u=request.u, bond=request.bond)
    if request.c is not None or request.distortion is not None:
        edge = None if request.c is not None or known.c is not None else known.a
        return SpinelGeometry(
            a=_first(request.a, edge), c=request.c, distortion=request.distortion, u=_first(request.u, known.u)
        )
    if known.c is not None and request.a is not None:
        return SpinelGeometry(a=request.a, u=request.u)
    return replace(
        known, a=_first(request.a, known.a), u=_first(request.u, known.u), anion=None if request.u else known.anion
    )


def _first(given: Any, default: Any) -> Any:
    """Return the user's value if not None, else the library's; 0 is rejected later."""
    return default if given is None else given


def _estimated(crystal: Crystal) -> Crystal:
    lengths = " ".join(f"{name} = {x:.3f}" for name, x in zip("abc", crystal.cell[:3], strict=True))
    message = f"{lengths} A contain estimates from bond lengths, good to some 3 %"
    return replace(crystal, warnings=(*crystal.warnings, Notice("geometry_estimated", message)))
