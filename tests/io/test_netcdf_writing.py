"""NetCDF files against those that xarray and scipy write: the same dataset is read from both."""

from io import BytesIO

import numpy as np
import pytest
import xarray as xr

from layerox.io.netcdf_writing import NetcdfVariable, netcdf_bytes

TEXTS = {
    "ascii": ["P2", "OP4", ""],
    "more bytes than letters": ["P2~O3", "\u00e9t\u00e9", "\u03b1-NaFeO\u2082"],
    "empty": ["", "", ""],
}


def read(data):
    with xr.open_dataset(BytesIO(data), engine="scipy") as found:
        return found.load()


def written_by_xarray(variables, attributes):
    data = {name: (v.dimensions, v.values, dict(v.attributes)) for name, v in variables.items()}
    return bytes(xr.Dataset(data, attrs=attributes).to_netcdf(path=None, format="NETCDF3_64BIT", engine="scipy"))


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_the_file_is_the_one_of_xarray(texts):
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(4, 3))
    numbers[1, 2], numbers[3, 0] = np.nan, np.inf
    variables = {
        "volume": NetcdfVariable(dimensions=("frame", "phase"), values=numbers, attributes={"units": "angstrom^3"}),
        "frame": NetcdfVariable(dimensions=("frame",), values=np.array([0, 1, 2, 5])),
        "phase": NetcdfVariable(dimensions=("phase",), values=np.array(texts, dtype=object)),
        "cell voltage": NetcdfVariable(dimensions=("frame",), values=draw.normal(size=4)),
    }
    attributes = {"title": "a title of 22 letters.", "schema": "s"}
    ours, theirs = read(netcdf_bytes(variables, attributes)), read(written_by_xarray(variables, attributes))
    xr.testing.assert_identical(ours, theirs)
    assert {name: v.dtype for name, v in ours.items()} == {name: v.dtype for name, v in theirs.items()}


def test_names_are_utf_8_as_the_format_has_them():
    """scipy takes them for Latin-1, so they are looked for in the bytes."""
    data = netcdf_bytes({"\u00fcber": NetcdfVariable(dimensions=("\u03b1",), values=np.array([1]))}, {})
    assert b"\x00\x00\x00\x05\xc3\xbcber\x00\x00\x00" in data
    assert b"\x00\x00\x00\x02\xce\xb1\x00\x00" in data


def test_an_odd_number_of_characters_is_padded():
    """Four bytes are the unit of the format: what follows a text of one to four bytes starts where it is expected."""
    for width in range(1, 6):
        variables = {
            "text": NetcdfVariable(dimensions=("one",), values=np.array(["x" * width], dtype=object)),
            "number": NetcdfVariable(dimensions=("one",), values=np.array([1.5])),
        }
        found = read(netcdf_bytes(variables, {}))
        assert found["text"].item() == "x" * width
        assert found["number"].item() == 1.5
