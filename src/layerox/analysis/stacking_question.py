"""Stacking question: whether the fit of ordered phases points to stacking disorder, and which stacking to try.

It warns; with `attempt` it also fits the disordered stacking in place of the phases and keeps the better model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.analysis.disordered_arguments import disordered_from, phase_from_contents
from layerox.analysis.layer_contents import LayerContent, layer_content
from layerox.builders import build_crystal
from layerox.crystal.asymmetric_unit import Crystal, cell_tuple
from layerox.diffraction.automatic_strategy import fit_automatically
from layerox.diffraction.cell_search import blurs_for, search_cells
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.disordered.signs import StackingSign, stacking_signs
from layerox.diffraction.disordered.stacking_search import scan_stackings, stacking_names
from layerox.diffraction.disordered.verdict import with_verdicts
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.parameters import position_names, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_plan import Plan
from layerox.diffraction.second_cell import CODE as SECOND_CELL
from layerox.diffraction.starting_values import set_linear
from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.stacking.disorder import parse_disorder
from layerox.symmetry import CELL_NAMES
from layerox.validation import identify_structure

CODE = "stacking_disorder"
# Signs that count: fall of chi-squared (over its reduced value), its share of the misfit, and intensity between lines.
GAIN, SHARE, BETWEEN = 50.0, 0.08, 8.0
# Gain from which a sign counts if a cell is fixed: that of a weak phase, which the data do not determine.
GAIN_WITH_FIXED_CELL = 150.0
# Share of the misfit that counts in a poor fit as well; the share from which stackings are compared in a better one.
STRONG_SHARE, FAINT_SHARE = 0.15, 0.015
# Reduced chi-squared from which stackings are compared by a grid, and the chi-squared of a grid that counts as better.
POOR, MUCH_BETTER = 6.0, 0.7
# Blur at which a grid is compared, and evaluations of the steps that follow.
COARSE_BLUR, FINE_BLUR, MOST_EVALUATIONS = 0.35, 0.12, 12
# Parameters that the ordinary fit has refined too, so that the comparison is one of models and not of initial values.
WIDTHS = ("inverse_size", "microstrain", "preferred_orientation")
# The kind of gallery with which a stacking of one kind is disordered, and the kinds of ordered stackings of two.
PARTNERS = {"P2": "O2", "O2": "P2", "O3": "P3", "P3": "O3"}
ORDERED_PAIRS = {frozenset(("P2", "O2")): "P2~O2", frozenset(("P3", "O3")): "P3~O3", frozenset(("P2", "O3")): "P2~O3"}


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A disordered stacking that may replace some phases of a fit."""

    phases: tuple[int, ...]
    stacking: DisorderedPhase


