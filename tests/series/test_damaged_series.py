"""The folder of a series that was cut off, edited or mixed up since: one line that names the file."""

import json
import os
import random
import shutil

import pytest

import layerox as lx
from layerox.cli.main import main
from layerox.errors import InputError

MUTANTS = 40
NUMBERS = ["", "x", "nan", "inf", "1e308", "1e400", "-1", "0", "9" * 30, "True", "1e-300", "a\nb", "=1+1"]


@pytest.fixture
def folder(heated, tmp_path):
    shutil.copytree(heated, tmp_path / "series")
    return tmp_path / "series"


def refused(folder, fault):
    with pytest.raises(InputError, match=fault) as caught:
        lx.open_series(folder)
    line = str(caught.value)
    assert len(line) < 500
    assert "\n" not in line
    for command in ("strain", "report"):
        assert main([command, str(folder)]) == 2


def changed_run(folder, change):
    path = folder / "run.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: d.pop("phases"), "phases: field required"),
        (lambda d: d.update(phases=[]), "phases: list should have"),
        (lambda d: d.update(phases=["P2", "P2"]), "a name is repeated"),
        (lambda d: d.update(phases=["P2", "O4"]), "structures and phases have different names"),
        (lambda d: d.update(status="done"), "status"),
        (lambda d: d.update(frames="five"), "frames"),
        (lambda d: d.update(axes={"time": 1}), "axes"),
        (lambda d: d.update(notices=[{"code": "x"}]), r"notices\.0\.message"),
        (lambda d: d["structures"]["P2"]["cell"].pop(), r"structures\.P2\.cell"),
        (lambda d: d["structures"]["P2"].update(cell=[2.9, 2.9, 11.1, 90, 90, 270]), r"structures\.P2\.cell\.5"),
        (lambda d: d["structures"]["P2"].update(setting="P 63/m q c"), r"structures\.P2: unknown space group"),
        (lambda d: d["structures"]["P2"]["sites"][0].__setitem__(1, "Qq"), "no such cell or element"),
        (lambda d: d["structures"]["P2"]["sites"][0].append(1), r"structures\.P2\.sites\.0"),
        (
            lambda d: d["structures"]["P2"].update(sites=[]),
            r"structures\.P2: a phase without measured",
        ),
        (lambda d: d["structures"]["P2"]["cell"].__setitem__(5, True), r"structures\.P2\.cell\.5"),
        (lambda d: d["measured"].update(wavelength=0), r"measured\.wavelength"),
        (lambda d: d.update(range=[10]), "range"),
        (lambda d: d.update(lines="CuKa"), "lines"),
        (lambda d: d.update(schema="layerox.series/2"), "schema 'layerox.series/2', this version reads"),
        (lambda d: d.update(frames=4), r"frames\.csv: is cut off: 5 of 4 frames are in it"),
    ],
)
def test_what_the_record_must_hold(folder, change, fault):
    changed_run(folder, change)
    refused(folder, fault)


@pytest.mark.parametrize("name", ["run.json", "frames.csv", "transitions.csv"])
def test_what_is_no_file_of_text(folder, name):
    whole = (folder / name).read_bytes()
    for spoilt, fault in ((b"", "damaged|no table"), (whole[:-3], "damaged|cut off"), (b"\xff" + whole, "not UTF-8")):
        (folder / name).write_bytes(spoilt)
        refused(folder, rf"{name}: .*({fault})")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refused(folder, "is not a regular file")


def table(folder, change, name="frames.csv"):
    rows = [line.split(",") for line in (folder / name).read_text().splitlines()]
    (folder / name).write_text("".join(",".join(row) + "\n" for row in change(rows)))


