"""Simulator: its patterns are those of `simulate`, rows do not depend on each other, and wrong tables are refused."""

import json

import numpy as np
import pytest

from layerox.analysis.fit import simulate
from layerox.analysis.simulator import simulator
from layerox.errors import InputError
from reference_crystals import O3_PRIME, o3, p2

h5py = pytest.importorskip("h5py")

ANGLES = (10.0, 90.0, 0.05)


@pytest.fixture(scope="module")
def pair():
    return simulator([p2(), o3()], radiation="CuKa", two_theta=ANGLES, sizes_nm=[80, 40], background=[200, -40])


def test_row_is_the_pattern_that_simulate_makes(pair):
    crystal = p2().with_cell([2.90, 2.90, 11.0, 90, 90, 120])
    expected = simulate([crystal, o3()], weights=[0.3, 0.7], radiation="CuKa", two_theta=ANGLES, sizes_nm=[55, 40],
                        background=[200, -40])  # fmt: skip
    row = {"P2_weight_fraction": 3, "O3_weight_fraction": 7, "P2_a": 2.90, "P2_c": 11.0, "P2_size": 55}
    (found,) = pair.patterns(row)
    # Each of some 100 peaks is lowered by 1e-7 of the highest point where its tail is cut.
    assert np.abs(found - expected.calculated).max() < 1e-5 * 10_000


def test_counts_are_those_of_the_highest_point(pair):
    found = pair.patterns({"background_0": 0.0, "background_1": 0.0}, counts=[500, 2000])
    assert found.max(axis=1) == pytest.approx([500, 2000])


def test_noise_is_poisson_noise_of_the_expected_pattern(pair):
    table = {"P2_a": np.linspace(2.86, 2.90, 8)}
    expected, found = pair.patterns(table, counts=3000), pair.patterns(table, counts=3000, seed=5)
    assert (found == np.rint(found)).all()
    normal = (found - expected) / np.sqrt(expected)
    # 12,808 standard normal deviates: mean within 4 / sqrt(n), variance within 4 sqrt(2 / n) of one.
    assert abs(normal.mean()) < 4 / np.sqrt(normal.size)
    assert abs(normal.var() - 1) < 4 * np.sqrt(2 / normal.size)


def test_row_does_not_depend_on_the_others(pair):
    table = {"P2_a": np.array([2.86, 2.88, 2.90]), "P2_size": np.array([20.0, 50.0, 90.0])}
    together = pair.patterns(table, counts=1000, seed=3)
    first = pair.patterns({name: column[:1] for name, column in table.items()}, counts=1000, seed=3)
    assert (together[:1] == first).all()
    assert (together[1] != together[2]).any()


def test_dataframe_and_scalars_are_tables_too(pair):
    pandas = pytest.importorskip("pandas")
    table = {"O3_c": [15.9, 16.0], "P2_microstrain": [1e-3, 1e-3]}
    frame = pandas.DataFrame(table)
    mixed = {"O3_c": [15.9, 16.0], "P2_microstrain": 1e-3}
    assert (pair.patterns(frame) == pair.patterns(table)).all()
    assert (pair.patterns(mixed) == pair.patterns(table)).all()


def test_scales_give_patterns_that_are_linear_in_them(pair):
    scale = pair.parameters["P2_scale"]
    off = {"background_0": 0.0, "background_1": 0.0}
    one, two = pair.patterns({**off, "P2_scale": [scale, 2 * scale], "O3_scale": 0.0})
    # The cut of the tails, 1e-3 counts, does not scale.
    assert np.abs(two - 2 * one).max() < 0.2


def test_truth_lists_dependent_parameters_and_weight_fractions(pair):
    truth = pair.truth({"P2_a": [2.86, 2.9], "P2_size": [20, np.inf]}, counts=100)
    assert truth["P2_b"].tolist() == truth["P2_a"].tolist() == [2.86, 2.9]
    assert truth["P2_size"].tolist() == [20, np.inf]
    assert truth["P2_weight_fraction"].tolist() == [0.5, 0.5]
    assert truth["counts"].tolist() == [100, 100]


def test_truth_of_scales_is_hill_and_howard(pair):
    crystals = [p2(), o3()]
    scales = np.array([[1.0, 2.0], [3.0, 1.0]])
    truth = pair.truth({"P2_scale": scales[:, 0], "O3_scale": scales[:, 1]})
    weights = scales * [c.mass * c.volume for c in crystals]
    assert truth["P2_weight_fraction"].to_numpy() == pytest.approx(weights[:, 0] / weights.sum(axis=1))


