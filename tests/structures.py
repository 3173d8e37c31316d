"""Structures that several tests use, typed in with their origin, so that no test needs a file."""

from layerox.crystal import Crystal, Site, cell_tuple
from layerox.diffraction.phase import Phase
from layerox.symmetry import symmetry_from_name


def crystal(name, space_group, cell, sites, **more):
    """Return a crystal from rows (label, element, position, occupancy, u_iso)."""
    rows = tuple(
        Site(label=label, element=element, position=position, occupancy=occupancy, u_iso=u_iso, **extra)
        for label, element, position, occupancy, u_iso, extra in ((*row, {})[:6] for row in sites)
    )
    symmetry = symmetry_from_name(space_group)
    return Crystal(name=name, cell=cell_tuple(cell), symmetry=symmetry, sites=rows, **more).snapped()


def p2(a=2.885, c=11.155):
    """P2-Na0.67Ni0.33Mn0.67O2 as in the GSAS-II reference list a_P2_Na067Ni033Mn067O2."""
    return crystal(
        "P2",
        "P 63/m m c",
        (a, a, c, 90, 90, 120),
        [
            ("Ni1", "Ni", (0, 0, 0), 1 / 3, 0.005),
            ("Mn1", "Mn", (0, 0, 0), 2 / 3, 0.005),
            ("O1", "O", (1 / 3, 2 / 3, 0.0917), 1.0, 0.005),
            ("Na1", "Na", (0, 0, 0.25), 0.25, 0.02),
            ("Na2", "Na", (2 / 3, 1 / 3, 0.25), 0.42, 0.02),
        ],
    )


def o3(a=2.961, c=15.91):
    """O3-NaNi0.5Mn0.5O2 as in the GSAS-II reference list b_O3_NaNi05Mn05O2."""
    return crystal(
        "O3",
        "R -3 m:H",
        (a, a, c, 90, 90, 120),
        [
            ("Na1", "Na", (0, 0, 0), 1.0, 0.02),
            ("Ni1", "Ni", (0, 0, 0.5), 0.5, 0.005),
            ("Mn1", "Mn", (0, 0, 0.5), 0.5, 0.005),
            ("O1", "O", (0, 0, 0.23), 1.0, 0.005),
        ],
    )


def o_prime_3():
    """O'3-NaMnO2 (C2/m) as in the GSAS-II reference list f_Oprime3_NaMnO2_C2m."""
    return crystal(
        "O'3",
        "C 1 2/m 1",
        (5.63, 2.86, 5.77, 90, 112.9, 90),
        [
            ("Mn1", "Mn", (0, 0, 0), 1.0, 0.005),
            ("Na1", "Na", (0, 0.5, 0.5), 1.0, 0.02),
            ("O1", "O", (0.29, 0, 0.799), 1.0, 0.005),
        ],
    )


def zincite():
    """ZnO, P 63 m c (polar), coordinates near Sawada et al., J. Solid State Chem. 122 (1996) 148, rounded."""
    anisotropic = {"u_aniso": (0.008, 0.008, 0.006, 0.004, 0.0, 0.0)}
    return crystal(
        "zincite",
        "P 63 m c",
        (3.2488, 3.2488, 5.2054, 90, 90, 120),
        [
            ("Zn1", "Zn", (2 / 3, 1 / 3, 0.0), 1.0, 0.0073, anisotropic),
            ("O1", "O", (2 / 3, 1 / 3, 0.382), 1.0, 0.006),
        ],
    )


def triclinic():
    """Nothing real: a P -1 cell in which all six parameters and all coordinates are free."""
    return crystal(
        "triclinic",
        "P -1",
        (5.1, 5.9, 6.7, 82.0, 97.0, 104.0),
        [
            ("Mn1", "Mn", (0.11, 0.23, 0.31), 1.0, 0.006, {"charge": 3}),
            ("O1", "O", (0.41, 0.67, 0.15), 0.8, 0.01),
            ("Na1", "Na", (0.72, 0.38, 0.83), 0.6, 0.02),
        ],
    )


def phase(structure, **more):
    """Return the phase of a crystal under the crystal's name."""
    return Phase(name=structure.name, crystal=structure, **more)
