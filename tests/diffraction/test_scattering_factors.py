"""Form factors, anomalous scattering and scattering lengths against the tables that they are taken from."""

import math

import gemmi
import numpy as np
import pytest

from layerox.diffraction.scattering_factors import has_ion, scatterers
from layerox.errors import InputError
from layerox.radiation import Radiation
from reference_crystals import P2, POLAR, site

COPPER = Radiation(lines=((1.540593, 1.0),))
NEUTRONS = Radiation(lines=((1.8, 1.0),), kind="neutron")


def of(species, radiation=COPPER, **more):
    return scatterers([site("A1", species, (0, 0, 0))], radiation, **more)


# International Tables C (1992), table 6.1.1.4, as GSAS-II (commit 013259a0) tabulates them too: a, b, c.
@pytest.mark.parametrize(
    ("species", "a", "b", "c"),
    [
        ("Mn", (11.2819, 7.3573, 3.0193, 2.2441), (5.3409, 0.3432, 17.8674, 83.7543), 1.0896),
        ("Na", (4.7626, 3.1736, 1.2674, 1.1128), (3.285, 8.8422, 0.3136, 129.424), 0.676),
        ("Ni", (12.8376, 7.292, 4.4438, 2.38), (3.8785, 0.2565, 12.1763, 66.3421), 1.0341),
        ("O", (3.0485, 2.2868, 1.5463, 0.867), (13.2771, 5.7011, 0.3239, 32.9089), 0.2508),
        ("Li", (1.1282, 0.7508, 0.6175, 0.4653), (3.9546, 1.0524, 85.3905, 168.261), 0.0377),
    ],
)
def test_form_factors_of_neutral_atoms(species, a, b, c):
    found = of(species, anomalous=False)
    order = np.argsort(-found.a[0])
    np.testing.assert_allclose(found.a[0][order], sorted(a, reverse=True))
    np.testing.assert_allclose(found.b[0][order], [b[k] for k in np.argsort([-x for x in a])])
    np.testing.assert_allclose(found.constant, [c])
    np.testing.assert_allclose(found.imaginary, [0])


@pytest.mark.parametrize("species", ["Mn3+", "Mn4+", "O2-", "Na1+", "Ni2+", "Fe3+", "Cl1-", "Li1+"])
def test_ions_have_their_own_form_factor(species):
    ion, neutral = of(species, anomalous=False), of(species.rstrip("+-0123456789"), anomalous=False)
    atom = site("A1", species, (0, 0, 0))
    assert has_ion(atom.element, atom.charge)
    # Forward scattering is the number of electrons.
    electrons = gemmi.Element(atom.element).atomic_number - atom.charge
    assert ion.a.sum() + ion.constant[0] == pytest.approx(electrons, abs=0.05)
    assert abs(ion.a - neutral.a).max() > 1e-3


@pytest.mark.parametrize("species", ["Na3+", "Mn7+", "O3-", "Xe1+"])
def test_an_ion_that_the_table_lacks_is_neutral(species):
    atom = site("A1", species, (0, 0, 0))
    assert not has_ion(atom.element, atom.charge)
    np.testing.assert_array_equal(of(species).a, of(atom.element).a)


def test_an_atom_without_a_charge_is_no_ion():
    assert not has_ion("Mn", 0)


@pytest.mark.parametrize("hidden", [True, False])
def test_gemmi_is_left_as_it_was(hidden):
    before = gemmi.IT92_get_ignore_charge()
    try:
        gemmi.IT92_set_ignore_charge(hidden)
        ion = of("O2-", anomalous=False)
        assert gemmi.IT92_get_ignore_charge() == hidden
        assert ion.a.sum() + ion.constant[0] == pytest.approx(10, abs=0.05)
    finally:
        gemmi.IT92_set_ignore_charge(before)