def test_written_set_holds_patterns_and_truth(pair, tmp_path):
    table = {"P2_a": np.linspace(2.86, 2.90, 300)}  # more than a chunk
    path = tmp_path / "set.nc"
    pair.write(path, table, counts=2000, seed=8)
    with h5py.File(path) as file:
        assert (file["intensity"][:] == pair.patterns(table, counts=2000, seed=8)).all()
        assert file["two_theta"][:].tolist() == pair.two_theta.tolist()
        assert file["P2_a"][:].tolist() == table["P2_a"].tolist()
        assert file["intensity"].dims[1].keys() == ["two_theta"]
        assert json.loads(file.attrs["phases"]) == ["P2", "O3"]
    assert list(tmp_path.glob("*tmp*")) == []


def test_foreign_file_is_not_replaced(pair, tmp_path):
    path = tmp_path / "mine.nc"
    path.write_text("measured")
    with pytest.raises(InputError, match="overwrite"):
        pair.write(path, {}, counts=10)
    assert path.read_text() == "measured"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"P2_aa": 2.88}, "there is no parameter 'P2_aa'"),
        ({"P2_b": 2.88}, "P2_b is tied by symmetry: P2_a"),
        ({"P2_alpha": 91}, "P2_alpha is fixed by symmetry"),
        ({"P2_a": [2.88, 3.3]}, "P2_a is 3.3 in row 1"),
        ({"P2_a": [2.88, 2.89], "O3_a": [2.9, 2.9, 2.9]}, "columns of different lengths"),
        ({"P2_a": ["x"]}, "no numbers"),
        ({"P2_a": [np.nan]}, "no column of numbers"),
        ({"P2_weight_fraction": 0.5}, "O3_weight_fraction is missing"),
        ({"P2_weight_fraction": 0, "O3_weight_fraction": 0}, "the weight fractions of row 0 are 0, 0"),
        ({"P2_weight_fraction": 1, "O3_weight_fraction": 1, "P2_scale": 1}, "are both given"),
        ({"instrument_v": -0.5, "instrument_w": 1e-4}, "have no width"),
    ],
)
def test_wrong_tables_are_refused(pair, table, words):
    with pytest.raises(InputError, match=words):
        pair.patterns(table)


def test_cell_that_grows_in_a_direction_without_an_axis_is_refused():
    monoclinic = simulator([O3_PRIME], radiation="CuKa", two_theta=ANGLES)
    start = monoclinic.parameters
    name = next(n for n in start if n.endswith("_beta"))
    lengths = {n: start[n] * 1.039 for n in start if n.endswith(("_a", "_c"))}
    with pytest.raises(InputError, match="far from that of the structure"):
        monoclinic.patterns({**lengths, name: start[name] - 2.9})


def test_noise_needs_counts(pair):
    with pytest.raises(InputError, match="noise needs counts"):
        pair.patterns({}, seed=1)


def test_parameters_are_those_that_a_table_may_change(pair):
    for name, value in pair.parameters.items():
        if name.endswith("_weight_fraction"):
            continue
        assert pair.patterns({name: value}).shape == (1, 1601)


def test_disordered_stacking_is_a_phase_of_a_simulator():
    maker = simulator(["P2~O3", "spinel"], radiation="CuKa", two_theta=(10, 40, 0.1))
    words = ["P2~O3:0.2,persistence=0.5", "spinel"]
    other = simulator(words, radiation="CuKa", two_theta=(10, 40, 0.1), weights=[0.6, 0.4])
    # The mesh that the word gives depends on the fractions, so all parameters are those of the other word.
    row = {name: value for name, value in other.parameters.items() if not name.endswith("_scale")}
    (found,) = maker.patterns(row)
    (expected,) = other.patterns({})
    assert np.abs(found - expected).max() < 2e-5 * expected.max()
    spacings = row["P2__O3_spacing_P2"], row["P2__O3_spacing_O3"]
    assert maker.truth(row)["P2__O3_c"].to_list() == pytest.approx([0.8 * spacings[0] + 0.2 * spacings[1]])
    # Z M V of the stacking depends on its fraction: the scales are those of `simulate`, too.
    whole = simulate(words, weights=[0.6, 0.4], radiation="CuKa", two_theta=(10, 40, 0.1)).calculated
    assert np.abs(found - whole).max() < 1e-4 * whole.max()
