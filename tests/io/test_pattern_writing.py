"""Patterns written and read again, with arbitrary numbers."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.io import read_pattern, write_pattern
from layerox.pattern import Pattern
from layerox.radiation import Radiation, radiation_from_text

WRITABLE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Short, so that zeros and single high points among them are not judged: too few to tell from counts.
angles = st.lists(st.floats(0, 180, allow_subnormal=False), min_size=2, max_size=19, unique=True).map(sorted)
lines = st.lists(st.tuples(st.floats(0.05, 10.0), st.floats(1e-3, 10.0)), min_size=1, max_size=3)
radiations = st.none() | st.builds(
    Radiation,
    lines=lines.map(tuple),
    kind=st.sampled_from(["xray", "neutron"]),
    polarization=st.none() | st.floats(0, 1),
    name=st.sampled_from(["", "CuKa"]),
)


@st.composite
def patterns(draw):
    x = draw(angles)
    positive = st.floats(1e-6, 1e9)
    y = draw(st.lists(st.floats(0, 1e12), min_size=len(x), max_size=len(x)))
    sigma = draw(st.lists(positive, min_size=len(x), max_size=len(x)))
    return Pattern(
        two_theta=np.array(x),
        intensity=np.array(y),
        sigma=np.array(sigma),
        sigma_source=draw(st.sampled_from(["file", "poisson"])),
        radiation=draw(radiations),
        label=draw(st.text(max_size=20)),
    )


@WRITABLE
@given(pattern=patterns(), suffix=st.sampled_from([".xye", ".csv"]))
def test_a_written_pattern_reads_back_unchanged(tmp_path, pattern, suffix):
    path = tmp_path / f"a{suffix}"
    write_pattern(pattern, path)
    again = read_pattern(path)
    for name in ("two_theta", "intensity", "sigma"):
        np.testing.assert_array_equal(getattr(again, name), getattr(pattern, name))
    assert again.radiation == pattern.radiation
    assert again.sigma_source == pattern.sigma_source
    assert again.label == (pattern.label or "a")


def example(**more):
    x = np.array([10.0, 10.02, 10.04])
    return Pattern(two_theta=x, intensity=np.array([100, 0, 25]), sigma=np.array([10.0, 1.0, 5.0]), **more)


@pytest.mark.parametrize("suffix", [".xye", ".xy", ".csv"])
def test_time_and_temperature_come_back(tmp_path, suffix):
    said = {"start_time": "2026-03-02T08:00:00+00:00", "temperature_k": 298.15}
    write_pattern(example(metadata=said), tmp_path / f"a{suffix}")
    again = read_pattern(tmp_path / f"a{suffix}", radiation="CuKa")
    assert {name: again.metadata[name] for name in said} == said


def test_two_columns_read_back_as_counts(tmp_path):
    write_pattern(example(sigma_source="poisson", radiation=radiation_from_text("CuKa")), tmp_path / "a.xy")
    again = read_pattern(tmp_path / "a.xy")
    assert again.sigma.tolist() == [10, 1, 5]
    assert (again.sigma_source, again.radiation) == ("poisson", radiation_from_text("CuKa"))


def test_the_heading_states_label_radiation_and_sigma(tmp_path):
    write_pattern(example(label="P2", radiation=radiation_from_text("CuKa1")), tmp_path / "a.xye")
    assert (tmp_path / "a.xye").read_text().splitlines()[:6] == [
        "# powder pattern written by layerox",
        '# label: "P2"',
        '# radiation: {"lines": [[1.5405929, 1.0]], "kind": "xray", "name": "CuKa1"}',
        "# sigma: measured",
        "# two_theta  intensity  sigma",
        "10 100 10",
    ]


def test_negative_intensities_read_back_when_allowed(tmp_path):
    pattern = Pattern(two_theta=[1, 2], intensity=[-1, 5], sigma=[1, 1])
    write_pattern(pattern, tmp_path / "a.xye")
    assert read_pattern(tmp_path / "a.xye", allow_negative=True).intensity.tolist() == [-1, 5]


@pytest.mark.parametrize("stated", ['{"lines": 5}', '{"lines": [[1.5, 1]], "kind": ""}', '{"lines": [[1e9, 1]]}'])
def test_a_damaged_radiation_line_is_named(tmp_path, stated):
    (tmp_path / "a.xye").write_text(f"# radiation: {stated}\n1 2\n3 4\n")
    with pytest.raises(InputError, match=r"a\.xye: the line '# radiation: .* is damaged"):
        read_pattern(tmp_path / "a.xye")


def test_a_file_of_the_user_is_replaced_only_with_overwrite(tmp_path):
    path = tmp_path / "a.xye"
    path.write_text("old")
    with pytest.raises(InputError, match="not recorded as layerox's own"):
        write_pattern(example(), path)
    assert path.read_text() == "old"
    write_pattern(example(), path, overwrite=True)
    write_pattern(example(), path)
    assert len(read_pattern(path)) == 3
    assert sorted(os.listdir(tmp_path)) == [".layerox.jsonl", "a.xye"]


@pytest.mark.parametrize("name", ["a.xrdml", "a", "a.dat"])
def test_other_formats_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"choose from \.xye, \.xy, \.csv"):
        write_pattern(example(), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no such folder"):
        write_pattern(example(), tmp_path / "none" / "a.xye")
