"""Borders of segments: what agrees, what is handed over, and where a frame stands from its row."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest

from layerox.analysis.beam_setup import Beam
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument
from layerox.io.cif import read_crystal
from layerox.series.executor import InProcess
from layerox.series.frame_row import FrameRow
from layerox.series.frame_setup import PatternReading, SeriesSetup
from layerox.series.frames import frames_of
from layerox.series.refinement.frame_model import restored
from layerox.series.refinement.phase_presence import PhaseLevel
from layerox.series.refinement.seed_refinement import determined_common_parameters
from layerox.series.refinement.segment import Segment
from layerox.series.refinement.segment_merge import SegmentMerge, SegmentNeighbours, agrees, merged_from_neighbours
from layerox.series.results_folder import COMPARED, CORRECTED, DISTINGUISHED, FIRST, JUDGED, MERGED, STAGES, SeriesStore
from layerox.series.simulated_series import simulate_series

NAMES = ("O3", "P3", "Al")
NOTHING = (math.nan, math.nan)
FRAMES = 12


def row(frame=0, gof=1.2, verdict="accepted", **cells):
    """Return a row whose phases have cells with a = b and c."""
    phases = {
        name: {"volume": (1.0, 0.1), "support": (50.0, math.nan), "a": (a, 0.0), "b": (a, 0.0), "c": (c, 0.0)}
        for name, (a, c) in cells.items()
    }
    phases |= {name: {"volume": NOTHING, "support": (1.0, math.nan)} for name in NAMES if name not in cells}
    return FrameRow(frame=frame, file=f"{frame}", verdict=verdict, r_wp=0.05, gof=gof, phases=phases)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (row(O3=(3.0, 16.0)), True),
        (row(O3=(3.01, 16.0)), True),
        (row(O3=(3.0, 16.1)), False),
        (row(O3=(3.0, 16.0), P3=(2.9, 17.0)), False),
        (row(), False),
        (row(gof=1.31, O3=(3.0, 16.0)), True),
        (row(gof=1.4, O3=(3.0, 16.0)), False),
    ],
    ids=["alike", "a bit longer", "another c", "a phase more", "a phase less", "fits a bit worse", "fits worse"],
)
def test_neighbours_agree_in_phases_cells_and_fit(other, same):
    one = row(O3=(3.0, 16.0))
    assert agrees(one, other) is same
    assert agrees(other, one) is same


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Return (foundation, frames, rows, truth): O3 that turns into P3, all frames as one segment."""
    raw = tmp_path_factory.mktemp("handover")
    truth = simulate_series(raw, "o3-p3", frames=FRAMES, seed=5, two_theta=(14.0, 60.0, 0.05))
    frames = frames_of(raw, glob="*.xye").frames
    reading = PatternReading(radiation="CuKa")
    first = reading.pattern(frames[0])
    known, beam = Beam(radiation="CuKa").resolve(first)
    phases = tuple(Phase(name=name, crystal=read_crystal(raw / f"{name}.cif")) for name in NAMES)
    setup = SeriesSetup(phases=phases, instrument=known or Instrument(), radiation=beam, reading=reading)
    common = determined_common_parameters(setup, frames, first, InProcess())
    return common, frames, Segment(common).run(frames), truth


def shown(found):
    return {name for name in NAMES if not math.isnan(found.phases[name]["volume"][0])}


def mixed(rows):
    """Return the frames that show both stackings."""
    return [k for k, one in enumerate(rows) if shown(one) == set(NAMES)]


def without(found, name):
    """Return a row that has missed a phase, and fits worse for that."""
    phases = {**found.phases, name: {**dict.fromkeys(found.phases[name], NOTHING), "support": (0.0, math.nan)}}
    return replace(found, r_wp=3.0 * found.r_wp, gof=3.0 * found.gof, phases=phases)


def test_a_state_restored_from_a_row_is_where_the_frame_ended(series):
    common, frames, rows, _ = series
    k = mixed(rows)[1]
    segment = Segment(common)
    fit = segment.restored_fit(frames[k], rows[k])
    assert fit.r_wp == pytest.approx(rows[k].r_wp, rel=1e-4)
    frame_model = fit.frame_model
    state = restored(frame_model, dict.fromkeys(shown(rows[k]), rows[k]))
    for p, phase in enumerate(frame_model.phases):
        numbers = rows[k].phases[phase.name]
        assert state.levels[p] == PhaseLevel.WIDTHS
        assert state.values[frame_model.place(p, "c")] == pytest.approx(numbers["c"][0], rel=1e-9)
        assert state.values[frame_model.place(p, "inverse_size")] == pytest.approx(1.0 / numbers["size"][0], rel=1e-9)
    added = restored(frame_model, {"O3": rows[k], "P3": rows[k]}, added=("P3",))
    assert [added.levels[p] for p in range(3)] == [PhaseLevel.WIDTHS, PhaseLevel.SCALE, PhaseLevel.ABSENT]


