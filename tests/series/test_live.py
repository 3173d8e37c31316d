"""A series followed while it grows: what its table shows meanwhile, and that it ends as any other run."""

import contextlib
import json
import signal
from functools import partial

import h5py
import numpy as np
import pytest

import layerox as lx
from killed_runs import when_named
from layerox.cli.main import main
from layerox.errors import InputError
from layerox.io.toml_file import toml_text
from layerox.series.frames import Watch
from layerox.series.results_folder import WORK
from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series
from nexus_files import data_group

FRAMES = 12
TABLES = ("frames.csv", "transitions.csv")
# Cells, widths and one position error, so that a fit from scratch costs little.
RECIPE = {"strategy": {"name": "stages", "stages": [{"free": ["*_a", "*_c", "instrument_zero"]}, {"free": ["*_size"]}]}}


class Script:
    """A clock that moves when somebody sleeps, and what happens then: one act a sleep, in order."""

    def __init__(self, *acts):
        self.now, self.acts = 0.0, list(acts)

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        if self.acts:
            self.acts.pop(0)()

    def watch(self, idle_s=20.0):
        return Watch(idle_s=idle_s, settle_s=1.5, poll_s=1.0, clock=self, sleep=self.sleep)


def interrupt():
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a short series of O3 that turns into P3; a frame of it is spoilt."""
    folder = tmp_path_factory.mktemp("made")
    simulate_series(folder, "o3-p3", frames=FRAMES, seed=5, bad=0.1, two_theta=(15.0, 48.0, 0.05))
    return folder


@pytest.fixture(scope="module")
def source(made):
    """Return the frames of the series in their order."""
    return sorted(made.glob("frame_*.xye"))


@pytest.fixture(scope="module")
def phases(made):
    return [made / f"{name}.cif" for name in ("O3", "P3", "Al")]


@pytest.fixture(scope="module")
def finished(source, phases, tmp_path_factory):
    """Return (folder, output) of a run without a watch over the finished folder."""
    folder = tmp_path_factory.mktemp("finished")
    for path in source:
        (folder / path.name).write_bytes(path.read_bytes())
    output = tmp_path_factory.mktemp("out")
    fitted(folder, phases, output)
    return folder, output


def fitted(folder, phases, output, **more):
    return fit_series(folder, phases, radiation="CuKa", recipe=RECIPE, output=output, **more)


def same_tables(one, other):
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TABLES)


def laid(path, folder, share=1.0):
    """Return the act of laying a file, or the first part of it, into a folder."""

    def act():
        data = path.read_bytes()
        (folder / path.name).write_bytes(data[: int(share * len(data))])

    return act


def followed(folder, phases, script, output, **more):
    return fitted(folder, phases, output, watch=script.watch(), **more)


def test_the_table_grows_while_frames_come_and_ends_as_that_of_a_finished_folder(source, phases, finished, tmp_path):
    folder, output, seen = tmp_path / "raw", tmp_path / "out", []
    folder.mkdir()

    def look():
        table = output / "frames.csv"
        status = json.loads((output / "run.json").read_text())["status"] if table.exists() else "nothing"
        seen.append((status, len(lx.open_series(output).frames) if table.exists() else 0))

    acts = []
    for path in source:
        acts += [laid(path, folder, 0.4), laid(path, folder), look]
    found = followed(folder, phases, Script(*acts), output)
    assert same_tables(output, finished[1])
    assert found.run["status"] == "complete"
    counts = [count for _, count in seen]
    assert counts == sorted(counts)
    assert set(range(1, FRAMES - 2)) <= set(counts)
    assert {status for status, count in seen if count} == {"watching"}


def test_the_rows_shown_meanwhile_agree_with_the_final_ones(source, phases, finished, tmp_path):
    folder, output = tmp_path / "raw", tmp_path / "out"
    folder.mkdir()
    acts = [laid(path, folder) for path in source]
    with pytest.raises(KeyboardInterrupt):
        followed(folder, phases, Script(*acts, *[lambda: None] * 5, interrupt), output)
    live, final = lx.open_series(output), lx.open_series(finished[1])
    assert live.run["status"] == "interrupted"
    assert live.frames["file"].tolist() == final.frames["file"].tolist()
    good = final.frames["verdict"] == "accepted"
    assert good.sum() >= FRAMES - 2
    off = (live.frames["O3.a"] - final.frames["O3.a"])[good] / final.frames["O3.a_esd"][good]
    assert np.nanmax(np.abs(off)) < 3


def test_frames_that_come_out_of_order_stand_in_order(source, phases, finished, tmp_path):
    folder, output = tmp_path / "raw", tmp_path / "out"
    folder.mkdir()
    shuffled = [source[k] for k in np.random.default_rng(4).permutation(FRAMES)]
    script = Script(*(laid(path, folder) for path in shuffled))
    followed(folder, phases, script, output)
    assert same_tables(output, finished[1])


def test_an_interrupt_that_another_error_came_of_leaves_the_same_state(source, phases, finished, tmp_path):
    """Compiled code that is interrupted while it is loaded does not always say so."""
    folder, output = tmp_path / "raw", tmp_path / "out"
    folder.mkdir()

    def interrupt_within():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("half loaded")  # noqa: B904

    with pytest.raises(RuntimeError, match="half loaded"):
        followed(folder, phases, Script(*(laid(path, folder) for path in source[:6]), interrupt_within), output)
    assert lx.open_series(output).run["status"] == "interrupted"


@pytest.mark.parametrize("when", [3, 9, 14])
def test_an_interrupted_watch_goes_on_where_it_was(source, phases, finished, tmp_path, when):
    folder, output = tmp_path / "raw", tmp_path / "out"
    folder.mkdir()
    acts = [laid(path, folder) for path in source] + [lambda: None] * 10
    with pytest.raises(KeyboardInterrupt):
        followed(folder, phases, Script(*acts[:when], interrupt), output)
    kept = len(lx.open_series(output).frames)
    assert kept >= min(when, FRAMES) - 3
    told = []
    again = Script(*acts[when:])
    followed(folder, phases, again, output, resume=True, progress=told.append)
    assert same_tables(output, finished[1])
    taken = [text for text in told if text.startswith("frame ")]
    assert len(taken) == FRAMES - kept
    assert not (output / WORK).exists()


def test_what_a_watch_has_left_is_finished_without_one(source, phases, finished, tmp_path):
    folder, output = tmp_path / "raw", tmp_path / "out"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        followed(folder, phases, Script(*(laid(path, folder) for path in source), interrupt), output)
    fitted(folder, phases, output, resume=True)
    assert same_tables(output, finished[1])
    with pytest.raises(InputError, match="other frames or settings"):
        fitted(folder, phases[:2], output, resume=True)


def test_a_finished_run_is_left_alone_until_something_comes(source, phases, finished, tmp_path):
    folder, output = tmp_path / "raw", tmp_path / "out"
    folder.mkdir()
    for path in source[:-1]:
        laid(path, folder)()
    fitted(folder, phases, output)
    before = {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()}
    followed(folder, phases, Script(), output, resume=True)
    assert {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()} == before
    followed(folder, phases, Script(lambda: None, laid(source[-1], folder)), output, resume=True)
    assert same_tables(output, finished[1])


def test_a_file_that_is_written_frame_by_frame(source, phases, tmp_path):
    """Room for all frames is made at once, as detectors do; a frame counts when something stands there."""
    patterns = []
    for path in source:
        with contextlib.suppress(InputError):
            patterns.append(lx.read_pattern(path))
    patterns = [p for p in patterns if len(p) == len(patterns[0])]
    path, output, counts = tmp_path / "scan.h5", tmp_path / "out", []
    with h5py.File(path, "w") as file:
        group = data_group(file, "entry/data", np.zeros((len(patterns), len(patterns[0]))), patterns[0].two_theta)
        group["intensity_errors"] = np.ones((len(patterns), len(patterns[0])))

    def write(k):
        def act():
            with h5py.File(path, "r+") as file:
                file["entry/data/intensity"][k] = patterns[k].intensity
                file["entry/data/intensity_errors"][k] = patterns[k].sigma
            counts.append(len(lx.open_series(output).frames) if (output / "frames.csv").exists() else 0)

        return act

    found = followed(path, phases, Script(*(write(k) for k in range(len(patterns)))), output)
    assert counts == sorted(counts)
    assert 3 < counts[-1] < len(patterns)
    assert found.frames["file"].tolist() == [f"scan.h5#{k + 1}" for k in range(len(patterns))]
    other = fitted(path, phases, tmp_path / "other")
    assert same_tables(output, other.path)


def test_unordered_frames_are_followed_too(source, phases, tmp_path):
    folder, output = tmp_path / "raw", tmp_path / "out"
    folder.mkdir()
    acts = [laid(path, folder) for path in source[:3]]
    followed(folder, phases, Script(*acts), output, unordered=True)
    other = fitted(folder, phases, tmp_path / "other", unordered=True)
    assert same_tables(output, other.path)


def test_what_cannot_be_used_is_stated_with_the_first_frame(source, tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    script = Script(laid(source[0], folder), *[lambda: None] * 5)
    with pytest.raises(InputError, match="P2 has no reflection between 40"):
        fit_series(folder, ["P2"], range=(40.0, 40.5), output=tmp_path / "out", watch=script.watch())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no patterns"):
        fit_series(tmp_path / "empty", ["P2"], radiation="CuKa", output=tmp_path / "out", watch=Script().watch())


def command(folder, phases, output, *more):
    recipe = folder.parent / "recipe.toml"
    recipe.write_text(toml_text(RECIPE))
    words = ["series", str(folder), "--radiation", "CuKa", "--recipe", str(recipe), "--quiet", "-o", str(output), *more]
    return words + [word for path in phases for word in ("--phase", str(path))]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_watch_that_is_reported_to_end_exits_with_130_and_is_resumed(
    source, phases, finished, tmp_path, how, monkeypatch, capsys
):
    """The signal comes as soon as there is a table; frames that are cut off then are whole when the run goes on."""
    clock = Script()
    monkeypatch.setattr("layerox.series.frames.Watch", partial(Watch, clock=clock, sleep=clock.sleep))
    folder, output = tmp_path / "raw", tmp_path / "out"
    folder.mkdir()
    for k, path in enumerate(source):
        laid(path, folder, 1.0 if k < FRAMES - 3 else 0.5)()
    words = command(folder, phases, output, "--watch", "--watch-idle", "300")
    with when_named(monkeypatch, "frames.csv", lambda: signal.raise_signal(how)):
        assert main(words) == 130
    assert capsys.readouterr().err == "layerox: interrupted\n"
    assert json.loads((output / "run.json").read_text())["status"] == "interrupted"
    for path in source:
        laid(path, folder)()
    assert main(command(folder, phases, output, "--resume")) in (0, 1)
    assert same_tables(output, finished[1])


def test_an_idle_time_without_a_watch_is_refused(tmp_path, capsys):
    assert main(["series", str(tmp_path), "--phase", "P2", "--watch-idle", "5"]) == 2
    assert "give --watch too" in capsys.readouterr().err
