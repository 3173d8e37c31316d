"""One fit that all tests of results read."""

import pytest

from layerox.analysis.fit import fit, simulate
from reference_crystals import ZINCITE, o3, p2


@pytest.fixture(scope="session")
def refinement():
    """A P2/O3 fit with an absent third phase."""
    pattern = simulate(
        [("P'2 like", p2()), ("O3", o3())],
        weights=[0.6, 0.4],
        radiation="CuKa",
        polarization=0.5,
        two_theta=(12, 80, 0.02),
        sizes_nm=[100, 70],
        background=[250.0, -80.0],
        counts=6000,
        seed=2,
    )
    return fit(pattern, [("P'2 like", p2()), ("O3", o3()), ZINCITE])
