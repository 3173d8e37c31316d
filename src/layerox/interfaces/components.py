"""Components: each phase of a request taken apart into what an interface needs, by the kind of phase that it is.

The builders make the phase alone and free of strain; nothing is invented here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from layerox.builders import LIBRARY, phase_name
from layerox.builders.distorted import PARENTS
from layerox.elasticity import Stiffness
from layerox.interfaces.distorted_component import distorted_component
from layerox.interfaces.layered_component import layered_component
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.request import InterfaceRequest
from layerox.interfaces.spinel_component import spinel_component

DEFAULT_Z_FRACTION = 0.3


def components_of(request: InterfaceRequest, numbers: Sequence[int]) -> list[PhaseComponent]:
    """Return the components of a request's phases; phases of one name that differ get numbered labels."""
    descriptions = [(request.names[k], request.formula(k)) for k in numbers]
    made = {
        described: phase_component(*described, stiffness=request.tensor(k))
        for k, described in zip(numbers, descriptions, strict=True)
    }
    labelled: list[PhaseComponent] = []
    for described in descriptions:
        labelled.append(_numbered(made[described], labelled))
    return labelled


def _numbered(part: PhaseComponent, before: Sequence[PhaseComponent]) -> PhaseComponent:
    alike = [other for other in before if other.label.partition("#")[0] == part.label]
    same = next((other for other in alike if replace(other, label=part.label) == part), None)
    if same is not None:
        return same
    return replace(part, label=f"{part.label}#{len({other.label for other in alike}) + 1}") if alike else part


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
