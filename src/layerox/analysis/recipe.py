"""Recipe: the settings of a refinement from a file: phases, fixed and free parameters, bounds, constraints, stages.

The settings are converted into a `Plan`; the recipe with all defaults is part of the result. The keys are defined in
`recipe_model`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.analysis.phase_arguments import phases_from
from layerox.analysis.recipe_plan import plan_of, strategy_of
from layerox.analysis.recipe_quantification import quantification_of
from layerox.diffraction.background import MeasuredBackground
from layerox.diffraction.blank_smoothing import smoothed
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_plan import NO_PLAN, Plan
from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.io import read_instrument, read_pattern
from layerox.io.file_contents import is_file
from layerox.io.instrument_toml import instrument_from_model
from layerox.io.toml_file import line_of, read_table, validated
from layerox.public import public

if TYPE_CHECKING:
    from layerox.analysis.recipe_model import (
        RecipeModel,
        RecipePhaseModel,
        RecipeTextureModel,
    )
    from layerox.electrochemistry.recipe_settings import ElectrochemistryModel

MOST_BACKGROUND_TERMS = 40


@dataclass(frozen=True, kw_only=True)
class ParametricRequest:
    """Settings for a finished series: forms by quantity, the axis, and its interval (None: not stated)."""

    functions: Mapping[str, str | list[str]] = field(default_factory=dict)
    axis: str | None = None
    between: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """The settings of a recipe.

    Attributes
    ----------
    range, exclude
        Range of angles and excluded regions, degrees.
    instrument
        None if it is not stated.
    phases
        With their initial values; empty if they are given elsewhere.
    plan
        The settings of the parameters, and the strategy.
    electrochemistry
        The log of a series and its clocks; None if it is not stated.
    parametric
        Settings for a finished series.
    document
        The recipe with all defaults, as plain data.
    """

    range: tuple[float, float] | None = None
    exclude: tuple[tuple[float, float], ...] = ()
    instrument: Instrument | None = None
    phases: tuple[Phase, ...] = ()
    plan: Plan = NO_PLAN
    electrochemistry: ElectrochemistryModel | None = None
    parametric: ParametricRequest = field(default_factory=ParametricRequest)
    document: Mapping[str, object]


# A `Recipe`, the path of a recipe.toml, or a table of its keys.
RecipeArgument = Recipe | str | PathLike[str] | Mapping[str, Any]


def recipe_from(recipe: RecipeArgument | None) -> Recipe | None:
    """Return the recipe of an argument, None for None; pydantic is loaded only for a recipe."""
    return recipe if recipe is None or isinstance(recipe, Recipe) else read_recipe(recipe)


@public
def read_recipe(recipe: str | PathLike[str] | Mapping[str, Any]) -> Recipe:
    """Return the recipe of a file, or of a table such as a parsed one.

    Raises
    ------
    InputError
        With file and line: an unknown key (and the nearest known one), a value of the wrong kind, a phase that cannot
        be read.
    """
    from layerox.analysis.recipe_model import RecipeModel  # noqa: PLC0415  (pydantic takes 30 ms that most commands do not need)

    if isinstance(recipe, Mapping):
        return _recipe(validated(RecipeModel, recipe, "recipe"), "recipe", "", Path())
    if not isinstance(recipe, (str, PathLike)):
        raise InputError(f"a {type(recipe).__name__} is not a recipe", argument="recipe", cure="give a file or a table")
    path = Path(recipe)
    table, text = read_table(path)
    return _recipe(validated(RecipeModel, table, path, text), path, text, path.parent)


def recipe_with_options(
    recipe: str | PathLike[str] | None,
    *,
    exclude: Iterable[tuple[float, float]] = (),
    background: int | None = None,
    fix: Iterable[str] = (),
    free: Iterable[str] = (),
    blank: str | None = None,
) -> Recipe | None:
    """Return a recipe with single settings of a command line added, None if there is neither a recipe nor a setting.

    Parameters
    ----------
    recipe
        The path of a recipe.toml, or None.
    exclude
        Further excluded regions, degrees.
    background
        Number of Chebyshev terms.
    fix, free
        Names or wildcards of parameters that are fixed or refined; they override the recipe.
    blank
        File of a measured blank, whose scaled pattern is part of the background.

    Raises
    ------
    InputError
        As `read_recipe`, and if a parameter is both fixed and freed.
    """
    listed, fixed, freed = [*exclude], [*fix], [*free]
    if not (listed or fixed or freed or background is not None or blank is not None):
        return recipe_from(recipe)
    from layerox.analysis.recipe_model import RecipeModel  # noqa: PLC0415  (pydantic takes 30 ms that most fits do not need)

    if both := set(fixed) & set(freed):
        raise InputError(f"{min(both)} is both fixed and freed", argument="fix", cure="give it once")
    path = None if recipe is None else Path(recipe)
    table, text = read_table(path) if path is not None else ({}, "")
    place: str | Path = "recipe" if path is None else path
    model = validated(RecipeModel, table, place, text)
    model.pattern.exclude = [*model.pattern.exclude, *([low, high] for low, high in listed)]
    if background is not None:
        model.background.terms = _checked_terms(background)
    if blank is not None:
        model.background.blank = str(Path(blank).resolve())
    _set_vary(model, fixed, freed)
    return _recipe(model, place, text, Path() if path is None else path.parent)


def _checked_terms(terms: int) -> int:
    if not 1 <= terms <= MOST_BACKGROUND_TERMS:
        cure = f"give 1 to {MOST_BACKGROUND_TERMS}"
        raise InputError(f"{terms} background terms", argument="background", cure=cure)
    return terms


def _set_vary(model: RecipeModel, fixed: Iterable[str], freed: Iterable[str]) -> None:
    """Fix and free parameters of a recipe, with the values that it has for them."""
    from layerox.analysis.recipe_model import RecipeParameterModel  # noqa: PLC0415

    for names, vary in ((fixed, False), (freed, True)):
        for name in names:
            known = model.parameters.get(name)
            row = RecipeParameterModel(value=known) if isinstance(known, float) else known or RecipeParameterModel()
            model.parameters[name] = row.model_copy(update={"vary": vary})


def _recipe(model: RecipeModel, place: str | Path, text: str, folder: Path) -> Recipe:
    phases = [_phase(row, k, place, text, folder) for k, row in enumerate(model.phase)]
    quantification = quantification_of(model, [phase.name for phase in phases], place, text, folder)
    model.strategy.name = strategy_of(model, place, text)
    _resolve_log_paths(model, folder)
    blank = _blank(model, folder)
    return Recipe(
        range=_pair(model.pattern.range) if model.pattern.range else None,
        exclude=tuple(_excluded(model, place, text)),
        instrument=_instrument(model, place, text, folder),
        phases=tuple(phases_from(phases)) if phases else (),
        plan=replace(plan_of(model, phases, place, text), quantification=quantification, blank=blank),
        electrochemistry=model.electrochemistry,
        parametric=ParametricRequest(
            functions=model.parametric.functions,
            axis=model.parametric.axis,
            between=_pair(model.parametric.between) if model.parametric.between else None,
        ),
        document=model.model_dump(mode="json"),
    )


def _excluded(model: RecipeModel, place: str | Path, text: str) -> Iterable[tuple[float, float]]:
    for region in model.pattern.exclude:
        low, high = _pair(region)
        if not low < high:
            where = line_of(place, text, ("pattern", "exclude"))
            raise InputError(
                f"[pattern] exclude: {low:g} to {high:g}", place=where, cure="give the smaller angle first"
            )
        yield low, high


def _pair(values: list[float]) -> tuple[float, float]:
    return values[0], values[1]


def _instrument(model: RecipeModel, place: str | Path, text: str, folder: Path) -> Instrument | None:
    row = model.instrument
    parts = ("radiation", "geometry", "profile", "position")
    own = [name for name in parts if getattr(row, name) != type(row).model_fields[name].default]
    if row.file is None:
        return instrument_from_model(row, place, text, ("instrument",)) if own else None
    if own:
        raise InputError(f"[instrument] file together with {', '.join(own)}",
                         place=line_of(place, text, ("instrument", "file")), cure="keep one of them")  # fmt: skip
    row.file = str((folder / row.file).resolve())
    return read_instrument(row.file)


def _resolve_log_paths(model: RecipeModel, folder: Path) -> None:
    """Replace the files of a cycler by absolute paths: they are relative to the recipe, not to the result."""
    if model.electrochemistry is not None:
        model.electrochemistry.file = [str((folder / name).resolve()) for name in model.electrochemistry.files]


def _blank(model: RecipeModel, folder: Path) -> MeasuredBackground | None:
    """Return the measured blank of a recipe; its file is relative to the recipe, not to the result."""
    if model.background.blank is None:
        return None
    path = (folder / model.background.blank).resolve()
    model.background.blank = str(path)
    pattern = read_pattern(path)
    return MeasuredBackground(two_theta=pattern.two_theta, intensity=smoothed(pattern.intensity), place=str(path))


def _phase(row: RecipePhaseModel, index: int, place: str | Path, text: str, folder: Path) -> Phase:
    """Return a phase with its initial values; a file is relative to the recipe."""
    given, beside = row.structure, folder / row.structure
    if is_file(beside):
        row.structure = str(beside.resolve())  # the result with the recipe may be in another folder
    try:
        (phase,) = phases_from([row.structure if row.name is None else (row.name, row.structure)])
    except InputError as error:
        blamed = line_of(place, text, ("phase", index, "structure"))
        raise InputError(f"structure {given!r}: {error.problem}", place=blamed, cure=error.cure) from None
    row.name = phase.name
    phase = replace(phase, mode=row.mode, hardware=row.hardware)
    if row.size is not None:
        phase = replace(phase, size_nm=row.size)
    if row.microstrain is not None:
        phase = replace(phase, microstrain=row.microstrain)
    with _blaming(place, text, index, "anisotropic"):
        phase = _with_anisotropy(phase, row)
    with _blaming(place, text, index, "preferred_orientation"):
        return _with_texture(phase, row.preferred_orientation)


@contextmanager
def _blaming(place: str | Path, text: str, index: int, key: str) -> Iterator[None]:
    """Add the line of a key of a phase to an error raised in the block."""
    try:
        yield
    except InputError as error:
        raise InputError(error.problem, place=line_of(place, text, ("phase", index, key)), cure=error.cure) from None


def _with_texture(phase: Phase, texture: float | RecipeTextureModel | None) -> Phase:
    if isinstance(texture, float):
        return replace(phase, preferred_orientation=texture)
    if texture is None:
        return phase
    axis = None if texture.axis is None else (texture.axis[0], texture.axis[1], texture.axis[2])
    return replace(phase, preferred_orientation=texture.r, texture_axis=axis, harmonic_order=texture.harmonics)


def _with_anisotropy(phase: Phase, row: RecipePhaseModel) -> Phase:
    """Return the phase with the parameters of anisotropic size and strain, at the values of isotropic ones."""
    found = replace(
        phase,
        flatness=1.0 if "size" in row.anisotropic else None,
        fault_distance_nm=math.inf if "faults" in row.anisotropic else None,
        strain_terms=() if "strain" in row.anisotropic else None,
    )
    found.check_corrections()
    return found
