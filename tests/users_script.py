"""A user's script that calls every public name; mypy --strict reads it, nothing runs it.

`assert_type` fails where a name has lost its type on the way through the lazy import.
"""

from pathlib import Path
from typing import assert_type

import layerox as lx
from layerox.analysis.calibrate import Calibration
from layerox.analysis.exposure import Exposure
from layerox.analysis.identify import Identification
from layerox.analysis.joint import JointRefinement
from layerox.analysis.simulator import Simulator
from layerox.builders import Library, Ordering
from layerox.diffraction.lmfit_adapter import Objective
from layerox.diffraction.measured_phase import MeasuredPhase
from layerox.diffraction.simulated_pattern import Simulation
from layerox.interfaces import Interface
from layerox.notebook import StructureView
from layerox.notebook.builder_widget import Builder
from layerox.series.parametric.result import Parametric
from layerox.strain.broadening import Broadening
from layerox.strain.strain_evolution import StrainEvolution
from layerox.strain.thermal_expansion import thermal_expansion
from layerox.strain.transitions.of_series import Transitions
from layerox.validation import Finding, StructureIdentity


def structures() -> None:
    p2 = lx.build("P2", formula="Na0.67Ni0.33Mn0.67O2", a=2.885, c=11.155)
    assert_type(lx.check(p2), list[Finding])
    assert_type(lx.identify_structure(p2), StructureIdentity)
    assert_type(lx.library, Library)
    assert_type(lx.view(p2), StructureView)
    assert_type(lx.notebook.builder("P2"), Builder)
    assert_type(lx.orderings(p2, supercell=(3, 1, 1)), list[Ordering])
    assert_type(lx.interface(["P2", "O3"], slabs=[4, 6]), Interface)


def patterns(path: Path) -> lx.Pattern:
    beam = lx.Radiation(lines=((1.5406, 1.0),))
    pattern = lx.read_pattern(path, radiation=beam)
    assert_type(pattern, lx.Pattern)
    assert_type(lx.read_patterns(path), list[lx.Pattern])
    lx.write_pattern(pattern, path.with_suffix(".xye"))
    simulated = lx.simulate(["P2", "O3"], weights=[0.6, 0.4], radiation="CuKa", two_theta=(10, 90, 0.02))
    assert_type(simulated, Simulation)
    simulator = lx.simulator(["P2", "O3"], radiation="CuKa")
    simulator.patterns({"P2_a": [2.88, 2.89]}, counts=1000, seed=1)
    assert_type(simulator, Simulator)
    return lx.pattern_from_arrays(simulated.two_theta, simulated.intensity, radiation="CuKa")


def fits(pattern: lx.Pattern, folder: Path) -> lx.Refinement:
    result = lx.fit(pattern, ["P2", "O3"], geometry="bragg-brentano", instrument=lx.Instrument(zero=0.01))
    assert_type(result, lx.Refinement)
    identified = lx.identify(pattern, ["P2", "O3"])
    assert_type(lx.identify_exposed(pattern, pattern, ["P2", "O3"]), Exposure)
    hydrate = lx.measure_phase(pattern, "hydrate", cell=(2.84, 2.84, 13.9, 90, 90, 120), space_group="P 63/m m c")
    assert_type(lx.calibrate_phase(pattern, hydrate, ["NiO"], fraction=0.5), MeasuredPhase)
    assert_type(identified, Identification)
    lx.fit(pattern, identified.phases)
    assert_type(result.weight_fractions["P2"].esd, float)
    assert_type(lx.objective(pattern, ["P2"]), Objective)
    lx.fit(pattern, ["P2"], params=lx.parameters(["P2"]))
    assert_type(lx.fit_jointly([{"label": "one", "pattern": pattern}], ["P2"]), JointRefinement)
    assert_type(lx.calibrate(pattern, ("LaB6", "LaB6.cif"), certified={"a": 4.156826}), Calibration)
    assert_type(lx.load(folder / "result.json"), lx.Refinement)
    assert_type(lx.broadening(result), Broadening)
    lx.compare(result, lx.fit(pattern, start=result))
    lx.plot(result, intensity="sqrt")
    return result


def series(folder: Path) -> None:
    found = lx.fit_series(folder, ["P2", "O3"], output=folder / "out")
    assert_type(found, lx.Series)
    assert_type(lx.open_series(folder / "out"), lx.Series)
    strain = lx.strain(found, reference=0)
    assert_type(strain, StrainEvolution)
    assert_type(lx.transitions(found), Transitions)
    lx.features(found, reference=0).to_csv(folder / "features.csv")
    assert_type(lx.refine_parametric(found, {"P2_a": "polynomial 1"}), Parametric)
    assert_type(lx.write_report(folder / "out"), Path)
    thermal_expansion(strain, "P2")


def version() -> str:
    try:
        fits(patterns(Path("scan.xrdml")), Path("out"))
    except lx.InputError as error:
        return str(error)
    return lx.__version__
