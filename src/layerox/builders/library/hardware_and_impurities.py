"""Cell hardware, conductive carbon and impurities that occur in patterns of cathodes.

Left out, because no structure could be read at a source or recalled with confidence: NaOH, NaHCO3, Na2CO3 hydrates,
orthorhombic Mn2O3 (Pbca), Li2MnO3, MnO2 polymorphs, polymers. Mn3O4 is among the spinels. B factors are CONSTRUCTED
(typical values) unless the entry states otherwise.
"""

from __future__ import annotations

from layerox.builders.library.library_entry import LibraryEntry
from layerox.builders.phase_recipes import PublishedStructure
from layerox.crystal.asymmetric_unit import Cell

CULLITY = "Cullity, Elements of X-Ray Diffraction, appendix of crystal structure data, 20 C, looked up"


def _cubic(a: float) -> Cell:
    return a, a, a, 90.0, 90.0, 90.0


def _hexagonal(a: float, c: float) -> Cell:
    return a, a, c, 90.0, 90.0, 120.0


def _rock_salt(metal: str, a: float) -> PublishedStructure:
    sites = ((f"{metal}1", 1.0, (0.0, 0.0, 0.0), 0.4), ("O1", 1.0, (0.5, 0.5, 0.5), 0.5))
    return PublishedStructure(group="F m -3 m", cell=_cubic(a), sites=sites)


COMPANIONS = (
    LibraryEntry(
        name="Al",
        phase="hardware",
        title="aluminium: current collector, pouch, window",
        recipe=PublishedStructure(group="F m -3 m", cell=_cubic(4.0490), sites=(("Al1", 1.0, (0.0, 0.0, 0.0), 0.8),)),
        provenance="cell LOOKED-UP; B CONSTRUCTED",
        reference=CULLITY,
    ),
    LibraryEntry(
        name="Cu",
        phase="hardware",
        title="copper: current collector",
        recipe=PublishedStructure(group="F m -3 m", cell=_cubic(3.61491), sites=(("Cu1", 1.0, (0.0, 0.0, 0.0), 0.55),)),
        provenance="cell LOOKED-UP; B CONSTRUCTED",
        reference="Straumanis & Yu, Acta Cryst. A25 (1969) 676, from the AFLOW prototype shipped with pymatgen",
    ),
    LibraryEntry(
        name="Be",
        phase="hardware",
        title="beryllium: window",
        recipe=PublishedStructure(
            group="P 63/m m c", cell=_hexagonal(2.2854, 3.5841), sites=(("Be1", 1.0, (1 / 3, 2 / 3, 0.25), 0.5),)
        ),
        provenance="cell LOOKED-UP; B CONSTRUCTED",
        reference=CULLITY,
    ),
    LibraryEntry(
        name="Na",
        phase="hardware",
        title="sodium metal: counter electrode",
        recipe=PublishedStructure(group="I m -3 m", cell=_cubic(4.2906), sites=(("Na1", 1.0, (0.0, 0.0, 0.0), 6.0),)),
        provenance="cell RECALLED; B CONSTRUCTED",
        reference="textbook value at 20 C, recalled",
    ),
    LibraryEntry(
        name="graphite",
        phase="hardware",
        title="graphite 2H: conductive additive",
        recipe=PublishedStructure(
            group="P 63/m m c",
            cell=_hexagonal(2.464, 6.711),
            sites=(("C1", 1.0, (0.0, 0.0, 0.25), 0.9), ("C2", 1.0, (1 / 3, 2 / 3, 0.25), 0.9)),
        ),
        provenance="cell and coordinates LOOKED-UP; B CONSTRUCTED",
        reference="Trucano & Chen, Nature 258 (1975) 136, from the AFLOW prototype shipped with pymatgen",
    ),
    LibraryEntry(
        name="NiO",
        phase="impurity",
        title="bunsenite NiO, as cubic above its Neel temperature",
        recipe=_rock_salt("Ni", 4.1771),
        provenance="cell RECALLED; B CONSTRUCTED",
        reference="PDF 47-1049, recalled",
    ),
    LibraryEntry(
        name="MnO",
        phase="impurity",
        title="manganosite MnO",
        recipe=_rock_salt("Mn", 4.4448),
        provenance="cell RECALLED; B CONSTRUCTED",
        reference="PDF 07-0230, recalled",
    ),
    LibraryEntry(
        name="Mn2O3",
        phase="impurity",
        title="bixbyite Mn2O3, cubic",
        recipe=PublishedStructure(
            group="I a -3",
            cell=_cubic(9.4146),
            sites=(
                ("Mn1", 1.0, (0.0, 0.0, 0.0), 0.4),
                ("Mn2", 1.0, (0.28508, 0.0, 0.25), 0.4),
                ("O1", 1.0, (0.12913, 0.14708, -0.08347), 0.6),
            ),
        ),
        provenance="coordinates LOOKED-UP; cell RECALLED; B CONSTRUCTED",
        reference="coordinates as in the refinement files of Todd et al., J. Am. Chem. Soc. (2021); cell of Geller, "
        "Acta Cryst. B27 (1971) 821, recalled",
    ),
    LibraryEntry(
        name="Na2CO3",
        phase="impurity",
        title="gamma-Na2CO3, natrite: the average of a modulated structure",
        recipe=PublishedStructure(
            group="C 1 2/m 1",
            cell=(8.905, 5.237, 6.045, 90.0, 101.32, 90.0),
            sites=(
                ("Na1", 1.0, (0.0, 0.0, 0.0), 1.51),
                ("Na2", 1.0, (0.0, 0.0, 0.5), 1.56),
                ("Na3", 1.0, (0.17036, 0.5, 0.74816), 2.14),
                ("C1", 1.0, (0.16441, 0.5, 0.2492), 1.14),
                ("O1", 1.0, (0.10178, 0.29423, 0.28557), 2.45),
                ("O2", 1.0, (0.28986, 0.5, 0.1776), 2.14),
            ),
        ),
        provenance="cell, coordinates and B LOOKED-UP; sodium sites taken as full",
        reference="cell: Zubkova et al., N. Jb. Miner. Mh. (2002), abstract; coordinates at 293 K: Arakcheeva et al., "
        "Am. Mineral. 95 (2010) 574, AMCSD 0005043",
    ),
)
