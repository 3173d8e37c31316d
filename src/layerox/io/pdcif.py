"""Read the measured patterns of a powder CIF (pdCIF), with gemmi.

Each data block with measured intensities is a scan: its angles are a column (corrected ones before raw ones) or
follow from first, last and step. Metadata missing in a block (beam, temperature) is taken from another block of
the file if only one states it. Data names of the powder dictionary (Toby, in International Tables for Crystallography G
(2006), chapter 3.3) and of the core dictionary, in their old spelling or with a dot for the first underscore.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError
from layerox.io.cif_block import CifBlock, blocks_of
from layerox.io.pdcif_beam import beam_of
from layerox.io.scan import Axis, Scan
from layerox.typing import FloatArray

# Processed intensities come first, because weights refer to them; then counts, whose statistics are known.
INTENSITIES = (
    "_pd_proc_intensity_total",
    "_pd_meas_counts_total",
    "_pd_meas_intensity_total",
    "_pd_proc_intensity_net",
    "_pd_meas_intensity_net",
)
ANGLES = ("_pd_proc_2theta_corrected", "_pd_meas_2theta_scan", "_pd_meas_2theta_corrected", "_pd_proc_2theta")
RANGES = ("_pd_proc_2theta_range", "_pd_meas_2theta_range")
CORRECTED = {ANGLES[0], ANGLES[2], RANGES[0]}
OTHER_AXES: tuple[tuple[str, Axis], ...] = (("_pd_proc_d_spacing", "d"), ("_pd_proc_recip_len_q", "q"))
FLIGHT = ("_pd_meas_time_of_flight", "_pd_meas_time-of-flight")
WEIGHT = "_pd_proc_ls_weight"
# Tolerance between sigmas from weights and those in parentheses, which are rounded to one or two digits.
SAME_SIGMA = 0.25
REGION = re.compile(r"(?<![\d.])([\d.]{1,20}) to ([\d.]{1,20}) degrees", re.ASCII)
FACTS = {
    "temperature_k": "_diffrn_ambient_temperature",
    "radius_mm": "_pd_instr_dist_spec_detc",
}
TEXTS = {
    "start_time": "_pd_meas_datetime_initiated",
    "sample": "_pd_spec_description",
    "geometry": "_pd_instr_geometry",
    "incident_monochromator": "_pd_instr_monochr_pre_spec",
    "diffracted_monochromator": "_pd_instr_monochr_post_spec",
    "monochromator": "_diffrn_radiation_monochromator",
}


def scans_from_cif(text: str, path: Path) -> list[Scan | InputError]:
    """Return the scan of each block with a measured pattern, or its error.

    Raises
    ------
    InputError
        If the file is not a CIF, or no block has a measured pattern.
    """
    blocks = blocks_of(text, path)
    measured = [block for block in blocks if is_measured(block)]
    if not measured:
        raise InputError("is a powder CIF without a pattern", place=path, cure="give the file with the intensities")
    found = [_scan_or_error(block, blocks, path) for block in measured]
    return _without_calculated(found, path)


def is_measured(block: CifBlock) -> bool:
    """Whether a block holds a measured pattern."""
    return any(tag in block for tag in INTENSITIES)


def _scan_or_error(block: CifBlock, blocks: Sequence[CifBlock], path: Path) -> Scan | InputError:
    try:
        return scan_of_block(block, blocks, path)
    except InputError as error:
        return error


def scan_of_block(block: CifBlock, blocks: Sequence[CifBlock], path: Path) -> Scan:
    """Return the scan of a measured block; missing metadata comes from the other blocks of the file.

    Raises
    ------
    InputError
        If it is not a powder pattern over an angle, q or d.
    """
    if any(tag in block for tag in FLIGHT):
        cure = "give a pattern of constant wavelength"
        raise InputError(f"block {block.name} is a time-of-flight pattern", place=path, cure=cure)
    tag = next(tag for tag in INTENSITIES if tag in block)
    intensity, brackets = _numbers(block, tag, path)
    _check_complete(block, tag, len(intensity), path)
    x, axis, corrected = _axis(block, len(intensity), path)
    sigma, used = _sigma(block, tag, brackets, path)
    beam, says_kind, warnings = beam_of(block, blocks, path)
    scan = Scan(
        x=x,
        intensity=intensity,
        sigma=sigma,
        axis=axis,
        radiation=beam,
        says_kind=says_kind,
        label=block_label(block),
        metadata=facts_of_block(block, blocks) | ({"two_theta_corrected": True} if corrected else {}),
        warnings=tuple(warnings),
        excluded=(*_stated_regions(block), *_regions_without_weight(x, used)),
    )
    return _net(tag, scan).taking(used) if not used.all() else _net(tag, scan)


def block_label(block: CifBlock) -> str:
    """Return the name in the second field of _pd_block_id, "" without fields."""
    fields = block.text("_pd_block_id").split("|")
    return fields[1].strip() if len(fields) > 1 else ""


def _net(tag: str, scan: Scan) -> Scan:
    message = "the intensities are net intensities: a background was subtracted"
    return scan.with_warning("net_intensities", message) if tag.endswith("_net") else scan


def _numbers(block: CifBlock, tag: str, path: Path) -> tuple[FloatArray, FloatArray]:
    try:
        return block.numbers(tag)
    except ValueError as error:
        raise InputError(f"block {block.name}, {tag}: {error}", place=path, cure="correct it there") from None


def _number(block: CifBlock, tag: str, path: Path) -> float | None:
    """Return a scalar number of a block, None if missing or unknown."""
    values = _numbers(block, tag, path)[0] if tag in block else np.zeros(0)
    return float(values[0]) if len(values) == 1 and np.isfinite(values[0]) else None


def _check_complete(block: CifBlock, tag: str, points: int, path: Path) -> None:
    """Reject a list of another length than stated: the file is incomplete or edited."""
    own = "_pd_proc_number_of_points" if tag.startswith("_pd_proc") else "_pd_meas_number_of_points"
    stated = _number(block, own, path)
    if stated is not None and stated != points:
        problem = f"block {block.name} lists {points} points and states {stated:g}"
        raise InputError(problem, place=path, cure="export or copy it again")


def _axis(block: CifBlock, points: int, path: Path) -> tuple[FloatArray, Axis, bool]:
    """Return the abscissa of the points, its kind, and whether the angles are already corrected."""
    for tag in ANGLES:
        if block.length(tag) == points:
            return _numbers(block, tag, path)[0], "two-theta", tag in CORRECTED
    for stem in RANGES:
        first, last, step = (_number(block, f"{stem}_{end}", path) for end in ("min", "max", "inc"))
        if first is not None and last is not None and step is not None:
            return _equidistant(first, last, step, points, block.name, path), "two-theta", stem in CORRECTED
    for tag, axis in OTHER_AXES:
        if block.length(tag) == points:
            return _numbers(block, tag, path)[0], axis, False
    cure = f"add {ANGLES[1]}, or {RANGES[1]}_min, _max and _inc"
    raise InputError(f"block {block.name} has {points} intensities and no angles for them", place=path, cure=cure)


def _equidistant(first: float, last: float, step: float, points: int, name: str, path: Path) -> FloatArray:
    expected = (last - first) / step + 1 if step else 0.0
    if abs(expected - points) > 0.5:
        problem = f"block {name} has {points} points, but {first:g} to {last:g} in steps of {step:g} are {expected:.6g}"
        raise InputError(problem, place=path, cure="export or copy it again")
    return np.round(np.linspace(first, last, points), 10)


def _sigma(block: CifBlock, tag: str, brackets: FloatArray, path: Path) -> tuple[FloatArray | None, NDArray[np.bool_]]:
    """Return the standard uncertainties (None for counts without any), and which points count.

    A column of sigmas has priority. Weights come next, because they are more precise than parentheses, unless they are
    not 1/sigma^2. A point without weight was excluded from a refinement and has no sigma.
    """
    points = len(brackets)
    has_weights = block.length(WEIGHT) == points
    weight = _numbers(block, WEIGHT, path)[0] if has_weights else np.ones(points)
    used = np.asarray(weight > 0)
    if not used.any():
        has_weights, used = False, np.ones(points, dtype=bool)
    if block.length(f"{tag}_su") == points:
        return _numbers(block, f"{tag}_su", path)[0], used
    in_brackets = brackets if np.isfinite(brackets[used]).all() else None
    if not has_weights:
        return in_brackets, used
    by_weight = np.ones(points)
    by_weight[used] = weight[used] ** -0.5
    if in_brackets is not None and abs(float(np.median(by_weight[used] / in_brackets[used])) - 1) > SAME_SIGMA:
        return in_brackets, used
    return by_weight, used


def _regions_without_weight(x: FloatArray, used: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Return the ends of each run of points without weight that has points with weight on both sides."""
    edges = np.flatnonzero(np.diff(used.astype(np.int8)))
    starts = [int(k) + 1 for k in edges if used[k]]
    ends = [int(k) for k in edges if not used[k]]
    pairs = [(start, next((end for end in ends if end >= start), None)) for start in starts]
    return [tuple(sorted((float(x[start]), float(x[end])))) for start, end in pairs if end is not None]  # type: ignore[misc]


