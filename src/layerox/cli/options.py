"""Options that several commands share: how the pattern was measured."""

from __future__ import annotations

import argparse

from layerox.instrument import GEOMETRIES


def add_beam_options(parser: argparse.ArgumentParser) -> None:
    """Add radiation, polarisation, geometry and instrument."""
    group = parser.add_argument_group("beam and diffractometer")
    group.add_argument("--radiation", metavar="CuKa|CuKa1|MoKa|LAMBDA", help="emission lines, or one line in angstrom")
    group.add_argument("--neutron", action="store_true", help="neutrons of that wavelength instead of X-rays")
    group.add_argument(
        "--monochromator", type=float, metavar="TWO_THETA", help="diffracted-beam monochromator, degrees"
    )
    group.add_argument("--polarization", type=float, metavar="P", help="p in p + (1 - p) cos^2(2 theta)")
    group.add_argument("--geometry", choices=GEOMETRIES, help="default: bragg-brentano")
    group.add_argument("--instrument", metavar="FILE", help="instrument.toml, GSAS .prm or GSAS-II .instprm")
