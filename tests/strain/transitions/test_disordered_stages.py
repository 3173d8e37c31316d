"""Stages and warnings of disordered phases in the table of a series."""

import pandas as pd
import pytest

from layerox.strain.transitions.disordered_stages import (
    disordered_stacking,
    run_name_with_stages,
    stacking_notices,
    stacking_path,
)


def table(name, fractions, persistence=0.0, esd=0.002):
    return pd.DataFrame(
        {f"{name}.fraction": fractions, f"{name}.fraction_esd": esd, f"{name}.persistence": persistence}
    )


def test_names():
    assert disordered_stacking("P2__O2").name == "P2~O2"
    assert disordered_stacking("P2__O2").family is not None
    assert disordered_stacking("P2__O3").family is None
    assert disordered_stacking("P2_O3") is None
    assert disordered_stacking("P2") is None


def test_path_from_p2_over_z_to_op4():
    rows = table("P2__O2", [0.0, 0.01, 0.2, 0.3, 0.5, 0.5], [0.0, 0.0, 0.0, -0.3, -0.9, -0.95])
    assert stacking_path(rows, "P2__O2") == ["P2", "P2~O2", "OP4"]
    known = {"P2__O2": disordered_stacking("P2__O2")}
    assert run_name_with_stages("P2~O2", rows, known) == "P2 -> P2~O2 -> OP4"
    assert [notice.code for notice in stacking_notices(rows, known)] == ["stacking_path"]


def test_a_single_frame_is_no_stage():
    assert stacking_path(table("P2__O2", [0.01, 0.2, 0.3]), "P2__O2") == ["P2~O2"]


def test_no_glide_between_p2_and_o3():
    known = {"P2__O3": disordered_stacking("P2__O3")}
    moving = list(stacking_notices(table("P2__O3", [0.2, 0.3, 0.5]), known))
    assert [notice.code for notice in moving] == ["stacking_path", "sense_pattern"]
    assert "no glide turns P2 into O3" in moving[1].message
    assert list(stacking_notices(table("P2__O3", [0.30, 0.301, 0.299]), known)) == []


@pytest.mark.parametrize("esd", [0.002, 0.1])
def test_a_change_must_be_certain(esd):
    known = {"P2__O2": disordered_stacking("P2__O2")}
    found = list(stacking_notices(table("P2__O2", [0.2, 0.4], esd=esd), known))
    assert bool(found) == (esd < 0.05)