# f' and f'' at Cu K alpha 1 (12.397639 keV A / 1.540593 A): reference_structures.json (GSAS-II, commit 013259a0).
@pytest.mark.parametrize(
    ("element", "real", "imaginary"),
    [
        ("Mn", -0.5305650812631998, 2.8053691449433296),
        ("Na", 0.13527237438423323, 0.12389541921109583),
        ("Ni", -3.0021131263704603, 0.5091420588416019),
        ("O", 0.04919152815059004, 0.032239611251547486),
        ("Li", 0.0010139933636361014, 0.0003343679062572858),
    ],
)
def test_anomalous_scattering_is_that_of_gsas(element, real, imaginary):
    found = of(element)
    without = of(element, anomalous=False)
    # Two codes of the same theory; their small relativistic corrections differ.
    assert found.constant[0] - without.constant[0] == pytest.approx(real, abs=0.004)
    assert found.imaginary[0] == pytest.approx(imaginary, rel=5e-4)
    np.testing.assert_array_equal(found.a, without.a)


def test_anomalous_scattering_goes_with_the_strongest_line():
    strong = Radiation(lines=((1.544427, 0.5), (1.540593, 1.0)))
    assert of("Mn", strong).imaginary == of("Mn").imaginary
    # Across the K edge of manganese, 6.539 keV (International Tables C, table 4.2.2.4), f'' falls eightfold.
    above, below = (of("Mn", Radiation(lines=((12.39842 / kev, 1.0),))).imaginary[0] for kev in (6.6, 6.5))
    assert 3.5 < above < 4.1
    assert 0.3 < below < 0.6


@pytest.mark.parametrize("element", ["H", "He"])
def test_the_lightest_atoms_have_no_anomalous_scattering(element):
    np.testing.assert_array_equal(of(element).constant, of(element, anomalous=False).constant)
    assert of(element).imaginary[0] == 0.0


def test_an_element_beyond_the_tables_is_refused():
    for beam, words in ((COPPER, "form factor"), (NEUTRONS, "scattering length")):
        with pytest.raises(InputError, match=rf"^a\.cif: no .*{words} for Es; replace"):
            of("Es", beam, place="a.cif")
    with pytest.raises(InputError, match="no X-ray form factor for Es; "):
        of("Es")


def test_rows_are_in_the_order_of_the_sites():
    together = scatterers(POLAR.sites, COPPER)
    assert together.a.shape == together.b.shape == (4, 4)
    for k, atom in enumerate(POLAR.sites):
        alone = scatterers([atom], COPPER)
        np.testing.assert_array_equal(together.a[k], alone.a[0])
        np.testing.assert_array_equal(together.b[k], alone.b[0])
        assert (together.constant[k], together.imaginary[k]) == (alone.constant[0], alone.imaginary[0])


# Bound coherent scattering lengths, fm: Sears, Neutron News 3 (1992) 26.
@pytest.mark.parametrize(
    ("element", "length"),
    [("H", -3.739), ("D", 6.671), ("Li", -1.90), ("O", 5.803), ("Na", 3.63), ("Mn", -3.73), ("Fe", 9.45), ("Ni", 10.3)],
)
def test_neutron_scattering_lengths(element, length):
    found = of(element, NEUTRONS)
    assert found.constant[0] == pytest.approx(length)
    assert not found.a.any()
    assert found.imaginary[0] == 0


def test_neutrons_do_not_see_charges():
    assert of("O2-", NEUTRONS).constant == of("O", NEUTRONS).constant


def test_an_element_without_a_scattering_length_is_refused():
    with pytest.raises(InputError, match="no neutron scattering length for Po"):
        of("Po", NEUTRONS)


def test_the_form_factor_is_the_sum_that_the_docstring_states():
    found = scatterers(P2.sites, COPPER, anomalous=False)
    for k, atom in enumerate(P2.sites):
        row = gemmi.IT92_get_exact(gemmi.Element(atom.element), 0)
        for s in (0.0, 0.1, 0.35, 0.6):
            total = sum(a * math.exp(-b * s * s) for a, b in zip(found.a[k], found.b[k], strict=True))
            assert total + found.constant[k] == pytest.approx(row.calculate_sf(stol2=s * s), abs=1e-5)
