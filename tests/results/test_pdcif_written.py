"""fit.cif: every item of the dictionaries that a reviewer looks for, with the numbers of the refinement."""

import math
from dataclasses import replace

import gemmi
import numpy as np
import pytest

from layerox.analysis.fit import fit, simulate
from layerox.io.cif import read_crystal
from layerox.io.cif_block import blocks_of
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.results.pdcif import cif_text
from layerox.results.result_folder import files_of
from layerox.results.structure_cif import cif_number, structure_cif_text, structure_file, structure_files
from layerox.symmetry import CELL_NAMES
from reference_crystals import ALL, LAB6, POLAR, ZINCITE, phase

# Names of cif_core 2.4.5 and cif_pd 1.0.1 (IUCr; Hall & McMahon, International Tables for Crystallography G (2006),
# chapters 4.1 and 4.3).
DICTIONARY_TEXT = """
_audit_creation_method _computing_structure_refinement _diffrn_ambient_temperature _diffrn_radiation_monochromator
_diffrn_radiation_polarisn_norm _diffrn_radiation_polarisn_ratio _diffrn_radiation_probe _diffrn_radiation_type
_diffrn_radiation_wavelength _diffrn_radiation_wavelength_id _diffrn_radiation_wavelength_wt
_cell_length_a _cell_length_b _cell_length_c _cell_angle_alpha _cell_angle_beta _cell_angle_gamma _cell_volume
_cell_formula_units_Z _chemical_formula_sum _chemical_formula_weight _exptl_crystal_density_diffrn
_space_group_name_H-M_alt _space_group_name_Hall _space_group_IT_number _space_group_crystal_system
_space_group_symop_id _space_group_symop_operation_xyz
_atom_site_label _atom_site_type_symbol _atom_site_symmetry_multiplicity _atom_site_fract_x _atom_site_fract_y
_atom_site_fract_z _atom_site_occupancy _atom_site_adp_type _atom_site_U_iso_or_equiv
_atom_site_aniso_label _atom_site_aniso_U_11 _atom_site_aniso_U_22 _atom_site_aniso_U_33 _atom_site_aniso_U_12
_atom_site_aniso_U_13 _atom_site_aniso_U_23
_atom_type_symbol _atom_type_scat_dispersion_real _atom_type_scat_dispersion_imag _atom_type_scat_length_neutron
_atom_type_scat_source
_refine_ls_structure_factor_coef _refine_ls_matrix_type _refine_ls_weighting_scheme _refine_ls_weighting_details
_refine_ls_goodness_of_fit_all _refine_ls_number_parameters _refine_ls_number_restraints _refine_ls_number_constraints
_refine_ls_shift/su_max _refine_ls_R_I_factor _refine_special_details
_refln_index_h _refln_index_k _refln_index_l _refln_symmetry_multiplicity _refln_d_spacing _refln_F_squared_calc
_reflns_number_total _reflns_d_resolution_high _reflns_d_resolution_low
_pd_block_id _pd_block_diffractogram_id _pd_calc_method _pd_calc_intensity_total _pd_calib_2theta_offset
_pd_instr_geometry _pd_instr_dist_spec/detc _pd_instr_monochr_pre_spec _pd_instr_monochr_post_spec
_pd_meas_2theta_range_min _pd_meas_2theta_range_max _pd_meas_2theta_range_inc _pd_meas_2theta_scan
_pd_meas_number_of_points _pd_meas_scan_method _pd_meas_datetime_initiated
_pd_phase_id _pd_phase_name _pd_phase_mass_% _pd_phase_block_id _pd_proc_info_excluded_regions
_pd_proc_intensity_total _pd_proc_intensity_bkg_calc _pd_proc_ls_background_function _pd_proc_ls_pref_orient_corr
_pd_proc_ls_prof_R_factor _pd_proc_ls_prof_wR_factor _pd_proc_ls_prof_wR_expected _pd_proc_ls_profile_function
_pd_proc_ls_special_details _pd_proc_ls_weight _pd_proc_number_of_points _pd_spec_description _pd_spec_mount_mode
"""
DICTIONARIES = set(DICTIONARY_TEXT.split())

