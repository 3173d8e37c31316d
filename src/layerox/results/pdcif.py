"""pdCIF: a refinement as a powder CIF: the phases with their structures, and the pattern with its fit.

Data names are those of the core and powder dictionaries of the IUCr (cif_core 2.4, cif_pd 1.0); the file is laid out
by gemmi.
"""

from __future__ import annotations

from gemmi import cif

from layerox.diffraction.refinement import RefinedPhase, Refinement
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.symmetry import CELL_NAMES

CELL_TAGS = tuple(f"_cell_length_{x}" for x in "abc") + tuple(f"_cell_angle_{x}" for x in ("alpha", "beta", "gamma"))


def cif_text(refinement: Refinement) -> str:
    """Return the text of fit.cif: one block for the refinement and its pattern, one for each phase."""
    document = cif.Document()
    main = document.add_new_block("layerox_fit")
    names = [f"{_block_name(phase.name)}" for phase in refinement.phases]
    _describe(main, refinement)
    _list_phases(main, refinement, names)
    _add_pattern(main, refinement)
    for phase, name in zip(refinement.phases, names, strict=True):
        _add_structure(document.add_new_block(name), phase, refinement.radiation)
    return str(document.as_string())


def _block_name(name: str) -> str:
    return "phase_" + "".join(c if c.isalnum() else "_" for c in name.replace("'", "p"))


def _describe(block: cif.Block, refinement: Refinement) -> None:
    figures, pattern = refinement.agreement, refinement.pattern
    low, high = pattern.range
    step = (high - low) / (len(pattern) - 1)
    polarization = refinement.radiation.polarization
    converged = "converged" if refinement.status == "converged" else f"{refinement.status}: {refinement.reason}"
    pairs = {
        "_audit_creation_method": f"layerox {refinement.version}",
        "_computing_structure_refinement": f"layerox {refinement.version}",
        "_pd_block_id": f"layerox|{pattern.label or 'pattern'}",
        "_diffrn_radiation_probe": "x-ray" if refinement.radiation.kind == "xray" else "neutron",
        "_diffrn_radiation_polarisn_ratio": "." if polarization is None else f"{polarization:.5f}",
        "_pd_meas_2theta_range_min": f"{low:.5f}",
        "_pd_meas_2theta_range_max": f"{high:.5f}",
        "_pd_meas_2theta_range_inc": f"{step:.6f}",
        "_pd_meas_number_of_points": str(len(pattern)),
        "_pd_proc_ls_weight": "1/sigma^2",
        "_refine_ls_structure_factor_coef": "Inet",
        "_pd_proc_ls_prof_R_factor": f"{figures.r_p:.5f}",
        "_pd_proc_ls_prof_wR_factor": f"{figures.r_wp:.5f}",
        "_pd_proc_ls_prof_wR_expected": f"{figures.r_exp:.5f}",
        "_refine_ls_goodness_of_fit_all": f"{figures.gof:.4f}",
        "_refine_ls_number_parameters": str(figures.free_parameters),
        "_refine_ls_shift/su_max": "0.001" if refinement.status == "converged" else ".",
        "_pd_proc_ls_profile_function": "Thompson-Cox-Hastings pseudo-Voigt, J. Appl. Cryst. 20 (1987) 79",
        "_pd_proc_ls_background_function": "Chebyshev polynomials of the first kind",
        "_pd_calc_method": "Rietveld Refinement",
        "_refine_special_details": converged,
    }
    for tag, text in pairs.items():
        block.set_pair(tag, cif.quote(text))
    _list_wavelengths(block, refinement.radiation)


def _list_wavelengths(block: cif.Block, radiation: Radiation) -> None:
    loop = block.init_loop("_diffrn_radiation_wavelength", ["_id", "", "_wt"])
    for k, (wavelength, weight) in enumerate(radiation.lines, start=1):
        loop.add_row([str(k), f"{wavelength:.7f}", f"{weight:g}"])


def _list_phases(block: cif.Block, refinement: Refinement, names: list[str]) -> None:
    loop = block.init_loop("_pd_phase", ["_id", "_name", "_mass_%", "_block_id"])
    for k, (phase, name) in enumerate(zip(refinement.phases, names, strict=True), start=1):
        percent = Refined(100 * phase.weight_fraction, 100 * phase.weight_fraction.esd)
        loop.add_row([str(k), cif.quote(phase.name), str(percent), name])


def _add_pattern(block: cif.Block, refinement: Refinement) -> None:
    pattern = refinement.pattern
    columns = {
        "_pd_meas_2theta_scan": pattern.two_theta,
        "_pd_proc_intensity_total": pattern.intensity,
        "_pd_calc_intensity_total": refinement.calculated,
        "_pd_proc_intensity_bkg_calc": refinement.background,
        "_pd_proc_ls_weight": pattern.sigma**-2,
    }
    loop = block.init_loop("", list(columns))
    loop.set_all_values([[f"{value:.9g}" for value in column.tolist()] for column in columns.values()])


def _add_structure(block: cif.Block, phase: RefinedPhase, radiation: Radiation) -> None:
    crystal = phase.crystal
    block.set_pair("_pd_phase_name", cif.quote(phase.name))
    block.set_pair("_chemical_formula_sum", cif.quote(_formula_sum(phase)))
    block.set_pair("_cell_formula_units_Z", str(crystal.formula_units))
    for tag, name in zip(CELL_TAGS, CELL_NAMES, strict=True):
        block.set_pair(tag, str(phase.cell[name]))
    block.set_pair("_cell_volume", str(phase.cell["volume"]))
    block.set_pair("_space_group_name_H-M_alt", cif.quote(crystal.symmetry.name or "?"))
    operations = block.init_loop("_space_group_symop_operation_", ["xyz"])
    for triplet in crystal.symmetry.triplets:
        operations.add_row([cif.quote(triplet)])
    tags = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv"]
    atoms = block.init_loop("_atom_site_", tags)
    for site in phase.sites:
        numbers = (site.x, site.y, site.z, site.occupancy, site.u_iso)
        atoms.add_row([site.label, site.species, *(str(number) for number in numbers)])


def _formula_sum(phase: RefinedPhase) -> str:
    units = phase.crystal.formula_units
    content = sorted(phase.crystal.content.items())
    return " ".join(f"{element}{number / units:.4g}" for element, number in content)
