"""The beam of a powder CIF: wavelengths with their weights, the probe, the name of the lines, and the polarisation.

_diffrn_radiation_polarisn_ratio is the intensity polarised perpendicular over that polarised parallel to a plane, which
is the diffraction plane where _diffrn_radiation_polarisn_norm is 0: p / (1 - p) of P = p + (1 - p) cos^2(2 theta).
Programs that omit the norm write other numbers (p itself), so a ratio alone is not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from layerox.errors import InputError
from layerox.io.cif_block import CifBlock
from layerox.notices import Notice
from layerox.radiation import (
    K_ALPHA,
    K_ALPHA_RATIO,
    SAME_WAVELENGTH,
    Radiation,
    polarization_from_monochromator,
    radiation_from_text,
)

PROBE, TYPE = "_diffrn_radiation_probe", "_diffrn_radiation_type"
RATIO, NORM = "_diffrn_radiation_polarisn_ratio", "_diffrn_radiation_polarisn_norm"
MONOCHROMATOR = "_pd_instr_2theta_monochr_post"
WAVELENGTHS = ("_diffrn_radiation_wavelength", "_diffrn_radiation_wavelength_value")
WEIGHT = "_wt"
NAMED_LINE = re.compile(rf"({'|'.join(K_ALPHA)})k-?(?:a|alpha|l3)(1(?![,+&/]))?(?!.*k-?(?:a|alpha)2)", re.IGNORECASE)
# Two lines with a smaller relative difference are K alpha 1 and 2.
DOUBLET = 0.01
Kind = Literal["xray", "neutron"]


def beam_of(block: CifBlock, blocks: Sequence[CifBlock], path: Path) -> tuple[Radiation | None, bool, list[Notice]]:
    """Return the beam of a block (None if not stated), whether it distinguishes X-rays from neutrons, and warnings.

    Raises
    ------
    InputError
        If the beam is electrons, or the wavelength is impossible for powder diffraction.
    """
    try:
        return _beam(block, blocks)
    except InputError as error:
        raise InputError(error.problem, place=path, cure=error.cure) from None
    except ValueError as error:
        raise InputError(f"block {block.name}, beam: {error}", place=path, cure="correct it there") from None


def _beam(block: CifBlock, blocks: Sequence[CifBlock]) -> tuple[Radiation | None, bool, list[Notice]]:
    kind = _kind(block, blocks)
    named = _named(block.shared_text(TYPE, blocks)) if kind != "neutron" else None
    lines, warnings = _lines(block, blocks)
    if not lines:
        beam = named
    elif named is not None and len(lines) == 1 and _is_mean(lines[0][0], named):
        beam = named
        message = f"one mean wavelength, {lines[0][0]:g} A, is given for {named.name}: its two lines are used"
        warnings.append(Notice("doublet_assumed", message))
    else:
        name = named.name if named is not None and _are_same(lines, named) else ""
        beam = Radiation(lines=tuple(lines), kind=kind or "xray", name=name)
    if beam is None or beam.kind == "neutron":
        return beam, kind is not None, warnings
    polarization = _polarization(block, blocks)
    if _first(block, NORM, blocks) is None and (ratio := _first(block, RATIO, blocks)) is not None:
        message = (
            f"the polarisation ratio {ratio:g} is given without its norm, and programs disagree on what that means"
        )
        message += ": give the polarization or the two-theta of the monochromator"
        warnings.append(Notice("polarization_unused", message))
    return beam if polarization is None else beam.polarized(polarization), kind is not None, warnings


def _kind(block: CifBlock, blocks: Sequence[CifBlock]) -> Kind | None:
    probe = (block.shared_text(PROBE, blocks) or block.shared_text(TYPE, blocks)).lower()
    if "electron" in probe:
        raise InputError("was measured with electrons", cure="give a pattern of X-rays or neutrons")
    if "neutron" in probe:
        return "neutron"
    return "xray" if "ray" in probe or "synchrotron" in probe or _named(probe) is not None else None


def _named(text: str) -> Radiation | None:
    r"""Return the lines of a name in the spelling of the dictionary, "Cu K\a~1~", or similar."""
    match = NAMED_LINE.match(re.sub(r"[\s\\~_{}'()]", "", text))
    return radiation_from_text(f"{match[1]}Ka{match[2] or ''}") if match else None


def _lines(block: CifBlock, blocks: Sequence[CifBlock]) -> tuple[list[tuple[float, float]], list[Notice]]:
    """Return (wavelength, weight) of each line, strongest first."""
    stating_block = next((found for tag in WAVELENGTHS if (found := block.stating_block(tag, blocks))), None)
    if stating_block is None:
        return [], []
    wavelengths = next(stating_block.numbers(tag)[0] for tag in WAVELENGTHS if tag in stating_block)
    weights = stating_block.numbers(WAVELENGTHS[0] + WEIGHT)[0]
    known = weights if len(weights) == len(wavelengths) else np.full(len(wavelengths), np.nan)
    given = np.isfinite(wavelengths)
    lines = list(zip(wavelengths[given].tolist(), known[given].tolist(), strict=True))
    warnings = []
    if len(lines) == 2 and np.isnan(lines[1][1]) and abs(lines[1][0] / lines[0][0] - 1) < DOUBLET:
        lines = [(min(lines)[0], 1.0), (max(lines)[0], K_ALPHA_RATIO)]
        warnings.append(Notice("doublet_assumed", "the two wavelengths have no weights: 2 to 1 is assumed"))
    weighted = [(wavelength, 1.0 if np.isnan(weight) else weight) for wavelength, weight in lines]
    return sorted(weighted, key=lambda line: -line[1]), warnings


def _is_mean(wavelength: float, named: Radiation) -> bool:
    """Whether a wavelength is the weighted mean of several lines."""
    mean = sum(line * weight for (line, _), weight in zip(named.lines, named.weights, strict=True))
    return len(named.lines) > 1 and abs(wavelength / mean - 1) <= SAME_WAVELENGTH


def _are_same(lines: Sequence[tuple[float, float]], named: Radiation) -> bool:
    pairs = list(zip(lines, named.lines, strict=False))
    near = all(abs(one[0] / other[0] - 1) <= SAME_WAVELENGTH for one, other in pairs)
    return len(lines) == len(named.lines) and near


def _polarization(block: CifBlock, blocks: Sequence[CifBlock]) -> float | None:
    ratio, norm, monochromator = (_first(block, tag, blocks) for tag in (RATIO, NORM, MONOCHROMATOR))
    if ratio is not None and ratio >= 0 and norm is not None:
        if norm == 0.0:
            return ratio / (1.0 + ratio)
        if abs(norm) == 90.0:
            return 1.0 / (1.0 + ratio)
    return polarization_from_monochromator(two_theta=monochromator) if monochromator else None


def _first(block: CifBlock, tag: str, blocks: Sequence[CifBlock]) -> float | None:
    values = block.shared_numbers(tag, blocks)[0]
    return float(values[0]) if len(values) and np.isfinite(values[0]) else None
