"""The parameter dictionary: rows of docs/reference/parameters.toml, with limits and priors from the code."""

from __future__ import annotations

import itertools
import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from layerox.diffraction.constraints import BOUNDS
from layerox.diffraction.measurement_priors import POSITION_WIDTHS
from layerox.diffraction.priors import RELATIVE, SPECIMEN_WIDTHS, WIDTHS

TABLE = Path(__file__).parents[1] / "reference" / "parameters.toml"
OWN_VARIABLES = "Variables of a recipe"
# Priors whose width is a share of the value, beside those of the logarithm.
SHARES = frozenset(("u_iso", "length"))
HEAD = """# Parameter dictionary

Every refinable parameter of the model. A name begins with its phase (`P2`, in letters, digits and underscores: a prime
is `p`, `~` is two underscores) and, for a parameter of a site, its label (`O1`). It is the name in recipes (`free`,
`fix`, `[parameters]`, `[constraints]`), in `lx.parameters`, on the command line (`--free`, `--fix`) and in
`result.json`. In a joint refinement the parameters of the second and further patterns begin with their label
(`neutron_background_0`).

*Limits* are those of the refinement unless a recipe states others. *Prior* is the standard uncertainty of what is known
beforehand ([priors](../priors.md)): absolute, or "%" of the value (log-normal); three numbers are those of LOOKED-UP,
RECALLED and CONSTRUCTED structures. Without an entry there is no prior.

Names in GSAS-II, TOPAS and FullProf are those of the quantity with the same meaning; units are given where they differ.
A dash: no counterpart.
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A kind of parameter; the fields are the keys of the table."""

    group: str
    name: str
    match: str
    symbol: str
    unit: str
    definition: str
    limits: str = ""
    limits_text: str = ""
    prior: str = ""
    prior_text: str = ""
    gsas2: str = ""
    topas: str = ""
    fullprof: str = ""

    def has(self, name: str) -> bool:
        """Whether a parameter, by its public name, is of this kind; a label of a joint refinement may precede it."""
        return re.fullmatch(rf"(?:\w+_)?(?:{self.match})", name) is not None

    @property
    def range(self) -> str:
        """Its limits as text."""
        if not self.limits:
            return self.limits_text
        low, high = BOUNDS[self.limits]
        return f"{low:g} and above" if math.isinf(high) else f"{low:g} to {high:g}"

    @property
    def width(self) -> str:
        """The width of its prior as text."""
        if not self.prior:
            return self.prior_text
        relative = self.prior in RELATIVE | SHARES
        by_provenance = WIDTHS.get(self.prior)
        widths = list(by_provenance.values()) if by_provenance else [{**SPECIMEN_WIDTHS, **POSITION_WIDTHS}[self.prior]]
        unit = " Å" if self.prior == "coordinate" else ""
        return ", ".join(f"{100 * width:g} %" if relative else f"{width:g}{unit}" for width in widths)


def rows() -> list[Row]:
    """Return the rows of the table, in its order."""
    return [Row(**row) for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["row"]]


def row_of(name: str, table: list[Row]) -> Row | None:
    """Return the first row for a public name; that of own variables does not count."""
    return next((row for row in table if row.has(name) and row.group != OWN_VARIABLES), None)


def parameters_page() -> str:
    """Return the page: two tables for each group, of meanings and of foreign names."""
    groups = itertools.groupby(rows(), key=lambda row: row.group)
    return "\n".join([HEAD, *itertools.chain.from_iterable(_section(group, list(found)) for group, found in groups)])


def _section(group: str, found: list[Row]) -> Iterator[str]:
    yield f"## {group}\n"
    yield "| parameter | symbol | unit | definition | limits | prior |\n|---|---|---|---|---|---|"
    for row in found:
        cells = [_code(row.name), row.symbol, row.unit, row.definition, row.range, row.width]
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"
    if any(row.gsas2 or row.topas or row.fullprof for row in found):
        yield "\n| parameter | GSAS-II | TOPAS | FullProf |\n|---|---|---|---|"
        for row in found:
            cells = [_code(row.name), row.gsas2 or "–", row.topas or "–", row.fullprof or "–"]
            yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"
    else:
        yield "\nNone of them has a counterpart in GSAS-II, TOPAS or FullProf."
    yield ""


def _code(names: str) -> str:
    texts = [name.strip() for name in names.split(",")]
    return ", ".join(f"`{text.removesuffix(' ...')}`" + " ..." * text.endswith(" ...") for text in texts)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
