"""Steps of the automatic strategy that free texture and the widths of phases."""

from __future__ import annotations

from layerox.diffraction.anisotropic_broadening import FAULTS, FLATNESS
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE
from layerox.diffraction.strategy_state import StrategyState

# Fall of chi-squared, as a share of it, for which harmonics of a texture beyond the second order are refined.
CLEAR_ORDER = 0.02
# A March coefficient with a smaller standard uncertainty is refined: powders of platelets often have 0.8 to 1.0.
WORST_TEXTURE_ESD = 0.1
# The same for a microstrain, and for the width due to size, relative to itself.
WORST_STRAIN_ESD, WORST_SIZE_ESD = 2e-3, 0.5


def refine_texture(state: StrategyState) -> None:
    """Free March coefficients and harmonics if a score test supports them."""
    state.attempt_promising("texture", texture_groups(state))
    refine_harmonics(state)


def refine_harmonics(state: StrategyState) -> None:
    """Free harmonics order by order if the score test supports them; from order 4 on the fall must be clear.

    With other misfit, chi-squared falls a little for any few intensities that are free.
    """
    for order in range(2, max((phase.harmonic_order for phase in state.phases), default=0) + 1, 2):
        minimum = state.run.minimum
        clear = CLEAR_ORDER * minimum.chi_squared / max(minimum.reduced_chi_squared, 1.0) if order > 2 else 0.0
        groups = harmonic_groups(state, order)
        gains = state.run.gains(groups) if groups else []
        rows = zip(groups, gains, strict=True)
        chosen = [group for group, gain in rows if gain > max(clear, GAIN_PER_VARIABLE * len(group))]
        if chosen:
            state.run.attempt(f"texture of order {order}", [name for group in chosen for name in group])


def texture_groups(state: StrategyState) -> list[list[str]]:
    """Return the March coefficient of each phase that may have one and has no harmonics."""
    phases = [phase for phase in state.oriented() if not phase.harmonic_order]
    return [state.names("preferred_orientation", phases=[phase]) for phase in phases]


def harmonic_groups(state: StrategyState, order: int) -> list[list[str]]:
    """Return the coefficients of one order of each phase, if they are fixed and all lower ones are refined."""
    known, groups = set(state.run.parameters.free_names), []
    for phase in state.phases:
        orders = {name: int(name.split("_")[-2]) for name in state.names(*phase.harmonic_slots, phases=[phase])}
        own = [name for name, its in orders.items() if its == order]
        if own and {name for name, its in orders.items() if its < order} <= known and not known & set(own):
            groups.append(own)
    return groups


def refine_anisotropic_broadening(state: StrategyState) -> None:
    """Free platelets and faults of phases that have them if the score test supports them, with strain terms."""
    terms = [name for phase in state.strong() for name in state.names(*phase.strain_slots, phases=[phase])]
    groups = size_groups(state)
    gains = state.run.gains(groups) if groups else []
    chosen = [group for group, gain in zip(groups, gains, strict=True) if gain > GAIN_PER_VARIABLE]
    names = [*terms, *(name for group in chosen for name in group)]
    if names and not state.run.attempt("anisotropic broadening", names) and terms:
        state.run.refine("anisotropic microstrain", terms)


def size_groups(state: StrategyState) -> list[list[str]]:
    """Return the shape of platelets and the faults of each phase that has them."""
    forms = (FLATNESS, FAULTS)
    slots = [(phase, slot) for phase in state.strong() for slot in phase.broadening_slots if slot in forms]
    return [state.names(slot, phases=[phase]) for phase, slot in slots]


def free_determined_widths_and_textures(state: StrategyState) -> None:
    """Free all widths and textures that the data determine, even if chi-squared hardly falls.

    A March coefficient that is fixed at 1 because 1.02 fits hardly better shifts the fractions by several standard
    uncertainties, and so does a guessed width: their uncertainty is part of that of the fractions.
    """
    value = state.run.parameters.value
    sizes = {name: WORST_SIZE_ESD * value(name) for name in state.names("inverse_size")}
    textures = dict.fromkeys(state.names("preferred_orientation", phases=state.oriented()), WORST_TEXTURE_ESD)
    textures |= {name: WORST_TEXTURE_ESD for group in harmonic_groups(state, 2) for name in group}
    strains = dict.fromkeys(state.names("microstrain"), WORST_STRAIN_ESD)
    for worst in (sizes, textures, strains):
        held = [name for name in worst if name not in state.run.parameters.free_names]
        esds = state.run.predicted_esds(held)
        known = [name for name, esd in zip(held, esds, strict=True) if esd < worst[name]]
        if known:
            state.run.free_within_bounds("what the data determine", known)
