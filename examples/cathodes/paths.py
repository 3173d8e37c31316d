"""Specimens and paths of the sixteen cathodes, as the table regenerates them.

Paths are those of the review, charge and discharge, in names of library entries without the cathode: Op3 is O'3.
Weight fractions are published for C93 (24.8 wt% P2), C121 (41.7 % P2, basis not stated), C122 (5.2 mol% shell) and
C130 (5 % tunnel); the others are CONSTRUCTED.
"""

from itertools import pairwise

# On charge; "back" stages follow in reverse order.
ON_CHARGE = {
    "C93": ("P2 O3", "P2 P3", "OP4 OP2"),
    "C94": ("P2 O3", "P2 O3 Op3", "P2 O3 Op3 OP4"),
    "C65": ("P2 P3", "P2 P3"),
    "C97": ("P2 P3", "OP4"),
    "C106": ("P2 P3 spinel", "P2 Pp3 spinel"),
    "C107": ("P2 P3 spinel", "P2 O3 spinel", "Z spinel"),
    "C101": ("P2 spinel", "Pp2 spinel"),
    "C102": ("P2 tunnel", "P2 tunnel"),
    "C110": ("P2 tunnel", "OP4 tunnel"),
    "C111": ("P2 tunnel", "P2 tunnel"),
    "C116": ("P2 P3 O3", "P2 P3", "OP2 OP4"),
    "C117": ("O3 spinel P2", "O3 P3 P2 spinel", "P3 P2 spinel", "OP2 P2 spinel"),
    "C121": ("O3 P2", "P3 P2"),
    "C122": ("O3 P2", "Op3 P2", "P3 P2", "Pp3 P2"),
    "C126": ("P2 tunnel", "OP4 tunnel"),
    "C130": ("P2 tunnel", "OP4 tunnel"),
}
# Where discharge is no way back, or not stated.
ON_DISCHARGE = {
    "C65": (), "C102": (), "C111": (), "C106": (),
    "C107": ("P2 O3 spinel", "P2 P3 spinel", "P2 Op3 spinel"),
    "C121": ("O3 P3 P2", "O3 P2"),
}  # fmt: skip
PATHS = {name: (*up, *ON_DISCHARGE.get(name, up[-2::-1])) for name, up in ON_CHARGE.items()}
# Share of the phase named; the others share what is left equally.
SHARES = {
    "C93": ("P2", 0.248), "C106": ("spinel", 0.15), "C107": ("spinel", 0.15), "C101": ("spinel", 0.15),
    "C102": ("tunnel", 0.3), "C110": ("tunnel", 0.3), "C111": ("tunnel", 0.5), "C117": ("spinel", 0.06),
    "C121": ("P2", 0.417), "C122": ("P2", 0.055), "C126": ("tunnel", 0.2), "C130": ("tunnel", 0.05),
}  # fmt: skip
# Two phases of hexagonal layers that can be one particle; what is beside them is apart.
LAYERED_PAIRS = {
    "C93": "P2 O3", "C94": "P2 O3", "C65": "P2 P3", "C97": "P2 P3", "C106": "P2 P3", "C107": "P2 P3", "C116": "P2 O3",
    "C117": "P2 O3", "C121": "P2 O3",
}  # fmt: skip
NO_COMMON_SLABS = "P2 and a spinel or a tunnel oxide have no common sequence of slabs"
NO_PAIR = {"C122": "core and shell hold different metals, so that no slab can belong to both"}
FRAMES = 4  # from each stage of a path to the next


def weights_of(name: str, stage: str) -> dict[str, float]:
    """Return the weight fractions of the phases of a stage."""
    phases = stage.split()
    fixed, share = SHARES.get(name, ("", 0.0))
    if fixed not in phases or len(phases) == 1:
        return dict.fromkeys(phases, 1 / len(phases))
    rest = (1 - share) / (len(phases) - 1)
    return {phase: share if phase == fixed else rest for phase in phases}


def frames_of(name: str) -> list[dict[str, float]]:
    """Return the weight fractions of each frame of a path: linear from stage to stage."""
    stages = [weights_of(name, stage) for stage in PATHS[name]]
    frames = []
    for now, following in pairwise(stages):
        for step in range(FRAMES):
            u = step / FRAMES
            mixed = {p: (1 - u) * now.get(p, 0.0) + u * following.get(p, 0.0) for p in {**now, **following}}
            frames.append({phase: x for phase, x in mixed.items() if x > 0})
    return [*frames, stages[-1]]


def charge_of(name: str, frame: int) -> float:
    """Return the state of charge of a frame: 0 at the ends of a cycle, 1 at its top."""
    top = FRAMES * (len(ON_CHARGE[name]) - 1)
    last = FRAMES * (len(PATHS[name]) - 1)
    return frame / top if frame <= top else (last - frame) / (last - top)


def phases_of(name: str) -> list[str]:
    """Return every phase of a path, in the order of appearance."""
    return list(dict.fromkeys(phase for stage in PATHS[name] for phase in stage.split()))
