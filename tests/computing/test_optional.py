"""Optional packages: a file that needs an absent one is refused in one line, with the command that installs it."""

import sys

import pytest

import layerox as lx
from layerox.computing.optional import EXTRAS, optional_module
from layerox.electrochemistry.excel_workbook import sheets_of
from layerox.electrochemistry.neware_files import table_of
from layerox.errors import InputError
from layerox.io.file_contents import HDF5


@pytest.mark.parametrize(("module", "extra"), EXTRAS.items())
def test_an_absent_package_is_named_with_its_extra(monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)  # its import fails then
    with pytest.raises(InputError) as caught:
        optional_module(module, purpose="this file", place="scan.bin")
    package = module.partition(".")[0]
    assert str(caught.value) == (
        f"scan.bin: this file needs the package {package}, which is not installed; pip install 'layerox[{extra}]'"
    )


@pytest.mark.parametrize(
    ("module", "read"),
    [
        ("h5py", lx.read_pattern),
        ("NewareNDA", table_of),  # these two are called in a process of their own, see `confined`
        ("python_calamine", sheets_of),
        ("anywidget", lambda path: lx.notebook.builder("P2")),
    ],
)
def test_what_needs_it_states_it(monkeypatch, tmp_path, module, read):
    path = tmp_path / "scan.h5"
    path.write_bytes(HDF5)
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=f"needs the package {module}, which is not installed; pip install 'layerox"):
        read(path)
