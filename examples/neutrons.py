"""X-rays and neutrons of one specimen: neutrons see sodium and oxygen beside manganese and nickel.

Two patterns of the same P2 crystal are simulated, fitted alone and then together. The neutron wavelength that the fits
are told is wrong by 0.05 per cent, as it often is; the joint refinement notices.
"""

import layerox as lx
from layerox.instrument import Profile

TOLD, TRUE = 1.6220, 1.6220 * 1.0005

p2 = lx.build("P2", formula="Na0.67Ni0.33Mn0.67O2", a=2.8894, c=11.1268)
xray = lx.simulate([("P2", p2)], radiation="CuKa", two_theta=(12, 110, 0.02), background=[200], counts=20_000, seed=1)
neutron = lx.simulate(
    [("P2", p2)],
    radiation=TRUE,
    neutron=True,
    geometry="debye-scherrer",
    instrument=lx.Instrument(profile=Profile(u=0.12, v=-0.15, w=0.12)),
    two_theta=(10, 150, 0.05),
    background=[300],
    counts=5_000,
    seed=2,
)
start = lx.build("P2", formula="Na0.67Ni0.33Mn0.67O2", a=2.88, c=11.15)
measured = lx.pattern_from_arrays(neutron.two_theta, neutron.intensity)  # the file does not know its wavelength

alone = lx.fit(measured, [("P2", start)], radiation=TOLD, neutron=True, geometry="debye-scherrer")
single = alone.phase("P2")
print(f"neutrons alone  a {single.cell['a']}  z(O) {single.sites[-1].z}  R_wp {alone.agreement.r_wp:.4f}")
joint = lx.fit_jointly(
    [
        {"label": "xray", "pattern": xray.pattern},
        {"label": "neutron", "pattern": measured, "radiation": TOLD, "neutron": True, "geometry": "debye-scherrer"},
    ],
    [("P2", start)],
)
shared = joint.refinements["xray"].phase("P2")
stretch = next(p.number for p in joint.refinements["neutron"].parameters if p.name == "neutron_stretch")
print(f"together        a {shared.cell['a']}  z(O) {shared.sites[-1].z}  R_wp {joint.r_wp:.4f}")
print(f"its cells are stretched by {stretch}: the wavelength is {TOLD / stretch:.4f} A, in truth {TRUE:.4f} A")