# Where the fit of zincite starts: vibrations that are too large.
STARTING = replace(ZINCITE, sites=tuple(
    replace(site, u_iso=site.u_iso + 0.006,
            u_aniso=site.u_aniso and (*(u + 0.006 for u in site.u_aniso[:3]), site.u_aniso[3] + 0.003, 0.0, 0.0))
    for site in ZINCITE.sites
))  # fmt: skip


@pytest.fixture(scope="module")
def document(refinement):
    return gemmi.cif.read_string(cif_text(refinement))


@pytest.fixture(scope="module")
def main(document):
    return document.find_block("layerox_fit")


@pytest.fixture(scope="module")
def neutron():
    """Zincite (anisotropic) with neutrons, some regions left out, a texture and a described instrument."""
    made = simulate([ZINCITE], radiation=1.6, neutron=True, two_theta=(20, 120, 0.05), background=[100.0], counts=4e5,
                    instrument=None, geometry="debye-scherrer", seed=5)  # fmt: skip
    facts = {"temperature_k": 295.0, "sample": "zinc oxide; \u03bcm powder", "start_time": "2024-03-22T21:30:13"}
    pattern = replace(made.pattern, metadata=facts).exclude([(30.0, 31.0), (77.125, 80.0)])
    return fit(pattern, [STARTING], geometry="debye-scherrer")


def texts(block, *tags):
    return [gemmi.cif.as_string(block.find_value(tag)) for tag in tags]


def tags_of(document):
    for block in document:
        for item in block:
            yield from [item.pair[0]] if item.pair is not None else item.loop.tags


def test_only_names_of_the_dictionaries(refinement, neutron):
    for result in (refinement, neutron):
        found = set(tags_of(gemmi.cif.read_string(cif_text(result))))
        assert found - DICTIONARIES == set()


def test_text_is_ascii_and_lines_are_short(neutron):
    # CIF 1.1: ASCII, lines of at most 2048 characters.
    text = cif_text(neutron)
    assert text.isascii()
    assert max(map(len, text.splitlines())) < 2048


def test_beam(main):
    assert texts(main, "_diffrn_radiation_probe", "_diffrn_radiation_type") == ["x-ray", "Cu K\\a"]
    table = main.find("_diffrn_radiation_wavelength", ["_id", "", "_wt"])
    assert [list(row) for row in table] == [["1", "1.5405929", "1"], ["2", "1.5444274", "0.5"]]
    # p = 0.5: as much perpendicular as parallel.
    assert texts(main, "_diffrn_radiation_polarisn_ratio", "_diffrn_radiation_polarisn_norm") == ["1", "0"]


@pytest.mark.parametrize(
    ("polarization", "ratio", "norm"), [(5 / 9, "1.25", "0"), (1.0, "0", "90"), (0.0, "0", "0"), (None, None, None)]
)
def test_polarisation(refinement, polarization, ratio, norm):
    beam = Radiation(lines=((0.5, 1.0),), polarization=polarization)
    block = gemmi.cif.read_string(cif_text(replace(refinement, radiation=beam)))[0]
    assert block.find_value("_diffrn_radiation_polarisn_ratio") == ratio
    assert block.find_value("_diffrn_radiation_polarisn_norm") == norm


def test_figures_and_least_squares(main, refinement):
    figures = refinement.agreement
    for tag, value in (
        ("_pd_proc_ls_prof_R_factor", figures.r_p),
        ("_pd_proc_ls_prof_wR_factor", figures.r_wp),
        ("_pd_proc_ls_prof_wR_expected", figures.r_exp),
        ("_refine_ls_goodness_of_fit_all", figures.gof),
        ("_refine_ls_number_parameters", figures.free_parameters),
        ("_pd_meas_number_of_points", figures.points),
    ):
        assert float(main.find_value(tag)) == pytest.approx(value, abs=6e-6)
    # b follows a in both hexagonal cells; of the absent third one nothing was refined.
    tied = sum(p.number.status == "tied" for p in refinement.parameters)
    assert texts(main, "_refine_ls_number_constraints", "_refine_ls_weighting_scheme") == [str(tied), "sigma"]
    assert tied >= 2


