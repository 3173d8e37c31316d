"""Close contacts: pairs of sites that are closer than their species allow.

Sites that are partly occupied and can avoid each other are no fault: face and edge of a P gallery hold one ion between
them. The shortest bonds are sums of Shannon's radii (Acta Cryst. A32 (1976) 751, doi:10.1107/S0567739476001551) less a
margin for low coordination and squeezed sites.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerox.builders.layer_heights import ANION_RADII, CATION_RADII, UNKNOWN_RADIUS
from layerox.crystal.neighbours import pairs_within
from layerox.typing import FloatArray
from layerox.validation.classified_sites import ALKALI, ANION, METAL, ClassifiedSites
from layerox.validation.finding import Finding

SQUEEZED = 0.35  # angstrom below the sum of radii; Na-O 2.05 A, the shortest in a collapsed O2 gallery being 2.07 A
ANION_PAIR = 2.25  # O-O is 2.5 A along the shortest shared edges
# Cations: two metals share an edge at 2.7 A and more; a gallery ion over a face of a metal's octahedron is at
# 2.2 A and more; gallery ions exclude each other below 2 A (face and edge sites: 1.67 A).
CATION_PAIR = {(METAL, METAL): 2.3, (ALKALI, METAL): 2.1, (ALKALI, ALKALI): 2.0}
LONGEST = 3.0
FULL = 1.03


def contact_findings(sites: ClassifiedSites) -> Iterator[Finding]:
    """Yield one finding for each pair of sorts of site that come too close."""
    pairs = pairs_within(sites.lattice, sites.positions, LONGEST)
    pairs = pairs.where(pairs.first <= pairs.second)
    sorts, number = _sorts(sites)
    limit = np.array([[_limit(one, other) for other in sorts] for one in sorts])
    together = sites.occupancy[pairs.first] + sites.occupancy[pairs.second]
    close = (pairs.distance < limit[number[pairs.first], number[pairs.second]]) & (together > FULL)
    pairs = pairs.where(close)
    keys = np.sort(np.stack([number[pairs.first], number[pairs.second]], axis=1), axis=1)
    for one, other in np.unique(keys, axis=0).tolist():
        chosen = pairs.where((keys == (one, other)).all(axis=1))
        atoms = np.unique(np.concatenate([chosen.first, chosen.second]))
        roles = {sorts[one][0], sorts[other][0]}
        impossible = ALKALI in roles and ANION not in roles
        least = int(chosen.distance.argmin())
        nearest = sites.named([int(chosen.first[least]), int(chosen.second[least])]).replace(", ", " and ")
        what = "are on sites that exclude each other" if impossible else "are too close"
        message = (
            f"{nearest} {what}: {chosen.distance[least]:.2f} A, where {limit[one, other]:.2f} A is the least "
            f"({len(chosen)} such pairs)"
        )
        code = "impossible_site_pair" if impossible else "short_contact"
        yield Finding(code, message, tuple(atoms.tolist()))


Sort = tuple[str, tuple[str, ...]]


def _sorts(sites: ClassifiedSites) -> tuple[list[Sort], FloatArray]:
    """Return the distinct roles with their elements, and the number of each site's sort."""
    numbers: dict[Sort, int] = {}
    of_site = [
        numbers.setdefault((role, tuple(element for element, _ in species)), len(numbers))
        for role, species in zip(sites.role.tolist(), sites.species, strict=True)
    ]
    return list(numbers), np.array(of_site)


def _limit(one: Sort, other: Sort) -> float:
    """Return the distance below which two full sites cannot be, angstrom."""
    roles = sorted((one[0], other[0]))
    if roles == [ANION, ANION]:
        return ANION_PAIR
    if ANION not in roles:
        return CATION_PAIR[roles[0], roles[1]]
    cation, anion = (other, one) if one[0] == ANION else (one, other)
    return min(map(_cation_radius, cation[1])) + min(ANION_RADII.get(e, ANION_RADII["O"]) for e in anion[1]) - SQUEEZED


def _cation_radius(element: str) -> float:
    return min(CATION_RADII.get(element, {0: UNKNOWN_RADIUS}).values())