def question_stacking(
    outcome: Outcome,
    pattern: Pattern,
    instrument: Instrument,
    radiation: Radiation,
    plan: Plan,
    *,
    attempt: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Return an outcome with a warning if it points to stacking disorder.

    Parameters
    ----------
    outcome, pattern
        Of a fit, and its data.
    instrument, radiation, plan, progress
        As for the fit.
    attempt
        Whether the disordered stacking is fitted, and kept if it is coherent.
    """
    if any(isinstance(phase, DisorderedPhase) for phase in outcome.model.phases):
        return outcome
    if not attempt and any(notice.code == SECOND_CELL for notice in outcome.warnings):
        return outcome  # lines of two cells are broad in groups too
    data = Data(pattern.intensity, 1.0 / pattern.sigma)
    found = stacking_signs(outcome.model, data, outcome.minimum)
    staged = plan.strategy != "automatic"
    signs = [sign for sign in found if _is_supported(sign, outcome)]
    refined = [sign for sign in signs if _is_refined(sign, outcome, widths=staged)]
    signs = refined if staged else signs
    clear = [sign for sign in signs if _is_clear(sign) and (sign in refined or sign.gain > GAIN_WITH_FIXED_CELL)]
    # Weak signs, and clear ones in a poor fit, may be those of anything: then a stacking that fits much better counts.
    poor = outcome.minimum.reduced_chi_squared >= POOR
    faint = signs if poor else [sign for sign in signs if sign.gain > GAIN and sign.share > FAINT_SHARE]
    candidate = _candidate(outcome, clear)
    if candidate is None:
        clear, candidate = [], _candidate(outcome, faint)
    weak = not any(not poor or sign.share > STRONG_SHARE for sign in clear)
    if candidate is None or (weak and not _grid_is_better(outcome, data, candidate)):
        return outcome
    warned = _warned(outcome, candidate, clear)
    if not attempt:
        return warned
    return _attempted(warned, pattern, (instrument, radiation), plan, candidate, progress)


def _is_supported(sign: StackingSign, outcome: Outcome) -> bool:
    return all(outcome.model.phases[k].name not in outcome.unsupported for k in sign.phases)


def _is_refined(sign: StackingSign, outcome: Outcome, *, widths: bool) -> bool:
    """Whether mesh and stacking length of each phase are refined, with `widths` a width too.

    Wrong fixed values look like disorder. The automatic strategy fixes a cell that the data do not determine.
    """
    table = outcome.minimum.parameters
    free = {*table.free_names, *(table.names[k] for k in (*table.expressions, *table.ties))}
    names = [[slot_name(outcome.model.phases[k], slot) for slot in ("a", "c", *WIDTHS[:2])] for k in sign.phases]
    return all({a, c} <= free and (not widths or {size, strain} & free) for a, c, size, strain in names)


def _is_clear(sign: StackingSign) -> bool:
    return (sign.gain > GAIN and sign.share > SHARE) or (sign.between > BETWEEN and sign.gain > GAIN)


def _candidate(outcome: Outcome, signs: Sequence[StackingSign]) -> _Candidate | None:
    """Return the stacking to try: of the pair of phases with the clearest signs, else of one phase."""
    for sign in sorted(signs, key=lambda sign: (-len(sign.phases), -sign.gain)):
        found = _stacking_of([_refined_crystal(outcome, k) for k in sign.phases])
        if found is not None:
            own = (*sign.phases, *_contained(outcome, found, sign.phases))
            return _Candidate(own, _with_widths(found, outcome, sign.phases[0]))
    return None


def _contained(outcome: Outcome, stacking: DisorderedPhase, taken: Sequence[int]) -> list[int]:
    """Return further phases whose galleries are all of the kinds of a stacking, such as OP4 beside P2 and O2."""
    kinds = set(stacking.disorder.kinds)
    others = [k for k in range(len(outcome.model.phases)) if k not in taken and outcome.model.phases[k].is_weighed]
    return [k for k in others if (own := _characters(outcome.model.phases[k].crystal)) and own <= kinds]


def _characters(crystal: Crystal) -> frozenset[str]:
    """Return the kinds of galleries of a structure; none if it is not layered."""
    return frozenset(identify_structure(crystal).characters)


def _stacking_of(crystals: Sequence[Crystal]) -> DisorderedPhase | None:
    """Return the disordered stacking of two structures, or of one with its partner; None if there is none."""
    try:
        contents = [layer_content(crystal) for crystal in crystals]
    except InputError:
        return _of_ordered_pair(crystals)
    if len(contents) == 1:
        if contents[0].kind not in PARTNERS:
            return None
        contents.append(_partner(contents[0]))
    kinds = [content.kind for content in contents]
    if len(set(kinds)) < len(kinds):
        return None
    return phase_from_contents(parse_disorder("~".join(kinds)), contents, "~".join(kinds), "")


def _partner(content: LayerContent) -> LayerContent:
    return layer_content(build_crystal(PARTNERS[content.kind]))


def _of_ordered_pair(crystals: Sequence[Crystal]) -> DisorderedPhase | None:
    """Return the stacking of ordered phases with two kinds of galleries together, such as OP4, or P2 and OP4."""
    kinds = frozenset[str]().union(*map(_characters, crystals))
    if kinds not in ORDERED_PAIRS:
        return None
    found = disordered_from(ORDERED_PAIRS[kinds])
    a = crystals[0].cell[0]
    return replace(found, crystal=replace(found.crystal, cell=(a, a, *found.crystal.cell[2:])))


def _refined_crystal(outcome: Outcome, index: int) -> Crystal:
    """Return the crystal of a phase with its refined cell; with the given one if the fit is poor."""
    phase = outcome.model.phases[index]
    if outcome.minimum.reduced_chi_squared >= POOR:
        return phase.crystal
    value = outcome.minimum.parameters.value
    cell = cell_tuple(value(slot_name(phase, name)) for name in CELL_NAMES)
    return phase.crystal.with_cell(cell)


def _with_widths(stacking: DisorderedPhase, outcome: Outcome, index: int) -> DisorderedPhase:
    """Return a stacking with the size of a refined phase, not below what lamellae leave."""
    inverse = outcome.minimum.parameters.value(slot_name(outcome.model.phases[index], "inverse_size"))
    return replace(stacking, size_nm=max(1.0 / max(inverse, 1e-4), 60.0), microstrain=5e-4)


def _replaced(outcome: Outcome, candidate: _Candidate) -> list[Phase]:
    others = [phase for k, phase in enumerate(outcome.model.phases) if k not in candidate.phases]
    return [*others, candidate.stacking]


def _grid_is_better(outcome: Outcome, data: Data, candidate: _Candidate) -> bool:
    """Whether the best stacking of a grid fits much better after a few steps of its cell and stacking."""
    old = outcome.model
    model = Model(old.two_theta, _replaced(outcome, candidate), old.instrument, old.radiation,
                  background_terms=len(old.basis), tail=old.tail, extras=old.extras)  # fmt: skip
    table = parameters_of(model)
    for phase in model.phases[:-1]:
        for name in (slot_name(phase, slot) for slot in phase.slot_names):
            table.values[table.find(name)] = outcome.minimum.parameters.values[outcome.minimum.parameters.find(name)]
    table.free(name for name in model.names[: model.background_block.stop])
    best = scan_stackings(model, data, table, COARSE_BLUR)
    best = search_cells(model, data, best, blurs_for(model))
    best = scan_stackings(model, data, best, FINE_BLUR)
    set_linear(model, data, best)
    own = candidate.stacking
    widths = [slot_name(own, name) for name in WIDTHS]
    best.free([*(slot_name(p, "scale") for p in model.phases), *position_names(own), *stacking_names(own), *widths])
    found = minimise(model, data, best, tolerance=5.0, most_evaluations=MOST_EVALUATIONS)
    return found.chi_squared < MUCH_BETTER * outcome.minimum.chi_squared


def _warned(outcome: Outcome, candidate: _Candidate, clear: Sequence[StackingSign]) -> Outcome:
    names = " and ".join(outcome.model.phases[k].name for k in candidate.phases)
    signs = []
    if clear:
        best = max(clear, key=lambda sign: sign.gain)
        how = "are broader than the others" if best.broader else "have other widths or places than the others"
        signs.append(f"lines with h - k not a multiple of 3 {how}")
        if best.between > BETWEEN:
            signs.append("there is intensity between their 00l lines")
    else:
        signs.append("a disordered stacking fits much better after a few steps")
    message = f"{names}: {'; '.join(signs)}: try the phase {candidate.stacking.name} in place of {names}"
    weighed = [p for p in outcome.model.phases if p.is_weighed and p.name not in outcome.unsupported]
    doubt = ""
    if len(weighed) > 1:
        doubt = f"stacking disorder of {names} leaves the weight fractions in doubt: try {candidate.stacking.name}"
    return replace(outcome, warnings=(*outcome.warnings, Notice(CODE, message)), doubt=doubt)


def _attempted(
    outcome: Outcome,
    pattern: Pattern,
    setup: tuple[Instrument, Radiation],
    plan: Plan,
    candidate: _Candidate,
    progress: Callable[[str], None] | None,
) -> Outcome:
    """Fit the stacking in place of the phases; return it if it is coherent and fits better, else the given outcome."""
    try:
        found = fit_automatically(pattern, _replaced(outcome, candidate), *setup, plan, progress=progress)
    except InputError:  # the user's settings name a phase that it replaces
        return outcome
    found = with_verdicts(found, Data(pattern.intensity, 1.0 / pattern.sigma))
    verdict = found.verdicts.get(candidate.stacking.name)
    names = " and ".join(outcome.model.phases[k].name for k in candidate.phases)
    better = found.minimum.chi_squared < outcome.minimum.chi_squared
    if verdict is None or verdict.verdict != "coherent" or not better or not np.isfinite(found.minimum.chi_squared):
        why = "was not supported" if verdict is None else f"is {verdict.verdict}: {verdict.reason}"
        tried = Notice("stacking_tried", f"{candidate.stacking.name} was fitted in place of {names} and {why}")
        return replace(outcome, warnings=(*outcome.warnings, tried))
    tried = Notice("stacking_tried", f"{candidate.stacking.name} is fitted in place of {names}: {verdict.reason}")
    return replace(found, warnings=(*found.warnings, tried))
