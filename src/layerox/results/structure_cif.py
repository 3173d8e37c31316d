"""Structure CIF: a refined phase as the items of a CIF block, with standard uncertainties in brackets.

A fixed number is written with ten digits, a refined one rounded to its uncertainty. `pdcif` writes such blocks together
with the pattern; alone they are the P2.cif of a results folder, which can be read as a phase.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from gemmi import cif

from layerox.crystal.asymmetric_unit import Site
from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.model import INSTRUMENT_SLOTS, safe_name
from layerox.diffraction.peaks import W
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_model import PhaseModel
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.reflections import Reflections
from layerox.diffraction.scattering_factors import scatterers
from layerox.io.cif_emission import CELL_TAGS, add_anisotropic, add_sites, add_symmetry, quoted
from layerox.radiation import Radiation
from layerox.refined import Refined, with_esd
from layerox.symmetry import CELL_NAMES, metric_tensor

REFLECTION_TAGS = ["index_h", "index_k", "index_l", "symmetry_multiplicity", "d_spacing", "F_squared_calc"]
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
# Any width: the strength of a reflection does not depend on it.
SOME_WIDTH = 0.01


def structure_files(refinement: Refinement) -> dict[str, str]:
    """Return the CIF of each phase that has atoms, by file name: "P2.cif", "Pp2.cif" for P'2."""
    return {
        structure_file(phase.name): structure_cif_text(phase, refinement) for phase in refinement.phases if phase.sites
    }


def structure_file(name: str) -> str:
    """Return the name of the file for a phase's structure; a phase named "fit" must not replace fit.cif."""
    safe = safe_name(name)
    return f"phase_{safe}.cif" if safe.casefold() == "fit" else f"{safe}.cif"


def structure_cif_text(phase: RefinedPhase, refinement: Refinement) -> str:
    """Return the refined structure of a phase as the text of a CIF."""
    document = cif.Document()
    block = document.add_new_block(safe_code(phase.name))
    block.set_pair("_audit_creation_method", cif_text_item(f"layerox {refinement.version}"))
    add_structure(block, phase, refinement.radiation)
    return str(document.as_string())


def add_structure(block: cif.Block, phase: RefinedPhase, radiation: Radiation) -> None:
    """Add cell, symmetry, atoms and scattering factors."""
    crystal = phase.crystal
    units = crystal.formula_units
    block.set_pair("_pd_phase_name", cif_text_item(phase.name))
    content = sorted(crystal.content.items())
    formula = " ".join(f"{e}{round(n / units, 6):.10g}" for e, n in content)
    block.set_pair("_chemical_formula_sum", cif_text_item(formula) if formula else "?")
    mass = crystal.content_mass if isinstance(crystal, MeasuredCrystal) else crystal.mass
    block.set_pair("_chemical_formula_weight", f"{mass / units:.3f}" if math.isfinite(mass) else "?")
    block.set_pair("_cell_formula_units_Z", str(units))
    for tag, name in zip(CELL_TAGS, CELL_NAMES, strict=True):
        block.set_pair(tag, cif_number(phase.cell[name]))
    block.set_pair("_cell_volume", cif_number(phase.cell["volume"]))
    density = crystal.density
    block.set_pair("_exptl_crystal_density_diffrn", f"{density:.4f}" if math.isfinite(density) else "?")
    add_symmetry(block, crystal.symmetry, detailed=True)
    if phase.sites:
        _add_atom_types(block, phase, radiation)
        add_sites(block, _site_rows(phase))
        add_anisotropic(block, _anisotropic_rows(phase))


def _add_atom_types(block: cif.Block, phase: RefinedPhase, radiation: Radiation) -> None:
    kinds = {site.species: site for site in phase.crystal.sites}
    found = scatterers(list(kinds.values()), radiation)
    if radiation.kind == "neutron":
        loop = block.init_loop("_atom_type_", ["symbol", "scat_length_neutron", "scat_source"])
        source = cif_text_item("Sears, Neutron News 3 (1992) 26-37")
        for species, length in zip(kinds, found.constant, strict=True):
            loop.add_row([quoted(species), f"{length:.4f}", source])
        return
    bare = scatterers(list(kinds.values()), radiation, anomalous=False)
    loop = block.init_loop("_atom_type_", ["symbol", "scat_dispersion_real", "scat_dispersion_imag", "scat_source"])
    source = cif_text_item("International Tables Vol. C (1992) 6.1.1.4; Cromer & Liberman, Acta Cryst. A37 (1981) 267")
    for species, real, imaginary in zip(kinds, found.constant - bare.constant, found.imaginary, strict=True):
        loop.add_row([quoted(species), f"{real:.4f}", f"{imaginary:.4f}", source])


def _site_rows(phase: RefinedPhase) -> Iterator[tuple[Site, int, list[str]]]:
    crystal = phase.crystal
    for refined, site, mean in zip(phase.sites, crystal.sites, crystal.mean_occupancies, strict=True):
        # Of a disordered stacking the file holds the mean slab with its gallery.
        own = refined.occupancy
        part = mean / site.occupancy if site.occupancy else 1.0
        occupancy = own if part == 1.0 else Refined(own.value * part, own.esd * part, own.status)
        numbers = (refined.x, refined.y, refined.z, occupancy, refined.u_iso)
        yield site, crystal.symmetry.multiplicity(site.position), [cif_number(number) for number in numbers]


