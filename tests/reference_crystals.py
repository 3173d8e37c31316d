"""Crystals that several tests share: those of the reference list of GSAS-II, and some that it lacks.

The first four are the structures a, b, d, f of reference_structures.json (GSAS-II, commit 013259a0).
"""

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.diffraction.phase import Phase
from layerox.symmetry import symmetry_from_name, symmetry_from_triplets

THIRD = 1 / 3


def crystal(name, group, cell, *rows):
    """Return a crystal of rows (label, species, position, occupancy, u_iso) and perhaps u_aniso; "Mn3+" is an ion."""
    symmetry = symmetry_from_triplets(group) if isinstance(group, list) else symmetry_from_name(group)
    return Crystal(name=name, cell=cell, symmetry=symmetry, sites=tuple(site(*row) for row in rows))


def site(label, species, position, occupancy=1.0, u_iso=0.005, u_aniso=None):
    element = species.rstrip("0123456789+-")
    charge = species[len(element) :]
    number = 0 if not charge else int(charge[:-1] or 1) * (1 if charge[-1] == "+" else -1)
    return Site(
        label=label,
        element=element,
        charge=number,
        position=position,
        occupancy=occupancy,
        u_iso=u_iso,
        u_aniso=u_aniso,
    )


P2 = crystal(
    "P2", "P 63/m m c", (2.885, 2.885, 11.155, 90.0, 90.0, 120.0),
    ("Ni1", "Ni", (0.0, 0.0, 0.0), THIRD),
    ("Mn1", "Mn", (0.0, 0.0, 0.0), 2 * THIRD),
    ("O1", "O", (THIRD, 2 * THIRD, 0.0917)),
    ("Na1", "Na", (0.0, 0.0, 0.25), 0.25, 0.02),
    ("Na2", "Na", (2 * THIRD, THIRD, 0.25), 0.42, 0.02),
)  # fmt: skip
O3 = crystal(
    "O3", "R -3 m:H", (2.961, 2.961, 15.91, 90.0, 90.0, 120.0),
    ("Na1", "Na", (0.0, 0.0, 0.0), 1.0, 0.02),
    ("Ni1", "Ni", (0.0, 0.0, 0.5), 0.5),
    ("Mn1", "Mn", (0.0, 0.0, 0.5), 0.5),
    ("O1", "O", (0.0, 0.0, 0.23)),
)  # fmt: skip
SPINEL = crystal(
    "spinel", "F d -3 m:2", (8.24, 8.24, 8.24, 90.0, 90.0, 90.0),
    ("Li1", "Li", (0.125, 0.125, 0.125), 1.0, 0.02),
    ("Mn1", "Mn", (0.5, 0.5, 0.5)),
    ("O1", "O", (0.263, 0.263, 0.263)),
)  # fmt: skip
O3_PRIME = crystal(
    "Op3", "C 1 2/m 1", (5.63, 2.86, 5.77, 90.0, 112.9, 90.0),
    ("Mn1", "Mn", (0.0, 0.0, 0.0)),
    ("Na1", "Na", (0.0, 0.5, 0.5), 1.0, 0.02),
    ("O1", "O", (0.29, 0.0, 0.799)),
)  # fmt: skip

# Structure c of the same list: polar, along z.
P3 = crystal(
    "P3", "R 3 m:H", (2.87, 2.87, 16.8, 90.0, 90.0, 120.0),
    ("Ni1", "Ni", (0.0, 0.0, 0.0), THIRD),
    ("Mn1", "Mn", (0.0, 0.0, 0.0), 2 * THIRD),
    ("O1", "O", (0.0, 0.0, 0.3985)),
    ("O2", "O", (0.0, 0.0, 0.6015)),
    ("Na1", "Na", (0.0, 0.0, 0.17), 0.6, 0.02),
)  # fmt: skip

