"""The atom list of a CIF: mixtures, vacancies, occupancies beyond 0 to 1, quoted and Fortran numbers, displacements as
U, B and beta. Expected numbers by hand."""

import math

import pytest

from layerox.errors import InputError
from layerox.io.cif import read_crystal

CELL = {"length_a": 4.0, "length_b": 4.0, "length_c": 5.0, "angle_alpha": 90, "angle_beta": 90, "angle_gamma": 90}
EIGHT_PI_SQUARED = 8 * math.pi**2


@pytest.fixture
def read(tmp_path):
    def read(rows, columns="label type_symbol fract_x fract_y fract_z occupancy", *, cell=CELL, more=""):
        lines = ["data_made", *(f"_cell_{name} {x}" for name, x in cell.items()), "_space_group_name_H-M_alt 'P 1'"]
        lines += ["loop_", *(f"_atom_site_{tag}" for tag in columns.split()), rows, more]
        path = tmp_path / "made.cif"
        path.write_text("\n".join(lines) + "\n")
        return read_crystal(path)

    return read


def notice(crystal, code):
    return next(r.message for r in crystal.warnings if r.code == code)


def test_a_mixture_becomes_one_site_an_element(read):
    found = read("M1 Ni0.33Mn0.67 0 0 0 1\nO1 O 0.5 0.5 0.5 1")
    assert [(s.label, s.element, s.occupancy) for s in found.sites] == [
        ("M1_Ni", "Ni", 0.33), ("M1_Mn", "Mn", 0.67), ("O1", "O", 1.0),
    ]  # fmt: skip
    assert found.mixed_sites == ((0, 1), (2,))
    assert notice(found, "mixture_read") == "M1 were read as mixtures, one site an element"


@pytest.mark.parametrize(
    ("occupancy", "shares"),
    [("1", (0.6, 0.3)), ("0.9", (0.6, 0.3)), ("?", (0.6, 0.3))],
)
def test_amounts_are_occupancies_where_the_occupancy_states_their_sum(read, occupancy, shares):
    found = read(f"M1 '0.6Ni + 0.3Mn' 0 0 0 {occupancy}")
    assert tuple(s.occupancy for s in found.sites) == pytest.approx(shares)


def test_amounts_of_a_whole_are_shares_of_the_occupancy(read):
    found = read("M1 '0.6Ni + 0.4Mn' 0 0 0 0.5")
    assert [s.occupancy for s in found.sites] == pytest.approx([0.3, 0.2])


def test_amounts_that_contradict_the_occupancy_are_refused(read):
    with pytest.raises(InputError, match=r"M1 has occupancy 0.5, its amounts sum to 0.9; write one row an element"):
        read("M1 '0.6Ni + 0.3Mn' 0 0 0 0.5")


def test_vacancies_are_left_out(read):
    found = read("Na1 Na 0 0 0 0.67\nV1 Vac 0 0 0 0.33\nO1 O 0.5 0.5 0.5 1")
    assert [s.label for s in found.sites] == ["Na1", "O1"]
    assert notice(found, "vacancies_left_out").startswith("V1 are vacancies")


def test_the_type_symbol_holds_against_the_label(read):
    found = read("Ni1 Mn 0 0 0 1\nC1 Cr 0.5 0.5 0.5 1")
    assert [s.element for s in found.sites] == ["Mn", "Cr"]
    assert notice(found, "label_disagrees") == "type symbols and labels disagree: Ni1 (Mn); the types hold"


@pytest.mark.parametrize("text", ["1.03", "1.03(4)", "1.10(1)", "1.15(6)"])
def test_an_occupancy_slightly_above_one_is_kept_with_a_notice(read, text):
    found = read(f"Mn1 Mn 0 0 0 {text}")
    assert found.sites[0].occupancy == float(text.partition("(")[0])
    assert notice(found, "occupancy_above_one") == f"stated occupancies above 1 were kept: Mn1 {text}"


def test_an_occupancy_below_zero_within_its_esd_is_none(read):
    found = read("Mn1 Mn 0 0 0 1\nNa1 Na 0.5 0.5 0.5 -0.02(1)")
    assert found.sites[1].occupancy == 0
    assert notice(found, "occupancy_below_zero").endswith("Na1 -0.02(1)")


