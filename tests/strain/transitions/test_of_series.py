"""What happened in a series, against the weights and cells that its frames were made of."""

import json

import numpy as np
import pytest

import layerox as lx
from layerox.errors import InputError
from layerox.series.simulated_series import simulate_series
from layerox.strain.csv_and_text import transitions_csv, transitions_text

FRAMES = 24


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the truth of a charge that turns O3 into P3, and what was found in its patterns."""
    raw = tmp_path_factory.mktemp("raw")
    simulate_series(raw, "o3-p3", frames=FRAMES, seed=4, two_theta=(12.0, 80.0, 0.04))
    phases = [raw / f"{name}.cif" for name in ("O3", "P3", "Al")]
    series = lx.fit_series(raw, phases, radiation="CuKa", glob="*.xye", hardware=["Al"])
    truth = json.loads((raw / "truth.json").read_text())["frames"]
    return truth, lx.transitions(series)


def share(truth, name):
    """Return the true weight of a phase among the two that are active, frame by frame."""
    weights = [{n: p["weight_fraction"] for n, p in frame["phases"].items() if n != "Al"} for frame in truth]
    return np.array([own.get(name, 0.0) / sum(own.values()) for own in weights])


def test_the_midpoint_is_where_half_has_changed(run):
    truth, found = run
    true = share(truth, "P3")
    (step,) = [s for s in found.steps if "P3" in str(s)]
    half = float(np.interp(0.5 * (true[0] + true[-1]), true, np.arange(FRAMES)))
    assert step.midpoint == pytest.approx(half, abs=1.0)
    assert step.onset < step.midpoint < step.end
    # Where the true weights leave and reach their ends; two frames is what the fits of single frames must reach.
    begins, ends = np.flatnonzero(true > true[0])[0] - 1, np.flatnonzero(true < true[-1])[-1] + 1
    assert step.onset == pytest.approx(begins, abs=2.0)
    assert step.end == pytest.approx(ends, abs=2.0)


def test_the_run_is_named_and_written(run):
    _, found = run
    assert found.name.startswith("O3 -> ")
    assert "P3" in found.name
    assert found.name in transitions_text(found)
    titles = transitions_csv(found).splitlines()[0].split(",")
    assert {"phase", "kind", "frame", "onset", "onset_esd", "midpoint", "end"} <= set(titles)
    assert set(found.table["phase"]) <= {"O3", "P3", "Al"}


def test_gliding_from_o_to_p_keeps_the_orientation_rule(run):
    """O3 becomes P3 by slabs that glide within their planes: nothing is turned."""
    assert run[1].violations == ()


def test_bad_input_is_refused(run):
    with pytest.raises(InputError, match="weight fraction between 0 and 1"):
        lx.transitions(run[1].series, least=2.0)


def test_it_is_drawn(run):
    assert lx.plot(run[1]).figure is not None
