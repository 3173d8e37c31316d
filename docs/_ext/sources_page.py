"""All sources of the code: every DOI that a module states, with the modules."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from urllib.parse import quote

import layerox

PACKAGE = Path(layerox.__file__).parent
DOI = re.compile(r"doi:(10\.\d{4,9}/[^\s,;\"']+)")
HEAD = """# Sources of the code

Every DOI that a module of the program states. Books and tables without one are named on the pages of the theory.

| source | modules |
|---|---|
"""


def sources_page() -> str:
    """Return the page: a row for each DOI."""
    rows = [
        f"| [{doi}](https://doi.org/{quote(doi, safe='/.:')}) | {', '.join(f'`{name}`' for name in sorted(names))} |"
        for doi, names in sorted(sources().items())
    ]
    return HEAD + "\n".join(rows) + "\n"


def sources() -> dict[str, set[str]]:
    """Return the modules by DOI."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(["layerox", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        for doi in DOI.findall(path.read_text(encoding="utf-8")):
            found[_closed(doi)].add(name)
    return found


def _closed(doi: str) -> str:
    """Return a DOI without what follows it in a sentence: a full stop, a colon, a bracket that it does not open."""
    doi = doi.rstrip(".:")
    while doi.endswith(")") and doi.count(")") > doi.count("("):
        doi = doi[:-1].rstrip(".:")
    return doi
