"""Recipes: a fit does what the file states, and the file as it was used stands in the result and means the same fit."""

import json
import tomllib
from dataclasses import replace

import pytest

from layerox.analysis.fit import fit, simulate
from layerox.analysis.lmfit_api import parameters
from layerox.analysis.phase_arguments import phase_from
from layerox.analysis.recipe import Recipe, read_recipe, recipe_from
from layerox.crystal.asymmetric_unit import structure_from_crystal
from layerox.diffraction.refinement_plan import Demand, Stage, Variable
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.io import write_instrument
from layerox.io.cif import read_crystal
from layerox.results.result_folder import files_of
from reference_crystals import o3, p2

PROFILE = Profile(u=0.002, v=-0.002, w=0.004)
TRUE_P2, TRUE_O3 = (2.8853, 11.148), (2.9655, 15.92)
TWO_PHASES = [
    {"structure": "P2", "start": {"a": 2.886, "c": 11.15}},
    {"structure": "O3", "start": {"a": 2.966, "c": 15.915}},
]


def library(name, a, c):
    """Return the library's phase in another cell."""
    crystal = phase_from(name).crystal
    return crystal.with_cell((a, a, c, 90, 90, 120))


@pytest.fixture(scope="module")
def pattern():
    """A noisy pattern of the library's P2 and O3 in known cells and sizes, on a known diffractometer."""
    return simulate(
        [("P2", library("P2", *TRUE_P2)), ("O3", library("O3", *TRUE_O3))],
        weights=[0.6, 0.4], radiation="CuKa", polarization=0.5, two_theta=(12, 75, 0.03), sizes_nm=[100, 70],
        instrument=Instrument(profile=PROFILE), background=[300, -80], counts=9000, seed=6,
    ).pattern  # fmt: skip


def with_profile(recipe):
    """Return the recipe with the true profile, so that fits are short."""
    table = {"u": PROFILE.u, "v": PROFILE.v, "w": PROFILE.w}
    return {**recipe, "instrument": {"profile": table, **recipe.get("instrument", {})}}


def fitted(data, **recipe):
    return fit(data, recipe=with_profile({"phase": TWO_PHASES, **recipe}))


def numbers(result):
    return {p.name: p.number for p in result.parameters}


def off(number, truth):
    return abs(number - truth) / number.esd


# The file and its defaults.

MINIMAL = "[[phase]]\nstructure = 'P2'\n"


