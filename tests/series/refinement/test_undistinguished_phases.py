"""Similar phases in a series: one of them represents the others where no frame distinguishes them.

The patterns are made with the forward model of the program from true values that stand here.
"""

import json
import math

import numpy as np
import pytest

from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.io.pattern_writing import write_pattern
from layerox.report.series import series_page
from layerox.series.group_columns import determined_fractions, group_texts
from layerox.series.result import series_text
from layerox.series.run import fit_series
from mixtures import lowered, mixture

ANGLES = {"two_theta": (12.0, 70.0, 0.04), "counts": 6_000.0}


def crystal(name):
    return phases_from([name])[0].crystal


def weight(k):
    """Return the true weight fraction of P3 or P'3 in a frame."""
    return 0.2 + 0.05 * k


def written(folder, distortions):
    """Write frames of P2 and P3 whose a / b deviates by the given ratios from that of the hexagonal cell."""
    for k, distortion in enumerate(distortions):
        own = lowered(crystal("P3"), distortion) if distortion else crystal("P3")
        p3 = Phase(name="p", crystal=own, size_nm=100.0, microstrain=0.001)
        write_pattern(mixture((p3, "P2"), (weight(k), 1 - weight(k)), seed=k, **ANGLES), folder / f"f_{k:03d}.xye")
    return folder


def refined(folder, phases, **options):
    return fit_series(folder, phases, radiation="CuKa", glob="f_*.xye", **options)


@pytest.fixture(scope="module")
def undistorted(tmp_path_factory):
    return written(tmp_path_factory.mktemp("undistorted"), [0.0] * 8)


@pytest.fixture(scope="module")
def plain(undistorted):
    return refined(undistorted, ["P2", "P3"])


@pytest.fixture(scope="module")
def grouped(undistorted, tmp_path_factory):
    offered = [("Pp3", lowered(crystal("P3"), 0.001)), "P2", "P3"]
    return refined(undistorted, offered, output=tmp_path_factory.mktemp("grouped"))


def test_each_frame_states_that_it_does_not_distinguish_them(grouped):
    for k, row in grouped.frames.iterrows():
        assert row["verdict"] == "accepted"
        assert row["reason"].startswith("not distinguished: P3 and Pp3, together ")
        for name in ("P3", "Pp3"):
            value, esd = row[f"{name}.group_fraction"], row[f"{name}.group_fraction_esd"]
            assert value == pytest.approx(weight(k), abs=4 * esd)
            assert esd < 0.01
        # As in a single fit: the one that is shown has the total, and the total as uncertainty.
        assert row["P3.weight_fraction"] == row["P3.weight_fraction_esd"] == row["P3.group_fraction"]
        assert (row["Pp3.weight_fraction"], row["Pp3.weight_fraction_esd"]) == (0.0, row["P3.group_fraction"])
        assert math.isnan(row["Pp3.volume"])


def test_there_is_no_event_and_a_summary_names_the_group(grouped):
    assert not len(grouped.transitions)
    assert "8 of 8 frames do not distinguish P3 and Pp3, together" in series_text(grouped)
    assert "f_000.xye: accepted" not in series_text(grouped)
    page = series_page(grouped, {"operando": b"<svg/>"})
    assert "8 of 8 frames do not distinguish" in page
    assert "Pp3 is shown by no frame" not in page


def test_the_dataset_has_the_common_fraction(grouped):
    total = grouped.dataset["group_fraction"]
    assert np.isnan(total.sel(phase="P2")).all()
    assert (total.sel(phase="P3") == total.sel(phase="Pp3")).all()


def test_a_look_alike_changes_nothing_for_the_others(grouped, plain):
    """All numbers are those of the series without it, but for the uncertainty of the fraction of P3."""
    numbers = [c for c in plain.frames if c not in ("reason", "P3.weight_fraction_esd")]
    assert grouped.frames[numbers].equals(plain.frames[numbers])
    assert "P3.group_fraction" not in plain.frames


