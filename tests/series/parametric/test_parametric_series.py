"""From a folder of patterns through its series to the functions, as a user goes."""

import json
from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.cli.main import main
from layerox.errors import InputError
from layerox.series.scenarios import History, crystal_of
from layerox.series.simulated_series import simulate_series

FRAMES = 12
# In-plane axis: 1 - 0.004 p, sodium leaves; across: 1 + 0.01 p - 0.006 p^2, p from 0 to 1.
P = np.linspace(0.0, 1.0, FRAMES)
IN_PLANE, ACROSS = 1.0 - 0.004 * P, 1.0 + 0.01 * P - 0.006 * P**2


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Return a folder of frames of P2 whose lengths are polynomials of the sodium content in log.csv."""
    folder = tmp_path_factory.mktemp("raw")
    curve = {"a": tuple(zip(P, IN_PLANE, strict=True)), "c": tuple(zip(P, ACROSS, strict=True))}
    histories = [History(name="P2", weight=((0.0, 0.9),), **curve), History(name="Al", weight=((0.0, 0.1),))]
    simulate_series(folder, histories, frames=FRAMES, seed=2, two_theta=(14.0, 60.0, 0.05), counts=4000)
    rows = "".join(f"{k},{0.67 - 0.33 * p:.6f}\n" for k, p in enumerate(P))
    (folder / "log.csv").write_text("frame,x_Na\n" + rows)
    return folder


RECIPE = """
[parametric]
axis = "x_Na"
functions = { P2_a = "vegard", P2_c = ["polynomial 1", "polynomial 2"] }
"""


@pytest.fixture(scope="module")
def fitted(raw, tmp_path_factory):
    """Return the series, refined by the command with a recipe that asks for functions, and what was printed."""
    place = tmp_path_factory.mktemp("work")
    recipe = place / "recipe.toml"
    recipe.write_text(f'[[phase]]\nstructure = "{raw}/P2.cif"\n[[phase]]\nstructure = "{raw}/Al.cif"\n{RECIPE}')
    words = [
        "series",
        raw,
        "--glob",
        "*.xye",
        "--recipe",
        recipe,
        "--radiation",
        "CuKa",
        "--axis",
        f"{raw}/log.csv:x_Na",
    ]
    assert main([str(word) for word in (*words, "--quiet", "-o", place / "out")]) == 0
    return place / "out"


@pytest.fixture(scope="module")
def found(fitted):
    return lx.refine_parametric(fitted)


def test_a_recipe_lets_the_series_end_with_its_functions(fitted, found):
    written = json.loads((fitted / "parametric.json").read_text())
    assert written["axis"] == {"name": "x_Na", "first": pytest.approx(0.34), "last": pytest.approx(0.67)}
    assert [function["form"] for function in written["functions"]] == ["vegard 0 1", "polynomial 2"]
    assert written == {**json.loads(found.to_json()), "series": str(fitted)}
    assert (fitted / "parametric.csv").read_text() == found.to_csv()
    assert (fitted / "parametric.png").read_bytes().startswith(b"\x89PNG")


def test_end_members_and_curves_are_those_of_the_truth(found):
    """a0 (1 - 0.004 p) with x = 0.67 - 0.33 p: end members stand at p = 0.67 / 0.33 (x = 0) and p = -1 (x = 1)."""
    a, _, c, *_ = crystal_of("P2").cell
    vegard = found.function("P2_a")
    expected = a * (1.0 - 0.004 * np.array([0.67 / 0.33, -1.0]))
    assert np.abs((vegard.coefficients - expected) / vegard.esds).max() < 3
    value, esd = found.function("P2_c").value(0.67 - 0.33 * P)
    assert np.abs((value - c * ACROSS) / esd).max() < 3.5
    assert found.is_trustworthy


def test_single_frames_beside_the_functions_are_those_of_the_series(found, fitted):
    series = lx.open_series(fitted)
    apart = (found.frames["P2_a_alone"] - series.frames["P2.a"]) / series.frames["P2.a_esd"]
    assert np.abs(apart).max() < 0.1


def test_two_workers_find_the_same(found, fitted):
    again = lx.refine_parametric(fitted, workers=2)
    for one, other in zip(found.functions, again.functions, strict=True):
        np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-12)


def test_a_series_in_memory_will_do(raw):
    phases = [raw / "P2.cif", raw / "Al.cif"]
    series = lx.fit_series(raw, phases, radiation="CuKa", glob="frame_000[0-6].xye")
    assert series.path is None
    found = lx.refine_parametric(series, {"P2_a": "polynomial 1"})
    assert found.axis == "frame"
    assert found.series == ""
    assert "frame" in found.frames.columns


def test_a_stretch_of_the_axis_is_refined_alone(fitted, tmp_path):
    found = lx.refine_parametric(fitted, {"P2_c": "polynomial 1"}, between=(0.5, 0.7), output=tmp_path / "half")
    assert found.domain[0] > 0.5
    assert sorted(path.name for path in (tmp_path / "half").iterdir()) == [
        ".layerox.jsonl",
        "parametric.csv",
        "parametric.json",
        "ro-crate-metadata.json",
    ]


def test_the_command_states_what_the_data_say(fitted, tmp_path, capsys):
    words = ["parametric", fitted, "--function", "P2_a=constant", "--axis", "frame", "-o", tmp_path / "out"]
    assert main([str(word) for word in words]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("rejected, the data do not support P2_a: ")
    assert "P2_a = constant: rejected" in out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".layerox.jsonl", "parametric.csv", "parametric.json", "parametric.png", "ro-crate-metadata.json",
    ]  # fmt: skip


def test_the_command_exits_with_1_when_only_the_functions_together_are_rejected(tmp_path, capsys):
    """The true lengths scatter by several esds between frames: no function alone is rejected, together they are."""
    draw = np.random.default_rng(0)
    p = np.linspace(0.0, 1.0, 16)

    def scattered(relative):
        return tuple(zip(p, 1.0 + relative * draw.standard_normal(len(p)), strict=True))

    histories = [
        History(name="P2", weight=((0.0, 0.6),), a=scattered(1.8e-4), c=scattered(3.6e-4)),
        History(name="Al", weight=((0.0, 0.4),), a=scattered(1.8e-4)),
    ]
    simulate_series(tmp_path / "raw", histories, frames=len(p), seed=0, two_theta=(14.0, 60.0, 0.05), counts=4000)
    phases = [word for name in ("P2", "Al") for word in ("--phase", str(tmp_path / "raw" / f"{name}.cif"))]
    out = str(tmp_path / "out")
    words = ["series", str(tmp_path / "raw"), "--glob", "*.xye", *phases, "--radiation", "CuKa", "-o", out]
    assert main([*words, "--quiet", "--figures", "none", "--no-report"]) == 0
    functions = [word for name in ("P2_a", "P2_c", "Al_a") for word in ("--function", f"{name}=constant")]
    assert main(["parametric", out, *functions]) == 1
    written = json.loads((tmp_path / "out" / "parametric.json").read_text())
    assert written["status"] == "converged"
    assert {function["verdict"]["status"] for function in written["functions"]} <= {"supported", "scattered"}
    assert written["together"]["p"] < 0.003
    assert not written["trustworthy"]
    assert capsys.readouterr().out.startswith("rejected, the functions together do not describe the frames: 16 frames")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--function", "P2_a=polynomal 2"], "did you mean 'polynomial'?"),
        (["--function", "P2_a"], "write 'P2_a=polynomial 2'"),
        (["--function", "P2_a=constant", "--function", "P2_a=constant"], "is given twice"),
        (["--function", "P2_x=constant"], "there is no parameter 'P2_x'"),
        (["--function", "P2_b=constant"], "follows P2_a"),
        (["--axis", "sodium"], "--axis: the series has no 'sodium'"),
        (["--between", "5", "9"], "--between: no accepted frame"),
        (["--between", "9", "5"], "smaller one first"),
        (["--recipe", "nowhere.toml"], "nowhere.toml: no such file"),
        (["--recipe", "recipe.toml", "--function", "P2_a=constant"], "keep one of them"),
        (["--workers", "0"], "0 workers"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(fitted, capsys, words, said):
    assert main(["parametric", str(fitted), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err


def test_a_folder_that_holds_no_finished_series_is_refused(raw, fitted):
    with pytest.raises(InputError, match="holds no series"):
        lx.refine_parametric(raw)
    series = lx.open_series(fitted)
    with pytest.raises(InputError, match="not finished"):
        lx.refine_parametric(replace(series, run={**series.run, "status": "interrupted"}))


def test_a_recipe_with_a_form_that_is_none_stops_the_series_before_it_begins(raw, tmp_path, capsys):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[parametric]\nfunctions = { P2_a = "polynomal 2" }\n')
    words = ["series", raw, "--phase", "P2", "--radiation", "CuKa", "--recipe", recipe, "-o", tmp_path / "out"]
    assert main([str(word) for word in words]) == 2
    assert "did you mean 'polynomial'?" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_patterns_that_are_gone_are_reported(fitted):
    series = lx.open_series(fitted)
    with pytest.raises(InputError, match="frame_0011.xye"):
        lx.refine_parametric(replace(series, run={**series.run, "folder": "/nowhere"}))


def test_the_series_of_gsas_ii(reference_data, tmp_path):
    """50 frames that GSAS-II has simulated (reference/README.md), with cells that change by straight lines."""
    folder = reference_data / "series-p2-o3"
    phases = [reference_data / "P2.cif", reference_data / "O3.cif"]
    lx.fit_series(folder, phases, radiation="CuKa", output=tmp_path / "out")
    found = lx.refine_parametric(tmp_path / "out")
    frames = json.loads((folder / "truth.json").read_text())["frames"]
    assert [function.name for function in found.functions] == ["P2_a", "P2_c", "O3_a", "O3_c"]
    for function in found.functions:
        phase, length = function.name.split("_")
        true = np.array([frame[phase][length] for frame in frames])
        assert function.form.text == "polynomial 1"
        assert function.verdict.status == "supported"
        value, esd = function.value(np.arange(50))
        assert np.abs((value - true) / esd).max() < 3
        # Fifty values for two coefficients: sqrt(50 / 2) at the median.
        assert function.narrower == pytest.approx(5, rel=0.15)
    assert not found.together.is_rejected
    weight = found.frames["P2.weight_fraction"] - [frame["P2"]["wt"] for frame in frames]
    assert np.sqrt(np.mean(weight**2)) <= 0.0013
