"""What commands import: nothing that the work at hand does not need, as every import is time that a user waits for."""

import subprocess
import sys

import pytest

LOADED = """
import contextlib, io, sys
from layerox.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    try:
        status = main(sys.argv[1:])
    except SystemExit as ended:
        status = ended.code
print(status, *sys.modules)
"""
NUMERICS = {"scipy", "numba", "gemmi", "spglib"}
TABLES = {"pandas", "xarray"}
PICTURES = {"matplotlib", "mpl_toolkits", "plotly"}
# Of the package, by command: what a fit of two phases of the library may need.
OF_FIT = {
    "analysis", "builders", "cli", "computing", "crystal", "diffraction", "errors", "instrument", "io", "notices",
    "pattern", "plotting", "public", "radiation", "refined", "results", "stacking", "symmetry", "typing",
    "validation",  # the layers of its phases, for the question of stacking disorder
}  # fmt: skip
OF_SERIES = OF_FIT | {"electrochemistry", "series"}
STATISTICS = {"scipy.stats", "scipy.interpolate", "scipy.integrate"}


def loaded(*words):
    """Return the exit status of a command and the names of all modules that it has imported."""
    command = [sys.executable, "-c", LOADED, *map(str, words)]
    status, *names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(status), set(names)


def tops(names):
    return {name.partition(".")[0] for name in names}


def parts(names):
    """Return the parts of the package among some modules."""
    return {name.split(".")[1] for name in names if name.startswith("layerox.")}


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    """Return a pattern of P2 and O3, short, so that the fit costs little."""
    import layerox as lx

    path = tmp_path_factory.mktemp("pattern") / "frame_0.xye"
    made = lx.simulate(["P2", "O3"], radiation="CuKa", two_theta=(14, 50, 0.05), counts=5000, background=[50])
    lx.write_pattern(made.pattern, path)
    return path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--help",), 0),
        (("fit", "--help"), 0),
        (("series", "--help"), 0),
        (("interface", "--help"), 0),
        (("fit", "nowhere.xye", "--phase", "P2"), 2),
        (("series", "nowhere", "--phase", "P2"), 2),
        (("simulate", "nowhere.cif", "-o", "pattern.xye"), 2),
        (("fit", "pattern.xye", "--phaze", "P2"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_help_and_a_wrong_file_name_need_no_numerics(words, expected):
    status, names = loaded(*words)
    assert status == expected
    assert tops(names) & (NUMERICS | TABLES | PICTURES | {"pydantic", "lmfit", "pymatgen"}) == set()
    assert parts(names) <= {"cli", "errors", "instrument", "io", "notices", "pattern", "public", "radiation", "typing"}


def test_a_fit_without_a_picture(pattern, tmp_path):
    words = ("fit", pattern, "--phase", "P2", "--phase", "O3", "-o", tmp_path / "out", "--quiet", "--figures", "none")
    status, names = loaded(*words)
    assert status in (0, 1)
    assert tops(names) & (TABLES | PICTURES | {"pydantic", "lmfit", "pymatgen", "rich"}) == set()
    assert names & (STATISTICS | {"scipy.optimize", "scipy.spatial"}) == set()
    assert parts(names) <= OF_FIT
    assert not (tmp_path / "out" / "fit.png").exists()


def test_a_fit_with_a_picture_needs_matplotlib_too(pattern, tmp_path):
    status, names = loaded("fit", pattern, "--phase", "P2", "--phase", "O3", "-o", tmp_path / "out", "--quiet")
    assert status in (0, 1)
    assert parts(names) <= OF_FIT
    assert names & (STATISTICS | {"scipy.optimize", "matplotlib.pyplot"}) == set()
    assert (tmp_path / "out" / "fit.png").exists()


def test_a_series_without_pictures_and_report(pattern, tmp_path):
    words = ("series", pattern.parent, "--phase", "P2", "--phase", "O3", "-o", tmp_path / "out", "--quiet")
    status, names = loaded(*words, "--figures", "none", "--no-report")
    assert status in (0, 1)
    assert tops(names) & (PICTURES | {"lmfit", "pymatgen", "rich"}) == set()
    assert names & (STATISTICS | {"scipy.optimize"}) == set()
    assert parts(names) <= OF_SERIES
    assert {"series.png", "series.svg", "report.html"} & {path.name for path in (tmp_path / "out").iterdir()} == set()
