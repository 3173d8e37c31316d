"""Reference phases that are not layered: spinels and the tunnel oxide."""

from __future__ import annotations

from layerox.builders.library.library_entry import LibraryEntry
from layerox.builders.phase_recipes import Spinel, Tunnel
from layerox.builders.spinel import SpinelFactors, SpinelGeometry
from layerox.builders.tunnel import TunnelGeometry

FRAMEWORKS = (
    LibraryEntry(
        name="S_LiMn2O4",
        phase="spinel",
        title="spinel LiMn2O4",
        recipe=Spinel(
            formula="LiMn2O4",
            geometry=SpinelGeometry(a=8.2476, u=0.2632),
            factors=SpinelFactors(tetrahedral=1.0, octahedral=0.5, anion=0.9),
        ),
        provenance="RECALLED",
        reference="standard values (JCPDS 35-0782; Thackeray et al.), recalled",
    ),
    LibraryEntry(
        name="S_lambdaMnO2",
        phase="spinel",
        title="lambda-MnO2, the spinel with empty tetrahedra",
        recipe=Spinel(
            formula="Mn2O4",
            geometry=SpinelGeometry(a=8.04, u=0.264),
            factors=SpinelFactors(octahedral=0.5, anion=0.9),
        ),
        provenance="RECALLED",
        reference="Hunter, J. Solid State Chem. 39 (1981) 142, recalled",
    ),
    LibraryEntry(
        name="S_MgMn2O4c",
        phase="spinel",
        title="cubic MgMn2O4 with mixed sites, generic for cathodes",
        recipe=Spinel(
            formula="MgMn2O4",
            inversion=0.4,
            geometry=SpinelGeometry(a=8.4, u=0.2625),
            factors=SpinelFactors(tetrahedral=0.6, octahedral=0.5, anion=0.8),
        ),
        provenance="CONSTRUCTED",
        reference="generic; 8.3 to 8.45 A is typical of cubic Mn-Ni and Mn-Mg spinels (NiMn2O4 8.40 A, recalled)",
    ),
    LibraryEntry(
        name="S_Mn3O4",
        phase="spinel",
        title="tetragonal Mn3O4, hausmannite",
        recipe=Spinel(
            formula="Mn3O4",
            geometry=SpinelGeometry(a=5.765, c=9.442, anion=(0.4722, 0.2589)),
            factors=SpinelFactors(tetrahedral=0.5, octahedral=0.5, anion=0.6),
        ),
        provenance="cell and coordinates LOOKED-UP; B CONSTRUCTED",
        reference="Jarosch, Mineral. Petrol. 37 (1987) 15, from the AFLOW prototype shipped with pymatgen",
    ),
    LibraryEntry(
        name="S_Na2MoO4",
        phase="spinel",
        title="spinel Na2MoO4, sodium in the octahedra",
        recipe=Spinel(
            formula="Na2MoO4",
            geometry=SpinelGeometry(a=9.108, u=0.2373),
            factors=SpinelFactors(tetrahedral=0.7, octahedral=1.4, anion=1.2),
        ),
        provenance="space group and site assignment LOOKED-UP (abstract); a RECALLED; u CONSTRUCTED from Mo-O 1.772 A; "
        "B CONSTRUCTED",
        reference="Fortes, Acta Cryst. E 71 (2015) 592, doi:10.1107/S2056989015008774; a recalled",
    ),
    LibraryEntry(
        name="T_Na044MnO2",
        phase="tunnel",
        title="tunnel Na0.44MnO2",
        recipe=Tunnel(formula="Na0.44MnO2", geometry=TunnelGeometry(a=9.09, b=26.4, c=2.825), sodium={"Na2": 0.5}),
        provenance="cell and Mn positions RECALLED; O and Na CONSTRUCTED by bond-valence relaxation; not the published "
        "coordinates",
        reference="cf. Sauvage et al., Inorg. Chem. 46 (2007) 3289; Mumme, Acta Cryst. B24 (1968) 1114, recalled",
    ),
)
