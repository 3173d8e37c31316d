"""A synthetic series, whose truth is known, from its folder to its tables."""

import json
import shutil
import signal
from io import BytesIO
from shutil import copytree

import h5py
import numpy as np
import pytest

import layerox as lx
from cluster_by_hand import cluster, files_of_tls
from killed_runs import when_named
from layerox.errors import InputError
from layerox.series.figure_data import intensity_map
from layerox.series.frame_row import FrameRow
from layerox.series.refinement.phase_presence import SeriesPresence
from layerox.series.refinement.segment import segment_ranges
from layerox.series.run import fit_series
from nexus_files import data_group


@pytest.fixture(scope="module")
def fitted(o3_p3, phases_of_o3_p3, tmp_path_factory):
    output = tmp_path_factory.mktemp("out")
    return fit_series(o3_p3[0], phases_of_o3_p3, radiation="CuKa", output=output)


def good(series, truth):
    """Yield (row, what the frame was made of) of the frames to which nothing has happened."""
    return [(series.frames.iloc[k], true) for k, true in enumerate(truth) if true.bad in (None, "saturated")]


def test_bad_frames_and_only_they_are_set_aside(fitted, o3_p3):
    """Four frames were spoilt on purpose: spikes, saturation, another specimen, no beam or a cut-off file.

    Clipped tops are left out of a frame, and the rest of it is as good as any.
    """
    bad = [true.bad not in (None, "saturated") for true in o3_p3[1]]
    assert sum(true.bad is not None for true in o3_p3[1]) == 4
    assert fitted.frames["verdict"].isin(["quarantined", "unreadable"]).tolist() == bad
    assert (fitted.frames["reason"] != "").tolist() == bad
    assert not fitted.is_trustworthy


def test_every_frame_shows_the_phases_that_it_was_made_of(fitted, o3_p3):
    for row, true in good(fitted, o3_p3[1]):
        shown = {name for name in fitted.phases if not np.isnan(row[f"{name}.volume"])}
        assert shown == set(true.phases), row["file"]


def test_fractions_and_cells_agree_with_the_truth_within_their_uncertainties(fitted, o3_p3):
    off = [
        (row[f"{name}.{quantity}"] - value) / row[f"{name}.{quantity}_esd"]
        for row, true in good(fitted, o3_p3[1])
        for name, own in true.phases.items()
        for quantity, value in own.items()
        if quantity in ("weight_fraction", "a", "c") and row[f"{name}.{quantity}_esd"] > 0
    ]
    assert len(off) > 150
    assert np.mean(np.abs(off) < 3) >= 0.98
    assert 0.7 < np.std(off) < 1.3


def test_transitions_are_the_births_and_deaths(fitted, o3_p3):
    truth = [true for true in o3_p3[1] if true.bad is None]
    entered = next(true.file for true in truth if "P3" in true.phases)
    died = next(true.file for true in truth if "O3" not in true.phases)
    found = fitted.transitions[["phase", "kind", "file"]].to_numpy().tolist()
    assert found == [["P3", "birth", entered], ["O3", "death", died]]


def test_the_folder_reads_back_and_holds_no_traces_of_work(fitted):
    again = lx.open_series(fitted.path)
    assert again.frames.equals(fitted.frames)
    assert again.run["status"] == "complete"
    assert sorted(p.name for p in fitted.path.iterdir()) == [
        ".layerox-frames.json", ".layerox.jsonl", ".layerox.lock", "frames.csv", "recipe.toml",
        "ro-crate-metadata.json", "run.json", "series.nc", "transitions.csv",
    ]  # fmt: skip


@pytest.mark.parametrize("lost", [1, 20, 3000])
def test_a_table_that_was_cut_off_is_refused(fitted, tmp_path, lost):
    """The last line of the 30 frames is longer than 20 bytes; of 3000 several lines are gone."""
    copied = tmp_path / "copied"
    copytree(fitted.path, copied)
    whole = (copied / "frames.csv").read_bytes()
    (copied / "frames.csv").write_bytes(whole[:-lost])
    with pytest.raises(InputError, match=r"frames\.csv: is cut off or damaged: it does not end with a line"):
        lx.open_series(copied)
    (copied / "frames.csv").write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match=r"frames\.csv: is cut off: 29 of 30 frames are in it"):
        lx.open_series(copied)


