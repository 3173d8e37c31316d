"""What the seed frames decide for all frames: zero or displacement, and what the other one would do to the cells."""

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.instrument import Instrument
from layerox.io.pattern_writing import write_pattern
from layerox.series.refinement.common_parameters import PositionChoice
from layerox.series.run import fit_series
from mixtures import PROFILE, mixture

RANGE = (14.0, 100.0, 0.03)


@pytest.fixture(scope="module")
def displaced(tmp_path_factory):
    """Return a folder of six frames of a specimen that is displaced by 0.25 mm."""
    place = tmp_path_factory.mktemp("displaced")
    for k in range(6):
        own = mixture(["P2", "O3"], (0.5, 0.5), seed=k, two_theta=RANGE, counts=20_000.0, displacement_mm=0.25)
        write_pattern(own, place / f"frame_{k}.xye")
    return place


def chosen(series):
    return [notice["message"] for notice in series.run["notices"] if notice["code"] == "position_chosen"]


def test_the_displacement_is_refined_where_it_describes_the_frames_better(displaced):
    """The pattern is simulated with a displacement: the lengths are the true ones within their esds."""
    series = fit_series(displaced, ["P2", "O3"], radiation="CuKa")
    assert series.run["common"]["position"]["refined"] == "instrument_displacement"
    assert (series.frames["zero"] == 0.0).all()
    a = {phase.name: phase.crystal.cell[0] for phase in phases_from(["P2", "O3"])}
    for name, true in a.items():
        assert (np.abs(series.frames[f"{name}.a"] - true) < 4 * series.frames[f"{name}.a_esd"]).all()


def test_it_says_what_the_zero_would_make_of_the_lengths(displaced):
    """The same six frames fitted one by one with a zero only: their lengths differ by what the notice says."""
    series = fit_series(displaced, ["P2", "O3"], radiation="CuKa")
    (message,) = chosen(series)
    assert "the displacement of each frame is refined and the zero is 0" in message
    recipe = {"parameters": {"instrument_displacement": {"value": 0.0, "vary": False}},
              "priors": {"instrument_zero": {"esd": 1.0}}}  # fmt: skip
    fits = [lx.fit(path, ["P2", "O3"], radiation="CuKa", recipe=recipe) for path in sorted(displaced.glob("*.xye"))]
    found = np.mean([float(fit.phases[0].cell["a"]) for fit in fits]) / series.frames["P2.a"].mean() - 1.0
    low, high = series.run["common"]["position"]["shifts"]["P2"]
    assert low - 2e-5 < found < high + 2e-5
    assert abs(found) > 5e-5


def test_a_calibrated_zero_leaves_no_choice(displaced):
    series = fit_series(displaced, ["P2", "O3"], radiation="CuKa", instrument=Instrument(profile=PROFILE))
    assert series.run["common"]["position"] is None
    assert chosen(series) == []


def test_the_notice_has_a_range_for_each_phase():
    own = PositionChoice(refined="instrument_zero", held="instrument_displacement",
                         shifts={"P2": (1e-5, 1.3e-4), "O3": (-2e-4, -1e-4)}, rise=31.4)  # fmt: skip
    assert "rise by 31 times its reduced value" in own.notice.message
    assert "P2 by +0.001 to +0.013 %, O3 by -0.020 to -0.010 %" in own.notice.message
