"""The NeXus file of a refinement: read back by h5py, and its pattern by the reader of patterns."""

import json
from io import BytesIO

import h5py
import numpy as np
import pytest

from layerox.io import read_pattern
from layerox.results.nexus_result import nexus_bytes


@pytest.fixture(scope="module")
def content(refinement):
    return nexus_bytes(refinement)


@pytest.fixture(scope="module")
def file(content):
    with h5py.File(BytesIO(content)) as found:
        yield found


def test_the_same_refinement_gives_the_same_bytes(refinement, content):
    assert nexus_bytes(refinement) == content


def test_the_default_leads_to_the_curves(file, refinement):
    place = file
    while "default" in place.attrs:
        place = place[place.attrs["default"]]
    assert place.name == "/entry/fit/data"
    assert (place.attrs["signal"], list(place.attrs["axes"])) == ("observed", ["two_theta"])
    assert place["two_theta"].attrs["units"] == "degree"
    np.testing.assert_array_equal(place["observed"], refinement.pattern.intensity)
    np.testing.assert_array_equal(place["calculated"], refinement.calculated)
    for name in place.attrs["auxiliary_signals"]:
        assert place[name].shape == place["observed"].shape


def test_every_group_has_a_class_of_nexus(file):
    classes = []
    file.visititems(lambda name, thing: classes.append(thing.attrs["NX_class"]) if hasattr(thing, "keys") else None)
    assert {"NXentry", "NXprocess", "NXdata", "NXsample", "NXinstrument", "NXparameters", "NXnote"} <= set(classes)


def test_refined_numbers_have_uncertainties_and_states(file, refinement):
    parameters = file["entry/fit/parameters"]
    assert list(parameters) == sorted(n for p in refinement.parameters for n in (p.name, f"{p.name}_errors"))
    for parameter in refinement.parameters:
        assert parameters[parameter.name][()] == parameter.number.value
        assert parameters[f"{parameter.name}_errors"][()] == parameter.number.esd
        assert parameters[parameter.name].attrs["status"] == parameter.number.status
    phase = refinement.phase("O3")
    group = file["entry/fit/phases/O3"]
    np.testing.assert_array_equal(group["unit_cell_abc"], [phase.cell[name].value for name in "abc"])
    assert group["weight_fraction"][()] == phase.weight_fraction.value


def test_the_note_is_the_whole_result(file, refinement):
    text = file["entry/fit/result/data"].asstr()[()]
    assert json.loads(text)["phases"] == json.loads(refinement.to_json())["phases"]


def test_the_pattern_is_read_back_with_its_beam(tmp_path, content, refinement):
    path = tmp_path / "fit.nxs"
    path.write_bytes(content)
    pattern = read_pattern(path)
    np.testing.assert_array_equal(pattern.intensity, refinement.pattern.intensity)
    np.testing.assert_array_equal(pattern.two_theta, refinement.pattern.two_theta)
    np.testing.assert_array_equal(pattern.sigma, refinement.pattern.sigma)
    assert pattern.radiation.lines == refinement.radiation.lines
