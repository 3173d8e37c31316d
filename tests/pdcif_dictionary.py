"""What the dictionaries say of the items that layerox writes as powder CIF 2.5, and a check of a file against it.

Powder items: cif_pow.dic, version 2.5.0 of 2023-01-22 (COMCIFS/Powder_Dictionary, commit
00189849f1d6e5e61e007cefc6b2e41320155894): category, contents, range or states, and alias of each item; class and keys
of each category, without keys that have a default or may be omitted with one diffractogram a block. Core items:
cif_core 2.4.5, whose names with a dot for one underscore are those of version 3. Items of structures keep their old
spelling, an alias; their names are in `STRUCTURE`.
"""

import re
from datetime import datetime

import gemmi

# Category: class, keys.
CATEGORIES = {
    "audit": ("Set", ()), "diffrn": ("Set", ()), "diffrn_radiation": ("Set", ()),
    "diffrn_radiation_wavelength": ("Loop", ("_diffrn_radiation_wavelength.id",)), "refine_ls": ("Set", ()),
    "pd_block": ("Loop", ("_pd_block.id",)), "pd_block_diffractogram": ("Loop", ("_pd_block_diffractogram.id",)),
    "pd_calc_overall": ("Set", ()), "pd_calib_offset": ("Loop", ()), "pd_char": ("Set", ()),
    "pd_data": ("Loop", ("_pd_data.point_id",)), "pd_diffractogram": ("Set", ("_pd_diffractogram.id",)),
    "pd_instr": ("Set", ()), "pd_instr_detector": ("Loop", ()), "pd_meas_overall": ("Set", ()),
    "pd_phase": ("Set", ("_pd_phase.id",)), "pd_phase_block": ("Loop", ("_pd_phase_block.id",)),
    "pd_phase_mass": ("Loop", ("_pd_phase_mass.phase_id",)), "pd_pref_orient": ("Set", ()),
    "pd_pref_orient_March_Dollase": ("Loop", ("_pd_pref_orient_March_Dollase.phase_id",)),
    "pd_proc_ls": ("Set", ()), "pd_proc_overall": ("Set", ()), "pd_qpa_int_std": ("Set", ()), "pd_spec": ("Set", ()),
    "pd_qpa_ext_std": ("Loop", ("_pd_qpa_ext_std.block_id",)),
}  # fmt: skip
# PD_MEAS, PD_PROC and PD_CALC are subcategories of PD_DATA: "may be looped together or separately".
MARCH = "_pd_pref_orient_March_Dollase"
# Item: category, contents, range or states.
ITEMS = {
    "_audit.creation_method": ("audit", "Text", None),
    "_diffrn.ambient_temperature": ("diffrn", "Real", (0.0, None)),
    "_diffrn_radiation.probe": ("diffrn_radiation", "Code", {"x-ray", "neutron", "electron", "gamma"}),
    "_diffrn_radiation.type": ("diffrn_radiation", "Text", None),
    "_diffrn_radiation.polarisn_norm": ("diffrn_radiation", "Real", None),
    "_diffrn_radiation.polarisn_ratio": ("diffrn_radiation", "Real", (0.0, None)),
    "_diffrn_radiation_wavelength.id": ("diffrn_radiation_wavelength", "Code", None),
    "_diffrn_radiation_wavelength.value": ("diffrn_radiation_wavelength", "Real", (0.0, None)),
    "_diffrn_radiation_wavelength.wt": ("diffrn_radiation_wavelength", "Real", (0.0, None)),
    "_refine_ls.goodness_of_fit_all": ("refine_ls", "Real", (0.0, None)),
    "_refine_ls.number_parameters": ("refine_ls", "Integer", (0, None)),
    "_pd_block.id": ("pd_block", "Text", None),
    "_pd_block_diffractogram.id": ("pd_block_diffractogram", "Text", None),
    "_pd_calc.intensity_total": ("pd_data", "Real", (0.0, None)),
    "_pd_calc.method": ("pd_calc_overall", "Text", None),
    "_pd_calib.2theta_offset": ("pd_calib_offset", "Real", (-180.0, 180.0)),
    "_pd_char.mass_atten_coef_mu_calc": ("pd_char", "Real", (0.0, None)),
    "_pd_data.point_id": ("pd_data", "Code", None),
    "_pd_diffractogram.id": ("pd_diffractogram", "Text", None),
    "_pd_instr.dist_spec_detc": ("pd_instr_detector", "Real", (0.0, None)),
    "_pd_instr.geometry": ("pd_instr", "Text", None),
    "_pd_instr.monochr_post_spec": ("pd_instr_detector", "Text", None),
    "_pd_instr.monochr_pre_spec": ("pd_instr", "Text", None),
    "_pd_meas.2theta_scan": ("pd_data", "Real", (-180.0, 360.0)),
    "_pd_meas.counts_total": ("pd_data", "Integer", (0, None)),
    "_pd_meas.datetime_initiated": ("pd_meas_overall", "DateTime", None),
    "_pd_meas.intensity_total": ("pd_data", "Real", None),
    "_pd_meas.intensity_total_su": ("pd_data", "Real", None),
    "_pd_meas.number_of_points": ("pd_meas_overall", "Integer", (1, None)),
    "_pd_meas.special_details": ("pd_meas_overall", "Text", None),
    "_pd_phase.id": ("pd_phase", "Text", None),
    "_pd_phase.name": ("pd_phase", "Text", None),
    "_pd_phase_block.id": ("pd_phase_block", "Text", None),
    "_pd_phase_block.phase_id": ("pd_phase_block", "Text", None),
    "_pd_phase_mass.percent": ("pd_phase_mass", "Real", (0.0, 100.0)),
    "_pd_phase_mass.phase_id": ("pd_phase_mass", "Text", None),
    f"{MARCH}.id": ("pd_pref_orient_March_Dollase", "Text", None),
    f"{MARCH}.index_h": ("pd_pref_orient_March_Dollase", "Integer", None),
    f"{MARCH}.index_k": ("pd_pref_orient_March_Dollase", "Integer", None),
    f"{MARCH}.index_l": ("pd_pref_orient_March_Dollase", "Integer", None),
    f"{MARCH}.phase_id": ("pd_pref_orient_March_Dollase", "Text", None),
    f"{MARCH}.r": ("pd_pref_orient_March_Dollase", "Real", (0.0, None)),
    "_pd_pref_orient.special_details": ("pd_pref_orient", "Text", None),
    "_pd_proc.info_excluded_regions": ("pd_proc_overall", "Text", None),
    "_pd_proc.info_special_details": ("pd_proc_overall", "Text", None),
    "_pd_proc.intensity_bkg_calc": ("pd_data", "Real", None),
    "_pd_proc.ls_weight": ("pd_data", "Real", (0.0, None)),
    "_pd_proc.number_of_points": ("pd_proc_overall", "Integer", (1, None)),
    "_pd_proc_ls.background_function": ("pd_proc_ls", "Text", None),
    "_pd_proc_ls.prof_R_factor": ("pd_proc_ls", "Real", (0.0, None)),
    "_pd_proc_ls.prof_wR_expected": ("pd_proc_ls", "Real", (0.0, None)),
    "_pd_proc_ls.prof_wR_factor": ("pd_proc_ls", "Real", (0.0, None)),
    "_pd_proc_ls.profile_function": ("pd_proc_ls", "Text", None),
    "_pd_qpa_ext_std.block_id": ("pd_qpa_ext_std", "Text", None),
    "_pd_qpa_ext_std.k_factor": ("pd_qpa_ext_std", "Real", None),
    "_pd_qpa_ext_std.special_details": ("pd_qpa_ext_std", "Text", None),
    "_pd_qpa_int_std.mass_percent": ("pd_qpa_int_std", "Real", (0.0, 100.0)),
    "_pd_qpa_int_std.phase_id": ("pd_qpa_int_std", "Text", None),
    "_pd_qpa_int_std.phase_name": ("pd_qpa_int_std", "Text", None),
    "_pd_qpa_int_std.special_details": ("pd_qpa_int_std", "Text", None),
    "_pd_spec.description": ("pd_spec", "Text", None),
    "_pd_spec.mount_mode": ("pd_spec", "Code", {"reflection", "transmission"}),
}
ALIASES = {
    "_pd_calib_2theta_offset": "_pd_calib.2theta_offset", "_pd_instr_dist_spec/detc": "_pd_instr.dist_spec_detc",
    "_pd_instr_geometry": "_pd_instr.geometry", "_pd_phase_name": "_pd_phase.name",
    "_pd_spec_mount_mode": "_pd_spec.mount_mode",
}  # fmt: skip
# Categories of core items of structures and reflections, by the beginning of their names in cif_core 2.4.5.
STRUCTURE = re.compile(
    r"_(cell_(length_[abc]|angle_(alpha|beta|gamma)|volume|formula_units_Z)|chemical_formula_(sum|weight)"
    r"|exptl_crystal_density_diffrn|space_group_(name_H-M_alt|name_Hall|IT_number|crystal_system)"
    r"|space_group_symop_(id|operation_xyz)"
    r"|atom_site_(label|type_symbol|symmetry_multiplicity|fract_[xyz]|occupancy|adp_type|U_iso_or_equiv)"
    r"|atom_site_aniso_(label|U_[123]{2})|atom_type_(symbol|scat_(dispersion_(real|imag)|length_neutron|source))"
    r"|refln_(index_[hkl]|symmetry_multiplicity|d_spacing|F_squared_(calc|meas))"
    r"|reflns_(number_total|d_resolution_(high|low)))"
)
UNKNOWN = {"?", "."}
REAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(\(\d+\))?")


