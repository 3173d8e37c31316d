"""What a command line names is looked at before anything slow is imported."""

import os
import subprocess
import sys

import pytest

from layerox.cli.check_inputs import check_inputs
from layerox.errors import InputError

SLOW = ("numba", "pymatgen", "matplotlib", "scipy", "pandas", "lmfit", "h5py")


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return str(path)


@pytest.mark.parametrize("file", ["/dev/zero", "/dev/null"])
def test_devices_are_no_files(file):
    with pytest.raises(InputError, match="is a device, not a file; give a file"):
        check_inputs(files=[file])


def test_pipes_folders_and_missing_files_are_refused_without_opening_them(pipe, tmp_path):
    for given, words in ((pipe, "is a pipe"), (str(tmp_path), "is a folder"), (str(tmp_path / "no"), "no such file")):
        with pytest.raises(InputError, match=words):
            check_inputs(files=[None, given])
        if words != "no such file":
            with pytest.raises(InputError, match=words):
                check_inputs(phases=[f"A={given}"])
    with pytest.raises(InputError, match=r"no\.cif: no such file"):
        check_inputs(phases=["P2", "no.cif"])
    with pytest.raises(InputError, match="no such folder"):
        check_inputs(folder=str(tmp_path / "no"))


@pytest.mark.parametrize("phase", ["P2", "Pp3", "C93", "P2_NaCoO2", "P2*4|O3*3", "Z:0.3", "mine=O3", "AB BA"])
def test_known_phases_pass(phase):
    check_inputs(phases=[phase])


@pytest.mark.parametrize("phase", ["P7", "NAME=", "=P2", "P2*", "sodium"])
def test_unknown_phases_are_refused(phase):
    with pytest.raises(InputError):
        check_inputs(phases=[phase])


def test_hardware_may_be_the_name_of_a_phase(tmp_path):
    (tmp_path / "window.cif").write_text("data_x\n")
    check_inputs(phases=["foil=Al", str(tmp_path / "window.cif")], hardware=["foil", "window", "Cu"])
    with pytest.raises(InputError):
        check_inputs(phases=["foil=Al"], hardware=["folie"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "nothing.xye", "--phase", "P2"], ["fit", "PATTERN", "--phase", "nothing.cif"],
        ["fit", "PATTERN", "--phase", "P7"], ["fit", "PATTERN", "--phase", "P2", "--recipe", "nothing.toml"],
        ["series", "nothing", "--phase", "P2"], ["series", ".", "--phase", "nothing.cif"],
        ["simulate", "nothing.cif", "-o", "a.xye"], ["calibrate", "nothing.xye", "--phase", "P2", "-o", "a.toml"],
    ],
)  # fmt: skip
def test_a_wrong_name_is_answered_before_anything_slow_is_imported(tmp_path, arguments):
    (tmp_path / "scan.xye").write_text("10 100 10\n11 110 10\n")
    code = (
        "import sys; from layerox.cli.main import main; status = main(sys.argv[1:]); "
        f"print(status, *[name for name in {SLOW!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, *(a.replace("PATTERN", "scan.xye") for a in arguments)]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout == "2\n"
    assert len(found.stderr.splitlines()) == 1
