"""Fixtures for all tests: where the measured patterns are, and how many tests had to do without them."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The first call of a compiled function takes as long as its compilation: no example has a deadline.
settings.register_profile("layerox", deadline=None)
settings.load_profile("layerox")

NOT_SET = "LAYEROX_DATA is not set"


@pytest.fixture(scope="session")
def measured_data():
    """Return the folder of measured patterns that LAYEROX_DATA names; without it the test is skipped."""
    folder = os.environ.get("LAYEROX_DATA")
    if not folder:
        pytest.skip(NOT_SET)
    if not Path(folder).is_dir():
        pytest.fail(f"LAYEROX_DATA names {folder}, which is no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def reference_data(measured_data):
    """Return the folder of values from other programs, which stands beside that of the measured patterns."""
    folder = measured_data.parent / "reference"
    if not folder.is_dir():
        pytest.fail(f"there is no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def heated(tmp_path_factory):
    """Return the folder of a small series that was fitted: five frames of P2 and O3, one of them gone bad."""
    from layerox.series.run import fit_series
    from layerox.series.simulated_series import simulate_series

    raw, output = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("heated")
    simulate_series(raw, "p2-o3", frames=5, seed=2, bad=0.2, two_theta=(12.0, 60.0, 0.05))
    phases = [raw / "P2.cif", raw / "O3.cif"]
    axis = ["temperature", f"{raw / 'log.csv'}:time_h"]
    fit_series(raw, phases, radiation="CuKa", glob="*.xye", axis=axis, output=output)
    return output


def pytest_terminal_summary(terminalreporter):
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if NOT_SET in str(r.longrepr)]
    if skipped:
        terminalreporter.write_line(
            f"{len(skipped)} measured tests were skipped: set LAYEROX_DATA to the folder of measured patterns"
        )
