"""Parts: which way a phase is taken apart, by what it is.

The phase is built by the builders as it stands alone, free of strain; nothing is invented here.
"""

from __future__ import annotations

from layerox.builders import LIBRARY, phase_name
from layerox.builders.distorted import PARENTS
from layerox.elasticity import Stiffness
from layerox.interfaces.distorted_component import distorted_component
from layerox.interfaces.layered_component import layered_component
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.spinel_component import spinel_component

DEFAULT_Z_FRACTION = 0.3


def phase_component(phase: str, formula: str | None = None, *, stiffness: Stiffness | None = None) -> PhaseComponent:
    """Return a phase taken apart.

    Parameters
    ----------
    phase
        A polytype, a Z, P'2, P'3, O'3, a spinel, or an entry of the library.
    formula
        Composition; the library's when not given.
    stiffness
        Elastic tensor on the crystal's own axes (see `elasticity.stiffness`); a constructed one when not given.

    Raises
    ------
    InputError
        If the phase is unknown or no single stacking of layers.
    """
    name = phase_name(phase)
    if name == "Z":
        name = f"Z:{DEFAULT_Z_FRACTION}"
    entry = LIBRARY.get(name)
    if entry is not None and entry.phase == "spinel":
        return spinel_component(name, formula, stiffness)
    if entry is not None and entry.phase in PARENTS:
        return distorted_component(name, formula, stiffness)
    return layered_component(name, formula, stiffness)