def test_the_netcdf_file_is_the_dataset(fitted):
    import xarray as xr

    with xr.open_dataset(fitted.path / "series.nc", engine="scipy") as found:
        assert found["a"].sel(phase="Al").attrs["units"] == "angstrom"
        assert found["weight_fraction"].shape == (30, 3)
        np.testing.assert_array_equal(found["volume"], fitted.dataset["volume"])
        written = fitted.dataset.to_netcdf(path=None, format="NETCDF3_64BIT", engine="scipy")  # by xarray itself
        xr.testing.assert_identical(found.load(), xr.open_dataset(BytesIO(bytes(written)), engine="scipy").load())


def test_the_recipe_as_used_gives_the_same_table(fitted, o3_p3, tmp_path):
    again = fit_series(o3_p3[0], recipe=fitted.path / "recipe.toml", output=tmp_path / "again")
    assert (again.path / "frames.csv").read_bytes() == (fitted.path / "frames.csv").read_bytes()


def test_what_is_beside_a_recipe_is_in_the_recipe_as_used(o3_p3, tmp_path):
    """The recipe names phases only; beam and range were said beside it, and the recipe as used needs neither."""
    recipe = {"phase": [{"structure": str(o3_p3[0] / "O3.cif")}]}
    few = {"glob": "frame_000[0-1].xye", "unordered": True}
    first = fit_series(o3_p3[0], recipe=recipe, radiation="CuKa", range=(14, 60), output=tmp_path / "first", **few)
    again = fit_series(o3_p3[0], recipe=first.path / "recipe.toml", output=tmp_path / "again", **few)
    assert (again.path / "frames.csv").read_bytes() == (first.path / "frames.csv").read_bytes()
    assert first.run["recipe"]["pattern"]["range"] == [14, 60]


def test_two_workers_write_the_same_bytes(fitted, o3_p3, phases_of_o3_p3, tmp_path):
    again = fit_series(o3_p3[0], phases_of_o3_p3, radiation="CuKa", workers=2, output=tmp_path)
    assert (again.path / "frames.csv").read_bytes() == (fitted.path / "frames.csv").read_bytes()


def test_a_run_is_not_resumed_with_other_settings(fitted, o3_p3, phases_of_o3_p3):
    with pytest.raises(InputError, match="other frames or settings"):
        fit_series(o3_p3[0], phases_of_o3_p3[:2], radiation="CuKa", output=fitted.path, resume=True)


def test_one_hdf5_file_gives_the_table_of_the_folder(fitted, o3_p3, phases_of_o3_p3, tmp_path):
    """The frames that can be read, as one array with their sigmas; another order of magnitude of file, the same bytes.

    The map is drawn from the file too, which says nothing of the beam.
    """
    readable = fitted.frames[fitted.frames["verdict"] != "unreadable"]
    columns = [np.loadtxt(o3_p3[0] / name) for name in readable["file"]]
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        two_theta, intensity, sigma = np.moveaxis(np.stack(columns), 2, 0)
        group = data_group(file, "entry/data", intensity, two_theta[0])
        group["intensity_errors"] = sigma
    found = fit_series(path, phases_of_o3_p3, radiation="CuKa", output=tmp_path / "out")
    folder = tmp_path / "folder"
    folder.mkdir()
    for k, name in enumerate(readable["file"]):
        (folder / f"f{k:02d}.xye").write_bytes((o3_p3[0] / name).read_bytes())
    other = fit_series(folder, phases_of_o3_p3, radiation="CuKa")
    assert found.frames["file"].tolist() == [f"all.h5#{k + 1}" for k in range(len(readable))]
    assert found.frames.drop(columns="file").equals(other.frames.drop(columns="file"))
    assert intensity_map(found).intensity.shape[0] == len(readable)


def test_unordered_frames_are_fitted_each_by_itself(o3_p3, phases_of_o3_p3):
    series = fit_series(o3_p3[0], phases_of_o3_p3, radiation="CuKa", glob="frame_000[0-3].xye", unordered=True)
    assert len(series.frames) == 4
    for row, true in good(series, o3_p3[1][:4]):
        assert row["verdict"] == "accepted"
        esd = row["O3.weight_fraction_esd"]
        assert abs(row["O3.weight_fraction"] - true.phases["O3"]["weight_fraction"]) < 4 * esd
    assert series.path is None


def test_phases_whose_intensities_come_from_the_data_are_refused(o3_p3):
    recipe = {"phase": [{"structure": str(o3_p3[0] / "O3.cif"), "mode": "le-bail"}]}
    with pytest.raises(InputError, match="not built yet"):
        fit_series(o3_p3[0], radiation="CuKa", recipe=recipe)