def test_largest_shift_is_that_of_the_descent(main, refinement):
    assert float(main.find_value("_refine_ls_shift/su_max")) == pytest.approx(refinement.largest_shift, rel=0.05)
    assert refinement.largest_shift < 0.01
    unknown = gemmi.cif.read_string(cif_text(replace(refinement, largest_shift=None)))[0]
    assert unknown.find_value("_refine_ls_shift/su_max") == "?"


def test_profile_background_and_quantities_stand_in_text(main, refinement):
    numbers = {p.name: p.number for p in refinement.parameters}
    profile, background, all_of_them = texts(
        main, "_pd_proc_ls_profile_function", "_pd_proc_ls_background_function", "_pd_proc_ls_special_details"
    )
    assert f"W = {numbers['instrument_w']} (free)" in profile
    assert f"O3: L = {refinement.phase('O3').size_nm} nm" in profile
    assert "Finger, Cox & Jephcoat" in profile
    assert "Chebyshev" in background
    assert f"k 0 = {numbers['background_0']} (free)" in background
    for name in refinement.free_names:
        assert f"{name} = {numbers[name]} (" in all_of_them
    assert f"O3_b = {numbers['O3_b']} (tied: O3_a)" in all_of_them


def test_humps_and_foreign_peaks_stand_with_the_background(refinement):
    like = refinement.parameters[0]
    hump = [replace(like, name=f"hump_0_{slot}", number=Refined(22.5, 0.3, "free")) for slot in ("position", "gauss")]
    block = gemmi.cif.read_string(cif_text(replace(refinement, parameters=(*refinement.parameters, *hump))))[0]
    (background,) = texts(block, "_pd_proc_ls_background_function")
    assert "of no phase" in background
    assert "hump_0_position = 22.5(3) (free)" in background


def test_zero_has_the_sign_of_the_dictionary(refinement):
    # _pd_calib_2theta_offset is added to the measured angle, our zero is observed minus true.
    parameters = tuple(
        replace(p, number=Refined(0.02, 0.003, "free")) if p.name == "instrument_zero" else p
        for p in refinement.parameters
    )
    block = gemmi.cif.read_string(cif_text(replace(refinement, parameters=parameters)))[0]
    assert block.find_value("_pd_calib_2theta_offset") == "-0.020(3)"


def test_excluded_regions_and_facts(neutron):
    block = gemmi.cif.read_string(cif_text(neutron))[0]
    (excluded,) = texts(block, "_pd_proc_info_excluded_regions")
    assert excluded.splitlines() == [
        "30 to 31 degrees two-theta: not used", "77.125 to 80 degrees two-theta: not used"
    ]  # fmt: skip
    assert texts(block, "_diffrn_ambient_temperature", "_pd_meas_datetime_initiated", "_pd_spec_description") == [
        "295.0", "2024-03-22T21:30:13", "zinc oxide; ?m powder"
    ]  # fmt: skip
    assert block.find_value("_diffrn_radiation_probe") == "neutron"
    assert block.find_value("_diffrn_radiation_polarisn_ratio") is None
    # With gaps there is no one step.
    assert block.find_value("_pd_meas_2theta_range_inc") is None


def test_nothing_excluded_is_stated(main):
    assert texts(main, "_pd_proc_info_excluded_regions") == ["none"]
    assert float(main.find_value("_pd_meas_2theta_range_inc")) == 0.02


def test_phases_with_fractions(main, document, refinement):
    rows = {gemmi.cif.as_string(row[0]): row for row in main.find("_pd_phase_", ["name", "mass_%", "block_id"])}
    for found in refinement.phases:
        percent = Refined(100 * found.weight_fraction, 100 * found.weight_fraction.esd)
        assert rows[found.name][1] == str(percent)
    identities = {gemmi.cif.as_string(block.find_value("_pd_block_id")) for block in document}
    assert {gemmi.cif.as_string(row[2]) for row in rows.values()} < identities


def test_texture_in_words(refinement):
    first, *others = refinement.phases
    textured = replace(first, preferred_orientation=Refined(0.9, 0.01, "free"))
    others = [replace(phase, preferred_orientation=Refined(1.0)) for phase in others]
    blocks = gemmi.cif.read_string(cif_text(replace(refinement, phases=(textured, *others))))
    expected = "P'2 like: March-Dollase, r = 0.900(10) about the normal of (0 0 1)"
    assert texts(blocks[0], "_pd_proc_ls_pref_orient_corr") == [expected]
    assert texts(blocks[1], "_pd_proc_ls_pref_orient_corr") == [expected]
    assert texts(blocks[2], "_pd_proc_ls_pref_orient_corr") == ["none"]


