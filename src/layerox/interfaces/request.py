"""Request: the arguments of `interface`, checked as far as possible without a structure; nothing is built here.

Arguments that do not apply to the requested kind of cell are refused rather than ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from layerox.builders import LIBRARY, phase_name
from layerox.builders.request import PhaseOptions
from layerox.elasticity import Stiffness
from layerox.errors import InputError, nearest

MOST_PHASES = 4
MOST_SLABS = 2000
DEFAULT_BOUNDARY, DEFAULT_FACES, DEFAULT_REGISTRY = "lower", "full", 0
ONE_CELL = (1, 1, 1)
AUTO = "auto"
CELL_OPTIONS = ("a", "b", "c", "beta")


def phase_options(formula: str | None, cell: Mapping[str, float]) -> PhaseOptions:
    """Return a composition and a cell as the options of a builder."""
    return PhaseOptions(formula=formula, a=cell.get("a"), b=cell.get("b"), c=cell.get("c"), beta=cell.get("beta"))


@dataclass(frozen=True, kw_only=True)
class InterfaceRequest:
    """A checked request; the fields are the arguments of `interface`."""

    names: tuple[str, ...]
    slabs: Sequence[int] | None
    formulas: Sequence[str | None] | None
    strain: str
    boundary: str | float
    faces: str
    registry: int
    cells: Mapping[str, Mapping[str, float]]
    elastic: Mapping[str, Stiffness]
    supercell: tuple[int, ...]
    in_plane: Sequence[int] | str | None
    core_shell: Sequence[float] | None
    aspect: float
    seed: int

    def __post_init__(self) -> None:
        if not all(self.names):
            raise InputError("a phase without a name", place=self.place, cure="write P2/O3")
        if not 2 <= len(self.names) <= MOST_PHASES:
            raise InputError(f"{len(self.names)} phases make no interface", place=self.place,
                             cure=f"give two to {MOST_PHASES}, such as P2/O3")  # fmt: skip
        self._check_slabs()
        if self.formulas is not None and len(self.formulas) not in {1, len(self.names)}:
            raise InputError(f"{len(self.formulas)} formulas for {len(self.names)} phases", argument="formulas",
                             cure="give one for all, or one for each")  # fmt: skip
        self._check_names("elastic", "stiffness", self.elastic)
        self._check_names("cells", "cell", self.cells)
        for name in (name for cell in self.cells.values() for name in cell if name not in CELL_OPTIONS):
            raise InputError(f"unknown quantity {name!r}", argument="cells", cure=nearest(name, CELL_OPTIONS))

    def _check_names(self, argument: str, what: str, given: Iterable[str]) -> None:
        known = {phase_name(name) for name in self.names}
        for name in given:
            if phase_name(name) not in known:
                raise InputError(f"{what} of {name}, which is none of the phases", argument=argument,
                                 cure=nearest(name, self.names))  # fmt: skip

    def _check_slabs(self) -> None:
        if self.slabs is None:
            return
        if len(self.slabs) != len(self.names) or any(int(n) != n or n < 1 for n in self.slabs):
            raise InputError(f"slab numbers {' '.join(map(str, self.slabs))} for {len(self.names)} phases",
                             argument="slabs", cure="give one positive number for each phase")  # fmt: skip
        if sum(self.slabs) > MOST_SLABS:
            raise InputError(
                f"{sum(self.slabs)} slabs in one cell", argument="slabs", cure=f"take {MOST_SLABS} at most"
            )

    @property
    def numbers(self) -> range:
        """Of the phases, from 0."""
        return range(len(self.names))

    @property
    def place(self) -> str:
        """The phases as an error names them."""
        return "/".join(self.names)

    def formula(self, number: int) -> str | None:
        """Return the formula given for a phase, None for the library's."""
        return None if self.formulas is None else self.formulas[number % len(self.formulas)]

    def cell(self, number: int) -> Mapping[str, float]:
        """Return the lengths (angstrom) and angle (degrees) given for a phase, by name."""
        return {phase_name(name): cell for name, cell in self.cells.items()}.get(phase_name(self.names[number]), {})

    def tensor(self, number: int) -> Stiffness | None:
        """Return the stiffness tensor given for a phase, None for the default."""
        return {phase_name(name): tensor for name, tensor in self.elastic.items()}.get(phase_name(self.names[number]))

    def is_a(self, number: int, kind: str) -> bool:
        """Return whether a phase is a "spinel" or a "tunnel"."""
        entry = LIBRARY.get(phase_name(self.names[number]))
        return entry is not None and entry.phase == kind

    def hold(self, labels: Mapping[int, str]) -> str | None:
        """Return the label of the phase to hold, None to distribute the misfit; `labels` by the phase's number."""
        if self.strain == "stiffness":
            return None
        letters = {chr(ord("A") + number): label for number, label in labels.items()}
        names = {self.names[number]: label for number, label in labels.items()}
        return letters.get(self.strain, names.get(self.strain, self.strain))

    def refuse(self, what: str, *names: str) -> None:
        """Refuse arguments that do not apply to what is built, if they are given.

        Raises
        ------
        InputError
            Which names the first of them.
        """
        given = {
            "slabs": self.slabs is not None,
            "boundary": self.boundary != DEFAULT_BOUNDARY,
            "faces": self.faces != DEFAULT_FACES,
            "registry": self.registry != DEFAULT_REGISTRY,
            "supercell": tuple(self.supercell) != ONE_CELL,
            "in_plane": self.in_plane is not None,
            "core_shell": self.core_shell is not None,
        }
        for name in names:
            if given[name]:
                raise InputError(f"does not apply to {what}", argument=name, cure="leave it out")
