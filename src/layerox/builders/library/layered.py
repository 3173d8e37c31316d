"""Layered reference phases: undistorted stackings of NaxTMO2 and of two lithium relatives."""

from __future__ import annotations

import math

from layerox.builders.layer_heights import LayerGeometry
from layerox.builders.layered import DisplacementFactors
from layerox.builders.library.library_entry import LibraryEntry
from layerox.builders.phase_recipes import Layered


def gallery_from_repeat(*, repeat: float, a: float, bond: float) -> float:
    """Return the height of a gallery from the repeat of slab and gallery together, angstrom."""
    return repeat - 2 * math.sqrt(bond**2 - a**2 / 3)


def _b(metal: float, anion: float, prismatic: float = 2.5, octahedral: float = 1.2) -> DisplacementFactors:
    return DisplacementFactors(metal=metal, anion=anion, prismatic=prismatic, octahedral=octahedral)


# B factors are CONSTRUCTED throughout: typical values, angstrom^2. Bonds and slabs are those behind z(anion).
LAYERED = (
    LibraryEntry(
        name="P2_NNM",
        phase="P2",
        title="P2 Na2/3Ni1/3Mn2/3O2",
        recipe=Layered(
            word="P2",
            formula="Na2/3Ni1/3Mn2/3O2",
            geometry=LayerGeometry(a=2.885, c=11.155, bond=1.948),
            sodium={"face": 0.25},
        ),
        provenance="cell RECALLED; z(O), occupancies and B CONSTRUCTED",
        reference="cell: Lu & Dahn, J. Electrochem. Soc. 148 (2001) A1225, recalled; z(O) from TM-O 1.948 A",
    ),
    LibraryEntry(
        name="P2_NaCoO2",
        phase="P2",
        title="P2 Na0.74CoO2",
        recipe=Layered(
            word="P2",
            formula="Na0.74CoO2",
            geometry=LayerGeometry(a=2.84, c=10.811, slab=2 * 0.0908 * 10.811),
            sodium={"face": 0.23},
            displacement=_b(0.3, 0.5, 2.0),
        ),
        provenance="cell, z(O), occupancies RECALLED; B CONSTRUCTED",
        reference="Balsys & Davis, Solid State Ionics 93 (1996) 279, recalled",
    ),
    LibraryEntry(
        name="P2_NFM",
        phase="P2",
        title="P2 Na2/3Fe1/2Mn1/2O2",
        recipe=Layered(
            word="P2",
            formula="Na2/3Fe1/2Mn1/2O2",
            geometry=LayerGeometry(a=2.933, c=11.22, bond=1.965),
            sodium={"face": 0.25},
        ),
        provenance="cell RECALLED; z(O), occupancies and B CONSTRUCTED",
        reference="cell: Yabuuchi et al., Nat. Mater. 11 (2012) 512, recalled",
    ),
    LibraryEntry(
        name="O3_NNM",
        phase="O3",
        title="O3 NaNi1/2Mn1/2O2",
        recipe=Layered(word="O3", formula="NaNi1/2Mn1/2O2", geometry=LayerGeometry(a=2.9596, c=15.9136, bond=2.005)),
        provenance="cell RECALLED; z(O), B CONSTRUCTED",
        reference="cell: Komaba et al., Inorg. Chem. 51 (2012) 6211, doi:10.1021/ic300357d, recalled",
    ),
    LibraryEntry(
        name="O3_NaCoO2",
        phase="O3",
        title="O3 NaCoO2",
        recipe=Layered(
            word="O3",
            formula="NaCoO2",
            geometry=LayerGeometry(a=2.8892, c=15.609, slab=2 * (1 / 3 - 0.27058) * 15.609),
            displacement=_b(0.3, 0.5, octahedral=0.9),
        ),
        provenance="cell, z(O) RECALLED; B CONSTRUCTED",
        reference="Takahashi, Gotoh & Akimoto, J. Solid State Chem. 172 (2003) 22, recalled",
    ),
    LibraryEntry(
        name="O3_LiCoO2",
        phase="O3",
        title="O3 LiCoO2, reference of the structure type",
        recipe=Layered(
            word="O3",
            formula="LiCoO2",
            geometry=LayerGeometry(a=2.8161, c=14.0536, slab=2 * (0.23951 - 1 / 6) * 14.0536),
            displacement=_b(0.3, 0.5, octahedral=1.0),
        ),
        provenance="cell, z(O) RECALLED; B CONSTRUCTED",
        reference="Akimoto, Gotoh & Oosawa, J. Solid State Chem. 141 (1998) 298, recalled",
    ),
    LibraryEntry(
        name="O3_NFO",
        phase="O3",
        title="O3 alpha-NaFeO2",
        recipe=Layered(
            word="O3",
            formula="NaFeO2",
            geometry=LayerGeometry(a=3.025, c=16.094, bond=2.035),
            displacement=_b(0.3, 0.6, octahedral=1.0),
        ),
        provenance="cell RECALLED; z(O), B CONSTRUCTED",
        reference="cell: Takeda et al., Mater. Res. Bull. 29 (1994) 659, recalled",
    ),
    LibraryEntry(
        name="P3_NNM_R3m",
        phase="P3",
        title="P3 Na2/3Ni1/3Mn2/3O2 with unequal sodium sites",
        recipe=Layered(
            word="P3",
            formula="Na2/3Ni1/3Mn2/3O2",
            geometry=LayerGeometry(a=2.887, c=16.8, bond=1.948),
            sodium={"lower": 0.4},
        ),
        provenance="cell RECALLED (+-0.05 A in c); coordinates, occupancies and B CONSTRUCTED",
        reference="cell: Paulsen, Donaberger & Dahn, Chem. Mater. 12 (2000) 2257 and later work, recalled",
    ),
    LibraryEntry(
        name="P3_NaCoO2_Rbar3m",
        phase="P3",
        title="P3 Na0.6CoO2 with equal sodium sites",
        recipe=Layered(
            word="P3",
            formula="Na0.6CoO2",
            geometry=LayerGeometry(a=2.888862656, c=15.843485739, slab=2 * (0.39573 - 1 / 3) * 15.843485739),
            displacement=_b(0.3, 0.6),
        ),
        provenance="cell, z(O), z(Na) LOOKED-UP (DFT prototype); occupancy and B CONSTRUCTED",
        reference="prototype of the Van der Ven group; cf. Kaufman & Van der Ven, Phys. Rev. Mater. 3 (2019) 015402",
    ),
    LibraryEntry(
        name="O2_NNM",
        phase="O2",
        title="O2 Na0.05Ni1/3Mn2/3O2, charged P2 with 23 % less volume",
        recipe=Layered(
            word="O2",
            formula="Na0.05Ni1/3Mn2/3O2",
            geometry=LayerGeometry(a=2.812, c=9.05, bond=1.895),
            displacement=_b(0.3, 0.6, octahedral=1.5),
        ),
        provenance="a RECALLED (+-0.02 A); c, coordinates and B CONSTRUCTED (c from the volume change)",
        reference="cf. Lu & Dahn, J. Electrochem. Soc. 148 (2001) A1225, recalled",
    ),
    LibraryEntry(
        name="O2_LiCoO2",
        phase="O2",
        title="O2 LiCoO2, reference of the structure type",
        recipe=Layered(
            word="O2",
            formula="LiCoO2",
            geometry=LayerGeometry(a=2.8035, c=9.542, bond=1.925),
            displacement=_b(0.3, 0.6, octahedral=1.5),
        ),
        provenance="cell RECALLED; coordinates and B CONSTRUCTED",
        reference="cell: Carlier et al., J. Electrochem. Soc. 149 (2002) A1310, recalled",
    ),
    LibraryEntry(
        name="O1_CoO2",
        phase="O1",
        title="O1 CoO2",
        recipe=Layered(
            word="O1",
            formula="CoO2",
            geometry=LayerGeometry(a=2.822, c=4.29, bond=1.885),
            displacement=_b(0.3, 0.6),
        ),
        provenance="cell RECALLED; z(O), B CONSTRUCTED",
        reference="cell: Amatucci, Tarascon & Klein, J. Electrochem. Soc. 143 (1996) 1114, recalled",
    ),
    LibraryEntry(
        name="OP2_glide",
        phase="OP2",
        title="OP2 Na0.33Ni1/3Mn2/3O2, glide product of P3 or O3",
        recipe=Layered(
            word="OP2",
            formula="Na0.33Ni1/3Mn2/3O2",
            geometry=LayerGeometry(
                a=2.87,
                c=10.52,
                bond=1.93,
                galleries={"P": gallery_from_repeat(repeat=5.62, a=2.87, bond=1.93)},
            ),
            sodium={"lower": 0.25, "upper": 0.25},
            displacement=_b(0.3, 0.8, 2.5, 2.0),
        ),
        provenance="CONSTRUCTED",
        reference="stacking from slab glides, layer repeats P 5.62 and O 4.90 A; no refined structure was found",
    ),
    LibraryEntry(
        name="OP4_glide",
        phase="OP4",
        title="OP4 Na0.33Ni1/3Mn2/3O2, glide product of P2",
        recipe=Layered(
            word="OP4",
            formula="Na0.33Ni1/3Mn2/3O2",
            geometry=LayerGeometry(
                a=2.87,
                c=21.04,
                bond=1.93,
                galleries={"P": gallery_from_repeat(repeat=5.62, a=2.87, bond=1.93)},
            ),
            sodium={"face": 0.3, "edge": 0.3},
            displacement=_b(0.3, 0.8, 2.5, 2.0),
        ),
        provenance="CONSTRUCTED (layer repeats P 5.62 and O 4.90 A)",
        reference="stacking: Yabuuchi et al., Nat. Mater. 11 (2012) 512, recalled; Somerville et al., Energy Environ. "
        "Sci. 12 (2019) 2223, abstract looked up",
    ),
    LibraryEntry(
        name="OP4_P63mmc",
        phase="OP4r",
        title="OP4 Li0.4Na0.4CoO2, with slabs turned; no glide of P2 leads to it",
        recipe=Layered(
            word="OP4r",
            formula="Li0.4Na0.4CoO2",
            geometry=LayerGeometry(
                a=2.83,
                c=20.32,
                bond=1.91,
                galleries={"P": gallery_from_repeat(repeat=5.5, a=2.83, bond=1.91)},
            ),
            sodium={"octahedral": {"Li": 0.8}, "face": {"Na": 0.3}, "edge": {"Na": 0.5}},
            displacement=_b(0.3, 0.6, 2.5, 1.5),
        ),
        provenance="cell RECALLED; coordinates, occupancies and B CONSTRUCTED",
        reference="Berthelot et al., Chem. Mater. 23 (2011) 2420; Balsys & Davis (1994), recalled",
    ),
)
