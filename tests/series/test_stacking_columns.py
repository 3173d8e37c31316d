"""Columns of disordered phases: what a frame gives, and verdicts as words and numbers."""

import math

import numpy as np
import pytest

from disordered_slabs import phase
from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.phase import Phase
from layerox.series.frame_row import FrameRow
from layerox.series.stacking_columns import stacking_numbers, stacking_quantities, verdict_text
from layerox.series.tables import cells, header
from layerox.symmetry import symmetry_from_name

ORDINARY = Phase(
    name="cubic",
    crystal=Crystal(name="x", cell=(4, 4, 4, 90, 90, 90), symmetry=symmetry_from_name("P m -3 m"), sites=()),
)


def numbers(described, sigma_persistence):
    """Return the columns with one variable, the persistence."""
    values = described.values
    transfer = np.zeros((len(values), 1))
    transfer[described.slot_names.index("persistence"), 0] = 1.0
    return stacking_numbers(described, values, transfer, np.array([[sigma_persistence**2]]), 1.0)


def test_names():
    expected = ("fraction", "persistence", "spacing_P2", "spacing_O3", "thickness", "verdict")
    assert stacking_quantities(phase("P2~O3")) == expected
    assert stacking_quantities(ORDINARY) == ()
    assert stacking_numbers(ORDINARY, np.zeros(1), np.zeros((1, 0)), np.zeros((0, 0)), 1.0) == {}


def test_numbers():
    found = numbers(phase("P2~O3:0.3,persistence=0.8"), 0.01)
    assert found["fraction"] == (pytest.approx(0.3), pytest.approx(math.nan, nan_ok=True))
    assert found["persistence"] == pytest.approx((0.8, 0.01))
    # Harmonic mean of both kinds: 2 / (1 - L), with sigma / (1 - L) of it.
    assert found["thickness"] == pytest.approx((10.0, 0.5))
    assert found["verdict"][0] == 1.0


def test_a_vague_thickness_is_a_bound():
    value, esd = numbers(phase("P2~O3:0.3,persistence=0.98"), 0.02)["thickness"]
    assert value == pytest.approx(100.0 / (1 + 1.645))
    assert math.isnan(esd)


def test_a_persistence_below_the_lowest():
    assert numbers(phase("P2~O3:0.25,persistence=-0.3"), 0.1)["persistence"][0] == pytest.approx(-0.3)


def test_one_kind_alone_has_no_lamellae():
    found = numbers(phase("P2~O3:0,persistence=0.9"), 0.1)
    assert math.isnan(found["persistence"][0])
    assert math.isnan(found["thickness"][0])
    assert found["fraction"][0] == 0.0


def test_words():
    assert [verdict_text(number) for number in (1.0, 0.0, -1.0, math.nan)] == [
        "coherent",
        "undetermined",
        "mixture",
        "",
    ]


def test_the_table_has_words():
    quantities = {"P2~O3": ("fraction", "verdict")}
    row = FrameRow(
        frame=0,
        file="a.xye",
        verdict="accepted",
        phases={"P2~O3": {"fraction": (0.3, 0.01), "verdict": (-1.0, math.nan)}},
    )
    titles, texts = header((), quantities), cells(row, quantities)
    assert len(titles) == len(texts)
    own = dict(zip(titles, texts, strict=True))
    assert own["P2__O3.fraction"] == "0.3"
    assert own["P2__O3.fraction_esd"] == "0.01"
    assert own["P2__O3.verdict"] == "mixture"
    assert "P2__O3.verdict_esd" not in own
