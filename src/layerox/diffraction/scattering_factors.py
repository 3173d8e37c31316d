"""Scattering factors: the coefficients of each species for the structure factor, for X-rays and neutrons.

X-ray form factors f0 are the four Gaussians and a constant of International Tables for Crystallography C (1992), table
6.1.1.4, as tabulated by gemmi, valid to sin(theta)/lambda = 2 1/angstrom. A species with a charge for which the table
has an ion has the coefficients of the ion, every other one those of the neutral atom. f' and f'' are those of Cromer &
Liberman, Acta Cryst. A37 (1981) 267, doi:10.1107/S0567739481000600, as computed by gemmi at the energy of the strongest
line. Neutrons: bound coherent scattering lengths of Sears, Neutron News 3 (1992) 26, as tabulated by gemmi, in fm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Site
from layerox.errors import InputError
from layerox.radiation import Radiation
from layerox.typing import FloatArray

GAUSSIANS = 4
# Range of gemmi's Cromer-Liberman tables; the anomalous scattering of lighter atoms than Li is negligible.
CROMER_LIBERMAN_FIRST, CROMER_LIBERMAN_LAST = 3, 92


@dataclass(frozen=True, eq=False)
class Scatterers:
    """Scattering of a list of species: f(s) = sum_i a_i exp(-b_i s^2) + c + f' + i f'', s = sin(theta)/lambda.

    Attributes
    ----------
    a, b
        Coefficients, electrons (fm for neutrons) and angstrom^2, shape (n, 4).
    constant
        c + f' (the scattering length, for neutrons), shape (n,).
    imaginary
        f'', shape (n,).
    """

    a: FloatArray
    b: FloatArray
    constant: FloatArray
    imaginary: FloatArray


def scatterers(
    sites: Sequence[Site], radiation: Radiation, *, anomalous: bool = True, place: str | None = None
) -> Scatterers:
    """Return the scattering of each site's species for a radiation.

    Parameters
    ----------
    sites
        The sites; only element and charge are looked at.
    radiation
        X-rays of `radiation.wavelength`, or neutrons.
    anomalous
        Whether f' and f'' are included.
    place
        Origin of the sites, for messages.

    Raises
    ------
    InputError
        If an element has no tabulated form factor or scattering length.
    """
    if radiation.kind == "neutron":
        return _neutron_scatterers(sites, place)
    rows = [form_factor(site.element, site.charge, place) for site in sites]
    pairs = [_anomalous(site.element, radiation) if anomalous else (0.0, 0.0) for site in sites]
    table = np.array(rows, dtype=np.float64).reshape(len(sites), 2 * GAUSSIANS + 1)
    dispersion = np.array(pairs, dtype=np.float64).reshape(len(sites), 2)
    return Scatterers(
        a=np.ascontiguousarray(table[:, :GAUSSIANS]),
        b=np.ascontiguousarray(table[:, GAUSSIANS : 2 * GAUSSIANS]),
        constant=table[:, -1] + dispersion[:, 0],
        imaginary=dispersion[:, 1].copy(),
    )


def _neutron_scatterers(sites: Sequence[Site], place: str | None) -> Scatterers:
    lengths = [float(gemmi.Element(site.element).neutron92.calculate_sf(0.0)) for site in sites]
    missing = [site.element for site, length in zip(sites, lengths, strict=True) if length == 0.0]
    if missing:
        raise InputError(f"no neutron scattering length for {missing[0]}", place=place, cure="replace the element")
    nothing = np.zeros((len(sites), GAUSSIANS))
    return Scatterers(a=nothing, b=nothing.copy(), constant=np.array(lengths), imaginary=np.zeros(len(sites)))


def has_ion(element: str, charge: int) -> bool:
    """Whether the form-factor table holds this ion."""
    return charge != 0 and _tabulated(element, charge) is not None


def form_factor(element: str, charge: int = 0, place: str | None = None) -> list[float]:
    """Return the coefficients a1 ... a4, b1 ... b4, c of a species, of the neutral atom if there is no such ion.

    Raises
    ------
    InputError
        If the element is beyond the table.
    """
    coefficients = _tabulated(element, charge) or _tabulated(element, 0)
    if coefficients is None:
        raise InputError(f"no X-ray form factor for {element}", place=place, cure="replace it: the table ends at Cf")
    return list(coefficients)


def _tabulated(element: str, charge: int) -> list[float] | None:
    """Return the entry of a species; the process-wide switch of gemmi that ignores charges is restored."""
    hidden = gemmi.IT92_get_ignore_charge()
    gemmi.IT92_set_ignore_charge(False)
    try:
        row = gemmi.IT92_get_exact(gemmi.Element(element), charge)
        return None if row is None else list(row.get_coefs())
    finally:
        gemmi.IT92_set_ignore_charge(hidden)


def _anomalous(element: str, radiation: Radiation) -> tuple[float, float]:
    return dispersion(element, radiation.energy_ev)


def dispersion(element: str, energy_ev: float) -> tuple[float, float]:
    """Return f' and f'' of an element at a photon energy (eV), zero outside the range of the tables."""
    number = gemmi.Element(element).atomic_number
    if not CROMER_LIBERMAN_FIRST <= number <= CROMER_LIBERMAN_LAST:
        return 0.0, 0.0
    real, imaginary = gemmi.cromer_liberman(z=number, energy=energy_ev)
    return float(real), float(imaginary)