@pytest.mark.parametrize("name", ["O3", "P'2 like"])
def test_reflections_against_gemmi(document, refinement, name):
    """F^2 by gemmi's calculator from the structure and the f' of the same file; it has no f''."""
    block = document.find_block(f"phase_{name.replace(chr(39), 'p').replace(' ', '_')}")
    structure = gemmi.make_small_structure_from_block(block)
    structure.change_occupancies_to_crystallographic()
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    for row in block.find("_atom_type_", ["symbol", "scat_dispersion_real"]):
        calculator.addends.set(gemmi.Element(row[0]), float(row[1]))
    rows = block.find("_refln_", ["index_h", "index_k", "index_l", "d_spacing", "F_squared_calc"])
    assert len(rows) == int(block.find_value("_reflns_number_total")) > 10
    for row in rows:
        hkl = [int(row[k]) for k in range(3)]
        assert float(row[3]) == pytest.approx(structure.cell.calculate_d(hkl), rel=1e-4)
        real = calculator.calculate_sf_from_small_structure(structure, hkl)
        # f'' adds (f''/f)^2, which is small but where the real parts cancel: at most (sum f'')^2.
        assert float(row[4]) == pytest.approx(abs(real) ** 2, rel=0.1, abs=40)
    d = [float(row[3]) for row in rows]
    assert d == sorted(d, reverse=True)
    wavelength = refinement.radiation.wavelength
    assert 2 * math.degrees(math.asin(wavelength / 2 / d[-1])) <= refinement.pattern.range[1]


def test_atoms_with_symmetry_and_uncertainties(document, refinement):
    block = document.find_block("phase_O3")
    cell = refinement.phase("O3").cell
    assert texts(block, *(f"_cell_length_{axis}" for axis in "abc")) == [str(cell[axis]) for axis in "abc"]
    # From the covariance, not from a and c alone.
    assert block.find_value("_cell_volume") == str(cell["volume"])
    assert texts(block, "_space_group_name_Hall", "_space_group_crystal_system") == ['-R 3 2"', "trigonal"]
    assert float(block.find_value("_refine_ls_R_I_factor")) == pytest.approx(refinement.phase("O3").r_bragg, abs=1e-5)
    absent = document.find_block("phase_zincite")
    assert absent.find_value("_refine_ls_R_I_factor") == "."


def test_neutron_lengths(neutron):
    rows = gemmi.cif.read_string(cif_text(neutron))[1].find("_atom_type_", ["symbol", "scat_length_neutron"])
    # Sears (1992): Zn 5.680, O 5.803 fm
    assert {row[0]: float(row[1]) for row in rows} == pytest.approx({"Zn": 5.680, "O": 5.803})


# Structures of their own.


def test_structures_are_phases_again(refinement, tmp_path):
    names = {"Pp2_like.cif": "P'2 like", "O3.cif": "O3", "zincite.cif": "zincite"}
    assert set(structure_files(refinement)) == set(names)
    for file, name in names.items():
        (tmp_path / file).write_bytes(files_of(refinement)[file])
        found, known = read_crystal(tmp_path / file), refinement.phase(name).crystal
        # Occupancies are printed to their esd.
        assert found.content == pytest.approx(known.content, rel=0.01)
        assert found.symmetry.name == known.symmetry.name
        assert found.warnings == ()
        esds = [refinement.phase(name).cell[axis].esd for axis in CELL_NAMES]
        assert found.cell == pytest.approx(known.cell, abs=max(0.3 * max(esds), 1e-9))


def test_a_structure_fits_as_a_phase(refinement, tmp_path):
    for file, text in structure_files(refinement).items():
        (tmp_path / file).write_text(text)
    again = fit(refinement.pattern, [tmp_path / "Pp2_like.cif", tmp_path / "O3.cif"], radiation="CuKa")
    assert again.weight_fractions["O3"] == pytest.approx(refinement.weight_fractions["O3"], abs=1e-3)


