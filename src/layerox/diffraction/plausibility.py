"""Plausibility: whether the data contradict a given profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerox.diffraction.minimum import Minimum
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.notices import Notice

# Parameters of a calibrated profile, and the share of chi-squared above which the profile is doubtful.
PROFILE = [f"instrument_{slot}" for slot in "uvwxy"]
DOUBTFUL = 0.1


def profile_warnings(run: StepwiseRefinement, strong: Sequence[Phase]) -> Iterator[Notice]:
    """Yield warnings if the data contradict a calibrated profile, which was fixed.

    Parameters
    ----------
    run
        The refinement at its minimum.
    strong
        The phases that are strong enough to determine widths.
    """
    minimum = run.minimum
    free = set(minimum.parameters.free_names)
    narrow = [phase.name for phase in strong if _is_at_zero_width(minimum, slot_name(phase, "inverse_size"))]
    if narrow:
        message = f"the peaks of {', '.join(narrow)} are no wider than the instrument's profile, or narrower"
        yield Notice("profile_too_wide", f"{message}: is it of this diffractometer?")
    profile = [name for name in PROFILE if name not in free and minimum.parameters.can_vary(name)]
    (gain,) = run.gains([profile])
    share = gain * max(minimum.reduced_chi_squared, 1.0) / minimum.chi_squared
    if share > DOUBTFUL:
        message = (
            f"another profile than the instrument's would lower chi-squared by about {100 * min(share, 0.99):.0f} %"
        )
        yield Notice("profile_doubtful", f"{message}: calibrate it anew, or leave it out")


def _is_at_zero_width(minimum: Minimum, name: str) -> bool:
    names = minimum.parameters.free_names
    return name in names and bool(minimum.at_bound[names.index(name)])
