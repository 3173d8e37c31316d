"""Examples: one command line for each command, the last line of its help."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "build": "P2 --formula Na0.67Ni0.33Mn0.67O2 --supercell 4 4 1 -o p2.cif",
    "interface": "P2/O3 --slabs 4 3 -o p2_o3.cif --report p2_o3.json",
    "check": "p2.cif --phase P2 --formula Na0.67Ni0.33Mn0.67O2",
    "phases": "P2_NNM",
    "simulate": "P2 O3 --weights 6 4 --radiation CuKa --counts 1e4 -o mixture.xye",
    "simulate-series": "p2-op4-o2 --frames 50 -o charge",
    "look": "mixture.xye --radiation CuKa -o mixture.png",
    "identify": "mixture.xye --radiation CuKa",
    "fit": "mixture.xye --phase P2 --phase O3 --radiation CuKa -o result",
    "series": "charge --phase P2 --phase OP4 --phase O2 --workers 2 -o results",
    "parametric": "results --function 'P2_a=polynomial 2' -o smooth",
    "strain": "results",
    "calibrate": "lab6.xye --phase lab6.cif --certified a=4.156826 -o beam.toml",
    "measure": "pure.xye --cell 2.84 2.84 13.9 90 90 120 --space-group P63/mmc -o hyd.toml",
    "compare": "result other-result",
    "report": "results",
    "export": "result --to nexus -o result.nxs",
    "formats": "--json",
    "instruments": "bruker-lynxeye",
    "explain": "stacking_disorder",
    "completion": "bash > ~/.local/share/bash-completion/completions/layerox",
}
