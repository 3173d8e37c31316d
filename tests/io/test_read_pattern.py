"""`read_pattern` as a whole: arbitrary bytes, cut-off files, import cost and speed."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.io import read_instrument, read_pattern, read_patterns
from layerox.pattern import Pattern

MANY = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NUMBERS = ["10", "10.5", "1e3", "-1", "nan", "inf", "1e999", "0x10", "1_0", "\u0661", "+", ".", "e5", "d"]
MARKS = [",", ";", "\t", " ", "\n", "\r\n", "\r", "#", "!", "/*", "*/", '"', "_", "\x1a", "\x00", "abc", "\u03b8"]
LINES = [
    "BANK 1 3 1 CONST 1000 5 0 0 STD\n",
    "BANK 1 2 2 CONS 50 0.1 0 0 FXYE\n",
    "10 0.5 12\n",
    "2theta I sigma\n",
    "q I\n",
    "# radiation: {}\n",
    "# label: 1\n",
    "wavelength = 1.5\n",
    "wavelength = 1e-400",
    "Temp (K) = 1.2.3\n",
    "data_x\n",
    "_pd_\n",
    "<xrdMeasurements>",
    "<scan scanAxis='Gonio'>",
    "</xrdMeasurements>",
    "INS  1 ICONS  1.5\n",
    "INS   HTYPE   PXC\n",
    "INS  1PRCF1 3\n",
    "Type:PXC\n",
    "Lam:1.5\n",
    "[profile]\n",
    "u = 1\n",
]
tokens = st.sampled_from([*NUMBERS, *MARKS, *LINES])
garbage = st.binary(max_size=400) | st.lists(tokens, max_size=60).map("".join).map(str.encode)
suffixes = st.sampled_from([".xye", ".xy", ".csv", ".chi", ".dat", ".xrdml", ".fxye", ".raw"])


def outcome(reader, path, **options):
    """Return the reader's result and None, or None and the message of its InputError."""
    try:
        return reader(path, **options), None
    except InputError as error:
        return None, str(error)


def error_is_one_line(error, path):
    return error is None or ("\n" not in error and error.startswith(str(path)))


@MANY
@given(data=garbage, suffix=suffixes, axis=st.sampled_from(["two-theta", "q", "d"]), told=st.sampled_from([None, 1.5]))
@example(data=b"\xff\xfe\x00\xd8", suffix=".xy", axis="two-theta", told=None)
@example(data="1 2\n3 ١\n".encode(), suffix=".xy", axis="two-theta", told=None)
@example(data=b"1e308 1\n1.1e308 2\n", suffix=".xy", axis="q", told=1.5)
@example(data=b"5e-324 1\n1 2\n", suffix=".xy", axis="d", told=1.5)
def test_any_bytes_are_a_pattern_or_an_input_error(tmp_path, data, suffix, axis, told):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)
    for reader in (read_pattern, read_patterns):
        result, error = outcome(reader, path, axis=axis, radiation=told)
        assert error_is_one_line(error, path)
        assert all(
            isinstance(pattern, Pattern) for pattern in (result if isinstance(result, list) else [result]) if result
        )


@MANY
@given(data=garbage, suffix=st.sampled_from([".toml", ".prm", ".instprm", ".xyz"]))
def test_any_bytes_are_an_instrument_or_an_input_error(tmp_path, data, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)
    assert error_is_one_line(outcome(read_instrument, path)[1], path)


def test_the_suffix_does_not_matter_where_the_contents_are_plain(tmp_path):
    (tmp_path / "pattern").write_text("10 100\n11 121\n")
    assert len(read_pattern(tmp_path / "pattern")) == 2


def test_the_path_may_be_a_string(tmp_path):
    (tmp_path / "a.xy").write_text("10 100\n11 121\n")
    assert read_pattern(str(tmp_path / "a.xy")).label == "a"


def test_reading_a_pattern_imports_nothing_heavy():
    code = (
        "import sys, layerox.io; print([m for m in ('pydantic', 'scipy', 'matplotlib', 'gemmi') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_large_pattern_is_read_fast(tmp_path, monkeypatch):
    """The reader that goes row by row takes ten times as long, and is for rows that differ."""
    monkeypatch.setattr("layerox.io.text_pattern.rows_from_lines", None)
    x = np.arange(50_000) / 1000
    path = tmp_path / "a.xye"
    path.write_text("\n".join(f"{a:.4f} {a + 100:.3f} 10.0" for a in x))
    assert len(read_pattern(path)) == 50_000


@pytest.mark.measured
@pytest.mark.parametrize(
    "file", ["naxmno2-heating-100-230/frames/100.xye", "formats/PSI_DMC.dat", "standards/PBSO4.XRA",
             "cucr2o4-cooling/OH_00.fxye", "in-situ-xrdml/Scan_C1.xrdml", "standards/FAP.XRA"]
)  # fmt: skip
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7])
def test_a_measured_file_that_is_cut_off_never_fails_otherwise(measured_data, tmp_path, file, share):
    data = (measured_data / file).read_bytes()
    path = tmp_path / file.rpartition("/")[2]
    path.write_bytes(data[: int(share * len(data))])
    pattern, error = outcome(read_pattern, path)
    assert error_is_one_line(error, path)
    assert pattern is None or path.suffix == ".xye", "only plain columns do not say how many points there should be"
