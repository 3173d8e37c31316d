"""Hydrates of layered oxides: layer spacings and cells, without atoms; no phase of the library can be built from them.

Water between the slabs lies in one or two layers; the spacing of the slabs tells which. They are compared with lines
that no structure explains. To quantify a hydrate, measure its intensities (`layerox.analysis.measured_phase`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# Largest relative difference of a spacing from that of a hydrate: water content and charge change it by some per cent.
SPACING_REACH = 0.03


@dataclass(frozen=True, kw_only=True)
class Hydrate:
    """A hydrate known by its cell.

    Attributes
    ----------
    name
        Short name.
    title
        What it is.
    spacing
        Distance of neighbouring slabs, angstrom.
    layers
        Number of slabs in its cell.
    cell
        a, b, c in angstrom, alpha, beta, gamma in degrees; None if only the spacing is known.
    provenance
        LOOKED-UP or RECALLED.
    reference
        Publication.
    """

    name: str
    title: str
    spacing: float
    layers: int
    cell: tuple[float, float, float, float, float, float] | None
    provenance: str
    reference: str


HYDRATES = (
    Hydrate(
        name="Na-birnessite",
        title="one layer of water between slabs of MnO2",
        spacing=7.142,
        layers=1,
        cell=(5.174, 2.850, 7.336, 90.0, 103.18, 90.0),
        provenance="cell RECALLED",
        reference="Post & Veblen, Am. Mineral. 75 (1990) 477",
    ),
    Hydrate(
        name="Na-buserite",
        title="two layers of water between slabs of MnO2",
        spacing=10.1,
        layers=1,
        cell=None,
        provenance="spacing RECALLED",
        reference="Golden, Dixon & Chen, Clays Clay Miner. 34 (1986) 511, doi:10.1346/CCMN.1986.0340503",
    ),
    Hydrate(
        name="NaxCoO2.0.7H2O",
        title="one layer of water between slabs of CoO2",
        spacing=6.9,
        layers=2,
        cell=(2.83, 2.83, 13.8, 90.0, 90.0, 120.0),
        provenance="cell RECALLED",
        reference="Foo et al., Solid State Commun. 127 (2003) 33, doi:10.1016/S0038-1098(03)00372-3",
    ),
    Hydrate(
        name="Na0.35CoO2.1.3H2O",
        title="two layers of water between slabs of CoO2",
        spacing=9.81,
        layers=2,
        cell=(2.8230, 2.8230, 19.6207, 90.0, 90.0, 120.0),
        provenance="cell RECALLED",
        reference="Takada et al., Nature 422 (2003) 53, doi:10.1038/nature01450",
    ),
)


def hydrates_near(spacing: float) -> Iterator[Hydrate]:
    """Yield the hydrates whose slabs are about a distance (angstrom) apart, the nearest first."""
    rows = sorted(HYDRATES, key=lambda hydrate: abs(hydrate.spacing / spacing - 1.0))
    return (hydrate for hydrate in rows if abs(hydrate.spacing / spacing - 1.0) <= SPACING_REACH)
