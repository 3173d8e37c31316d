"""Links of HDF5 files: within the file and beside it they are followed; to devices and other folders they are not."""

import os

import h5py
import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io import read_pattern
from layerox.io.nexus_links import member
from nexus_files import ANGLES, curves

COUNTS = curves(1)[0][0]


def data_file(path, signal=COUNTS):
    """Write one pattern under /entry/data; `signal` may be what puts it there."""
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": ["two_theta"]})
        group["two_theta"] = ANGLES
        group["two_theta"].attrs["units"] = "deg"
        if callable(signal):
            signal(group)
        elif signal is not None:
            group["I"] = signal
    return path


@pytest.fixture
def elsewhere(tmp_path):
    """A file of patterns in another folder than the one that is read."""
    (tmp_path / "other").mkdir()
    (tmp_path / "here").mkdir()
    return data_file(tmp_path / "other" / "secret.h5")


def test_soft_links_and_links_to_a_neighbour_are_followed(tmp_path):
    data_file(tmp_path / "raw.h5")

    def linked(group):
        group["I"] = h5py.ExternalLink("raw.h5", "/entry/data/I")

    with h5py.File(data_file(tmp_path / "master.h5", linked), "a") as file:
        file["alias"] = h5py.SoftLink("/entry/data")
        assert member(file, "alias/I").shape == COUNTS.shape
        assert member(file["entry"], "data/./I").shape == COUNTS.shape
        assert member(file["entry"], "/alias/two_theta").shape == ANGLES.shape


FOREIGN = ["../other/secret.h5", "{tmp}/other/secret.h5", "/dev/zero", "none.h5", "pipe", "a\\..\\b"]


@pytest.mark.parametrize("name", FOREIGN)
def test_links_to_other_folders_devices_and_pipes_lead_nowhere(name, elsewhere, tmp_path):
    if name == "pipe":
        os.mkfifo(tmp_path / "here" / name)

    def linked(group):
        group["I"] = h5py.ExternalLink(name.format(tmp=tmp_path), "/entry/data/I")

    path = data_file(tmp_path / "here" / "a.h5", linked)
    with h5py.File(path) as file:
        assert member(file, "entry/data/I") is None
    with pytest.raises(InputError, match="holds no patterns"):
        read_pattern(path)


def test_a_soft_link_through_a_foreign_one_leads_nowhere(elsewhere, tmp_path):
    def linked(group):
        group.file["foreign"] = h5py.ExternalLink("../other/secret.h5", "/entry")
        group["I"] = h5py.SoftLink("/foreign/data/I")

    with h5py.File(data_file(tmp_path / "here" / "a.h5", linked)) as file:
        assert "I" in file["entry/data"]  # HDF5 itself would follow it
        assert file["entry/data/I"].shape == COUNTS.shape
        assert member(file, "entry/data/I") is None


@pytest.mark.parametrize("name", ["/dev/zero", "/etc/passwd", "raw.bin"])
def test_numbers_outside_hdf5_are_not_read(name, tmp_path):
    (tmp_path / "raw.bin").write_bytes(COUNTS.tobytes())

    def stored(group):
        group.create_dataset("I", COUNTS.shape, "f8", external=[(name, 0, COUNTS.nbytes)])

    with pytest.raises(InputError, match="holds no patterns"):
        read_pattern(data_file(tmp_path / "a.h5", stored))


@pytest.mark.parametrize(("name", "is_followed"), [("raw.h5", True), ("../other/secret.h5", False)])
def test_a_virtual_array_of_files_beside_it(name, is_followed, elsewhere, tmp_path):
    data_file(tmp_path / "here" / "raw.h5")

    def virtual(group):
        layout = h5py.VirtualLayout(COUNTS.shape, "f8")
        layout[:] = h5py.VirtualSource(name, "/entry/data/I", COUNTS.shape)
        group.create_virtual_dataset("I", layout)

    path = data_file(tmp_path / "here" / "a.h5", virtual)
    if is_followed:
        np.testing.assert_array_equal(read_pattern(path, radiation="CuKa").intensity, COUNTS)
        return
    with pytest.raises(InputError, match="holds no patterns"):
        read_pattern(path, radiation="CuKa")


def test_links_in_circles_end(tmp_path):
    with h5py.File(data_file(tmp_path / "a.h5", None), "a") as file:
        file["one"], file["two"] = h5py.SoftLink("/two"), h5py.SoftLink("/one")
        file["entry/itself"] = h5py.SoftLink("/entry")
        file["entry/again"] = file["entry"]
        assert member(file, "one") is None
    with pytest.raises(InputError, match="holds no patterns"):
        read_pattern(tmp_path / "a.h5")


def test_groups_that_hold_the_whole_file_again_are_walked_once(tmp_path):
    """Three hundred links to the root in the root: 300^6 groups for who follows each of them six times."""
    with h5py.File(data_file(tmp_path / "a.h5"), "a") as file:
        for k in range(300):
            file[f"again_{k}"] = file["/"]
            file[f"entry/again_{k}"] = h5py.SoftLink("/")
    np.testing.assert_array_equal(read_pattern(tmp_path / "a.h5", radiation="CuKa").intensity, COUNTS)
