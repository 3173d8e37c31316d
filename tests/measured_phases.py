"""A hydrate of a layered oxide with a structure, for specimens whose truth is known; tests treat it as unsolved."""

from dataclasses import replace

from layerox.analysis.fit import simulate
from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument
from mixtures import CU, PROFILE
from reference_crystals import crystal

THIRD = 1 / 3
# Made up: slabs of MnO2 6.95 angstrom apart, sodium and water between them.
HYDRATE = crystal(
    "hydrate", "P 63/m m c", (2.84, 2.84, 13.9, 90.0, 90.0, 120.0),
    ("Mn1", "Mn", (0.0, 0.0, 0.0)), ("O1", "O", (THIRD, 2 * THIRD, 0.0685)),
    ("Na1", "Na", (0.0, 0.0, 0.25), 0.15, 0.04), ("O2", "O", (2 * THIRD, THIRD, 0.25), 0.6, 0.04),
)  # fmt: skip


def measured(constant=None, esd=0.0, scale=1.0, two_theta=(5.0, 100.0, 0.05)):
    """Return the hydrate as a measured crystal with the |F|^2 of its structure times a scale."""
    found = simulate(
        [HYDRATE], weights=[1.0], radiation=CU, instrument=Instrument(profile=PROFILE), two_theta=two_theta
    )
    rows = {row.hkl: scale * row.f_squared for row in found.reflections}
    return MeasuredCrystal(
        name="hydrate", cell=HYDRATE.cell, symmetry=HYDRATE.symmetry, sites=(), reflections=tuple(rows),
        f_squared=tuple(rows.values()), constant=constant, constant_esd=esd,
        atoms=tuple(HYDRATE.content.items()),
    )  # fmt: skip


def specimen(cell=HYDRATE.cell):
    """Return the hydrate with its structure as a phase of a specimen."""
    return Phase(name="hydrate", crystal=replace(HYDRATE, cell=cell), size_nm=60.0, microstrain=0.001)
