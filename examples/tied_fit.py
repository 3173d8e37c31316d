"""A tie and a few demands, said in three ways: as a recipe in a file, as a table, and through lmfit.

The in-plane cells of two phases that share oxygen planes differ by `delta`; that difference is refined instead of the
second cell.
"""

from pathlib import Path

import layerox as lx

HERE = Path(__file__).parent
PATTERN = HERE.parent / "patterns" / "p2_o3.xye"


def told(result):
    """Return what the fits are compared by."""
    delta = next(p.number for p in result.parameters if p.name == "delta")
    return f"delta = {delta} A, a(O3) = {result.phase('O3').cell['a']} A, P2 {result.weight_fractions['P2']}"


print("recipe in a file  ", told(lx.fit(PATTERN, recipe=HERE / "tied_fit.toml")))

table = {
    "phase": [{"structure": "P2", "free": ["cell", "size", "microstrain"]}, {"structure": "O3", "free": ["c", "size"]}],
    "instrument": {"free": ["zero", "w"]},
    "variables": {"delta": {"value": 0.07, "min": 0.0}},
    "constraints": {"O3_a": "P2_a + delta"},
    "strategy": {"name": "one-stage"},
}
print("all in one stage  ", told(lx.fit(PATTERN, recipe=table)))

params = lx.parameters(["P2", "O3"])
params.add("delta", value=0.07, min=0.0)
params["O3_a"].expr = "P2_a + delta"
params["P2_microstrain"].set(value=1e-4, vary=True)
result = lx.fit(PATTERN, ["P2", "O3"], params=params)
print("lmfit's parameters", told(result))
print(f"correlation of delta and a(P2): {result.params['delta'].correl['P2_a']:.3f}")