def written(folder, text, name="recipe.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_every_default_is_written_out(tmp_path):
    document = read_recipe(written(tmp_path, MINIMAL)).document
    assert document == {
        "pattern": {"range": None, "exclude": []},
        "instrument": {
            "radiation": dict.fromkeys(
                ("kind", "source", "wavelength", "lines", "k_beta", "tungsten", "polarization",
                 "monochromator_two_theta")
            ),
            "geometry": {"kind": "bragg-brentano", "radius_mm": None, "slit": None},
            "profile": None,
            "position": {"zero": 0.0, "displacement_mm": 0.0},
            "specimen": {"two_mu_t": 0.0, "mu_r": 0.0, "overflow_two_theta": 0.0},
            "calibration": None,
            "file": None,
            "free": [],
            "fix": [],
        },
        "background": {"terms": "automatic", "humps": [], "blank": None},
        "phase": [
            {"structure": "P2", "name": "P2", "mode": "rietveld", "hardware": False, "free": [], "fix": [],
             "preferred_orientation": None, "size": None, "microstrain": None, "anisotropic": [],
             "particle_size_um": None, "start": {}, "bounds": {}}
        ],
        "peak": [],
        "parameters": {},
        "variables": {},
        "constraints": {},
        "restraint": [],
        "priors": {},
        "uncertainty": {"serial_correlation": False},
        "strategy": {"name": "automatic", "stages": []},
        "quantification": {"internal_standard": None, "external_standard": None, "particle_sizes_um": {},
                           "particle_range_um": [1.0, 20.0], "packing": 1.0, "reference": None},
        "electrochemistry": None,
        "parametric": {"axis": None, "between": None, "functions": {}},
    }  # fmt: skip


def test_a_recipe_is_a_file_a_table_or_itself(tmp_path):
    path = written(tmp_path, MINIMAL)
    of_file, of_table = read_recipe(path), recipe_from(tomllib.loads(MINIMAL))
    assert of_file.document == of_table.document
    assert recipe_from(of_file) is of_file
    assert recipe_from(str(path)).phases[0].crystal.sites == of_file.phases[0].crystal.sites
    assert recipe_from(None) is None
    assert isinstance(recipe_from({}), Recipe)


def test_a_recipe_may_ask_for_functions_of_an_axis():
    told = read_recipe({"parametric": {"axis": "x_Na", "between": [0.4, 0.7], "functions": {"P2_a": "vegard",
                        "P2_c": ["spline 4", "polynomial 2"]}}}).parametric  # fmt: skip
    assert (told.axis, told.between) == ("x_Na", (0.4, 0.7))
    assert told.functions == {"P2_a": "vegard", "P2_c": ["spline 4", "polynomial 2"]}
    assert read_recipe({}).parametric.functions == {}
    with pytest.raises(InputError, match=r"unknown key \[parametric\] function; did you mean 'functions'"):
        read_recipe({"parametric": {"function": {}}})


def test_files_are_looked_for_beside_the_recipe(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    structure_from_crystal(p2()).to(str(tmp_path / "elsewhere" / "mine.cif"))
    text = "[instrument]\nfile = 'd8.toml'\n[[phase]]\nstructure = 'mine.cif'\n"
    path = written(tmp_path / "elsewhere", text)
    write_instrument(Instrument(profile=PROFILE, zero=0.01), tmp_path / "elsewhere" / "d8.toml")
    monkeypatch.chdir(tmp_path)
    recipe = read_recipe(path)
    assert recipe.phases[0].name == "mine"
    assert recipe.instrument.profile == PROFILE
    # As used, it means the same from anywhere.
    used = recipe.document
    assert used["phase"][0]["structure"] == str((tmp_path / "elsewhere" / "mine.cif").resolve())
    assert read_recipe(used).instrument == recipe.instrument
    assert read_recipe(used).phases[0].crystal.cell == read_crystal(tmp_path / "elsewhere" / "mine.cif").cell


def test_what_a_recipe_demands(tmp_path):
    text = """
    [pattern]
    range = [15.0, 70.0]
    exclude = [[20.0, 21.5], [30, 31]]
    [instrument]
    free = ["zero"]
    fix = ["displacement"]
    [background]
    terms = 8
    [[background.humps]]
    position = 25.0
    width = 6.0
    [[phase]]
    structure = "P2"
    free = ["O1_z", "cell"]
    fix = ["microstrain"]
    size = 80
    preferred_orientation = 0.9
    start = {a = 2.9}
    bounds = {a = [2.8, 3.0]}
    [[phase]]
    name = "second"
    structure = "O3"
    microstrain = 0.002
    preferred_orientation = {r = 1.1, axis = [1, 0, 0]}
    mode = "pawley"
    [[peak]]
    name = "the can"
    position = 44.5
    width = 0.2
    lorentzian = 0.25
    area = 30
    free = ["position"]
    [parameters]
    "*_u_iso" = {value = 0.01, vary = false}
    P2_O1_u_iso = 0.012
    [variables]
    delta = {value = 0.075, min = 0.0}
    shift = 0.1
    [constraints]
    second_a = "P2_a + delta"
    [[strategy.stages]]
    free = ["P2_a"]
    [[strategy.stages]]
    name = "widths"
    free = ["*_size"]
    fix = ["P2_a"]
    """
    recipe = read_recipe(written(tmp_path, text))
    assert recipe.range == (15.0, 70.0)
    assert recipe.exclude == ((20.0, 21.5), (30.0, 31.0))
    assert recipe.instrument is None  # what is freed of it does not describe one
    first, second = recipe.phases
    assert (first.size_nm, first.preferred_orientation, first.mode) == (80.0, 0.9, "rietveld")
    assert (second.name, second.microstrain, second.mode) == ("second", 0.002, "pawley")
    assert (second.preferred_orientation, second.texture_axis) == (1.1, (1, 0, 0))
    plan = recipe.plan
    assert plan.demands == {
        "instrument_zero": Demand(vary=True),
        "instrument_displacement": Demand(vary=False),
        "the_can_position": Demand(vary=True),
        "P2_O1_z": Demand(vary=True),
        "P2_a": Demand(value=2.9, vary=True, minimum=2.8, maximum=3.0),
        "P2_c": Demand(vary=True),
        "P2_microstrain": Demand(vary=False),
        "*_u_iso": Demand(value=0.01, vary=False),
        "P2_O1_u_iso": Demand(value=0.012),
    }
    assert plan.variables == {"delta": Variable(value=0.075, minimum=0.0), "shift": Variable(value=0.1)}
    assert plan.constraints == {"second_a": "P2_a + delta"}
    assert plan.strategy == "stages"
    assert plan.stages == (Stage(name="stage 1", free=("P2_a",)), Stage(name="widths", free=("*_size",), fix=("P2_a",)))
    assert plan.background_terms == 8
    hump, peak = plan.extras
    assert (hump.name, hump.position, hump.gauss, hump.lorentz, hump.area) == ("hump_0", 25.0, 6.0, 0.0, None)
    assert (peak.name, peak.area) == ("the_can", 30.0)
    assert (peak.gauss, peak.lorentz) == pytest.approx((0.15, 0.05))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[phase]]\nstructure = 'P2'\nfre = ['a']\n", r"recipe\.toml:3: unknown key .*fre; did you mean 'free'\?"),
        ("[[phase]]\n\nstructure = 'P22'\n", r"recipe\.toml:3: structure 'P22': "),
        ("[[phase]]\nstructure = 'none.cif'\n", r"recipe\.toml:2: structure 'none\.cif': "),
        ("[pattern]\nexclude = [[30.0, 20.0]]\n", r"recipe\.toml:2: \[pattern\] exclude: 30 to 20; give the smaller"),
        ("[strategy]\nname = 'stages'\n", r"recipe\.toml:2: .*without stages; add \[\[strategy\.stages\]\]"),
        ("[strategy]\nname = 'one-stage'\n[[strategy.stages]]\n", r"recipe\.toml:2: .*'one-stage' together"),
        ("[instrument]\nfile = 'a.toml'\n[instrument.position]\nzero = 0.1\n",
         r"recipe\.toml:2: \[instrument\] file together with position; keep one of them"),
        ("[instrument.radiation]\nsource = 'CuKb'\n", r"recipe\.toml:2: .*unknown radiation 'CuKb'"),
        ("[[phase]]\nstructure='P2'\n[[phase]]\nstructure='P2'\n", "two phases have the name 'P2'"),
        ("[constraints]\nP2_a = 'O3_a'\nO3_c = 'open(1)'\n",
         r"recipe\.toml:3: O3_c = 'open\(1\)' is no expression, 'open\(1\)' is not allowed; write numbers, parameters"),
        ("[[peak]]\nposition = 1.0\nwidth = 0.0\n", r"recipe\.toml:3: .*greater than 0"),
    ],
)  # fmt: skip
def test_every_fault_is_one_line_with_its_place(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read_recipe(written(tmp_path, text))
    assert "\n" not in str(caught.value)


# The fit.


@pytest.fixture(scope="module")
def tied(pattern):
    """Variables, ties, bounds, a fixed and a freed quantity in one automatic fit."""
    return fitted(
        pattern,
        variables={"delta": {"value": 0.07, "min": 0.0, "max": 0.2}},
        constraints={"O3_a": "P2_a + delta"},
        parameters={"O3_microstrain": {"value": 0.0005, "vary": False}, "P2_O1_u_iso": {"vary": True, "max": 0.05},
                    "P2_Na?_u_iso": 0.021},
    )  # fmt: skip


def test_a_tie_is_recovered(tied):
    found = numbers(tied)
    assert tied.status == "converged"
    assert off(found["delta"], TRUE_O3[0] - TRUE_P2[0]) < 3
    assert found["O3_a"].status == "tied"
    assert found["O3_a"] == pytest.approx(found["P2_a"] + found["delta"], abs=1e-12)
    assert off(found["O3_a"], TRUE_O3[0]) < 3
    assert off(tied.weight_fractions["P2"], 0.6) < 3
    row = next(p for p in tied.parameters if p.name == "O3_a")
    assert row.expression == "P2_a + delta"


def test_a_tie_states_what_two_free_cells_say(tied, pattern):
    free = fitted(pattern, parameters={"O3_microstrain": {"value": 0.0005, "vary": False},
                                       "P2_O1_u_iso": {"vary": True}, "P2_Na?_u_iso": 0.021})  # fmt: skip
    one, other = numbers(tied)["O3_a"], numbers(free)["O3_a"]
    # The same model in other words: its minimum and its uncertainties are the same.
    assert abs(one - other) < 0.01 * other.esd
    assert one.esd == pytest.approx(other.esd, rel=1e-3)


def test_what_is_fixed_and_freed(tied):
    found = numbers(tied)
    assert (found["O3_microstrain"].value, found["O3_microstrain"].status) == (0.0005, "fixed")
    assert found["P2_O1_u_iso"].status in ("free", "at_bound")
    assert (found["P2_Nae_u_iso"].value, found["P2_Naf_u_iso"].value) == (0.021, 0.021)
    assert found["instrument_w"].status == "fixed"  # calibrated


def test_bounds_are_kept_to(pattern):
    low = TRUE_P2[0] + 0.002
    rows = [{"structure": "P2", "start": {"a": 2.89}, "bounds": {"a": [low, 2.9]}, "fix": ["c"]}, TWO_PHASES[1]]
    result = fitted(pattern, phase=rows)
    row = next(p for p in result.parameters if p.name == "P2_a")
    assert (row.minimum, row.maximum) == (low, 2.9)
    assert (row.number.value, row.number.status) == (low, "at_bound")
    assert numbers(result)["P2_c"].status == "fixed"
    assert "at_bound" in {w.code for w in result.warnings}


def test_all_at_once(pattern):
    recipe = {
        "phase": [{**row, "free": ["cell", "size"], "size": 90} for row in TWO_PHASES],
        "background": {"terms": 3},
        "strategy": {"name": "one-stage"},
    }
    result = fitted(pattern, **recipe)
    assert [step.name for step in result.steps] == ["all at once"]
    own = {f"{phase}_{slot}" for phase in ("P2", "O3") for slot in ("scale", "a", "c", "size")}
    assert set(result.free_names) == own | {f"background_{k}" for k in range(3)}
    assert off(result.phase("P2").cell["c"], TRUE_P2[1]) < 3
    assert off(result.phase("O3").size_nm, 70) < 3


def test_stages_of_ones_own(pattern):
    stages = [
        {"name": "cells", "free": ["*_a", "*_c"]},
        {"name": "widths", "free": ["*_size"], "fix": ["*_a", "*_c"]},
        {"name": "zero", "free": ["instrument_zero"]},
    ]
    rows = [{**row, "size": 90} for row in TWO_PHASES]
    result = fitted(pattern, phase=rows, strategy={"stages": stages}, parameters={"P2_a": {"vary": True}})
    assert [step.name for step in result.steps] == ["cells", "widths", "zero"]
    assert result.steps[1].freed == ("P2_size", "O3_size")
    # What is freed outside the stages is let go in the last one; what a stage fixed stays as that stage found it.
    assert set(result.steps[2].freed) == {"instrument_zero", "P2_a"}
    assert numbers(result)["O3_a"].status == "fixed"
    assert numbers(result)["O3_a"] != 2.966
    assert off(numbers(result)["P2_size"], 100) < 3


def test_range_and_excluded_regions(pattern):
    recipe = {"pattern": {"range": [20.0, 70.0], "exclude": [[30.0, 31.0]]}, "strategy": {"name": "one-stage"}}
    result = fitted(pattern, **recipe)
    angles = result.pattern.two_theta
    assert angles[0] >= 20
    assert angles[-1] <= 70
    assert not ((angles > 30.0) & (angles < 31.0)).any()
    assert result.pattern.excluded == ((30.0, 31.0),)


# The recipe as used.


def test_the_recipe_as_used_is_in_the_result_and_means_the_same_fit(tied, pattern, tmp_path):
    document = json.loads(tied.to_json())["recipe"]
    assert document["background"] == {"terms": "automatic", "humps": [], "blank": None}
    assert document["strategy"] == {"name": "automatic", "stages": []}
    assert document["variables"]["delta"] == {"value": 0.07, "min": 0.0, "max": 0.2, "vary": True}
    path = tmp_path / "recipe.toml"
    path.write_bytes(files_of(tied)["recipe.toml"])
    text = path.read_text()
    assert 'terms = "automatic"' in text
    assert 'name = "automatic"' in text
    again = fit(pattern, recipe=path)
    assert again.recipe == tied.recipe
    assert {name: n.value for name, n in numbers(again).items()} == {name: n.value for name, n in numbers(tied).items()}


def test_without_a_recipe_none_is_written(pattern):
    result = fit(pattern, [("P2", p2())], instrument=Instrument(profile=PROFILE), range=(12, 40))
    assert result.recipe is None
    assert "recipe.toml" not in files_of(result)


# Contradictions.


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"phases": ["P2"]}, "phases"),
        ({"range": (20, 60)}, "range"),
        ({"instrument": Instrument(zero=0.1)}, "instrument"),
    ],
)
def test_what_is_in_the_recipe_and_beside_it_is_refused(pattern, given, name):
    recipe = with_profile({"phase": TWO_PHASES, "pattern": {"range": [15.0, 60.0]}})
    with pytest.raises(InputError, match=f"{name} is given in the recipe and in the call; leave one of them out"):
        fit(pattern, recipe=recipe, **given)


