"""Stacking text: the numbers and the verdict of a disordered stacking, as reports and the command line print them."""

from __future__ import annotations

from collections.abc import Sequence

from layerox.diffraction.disordered.refined_stacking import RefinedStacking
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.refined import Refined


def stacking_lines(phases: Sequence[RefinedPhase]) -> list[str]:
    """Return one line for each supported disordered phase: fractions, lamellae, weights and verdict."""
    return [_line(phase.name, phase.stacking) for phase in phases if phase.stacking is not None and phase.is_supported]


def _line(name: str, stacking: RefinedStacking) -> str:
    rows = zip(stacking.kinds, stacking.fractions, stacking.thickness, stacking.shares, strict=True)
    parts = [
        f"{kind} {_percent(f)} % of galleries, lamellae of {_bounded(t)}, {_percent(share)} wt%"
        for kind, f, t, share in rows
    ]
    verdict = "" if stacking.verdict is None else f"; {stacking.verdict.verdict}"
    return f"{name}: {'; '.join(parts)}{verdict}"


def stacking_rows(stacking: RefinedStacking) -> list[tuple[str, str]]:
    """Return what is refined of a disordered stacking, and its verdict."""
    both = zip(stacking.kinds, stacking.fractions, stacking.spacings, stacking.shares, strict=True)
    rows = [
        (f"galleries {kind}", f"fraction {f}, spacing {d} A, {_percent(share)} wt% of the specimen")
        for kind, f, d, share in both
    ]
    thick = zip(stacking.kinds, stacking.thickness, stacking.thickness_nm, strict=True)
    rows += [(f"lamellae {kind}", f"{_bounded(count)} galleries, {_bounded(nm)} nm") for kind, count, nm in thick]
    rows.append(("persistence", _with_status(stacking.persistence)))
    rows.append(("column height", f"{_with_status(stacking.column_nm)} nm"))
    if stacking.verdict is not None:
        rows.append(("verdict", f"{stacking.verdict.verdict}: {stacking.verdict.reason}"))
        angles = ", ".join(f"{angle:.1f} ({part:+.0f})" for angle, part in stacking.verdict.deciding)
        rows += [("decided at", f"{angles} degrees (parts of the difference)")] if angles else []
    return rows


def _percent(number: Refined) -> Refined:
    return Refined(100 * number, 100 * number.esd, number.status)


def _bounded(number: Refined) -> str:
    return f"more than {float(number):.4g}" if number.status == "at_bound" else str(number)


def _with_status(number: Refined) -> str:
    return f"{number}  ({number.status})" if number.status != "fixed" else f"{number.value:g} (fixed)"
