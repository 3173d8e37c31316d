"""Compare: a table of two refinements, with differences in units of their standard uncertainties.

The refinements are treated as independent: sigma^2 = sigma_a^2 + sigma_b^2. For two fits of one pattern this sigma is
too large, because they have the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from layerox.diffraction.model import safe_name
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.result_display import html_table
from layerox.public import public
from layerox.refined import Refined
from layerox.results.result_folder import load

HEAD = ("name", "a", "b", "a - b", "in esds")
# Quantities of a phase that do not depend on its setting.
IN_ANY_SETTING = ("_weight_fraction", "_size", "_microstrain", "_displacement")
# Differences of this number of standard uncertainties are marked.
REMARKABLE = 3.0


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """One quantity of two refinements; None where a refinement does not have it."""

    name: str
    a: Refined | None
    b: Refined | None

    @property
    def difference(self) -> float | None:
        """A minus b; None if one of them is missing or infinite."""
        if self.a is None or self.b is None or not (math.isfinite(self.a) and math.isfinite(self.b)):
            return None
        return self.a.value - self.b.value

    @property
    def in_esds(self) -> float | None:
        """The difference over its standard uncertainty, None without a difference or an uncertainty."""
        if self.a is None or self.b is None or self.difference is None:
            return None
        esd = math.hypot(self.a.esd, self.b.esd)
        return self.difference / esd if esd > 0 else None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two refinements side by side; `str()` is a table of text.

    Attributes
    ----------
    rows
        Weight fractions and cell volumes ("P2_weight_fraction", "P2_volume"), then every parameter that is not fixed in
        both or that differs, in the order of a; rows of b alone are last.
    figures
        (name, a, b) of the figures of merit.
    names
        Names of the two.
    left_out
        What is not compared, and why, as texts.
    """

    rows: tuple[ComparedRow, ...]
    figures: tuple[tuple[str, float, float], ...]
    names: tuple[str, str] = ("a", "b")
    left_out: tuple[str, ...] = ()

    @property
    def only_in_a(self) -> tuple[str, ...]:
        """Names of quantities that b does not have."""
        return tuple(row.name for row in self.rows if row.b is None)

    @property
    def only_in_b(self) -> tuple[str, ...]:
        """Names of quantities that a does not have."""
        return tuple(row.name for row in self.rows if row.a is None)

    @property
    def largest(self) -> ComparedRow | None:
        """The row with the largest difference in esds, None if no row has one."""
        known = [row for row in self.rows if row.in_esds is not None]
        return max(known, key=lambda row: abs(row.in_esds or 0.0), default=None)

    def row(self, name: str) -> ComparedRow:
        """Return the row of that name.

        Raises
        ------
        KeyError
            If there is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def __str__(self) -> str:
        cells = [list(HEAD), *self._cells()]
        widths = [max(len(row[k]) for row in cells) for k in range(len(HEAD))]
        lines = ["  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
                 for row in cells]  # fmt: skip
        rule = "  ".join("-" * width for width in widths)
        figures = [f"{name}: {a:.4g} and {b:.4g}" for name, a, b in self.figures]
        left_out = [f"not compared: {text}" for text in self.left_out]
        head = [f"a: {self.names[0]}", f"b: {self.names[1]}", *figures, *left_out, ""]
        return "\n".join([*head, lines[0], rule, *lines[1:]])

    def document(self) -> dict[str, object]:
        """Return the comparison as plain data for JSON."""
        return {
            "a": self.names[0],
            "b": self.names[1],
            "figures": {name: {"a": a, "b": b} for name, a, b in self.figures},
            "not_compared": list(self.left_out),
            "rows": [
                {"name": row.name, "a": _plain(row.a), "b": _plain(row.b), "difference": row.difference,
                 "in_esds": row.in_esds}
                for row in self.rows
            ],
        }  # fmt: skip

    def _repr_html_(self) -> str:
        figures = "; ".join(f"{name} {a:.4g}, {b:.4g}" for name, a, b in self.figures)
        return html_table(f"a: {self.names[0]}; b: {self.names[1]}; {figures}", HEAD, self._cells())

    def _cells(self) -> Iterator[list[str]]:
        for row in self.rows:
            yield [row.name, _number(row.a), _number(row.b), _difference(row), _in_esds(row)]


@public
def compare(result_a: Refinement | str | Path, result_b: Refinement | str | Path) -> Comparison:
    """Compare two refinements; phases and parameters match whatever the case of their names.

    What depends on the measurement (scales, background) is compared only for the same pattern, and the cell and atoms
    of a phase only in the same space group and setting.

    Parameters
    ----------
    result_a, result_b
        Refinements, or result.json files (or the folders that hold them).

    Returns
    -------
    Comparison
        A row for each quantity of both, with the difference in units of its esd; printing it shows the table.

    Raises
    ------
    InputError
        If a file is not the result of a fit.

    Examples
    --------
    >>> import layerox as lx
    >>> first = lx.fit("patterns/p2_o3.xye", ["P2", "O3"])
    >>> second = lx.fit("patterns/p2_o3.xye", ["P2", "O3"], range=(10, 80))
    >>> row = lx.compare(first, second).row("P2_c")
    >>> row.name, abs(row.a - row.b) < 0.001  # angstrom
    ('P2_c', True)
    """
    a, b = (result if isinstance(result, Refinement) else load(result) for result in (result_a, result_b))
    spelling = {name.lower(): name for name in _quantities(a)}
    left_out = _Incomparable(a, b)
    of_a = {name: number for name, number in _quantities(a).items() if not left_out(name)}
    of_b = {spelling.get(name.lower(), name): n for name, n in _quantities(b).items() if not left_out(name)}
    names = [*of_a, *(name for name in of_b if name not in of_a)]
    rows = [ComparedRow(name=name, a=of_a.get(name), b=of_b.get(name)) for name in names]
    figures = [(name, getattr(a.agreement, name), getattr(b.agreement, name)) for name in ("r_wp", "gof")]
    return Comparison(
        rows=tuple(row for row in rows if _is_listed(row)),
        figures=tuple(figures),
        names=(_title(result_a, a), _title(result_b, b)),
        left_out=left_out.reasons,
    )


class _Incomparable:
    """Whether a quantity of two refinements cannot be compared, by its name."""

    def __init__(self, a: Refinement, b: Refinement):
        self.reasons: tuple[str, ...] = ()
        self.prefixes: list[str] = []
        same = np.array_equal(a.pattern.two_theta, b.pattern.two_theta)
        self.is_one_pattern = same and np.array_equal(a.pattern.intensity, b.pattern.intensity)
        if not self.is_one_pattern:
            self.reasons += ("scales and background, of different patterns",)
        others = {phase.name.lower(): phase for phase in b.phases}
        for phase in a.phases:
            other = others.get(phase.name.lower())
            if other is not None and _setting(other) != _setting(phase):
                self.prefixes.append(safe_name(phase.name).lower())
                fault = f"cell and atoms of {phase.name}: {_setting(phase)} in a, {_setting(other)} in b"
                self.reasons += (fault,)

    def __call__(self, name: str) -> bool:
        """Return True for a quantity of one refinement that means something else in the other."""
        low = name.lower()
        if not self.is_one_pattern and (low.endswith("_scale") or low.startswith(("background_", "hump_", "peak_"))):
            return True
        return any(low.startswith(f"{prefix}_") and not low.endswith(IN_ANY_SETTING) for prefix in self.prefixes)


def _setting(phase: RefinedPhase) -> str:
    symmetry = phase.crystal.symmetry
    return symmetry.name or ", ".join(symmetry.triplets)


def _title(given: Refinement | str | Path, result: Refinement) -> str:
    return str(given) if not isinstance(given, Refinement) else result.pattern.label or "refinement"


def _quantities(result: Refinement) -> dict[str, Refined]:
    """Return all comparable quantities by name: fractions, volumes, parameters."""
    fractions = {safe_name(f"{p.name}_weight_fraction"): p.weight_fraction for p in result.phases}
    volumes = {safe_name(f"{p.name}_volume"): p.cell["volume"] for p in result.phases}
    return fractions | volumes | {p.name: p.number for p in result.parameters}


def _is_listed(row: ComparedRow) -> bool:
    """Whether a quantity is in the table: not if it is fixed at the same value in both."""
    if row.a is None or row.b is None:
        return True
    return row.a.status != "fixed" or row.b.status != "fixed" or row.a.value != row.b.value


def _plain(number: Refined | None) -> dict[str, object] | None:
    if number is None:
        return None
    value = number.value if math.isfinite(number) else None
    return {"value": value, "esd": number.esd, "status": number.status}


def _number(number: Refined | None) -> str:
    if number is None:
        return "-"
    mark = "" if number.status in ("free", "tied") else f" ({number.status})"
    return f"{number}{mark}"


def _difference(row: ComparedRow) -> str:
    return "" if row.difference is None else f"{row.difference:+.3g}"


def _in_esds(row: ComparedRow) -> str:
    if row.in_esds is None:
        return ""
    return f"{row.in_esds:+.2f}{' !' if abs(row.in_esds) >= REMARKABLE else ''}"
