"""Write measured patterns as a powder CIF, one block a pattern, so that `read_patterns` returns the same numbers.

Data names of the powder dictionary 2.5 and the core dictionary (COMCIFS, github.com/COMCIFS/Powder_Dictionary). Counts
with Poisson uncertainties are written as counts; other intensities have a column of standard uncertainties. The result
of a fit is written by `results/pdcif.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gemmi import cif

from layerox.pattern import Pattern, are_whole, poisson_sigma
from layerox.radiation import Radiation

ANGLE = "_pd_meas.2theta_scan"
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
        _add_block(document.add_new_block(f"pattern_{number}"), pattern)
    return str(document.as_string())


def _add_block(block: cif.Block, pattern: Pattern) -> None:
    block.set_pair("_audit.creation_method", cif.quote("layerox"))
    # The second field is the label; bars separate the fields.
    label = " ".join(pattern.label.replace("|", "/").split()) or block.name
    block.set_pair("_pd_block.id", cif.quote(f"{pattern.metadata.get('start_time', '')}|{label}|layerox|"))
    for key, tag in FACTS.items():
        if (fact := pattern.metadata.get(key)) not in (None, ""):
            block.set_pair(tag, cif.quote(" ".join(str(fact).split())))
    if pattern.radiation is not None:
        _add_beam(block, pattern.radiation)
    regions = "; ".join(f"{low:.10g} to {high:.10g} degrees two-theta" for low, high in pattern.excluded)
    if regions:
        block.set_pair("_pd_proc.info_excluded_regions", cif.quote(regions))
    block.set_pair("_pd_meas.number_of_points", str(len(pattern)))
    _add_points(block, pattern)


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
        loop.add_row([str(number), _number(wavelength), _number(weight)])


def _add_points(block: cif.Block, pattern: Pattern) -> None:
    poisson = pattern.sigma_source == "poisson" and np.array_equal(pattern.sigma, poisson_sigma(pattern.intensity))
    if poisson and are_whole(pattern.intensity):
        names, columns = [ANGLE, COUNTS], [pattern.two_theta, pattern.intensity]
    else:
        names = [ANGLE, INTENSITY, f"{INTENSITY}_su"]
        columns = [pattern.two_theta, pattern.intensity, pattern.sigma]
    loop = block.init_loop("", names)
    loop.set_all_values([list(map(_number, column.tolist())) for column in columns])


def _number(value: float) -> str:
    """Return the shortest text that reads back as the same number, without ".0" for whole ones."""
    return repr(float(value)).removesuffix(".0")
