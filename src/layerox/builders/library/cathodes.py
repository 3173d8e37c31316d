"""Cathodes: the sixteen published multiphase oxides of a review's table, and a model of each of their phases.

Formulas, phases, windows and paths are those of the table (LOOKED-UP in the review, with its slips corrected as
noted). No refined lattice parameters of any of them were found, so that every structure here is CONSTRUCTED: cells
from bond lengths, and the composition split by rule. P2 and P3 have the sodium of the whole where all phases are of
one kind and 2/3 beside an O3, which then has 0.9 or more; tunnels have 0.44 and spinels none; the metals are
those of the whole everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from layerox.builders.library.library_entry import LibraryEntry
from layerox.builders.library.path_states import FILE_NAMES, MODELLED_AS, path_formula, path_recipe, path_title
from layerox.builders.phase_recipes import Layered, PhaseRecipe, Spinel, Tunnel
from layerox.notices import Notice

TABLE = "table of multiphase sodium layered oxides in a review, looked up"
SPLIT = "formula, phases and path LOOKED-UP; composition of this phase and its structure CONSTRUCTED"
PATH_SPLIT = "phase of the path LOOKED-UP; its sodium content, composition and structure CONSTRUCTED"


@dataclass(frozen=True, kw_only=True)
class Cathode:
    """One published cathode.

    Attributes
    ----------
    name
        "C93" for reference 93 of the review.
    formula
        As published.
    fractions
        Phase fractions as published, "not found" otherwise.
    window
        Cut-off voltages, V against sodium.
    path
        Phases on charge and discharge, as the review writes it.
    notes
        Slips and conflicts.
    components
        Phase -> formula of its model.
    sodium
        Per metal of the whole, as its formula states it.
    path_phases
        Phases of the path that it does not hold before cycling.
    misprint
        What is misprinted in its formula and how it is read; empty if nothing is.
    """

    name: str
    formula: str
    fractions: str
    window: str
    path: str
    components: Mapping[str, str]
    sodium: float
    path_phases: tuple[str, ...] = field(default=())
    notes: str = ""
    misprint: str = ""

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases that it holds before cycling."""
        return tuple(self.components)

    @property
    def provenance(self) -> str:
        """Which of its values are looked up, and which constructed."""
        return SPLIT

    @property
    def entries(self) -> tuple[LibraryEntry, ...]:
        """The models of its phases: "C93_P2", "C93_O3"."""
        return tuple(
            LibraryEntry(
                name=f"{self.name}_{phase}",
                phase=phase,
                title=f"{phase} {formula} in {self.formula}",
                recipe=_recipe(phase, formula),
                provenance=SPLIT,
                reference=self._reference,
                notices=self._notices,
            )
            for phase, formula in self.components.items()
        )

    @property
    def path_entries(self) -> tuple[LibraryEntry, ...]:
        """Models of the phases that form on its path: "C93_P3", "C93_OP4"."""
        return tuple(self._path_entry(phase) for phase in self.path_phases)

    @property
    def all_entries(self) -> tuple[LibraryEntry, ...]:
        """Models of its phases before cycling, then those of its path."""
        return (*self.entries, *self.path_entries)

    def _path_entry(self, phase: str) -> LibraryEntry:
        formula = path_formula(phase, self.components)
        return LibraryEntry(
            name=f"{self.name}_{FILE_NAMES.get(phase, phase)}",
            phase=MODELLED_AS.get(phase, phase),
            title=path_title(phase, formula, self.formula),
            recipe=path_recipe(phase, formula),
            provenance=PATH_SPLIT,
            reference=self._reference,
            notices=self._notices,
        )

    @property
    def _reference(self) -> str:
        return f"reference {self.name[1:]} of the {TABLE}"

    @property
    def _notices(self) -> tuple[Notice, ...]:
        return (Notice("formula_misprinted", self.misprint),) if self.misprint else ()


def _recipe(phase: str, formula: str) -> PhaseRecipe:
    if phase == "spinel":
        return Spinel(formula=formula)
    if phase == "tunnel":
        return Tunnel(formula=formula)
    return Layered(word=phase, formula=formula)


