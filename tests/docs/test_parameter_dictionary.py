"""The parameter dictionary of the documentation has a row for every parameter that a model can have."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import layerox as lx
from layerox.diffraction.background import ExtraPeak, MeasuredBackground
from layerox.diffraction.constraints import BOUNDS
from layerox.diffraction.joint_fit import OVERALL, STRETCH
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import public_name
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument
from layerox.radiation import radiation_from_text

EXTENSIONS = Path(lx.__file__).parents[2] / "docs" / "_ext"
ANGLES = np.linspace(10.0, 60.0, 501)


@pytest.fixture(scope="module")
def dictionary():
    sys.path.insert(0, str(EXTENSIONS))
    try:
        yield importlib.import_module("parameter_dictionary")
    finally:
        sys.path.remove(str(EXTENSIONS))


def model_names(phases, **options):
    """Return the public names of the parameters of a model."""
    model = Model(ANGLES, phases, Instrument(), radiation_from_text("CuKa"), **options)
    return {public_name(name) for name in model.names}


@pytest.fixture(scope="module")
def names():
    """Every kind of parameter: of phases, corrections, extraction, stackings, extra peaks, a blank and joint fits."""
    from layerox.analysis.phase_arguments import phases_from

    ordered = phases_from(["P2", "Pp2", "O3", "Op3", "spinel", "tunnel", "Al"])
    (p2,) = phases_from(["P2"])
    corrections = {"harmonic_order": 8, "flatness": 3.0, "fault_distance_nm": 20.0, "strain_terms": ()}
    corrected = Phase(name="P2", crystal=p2.crystal, **corrections)
    extracted = Phase(name="O3", crystal=phases_from(["O3"])[0].crystal, mode="pawley")
    stackings = phases_from(["P2~O3", "P2~O2:0.1"])
    extras = [ExtraPeak(name=f"{kind}_0", position=22.0, gauss=9.0, lorentz=1.0) for kind in ("hump", "peak")]
    blank = MeasuredBackground(two_theta=ANGLES, intensity=np.ones_like(ANGLES))
    found = model_names(ordered, background_terms=6, extras=extras, blank=blank)
    found |= model_names([corrected, extracted]) | model_names(stackings)
    found |= {f"neutron_{name}" for name in found} | {f"neutron_{STRETCH}", f"neutron_{OVERALL}", STRETCH}
    return sorted(found | set(lx.parameters(["P2", "Op3"])))


def test_every_parameter_has_a_row(dictionary, names):
    table = dictionary.rows()
    assert len(names) > 300
    assert [name for name in names if dictionary.row_of(name, table) is None] == []


def test_every_row_has_a_parameter(dictionary, names):
    table = dictionary.rows()
    used = {dictionary.row_of(name, table).name for name in names}
    assert {row.name for row in table if row.group != dictionary.OWN_VARIABLES} == used


def test_first_names_of_the_rows_are_of_their_kind(dictionary):
    table = dictionary.rows()
    for row in table:
        for name in (part.removesuffix("...").strip() for part in row.name.split(",")):
            assert row.has(name)
            assert dictionary.row_of(name, table) in (row, None)


def test_a_name_without_a_row_is_noticed(dictionary):
    assert dictionary.row_of("P2_twist", dictionary.rows()) is None


def test_every_kind_with_limits_is_shown_with_them(dictionary):
    """Kinds of `BOUNDS` whose limits a text repeats are listed here, so that a change of the code is noticed."""
    repeated = {"u": (0.0, 1.0), "v": (-1.0, 1.0), "w": (1e-6, 1.0), "inverse_size": (1e-4, 1.0)}
    repeated |= {"h_over_l": (0.0, 0.1)}
    shown = {row.limits for row in dictionary.rows() if row.limits}
    assert shown | set(repeated) == set(BOUNDS)
    assert {kind: BOUNDS[kind] for kind in repeated} == repeated


def test_limits_and_priors_are_those_of_the_code(dictionary):
    """Numbers of docs/priors.md: u_iso 20, 30 and 30 %; zero 0.02 degrees."""
    by_name = {row.name: row for row in dictionary.rows()}
    assert by_name["P2_O1_u_iso"].width == "20 %, 30 %, 30 %"
    assert by_name["P2_O1_u_iso"].range == "0 to 0.08"
    assert by_name["instrument_zero"].width == "0.02"
    assert by_name["P2_scale"].range == "0 and above"
