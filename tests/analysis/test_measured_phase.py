"""A hydrate without a structure: intensities from a pure pattern, the constant from a mixture, another mixture."""

import json
from dataclasses import replace

import pytest

import layerox as lx
from layerox.analysis.measured_phase import calibrate_phase, measure_phase
from layerox.cli.main import main
from layerox.errors import InputError
from measured_phases import HYDRATE, specimen
from mixtures import mixture

# 0.5 % off the true cell.
CELL, GROUP = (2.854, 2.854, 13.83, 90, 90, 120), "P 63/m m c"


def calibrated(seed, weight=0.5):
    pure = mixture([specimen()], [1.0], seed=seed)
    phase = measure_phase(pure, "hydrate", cell=CELL, space_group=GROUP, composition="Na0.6Mn2O5.2")
    known = mixture([specimen(), "NiO"], [weight, 1 - weight], seed=seed + 1)
    return calibrate_phase(known, phase, ["NiO"], fraction=weight)


@pytest.mark.parametrize("seed", [1, 11, 21])
def test_another_mixture_is_recovered(seed):
    """Within 1 wt% and within three of its standard uncertainties (counts and calibration)."""
    phase = calibrated(seed)
    unknown = mixture([specimen((2.838, 2.838, 13.93, 90, 90, 120)), "NiO", "O3"], [0.25, 0.15, 0.6], seed=seed + 2)
    result = lx.fit(unknown, [phase, "NiO", "O3"])
    found = result.phase("hydrate").weight_fraction
    assert result.status == "converged"
    assert float(found) == pytest.approx(0.25, abs=0.01)
    assert abs(float(found) - 0.25) < 3 * found.esd_model


def test_extracted_intensities_are_those_of_the_structure():
    pure = mixture([specimen()], [1.0], seed=3, counts=60_000.0)
    found = measure_phase(pure, "hydrate", cell=CELL, space_group=GROUP).crystal
    assert found.cell[0] == pytest.approx(HYDRATE.cell[0], rel=2e-4)
    rows = lx.simulate([specimen()], weights=[1.0], radiation="CuKa", two_theta=(12, 80, 0.05)).reflections
    table = dict(zip(found.reflections, found.f_squared, strict=True))
    true = {row.hkl: row.f_squared for row in rows}
    alone = {row.hkl for row in rows if min(abs(row.two_theta - o.two_theta) for o in rows if o is not row) > 0.4}
    strong = [hkl for hkl in table if hkl in alone and true[hkl] > 0.2 * max(true.values())]
    assert len(strong) > 4
    scale = sum(table[hkl] for hkl in strong) / sum(true[hkl] for hkl in strong)
    assert [table[hkl] / scale for hkl in strong] == pytest.approx([true[hkl] for hkl in strong], rel=0.06)


def test_uncertainty_of_the_constant_is_in_esd_model():
    phase = calibrated(5)
    unknown = mixture([specimen(), "NiO"], [0.3, 0.7], seed=9)
    wide = replace(phase, crystal=replace(phase.crystal, constant_esd=0.1 * phase.crystal.constant))
    fine = {"quantification": {"particle_sizes_um": {"hydrate": 0.01, "NiO": 0.01}}}
    found = lx.fit(unknown, [wide, "NiO"], recipe=fine).phase("hydrate").weight_fraction
    # d w = w (1 - w) d ln k: 10 % of 0.21.
    assert found.esd_model == pytest.approx(0.021, rel=0.35)
    assert found.esd < 0.005


def test_a_mixture_that_is_not_known_is_refused():
    phase = calibrated(5)
    pattern = mixture([specimen(), "NiO"], [0.3, 0.7], seed=9)
    with pytest.raises(InputError, match="weight fraction 1"):
        calibrate_phase(pattern, phase, ["NiO"], fraction=1.0)
    with pytest.raises(InputError, match="has a structure"):
        calibrate_phase(pattern, "P2", ["NiO"], fraction=0.3)


def test_commands_measure_calibrate_and_fit(tmp_path, capsys):
    for name, weights in {"pure": [1.0], "known": [0.5, 0.5], "unknown": [0.3, 0.7]}.items():
        names = [specimen(), "NiO"][: len(weights)]
        lx.write_pattern(mixture(names, weights, seed=len(name)), tmp_path / f"{name}.xye")
    beam = ["--radiation", "CuKa"]
    raw, file = tmp_path / "raw.toml", tmp_path / "hydrate.toml"
    cell = [str(value) for value in CELL]
    assert main(["measure", str(tmp_path / "pure.xye"), "--name", "hydrate", "--cell", *cell, "--space-group", GROUP,
                 "-o", str(raw), *beam]) == 0  # fmt: skip
    assert main(["measure", str(tmp_path / "known.xye"), "--calibrate", str(raw), "--fraction", "0.5", "0.002",
                 "--phase", "NiO", "-o", str(file), *beam]) == 0  # fmt: skip
    out = tmp_path / "out"
    assert (
        main(["fit", str(tmp_path / "unknown.xye"), "--phase", "NiO", "--phase", str(file), "-o", str(out), *beam]) == 0
    )
    document = json.loads((out / "result.json").read_text())
    (row,) = (row for row in document["phases"] if row["name"] == "hydrate")
    assert row["weight_fraction"]["value"] == pytest.approx(0.3, abs=0.01)
    assert row["measured"]["calibration"]["value"] > 0
    assert "in the place of Z M" in (out / "report.txt").read_text()
    assert not (out / "hydrate.cif").exists()
    again = lx.load(out)
    assert again.phase("hydrate").crystal.f_squared == pytest.approx(
        [value for *_, value in row["measured"]["intensities"]]
    )
    warm = lx.fit(lx.read_pattern(tmp_path / "unknown.xye"), start=again)
    assert float(warm.phase("hydrate").weight_fraction) == pytest.approx(row["weight_fraction"]["value"], abs=1e-3)
    assert main(["export", str(out), "--to", "gsas2", "-o", str(tmp_path / "g")]) == 2
    assert "has no atoms" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["-o", "x.cif"], "wrong suffix"),
        (["-o", "x.toml"], "neither a cell nor"),
        (["-o", "x.toml", "--calibrate", "y.toml"], "mixture is not known"),
        (["-o", "x.toml", "--calibrate", "y.toml", "--space-group", "P 1"], "--calibrate and --cell"),
    ],
)
def test_commands_without_what_they_need_are_refused(options, fault, capsys):
    assert main(["measure", "scan.xye", *options]) == 2
    assert fault in capsys.readouterr().err
