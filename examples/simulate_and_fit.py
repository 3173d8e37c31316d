"""How well would this experiment tell 3 % of O3 in P2? Simulate it, and fit what was simulated."""

import layerox as lx

MIXTURES = {0.10: 0, 0.03: 0, 0.01: 0, 0.0: 0}

for share, seed in MIXTURES.items():
    pattern = lx.simulate(
        ["P2", "O3"],
        weights=[1 - share, share],
        radiation="CuKa",
        two_theta=(10, 80, 0.02),
        sizes_nm=[100, 60],
        background=[150, -40, 15],
        counts=10_000,
        seed=seed,
    )
    result = lx.fit(pattern, ["P2", "O3"])
    found = result.weight_fractions["O3"]
    print(f"true {100 * share:5.2f} wt %   found {100 * found:5.2f} +- {100 * found.esd:.2f} wt %   {found.status}")