def test_a_folder_of_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "a.xye").write_text("nothing\n")
    with pytest.raises(InputError, match="none of 1 frames can be read"):
        fit_series(tmp_path, ["P2"], radiation="CuKa")


def test_segments_cover_all_frames_once_and_depend_on_their_number_only():
    for count in (1, 19, 20, 50, 800, 100_003):
        found = [k for segment in segment_ranges(count) for k in segment]
        assert found == list(range(count))
    assert max(len(s) for s in segment_ranges(100_000)) == 100


def row(frame, support):
    known = (1.0, 0.1) if support > 0 else (float("nan"), float("nan"))
    return FrameRow(
        frame=frame, file="", verdict="accepted", phases={"P2": {"volume": known, "support": (support, 0.0)}}
    )


@pytest.mark.parametrize(
    ("supports", "doubtful"),
    [
        ([0, 0, 0, 7, 7, 0, 0, 0], {3: (["P2"], []), 4: (["P2"], [])}),
        ([0, 0, 0, 7, 40, 0, 0, 0], {}),
        ([9, 9, 9, 0, 0, 9, 9, 9], {3: ([], [("P2", 2)]), 4: ([], [("P2", 5)])}),
        ([7, 7, 0, 0, 0, 0, 0, 0], {}),
        ([0, 0, 7, 7, 7, 7, 7, 7], {}),
    ],
    ids=["island", "clear island", "gap", "death", "birth"],
)
def test_islands_and_gaps_are_doubted_and_ends_are_not(supports, doubtful):
    presences = SeriesPresence(["P2"])
    presences.add(row(k, support) for k, support in enumerate(supports))
    assert presences.doubtful() == doubtful


def test_the_series_of_gsas_ii(reference_data):
    """50 frames simulated by GSAS-II (reference/README.md): its own refinement has an rms error of 0.0011."""
    folder = reference_data / "series-p2-o3"
    truth = json.loads((folder / "truth.json").read_text())["frames"]
    series = fit_series(folder, [reference_data / "P2.cif", reference_data / "O3.cif"], radiation="CuKa")
    assert (series.frames["verdict"] == "accepted").all()
    true = np.array([frame["P2"]["wt"] for frame in truth])
    assert np.sqrt(np.mean((series.frames["P2.weight_fraction"] - true) ** 2)) <= 0.0013
    for name, length in (("P2", "a"), ("P2", "c"), ("O3", "a"), ("O3", "c")):
        cell = np.array([frame[name][length] for frame in truth])
        off = (series.frames[f"{name}.{length}"] - cell) / series.frames[f"{name}.{length}_esd"]
        assert np.mean(np.abs(off) < 3) >= 0.98, (name, length)


@pytest.fixture
def started_cluster(tmp_path):
    """Yield (address, workers) of a scheduler without TLS."""
    with cluster(tmp_path) as found:
        yield found


@pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made with openssl")
def test_a_cluster_behind_tls_gives_the_same_table(fitted, o3_p3, phases_of_o3_p3, tmp_path):
    tls = files_of_tls(tmp_path)
    with cluster(tmp_path, tls) as (address, _):
        assert address.startswith("tls://")
        series = fit_series(
            o3_p3[0], phases_of_o3_p3, radiation="CuKa", scheduler=address, tls=tls, output=tmp_path / "out"
        )
        with pytest.raises(InputError, match="needs the files of TLS"):
            fit_series(o3_p3[0], phases_of_o3_p3, radiation="CuKa", scheduler=address)
    assert (series.path / "frames.csv").read_bytes() == (fitted.path / "frames.csv").read_bytes()
    assert "connection_not_encrypted" not in {notice["code"] for notice in series.run["notices"]}


def test_a_cluster_finishes_though_a_worker_is_killed(
    started_cluster, fitted, o3_p3, phases_of_o3_p3, tmp_path, monkeypatch
):
    address, workers = started_cluster
    with when_named(monkeypatch, "first-*", workers[0].kill):
        series = fit_series(o3_p3[0], phases_of_o3_p3, radiation="CuKa", scheduler=address, output=tmp_path / "out")
    assert workers[0].wait(timeout=60) == -signal.SIGKILL
    assert "connection_not_encrypted" in {notice["code"] for notice in series.run["notices"]}
    assert (series.path / "frames.csv").read_bytes() == (fitted.path / "frames.csv").read_bytes()
