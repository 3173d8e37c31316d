"""What stands beside a simulated pattern."""

import csv
import io
import json

import pytest

from layerox.analysis.fit import simulate
from layerox.results.simulation_truth import reflections_csv, truth_json
from reference_crystals import o3, p2


@pytest.fixture(scope="module")
def simulated():
    return simulate(
        [p2(), o3()],
        weights=[3, 1],
        radiation="CuKa",
        two_theta=(10, 60, 0.05),
        sizes_nm=[50, float("inf")],
        counts=1e4,
    )


def test_truth(simulated):
    truth = json.loads(truth_json(simulated))
    assert truth["schema"] == "layerox.truth/1"
    assert truth["seed"] == 0
    assert [p["weight_fraction"] for p in truth["phases"]] == [0.75, 0.25]
    assert [p["size_nm"] for p in truth["phases"]] == [50.0, None]
    assert truth["phases"][1]["cell"]["c"] == 15.91
    assert truth["phases"][0]["sites"][2]["position"] == pytest.approx([1 / 3, 2 / 3, 0.0917])
    assert truth["radiation"]["lines"] == [[1.5405929, 1.0], [1.5444274, 0.5]]


def test_reflections(simulated):
    rows = list(csv.DictReader(io.StringIO(reflections_csv(simulated))))
    assert list(rows[0]) == ["phase", "h", "k", "l", "multiplicity", "d_spacing", "two_theta", "f_squared",
                             "lorentz_polarization", "intensity"]  # fmt: skip
    first = rows[0]
    assert (first["phase"], first["h"], first["k"], first["l"], first["multiplicity"]) == ("P2", "0", "0", "2", "2")
    # d(002) = 11.155 / 2
    assert float(first["d_spacing"]) == pytest.approx(5.5775)
    assert all(10 <= float(row["two_theta"]) <= 60 for row in rows)
