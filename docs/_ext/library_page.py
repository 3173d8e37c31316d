"""The library: its entries with provenance and reference, and the published cathodes."""

from __future__ import annotations

import re

from layerox.builders import LIBRARY

HEAD = """# Library

Each structure carries its provenance: LOOKED-UP (read in a public source), RECALLED (cited from memory, to be checked
before it is quoted) or CONSTRUCTED (from bond lengths and stacking). `layerox phases NAME` prints an entry with its
sites, `layerox build P2 -o p2.cif` prints the provenance and writes it to the file. The folder `cifs/` contains all
structures with a table, written by `python cifs/make.py`.

A phase name alone means an entry: {defaults}.
"""


def library_page() -> str:
    """Return the page: a table of the reference entries, one of the cathodes."""
    defaults = ", ".join(f"`{phase}` {name}" for phase, name in LIBRARY.defaults.items())
    reference = [entry for name, entry in LIBRARY.items() if not re.match(r"C\d+_", name)]
    rows = [
        f"| `{row.name}` | {row.phase} | {_plain(row.title)} | {_plain(row.provenance)} | {_plain(row.reference)} |"
        for row in reference
    ]
    cathodes = [
        f"| `{name}` | {_plain('/'.join(entry.phase for entry in cathode.entries))} | {_plain(cathode.formula)} |"
        for name, cathode in LIBRARY.cathodes.items()
    ]
    parts = [HEAD.format(defaults=defaults), "## Reference phases, hardware, impurities, standards\n"]
    parts += ["| name | phase | content | provenance | reference |\n|---|---|---|---|---|", *rows, ""]
    parts += ["## Published cathodes\n", "Models of their phases are CONSTRUCTED; `layerox phases C93` prints them.\n"]
    parts += ["| name | phases | formula |\n|---|---|---|", *cathodes, ""]
    return "\n".join(parts)


def _plain(text: str) -> str:
    return re.sub(r"([*_~|<>$\[\]])", r"\\\1", text)