CATHODES = (
    Cathode(
        name="C93",
        formula="Na0.85Ni0.34Mn0.33Ti0.33O2",
        fractions="24.8 wt% P2, 75.2 wt% O3",
        window="2.2-4.4",
        path="P2/O3 > P2/P3 > OP4/OP2 > P2/P3 > P2/O3",
        sodium=0.85,
        path_phases=("P3", "OP4", "OP2"),
        components={"P2": "Na2/3Ni0.34Mn0.33Ti0.33O2", "O3": "Na0.91Ni0.34Mn0.33Ti0.33O2"},
        notes="volume to 4.4 V: P2 8.7 %, O3 5.7 %; x(O3) = 0.91 from the mass balance if x(P2) = 2/3",
    ),
    Cathode(
        name="C94",
        formula="Na0.732Ni0.273Mg0.096Mn0.63O2",
        fractions="not found",
        window="2.0-4.3",
        path="P2/O3 > P2/O3/O'3 > P2/O3/O'3/OP4 > back",
        sodium=0.732,
        path_phases=("O'3", "OP4"),
        components={"P2": "Na2/3Ni0.273Mg0.096Mn0.63O2", "O3": "Na0.9Ni0.273Mg0.096Mn0.63O2"},
    ),
    Cathode(
        name="C65",
        formula="Na0.46Mn0.9Ni0.1O2",
        fractions="not found",
        window="1.8-4.0",
        path="P2/P3 throughout",
        sodium=0.46,
        components={"P2": "Na0.46Mn0.9Ni0.1O2", "P3": "Na0.46Mn0.9Ni0.1O2"},
    ),
    Cathode(
        name="C97",
        formula="Na0.44Mn0.7Co0.3O2",
        fractions="not found",
        window="1.5-4.3",
        path="P2/P3 > OP4 > P2/P3",
        sodium=0.44,
        path_phases=("OP4",),
        components={"P2": "Na0.44Mn0.7Co0.3O2", "P3": "Na0.44Mn0.7Co0.3O2"},
        notes="only the P2 part can reach OP4 by gliding",
    ),
    Cathode(
        name="C106",
        formula="Na0.5Ni0.05Co0.15Mn0.65Mg0.15O2",
        fractions="not found",
        window="1.5-4.3",
        path="table: P2/P3/S > P2/P3'/S; text: P2/P3''/spinel",
        sodium=0.5,
        path_phases=("P'3", "P''3"),
        components={
            "P2": "Na0.5Ni0.05Co0.15Mn0.65Mg0.15O2",
            "P3": "Na0.5Ni0.05Co0.15Mn0.65Mg0.15O2",
            "spinel": "Ni0.15Co0.45Mn1.95Mg0.45O4",
        },
        notes="table and text disagree, unresolved",
    ),
    Cathode(
        name="C107",
        formula="Na1/2Mn2/3Ni1/6Fe1/6O2",
        fractions="not found",
        window="1.5-4.0",
        path="S/P2/P3 > S/P2/O3 > S/Z > S/P2/O3 > S/P2/P3 > S/P2/O'3",
        sodium=0.5,
        path_phases=("O3", "Z", "O'3"),
        components={
            "P2": "Na1/2Mn2/3Ni1/6Fe1/6O2",
            "P3": "Na1/2Mn2/3Ni1/6Fe1/6O2",
            "spinel": "Mn2Ni0.5Fe0.5O4",
        },
        notes='"S1" in the table read as S; only the P2 part can reach Z by gliding',
    ),
    Cathode(
        name="C101",
        formula="Na0.44Mn0.8Mg0.2O2",
        fractions="not found",
        window="2.0-4.0",
        path="P2/S > P'2/S > P2/S",
        sodium=0.44,
        path_phases=("P'2",),
        components={"P2": "Na0.44Mn0.8Mg0.2O2", "spinel": "Mn2.4Mg0.6O4"},
    ),
    Cathode(
        name="C102",
        formula="Na0.6Mn0.93Fe0.04Mg0.03O2",
        fractions="not found",
        window="1.5-4.5",
        path="P2/T throughout",
        sodium=0.6,
        components={"P2": "Na0.6Mn0.93Fe0.04Mg0.03O2", "tunnel": "Na0.44Mn0.93Fe0.04Mg0.03O2"},
    ),
    Cathode(
        name="C110",
        formula="Na0.6MnO2",
        fractions="not found",
        window="2.0-4.0",
        path="P2/T > OP4/T > P2/T",
        sodium=0.6,
        path_phases=("OP4",),
        components={"P2": "Na0.6MnO2", "tunnel": "Na0.44MnO2"},
    ),
    Cathode(
        name="C111",
        formula="Na0.44Mn0.97Mo0.03O2",
        fractions="not found",
        window="2.0-4.0",
        path="P2/T",
        sodium=0.44,
        components={"P2": "Na0.44Mn0.97Mo0.03O2", "tunnel": "Na0.44Mn0.97Mo0.03O2"},
        notes="printed ...O in the table, O2 in the text",
        misprint="the table prints Na0.44Mn0.97Mo0.03O, with metals of charge 1.56: O2, as in the text, is taken",
    ),
    Cathode(
        name="C116",
        formula="Na0.89Ni0.3Mn0.55Cu0.1Ti0.05O1.94F0.06",
        fractions="not found",
        window="1.5-4.5",
        path="P2/P3/O3 > P2/P3 > OP2/OP4 > P2/P3 > P2/P3/O3",
        sodium=0.89,
        path_phases=("OP2", "OP4"),
        components={
            "P2": "Na2/3Ni0.3Mn0.55Cu0.1Ti0.05O1.94F0.06",
            "P3": "Na2/3Ni0.3Mn0.55Cu0.1Ti0.05O1.94F0.06",
            "O3": "Na0.9Ni0.3Mn0.55Cu0.1Ti0.05O1.94F0.06",
        },
    ),
    Cathode(
        name="C117",
        formula="Na0.98Ni0.3Cu0.1Ti0.05Mo0.05Mn0.5O2-dSd",
        fractions="not found",
        window="1.50-4.25",
        path="O3/P2/S > O3/P3/P2/S > P3/P2/S > OP2/P2/S > back",
        sodium=0.98,
        path_phases=("P3", "OP2"),
        components={
            "O3": "Na0.98Ni0.3Cu0.1Ti0.05Mo0.05Mn0.5O2",
            "spinel": "Na2MoO4",
            "P2": "Na2/3Ni0.3Cu0.1Ti0.05Mo0.05Mn0.5O2",
        },
        notes="the table prints O2, the text O2-dSd (d unknown: models without S); its spinel Na2MoS4 could not be "
        "confirmed by any source, Na2MoO4 stands in",
    ),
    Cathode(
        name="C121",
        formula="Na(Ni2/9Fe1/3Cu1/9Mn1/3)0.98Mn0.02O2",
        fractions="41.7 % P2 (basis not stated)",
        window="2.0-4.1",
        path="O3/P2 > P3/P2 > O3/P3/P2 > O3/P2",
        sodium=1.0,
        path_phases=("P3",),
        components={
            "O3": "Na(Ni2/9Fe1/3Cu1/9Mn1/3)0.98Mn0.02O2",
            "P2": "Na2/3(Ni2/9Fe1/3Cu1/9Mn1/3)0.98Mn0.02O2",
        },
        notes="the table prints 0.08 for 0.98; 41.7 % P2 at x = 2/3 beside O3 at x = 1 requires a mean of 0.86, not 1",
    ),
    Cathode(
        name="C122",
        formula="NaNi0.5Mn0.5O2 core, Na2/3MnO2 shell",
        fractions="5.2 mol% shell",
        window="2.0-4.0",
        path="O3/P2 > O'3/P2 > P3/P2 > O3'/P2 > P3/P2 > O'3/P2 > O3/P2",
        sodium=0.983,
        path_phases=("O'3", "P3", "P'3"),
        components={"O3": "NaNi0.5Mn0.5O2", "P2": "Na2/3MnO2"},
        notes="O3' at the top of charge is probably P'3; not provable",
    ),
    Cathode(
        name="C126",
        formula="Na2/3Mn8/9Ti1/9O2",
        fractions="not found",
        window="1.5-4.3",
        path="P2/T > OP4/T > P2/T",
        sodium=2 / 3,
        path_phases=("OP4",),
        components={"P2": "Na2/3Mn8/9Ti1/9O2", "tunnel": "Na0.44Mn8/9Ti1/9O2"},
    ),
    Cathode(
        name="C130",
        formula="Na2/3Ni1/3Mn1/3Ti1/3O2 with 5 % Na0.44MnO2",
        fractions="5 % tunnel (nominal)",
        window="2.5-4.15",
        path="P2/T > OP4/T > P2/T",
        sodium=0.655,
        path_phases=("OP4",),
        components={"P2": "Na2/3Ni1/3Mn1/3Ti1/3O2", "tunnel": "Na0.44MnO2"},
    ),
)
