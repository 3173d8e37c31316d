"""Path states: models of the phases into which a published cathode turns on charge and discharge.

The review names these phases and gives neither their cells nor their sodium. Each keeps the metals of the phase that it
forms from and has the sodium content that is typical of its kind; all of it is CONSTRUCTED.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from layerox.builders.phase_recipes import Distorted, Layered, PhaseRecipe

# Sodium per MO2 (CONSTRUCTED, typical of the kind): most in octahedral galleries, least in P'3 and OP phases.
SODIUM: Mapping[str, float] = {
    "P'2": 0.667, "O3": 0.8, "O'3": 0.9, "P3": 0.6, "P'3": 0.45, "P''3": 0.333, "OP4": 0.333, "OP2": 0.4, "Z": 0.3,
}  # fmt: skip
# A P2 slab sequence leads to these by gliding or by distortion; the others form from O3, or else from P3.
FROM_P2 = ("P'2", "OP4", "Z")
MODELLED_AS = {"P''3": "P'3"}
Z_WORD = "Z:0.3"
FILE_NAMES = {"P''3": "Ppp3", "P'2": "Pp2", "P'3": "Pp3", "O'3": "Op3"}


def path_formula(phase: str, components: Mapping[str, str]) -> str:
    """Return the composition of a path state: the metals of its parent, and sodium after `SODIUM`.

    Parameters
    ----------
    phase
        Such as "OP4".
    components
        Pristine phase -> formula.
    """
    order = ("P2", "P3", "O3") if phase in FROM_P2 else ("O3", "P3", "P2")
    parent = next(components[name] for name in order if name in components)
    return re.sub(r"^Na[0-9./]*", f"Na{SODIUM[phase]:g}", parent)


def path_recipe(phase: str, formula: str) -> PhaseRecipe:
    """Return how a path state is built; a P''3, whose cell nobody has published, is a P'3 with a cell of its own."""
    kind = MODELLED_AS.get(phase, phase)
    if "'" in kind:
        return Distorted(phase=kind, formula=formula)
    return Layered(word=Z_WORD if kind == "Z" else kind, formula=formula)


def path_title(phase: str, formula: str, cathode: str) -> str:
    """Return the description of a path state."""
    kind = MODELLED_AS.get(phase)
    return f"{phase}{f', modelled as {kind}' if kind else ''} {formula}, on the path of {cathode}"
