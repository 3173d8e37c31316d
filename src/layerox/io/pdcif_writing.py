"""Write measured patterns as a powder CIF, one block a pattern, so that `read_patterns` returns the same numbers.

Data names of the powder dictionary 2.5 and the core dictionary (COMCIFS, github.com/COMCIFS/Powder_Dictionary). Counts
with Poisson uncertainties are written as counts; other intensities have a column of standard uncertainties. The result
of a fit is written by `results/pdcif.py` and `results/powder_cif.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from gemmi import cif

from layerox.io.number_columns import exact_text
from layerox.pattern import Pattern, are_whole, poisson_sigma
from layerox.radiation import Radiation
from layerox.typing import FloatArray

POINT, ANGLE = "_pd_data.point_id", "_pd_meas.2theta_scan"
COUNTS, INTENSITY = "_pd_meas.counts_total", "_pd_meas.intensity_total"
FACTS = {
    "start_time": "_pd_meas.datetime_initiated",
    "temperature_k": "_diffrn.ambient_temperature",
    "sample": "_pd_spec.description",
    "radius_mm": "_pd_instr.dist_spec_detc",
    "incident_monochromator": "_pd_instr.monochr_pre_spec",
    "diffracted_monochromator": "_pd_instr.monochr_post_spec",
}
PROBES = {"xray": "x-ray", "neutron": "neutron"}


def pdcif_text(patterns: Sequence[Pattern]) -> str:
    """Return the text of a powder CIF with one block for each pattern."""
    document = cif.Document()
    for number, pattern in enumerate(patterns, 1):
        add_measurement(document.add_new_block(f"pattern_{number}"), pattern)
    return str(document.as_string())


def add_measurement(block: cif.Block, pattern: Pattern, curves: Mapping[str, FloatArray] | None = None) -> None:
    """Add a pattern with what is known of its measurement.

    Parameters
    ----------
    block
        The block of a diffractogram.
    pattern
        The pattern.
    curves
        Further columns by data name, of the points of the pattern.
    """
    block.set_pair("_audit.creation_method", cif.quote("layerox"))
    # The second field is the label; bars separate the fields, the last makes it unique in the file.
    label = " ".join(pattern.label.replace("|", "/").split()) or block.name
    identity = f"{pattern.metadata.get('start_time', '')}|{label}|layerox|{block.name}"
    block.set_pair("_pd_block.id", cif.quote(identity))
    for key, tag in FACTS.items():
        if (fact := pattern.metadata.get(key)) not in (None, ""):
            block.set_pair(tag, cif.quote(" ".join(str(fact).split())))
    if pattern.radiation is not None:
        _add_beam(block, pattern.radiation)
    regions = "; ".join(f"{low:.10g} to {high:.10g} degrees two-theta" for low, high in pattern.excluded)
    if regions:
        block.set_pair("_pd_proc.info_excluded_regions", cif.quote(regions))
    block.set_pair("_pd_meas.number_of_points", str(len(pattern)))
    _add_points(block, pattern, curves or {})


def _add_beam(block: cif.Block, beam: Radiation) -> None:
    if beam.says_kind:
        block.set_pair("_diffrn_radiation.probe", PROBES[beam.kind])
    if beam.name:
        element, _, line = beam.name.partition("Ka")
        block.set_pair("_diffrn_radiation.type", cif.quote(f"{element} K\\a{f'~{line}~' if line else ''}"))
    p = beam.polarization
    if p is not None and beam.kind == "xray":
        # Perpendicular over parallel to the diffraction plane; without anything parallel, the other way round at 90.
        norm, ratio = (0, p / (1 - p)) if p < 1 else (90, 0.0)
        block.set_pair("_diffrn_radiation.polarisn_norm", str(norm))
        block.set_pair("_diffrn_radiation.polarisn_ratio", f"{ratio:.12g}")
    names = [f"_diffrn_radiation_wavelength.{name}" for name in ("id", "value", "wt")]
    loop = block.init_loop("", names)
    for number, (wavelength, weight) in enumerate(beam.lines, 1):
        loop.add_row([str(number), exact_text(wavelength), exact_text(weight)])


def _add_points(block: cif.Block, pattern: Pattern, curves: Mapping[str, FloatArray]) -> None:
    poisson = pattern.sigma_source == "poisson" and np.array_equal(pattern.sigma, poisson_sigma(pattern.intensity))
    columns = {ANGLE: pattern.two_theta}
    if poisson and are_whole(pattern.intensity):
        columns[COUNTS] = pattern.intensity
    else:
        columns |= {INTENSITY: pattern.intensity, f"{INTENSITY}_su": pattern.sigma}
    columns |= curves
    loop = block.init_loop("", [POINT, *columns])
    numbers = [list(map(exact_text, column.tolist())) for column in columns.values()]
    loop.set_all_values([[str(number) for number in range(1, len(pattern) + 1)], *numbers])
