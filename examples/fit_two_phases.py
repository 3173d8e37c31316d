"""The simplest fit: a measured pattern, two phases by name, fractions and cells with their uncertainties."""

from pathlib import Path

import layerox as lx

pattern = lx.read_pattern(Path(__file__).parents[1] / "patterns" / "p2_o3.xye")
result = lx.fit(pattern, ["P2", "O3"])

print(result.status, f"R_wp = {100 * result.agreement.r_wp:.2f} %")
for phase in result.phases:
    print(f"{phase.name}: weight fraction {phase.weight_fraction}, a = {phase.cell['a']} A, c = {phase.cell['c']} A")

# The next pattern of a series starts from this result and takes a few milliseconds.
again = lx.fit(pattern, start=result)
print("warm start:", again.weight_fractions)

axes = lx.plot(result, intensity="sqrt")
axes.figure.savefig("fit_two_phases.png", dpi=150)
