"""Disordered phases for tests: one slab of NaNi1/3Mn2/3O2 with galleries of any kind."""

from dataclasses import replace

from layerox.diffraction.disordered.mean_slab import GalleryAtoms, LayerAtom, SlabAtoms, disordered_phase
from layerox.stacking.disorder import parse_disorder

SLAB = SlabAtoms(
    metals=(
        LayerAtom(element="Ni", occupancy=1 / 3, u_iso=0.004),
        LayerAtom(element="Mn", occupancy=2 / 3, u_iso=0.004),
    ),
    anions=(LayerAtom(element="O", u_iso=0.01),),
    half=1.01,
)


def sodium(occupancy):
    return (LayerAtom(element="Na", occupancy=occupancy, u_iso=0.03),)


GALLERIES = {
    "P2": GalleryAtoms(spacing=5.58, sites={"face": sodium(0.25), "edge": sodium(0.42)}),
    "P3": GalleryAtoms(spacing=5.60, sites={"lower": sodium(0.35), "upper": sodium(0.30)}),
    "O3": GalleryAtoms(spacing=5.30, sites={"octahedral": sodium(1.0)}),
    "O2": GalleryAtoms(spacing=4.90, sites={"octahedral": sodium(0.2)}),
    "O1": GalleryAtoms(spacing=4.40, sites={}),
}


def phase(text, **changes):
    """Return a disordered phase of a text; keywords replace its fields."""
    disorder = parse_disorder(text)
    found = disordered_phase(disorder, 2.9, SLAB, [GALLERIES[kind] for kind in disorder.kinds])
    return replace(found, **{"size_nm": 100.0, "microstrain": 0.0008, **changes})
