"""A result that was cut off, edited or mixed up since: one line that names the file, whatever happened to it."""

import copy
import json
import os
import random

import pytest

import layerox as lx
from layerox.cli.main import main
from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError
from layerox.results.result_folder import files_of, write_folder

MUTANTS = 250
ODD = [None, True, -1, 1e308, 10**30, "", "x", "\x00", [], {}, [[]], {"a": 1}, [1, 2, 3], "nan", "../../etc/passwd"]


@pytest.fixture
def folder(refinement, tmp_path):
    write_folder(tmp_path / "fit", files_of(refinement))
    return tmp_path / "fit"


def changed(folder, change):
    """Change the document of a result."""
    path = folder / "result.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def refused(folder, fault):
    with pytest.raises(InputError, match=fault) as caught:
        lx.load(folder)
    line = str(caught.value)
    assert len(line) < 500
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: d.pop("phases"), "is damaged: phases: field required"),
        (lambda d: d["phases"][0].pop("cell"), r"is damaged: phases\.0\.cell"),
        (lambda d: d["phases"][0]["cell"]["a"].update(value="2.9 A"), r"is damaged: phases\.0\.cell\.a\.value"),
        (lambda d: d["phases"][0]["cell"]["a"].update(value=-2.9), r"phases\.0\.cell\.a\.value: input should be gr"),
        (lambda d: d["phases"][0]["weight_fraction"].update(esd=-0.1), r"phases\.0\.weight_fraction\.esd"),
        (lambda d: d["phases"][0]["weight_fraction"].update(status="guessed"), r"weight_fraction\.status"),
        (lambda d: d["phases"].append(copy.deepcopy(d["phases"][0])), "a name occurs twice"),
        (lambda d: d["phases"][0].update(setting="P 63/m q c"), "unknown space group"),
        (lambda d: d["phases"][0]["sites"][0].update(species="Qq"), "no such cell or element"),
        (lambda d: d["covariance"]["matrix"].pop(), "is not square"),
        (lambda d: d["covariance"]["names"].__setitem__(0, "x"), "the covariance is of 'x', which is no parameter"),
        (lambda d: d["parameters"][0].update(max=1e308), r"parameters\.0\.max: a number is too large"),
        (lambda d: d["phases"][0]["weight_fraction"].update(esd=1e200), r"weight_fraction\.esd: a number is too large"),
        (lambda d: d["phases"][0].update(microabsorption={"factor": "x"}), r"phases\.0\.microabsorption"),
        (lambda d: d["phases"][0]["weight_fraction"].update(value="0.5"), r"weight_fraction\.value"),
        (lambda d: d["phases"][0]["cell"]["gamma"].update(value=True), r"cell\.gamma\.value"),
        (lambda d: d["phases"][0].update(sites=[]), r"phases\.0: a phase has either sites"),
        (lambda d: d.update(convergence="x"), "convergence: input should be an object"),
        (lambda d: d.update(groups=[{"members": []}]), r"groups\.0\.members"),
        (lambda d: d.update(unexplained=[{"two_theta": 20.0, "d": "x", "height": 1.0}]), r"unexplained\.0\.d"),
        (lambda d: d.update(sensitivity=[{"cause": "x", "subject": "", "unit": "", "changes": 5}]), "sensitivity"),
        (lambda d: d["agreement"].update(r_wp=[0.05]), r"agreement\.r_wp"),
        (lambda d: d["radiation"].update(lines=[[1e9, 1.0]]), "a wavelength of"),
        (lambda d: d.update(warnings=[{"code": "x"}]), r"warnings\.0\.message"),
        (lambda d: d.update(schema="layerox.fit/9"), "schema 'layerox.fit/9', this version reads 'layerox.fit/1'"),
        (lambda d: d.update(schema=["layerox.fit/1"]), "is not the result of a fit"),
        (lambda d: d["pattern"].update(points=5), r"fit\.csv: has \d+ points"),
    ],
)
def test_what_a_document_must_hold(folder, change, fault):
    changed(folder, change)
    refused(folder, fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", "is not JSON, or damaged"),
        (b'{"schema": "layerox.fit/1", "status": "conv', "is not JSON, or damaged"),
        (b"\xff\xfe\x00", "byte 1 is not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"schema": "layerox.fit/1", "cpu_s": NaN}', "NaN is no number"),
        (b'{"schema": "layerox.fit/1", "cpu_s": 1e999}', "a number is too large"),
        (b'{"schema": "layerox.fit/1", "cpu_s": ' + b"9" * 5000 + b"}", "a whole number is too large"),
    ],
    ids=["empty", "cut off", "not UTF-8", "nested", "NaN", "infinite", "huge"],
)
def test_what_is_no_document(folder, text, fault):
    (folder / "result.json").write_bytes(text)
    refused(folder, fault)