def test_a_missed_phase_comes_back_from_either_side_and_no_further_than_it_is(series):
    common, frames, rows, truth = series
    first, last = mixed(rows)[0], mixed(rows)[-1]
    missed = [without(one, "P3") if k <= last - 1 and "P3" in shown(one) else one for k, one in enumerate(rows)]
    assert len(mixed(missed)) < len(mixed(rows))
    found = merged_from_neighbours(
        common, frames[:last], missed[:last], SegmentNeighbours(after=(frames[last], rows[last]))
    )
    assert [shown(one) for one in found] == [shown(one) for one in rows[:last]]
    for one, true in zip(found[first:], truth[first:last], strict=True):
        expected = true.phases["P3"]["weight_fraction"]
        assert one.phases["P3"]["weight_fraction"][0] == pytest.approx(expected, abs=0.01)
    # The same from before: O3 missed in the second half.
    missed = [without(one, "O3") if k > first and "O3" in shown(one) else one for k, one in enumerate(rows)]
    rest = slice(first + 1, None)
    found = merged_from_neighbours(
        common, frames[rest], missed[rest], SegmentNeighbours(before=(frames[first], rows[first]))
    )
    assert [shown(one) for one in found] == [shown(one) for one in rows[rest]]


def test_what_is_right_already_stays_to_the_last_digit(series):
    common, frames, rows, _ = series
    k = mixed(rows)[0]
    border = SegmentNeighbours(before=(frames[k - 1], rows[k - 1]), after=(frames[-1], rows[-1]))
    assert merged_from_neighbours(common, frames[k:-1], rows[k:-1], border) == rows[k:-1]


def test_a_phase_that_the_frame_beyond_does_not_show_must_bring_what_a_birth_brings(series):
    """A row that fits as well with a phase too many gives way; the phase must be worth it."""
    common, frames, rows, _ = series
    k = next(k for k, one in enumerate(rows) if "P3" not in shown(one)) + 1
    assert "P3" not in shown(rows[k])
    ghost = replace(rows[k], phases={**rows[k].phases, "P3": rows[mixed(rows)[0]].phases["P3"]})
    found = merged_from_neighbours(
        common, frames[k : k + 1], [ghost], SegmentNeighbours(before=(frames[k - 1], rows[k - 1]))
    )
    assert shown(found[0]) == shown(rows[k])


def test_a_quarantined_frame_is_refined_from_beyond_the_border(series):
    common, frames, rows, _ = series
    fallen = replace(rows[2], verdict="quarantined", reason="ran away")
    found = merged_from_neighbours(
        common, frames[2:4], [fallen, rows[3]], SegmentNeighbours(before=(frames[1], rows[1]))
    )
    assert found[0].verdict == "reseeded"
    assert found[0].r_wp == pytest.approx(rows[2].r_wp, rel=1e-3)
    assert found[1] == rows[3]


@pytest.mark.parametrize("verdict", ["unreadable", "quarantined"])
def test_a_frame_that_was_not_fitted_at_all_is_passed_over(series, verdict):
    """Its file is cut off, or it shows no peaks: a warm start has nothing to say about that."""
    common, frames, rows, _ = series
    blank = FrameRow(frame=2, file=rows[2].file, verdict=verdict, reason="spans 14 to 30 degrees")
    missed = without(rows[3], "O3")
    found = merged_from_neighbours(common, frames[2:4], [blank, missed], SegmentNeighbours(before=(frames[1], rows[1])))
    assert found[0] is blank
    assert shown(found[1]) == shown(rows[3])


class Watched:
    """Runs tasks here and remembers which."""

    def __init__(self):
        self.calls = []

    def run(self, function, tasks):
        for number, arguments in tasks:
            self.calls.append((function.__name__, number))
            yield number, function(*arguments)


