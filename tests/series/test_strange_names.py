"""Names that a stranger has given files and axes: no formula of a spreadsheet or of TeX, no mark-up of a page."""

import csv
import os
from html.parser import HTMLParser

import pytest

import layerox as lx
from layerox.report import write_report
from layerox.results.result_folder import files_of, load
from layerox.series.run import fit_series

RECIPE = {"strategy": {"name": "stages", "stages": [{"free": ["*_a", "*_c", "instrument_zero"]}, {"free": ["*_size"]}]}}
NAMES = ["=cmd|' ;calc'!A0.xye", "<script>alert(1)<.xye", r"a$\frac$b.xye", "-1+2.xye"]
AXIS = "=HYPERLINK(0)"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other systems do not allow such names")


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    place = tmp_path_factory.mktemp("strange")
    pattern = lx.simulate(["P2"], radiation="CuKa", two_theta=(12, 60, 0.05), counts=1e6, seed=1)
    (place / "raw").mkdir()
    lx.write_pattern(pattern.pattern, place / "raw" / "0.xye")
    for name in NAMES:
        (place / "raw" / name).write_bytes((place / "raw" / "0.xye").read_bytes())
    (place / "raw" / "0.xye").unlink()
    rows = [["file", AXIS], *([name, k] for k, name in enumerate(NAMES))]
    with (place / "log.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return fit_series(
        place / "raw", [("P2", "P2")], radiation="CuKa", recipe=RECIPE, axis=f"{place / 'log.csv'}:{AXIS}",
        output=place / "out",
    )  # fmt: skip


def test_no_cell_is_a_formula_and_each_comes_back(series):
    for name in ("frames.csv", "transitions.csv"):
        with (series.path / name).open(newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell[:1] in "=+@" and cell]
        assert not [cell for cell in cells if cell[:1] == "-" and not _is_number(cell)]
    assert series.frames["file"].tolist() == NAMES
    assert series.axes == (AXIS,)
    assert series.frames[AXIS].tolist() == [0, 1, 2, 3]


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


# The scripts of a page: the data of its viewer, which no browser executes, and the viewers.
OWN = [[("type", "application/json")], [("type", "module")]]


class Tags(HTMLParser):
    """Collects the tags of a page, and the attributes of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.scripts += [[(name, value) for name, value in attrs if name != "id"]] if tag == "script" else []
        assert not [name for name, _ in attrs if name.startswith("on")]


def test_a_report_holds_names_as_texts(series):
    path = write_report(series.path)
    assert Tags(path.read_text(encoding="utf-8")).scripts == OWN


def test_a_fit_of_such_a_file_draws_and_reports(series, tmp_path):
    for k in (1, 2):
        result = lx.fit(series.path.parent / "raw" / NAMES[k], [("<b>$\\x$", "P2")], recipe=RECIPE)
        for name, content in files_of(result).items():
            (tmp_path / name).write_bytes(content)
        write_report(tmp_path)
        page = Tags((tmp_path / "report.html").read_text(encoding="utf-8"))
        assert page.scripts == OWN
        assert "b" not in page.tags
        assert load(tmp_path).phases[0].name == "<b>$\\x$"
