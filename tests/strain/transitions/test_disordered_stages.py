"""Stages and warnings of disordered phases in the table of a series."""

import pandas as pd
import pytest

from layerox.strain.transitions.disordered_stages import (
    disordered_stackings,
    run_name_with_stages,
    stacking_notices,
    stacking_path,
)


def table(name, fractions, persistence=0.0, esd=0.002, kinds=("P2", "O2")):
    spacings = {f"{name}.spacing_{kind}": 5.5 for kind in kinds}
    rows = {f"{name}.fraction": fractions, f"{name}.fraction_esd": esd, f"{name}.persistence": persistence}
    return pd.DataFrame(rows | spacings)


def known(name, rows):
    return disordered_stackings(rows, [name, "NaCl"])


@pytest.mark.parametrize("name", ["P2__O2", "main"])
def test_the_kinds_are_those_of_the_columns(name):
    assert known(name, table(name, [0.1]))[name].name == "P2~O2"
    assert known(name, table(name, [0.1]))[name].family is not None
    assert known(name, table(name, [0.1], kinds=("P2", "O3")))[name].family is None


def test_an_ordered_phase_is_none_whatever_its_name():
    assert disordered_stackings(pd.DataFrame({"P2__O2.weight_fraction": [0.1]}), ["P2__O2"]) == {}


@pytest.mark.parametrize("name", ["P2__O2", "main"])
def test_path_from_p2_over_z_to_op4(name):
    rows = table(name, [0.0, 0.01, 0.2, 0.3, 0.5, 0.5], [0.0, 0.0, 0.0, -0.3, -0.9, -0.95])
    found = known(name, rows)
    assert stacking_path(rows, name, found[name]) == ["P2", "P2~O2", "OP4"]
    assert run_name_with_stages("P2~O2", rows, found) == "P2 -> P2~O2 -> OP4"
    assert [notice.code for notice in stacking_notices(rows, found)] == ["stacking_path"]


def test_a_single_frame_is_no_stage():
    rows = table("P2__O2", [0.01, 0.2, 0.3])
    assert stacking_path(rows, "P2__O2", known("P2__O2", rows)["P2__O2"]) == ["P2~O2"]


def test_no_glide_between_p2_and_o3():
    rows = table("P2__O3", [0.2, 0.3, 0.5], kinds=("P2", "O3"))
    moving = list(stacking_notices(rows, known("P2__O3", rows)))
    assert [notice.code for notice in moving] == ["stacking_path", "sense_pattern"]
    assert "no glide turns P2 into O3" in moving[1].message
    still = table("P2__O3", [0.30, 0.301, 0.299], kinds=("P2", "O3"))
    assert list(stacking_notices(still, known("P2__O3", still))) == []


@pytest.mark.parametrize("esd", [0.002, 0.1])
def test_a_change_must_be_certain(esd):
    rows = table("P2__O2", [0.2, 0.4], esd=esd)
    assert bool(list(stacking_notices(rows, known("P2__O2", rows)))) == (esd < 0.05)