def with_cell(title, text):
    """Return what changes a cell of the third row."""

    def change(rows):
        rows[3][rows[0].index(title)] = text
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda rows: [*rows, rows[-1]], "frames do not ascend"),
        (lambda rows: [rows[0], *rows[2:]], "is cut off: 4 of 5"),
        (lambda rows: [*rows[:3], rows[3][:-1], *rows[4:]], "row 4 has"),
        (lambda rows: [row[:-1] for row in rows], "other columns"),
        (lambda rows: [[*row[:8], *row[9:]] for row in rows], "other columns"),
        (lambda rows: [[*row, row[-1]] for row in rows], "a column is repeated"),
        (lambda rows: [[*rows[0], "Q.a"], *([*row, ""] for row in rows[1:])], "a column of no phase"),
        (lambda rows: rows[:1], "holds no frames"),
        (with_cell("P2.a", "x"), r"column P2\.a holds text"),
        (with_cell("P2.a", "-2.9"), r"P2\.a is -2\.9 in row 4"),
        (with_cell("P2.a", "inf"), r"P2\.a is inf"),
        (with_cell("P2.a_esd", "-1"), r"P2\.a_esd is -1"),
        (with_cell("P2.weight_fraction", "77"), r"P2\.weight_fraction is 77"),
        (with_cell("P2.beta", "200"), r"P2\.beta is 200"),
        (with_cell("r_wp", "1e400"), "r_wp is inf"),
        (with_cell("verdict", "fine"), "row 4 has the verdict 'fine'"),
        (with_cell("file", "../secret"), "a file has no name"),
        (with_cell("frame", "9" * 30), "holds text|do not ascend|frame is"),
    ],
)
def test_what_the_table_must_hold(folder, change, fault):
    table(folder, change)
    refused(folder, rf"frames\.csv: .*({fault})")


def test_tables_of_another_series_are_refused(folder):
    table(folder, lambda rows: [[cell.replace("P2.", "P3.") for cell in row] for row in rows])
    refused(folder, "other columns than run.json describes")


def test_resume_and_parametric_refuse_a_damaged_folder(folder, capsys):
    (folder / "run.json").write_text((folder / "run.json").read_text()[:-200])
    words = ["series", str(folder), "--phase", "P2", "--radiation", "CuKa", "-o", str(folder), "--resume"]
    for command in ([*words, "--glob", "*.xye"], ["parametric", str(folder)]):
        assert main(command) == 2
        assert "run.json: " in capsys.readouterr().err


def test_a_folder_of_the_first_release_is_read(folder):
    """It has neither a manifest nor hashes, and its record none of the newer keys."""
    changed_run(folder, lambda d: [d.pop(key, None) for key in ("sha256", "refitted")])
    for name in (".layerox.jsonl", ".layerox-frames.json", ".layerox.lock"):
        (folder / name).unlink()
    assert len(lx.open_series(folder).frames) == 5
    assert main(["strain", str(folder), "--quiet"]) == 2  # its transitions.csv is nobody's that is known
    assert main(["strain", str(folder), "--quiet", "--overwrite"]) == 0


def test_mutants_end_in_one_line_or_in_a_series_that_can_be_used(folder, capsys):
    draw, refusals = random.Random(7), []
    whole = {name: (folder / name).read_bytes() for name in ("run.json", "frames.csv", "transitions.csv")}
    for _ in range(MUTANTS):
        name = draw.choice(list(whole))
        (folder / name).write_bytes(mutated(whole[name], name, draw))
        try:
            assert repr(lx.open_series(folder).dataset)
        except InputError as error:
            refusals.append(str(error))
        else:
            assert main(["strain", str(folder), "--quiet", "--overwrite"]) in (0, 2)
        for own, text in whole.items():
            (folder / own).write_bytes(text)
    assert len(refusals) > 0.3 * MUTANTS
    assert max(map(len, refusals)) < 500


def mutated(data, name, draw):
    """Return a file with a few bytes changed, a stretch removed or doubled, or a cell made something odd."""
    spoilt, k = bytearray(data), draw.randrange(len(data))
    how = draw.random()
    if how < 0.2:
        spoilt[k] ^= 1 << draw.randrange(8)
    elif how < 0.4:
        del spoilt[k : k + draw.randrange(1, 300)]
    elif how < 0.5:
        spoilt[k:k] = spoilt[k : k + draw.randrange(1, 300)]
    elif name.endswith(".csv"):
        rows = [line.split(",") for line in data.decode().splitlines()]
        row = draw.choice(rows)
        row[draw.randrange(len(row))] = draw.choice(NUMBERS)
        return "".join(",".join(row) + "\n" for row in rows).encode()
    else:
        document = json.loads(data)
        part = draw.choice([document, document["structures"]["P2"], document["measured"]])
        key = draw.choice(list(part))
        part[key] = draw.choice([None, [], {}, "x", -1, 10**30, [1, 2], {"a": 1}])
        return json.dumps(document).encode()
    return bytes(spoilt)