def faults(text):
    """Return what in a powder CIF contradicts the dictionaries, as texts."""
    document = gemmi.cif.read_string(text)
    found = [fault for block in document for item in block for fault in item_faults(block.name, item)]
    return [*found, *link_faults(document)]


def item_faults(block, item):
    if item.pair is not None:
        tag, value = item.pair
        return value_faults(block, tag, [value])
    if item.loop is None:
        return [f"{block}: neither item nor loop"]
    tags = list(item.loop.tags)
    columns = [[item.loop[row, k] for row in range(item.loop.length())] for k in range(len(tags))]
    found = [fault for tag, column in zip(tags, columns, strict=True) for fault in value_faults(block, tag, column)]
    return found + loop_faults(block, [tag for tag in tags if named(tag) in ITEMS])


def named(tag):
    return ALIASES.get(tag, tag)


def loop_faults(block, tags):
    categories = {ITEMS[named(tag)][0] for tag in tags}
    if len(categories) > 1:
        return [f"{block}: a loop of {sorted(categories)}"]
    kind, keys = CATEGORIES[categories.pop()] if categories else ("Loop", ())
    found = [f"{block}: {tags[0]} is of a Set, but looped"] if kind == "Set" else []
    return found + [f"{block}: the loop of {tags[0]} lacks {key}" for key in keys if key not in map(named, tags)]