def _stated_regions(block: CifBlock) -> list[tuple[float, float]]:
    """Return the regions of _pd_proc_info_excluded_regions written as "31.2 to 31.9 degrees"."""
    found = REGION.findall(" ".join(block.text("_pd_proc_info_excluded_regions").split()))
    return [(float(low), float(high)) for low, high in found if low.count(".") < 2 and high.count(".") < 2]


def facts_of_block(block: CifBlock, blocks: Sequence[CifBlock]) -> dict[str, object]:
    """Return the metadata of a block, with the keys of `Pattern.metadata`."""
    facts: dict[str, object] = {}
    for key, tag in FACTS.items():
        try:
            value = float(block.shared_numbers(tag, blocks)[0][0])
        except (ValueError, IndexError):
            continue
        if np.isfinite(value) and value > 0:
            facts[key] = value
    return facts | {key: text for key, tag in TEXTS.items() if (text := block.shared_text(tag, blocks))}


def _without_calculated(found: list[Scan | InputError], path: Path) -> list[Scan | InputError]:
    """Remove patterns that are given as measured, but have the name of a calculated one.

    Only if another pattern has the same angles: a single pattern is always kept.
    """
    scans = [scan for scan in found if isinstance(scan, Scan)]
    return [_if_measured(scan, scans, path) if isinstance(scan, Scan) else scan for scan in found]


def _if_measured(scan: Scan, scans: list[Scan], path: Path) -> Scan | InputError:
    if not is_calculated(scan.label):
        return scan
    for other in scans:
        if not is_calculated(other.label) and len(other) == len(scan) and np.array_equal(other.x, scan.x):
            problem = f"block {scan.label} is by its name the calculated pattern of {other.label}"
            return InputError(problem, place=path, cure="give it in a file of its own")
    return scan


def is_calculated(label: str) -> bool:
    """Whether a pattern has the name of a calculated one."""
    return re.search(r"calc(ulated)?$", label, re.IGNORECASE) is not None