def test_only_borders_that_disagree_are_crossed_and_what_is_done_is_not_done_again(series, tmp_path):
    common, frames, rows, _ = series
    last = mixed(rows)[-1]
    missed = [without(one, "P3") if k < last and "P3" in shown(one) else one for k, one in enumerate(rows)]
    cut = [0, 2, last, FRAMES]
    segments = [frames[a:b] for a, b in itertools.pairwise(cut)]
    store = SeriesStore(tmp_path, "key", "settings", (), {})
    store.work.mkdir()
    for number, (a, b) in enumerate(itertools.pairwise(cut)):
        store.put(FIRST, number, missed[a:b])

    def gather(stage, results):
        for number, found in results:
            store.put(stage, number, found)

    where = Watched()
    SegmentMerge(common, segments, store, gather).run(where)
    # The first border agrees. The rows of the third segment stay, those of the second change.
    assert where.calls[:2] == [("merged_from_neighbours", 1), ("merged_from_neighbours", 2)]
    assert [shown(one) for one in store.all_rows(3)] == [shown(one) for one in rows]
    again = Watched()
    SegmentMerge(common, segments, store, gather).run(again)
    assert again.calls == []


def reconciled(common, frames, rows, folder):
    """Return the rows of one segment after all stages, and the tasks that ran."""
    store = SeriesStore(folder, "key", "settings", (), {})
    store.work.mkdir()
    store.put(FIRST, 0, rows)

    def gather(stage, results):
        for number, found in results:
            store.put(stage, number, found)

    where = Watched()
    SegmentMerge(common, [frames], store, gather).run(where)
    return list(store.all_rows(1)), where.calls


def test_a_phase_lost_to_the_end_of_the_series_is_found_again(series, tmp_path):
    """The frames that lost it fit worse than those before; no border of segments is near."""
    common, frames, rows, _ = series
    missed = [without(one, "Al") if k >= 7 else one for k, one in enumerate(rows)]
    found, calls = reconciled(common, frames, missed, tmp_path)
    assert [name for name, _ in calls] == ["refined_doubts"]
    assert [shown(one) for one in found] == [shown(one) for one in rows]
    assert {one.verdict for one in found[7:]} == {"accepted"}
    for one, usual in zip(found, rows, strict=True):
        fraction, esd = usual.phases["Al"]["weight_fraction"]
        assert one.phases["Al"]["weight_fraction"][0] == pytest.approx(fraction, abs=0.2 * esd)


def test_a_frame_that_stays_worse_than_its_neighbours_is_quarantined(series, tmp_path):
    """The row claims a better fit than the frame has around it: refining again does not mend it."""
    common, frames, rows, _ = series
    claimed = [replace(one, gof=3.0) if k == 5 else replace(one, gof=one.gof) for k, one in enumerate(rows)]
    # A frame whose file has changed for the worse: its row cannot be improved upon.
    frames = list(frames)
    spoiled = tmp_path / "spoiled.xye"
    lines = Path(frames[5].path).read_text().splitlines()
    start = len(lines) // 2
    lines[start:] = [line if line.startswith("#") else _raised(line, k) for k, line in enumerate(lines[start:])]
    spoiled.write_text("\n".join(lines) + "\n")
    frames[5] = replace(frames[5], path=spoiled)
    found, _ = reconciled(common, frames, claimed, tmp_path)
    assert found[5].verdict == "quarantined"
    assert found[5].reason.startswith("goodness of fit 3")
    assert all(found[k].is_good for k in range(FRAMES) if k != 5)


def _raised(line, k):
    """Return a row of an .xye file with a wave on its counts that no phase and no background explains."""
    two_theta, counts, sigma = map(float, line.split())
    return f"{two_theta} {counts * (1.5 if k % 8 < 4 else 1.0)} {sigma}"


def test_rows_come_from_the_last_stage_before(tmp_path):
    store = SeriesStore(tmp_path, "key", "settings", (), {})
    store.work.mkdir()
    assert (FIRST, *MERGED, COMPARED, CORRECTED, DISTINGUISHED, JUDGED) == STAGES
    for k, stage in enumerate((FIRST, MERGED[1], CORRECTED)):
        store.put(stage, 0, [row(frame=k)])
    assert store.rows_before(MERGED[0], 0)[0].frame == 0
    assert store.rows_before(MERGED[1], 0)[0].frame == 0
    assert store.rows_before(CORRECTED, 0)[0].frame == 1
    assert next(iter(store.all_rows(1))).frame == 2
