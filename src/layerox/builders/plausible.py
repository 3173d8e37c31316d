"""Plausible: whether the cell that a user gives for a phase is one that the phase can have.

A slip of the keyboard (28.9 for 2.89) or of the unit (0.289 nm) builds a cell that looks like any other. What is given
is compared with the library's cell of the same phase and composition, or with the one that bond lengths make.
"""

from __future__ import annotations

from collections.abc import Sequence

from layerox.builders.request import PhaseRequest
from layerox.errors import InputError

# Shares of the library's value. Layered oxides, sulfides and halides of one structure differ by a few per cent within
# the layer; hydrated and pillared galleries are up to 1.8 times as high. A spinel's a may be that of I41/amd.
SHARES = {"a": (0.85, 1.2), "b": (0.85, 1.2), "c": (0.7, 1.8)}
SPINEL_SHARES = {"a": (0.65, 1.2), "c": (0.8, 1.25)}
# Degrees from 90 within which a monoclinic angle of a stack is; angstrom for a slab and for a metal-anion distance.
ANGLES, SLABS, BONDS = (90.0, 130.0), (1.0, 5.0), (1.5, 3.3)


def refuse_implausible(request: PhaseRequest, cell: Sequence[float], *, spinel: bool = False) -> None:
    """Refuse lengths and angles that the phase cannot have.

    Parameters
    ----------
    request
        The options that the user gives.
    cell
        a, b, c (angstrom) and angles (degrees) of the same phase without lengths of the user's.
    spinel
        Whether its a may be that of the tetragonal cell.

    Raises
    ------
    InputError
        For the first value out of range, with the range.
    """
    shares = SPINEL_SHARES if spinel else SHARES
    for name, known in zip(("a", "b", "c"), cell[:3], strict=True):
        value = getattr(request, name)
        if value is not None and name in shares:
            low, high = (share * known for share in shares[name])
            _refuse_outside(request, name, value, low, high, f"{request.name} has {known:.4g} A: ")
    for name, (low, high), unit in (("beta", ANGLES, " degrees"), ("slab", SLABS, " A"), ("bond", BONDS, " A")):
        value = getattr(request, name)
        if value is not None:
            _refuse_outside(request, name, value, low, high, "", unit)


def _refuse_outside(
    request: PhaseRequest, name: str, value: float, low: float, high: float, known: str, unit: str = " A"
) -> None:
    if low <= value <= high or value <= 0:  # lengths below zero are refused where they are used
        return
    fault = f"{name} = {value:g}{unit} is implausible for {request.name}"
    raise InputError(fault, argument=name, cure=f"{known}give {low:.4g} to {high:.4g}{unit}")