@pytest.mark.parametrize("text", ["1.15", "1.5", "2", "1.3(2)", "-0.02", "-0.1(1)e2", "33.3"])
def test_an_occupancy_that_is_none_is_refused(read, text):
    with pytest.raises(InputError, match=r"Mn1 has occupancy .*; give 0 to 1"):
        read(f"Mn1 Mn 0 0 0 {text}")


def test_sites_that_share_a_position_above_one(read):
    found = read("Ni1 Ni 0 0 0 0.36\nMn1 Mn 0 0 0 0.68\nO1 O 0.5 0.5 0.5 1")
    assert notice(found, "occupancy_above_one").endswith("were kept: Ni1 and Mn1 1.04")
    with pytest.raises(InputError, match="Ni1 and Mn1 overlap: .* of 1.18"):
        read("Ni1 Ni 0 0 0 0.5\nMn1 Mn 0 0 0 0.68")


def test_numbers_in_quotes_with_fortran_exponents_and_as_fractions(read):
    quoted = {tag: f"'{x}'" for tag, x in CELL.items()}
    found = read("Mn1 Mn '0.25' 2.5D-1 1/3 '1.0'", cell=quoted)
    assert found.cell == tuple(map(float, CELL.values()))
    assert found.sites[0].position == (0.25, 0.25, 1 / 3)


def test_hydrogen_without_a_position_is_left_out_and_metal_is_not(read):
    found = read("Mn1 Mn 0 0 0 1\nH1 H ? ? ? 1\nD1 D . . . 1")
    assert len(found.sites) == 1
    assert notice(found, "atoms_without_position") == "H1, D1 have no position and were left out"
    with pytest.raises(InputError, match="atom Mn1 has no complete position"):
        read("Mn1 Mn ? ? ? 1\nO1 O 0 0 0 1")


U_COLUMNS = "label type_symbol fract_x fract_y fract_z U_iso_or_equiv adp_type"


def test_b_in_the_column_of_u_is_divided(read):
    found = read("Mn1 Mn 0 0 0 0.4 Biso\nO1 O 0.5 0.5 0.5 0.006 Uiso", U_COLUMNS)
    assert [s.u_iso for s in found.sites] == pytest.approx([0.4 / EIGHT_PI_SQUARED, 0.006])
    assert notice(found, "displacement_is_b").startswith("the displacements of Mn1 are declared as B")


def test_displacements_far_above_those_of_a_solid_are_named(read):
    found = read("Mn1 Mn 0 0 0 0.4 Uiso\nO1 O 0.5 0.5 0.5 0.6 Uiso", U_COLUMNS)
    assert "about 0.5 A^2" in notice(found, "displacement_large")


def test_beta_tensors(read):
    # beta_ii = 2 pi^2 U_ii / a_i^2 on orthogonal axes.
    beta = [2 * math.pi**2 * u / edge**2 for u, edge in ((0.006, 4.0), (0.008, 4.0), (0.01, 5.0))]
    tags = " ".join(f"_atom_site_aniso_beta_{ij}" for ij in ("11", "22", "33", "12", "13", "23")).replace(" ", "\n")
    values = " ".join(f"{x:.10f}" for x in beta)
    found = read("Mn1 Mn 0 0 0 1", more=f"loop_\n_atom_site_aniso_label\n{tags}\nMn1 {values} 0 0 0")
    assert found.sites[0].u_aniso == pytest.approx((0.006, 0.008, 0.01, 0, 0, 0), abs=1e-8)
    assert found.sites[0].u_iso == pytest.approx(0.008, abs=1e-8)


def test_more_atoms_than_can_be_listed_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("layerox.io.cif_sites.MOST_ATOMS", 2)
    path = tmp_path / "made.cif"
    cell = "\n".join(f"_cell_{name} {x}" for name, x in CELL.items())
    rows = "\n".join(f"O{k} 0 0 0.{k}" for k in range(1, 4))
    tags = "\n".join(f"_atom_site_{tag}" for tag in ("label", "fract_x", "fract_y", "fract_z"))
    path.write_text(f"data_x\n{cell}\nloop_\n{tags}\n{rows}\n")
    with pytest.raises(InputError, match="lists 3 atoms; give at most 2"):
        read_crystal(path)
