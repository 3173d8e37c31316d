"""Recipe quantification: the table [quantification] of a recipe, converted into a `Quantification` for the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import gemmi

from layerox.builders.composition import amounts_of
from layerox.diffraction.absolute_fractions import ExternalStandard, InternalStandard, k_factor
from layerox.diffraction.quantification import Quantification
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError, nearest
from layerox.io.toml_file import line_of
from layerox.refined import Refined
from layerox.results.result_folder import load

if TYPE_CHECKING:
    from layerox.analysis.recipe_model import ExternalStandardModel, RecipeModel


def quantification_of(
    model: RecipeModel, phases: Sequence[str], place: str | Path, text: str, folder: Path
) -> Quantification:
    """Return the user's information on the specimen from a recipe.

    Parameters
    ----------
    model, place, text
        The recipe, its file, and the source text (for line numbers).
    phases
        Names of the recipe's phases, in its order.
    folder
        Folder of relative paths in the recipe.

    Raises
    ------
    InputError
        With file and line.
    """
    section = model.quantification
    here = line_of(place, text, ("quantification",))
    internal = section.internal_standard
    try:
        return Quantification(
            internal_standard=None if internal is None else InternalStandard(**internal.model_dump()),
            external_standard=_external(section.external_standard, folder),
            particle_sizes_um=_sizes(model, phases),
            packing=section.packing,
            particle_range_um=(section.particle_range_um[0], section.particle_range_um[1]),
            reference=section.reference,
        )
    except InputError as error:
        raise InputError(f"{error.place or ''} {error.problem}".strip(), place=here, cure=error.cure) from None


def _sizes(model: RecipeModel, phases: Sequence[str]) -> Mapping[str, float]:
    sizes = dict(model.quantification.particle_sizes_um)
    for name, row in zip(phases, model.phase, strict=True):
        if row.particle_size_um is not None:
            if name in sizes:
                raise InputError(f"two particle sizes of {name}", cure="leave one of them out")
            sizes[name] = row.particle_size_um
    return sizes


def _external(row: ExternalStandardModel | None, folder: Path) -> ExternalStandard | None:
    if row is None:
        return None
    if (row.k_factor is None) == (row.result is None):
        raise InputError("one of k_factor and result is needed", place="external_standard",
                         cure="give the result.json of a fit of the pure standard")  # fmt: skip
    constant, source = Refined(row.k_factor or 0.0, row.k_esd), "K factor as given"
    if row.result is not None:
        row.result = str((folder / row.result).resolve())
        constant, source = _from_result(row, load(row.result))
    return ExternalStandard(
        k_factor=float(constant),
        esd=constant.esd,
        mass_attenuation=row.mass_attenuation,
        composition=_masses(row.composition),
        source=source,
    )


def _from_result(row: ExternalStandardModel, result: Refinement) -> tuple[Refined, str]:
    """Return K and a description of its origin, from the fit of a standard."""
    phase = _standard(row, result)
    attenuation = row.standard_mass_attenuation or phase.mass_attenuation
    if attenuation is None or phase.scale_mass_volume is None or not phase.scale_mass_volume > 0:
        raise InputError(f"the fit lacks the scale or attenuation of {phase.name}", place="external_standard",
                         cure="fit the standard again")  # fmt: skip
    constant = k_factor(phase.scale_mass_volume, float(attenuation), row.weight_fraction, row.weight_esd)
    purity = "" if row.weight_fraction == 1 else f" ({100 * row.weight_fraction:g} wt% crystalline)"
    return constant, f"K from {phase.name}{purity} in {result.pattern.label or row.result}"


def _standard(row: ExternalStandardModel, result: Refinement) -> RefinedPhase:
    names = [phase.name for phase in result.phases]
    if row.phase is None and len(names) == 1:
        return result.phases[0]
    if row.phase not in names:
        raise InputError(f"phase {row.phase!r} is not in {row.result}", place="external_standard",
                         cure=nearest(row.phase or "", names))  # fmt: skip
    return result.phase(row.phase)


def _masses(composition: Mapping[str, float]) -> dict[str, float]:
    """Return the mass of each element in a mixture of compounds given in proportion by weight."""
    masses: dict[str, float] = {}
    for element, mass in _shares(composition):
        masses[element] = masses.get(element, 0.0) + mass
    return masses


def _shares(composition: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for formula, weight in composition.items():
        amounts = {e: float(n) * gemmi.Element(e).weight for e, n in amounts_of(formula)[0].items()}
        total = sum(amounts.values())
        yield from ((element, weight * mass / total) for element, mass in amounts.items())
