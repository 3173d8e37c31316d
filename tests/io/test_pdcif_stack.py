"""A pdCIF of many blocks, read one at a time: the same patterns as when it is read as a whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.io import read_patterns, read_stack
from layerox.io.pattern_stack import TEMPERATURE, TIME
from layerox.io.pdcif_stack import CifStack, cif_stack
from layerox.io.scan import pattern_from_scan, request_from_arguments

POINTS = 60


def block(k, *lines, name="", label=""):
    counts = np.random.default_rng(k).poisson(400.0, POINTS)
    rows = "\n".join(f"{10 + 0.1 * i:.2f} {n}" for i, n in enumerate(counts))
    said = "\n".join(lines)
    identity = f"_pd_block_id 2024|{label}|me|here\n" if label else ""
    return f"data_{name or f'frame{k}'}\n{identity}{said}\nloop_\n_pd_meas_2theta_scan\n_pd_meas_counts_total\n{rows}\n"


def written(tmp_path, *blocks, newline="\n"):
    path = tmp_path / "series.cif"
    path.write_bytes("\n".join(blocks).replace("\n", newline).encode())
    return path


def same(stack, patterns):
    """Whether the patterns of a stack are those that were read as a whole, with what is said of them."""
    request = request_from_arguments(stack.path, None, "two-theta", None, False)
    found = [pattern_from_scan(stack.scan(k), request) for k in range(len(stack))]
    assert len(found) == len(patterns)
    for one, other in zip(found, patterns, strict=True):
        assert np.array_equal(one.intensity, other.intensity)
        assert np.array_equal(one.two_theta, other.two_theta)
        assert (one.label, one.metadata, one.radiation) == (other.label, other.metadata, other.radiation)
    return True


FACTS = st.sampled_from(
    [
        "_diffrn_radiation_wavelength 0.4139",
        "_diffrn_radiation_wavelength 0.5",
        "_diffrn_radiation_probe x-ray",
        "_diffrn_ambient_temperature 300(2)",
        "_diffrn_ambient_temperature 310",
        "_pd_meas_datetime_initiated 2024-05-01T10:00:00",
        "_pd_meas_datetime_initiated ?",
        "_pd_instr_dist_spec/detc 240",
        "_pd_spec_description 'a powder'",
        "_pd_spec_description\n;\ndata_in_a_text is none\nloop_\n;",
    ]
)
LINES = st.lists(FACTS, max_size=4, unique_by=lambda line: line.split()[0])


@given(st.lists(LINES, min_size=1, max_size=5), LINES, st.sampled_from(["\n", "\r\n"]))
def test_blocks_read_one_at_a_time_are_those_read_together(tmp_path_factory, frames, common, newline):
    """Whatever is said where: in the block itself, in another one, or differently in two."""
    blocks = ["data_common\n_pd_block_id x\n" + "\n".join(common) + "\n"]
    blocks += [block(k, *lines) for k, lines in enumerate(frames)]
    path = written(tmp_path_factory.mktemp("cif"), *blocks, newline=newline)
    stack = read_stack(path)
    assert isinstance(stack, CifStack)
    assert same(stack, read_patterns(path))


def test_only_one_block_is_read_for_one_frame(tmp_path, monkeypatch):
    """Five hundred blocks: what a frame costs is its block, and the file is never read as a whole."""
    path = written(tmp_path, *(block(k, f"_diffrn_ambient_temperature {100 + k}") for k in range(500)))
    size = path.stat().st_size

    def refuse(*_):
        raise AssertionError("read as a whole")

    monkeypatch.setattr("layerox.io.read_bytes", refuse)
    stack = read_stack(path)
    start, stop = stack.places[250]
    assert stop - start < size / 400
    assert len(stack.scan(250)) == POINTS
    assert np.array_equal(stack.column(TEMPERATURE).values, 100.0 + np.arange(500))
    assert stack.column(TIME) is None


def test_a_block_that_is_cut_off_is_a_frame_that_cannot_be_read(tmp_path):
    whole = written(tmp_path, *(block(k) for k in range(3))).read_bytes()
    path = tmp_path / "cut.cif"
    path.write_bytes(whole[: len(whole) - 5])
    stack = cif_stack(path)
    assert len(stack) == 3
    assert len(stack.scan(1)) == POINTS
    with pytest.raises(InputError, match="is no readable CIF"):
        stack.scan(2)


def test_calculated_patterns_are_passed_over(tmp_path):
    path = written(tmp_path, block(0, label="run_1"), block(1, label="run_1_calc"), block(2, label="run_2"))
    stack = read_stack(path)
    assert [stack.scan(k).label for k in range(len(stack))] == ["run_1", "run_2"]


def test_a_structure_is_no_stack(tmp_path):
    path = tmp_path / "p2.cif"
    path.write_text("data_P2\n_cell_length_a 2.88\n")
    assert cif_stack(path) is None
    with pytest.raises(InputError, match="is a structure"):
        read_stack(path)


def test_blocks_that_begin_within_a_line_are_read_as_a_whole(tmp_path):
    """gemmi finds a block behind any blank; the stack looks for them at the beginnings of lines."""
    angles = "\n".join(f"{10 + 0.1 * k:.1f} {100 + k}" for k in range(40))
    loop = f"loop_\n_pd_meas_2theta_scan\n_pd_meas_counts_total\n{angles}\n"
    (tmp_path / "a.cif").write_text(f"data_one\n{loop} data_two\n_cell_length_a 3\n")
    assert [len(pattern) for pattern in read_patterns(tmp_path / "a.cif")] == [40]
    assert len(read_stack(tmp_path / "a.cif")) == 1