# LaB6, cell of NIST SRM 660c, 4.156826 A; coordinate and displacements rounded from its certificate.
LAB6 = crystal(
    "LaB6", "P m -3 m", (4.156826, 4.156826, 4.156826, 90.0, 90.0, 90.0),
    ("La1", "La", (0.0, 0.0, 0.0), 1.0, 0.005),
    ("B1", "B", (0.1996, 0.5, 0.5), 1.0, 0.004),
)  # fmt: skip

# Made up: ions, anisotropic and mixed, no inversion, a screw axis and a glide (orthorhombic, polar along z).
POLAR = crystal(
    "polar", "P n a 21", (7.9, 6.1, 5.2, 90.0, 90.0, 90.0),
    ("Mn1", "Mn3+", (0.12, 0.23, 0.0), 0.7, 0.006, (0.006, 0.011, 0.004, 0.001, -0.002, 0.0015)),
    ("Fe1", "Fe3+", (0.12, 0.23, 0.0), 0.3, 0.006),
    ("O1", "O2-", (0.31, 0.07, 0.21), 1.0, 0.01, (0.012, 0.007, 0.011, -0.003, 0.002, 0.001)),
    ("Na1", "Na", (0.44, 0.62, 0.37), 0.8, 0.02),
)  # fmt: skip

# Made up: trigonal without inversion, in general and special positions.
CHIRAL = crystal(
    "chiral", "P 31 2 1", (5.1, 5.1, 5.6, 90.0, 90.0, 120.0),
    ("Si1", "Si4+", (0.47, 0.0, THIRD), 1.0, 0.008),
    ("O1", "O2-", (0.413, 0.266, 0.213), 1.0, 0.012),
)  # fmt: skip

# Made up: no symmetry at all, all angles oblique.
TRICLINIC = crystal(
    "triclinic", "P 1", (4.1, 5.3, 6.2, 81.0, 97.0, 108.0),
    ("Mn1", "Mn4+", (0.1, 0.2, 0.3), 0.9, 0.004, (0.004, 0.006, 0.005, 0.001, 0.0005, -0.001)),
    ("O1", "O", (0.55, 0.61, 0.87), 1.0, 0.01),
    ("Cl1", "Cl1-", (0.7, 0.15, 0.52), 1.0, 0.015),
)  # fmt: skip

# Made up: 6h of P6_3/mmc (x, 2x, 1/4) and 12k, with two species on the tied coordinates.
TIED = crystal(
    "tied", "P 63/m m c", (5.7, 5.7, 9.3, 90.0, 90.0, 120.0),
    ("Ba1", "Ba", (THIRD, 2 * THIRD, 0.25), 1.0, 0.007),
    ("O1", "O", (0.52, 1.04, 0.25), 0.6, 0.01),
    ("F1", "F", (0.52, 1.04, 0.25), 0.4, 0.01),
    ("Ti1", "Ti", (0.83, 1.66, 0.08), 0.5, 0.006),
)  # fmt: skip

# ZnO, polar along z, near Sawada et al., J. Solid State Chem. 122 (1996) 148, rounded.
ZINCITE = crystal(
    "zincite", "P 63 m c", (3.2488, 3.2488, 5.2054, 90.0, 90.0, 120.0),
    ("Zn1", "Zn", (2 * THIRD, THIRD, 0.0), 1.0, 0.0073, (0.008, 0.008, 0.006, 0.004, 0.0, 0.0)),
    ("O1", "O", (2 * THIRD, THIRD, 0.382), 1.0, 0.006),
)  # fmt: skip

ALL = (P2, O3, SPINEL, O3_PRIME, P3, LAB6, POLAR, CHIRAL, TRICLINIC, TIED)


def p2(a=2.885, c=11.155):
    """P2 in a cell."""
    return P2.with_cell((a, a, c, 90, 90, 120))


def o3(a=2.961, c=15.91):
    """O3 in a cell."""
    return O3.with_cell((a, a, c, 90, 90, 120))


def phase(crystal, **more):
    """The phase of a crystal under the crystal's name."""
    return Phase(name=crystal.name, crystal=crystal, **more)