def test_parameters_and_a_recipe_are_refused(pattern):
    with pytest.raises(InputError, match="params is given in the recipe and in the call"):
        fit(pattern, ["P2"], recipe={}, params=parameters(["P2"]))


def test_wavelengths_that_contradict_each_other_are_refused(pattern):
    recipe = {"phase": TWO_PHASES, "instrument": {"radiation": {"source": "MoKa"}}}
    with pytest.raises(InputError, match="the instrument states MoKa .* the pattern states CuKa"):
        fit(replace(pattern), recipe=recipe)


def test_phases_may_stand_beside_the_recipe(pattern):
    recipe = with_profile({"strategy": {"name": "one-stage"}, "parameters": {"mine_a": {"vary": False}}})
    result = fit(pattern, [("mine", p2(*TRUE_P2)), ("other", o3(*TRUE_O3))], recipe=recipe)
    assert [phase.name for phase in result.phases] == ["mine", "other"]


def test_a_warm_start_goes_on_with_the_constraints(tied, pattern):
    recipe = {"variables": tied.recipe["variables"], "constraints": tied.recipe["constraints"],
              "parameters": tied.recipe["parameters"]}  # fmt: skip
    again = fit(pattern, start=tied, recipe=recipe)
    assert again.phase("O3").cell["a"].status == "tied"
    for name in ("delta", "P2_a"):
        assert abs(numbers(again)[name] - numbers(tied)[name]) < 0.05 * numbers(tied)[name].esd


