"""Steps of the automatic strategy that free texture and the widths of phases."""

from __future__ import annotations

from collections.abc import Sequence

from layerox.diffraction.anisotropic_broadening import FAULTS, FLATNESS
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE
from layerox.diffraction.strategy_state import StrategyState

# Fall of chi-squared, as a share of it, for which harmonics of a texture beyond the second order are refined.
CLEAR_ORDER = 0.02


def refine_texture(state: StrategyState) -> None:
    """Free the March coefficients of strong phases, and harmonics if a score test supports them."""
    state.run.refine("texture", textures(state, state.strong()))
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


def textures(state: StrategyState, phases: Sequence[Phase]) -> list[str]:
    """Return the March coefficient of each of some phases that may have one and has no harmonics."""
    chosen = [phase for phase in state.oriented() if phase in phases and not phase.harmonic_order]
    return state.names("preferred_orientation", phases=chosen)


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


def refine_all_widths_and_textures(state: StrategyState) -> None:
    """Free all sizes, microstrains and textures: their uncertainty is part of that of the fractions."""
    harmonics = [name for group in harmonic_groups(state, 2) for name in group]
    widths = state.names("inverse_size", "microstrain")
    state.run.refine("all widths and textures", [*widths, *textures(state, state.phases), *harmonics])
