"""Fixtures for tests of series: small synthetic folders, whose truth is known because they are made here."""

import pytest

from layerox.series.simulated_series import simulate_series

GRID = (12.0, 70.0, 0.04)


@pytest.fixture(scope="session")
def o3_p3(tmp_path_factory):
    """Return (folder, truth): 30 frames of O3 that turns into P3, four of them gone bad."""
    folder = tmp_path_factory.mktemp("o3-p3")
    return folder, simulate_series(folder, "o3-p3", frames=30, seed=3, bad=0.13, two_theta=GRID)


@pytest.fixture(scope="session")
def phases_of_o3_p3(o3_p3):
    folder, _ = o3_p3
    return [folder / f"{name}.cif" for name in ("O3", "P3", "Al")]
