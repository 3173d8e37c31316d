"""Samples 1a to 1h of the IUCr round robin on quantitative phase analysis, against the weighed fractions.

Madsen et al., J. Appl. Cryst. 34 (2001) 409, doi:10.1107/S0021889801007476. No recipe: the pattern, three CIFs and the
monochromator. The strategy was developed on 1a to 1d only.
"""

import csv

import numpy as np
import pytest

from layerox.analysis import fit

PHASES = {"corundum": "al2o3_73724.cif", "zincite": "zno_82028.cif", "fluorite": "caf2_52754.cif"}


@pytest.fixture(scope="module")
def errors(measured_data):
    """Error of each weight fraction in per cent by weight, one row a sample."""
    folder = measured_data / "cpd-round-robin"
    truth = {row["sample"]: row for row in csv.DictReader((folder / "truth.csv").read_text().splitlines())}
    phases = [(name, folder / file) for name, file in PHASES.items()]
    rows = []
    for letter in "abcdefgh":
        result = fit(folder / "prn" / f"cpd-1{letter}.prn", phases, radiation="CuKa", monochromator=26.6)
        assert result.status == "converged"
        rows.append([100 * result.weight_fractions[name] - float(truth[f"1{letter}"][name]) for name in PHASES])
    return np.array(rows)


@pytest.mark.measured
def test_errors_over_all_24_values(errors):
    # 0.9 and 1.8 wt% are the bounds; the best published open code reaches 0.69 and 1.39.
    assert np.sqrt((errors**2).mean()) <= 0.9
    assert np.abs(errors).max() <= 1.8
