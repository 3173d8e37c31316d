"""Breadths that are measured one by one, against the size and microstrain that a pattern was made with."""

import math

import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.errors import LayeroxError
from layerox.instrument import Instrument, Profile

KNOWN = Instrument(profile=Profile(u=0.003, v=-0.002, w=0.004, x=0.004))
SIZE_NM, MICROSTRAIN = 60.0, 0.002


@pytest.fixture(scope="module")
def found():
    (p2,) = phases_from(["P2"])
    phase = Phase(name="P2", crystal=p2.crystal, size_nm=SIZE_NM, microstrain=MICROSTRAIN)
    pattern = lx.simulate([phase], radiation="CuKa", two_theta=(12, 110, 0.02), instrument=KNOWN, background=[100],
                          counts=60_000, seed=5)  # fmt: skip
    result = lx.fit(pattern, ["P2"], instrument=KNOWN)
    return result, lx.broadening(result)


def test_the_line_gives_size_and_strain_back(found):
    """L_V = 2 L / pi and e = pi S / 8 of Lorentzian peaks (the contract's definitions)."""
    line = found[1].phase("P2").line
    assert abs(line.size_nm - 2 * SIZE_NM / math.pi) < 4 * line.size_nm.esd
    assert abs(line.strain - math.pi * MICROSTRAIN / 8) < 4 * line.strain.esd
    assert line.size_nm.esd < 0.2 * line.size_nm


def test_the_model_line_is_that_of_the_fit(found):
    result, broad = found
    model = broad.phase("P2").model
    assert model.size_nm == pytest.approx(2 * result.phase("P2").size_nm / math.pi, rel=1e-6)
    assert model.strain == pytest.approx(math.pi * result.phase("P2").microstrain / 8, rel=1e-6)


def test_nothing_is_disordered_that_is_not(found):
    layers = found[1].phase("P2").layers
    assert layers is not None
    assert abs(layers.disorder) < 4 * layers.disorder.esd
    assert "disorder" not in layers.verdict


def test_a_phase_that_is_not_there_is_refused(found):
    with pytest.raises(LayeroxError, match="no breadths of 'O3'"):
        found[1].phase("O3")


def test_it_is_drawn(found):
    assert lx.plot(found[1]).figure is not None


def test_its_text_has_the_numbers_of_each_phase(found):
    text = str(found[1])
    for phase in found[1].phases:
        assert f"{phase.phase}: L_V {phase.model.size_nm} nm" in text
        assert f"({len(phase.reflections)} single reflections)" in text
