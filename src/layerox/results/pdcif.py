"""pdCIF: a refinement as a powder CIF: measurement, refinement, pattern with its fit, and all phases.

Data names are those of the core and powder dictionaries of the IUCr (cif_core 2.4, cif_pd 1.0); the file is laid out
by gemmi. Profile, background and texture have no numeric items in the dictionaries: their values are in text items.
`published_cif` reads the file.
"""

from __future__ import annotations

import re

import numpy as np
from gemmi import cif

from layerox.diffraction.background import BLANK, EXTRA_SLOTS
from layerox.diffraction.parameters import is_background_term
from layerox.diffraction.phase import HARMONIC
from layerox.diffraction.refined_quantities import RefinedParameter, RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.instrument import DEFAULT_RADIUS_MM
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.results.structure_cif import add_reflections, add_structure, cif_number, cif_text_item, safe_code

PROFILE = """\
Thompson-Cox-Hastings pseudo-Voigt, J. Appl. Cryst. 20 (1987) 79-83.
Gaussian FWHM^2 = U tan^2(theta) + V tan(theta) + W (degrees^2);
Lorentzian FWHM = X/cos(theta) + Y tan(theta) (degrees)
 + (180/pi) wavelength/(L cos(theta)) + (180/pi) S tan(theta), L size, S microstrain.
Axial divergence (S/L, H/L): Finger, Cox & Jephcoat, J. Appl. Cryst. 27 (1994) 892-900."""
EXTRA = re.compile(rf"(hump|peak)_\d+_({'|'.join(EXTRA_SLOTS)})")
EXTRA_HEAD = "and pseudo-Voigt peaks of no phase: position and FWHMs in degrees two-theta, area in intensity x degrees"
GEOMETRIES = {"bragg-brentano": ("Bragg-Brentano", "reflection"), "debye-scherrer": ("Debye-Scherrer", "transmission")}
# Largest relative difference of equal steps.
SAME_STEP = 0.01
NAMES_IN_TEXT = {"s_over_l": "S/L", "h_over_l": "H/L", "zero": "zero error (degrees)",
                 "displacement": "specimen displacement (mm)"}  # fmt: skip


def cif_text(refinement: Refinement) -> str:
    """Return the text of fit.cif: one block for the refinement and its pattern, one for each phase."""
    document = cif.Document()
    main = document.add_new_block("layerox_fit")
    identity = f"layerox|{safe_code(refinement.pattern.label or 'pattern')}"
    _describe(main, refinement, identity)
    _list_wavelengths(main, refinement.radiation)
    blocks = [(phase, f"phase_{safe_code(phase.name)}") for phase in refinement.phases]
    _list_phases(main, [(phase, f"{identity}|{name}") for phase, name in blocks])
    _add_pattern(main, refinement)
    for phase, name in blocks:
        _add_phase(document.add_new_block(name), phase, refinement, identity, f"{identity}|{name}")
    return str(document.as_string())


def _describe(block: cif.Block, refinement: Refinement, identity: str) -> None:
    pairs = {
        "_audit_creation_method": f"layerox {refinement.version}",
        "_computing_structure_refinement": f"layerox {refinement.version}",
        "_pd_block_id": identity,
        **_beam(refinement.radiation),
        **_surroundings(refinement.pattern),
        **instrument_items(refinement),
        **_points(refinement.pattern),
        **_least_squares(refinement),
        "_pd_proc_ls_profile_function": profile_text(refinement),
        "_pd_proc_ls_background_function": background_text(refinement),
        "_pd_proc_ls_pref_orient_corr": _texture(refinement),
        "_pd_proc_info_excluded_regions": _excluded(refinement.pattern),
        "_pd_proc_ls_special_details": _quantities(refinement),
        "_pd_calc_method": "Rietveld Refinement",
    }
    for tag, text in pairs.items():
        block.set_pair(tag, cif_text_item(text))


def _beam(radiation: Radiation) -> dict[str, str]:
    if radiation.kind == "neutron":
        return {"_diffrn_radiation_probe": "neutron", "_diffrn_radiation_type": "neutron"}
    items = {"_diffrn_radiation_probe": "x-ray"}
    if radiation.name:
        element, _, line = radiation.name.partition("Ka")
        items["_diffrn_radiation_type"] = f"{element} K\\a{f'~{line}~' if line else ''}"
    p = radiation.polarization
    if p is None:
        return items
    # Perpendicular over parallel to the diffraction plane; without anything parallel, the other way round at 90.
    norm, ratio = (0, p / (1 - p)) if p < 1 else (90, 0.0)
    return {**items, "_diffrn_radiation_polarisn_norm": f"{norm}", "_diffrn_radiation_polarisn_ratio": f"{ratio:.10g}"}


