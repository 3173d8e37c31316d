"""What commands import: nothing that the work at hand does not need, as every import is time that a user waits for."""

import subprocess
import sys

import numba
import pytest

from layerox.computing.compiled import LOADS_WITHOUT_COMPILER

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
PICTURES = {"matplotlib", "mpl_toolkits", "anywidget"}
# Of the package, by command: what a fit of two phases of the library may need.
OF_FIT = {
    "analysis", "builders", "cli", "computing", "crystal", "diffraction", "errors", "instrument", "io", "notices",
    "pattern", "plotting", "public", "radiation", "refined", "results", "stacking", "symmetry", "typing",
    "validation",  # the layers of its phases, for the question of stacking disorder
}  # fmt: skip
OF_SERIES = OF_FIT | {"electrochemistry", "series"}
# Each takes a tenth of a second or more. numba imports scipy itself, which is little, and when it prepares its compiler
# scipy.linalg with what that needs.
SCIPY = {f"scipy.{part}" for part in ("integrate", "interpolate", "io", "optimize", "sparse", "spatial", "stats")}
if numba.version_info.short in LOADS_WITHOUT_COMPILER:
    SCIPY |= {"scipy.fft", "scipy.linalg", "scipy.special"}
DISORDER = {f"layerox.diffraction.disordered.{module}" for module in ("profile_sum", "rod_model", "rods", "recursion")}


def loaded(*words):
    """Return the exit status of a command and the names of all modules that it has imported."""
    command = [sys.executable, "-c", LOADED, *map(str, words)]
    status, *names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(status), set(names)


def loaded_when_compiled(*words):
    """Return the same of a command that has been run before, so that it compiles nothing."""
    loaded(*words)
    return loaded(*words, "--overwrite")


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
    status, names = loaded_when_compiled(*words)
    assert status in (0, 1)
    assert tops(names) & (TABLES | PICTURES | {"pydantic", "lmfit", "pymatgen", "rich"}) == set()
    assert names & SCIPY == set()
    assert names & DISORDER == set()
    assert names & {"xml.sax", "http.client", "urllib.request"} == set()
    assert parts(names) <= OF_FIT
    assert not (tmp_path / "out" / "fit.png").exists()


def test_a_fit_with_a_picture_needs_matplotlib_too(pattern, tmp_path):
    words = ("fit", pattern, "--phase", "P2", "--phase", "O3", "-o", tmp_path / "out", "--quiet")
    status, names = loaded_when_compiled(*words)
    assert status in (0, 1)
    assert parts(names) <= OF_FIT
    assert names & (SCIPY | DISORDER | {"matplotlib.pyplot"}) == set()
    assert (tmp_path / "out" / "fit.png").exists()


def test_a_series_without_pictures_and_report(pattern, tmp_path):
    words = ("series", pattern.parent, "--phase", "P2", "--phase", "O3", "-o", tmp_path / "out", "--quiet")
    status, names = loaded_when_compiled(*words, "--figures", "none", "--no-report")
    assert status in (0, 1)
    assert tops(names) & (PICTURES | {"xarray", "dask", "distributed", "lmfit", "pymatgen", "rich"}) == set()
    assert names & (SCIPY | DISORDER) == set()
    assert parts(names) <= OF_SERIES
    assert {"series.png", "series.svg", "report.html"} & {path.name for path in (tmp_path / "out").iterdir()} == set()
