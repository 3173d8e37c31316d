"""Coded messages, and the names their tuples had before."""

from dataclasses import dataclass

import pytest

from layerox.builders.ordering import Ordering
from layerox.electrochemistry.cell_log import Electrochemistry
from layerox.notices import Notice, RenamedNotices
from layerox.series.parametric.result import Parametric
from layerox.strain.broadening import Broadening
from layerox.strain.strain_evolution import StrainEvolution
from layerox.strain.transitions.of_series import Transitions

NOTICE = Notice("formula_disagrees", "the formula of the file is another one")


@dataclass(frozen=True)
class Result(RenamedNotices):
    warnings: tuple[Notice, ...]


def test_a_notice_reads_as_code_and_message():
    assert str(NOTICE) == "formula_disagrees: the formula of the file is another one"


@pytest.mark.parametrize("name", ["notices", "remarks"])
def test_the_names_of_version_0_1_work_and_warn(name):
    with pytest.warns(DeprecationWarning, match=rf"Result\.{name} is deprecated .* use `\.warnings`") as caught:
        assert getattr(Result((NOTICE,)), name) == (NOTICE,)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("result", [Ordering, Electrochemistry, Parametric, Broadening, StrainEvolution, Transitions])
def test_results_of_version_0_1_keep_their_names(result):
    assert issubclass(result, RenamedNotices)