def test_texture_by_harmonics_and_anisotropic_broadening():
    rows = [
        {"structure": "P2", "preferred_orientation": {"harmonics": 4}, "anisotropic": ["size", "faults"]},
        {"structure": "NiO", "anisotropic": ["strain"], "microstrain": 0.002},
    ]
    first, second = read_recipe({"phase": rows}).phases
    assert first.correction_slots == ["harmonic_2_1", "harmonic_4_1", "flatness", "fault_inverse_size"]
    assert second.correction_slots == ["strain_400", "strain_220"]
    # An isotropic strain is (S / d^2)^2 = S^2 (h^2 + k^2 + l^2)^2 / a^4, with 3 S220 for twice the square of a pair.
    a = second.crystal.cell[0]
    expected = 0.002**2 / a**4 / 1e-8
    assert second.values[-2:] == pytest.approx([expected, 2 * expected / 3])
    assert second.values[second.slot_names.index("microstrain")] == 0.0


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("preferred_orientation = {r = 0.9, harmonics = 4}", "4: P2 has a March coefficient and spherical harmonics"),
        ('mode = "le-bail"\npreferred_orientation = {harmonics = 4}', "5: P2 has spherical harmonics and extracted"),
        ("preferred_orientation = {harmonics = 3}", "4: spherical harmonics of order 3; give 2, 4, 6 or 8"),
        ('anisotropic = ["shape"]', "4: .*anisotropic"),
    ],
)
def test_corrections_that_a_phase_cannot_have(tmp_path, row, fault):
    path = written(tmp_path, f'[[phase]]\nstructure = "P2"\n# a comment\n{row}\n')
    with pytest.raises(InputError, match=f"recipe.toml:{fault}"):
        read_recipe(path)


@pytest.mark.parametrize(("structure", "form"), [("NiO", "size"), ("NiO", "faults")])
def test_forms_that_a_symmetry_does_not_have(tmp_path, structure, form):
    path = written(tmp_path, f'[[phase]]\nstructure = "{structure}"\nanisotropic = ["{form}"]\n')
    with pytest.raises(InputError, match="recipe.toml:3: "):
        read_recipe(path)


def test_a_disordered_stacking_has_its_own_broadening(tmp_path):
    path = written(tmp_path, '[[phase]]\nstructure = "P2~O3"\nanisotropic = ["strain"]\n')
    with pytest.raises(InputError, match="recipe.toml:3: .*disordered stacking.*no spherical harmonics"):
        read_recipe(path)