def rows_of(folder, change):
    path = folder / "fit.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(change(lines)))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda rows: [*rows[:-1], rows[-1][:-9]], "is cut off"),
        (lambda rows: rows[:-1], r"has \d+ points"),
        (lambda rows: rows[:9] + rows[8:], "do not ascend"),
        (lambda rows: [*rows[:9], rows[9].replace(",", ",x", 1), *rows[10:]], "is not a table of a fit"),
        (lambda rows: [*rows[:9], rows[9].replace(",", ",1e99", 1), *rows[10:]], "too large"),
        (lambda rows: [*rows[:9], rows[9].rpartition(",")[0] + "\n", *rows[10:]], "is not a table of a fit"),
        (lambda rows: [rows[0].replace("O3", "O2"), *rows[1:]], "has the columns"),
        (lambda rows: ["\n"], "is cut off"),
    ],
)
def test_what_a_table_must_hold(folder, change, fault):
    rows_of(folder, change)
    assert "fit.csv" in refused(folder, fault)


def test_pipes_and_the_files_of_two_fits_are_refused(folder, refinement, tmp_path):
    write_folder(tmp_path / "other", files_of(refinement))
    rows_of(tmp_path / "other", lambda rows: [*rows[:5], *rows[6:]])
    (folder / "fit.csv").write_bytes((tmp_path / "other" / "fit.csv").read_bytes())
    refused(folder, r"fit\.csv: has \d+ points .* result\.json")
    (folder / "result.json").unlink()
    os.mkfifo(folder / "result.json")
    refused(folder, "is not a regular file")


def places(document, path=()):
    """Yield the place of every value in a document, of lists the first few."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document[:12])
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def mutated(text, draw):
    """Return a document with a value removed, doubled, put elsewhere or made something odd; or the text spoilt."""
    if draw.random() < 0.25:
        spoilt = bytearray(text.encode())
        k = draw.randrange(len(spoilt))
        spoilt[k:] = spoilt[k:][: draw.randrange(len(spoilt))] if draw.random() < 0.5 else spoilt[k + 1 :]
        return bytes(spoilt)
    document = json.loads(text)
    listed = list(places(document))
    *path, key = draw.choice(listed)
    parent = document
    for part in path:
        parent = parent[part]
    if draw.random() < 0.3:
        del parent[key]
    elif draw.random() < 0.5:
        parent[key] = draw.choice(ODD)
    else:
        other = document
        for part in draw.choice(listed):
            other = other[part]
        parent[key] = copy.deepcopy(other)
    return json.dumps(document).encode()


def test_mutants_end_in_one_line_or_in_a_result_that_can_be_used(folder, tmp_path, capsys, refinement):
    text, draw, refusals = (folder / "result.json").read_text(), random.Random(13), []
    write_folder(tmp_path / "other", files_of(refinement))
    for _ in range(MUTANTS):
        (folder / "result.json").write_bytes(mutated(text, draw))
        try:
            assert isinstance(lx.load(folder), Refinement)
        except InputError as error:
            refusals.append(str(error))
        else:
            assert main(["compare", str(folder), str(tmp_path / "other")]) == 0
    assert 0.3 * MUTANTS < len(refusals) < 0.95 * MUTANTS
    assert max(map(len, refusals)) < 500
