"""Powder CIF of version 2.5: diffractograms and phases in blocks of their own, which name each other.

Data names, categories and loops are those of the powder dictionary 2.5 (COMCIFS, github.com/COMCIFS/Powder_Dictionary)
and of the core dictionary; those of structures keep the spelling that older readers know, which is an alias. A block of
a diffractogram holds pattern, fit, calibration, weight fractions and textures; each phase has a block a diffractogram.
`pdcif.py` writes fit.cif with the names of version 1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gemmi import cif

from layerox.diffraction.phase import HARMONIC
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.io.pdcif_writing import add_measurement
from layerox.refined import Refined
from layerox.results.pdcif import background_text, instrument_items, profile_text, texture_text
from layerox.results.structure_cif import add_reflections, add_structure, cif_number, cif_text_item, safe_code

MARCH = "_pd_pref_orient_March_Dollase."
MARCH_TEXT = "(r^2 cos^2 alpha + sin^2 alpha / r)^(-3/2), alpha from the normal of (hkl); plates in reflection: r < 1"
# Square millimetres in a square centimetre.
MM2_A_CM2 = 100.0


@dataclass(frozen=True, kw_only=True)
class PhaseAmount:
    """The weight of a phase in a diffractogram.

    Attributes
    ----------
    name
        Of the phase.
    block
        Identity of the block with its structure.
    fraction
        Weight fraction between 0 and 1; None if it has none.
    """

    name: str
    block: str
    fraction: Refined | None


def refinement_cif_text(refinement: Refinement) -> str:
    """Return the powder CIF of a refinement."""
    document = cif.Document()
    identity = f"layerox|{safe_code(refinement.pattern.label or 'pattern')}"
    main = document.add_new_block("diffractogram")
    blocks = {phase.name: f"{identity}|{safe_code(phase.name)}" for phase in refinement.phases}
    _add_diffractogram(main, refinement, identity, blocks)
    for phase in refinement.phases:
        block = document.add_new_block(f"phase_{safe_code(phase.name)}")
        add_phase_identity(block, phase.name, blocks[phase.name], identity)
        add_structure(block, phase, refinement.radiation)
        add_reflections(block, phase, refinement)
    return str(document.as_string())


def add_phase_identity(block: cif.Block, name: str, identity: str, diffractogram: str) -> None:
    """Add the identities of a phase's block, of the phase, and of the diffractogram it belongs to."""
    block.set_pair("_pd_block.id", cif_text_item(identity))
    block.set_pair("_pd_phase.id", cif_text_item(name))
    block.set_pair("_pd_block_diffractogram.id", cif_text_item(diffractogram))


def add_quantities(block: cif.Block, quantities: Sequence[PhaseAmount]) -> None:
    """Add the blocks of the phases of a diffractogram, and their percentages by weight."""
    loop = block.init_loop("_pd_phase_block.", ["id", "phase_id"])
    for one in quantities:
        loop.add_row([cif_text_item(one.block), cif_text_item(one.name)])
    known = [(one.name, one.fraction) for one in quantities if one.fraction is not None]
    if known:
        loop = block.init_loop("_pd_phase_mass.", ["phase_id", "percent"])
        for name, fraction in known:
            percent = Refined(100 * fraction, 100 * fraction.esd, fraction.status)
            loop.add_row([cif_text_item(name), cif_number(percent)])


def _add_diffractogram(block: cif.Block, refinement: Refinement, identity: str, blocks: Mapping[str, str]) -> None:
    pattern = refinement.pattern
    add_measurement(block, pattern, {
        "_pd_calc.intensity_total": refinement.calculated,
        "_pd_proc.intensity_bkg_calc": refinement.background,
        "_pd_proc.ls_weight": pattern.sigma**-2,
    })  # fmt: skip
    figures = refinement.agreement
    items = {
        "_audit.creation_method": f"layerox {refinement.version}",
        "_pd_block.id": identity,
        "_pd_diffractogram.id": identity,
        **instrument_items(refinement),
        "_pd_calc.method": "Rietveld refinement",
        "_pd_proc.number_of_points": str(len(pattern)),
        "_pd_proc_ls.prof_R_factor": f"{figures.r_p:.6f}",
        "_pd_proc_ls.prof_wR_factor": f"{figures.r_wp:.6f}",
        "_pd_proc_ls.prof_wR_expected": f"{figures.r_exp:.6f}",
        "_refine_ls.goodness_of_fit_all": f"{figures.gof:.5f}",
        "_refine_ls.number_parameters": str(figures.free_parameters),
        "_pd_proc_ls.profile_function": profile_text(refinement),
        "_pd_proc_ls.background_function": background_text(refinement),
        **_standard_items(refinement),
    }
    for tag, text in items.items():
        block.set_pair(tag, cif_text_item(text))
    add_quantities(block, list(_quantities(refinement, blocks)))
    _add_textures(block, refinement.phases)


def _quantities(refinement: Refinement, blocks: Mapping[str, str]) -> Iterable[PhaseAmount]:
    """Yield the weights of the phases: of the whole specimen if a standard makes them absolute."""
    absolute = refinement.absolute_weight_fractions
    for phase in refinement.phases:
        relative = None if phase.hardware or phase.mode != "rietveld" else phase.weight_fraction
        fraction = absolute.get(phase.name) if absolute else relative
        yield PhaseAmount(name=phase.name, block=blocks[phase.name], fraction=fraction)


def _standard_items(refinement: Refinement) -> dict[str, str]:
    """Return the items of the standard that makes the percentages absolute."""
    absolute = refinement.absolute
    if absolute is None:
        return {}
    if absolute.k_factor is None:
        return {"_pd_qpa_int_std.special_details": absolute.description, **_internal_standard(refinement)}
    items = {"_pd_qpa_ext_std.block_id": "?", "_pd_qpa_ext_std.k_factor": cif_number(absolute.k_factor),
             "_pd_qpa_ext_std.special_details": absolute.description}  # fmt: skip
    if absolute.mass_attenuation is None:
        return items
    return {**items, "_pd_char.mass_atten_coef_mu_calc": f"{MM2_A_CM2 * absolute.mass_attenuation:.6g}"}


def _internal_standard(refinement: Refinement) -> dict[str, str]:
    """Return the phase and the percentage of the internal standard, as the recipe states them."""
    section = (refinement.recipe or {}).get("quantification")
    stated = section.get("internal_standard") if isinstance(section, Mapping) else None
    if not isinstance(stated, Mapping):
        return {}
    percent = Refined(100 * stated["weight_fraction"], 100 * (stated.get("esd") or 0.0))
    name = str(stated["phase"])
    return {"_pd_qpa_int_std.phase_id": name, "_pd_qpa_int_std.phase_name": name,
            "_pd_qpa_int_std.mass_percent": cif_number(percent)}  # fmt: skip


def _add_textures(block: cif.Block, phases: Sequence[RefinedPhase]) -> None:
    textured = [p for p in phases if p.preferred_orientation != 1.0 or p.preferred_orientation.status != "fixed"]
    harmonic = [texture_text(p) for p in phases if any(slot.startswith(HARMONIC) for slot in p.corrections)]
    if details := [MARCH_TEXT] * bool(textured) + harmonic:
        block.set_pair("_pd_pref_orient.special_details", cif_text_item("\n".join(details)))
    if not textured:
        return
    loop = block.init_loop(MARCH, ["id", "phase_id", "index_h", "index_k", "index_l", "r"])
    for number, phase in enumerate(textured, 1):
        hkl = map(str, phase.texture_axis)
        loop.add_row([str(number), cif_text_item(phase.name), *hkl, cif_number(phase.preferred_orientation)])
