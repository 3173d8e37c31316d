"""Five hundred mutated inputs: each is read, or refused in one short line; run.py takes as many as wanted."""

import random
import sys

import pytest
from mutators import mutated
from readers import READERS
from run import fault_of, fuzzed
from seeds import written_seeds

MUTANTS = 300


@pytest.mark.skipif(sys.platform != "linux", reason="the child bounds its memory as Linux does")
def test_mutants_are_read_or_refused_in_one_short_line(monkeypatch):
    monkeypatch.delenv("LAYEROX_DATA", raising=False)
    report = fuzzed(MUTANTS, seed=2026)
    assert report["faults"] == []
    # It is no proof if mutants are all alike: some are still valid, most are refused, every kind takes part.
    assert 0.3 * MUTANTS < report["refused"] < 0.97 * MUTANTS
    assert len(report["kinds"]) == 11


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    return written_seeds(tmp_path_factory.mktemp("seeds"))


def test_what_is_mutated_is_valid(seeds, tmp_path):
    """Otherwise its mutants would all be refused for the same fault."""
    for number, seed in enumerate(seeds):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, data in seed.files.items():
            (folder / name).write_bytes(data)
        READERS[seed.kind](folder / seed.target)


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        ({}, ""),
        ({"fault": "KeyError at x.py:1"}, "KeyError at x.py:1"),
        ({"cpu_s": 5.1}, "hang"),
        ({"peak_mib": 1025.0}, "more than 1 GiB"),
        ({"length": 501}, "a long message"),
    ],
)
def test_what_counts_as_a_fault(outcome, fault):
    assert fault_of({"fault": "", "cpu_s": 0.1, "peak_mib": 100.0, "length": 80, **outcome}) == fault


def test_the_same_seed_gives_the_same_mutants():
    text = b"a = 1\nb = [2, 3]\n" * 20
    one, other = ([mutated(text, "a.toml", random.Random(k)) for k in range(50)] for _ in range(2))
    assert one == other
    assert len(set(one)) > 40