def test_frames_without_neighbours_have_the_same_group(undistorted, grouped):
    offered = [("Pp3", lowered(crystal("P3"), 0.001)), "P2", "P3"]
    frames = refined(undistorted, offered, unordered=True).frames
    assert frames["reason"].str.startswith("not distinguished: P3 and Pp3").all()
    difference = (frames["P3.group_fraction"] - grouped.frames["P3.group_fraction"]).abs()
    assert (difference < 3 * grouped.frames["P3.group_fraction_esd"]).all()


@pytest.fixture(scope="module")
def distorting(tmp_path_factory):
    """A series in which the distortion begins behind frame 4."""
    folder = written(tmp_path_factory.mktemp("distorting"), [0.0] * 5 + [0.004 + 0.001 * k for k in range(7)])
    return refined(folder, ["P2", "P3", ("Pp3", lowered(crystal("P3"), 0.004))])


def test_frames_that_show_the_distortion_show_the_distorted_phase(distorting):
    """P3 cannot replace P'3 from frame 5 on; beside it, it can have a part of the weight, less with the distortion."""
    frames = distorting.frames
    assert frames["Pp3.volume"].notna().tolist() == [False] * 5 + [True] * 7
    assert frames["P3.group_fraction"].notna()[:9].all()
    assert not frames["P3.group_fraction"].notna()[11]  # 1 %
    esds, p3 = frames["Pp3.weight_fraction_esd"], frames["P3.weight_fraction_esd"]
    for k in range(5, 12):
        value, total = frames.loc[k, "Pp3.weight_fraction"], frames.loc[k, "Pp3.group_fraction_esd"]
        assert value == pytest.approx(weight(k), abs=4 * (esds[k] if math.isnan(total) else total))
        if not math.isnan(total):
            assert p3[k] <= esds[k] < 0.7 * value
            assert f"(P3 0 to {100 * p3[k]:.2g} wt%)" in frames.loc[k, "reason"]
    assert p3[10] < p3[6]
    events = distorting.transitions
    assert sorted(zip(events["phase"], events["kind"], events["frame"], strict=True)) == [
        ("P3", "death", 5), ("Pp3", "birth", 5),
    ]  # fmt: skip


def test_the_determined_fraction_is_that_of_the_group(distorting):
    value, esd = determined_fractions(distorting.frames, "P3")
    assert value[:5] == pytest.approx([weight(k) for k in range(5)], abs=0.02)
    assert (esd[:5] < 0.01).all()
    value, esd = determined_fractions(distorting.frames, "Pp3")
    assert (value[:5] == 0).all()
    assert np.isnan(esd[:5]).all()
    assert (esd[5:] < 0.01).all()
    (text,) = group_texts(distorting.frames, distorting.phases)
    number = int(distorting.frames["P3.group_fraction"].notna().sum())
    assert text.startswith(f"{number} of 12 frames do not distinguish ")
    assert "P3 and Pp3" in text or "Pp3 and P3" in text


def test_a_phase_that_the_recipe_names_stays_in_the_refinements(undistorted, grouped):
    offered = [("Pp3", lowered(crystal("P3"), 0.001)), "P2", "P3"]
    recipe = {"parameters": {"Pp3_c": {"min": 5.0, "max": 7.0}}}
    frames = refined(undistorted, offered, recipe=recipe).frames
    assert frames["reason"].str.startswith("not distinguished: P3 and Pp3").all()
    difference = (frames["P3.group_fraction"] - grouped.frames["P3.group_fraction"]).abs()
    assert (difference < 2 * grouped.frames["P3.group_fraction_esd"]).all()


def test_a_frame_that_is_refined_again_has_its_group(undistorted, tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for path in sorted(undistorted.glob("f_*.xye")):
        (folder / path.name).write_bytes(path.read_bytes())
    whole = (folder / "f_003.xye").read_text()
    (folder / "f_003.xye").write_text(whole[: len(whole) // 3].rpartition("\n")[0] + "\n")
    offered = [("Pp3", lowered(crystal("P3"), 0.001)), "P2", "P3"]
    first = refined(folder, offered, output=tmp_path / "out")
    assert first.frames["verdict"][3] == "quarantined"
    (folder / "f_003.xye").write_text(whole)
    again = refined(folder, offered, output=tmp_path / "out", refit=3)
    assert again.frames["reason"][3].startswith("not distinguished: P3 and Pp3")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["verdicts"] == {"accepted": 7, "reseeded": 1}
