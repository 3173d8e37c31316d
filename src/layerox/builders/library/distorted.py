"""Distorted reference phases: P'2, O'3 and P'3."""

from __future__ import annotations

import math

from layerox.builders.distorted_layers import DistortedGeometry
from layerox.builders.layer_heights import LayerGeometry
from layerox.builders.layered import DisplacementFactors
from layerox.builders.library.library_entry import LibraryEntry
from layerox.builders.phase_recipes import Distorted


def _o3_from_anion(a: float, b: float, c: float, beta: float, x: float, z: float) -> DistortedGeometry:
    """Return the geometry of an O'3 whose anion (x, 0, z), z near 0.8, is known (angstrom, degrees)."""
    angle = math.radians(beta)
    depth = (1 - z) * c
    return DistortedGeometry(
        a=a,
        b=b,
        c=c,
        beta=beta,
        apex=x * a - depth * math.cos(angle),
        parent=LayerGeometry(slab=2 * depth * math.sin(angle)),
    )


DISTORTED = (
    LibraryEntry(
        name="Pp2_NMO",
        phase="P'2",
        title="P'2 Na2/3MnO2, Jahn-Teller distorted",
        recipe=Distorted(
            phase="P'2",
            formula="Na2/3MnO2",
            geometry=DistortedGeometry(
                a=2.84, b=5.265, c=11.2, bonds=(1.915, 2.09), positions={"face": 0.0, "edge": 0.66}
            ),
            sodium={"face": 0.25},
            displacement=DisplacementFactors(metal=0.4),
        ),
        provenance="cell RECALLED (+-0.02 A); coordinates CONSTRUCTED from Mn-O 4 x 1.915 + 2 x 2.09 A; occupancies "
        "and B CONSTRUCTED",
        reference="cell: distorted Na2/3MnO2 of Stoyanova et al. (2010) and Clement, Bruce & Grey, J. Electrochem. "
        "Soc. 162 (2015) A2589, recalled; Cmcm looked up (abstract, scientific.net/AST.74.60)",
    ),
    LibraryEntry(
        name="Op3_NaNiO2",
        phase="O'3",
        title="O'3 NaNiO2 at 290 K",
        recipe=Distorted(
            phase="O'3",
            formula="NaNiO2",
            geometry=_o3_from_anion(5.3197, 2.84614, 5.5824, 110.447, 0.2828, 0.8043),
            displacement=DisplacementFactors(metal=0.0, anion=0.0, octahedral=0.65),
        ),
        provenance="LOOKED-UP (B of Ni and O are 0 in the file)",
        reference="Nagle-Cocco et al., Inorg. Chem. 61 (2022) 4312: CIF 290K_08T-output.cif in the repository "
        "lnaglecocco/VanVleckCalculator",
    ),
    LibraryEntry(
        name="Op3_NaMnO2",
        phase="O'3",
        title="O'3 alpha-NaMnO2",
        recipe=Distorted(
            phase="O'3",
            formula="NaMnO2",
            geometry=DistortedGeometry(a=5.672, b=2.856, c=5.806, beta=113.2, bonds=(1.935, 2.395)),
            displacement=DisplacementFactors(metal=0.4, anion=0.6, octahedral=1.0),
        ),
        provenance="cell RECALLED (+-0.01 A, 0.2 degrees); anion CONSTRUCTED from Mn-O 4 x 1.935 + 2 x 2.395 A; B "
        "CONSTRUCTED",
        reference="cell: Parant et al., J. Solid State Chem. 3 (1971) 1; Giot et al., Phys. Rev. Lett. 99 (2007) "
        "247211, recalled",
    ),
    LibraryEntry(
        name="Pp3_NaCoO2",
        phase="P'3",
        title="P'3 Na0.6CoO2",
        recipe=Distorted(
            phase="P'3",
            formula="Na0.6CoO2",
            geometry=DistortedGeometry(
                a=4.904, b=2.828, c=5.72, beta=105.96, bonds=(1.905, 1.905), positions={"prism": 0.81}
            ),
            displacement=DisplacementFactors(metal=0.3, anion=0.6, prismatic=2.5),
        ),
        provenance="cell RECALLED; coordinates and B CONSTRUCTED; that the cell is monoclinic with one layer and "
        "prismatic Na is LOOKED-UP (abstract)",
        reference="Viciu et al., Phys. Rev. B 73 (2006) 174104, cell recalled",
    ),
)
