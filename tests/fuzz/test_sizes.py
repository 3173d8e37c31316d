"""Inputs of a size that nobody has measured: done, or refused in one line, within a minute and 4 GiB."""

import resource
import subprocess
import sys

import pytest

from diffractometer_files import SAMPLES

MOST_BYTES, PATIENCE_S = 4 * 2**30, 60
POINTS, ATOMS, BLOCK = 10**7, 10**6, 10**5
CELL = "".join(
    f"_cell_{kind}_{name} {value}\n"
    for kind, names, value in (("length", "abc", 400), ("angle", ("alpha", "beta", "gamma"), 90))
    for name in names
)
LOOP = "".join(f"_atom_site_{name}\n" for name in ("label", "type_symbol", "fract_x", "fract_y", "fract_z"))

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")


def bounded():
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def ends(folder, *words):
    """Whether a command ends in time, done or with one line."""
    done = subprocess.run(
        [sys.executable, "-m", "layerox", *words], cwd=folder, capture_output=True, text=True, check=False,
        timeout=PATIENCE_S, preexec_fn=bounded,
    )  # fmt: skip
    return done.returncode in (0, 1) or (done.returncode == 2 and done.stderr.count("\n") == 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("sizes")
    with (place / "scan.xy").open("w") as file:
        for first in range(0, POINTS, BLOCK):
            file.write("".join(f"{10 + 8e-6 * k:.6f} {k % 97 + 3}\n" for k in range(first, first + BLOCK)))
    with (place / "atoms.cif").open("w") as file:
        file.write(f"data_big\n{CELL}_symmetry_space_group_name_H-M 'P 1'\nloop_\n{LOOP}")
        for first in range(0, ATOMS, BLOCK):
            file.write("".join(f"O{k} O {k % 100 / 100} {k // 100 % 100 / 100} {k // 10**4 / 100}\n"
                               for k in range(first, first + BLOCK)))  # fmt: skip
    yield place
    (place / "scan.xy").unlink()


def test_ten_million_points(folder):
    assert ends(folder, "fit", "scan.xy", "--phase", "P2", "--radiation", "CuKa", "-o", "out")


@pytest.mark.parametrize(
    "words",
    [("check", "atoms.cif"), ("simulate", "atoms.cif", "--radiation", "CuKa", "-o", "p.xye"),
     ("fit", "scan.xy", "--phase", "atoms.cif", "--radiation", "CuKa", "-o", "out")],
    ids=lambda words: words[0],
)  # fmt: skip
def test_a_million_atoms(folder, words):
    assert ends(folder, *words)


@pytest.mark.parametrize("name", ["scan.ras", "scan.asc", "scan.uxd", "d1a.dat", "scan.plt", "wide.csv"])
def test_lines_with_long_blanks(folder, name):
    """300,000 blanks within a word of the third line, which is longer: no expression searches them many times."""
    lines = SAMPLES[name]().decode().split("\n")
    lines[2] = f"{lines[2][:5]}{' ' * 300_000}{lines[2][5:]}{'x' * 500}"
    (folder / name).write_text("\n".join(lines))
    assert ends(folder, "look", name)