def test_pymatgen_reads_a_structure(refinement, tmp_path):
    from pymatgen.core import Structure

    (tmp_path / "O3.cif").write_text(structure_cif_text(refinement.phase("O3"), refinement))
    structure = Structure.from_file(tmp_path / "O3.cif")
    assert len(structure) == 12
    assert structure.volume == pytest.approx(refinement.phase("O3").cell["volume"], abs=0.05)


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.name)
def test_fixed_structures_are_written_without_loss(refinement, known, tmp_path):
    like = refinement.phase("zincite")
    cell = {name: Refined(value) for name, value in zip(CELL_NAMES, known.cell, strict=True)}
    sites = tuple(
        replace(like.sites[0], label=s.label, species=s.species,
                x=Refined(s.position[0]), y=Refined(s.position[1]), z=Refined(s.position[2]),
                occupancy=Refined(s.occupancy), u_iso=Refined(s.u_iso))
        for s in known.sites
    )  # fmt: skip
    volume = {"volume": Refined(known.volume)}
    made = replace(like, name=known.name, crystal=known, cell={**cell, **volume}, sites=sites)
    path = tmp_path / structure_file(known.name)
    path.write_text(structure_cif_text(made, refinement))
    found = read_crystal(path)
    assert found.cell == pytest.approx(known.cell, rel=1e-9)
    for one, other in zip(found.sites, known.sites, strict=True):
        assert one.position == pytest.approx(other.position, abs=1e-9)
        assert (one.label, one.species, one.occupancy) == (other.label, other.species, pytest.approx(other.occupancy))
        assert (one.u_aniso is None) == (other.u_aniso is None)
        assert other.u_aniso is None or one.u_aniso == pytest.approx(other.u_aniso)
    assert found.multiplicities == known.multiplicities


def test_anisotropic_displacements_follow_with_their_uncertainty(neutron):
    crystal, site = neutron.phases[0].crystal, neutron.phases[0].sites[0]
    block = gemmi.cif.read_string(cif_text(neutron))[1]
    (row,) = block.find("_atom_site_aniso_", ["label", "U_11", "U_33", "U_12", "U_13"])
    assert (row[0], row[4]) == ("Zn1", "0")
    assert row[1] == cif_number(Refined(crystal.sites[0].u_aniso[0], site.u_iso.esd))
    assert list(block.find_values("_atom_site_adp_type")) == ["Uani", "Uiso"]
    # Refined, and the whole tensor has risen with it: in this setting U_eq is a third of the trace.
    start = STARTING.sites[0]
    assert site.u_iso.esd > 0
    rise = sum(crystal.sites[0].u_aniso[:3]) / 3 - sum(start.u_aniso[:3]) / 3
    assert rise == pytest.approx(site.u_iso - start.u_iso, rel=1e-3, abs=1e-9)
    assert rise == pytest.approx(-0.006, abs=5 * site.u_iso.esd)


def test_a_phase_called_fit_does_not_take_the_place_of_fit_cif():
    assert structure_file("Fit") == "phase_Fit.cif"
    assert structure_file("P'2") == "Pp2.cif"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Refined(4.1234567891), "4.123456789"),
        (Refined(1 / 3), "0.3333333333"),
        (Refined(2.88528, 3e-5, "free"), "2.88528(3)"),
        (Refined(0.0, 0.0012, "unsupported"), "0.0000(12)"),
        (Refined(math.inf), "?"),
    ],
)
def test_numbers(number, text):
    assert cif_number(number) == text


def test_blocks_by_name(refinement, tmp_path):
    names = [block.name for block in blocks_of(cif_text(refinement), tmp_path)]
    assert names == ["layerox_fit", "phase_Pp2_like", "phase_O3", "phase_zincite"]
    assert np.isfinite(blocks_of(cif_text(refinement), tmp_path)[0].numbers("_pd_calc_intensity_total")[0]).all()


def test_all_kinds_of_crystals_have_reflections():
    made = simulate([phase(POLAR), phase(LAB6)], radiation="CuKa", two_theta=(20, 60, 0.1))
    result = fit(made, [phase(POLAR), phase(LAB6)])
    blocks = gemmi.cif.read_string(cif_text(result))
    assert [int(b.find_value("_reflns_number_total")) for b in list(blocks)[1:]] == [
        len(found.ticks) for found in result.phases
    ]  # fmt: skip
