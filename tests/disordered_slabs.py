"""Disordered phases for tests: one slab of NaNi1/3Mn2/3O2 with galleries of any kind."""

from dataclasses import replace

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.diffraction.disordered.mean_slab import GalleryAtoms, LayerAtom, SlabAtoms, disordered_phase
from layerox.stacking.disorder import parse_disorder
from layerox.symmetry import symmetry_from_name

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


def ordered_crystal(kind):
    """Return P2 or O3 of the same slab and gallery in its own space group."""
    gallery = GALLERIES[kind]
    group, slabs = {"P2": ("P 63/m m c", 2), "O3": ("R -3 m", 3)}[kind]
    c = slabs * gallery.spacing
    anion = {"P2": (1 / 3, 2 / 3, SLAB.half / c), "O3": (0.0, 0.0, 1 / 3 - SLAB.half / c)}[kind]
    places = {"face": (0, 0, 0.25), "edge": (2 / 3, 1 / 3, 0.25), "octahedral": (0, 0, 0.5)}
    rows = [(atom.element, (0, 0, 0), atom) for atom in SLAB.metals]
    rows += [("O", anion, SLAB.anions[0])]
    rows += [(name, places[name], atoms[0]) for name, atoms in gallery.sites.items()]
    sites = tuple(
        Site(label=label, element=atom.element, position=position, occupancy=atom.occupancy, u_iso=atom.u_iso)
        for label, position, atom in rows
    )
    cell = (2.9, 2.9, c, 90.0, 90.0, 120.0)
    return Crystal(name=kind, cell=cell, symmetry=symmetry_from_name(group), sites=sites)
