"""Fits of disordered stackings to patterns of the forward model: recovery, verdicts, warnings and files."""

import json
from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from disordered_slabs import ordered_crystal, phase
from layerox.builders import build_crystal
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.phase import Phase
from layerox.diffraction.warm_start import refined_phase
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.results.result_folder import files_of
from layerox.results.text_report import report_text, summary_text
from stacking_references import ANGLES, BEAM, INSTRUMENT, noisy, reference_phase


def pattern_of(phases, seed=1):
    counts, _ = noisy(phases, seed)
    inside = (ANGLES > 10) & (ANGLES < 75)
    return Pattern(
        two_theta=ANGLES[inside],
        intensity=counts[inside],
        sigma=np.sqrt(np.maximum(counts[inside], 1.0)),
        sigma_source="poisson",
        radiation=BEAM,
    )


def fitted(phases, seed=1, kinds=("P2", "O3"), **options):
    start = reference_phase(kinds, 0.4, 0.0, size_nm=70.0)
    return lx.fit(pattern_of(phases, seed), [start], instrument=INSTRUMENT, **options)


@pytest.fixture(scope="module")
def intergrowth():
    return fitted([reference_phase(("P2", "O3"), 0.5, 1 - 2 / 8)])


def within(number, truth, sigmas=4.0):
    return abs(float(number) - truth) < sigmas * number.esd


def test_fraction_and_thickness_come_back(intergrowth):
    stacking = intergrowth.phases[0].stacking
    assert intergrowth.status == "converged"
    assert within(stacking.fraction, 0.5)
    assert within(stacking.persistence, 0.75)
    assert all(within(t, 8.0) for t in stacking.thickness)
    assert all(within(d, true) for d, true in zip(stacking.spacings, (5.5775, 5.3045), strict=True))
    assert within(intergrowth.phases[0].cell["a"], 2.92)


def test_weights_of_the_kinds(intergrowth):
    """Masses of a slab with its gallery: 103.515 and 111.178 g/mol, halves of each by number."""
    shares = intergrowth.phases[0].stacking.shares
    assert within(shares[0], 103.515 / (103.515 + 111.178))
    assert sum(map(float, shares)) == pytest.approx(1.0)
    assert shares[0].esd == pytest.approx(shares[1].esd)


def test_an_intergrowth_is_coherent(intergrowth):
    verdict = intergrowth.phases[0].stacking.verdict
    assert verdict.verdict == "coherent"
    assert verdict.delta_chi_squared > 100 * verdict.threshold
    assert verdict.deciding


def test_a_spacing_at_its_limit_decides_nothing():
    """O3 galleries given 6.2 % too narrow: their range of 6 % ends below the true one, and no fit is coherent."""
    start = reference_phase(("P2", "O3"), 0.5, 0.75)
    start = replace(start, spacings=(start.spacings[0], 0.942 * start.spacings[1]))
    result = lx.fit(pattern_of([reference_phase(("P2", "O3"), 0.5, 0.75)]), [start], instrument=INSTRUMENT)
    verdict = result.phases[0].stacking.verdict
    assert verdict.verdict == "undetermined"
    assert "ends at the limit of its range" in verdict.reason


def test_a_mixture_is_a_mixture():
    ends = [reference_phase(("P2", "O3"), f, 0.0, name=f"end{k}") for k, f in enumerate((0.0, 1.0))]
    result = fitted(ends)
    stacking = result.phases[0].stacking
    assert stacking.verdict.verdict == "mixture"
    assert stacking.thickness[0].status == "at_bound"
    assert float(stacking.thickness[0]) > 200
    assert {"stacking_mixture", "thickness_bound"} <= {w.code for w in result.warnings}


def test_few_faults_hold_the_persistence():
    """10 % of O galleries as wide as the others: fraction and persistence are one; a persistence of 0 is said."""
    from layerox.diffraction.disordered.mean_slab import disordered_phase
    from layerox.stacking.disorder import parse_disorder
    from stacking_references import gallery, slab

    galleries = [gallery(5.5775, {"face": (0.25, 2.5), "edge": (5 / 12, 2.5)}),
                 gallery(5.5775, {"octahedral": (2 / 3, 2.0)})]  # fmt: skip
    truth = disordered_phase(parse_disorder("P2~O2:0.1"), 2.885, slab(), galleries)
    truth = replace(truth, size_nm=100.0, microstrain=0.0008, column_nm=500.0)
    result = lx.fit(pattern_of([truth]), [replace(truth, size_nm=70.0)], instrument=INSTRUMENT)
    stacking = result.phases[0].stacking
    assert within(stacking.fraction, 0.1)
    assert float(stacking.persistence) == 0.0
    assert "persistence_held" in {w.code for w in result.warnings}


