"""The example of the sixteen cathodes: its independent forward models, and what layerox finds in their patterns.

Expected values are the parameters of the synthesis (examples/cathodes/independent_*.py, numpy and gemmi alone).
"""

import ast
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import layerox as lx
from layerox.instrument import Instrument, Profile
from layerox.io.structure_writing import write_structure
from layerox.pattern import pattern_from_arrays
from layerox.radiation import radiation_from_text

FOLDER = Path(__file__).parents[1] / "examples" / "cathodes"
BEAM = radiation_from_text("CuKa").polarized(0.5)


@pytest.fixture(scope="module")
def example():
    sys.path.insert(0, str(FOLDER))
    try:
        import comparison
        import independent_model
        import independent_stack
        import make
        import paths

        yield {
            "model": independent_model, "stack": independent_stack, "make": make, "paths": paths,
            "comparison": comparison,
        }  # fmt: skip
    finally:
        sys.path.remove(str(FOLDER))
        for name in ("comparison", "independent_model", "independent_stack", "make", "paths"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def cifs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cifs")
    for phase in ("P2", "O3"):
        write_structure(lx.library[f"C93_{phase}"].crystal(), folder / f"{phase}.cif")
    return folder


def pattern_of(model, profiles, seed):
    return pattern_from_arrays(model.TWO_THETA, model.counts(profiles, seed=seed), radiation=BEAM)


def test_the_forward_models_import_nothing_of_the_package():
    for name in ("independent_model", "independent_stack"):
        tree = ast.parse((FOLDER / f"{name}.py").read_text())
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not any(module.startswith("layerox") for module in modules)


def test_a_mixture_of_the_independent_model_is_found(example, cifs):
    model = example["model"]
    parts = [
        model.Part(cif=cifs / "P2.cif", weight=0.248, stretch=(1.002, 1.002, 0.998)),
        model.Part(cif=cifs / "O3.cif", weight=0.752, stretch=(0.998, 0.998, 1.002)),
    ]
    instrument = Instrument(profile=Profile(u=0.0, v=0.0, w=model.GAUSSIAN))
    result = lx.fit(pattern_of(model, map(model.profile, parts), 1), ["C93_P2", "C93_O3"], instrument=instrument)
    assert result.status == "converged"
    assert result.agreement.gof < 1.05
    assert float(result.weight_fractions["C93_P2"]) == pytest.approx(0.248, abs=0.003)
    for phase, part in zip(result.phases, parts, strict=True):
        assert phase.cell["a"].value == pytest.approx(model.cell_of(part).a, rel=1e-4)
        assert phase.cell["c"].value == pytest.approx(model.cell_of(part).c, rel=1e-4)


@pytest.mark.parametrize(("fraction", "phase"), [(1e-9, "P2"), (1 - 1e-9, "O3")])
def test_a_stack_of_one_kind_is_the_ordered_phase(example, cifs, fraction, phase):
    """Both models scale alike; peaks of the stack are wider along c by its finite correlation (400 slabs)."""
    model, stack = example["model"], example["stack"]
    files = (cifs / "P2.cif", cifs / "O3.cif")
    made = stack.stack_profile(stack.Stack(kinds=("P2", "O3"), cifs=files, fraction=fraction))
    ordered = model.profile(model.Part(cif=cifs / f"{phase}.cif", weight=1.0))
    assert made.sum() / ordered.sum() == pytest.approx(1.0, abs=0.005)
    assert np.abs(made - ordered).max() < 0.1 * ordered.max()


def test_lamellae_of_the_independent_stack_are_found(example, cifs):
    model, stack = example["model"], example["stack"]
    files, thickness = (cifs / "P2.cif", cifs / "O3.cif"), 20
    made = stack.Stack(kinds=("P2", "O3"), cifs=files, fraction=0.5, persistence=1 - 2 / thickness)
    instrument = Instrument(profile=Profile(u=0.0, v=0.0, w=model.GAUSSIAN))
    pattern = pattern_of(model, [stack.stack_profile(made)], 2)
    result = lx.fit(pattern, [("L", f"{files[0]}~{files[1]}")], instrument=instrument)
    found = result.phases[0].stacking
    assert found.verdict.verdict == "coherent"
    assert float(found.fraction) == pytest.approx(0.5, abs=0.005)
    assert float(found.thickness[0]) == pytest.approx(thickness, rel=0.03)


def test_paths_begin_with_the_phases_of_the_library_and_keep_to_them(example):
    paths = example["paths"]
    short = {"O'3": "Op3", "P'2": "Pp2", "P'3": "Pp3"}
    assert set(paths.PATHS) == set(lx.library.cathodes)
    for name, cathode in lx.library.cathodes.items():
        assert set(paths.PATHS[name][0].split()) == {short.get(p, p) for p in cathode.phases}
        known = {entry.name.partition("_")[2] for entry in cathode.all_entries}
        assert set(paths.phases_of(name)) <= known
        for weights in paths.frames_of(name):
            assert sum(weights.values()) == pytest.approx(1.0)


def test_a_failure_is_shown_as_one(example):
    table = example["make"].table(
        {("C93", "fit"): {"passes": False, "text": "3.00 wt% rms", "cpu_s": 1.0, "pulls": [2]}}
    )
    row = next(line for line in table.splitlines() if line.startswith("| C93 "))
    assert "**FAIL** 3.00 wt% rms" in row
    assert row.count("not made") == 4
    assert "- FAIL: 0 of 1 cells pass, 0 fail and state the reason." in table
    assert "- FAIL: rms pull of 1 fractions 2.00 (0.8 to 1.2)." in table


def test_a_failure_with_its_reason_is_shown_as_one(example):
    piece = {"passes": False, "is_explained": True, "text": "8 % misfit", "cpu_s": 1.0}
    assert "**FAIL, explained** 8 % misfit" in example["make"].table({("C117", "interface"): piece})


def test_a_piece_that_is_there_is_not_made_again(example, monkeypatch, tmp_path):
    make = example["make"]
    monkeypatch.setattr(make, "HERE", tmp_path)
    monkeypatch.setitem(make.MAKERS, "built", lambda name, root: {"passes": True, "text": f"{name} made"})
    assert make.piece("C93", "built", afresh=False)["text"] == "C93 made"
    file = tmp_path / "pieces" / "C93-built.json"
    file.write_text(json.dumps({"passes": True, "text": "kept", "cpu_s": 0.0}))
    assert make.piece("C93", "built", afresh=False)["text"] == "kept"
    assert make.piece("C93", "built", afresh=True)["text"] == "C93 made"


def test_events_are_paired_with_the_nearest_of_their_kind(example):
    # P3 enters at frame 1 and leaves at 4; it is seen from 2 to 4, and O3, which leaves at 3, is seen once more at 5.
    truth = [
        {"O3": 1.0},
        {"O3": 0.5, "P3": 0.5},
        {"O3": 0.2, "P3": 0.8},
        {"P3": 1.0},
        {"P2": 1.0},
        {"P2": 1.0},
        {"P2": 1.0},
    ]
    shown = [{"O3"}, {"O3"}, {"O3", "P3"}, {"P3"}, {"P2"}, {"P2", "O3"}, {"P2"}]
    found, undetermined = example["comparison"].delays(truth, shown, [set()] * 7, ["P2", "O3", "P3"])
    assert sorted(found) == [0, 0, 0, 1, 7, 7]
    assert undetermined == 0


def test_events_of_undistinguished_phases_are_undetermined(example):
    """P3 becomes P'3 from frame 1 to 4; frames 2 to 4 do not distinguish them: both are seen in frame 1 only."""
    truth = [{"P3": 1.0}, {"P3": 0.8, "Pp3": 0.2}, {"P3": 0.5, "Pp3": 0.5}, {"P3": 0.2, "Pp3": 0.8}, {"Pp3": 1.0}]
    shown = [{"P3"}, {"P3", "Pp3"}, set(), set(), set()]
    groups = [set(), set(), *[{"P3", "Pp3"}] * 3]
    assert example["comparison"].delays(truth, shown, groups, ["P3", "Pp3"]) == ([0], 1)


def row_of(**numbers):
    """Return a row of frames.csv with (fraction, esd, fraction of the group, its esd) of each phase."""
    names = ("weight_fraction", "weight_fraction_esd", "group_fraction", "group_fraction_esd")
    return {f"{p}.{name}": x for p, row in numbers.items() for name, x in zip(names, row, strict=True)}


@pytest.mark.parametrize(("reach", "is_held"), [(0.3, True), (0.1, False)])
def test_a_group_is_compared_by_its_sum_and_by_the_ranges_of_its_members(example, reach, is_held):
    tally = example["comparison"].Tally()
    row = row_of(P2=(0.6, 0.01, np.nan, np.nan), P3=(0.0, reach, 0.4, 0.01), Pp3=(0.4, reach, 0.4, 0.01))
    tally.add(0, row, {"P2": 0.61, "P3": 0.2, "Pp3": 0.19}, ["P2", "P3", "Pp3"])
    assert tally.right == 1
    assert sorted(tally.pulls) == pytest.approx([-1.0, 1.0])
    assert tally.members == [is_held] * 2
