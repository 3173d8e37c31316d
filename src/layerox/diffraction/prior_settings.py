"""Prior settings: the user's changes to the priors of a refinement; the priors themselves are in `priors`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PriorSetting:
    """Another prior of a quantity; `value` None leaves the value of the structure.

    `esd` is in the unit of the quantity, or that of its logarithm if `is_relative`.
    """

    esd: float
    value: float | None = None
    is_relative: bool = False
    provenance: str = "recipe"


# By name or pattern; None switches the prior off: the automatic strategy does not refine the quantity, and it is exact.
PriorSettings = Mapping[str, PriorSetting | None]
NO_SETTINGS: PriorSettings = {}