def _surroundings(pattern: Pattern) -> dict[str, str]:
    tags = {
        "start_time": "_pd_meas_datetime_initiated",
        "temperature_k": "_diffrn_ambient_temperature",
        "sample": "_pd_spec_description",
        "monochromator": "_diffrn_radiation_monochromator",
        "incident_monochromator": "_pd_instr_monochr_pre_spec",
        "diffracted_monochromator": "_pd_instr_monochr_post_spec",
    }
    known = {tag: pattern.metadata.get(key) for key, tag in tags.items()}
    return {tag: str(fact) for tag, fact in known.items() if fact not in (None, "")}


def instrument_items(refinement: Refinement) -> dict[str, str]:
    """Return geometry, radius and zero error by data name."""
    instrument = refinement.instrument
    geometry, mount = GEOMETRIES[instrument.geometry]
    items = {"_pd_instr_geometry": geometry, "_pd_spec_mount_mode": mount}
    if instrument.radius_mm != DEFAULT_RADIUS_MM:
        items["_pd_instr_dist_spec/detc"] = f"{instrument.radius_mm:g}"
    zero = next((p.number for p in refinement.parameters if p.name == "instrument_zero"), Refined(instrument.zero))
    # The offset of the dictionary is added to measured angles; the zero error is part of them.
    items["_pd_calib_2theta_offset"] = cif_number(Refined(-zero.value, zero.esd, zero.status))
    return items


def _points(pattern: Pattern) -> dict[str, str]:
    low, high = pattern.range
    steps = np.diff(pattern.two_theta)
    step = float(np.median(steps))
    items = {
        "_pd_meas_2theta_range_min": f"{low:.6g}",
        "_pd_meas_2theta_range_max": f"{high:.6g}",
        "_pd_meas_number_of_points": str(len(pattern)),
        "_pd_proc_number_of_points": str(len(pattern)),
    }
    if np.allclose(steps, step, rtol=SAME_STEP):
        items |= {"_pd_meas_scan_method": "step", "_pd_meas_2theta_range_inc": f"{step:.6g}"}
    return items


def _least_squares(refinement: Refinement) -> dict[str, str]:
    figures, shift = refinement.agreement, refinement.largest_shift
    source = "given with the data" if refinement.pattern.sigma_source == "file" else "from counting statistics"
    tied = sum(parameter.number.status == "tied" for parameter in refinement.parameters)
    outcome = refinement.status if not refinement.reason else f"{refinement.status}: {refinement.reason}"
    warnings = "".join(f"\n{warning.code}: {warning.message}" for warning in refinement.warnings)
    return {
        "_refine_ls_structure_factor_coef": "Inet",
        "_refine_ls_matrix_type": "full",
        "_refine_ls_weighting_scheme": "sigma",
        "_refine_ls_weighting_details": f"w = 1/sigma^2, sigma {source}",
        "_pd_proc_ls_prof_R_factor": f"{figures.r_p:.6f}",
        "_pd_proc_ls_prof_wR_factor": f"{figures.r_wp:.6f}",
        "_pd_proc_ls_prof_wR_expected": f"{figures.r_exp:.6f}",
        "_refine_ls_goodness_of_fit_all": f"{figures.gof:.5f}",
        "_refine_ls_number_parameters": str(figures.free_parameters),
        "_refine_ls_number_restraints": "0",
        "_refine_ls_number_constraints": str(tied),
        "_refine_ls_shift/su_max": "?" if shift is None else f"{shift:.2g}",
        "_refine_special_details": f"{outcome}\nStandard uncertainties are from the full covariance, times the "
        f"goodness of fit\nwhere that exceeds one. Durbin-Watson d = {figures.durbin_watson:.3f}{warnings}",
    }


def profile_text(refinement: Refinement) -> str:
    """Return the formula of the peak profile, with its parameters and those of each phase."""
    rows = [p for p in refinement.parameters if p.name.startswith("instrument_")]
    lines = [_line(p, p.name.removeprefix("instrument_")) for p in rows]
    for phase in refinement.phases:
        lines.append(f"{phase.name}: L = {_size(phase.size_nm)}, S = {cif_number(phase.microstrain)}")
        broadening = {slot: n for slot, n in phase.corrections.items() if not slot.startswith(HARMONIC)}
        if broadening:
            numbers = ", ".join(f"{slot} = {cif_number(number)}" for slot, number in broadening.items())
            lines.append(f"{phase.name}, anisotropic: {numbers} (1/nm, 1e-8 A^-4)")
    return "\n".join([PROFILE, *lines])


def _size(size_nm: Refined) -> str:
    return "infinite (no broadening)" if cif_number(size_nm) == "?" else f"{cif_number(size_nm)} nm"


