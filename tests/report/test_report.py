"""report.html of a series and of a fit: what the tables hold stands on it, and nothing is fetched from elsewhere."""

import json
import re
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import layerox as lx
from layerox.refined import with_esd
from layerox.report import series_page
from layerox.results.result_folder import files_of, write_folder

PATTERNS = Path(__file__).parents[2] / "patterns"


@pytest.fixture
def output(heated, tmp_path):
    """Return a copy of the folder of a small series, to write into."""
    return shutil.copytree(heated, tmp_path / "out")


def text_of(path):
    """Return the words of the file of a page."""
    return plain(path.read_text(encoding="utf-8"))


def plain(page):
    """Return the words of a page."""
    words = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", words)).split())


def words_of(output):
    """Return the words of the page of a folder, without the time that its pictures take."""
    return plain(series_page(lx.open_series(output), {"operando": b"<svg/>"}))


def change_run(output, **more):
    run = json.loads((output / "run.json").read_text())
    (output / "run.json").write_text(json.dumps({**run, **more}))


def test_the_page_holds_what_the_tables_hold(output):
    path = lx.write_report(output)
    assert path == output / "report.html"
    words, series = text_of(path), lx.open_series(output)
    reasons = series.frames[series.frames["reason"] != ""].to_dict("records")
    assert {"quarantined"} < {row["verdict"] for row in reasons}  # one is accepted with a reason: it fits worse
    for bad in reasons:
        assert f"{bad['file']} {bad['verdict']} {bad['reason']}" in words
    assert "4 accepted 1 quarantined" in words
    first = series.frames.iloc[0]
    for name in series.phases:
        fraction = with_esd(100 * first[f"{name}.weight_fraction"], 100 * first[f"{name}.weight_fraction_esd"])
        assert fraction in words
        assert with_esd(first[f"{name}.c"], first[f"{name}.c_esd"]) in words
    for change in series.transitions.itertuples():
        assert f"{change.phase} {change.kind} {change.frame}" in words
    assert "temperature (K) 300 to 1000" in words
    assert "5 powder patterns (X-rays, CuKa (1.540593, 1.544427 A)" in words
    assert "P2 (P63/mmc) and O3 (R-3m) were tested" in words
    assert "numpy" in words
    assert series.frames["r_wp"][series.is_good].median() == pytest.approx(
        float(re.search(r"R_wp \(%\) [\d.]+ ([\d.]+)", words)[1]) / 100, abs=1e-4
    )


def test_the_page_needs_nothing_but_itself(output):
    page = lx.write_report(output).read_text(encoding="utf-8")
    assert not re.findall(r"<(?:link|iframe|object|base)", page)
    opened = re.findall(r"<script[^>]*>", page)
    assert opened == ['<script type="application/json" id="lx-data-series">', '<script type="module">']
    assert "default-src 'none'" in page
    without_script = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', without_script)
    assert len(sources) == 2
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert "url(" not in re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]


def test_without_patterns_the_old_picture_is_kept(output):
    (output / "series.svg").write_text("<svg>the old one</svg>")
    change_run(output, folder="/nowhere")
    page = lx.write_report(output).read_text(encoding="utf-8")
    assert "PHN2Zz50aGUgb2xkIG9uZTwvc3ZnPg==" in page  # base64 of the old one
    assert page.count("<figure>") == 1


def test_what_other_commands_have_drawn_is_shown_too(output):
    (output / "strain.png").write_bytes(b"\x89PNG...")
    words = words_of(output)
    assert "More pictures strain.png" in words


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("many_set_aside", lambda frames: frames.assign(verdict=["quarantined"] * 2 + ["accepted"] * 3)),
        ("poor_fit", lambda frames: frames.assign(gof=3.5)),
        ("never_seen", lambda frames: frames.assign(**{"O3.volume": float("nan")})),
        ("weak_phase", lambda frames: frames.assign(**{"O3.support": 9.0})),
    ],
)
def test_what_a_reviewer_would_ask_is_stated(output, code, change):
    change(lx.open_series(output).frames).to_csv(output / "frames.csv", index=False)
    assert f" {code} " in words_of(output)


def test_a_sound_series_has_no_cautions(output):
    frames = lx.open_series(output).frames
    frames.assign(verdict="accepted", reason="", gof=1.0).to_csv(output / "frames.csv", index=False)
    words = words_of(output)
    assert " Warnings " not in words
    assert "Quarantined frames None." in words


def test_a_run_that_was_interrupted_states_it(output):
    change_run(output, status="interrupted")
    assert "not_complete the run is interrupted" in words_of(output)


def test_a_series_without_a_single_good_frame_has_a_page(output):
    frames = lx.open_series(output).frames.assign(verdict="quarantined", reason="shows no peaks")
    frames.to_csv(output / "frames.csv", index=False)
    words = words_of(output)
    assert "5 quarantined" in words
    assert "never_seen" in words


def test_hardware_without_weights_has_no_range_of_them(output):
    """A hardware phase has no weight fraction in any frame."""
    frames = lx.open_series(output).frames
    name = lx.open_series(output).phases[0]
    assert "nan" not in words_of(output)
    assert f"to {100 * frames[f'{name}.weight_fraction'].max():.1f}" in words_of(output)
    frames[[f"{name}.weight_fraction", f"{name}.weight_fraction_esd"]] = np.nan
    frames.to_csv(output / "frames.csv", index=False)
    assert "nan" not in words_of(output)


def test_each_frame_by_itself_is_another_method(output):
    change_run(output, unordered=True)
    words = words_of(output)
    assert "refined independently from scratch" in words
    assert "score test" not in words


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    write_folder(folder, files_of(lx.fit(PATTERNS / "p2_o3.xye", ["P2", "O3"])))
    return folder


def test_a_fit_has_a_page_too(fitted):
    words, result = text_of(lx.write_report(fitted)), lx.load(fitted)
    for phase in result.phases:
        assert f"{phase.name} {phase.space_group} {phase.formula} {phase.fraction_text}" in words
    for warning in result.warnings:
        assert f"{warning.code} {warning.message}" in words
    assert "Rietveld refinement of" in words


def test_any_other_folder_is_refused(tmp_path):
    with pytest.raises(lx.InputError, match="neither a series nor a fit"):
        lx.write_report(tmp_path)
