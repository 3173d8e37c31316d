"""Calibrate a diffractometer on silicon, and measure a size with it that is the specimen's own.

Both patterns are simulated, so that what was put in can be compared with what comes out. From a measured standard:
layerox calibrate silicon.xye --phase Si.cif --certified a=5.431179 -o instrument.toml
"""

from pathlib import Path

from pymatgen.core import Lattice, Structure

import layerox as lx
from layerox.instrument import Profile
from layerox.io import write_instrument

SILICON = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.431179), ["Si"], [[0.125, 0.125, 0.125]])
PROFILE = Profile(u=0.004, v=-0.003, w=0.004, x=0.01, y=0.012, axial=(0.02, 0.02))
TRUE = lx.Instrument(profile=PROFILE, zero=0.012, displacement_mm=-0.05)
TRUE_SIZE = 42.0

standard = lx.simulate(
    [("Si", SILICON)], radiation="CuKa", two_theta=(20, 140, 0.015), instrument=TRUE, background=[120], counts=60_000
)
found = lx.calibrate(standard.pattern, ("Si", SILICON), certified={"a": 5.431179})
for name in ("u", "v", "w", "x", "y", "s_over_l", "zero", "displacement"):
    print(f"{name:<13}", next(p.number for p in found.refinement.parameters if p.name == f"instrument_{name}"))
write_instrument(found.instrument, Path("instrument.toml"))
lx.plot(found).figure.savefig("calibration.png")

specimen = lx.simulate(
    ["P2"],
    radiation="CuKa",
    two_theta=(12, 100, 0.02),
    instrument=TRUE,
    sizes_nm=[TRUE_SIZE],
    background=[120],
    counts=20_000,
)
result = lx.fit(specimen.pattern, ["P2"], instrument="instrument.toml")
print(f"size {result.phase('P2').size_nm} nm, put in {TRUE_SIZE:g} nm")