def _anisotropic_rows(phase: RefinedPhase) -> list[tuple[str, list[str]]]:
    """Return U_ij by site; a refinement changes their isotropic part, from which their uncertainty follows."""
    inverse = np.linalg.inv(metric_tensor(phase.crystal.cell))
    star = np.sqrt(np.diag(inverse))
    share = [abs(float(inverse[i, j] / (star[i] * star[j]))) for i, j in PAIRS]
    rows = []
    for refined, site in zip(phase.sites, phase.crystal.sites, strict=True):
        esds = [refined.u_iso.esd * part if part > 1e-9 else 0.0 for part in share]
        tensor = zip(site.u_aniso or (), esds, strict=False)
        rows += [(site.label, [cif_number(Refined(u, esd)) for u, esd in tensor])] if site.u_aniso else []
    return rows


def add_reflections(block: cif.Block, phase: RefinedPhase, refinement: Refinement) -> None:
    """Add hkl, multiplicity, d and F^2 of the reflections in the range, by falling d, of a phase with atoms.

    F^2 a cell is the mean of Friedel mates with displacements and dispersion, in electrons^2 (fm^2 for neutrons). Of a
    phase with extracted intensities, F^2 is the extracted one (in units of its scale), as a measured value.
    """
    if isinstance(phase.crystal, MeasuredCrystal):
        _add_measured(block, phase.crystal)
    if not phase.sites or phase.stacking is not None:
        return
    if phase.intensities:
        _add_extracted(block, phase)
        return
    low, high = refinement.pattern.range
    described = Phase(name=phase.name, crystal=phase.crystal)
    model = PhaseModel(described, refinement.radiation, refinement.instrument, high)
    instrument = np.zeros(len(INSTRUMENT_SLOTS))
    instrument[W] = SOME_WIDTH
    peaks = model.peaks(described.values, instrument)
    d = peaks.q**-0.5
    sine = 0.5 * refinement.radiation.wavelength / d
    d_min, d_max = (0.5 * refinement.radiation.wavelength / math.sin(math.radians(angle / 2))
                    for angle in (min(high, 180.0), max(low, 1e-3)))  # fmt: skip
    listed = np.flatnonzero((sine <= 1) & (d >= d_min) & (d <= d_max))
    listed = listed[np.argsort(-d[listed], kind="stable")]
    block.set_pair("_reflns_number_total", str(len(listed)))
    if not len(listed):
        return
    block.set_pair("_reflns_d_resolution_high", f"{d[listed[-1]]:.5f}")
    block.set_pair("_reflns_d_resolution_low", f"{d[listed[0]]:.5f}")
    loop = block.init_loop("_refln_", REFLECTION_TAGS)
    for k in listed:
        hkl = [str(int(index)) for index in model.reflections.hkl[k]]
        loop.add_row([*hkl, str(int(model.reflections.multiplicity[k])), f"{d[k]:.6f}", f"{peaks.f_squared[k]:.6g}"])


def _add_extracted(block: cif.Block, phase: RefinedPhase) -> None:
    block.set_pair("_reflns_number_total", str(len(phase.intensities)))
    loop = block.init_loop("_refln_", ["index_h", "index_k", "index_l", "d_spacing", "F_squared_meas"])
    found = Reflections(np.array(list(phase.intensities)), np.ones(len(phase.intensities), dtype=np.int64))
    rows = zip(phase.intensities.items(), found.d_spacing(phase.crystal.cell), strict=True)
    for (hkl, f_squared), d in rows:
        loop.add_row([*map(str, hkl), f"{d:.6f}", cif_number(f_squared)])


def _add_measured(block: cif.Block, crystal: MeasuredCrystal) -> None:
    """Add the measured intensities of a phase without atoms, and its constant."""
    constant = "not calibrated" if crystal.constant is None else (
        f"{crystal.constant:.6g} g/mol in the place of Z M, esd {crystal.constant_esd:.3g}"
    )  # fmt: skip
    block.set_pair("_pd_calc_method", cif_text_item(f"measured intensities in place of a structure; {constant}"))
    block.set_pair("_reflns_number_total", str(len(crystal.reflections)))
    loop = block.init_loop("_refln_", ["index_h", "index_k", "index_l", "F_squared_meas"])
    for hkl, value in zip(crystal.reflections, crystal.f_squared, strict=True):
        loop.add_row([*map(str, hkl), f"{value:.6g}"])


def cif_number(number: Refined) -> str:
    """Write a number with its standard uncertainty, a fixed one with ten digits, an infinite one as unknown."""
    if not math.isfinite(number.value):
        return "?"
    return with_esd(number.value, number.esd) if number.esd > 0 else f"{number.value:.10g}"


def cif_text_item(text: str) -> str:
    """Quote a text for a CIF; other characters than ASCII become question marks."""
    return text if text == "?" else quoted(text)


def safe_code(name: str) -> str:
    """Return a name as part of the name of a block."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name.replace("'", "p")) or "unnamed"