def value_faults(block, tag, values):
    if STRUCTURE.fullmatch(tag):
        return []
    if named(tag) not in ITEMS:
        return [f"{block}: {tag} is in no dictionary"]
    _, contents, allowed = ITEMS[named(tag)]
    return [f"{block}: {tag} {value[:40]!r} is not {contents} {allowed or ''}" for value in values
            if value not in UNKNOWN and not is_allowed(gemmi.cif.as_string(value), contents, allowed)]  # fmt: skip


def is_allowed(value, contents, allowed):
    if contents in ("Real", "Integer"):
        if not (REAL if contents == "Real" else re.compile(r"[-+]?\d+(\(\d+\))?")).fullmatch(value):
            return False
        low, high = allowed or (None, None)
        number = float(value.partition("(")[0])
        return (low is None or number >= low) and (high is None or number <= high)
    if contents == "Code":
        return " " not in value and (allowed is None or value in allowed)
    if contents == "DateTime":
        return isinstance(datetime.fromisoformat(value), datetime)
    return bool(value.isascii())


def link_faults(document):
    """Return identities of blocks and phases that are named but not there."""

    def values(tag):
        return [gemmi.cif.as_string(v) for block in document for v in block.find_values(tag) if v not in UNKNOWN]

    blocks, phases = set(values("_pd_block.id")), set(values("_pd_phase.id"))
    links = {
        "_pd_phase_block.id": blocks, "_pd_block_diffractogram.id": blocks, "_pd_phase_block.phase_id": phases,
        "_pd_phase_mass.phase_id": phases, f"{MARCH}.phase_id": phases, "_pd_qpa_int_std.phase_id": phases,
    }  # fmt: skip
    found = [f"{tag} {value!r} names nothing" for tag, known in links.items() for value in values(tag)
             if value not in known]  # fmt: skip
    twice = len(values("_pd_block.id")) - len(blocks)
    return found + ([f"{twice} blocks have the identity of another one"] if twice else [])
