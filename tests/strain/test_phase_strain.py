"""Coverage: cells drawn from their covariance, and how often strains lie within their standard uncertainties.

For a normal distribution 68.3 % lie within one and 95.4 % within two; of 4000 draws within 0.7 % and 0.3 % of that.
"""

import numpy as np
import pytest

from layerox.builders import build_crystal
from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.strain.strain_evolution import strain_evolution
from layerox.strain.tensor import COMPONENTS
from layerox.symmetry import symmetry_from_name
from series_tables import series_of

DRAWS = 4000
STRAINS = ("e_a", "e_b", "e_c", "e_layer", "e_stack", "e_volume", *(f"E_{x}" for x in COMPONENTS))


def crystal_of(group, cell):
    """Return a crystal of a space group; one atom will do, as only its cell counts."""
    site = Site(label="Mn1", element="Mn", position=(0.0, 0.0, 0.0))
    return Crystal(name="x", cell=cell, symmetry=symmetry_from_name(group), sites=(site,))


CRYSTALS = {
    "cubic": crystal_of("F m -3 m", (8.24, 8.24, 8.24, 90, 90, 90)),
    "tetragonal": crystal_of("I 41/a m d", (5.765, 5.765, 9.442, 90, 90, 90)),
    "hexagonal layers": build_crystal("P2"),
    "rhombohedral": crystal_of("R -3 m:R", (5.6, 5.6, 5.6, 30.5, 30.5, 30.5)),
    "orthorhombic layers": build_crystal("P'2"),
    "monoclinic layers": build_crystal("O'3"),
    "triclinic": crystal_of("P -1", (5.3, 5.6, 7.1, 88.0, 104.0, 95.0)),
}


def drawn(crystal, seed):
    """Return the cells of a reference and a state, drawn anew for every pair of frames, their truth and covariance."""
    draw = np.random.default_rng(seed)
    free = list(crystal.symmetry.cell_rule.free)
    truth = np.array(crystal.cell)[free]
    changed = truth * (1 + draw.uniform(-0.02, 0.02, len(free)))
    root = draw.normal(size=(len(free), len(free))) * np.array([3e-4 * x for x in truth])[:, None]
    covariance = root @ root.T + np.diag((1e-4 * truth) ** 2)
    cells = [draw.multivariate_normal(own, covariance, DRAWS) for own in (truth, changed)]
    return truth, changed, covariance, cells


@pytest.mark.parametrize("name", CRYSTALS)
def test_strains_lie_within_their_uncertainties(name):
    crystal = CRYSTALS[name]
    truth, changed, covariance, (before, after) = drawn(crystal, 7)
    exact = strain_evolution(series_of({"x": (crystal, [truth, changed], 1e-20 * covariance, 1.0)}), reference=0)
    # One reference has one noise, which would be common to all states: every state gets a noise of the reference anew.
    values = np.concatenate([[truth], after - (before - truth)])
    found = strain_evolution(series_of({"x": (crystal, values, covariance, 1.0)}), reference=0).frames.iloc[1:]
    columns = [name for name in STRAINS if found[f"{name}_esd"].gt(1e-9).all()]
    assert len(columns) >= 4
    for column in columns:
        pulls = (found[column] - float(exact.frames[column].iloc[1])) / found[f"{column}_esd"]
        within = [100 * float((pulls.abs() < limit).mean()) for limit in (1, 2)]
        assert 65.0 < within[0] < 71.5, (column, within)
        assert 94.0 < within[1] < 97.0, (column, within)
