"""Attenuation of elements and crystals: against the NIST tables, by hand, and its derivatives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction import peaks as pk
from layerox.diffraction.absorption import element_attenuation, mean_attenuation, mixture_attenuation, phase_attenuation
from layerox.diffraction.phase import Phase
from layerox.radiation import Radiation, radiation_from_text
from reference_crystals import LAB6, O3, P2, ZINCITE

COPPER = radiation_from_text("CuKa")
KEV = 12.398419843320026

# Total mu/rho (with coherent scattering), cm2/g: Hubbell & Seltzer, NISTIR 5632, table 3, at energies (keV) of
# its grid.
NIST = [
    ("H", 8, 0.3914), ("Al", 8, 50.33), ("Mn", 8, 273.4), ("Fe", 8, 305.6), ("Ni", 8, 49.52), ("Zn", 8, 58.75),
    ("Al", 10, 26.23), ("Mn", 6, 73.50), ("Ni", 6, 109.0), ("Ni", 10, 209.0), ("Zn", 10, 233.1),
]  # fmt: skip
NIST_HARD = [("Al", 20, 3.441), ("Mn", 20, 22.53), ("Ni", 20, 32.20), ("Mn", 50, 1.714), ("Fe", 50, 1.958)]


@pytest.mark.parametrize(("element", "kev", "known"), NIST)
def test_elements_against_nist(element, kev, known):
    # Cromer & Liberman's photoelectric cross-sections and those of NIST differ by that much (Mn at 6 keV by 3.6 %).
    assert element_attenuation(element, KEV / kev) == pytest.approx(known, rel=0.037)


@pytest.mark.parametrize(("element", "kev", "known"), NIST_HARD)
def test_elements_against_nist_for_hard_rays(element, kev, known):
    assert element_attenuation(element, KEV / kev) == pytest.approx(known, rel=0.015)


def test_hydrogen_is_all_scattering_and_transuranics_are_not_known():
    # Free electrons: 0.4 cm2/g for hydrogen (Thomson), less the recoil of Compton scattering.
    assert 0.36 < element_attenuation("H", 0.7) < 0.40
    assert np.isnan(element_attenuation("Pu", 1.54))


def test_a_beam_of_two_lines_has_the_mean_of_both():
    first, second = (element_attenuation("Mn", wavelength) for wavelength, _ in COPPER.lines)
    assert first < second
    assert mean_attenuation("Mn", COPPER) == pytest.approx((2 * first + second) / 3)


def test_a_mixture_has_the_mean_over_masses():
    two = {"Al": 3.0, "O": 1.0}
    expected = 0.75 * mean_attenuation("Al", COPPER) + 0.25 * mean_attenuation("O", COPPER)
    assert mixture_attenuation(two, COPPER) == pytest.approx(expected)


def values_of(crystal):
    return np.array(Phase(name="x", crystal=crystal, scale=1.0).values, dtype=float)


def test_zincite_by_hand():
    found = phase_attenuation(ZINCITE, values_of(ZINCITE), COPPER)
    share = 65.38 / (65.38 + 15.999)
    by_hand = share * mean_attenuation("Zn", COPPER) + (1 - share) * mean_attenuation("O", COPPER)
    assert found.density == pytest.approx(ZINCITE.density)
    assert found.mass_attenuation == pytest.approx(by_hand, rel=1e-4)
    assert found.linear_attenuation == pytest.approx(found.density * found.mass_attenuation)
    assert [wavelength for wavelength, _ in found.by_line] == [line[0] for line in COPPER.lines]


def test_neutrons_have_a_density_only():
    found = phase_attenuation(P2, values_of(P2), Radiation(lines=((1.6, 1.0),), kind="neutron"))
    assert found.density == pytest.approx(P2.density)
    assert np.isnan(found.mass_attenuation)
    assert np.isnan(found.linear_attenuation)


@given(st.floats(0.1, 1.0))
def test_occupancies_move_density_and_attenuation_together(occupancy):
    sodium = [k for k, site in enumerate(P2.sites) if site.element == "Na"]
    sites = [replace(s, occupancy=occupancy / 2) if k in sodium else s for k, s in enumerate(P2.sites)]
    changed = replace(P2, sites=tuple(sites))
    found = phase_attenuation(P2, values_of(changed), COPPER)
    masses = {e: n * mass_of(e) for e, n in changed.content.items()}
    assert found.density == pytest.approx(changed.density, rel=1e-9)
    assert found.mass_attenuation == pytest.approx(mixture_attenuation(masses, COPPER), rel=1e-9)
    assert found.linear_attenuation == pytest.approx(found.density * found.mass_attenuation, rel=1e-9)


def mass_of(element):
    import gemmi

    return gemmi.Element(element).weight


@pytest.mark.parametrize("crystal", [P2, O3, LAB6], ids=["P2", "O3", "LaB6"])
@pytest.mark.parametrize("quantity", ["density", "mass", "linear"])
def test_derivatives(crystal, quantity):
    values = values_of(crystal)
    name = quantity if quantity == "density" else f"{quantity}_attenuation"
    slopes = getattr(phase_attenuation(crystal, values, COPPER), f"{quantity}_slopes")
    cell = range(pk.CELL, pk.CELL + 6)
    occupancies = range(pk.SITES + pk.SITE_OCCUPANCY, len(values), pk.PER_SITE)
    for k in [*cell, *occupancies]:
        step = np.zeros(len(values))
        step[k] = 1e-5
        up, down = (getattr(phase_attenuation(crystal, values + s, COPPER), name) for s in (step, -step))
        assert slopes[k] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-6)
