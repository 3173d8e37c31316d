"""Powder CIF of a series: a block for each frame's diffractogram, and one for each phase in it, with its cell.

Names and loops as in `results/powder_cif.py`. A frame has its pattern as measured, where the file is still there; the
atoms of the phases, which are common to the frames, are in blocks of their own. Quarantined frames have no phases.
"""

from __future__ import annotations

import math
from typing import Any

from gemmi import cif

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.model import safe_name
from layerox.errors import InputError
from layerox.io.cif_emission import CELL_TAGS, add_sites, add_symmetry
from layerox.io.pdcif_writing import add_measurement
from layerox.refined import Refined
from layerox.results.powder_cif import PhaseAmount, add_phase_identity, add_quantities
from layerox.results.structure_cif import cif_number, cif_text_item, safe_code
from layerox.series.result import Series, frame_at, reading_of
from layerox.series.run_document import crystal_from_document
from layerox.symmetry import CELL_NAMES

# Axes of a series that the dictionaries have a name for.
AXES = {"temperature": "_diffrn.ambient_temperature"}


def series_cif_text(series: Series) -> str:
    """Return the text of a powder CIF with the frames of a series in their order."""
    document = cif.Document()
    crystals = _crystals(series)
    for name, crystal in crystals.items():
        _add_common(document.add_new_block(f"phase_{safe_code(name)}"), name, crystal)
    for k in range(len(series.frames)):
        _add_frame(document, series, crystals, k)
    return str(document.as_string())


def _crystals(series: Series) -> dict[str, Crystal]:
    """Return the structures of run.json by the name of the phase in the columns."""
    listed = series.run.get("structures") or {}
    return {safe_name(name): crystal_from_document(name, document) for name, document in listed.items()}


def _add_common(block: cif.Block, name: str, crystal: Crystal) -> None:
    """Add what the frames have in common of a phase: symmetry and atoms."""
    block.set_pair("_pd_block.id", cif_text_item(f"layerox|{safe_code(name)}"))
    block.set_pair("_pd_phase.id", cif_text_item(f"common|{safe_code(name)}"))
    block.set_pair("_pd_phase_name", cif_text_item(name))
    for tag, value in zip(CELL_TAGS, crystal.cell, strict=True):
        block.set_pair(tag, f"{value:.10g}")
    add_symmetry(block, crystal.symmetry, detailed=True)
    if not crystal.sites:
        return
    rows = zip(crystal.sites, crystal.mean_occupancies, strict=True)
    add_sites(block, [
        (site, crystal.symmetry.multiplicity(site.position),
         [*(f"{x:.10g}" for x in site.position), f"{mean:.10g}", "?"]) for site, mean in rows
    ])  # fmt: skip


def _add_frame(document: cif.Document, series: Series, crystals: dict[str, Crystal], k: int) -> None:
    row = series.frames.iloc[k]
    code = f"frame_{int(row['frame'])}"
    identity = f"layerox|{code}"
    block = document.add_new_block(code)
    _add_pattern(block, series, k)
    block.set_pair("_pd_block.id", cif_text_item(identity))
    block.set_pair("_pd_diffractogram.id", cif_text_item(identity))
    block.set_pair("_pd_proc.info_special_details", cif_text_item(_verdict(row)))
    for axis, tag in AXES.items():
        if axis in series.axes and math.isfinite(row[axis]):
            block.set_pair(tag, f"{row[axis]:.8g}")
    if not series.is_good[k]:
        return
    block.set_pair("_pd_proc_ls.prof_wR_factor", f"{row['r_wp']:.6f}")
    block.set_pair("_refine_ls.goodness_of_fit_all", f"{row['gof']:.5f}")
    present = [name for name in series.phases if math.isfinite(row[f"{name}.volume"])]
    add_quantities(block, [PhaseAmount(name=name, block=f"{identity}|{safe_code(name)}", fraction=_fraction(row, name))
                           for name in present])  # fmt: skip
    for name in present:
        own = document.add_new_block(f"{code}_{safe_code(name)}")
        add_phase_identity(own, name, f"{identity}|{safe_code(name)}", identity)
        own.set_pair("_pd_phase_name", cif_text_item(name))
        _add_cell(own, row, name, crystals.get(name))


def _add_pattern(block: cif.Block, series: Series, k: int) -> None:
    """Add the measured pattern of a frame, or why it is missing."""
    try:
        add_measurement(block, reading_of(series).pattern(frame_at(series, k)))
    except InputError as error:
        block.set_pair("_audit.creation_method", "layerox")
        block.set_pair("_pd_meas.special_details", cif_text_item(f"without its pattern: {error.problem}"))


def _verdict(row: Any) -> str:
    reason = str(row["reason"]) if isinstance(row["reason"], str) and row["reason"] else ""
    return f"{row['file']}: {row['verdict']}{f': {reason}' if reason else ''}"


def _number(row: Any, column: str) -> Refined | None:
    """Return a number of the table with its standard uncertainty, None if it is unknown."""
    value = row.get(column, math.nan)
    esd = row.get(f"{column}_esd", math.nan)
    return Refined(value, esd if math.isfinite(esd) else 0.0) if math.isfinite(value) else None


def _fraction(row: Any, name: str) -> Refined | None:
    return _number(row, f"{name}.weight_fraction")


def _add_cell(block: cif.Block, row: Any, name: str, crystal: Crystal | None) -> None:
    """Add the cell of a phase in a frame; an edge or angle without a column is that of its structure."""
    standing = dict(zip(CELL_NAMES, crystal.cell, strict=True)) if crystal is not None else {}
    for tag, slot in zip(CELL_TAGS, CELL_NAMES, strict=True):
        number = _number(row, f"{name}.{slot}")
        if number is None and slot in standing:
            number = Refined(standing[slot])
        if number is not None:
            block.set_pair(tag, cif_number(number))
    volume = _number(row, f"{name}.volume")
    if volume is not None:
        block.set_pair("_cell_volume", cif_number(volume))
    if crystal is not None:
        add_symmetry(block, crystal.symmetry)
