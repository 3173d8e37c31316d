"""One frame of a finished series refined once more."""

import json
import shutil

import pytest

import layerox as lx
from layerox.cli.main import main
from layerox.errors import InputError
from layerox.series.refit import rows_of_table
from layerox.series.results_folder import SeriesStore
from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series

GRID = (12.0, 60.0, 0.05)
FRAMES, SEED, BAD = 14, 3, 5


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return (folder, number of a bad frame): "raw" has bad frames, "good" the same ones as they should be."""
    place = tmp_path_factory.mktemp("refit")
    for name in ("raw", "good"):
        simulate_series(place / name, "o3-p3", frames=FRAMES, seed=SEED, two_theta=GRID)
    spoil(place / "raw" / f"frame_{BAD:04d}.xye")
    for name in ("raw", "good"):
        fitted(place / name, place / f"of-{name}")
    return place, BAD


def spoil(path):
    """Raise every other stretch of eight points by half: no phase and no background explains that."""
    lines = path.read_text().splitlines()
    start = next(k for k, line in enumerate(lines) if not line.startswith("#"))
    for k in range(start, len(lines)):
        two_theta, counts, sigma = lines[k].split()
        lines[k] = f"{two_theta} {float(counts) * (1.5 if k % 16 < 8 else 1.0):.0f} {sigma}"
    path.write_text("\n".join(lines) + "\n")


def phases(raw):
    return [raw / f"{name}.cif" for name in ("O3", "P3", "Al")]


def fitted(raw, output, **how):
    return fit_series(raw, phases(raw), radiation="CuKa", glob="*.xye", output=output, **how)


@pytest.fixture
def place(made, tmp_path):
    """Return (folder of patterns, folder of results, number of the bad frame), all to be spoilt."""
    shutil.copytree(made[0] / "raw", tmp_path / "raw")
    fitted(tmp_path / "raw", tmp_path / "of-raw")
    return tmp_path / "raw", tmp_path / "of-raw", made[1]


def test_a_frame_that_was_copied_again_is_as_it_would_have_been(made, place):
    """The other frames keep their bytes; the new row is that of a series in which nothing had happened."""
    raw, output, k = place
    before = (output / "frames.csv").read_text().splitlines()
    assert lx.open_series(output).frames["verdict"][k] in ("quarantined", "unreadable")
    shutil.copy(made[0] / "good" / f"frame_{k:04d}.xye", raw)
    found = fitted(raw, output, refit=f"frame_{k:04d}.xye")
    after = (output / "frames.csv").read_text().splitlines()
    assert [row for row, line in enumerate(after) if line != before[row]] == [k + 1]
    good = lx.open_series(made[0] / "of-good").frames
    assert found.frames["verdict"][k] == "reseeded"
    assert found.frames["r_wp"][k] == pytest.approx(good["r_wp"][k], rel=0.02)
    for name in ("O3", "P3"):
        title = f"{name}.weight_fraction"
        assert found.frames[title][k] == pytest.approx(good[title][k], abs=2 * good[f"{title}_esd"][k])
    run = json.loads((output / "run.json").read_text())
    assert run["refitted"][-1]["file"] == f"frame_{k:04d}.xye"
    assert run["verdicts"]["reseeded"] == 1
    again = fitted(raw, output, resume=True)
    assert again.frames.equals(found.frames)


def test_a_bad_frame_stays_set_aside_and_the_command_ends_with_1(place):
    raw, output, k = place
    words = ["series", str(raw), "--radiation", "CuKa", "--glob", "*.xye", "-o", str(output), "--quiet"]
    words += [word for path in phases(raw) for word in ("--phase", str(path))]
    assert main([*words, "--refit", str(k)]) == 1
    assert lx.open_series(output).frames["verdict"][k] in ("quarantined", "unreadable")
    assert (output / "report.html").is_file()


def test_what_cannot_be_meant_is_refused(place):
    raw, output, k = place
    good = next(j for j in range(FRAMES) if lx.open_series(output).frames["verdict"][j] == "accepted")
    for wanted, fault in ((good, "is accepted"), (99, "no frame '99'"), ("frame_000.xye", "did you mean")):
        with pytest.raises(InputError, match=fault):
            fitted(raw, output, refit=wanted)
    with pytest.raises(InputError, match="other frames or settings"):
        fit_series(raw, phases(raw)[:2], radiation="CuKa", glob="*.xye", output=output, refit=k)
    with pytest.raises(InputError, match="holds no series"):
        fitted(raw, output.parent / "nothing", refit=k)
    for how in ({"output": None}, {"output": output, "resume": True}):
        with pytest.raises(InputError, match="neither resume nor watch"):
            fitted(raw, refit=k, **how)
    other = raw / f"frame_{good:04d}.xye"
    other.write_bytes(other.read_bytes() + b"# changed\n")
    with pytest.raises(InputError, match="their files have changed since"):
        fitted(raw, output, refit=k)


def test_rows_of_a_table_give_the_same_table(made):
    output = made[0] / "of-raw"
    series = lx.open_series(output)
    names = [f"{name}" for name in series.phases]
    titles = {name: tuple(dict.fromkeys(c.split(".")[1].removesuffix("_esd") for c in series.frames if
                                        c.startswith(f"{name}."))) for name in names}  # fmt: skip
    store = SeriesStore(made[0] / "again", "key", "settings", series.axes, titles)
    store.open(resume=False)
    store.write_tables(lambda: rows_of_table(output / "frames.csv", series.axes, titles))
    store.close()
    for name in ("frames.csv", "transitions.csv"):
        assert (made[0] / "again" / name).read_bytes() == (output / name).read_bytes()
