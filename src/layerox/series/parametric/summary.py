"""Words: what came of a parametric refinement, as a few lines of text."""

from __future__ import annotations

import textwrap

from layerox.refined import with_esd
from layerox.series.parametric.result import Function, Parametric

MOST_NAMED, WIDTH = 5, 110


def parametric_text(found: Parametric) -> str:
    """Return status, the test of all functions, and for each function its coefficients and what the data say of it."""
    count = sum(len(function.coefficients) for function in found.functions)
    values = sum(function.frames[0] for function in found.functions)
    where = f"{found.axis} {found.domain[0]:.6g} to {found.domain[1]:.6g}"
    lines = [
        f"{found.status}: {len(found.frames)} frames, {where}; {count} coefficients in place of {values} values, "
        f"{found.passes} passes" + (f"; {found.reason}" if found.reason else ""),
        _together(found),
    ]
    for function in found.functions:
        lines += ["", *_function(function, found.axis)]
    lines += [""] if found.left_out or found.remarks else []
    lines += [f"left out: {file}: {why}" for file, why in found.left_out[:MOST_NAMED]]
    if len(found.left_out) > MOST_NAMED:
        lines.append(f"and {len(found.left_out) - MOST_NAMED} more, see parametric.json")
    return "\n".join([*lines, *(f"warning: {remark.message}" for remark in found.remarks)])


def _together(found: Parametric) -> str:
    test = found.together
    rise = f"chi-squared rises by {test.chi_squared:.1f} for {test.freedom} degrees of freedom"
    said = f"all functions against frame by frame: {rise}"
    if test.freedom < 1:
        return f"{said}: nothing is left to test"
    verdict = "the functions are not all of it" if test.is_rejected else "the data ask for no more"
    return f"{said} (p = {test.p:.2g}): {verdict}"


def _function(function: Function, axis: str) -> list[str]:
    verdict = function.verdict
    head = f"{function.name} = {function.form.text}: {verdict.status.replace('_', ' ')}"
    if function.narrower >= 1.05:
        head += f"; {function.narrower:.1f} times narrower than frame by frame"
    numbers = zip(function.form.labels, function.coefficients, function.esds, strict=True)
    lines = [head, _wrapped(", ".join(f"{label} {with_esd(value, esd)}" for label, value, esd in numbers))]
    powers = function.powers()
    if powers is not None and len(powers[1]) > 1:
        centre, values, covariance = powers
        slope = with_esd(values[1], float(covariance[1, 1]) ** 0.5)
        lines.append(f"  slope at {axis} {centre:.6g}: {slope}")
    place = function.trials[0].place
    if place is not None:
        lines.append(f"  place told by the data: {place[0]:.6g}, between {place[1]:.6g} and {place[2]:.6g}")
    return [*lines, _wrapped(verdict.text)]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
