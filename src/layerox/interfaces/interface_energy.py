"""Interface energy: energy relative to the bulk phases, with any ASE calculator of the user.

gamma = [E(cell) - sum n E(phase)] / (interfaces x area); the part due to the coherent strain alone is given
separately, so that what is left belongs to the boundary itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gemmi
import numpy as np

from layerox.crystal.atoms import Atoms
from layerox.errors import InputError
from layerox.interfaces.intergrowth import intergrown, relabelled
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.result import Interface
from layerox.stacking import polytype, word_from_blocks

if TYPE_CHECKING:
    import ase

J_PER_M2 = 16.02176634  # of 1 eV / angstrom^2 (CODATA 2018)
SAME = 1e-6


@dataclass(frozen=True, kw_only=True)
class InterfaceEnergy:
    """Energies per area of one interface, J/m^2.

    Attributes
    ----------
    total
        Against the free bulk phases.
    strain
        The energy of straining the bulk phases onto the shared lattice, by the same calculator.
    """

    total: float
    strain: float

    @property
    def boundary(self) -> float:
        """The rest: the energy of the boundary itself."""
        return self.total - self.strain


def interface_energy(made: Interface, calculator: Any) -> InterfaceEnergy:
    """Return the energy of an interface against its bulk phases, all as built (nothing is relaxed).

    Parameters
    ----------
    made
        A layered intergrowth of whole atoms, its galleries filled as in their phases (boundary="own").
    calculator
        An ASE calculator.

    Raises
    ------
    InputError
        If sites are partly occupied, or cell and phases do not hold the same atoms.
    """
    if made.grown is None:
        raise InputError("the energy of this interface has no bulk phases to refer to", cure="take layered phases")
    if any(part.spinel for part in made.parts.values()):
        raise InputError("a spinel lamella holds other amounts than its bulk, to which no energy can refer",
                         cure="take layered phases")  # fmt: skip
    unit = made.grown.atoms()
    counts: dict[str, int] = {}
    for phase, count in made.grown.word.blocks:
        counts[phase] = counts.get(phase, 0) + count
    free = {label: _bulk(part) for label, part in made.parts.items()}
    strained = {label: _bulk(part) for label, part in made.grown.parts.items()}
    _check_content(unit, free, counts)
    whole = _energy(unit, calculator)
    bulk = sum(n * _per_slab(free[label], calculator) for label, n in counts.items())
    held = sum(n * _per_slab(strained[label], calculator) for label, n in counts.items())
    area = float(np.linalg.norm(np.cross(unit.lattice[0], unit.lattice[1])))
    scale = J_PER_M2 / (max(len(made.grown.planes.boundaries), 1) * area)
    return InterfaceEnergy(total=(whole - bulk) * scale, strain=(held - bulk) * scale)


def ase_atoms(atoms: Atoms) -> ase.Atoms:
    """Return whole atoms as ASE's.

    Raises
    ------
    InputError
        If sites are partly occupied.
    """
    from ase import Atoms as AseAtoms  # noqa: PLC0415  (only when a calculator is brought)

    if not atoms.is_ordered:
        raise InputError(f"{atoms.name} has partly occupied sites, a calculator needs whole atoms",
                         cure="take formulas whose sites are full or empty")  # fmt: skip
    numbers = [gemmi.Element(element).atomic_number for element in atoms.elements]
    return AseAtoms(numbers=numbers, cell=atoms.lattice, scaled_positions=atoms.positions, pbc=True)


def _energy(atoms: Atoms, calculator: Any) -> float:
    cell = ase_atoms(atoms)
    cell.calc = calculator
    return float(cell.get_potential_energy())


def _per_slab(atoms: Atoms, calculator: Any) -> float:
    assert atoms.layer is not None
    return _energy(atoms, calculator) / len(set(atoms.layer.tolist()))


def _bulk(part: PhaseComponent) -> Atoms:
    """Return the phase alone in its cell."""
    is_polytype = not part.stacking.startswith("Z:")
    word = polytype(part.stacking) if is_polytype else word_from_blocks([(part.stacking, 20)])
    return intergrown(relabelled(word, [(part.label, len(word))]), {part.label: part}).atoms()


def _check_content(unit: Atoms, free: Mapping[str, Atoms], counts: Mapping[str, int]) -> None:
    content = dict(unit.content)
    for label, n in counts.items():
        atoms = free[label]
        assert atoms.layer is not None
        for element, x in atoms.content.items():
            content[element] = content.get(element, 0.0) - n * x / len(set(atoms.layer.tolist()))
    wrong = [element for element, x in content.items() if abs(x) > SAME]
    if wrong:
        raise InputError(f"the cell and its phases differ in {', '.join(wrong)}", cure="build it with boundary='own'")