def _line(parameter: RefinedParameter, name: str) -> str:
    label = NAMES_IN_TEXT.get(name, name.upper() if len(name) == 1 else name)
    return f"{label} = {cif_number(parameter.number)} ({parameter.number.status})"


def background_text(refinement: Refinement) -> str:
    """Return the formula of the background, with its coefficients."""
    low, high = refinement.pattern.range
    possible = [p for p in refinement.parameters if is_background_term(p.name)]
    terms = [p for p in possible if p.number.status != "fixed" or p.number.value != 0.0]
    head = (
        f"Chebyshev polynomials of the first kind T_k(x), {len(terms)} coefficients that are not zero;\n"
        f"x = (2 two_theta - {low + high:.6f}) / {high - low:.6f}"
    )
    lines = [_line(p, f"k {p.name.removeprefix('background_')}") for p in terms]
    lines += [_line(p, "scale of a measured blank") for p in refinement.parameters if p.name == BLANK]
    extra = [_line(p, p.name) for p in refinement.parameters if EXTRA.fullmatch(p.name)]
    return "\n".join([head, *lines, *([EXTRA_HEAD] if extra else []), *extra])


def _texture(refinement: Refinement) -> str:
    lines = [line for phase in refinement.phases if (line := texture_text(phase))]
    return "\n".join(lines) or "none"


def texture_text(phase: RefinedPhase) -> str:
    """Return the texture correction of a phase as text, "" for a random powder."""
    harmonics = {slot: number for slot, number in phase.corrections.items() if slot.startswith(HARMONIC)}
    if harmonics:
        terms = ", ".join(f"a({slot.removeprefix(HARMONIC)}) = {cif_number(a)}" for slot, a in harmonics.items())
        return f"{phase.name}: exponential of symmetrised spherical harmonics, normalised: {terms}"
    r = phase.preferred_orientation
    if r.value == 1.0 and r.status == "fixed":
        return ""
    axis = " ".join(map(str, phase.texture_axis))
    return f"{phase.name}: March-Dollase, r = {cif_number(r)} about the normal of ({axis})"


def _excluded(pattern: Pattern) -> str:
    if not pattern.excluded:
        return "none"
    return "\n".join(f"{low:.10g} to {high:.10g} degrees two-theta: not used" for low, high in pattern.excluded)


def _quantities(refinement: Refinement) -> str:
    """Return all variables and constrained parameters, with the names of result.json."""
    p = refinement.radiation.polarization
    stated = "0.5, assumed" if p is None else f"{p:.6g}"
    beam = f"Polarisation factor p + (1 - p) cos^2(2 theta), p = {stated} (monochromators included)\n"
    varied = [p for p in refinement.parameters if p.number.status != "fixed"]
    lines = [f"{p.name} = {cif_number(p.number)} ({_status(p)})" for p in varied]
    beam = beam if refinement.radiation.kind == "xray" else ""
    return "\n".join([f"{beam}Variables and constrained parameters (by symmetry too):", *lines])


def _status(parameter: RefinedParameter) -> str:
    """Return the status of a parameter and its constraint."""
    status = parameter.number.status
    return f"{status}: {parameter.expression}" if parameter.expression else status


def _list_wavelengths(block: cif.Block, radiation: Radiation) -> None:
    loop = block.init_loop("_diffrn_radiation_wavelength", ["_id", "", "_wt"])
    for k, (wavelength, weight) in enumerate(radiation.lines, start=1):
        loop.add_row([str(k), f"{wavelength:.10g}", f"{weight:.10g}"])


def _list_phases(block: cif.Block, phases: list[tuple[RefinedPhase, str]]) -> None:
    loop = block.init_loop("_pd_phase", ["_id", "_name", "_mass_%", "_block_id"])
    for k, (phase, identity) in enumerate(phases, start=1):
        fraction = phase.weight_fraction
        percent = Refined(100 * fraction, 100 * fraction.esd, fraction.status)
        loop.add_row([str(k), cif_text_item(phase.name), cif_number(percent), cif_text_item(identity)])


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
    loop.set_all_values([[f"{value:.10g}" for value in column.tolist()] for column in columns.values()])


def _add_phase(block: cif.Block, phase: RefinedPhase, refinement: Refinement, main: str, identity: str) -> None:
    block.set_pair("_pd_block_id", cif_text_item(identity))
    block.set_pair("_pd_block_diffractogram_id", cif_text_item(main))
    add_structure(block, phase, refinement.radiation)
    block.set_pair("_refine_ls_R_I_factor", "." if phase.r_bragg is None else f"{phase.r_bragg:.5f}")
    block.set_pair("_pd_proc_ls_pref_orient_corr", cif_text_item(texture_text(phase) or "none"))
    add_reflections(block, phase, refinement)