def test_the_ordinary_fit_warns_and_the_attempt_finds():
    pattern = pattern_of([reference_phase(("P2", "O3"), 0.5, 1 - 2 / 30)])
    ordinary = lx.fit(pattern, ["P2", "O3"], instrument=INSTRUMENT)
    assert ordinary.status == "not_converged"
    message = next(w.message for w in ordinary.warnings if w.code == "stacking_disorder")
    assert "try the phase P2~O3" in message
    tried = lx.fit(pattern, ["P2", "O3"], instrument=INSTRUMENT, stacking="auto")
    assert [phase.name for phase in tried.phases] == ["P2~O3"]
    assert "stacking_tried" in {w.code for w in tried.warnings}


def test_a_staged_fit_warns_too():
    """Of cells and widths that are refined; fixed wrong ones would look like disorder."""
    pattern = pattern_of([reference_phase(("P2", "O3"), 0.5, 1 - 2 / 30)])
    cells = [f"{phase}_{slot}" for phase in ("P2", "O3") for slot in ("a", "c", "size")]
    codes = []
    for freed in (cells, []):
        names = ["P2_scale", "O3_scale", "background_*", *freed]
        recipe = {"strategy": {"name": "stages", "stages": [{"free": names}]}}
        phases = [Phase(name=kind, crystal=build_crystal(kind, a=2.92)) for kind in ("P2", "O3")]
        result = lx.fit(pattern, phases, instrument=INSTRUMENT, recipe=recipe)
        codes.append({w.code for w in result.warnings})
    assert "stacking_disorder" in codes[0]
    assert "stacking_disorder" not in codes[1]


def test_lookalikes_of_a_random_stacking_warn():
    """P2, OP4 and O2 fitted to P2 with 30 % of O galleries at random: none of them, but one stacking of both kinds."""
    pattern = pattern_of([phase("P2~O2:0.3", column_nm=300.0)])
    ordinary = lx.fit(pattern, ["P2", "OP4", "O2"], instrument=INSTRUMENT)
    assert ordinary.status == "not_converged"
    message = next(w.message for w in ordinary.warnings if w.code == "stacking_disorder")
    assert "try the phase P2~O2" in message


def test_an_ordinary_mixture_is_left_alone():
    ends = [reference_phase(("P2", "O3"), f, 0.0, name=f"end{k}") for k, f in enumerate((0.0, 1.0))]
    result = lx.fit(pattern_of(ends), ["P2", "O3"], instrument=INSTRUMENT)
    assert not any(w.code.startswith("stacking") for w in result.warnings)


@pytest.mark.parametrize(("text", "kind"), [("P2~O3:0", "P2"), ("P2~O3:1", "O3")])
def test_weights_in_the_ordered_limits(text, kind):
    """70 wt% of an ordered phase beside spinel, without noise: both models give one weight, to 0.05 wt%."""
    ordered = Phase(name="layered", crystal=ordered_crystal(kind), size_nm=100.0, microstrain=0.0008)
    spinel = Phase(name="spinel", crystal=build_crystal("spinel"), size_nm=60.0, microstrain=0.001)
    made = lx.simulate([ordered, spinel], weights=[0.7, 0.3], radiation=BEAM, two_theta=(14, 55, 0.06),
                       instrument=INSTRUMENT, background=[300.0])  # fmt: skip
    found = [
        float(lx.fit(made, [layered, spinel], instrument=INSTRUMENT).phases[0].weight_fraction)
        for layered in (ordered, phase(text, name="layered"))
    ]
    assert found[1] == pytest.approx(found[0], abs=5e-4)
    assert found == pytest.approx([0.7, 0.7], abs=1e-3)


def test_result_and_files(intergrowth, tmp_path):
    """A result is read back as it was written, and starts another fit."""
    document = json.loads(intergrowth.to_json())
    block = document["phases"][0]["stacking"]
    assert block["kinds"] == ["P2", "O3"]
    assert block["verdict"] == "coherent"
    assert set(block["thickness"]) == {"P2", "O3"}
    for name, content in files_of(intergrowth).items():
        path = tmp_path / name
        path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    again = lx.load(tmp_path / "result.json")
    assert again.phases[0].stacking == intergrowth.phases[0].stacking
    warm = lx.fit(intergrowth.pattern, start=again)
    assert float(warm.phases[0].stacking.fraction) == pytest.approx(float(block["fraction"]["value"]), abs=1e-4)
    assert warm.phases[0].stacking.verdict.verdict == "coherent"


def test_texts(intergrowth):
    assert "% of galleries, lamellae of" in summary_text(intergrowth)
    assert "verdict" in report_text(intergrowth)


def test_the_phase_of_a_result(intergrowth):
    phase = refined_phase(intergrowth.phases[0])
    assert isinstance(phase, DisorderedPhase)
    assert phase.disorder.persistence == pytest.approx(0.75, abs=0.01)


def test_intensities_are_not_extracted():
    with pytest.raises(InputError, match="cannot be extracted"):
        replace(reference_phase(("P2", "O3"), 0.5, 0.0), mode="le-bail")
