"""Published CIF: the pattern with its fit, the structures and the fractions from the powder CIF of a refinement.

It reads fit.cif and similar CIFs of other programs. The result is not a `Refinement`: a CIF contains no covariances and
no bounds, and its numbers are rounded to their uncertainties.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerox.crystal.asymmetric_unit import Crystal
from layerox.errors import InputError
from layerox.io import read_pattern
from layerox.io.cif import read_crystals
from layerox.io.cif_block import CifBlock, blocks_of
from layerox.io.cif_emission import CELL_TAGS
from layerox.io.file_contents import read_bytes, text_of
from layerox.pattern import Pattern
from layerox.public import public
from layerox.refined import Refined
from layerox.symmetry import CELL_NAMES

SITE_ITEMS = {
    "x": "_atom_site_fract_x",
    "y": "_atom_site_fract_y",
    "z": "_atom_site_fract_z",
    "occupancy": "_atom_site_occupancy",
    "u_iso": "_atom_site_u_iso_or_equiv",
}
FIGURES = {
    "r_p": "_pd_proc_ls_prof_r_factor",
    "r_wp": "_pd_proc_ls_prof_wr_factor",
    "r_exp": "_pd_proc_ls_prof_wr_expected",
    "gof": "_refine_ls_goodness_of_fit_all",
    "largest_shift": "_refine_ls_shift_su_max",
}


@dataclass(frozen=True, kw_only=True)
class PublishedPhase:
    """A phase as a CIF gives it; a number without an uncertainty counts as fixed.

    Attributes
    ----------
    name
        As in the file.
    crystal
        Its structure.
    weight_fraction
        Between 0 and 1, None if the file does not state it.
    cell
        a, b, c, alpha, beta, gamma, volume (angstrom, degrees, angstrom^3), those in the file.
    sites
        x, y, z, occupancy and u_iso (angstrom^2) of each site by its label, those in the file.
    """

    name: str
    crystal: Crystal
    weight_fraction: Refined | None
    cell: Mapping[str, Refined]
    sites: Mapping[str, Mapping[str, Refined]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Published:
    """A refinement as a CIF gives it.

    Attributes
    ----------
    pattern
        The data.
    calculated, background
        Curves on its angles, shape (n,), None if the file does not contain them; nan at missing points.
    phases
        In the order of the file.
    figures
        r_p, r_wp, r_exp (fractions), gof and largest_shift (in standard uncertainties), those in the file.
    """

    pattern: Pattern
    calculated: NDArray[np.float64] | None
    background: NDArray[np.float64] | None
    phases: tuple[PublishedPhase, ...]
    figures: Mapping[str, float]

    @property
    def weight_fractions(self) -> dict[str, Refined]:
        """Weight fraction of each phase that has one, by name."""
        return {p.name: p.weight_fraction for p in self.phases if p.weight_fraction is not None}


@public
def read_published(path: str | Path) -> Published:
    """Return the refinement of one pattern from a powder CIF.

    Raises
    ------
    InputError
        If it is not a CIF with one measured pattern and at least one structure.
    """
    path = Path(path)
    pattern = read_pattern(path)
    blocks = blocks_of(text_of(read_bytes(path), path), path)
    try:
        return Published(
            pattern=pattern,
            calculated=_curve(blocks, "_pd_calc_intensity_total", pattern),
            background=_curve(blocks, "_pd_proc_intensity_bkg_calc", pattern),
            phases=_phases(blocks, read_crystals(path)),
            figures=_figures(blocks),
        )
    except ValueError as error:
        raise InputError(str(error), place=path, cure="correct it there") from None


def _curve(blocks: list[CifBlock], tag: str, pattern: Pattern) -> NDArray[np.float64] | None:
    """Return a column with the length of the pattern, None if there is none."""
    block = next((block for block in blocks if block.length(tag) == len(pattern)), None)
    return None if block is None else block.numbers(tag)[0]


def _phases(blocks: list[CifBlock], crystals: list[Crystal]) -> tuple[PublishedPhase, ...]:
    structures = [block for block in blocks if "_atom_site_fract_x" in block]
    fractions = _fractions(blocks)
    return tuple(
        PublishedPhase(
            name=crystal.name,
            crystal=crystal,
            weight_fraction=fractions.get(crystal.name),
            cell=_cell(block),
            sites=_sites(block),
        )
        for block, crystal in zip(structures, crystals, strict=True)
    )


def _fractions(blocks: list[CifBlock]) -> dict[str, Refined]:
    for block in blocks:
        if block.length("_pd_phase_mass_%") == block.length("_pd_phase_name") > 0:
            percents = _refined(block, "_pd_phase_mass_%")
            pairs = zip(block.column("_pd_phase_name"), percents, strict=True)
            return {name: Refined(p / 100, p.esd / 100, p.status) for name, p in pairs if math.isfinite(p.value)}
    return {}


def _cell(block: CifBlock) -> dict[str, Refined]:
    tags = dict(zip((*CELL_NAMES, "volume"), (*CELL_TAGS, "_cell_volume"), strict=True))
    return {name: _refined(block, tag)[0] for name, tag in tags.items() if block.length(tag) == 1}


def _sites(block: CifBlock) -> dict[str, dict[str, Refined]]:
    labels = block.column("_atom_site_label")
    columns = {name: _refined(block, tag) for name, tag in SITE_ITEMS.items() if block.length(tag) == len(labels)}
    return {label: {name: column[k] for name, column in columns.items()} for k, label in enumerate(labels)}


def _figures(blocks: list[CifBlock]) -> dict[str, float]:
    found = {name: block.numbers(tag)[0] for name, tag in FIGURES.items() for block in blocks if block.text(tag)}
    return {name: float(values[0]) for name, values in found.items() if np.isfinite(values[0])}


def _refined(block: CifBlock, tag: str) -> list[Refined]:
    """Return an item with its uncertainties; numbers without one count as fixed."""
    pairs = zip(*block.numbers(tag), strict=True)
    return [Refined(value, esd, "free") if math.isfinite(esd) else Refined(value) for value, esd in pairs]
