"""report.html of a series: its results with plots, and how it was refined."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from layerox.errors import InputError
from layerox.notices import Notice
from layerox.plotting.operando import axis_label, series_pictures
from layerox.plotting.reflection_marks import phase_colour
from layerox.plotting.waterfall import waterfall_pictures
from layerox.refined import with_esd
from layerox.report.methods import series_methods
from layerox.report.page import Html, figure, folded, page, paragraph, section, stacked, table
from layerox.series.group_columns import determined_fractions, group_texts, has_other_reason, is_represented
from layerox.series.result import Series
from layerox.viewers.page_parts import viewer

# Largest number of rows of a table; further rows are only counted.
MOST_ROWS = 200
# Goodness of fit above which a model does not describe the data, and the tolerated share of failed frames.
POOR_GOF, MANY = 2.0, 0.1
# Support of a phase's best frame below which it is weak evidence.
WEAK = 20.0
OPERANDO = (
    "All patterns (square root of the intensity), with the reflections of the phases above and, dotted, tracks of the "
    "strongest; beside it, on the same axis, the refined quantities. Bars are one standard uncertainty."
)
WATERFALL = "Stacked patterns; grey ones are not accepted."
# Pictures of layerox that the report already contains.
OWN = {"series.png", "waterfall.png"}
COLUMNS = (("a (Å)", "a", 1.0), ("b (Å)", "b", 1.0), ("c (Å)", "c", 1.0), ("β (°)", "beta", 1.0),
           ("V (Å³)", "volume", 1.0), ("size (nm)", "size", 1.0),
           ("microstrain (%)", "microstrain", 100.0))  # fmt: skip


def series_page(series: Series, pictures: Mapping[str, bytes], document: Mapping[str, Any] | None = None) -> str:
    """Return the page of a series.

    Parameters
    ----------
    series
        The result, with its folder.
    pictures
        SVG files of the figures: "operando" and, if the patterns are available, "waterfall".
    document
        The data of the interactive map (see `viewers.series_document`); without it only the pictures are there.
    """
    operando = figure(pictures["operando"], "svg", OPERANDO)
    name = Path(series.run["folder"]).name
    return page(
        f"Series {name}",
        [
            f"<h1>Series {escape(name)}</h1>",
            paragraph(_headline(series), faint=True),
            _verdicts(series),
            section("Warnings", _notices(series)),
            section("Overview", operando if document is None else viewer("series", document, operando)),
            section("Transitions", _transitions(series)),
            section("Phases", _phases(series), _sources(series)),
            section("Agreement", _agreement(series)),
            section("Quarantined frames", _set_aside(series)),
            section("Patterns", figure(pictures["waterfall"], "svg", WATERFALL)) if "waterfall" in pictures else "",
            section("More pictures", *_other_pictures(series)),
            section("What was done", *map(paragraph, series_methods(series)), _files(series), *_papers(series)),
        ],
    )


def pictures_of(series: Series, operando: bytes | None = None) -> dict[str, bytes]:
    """Return the SVG files for `series_page`; without the patterns, the picture that was drawn while they existed.

    `operando` is the SVG file of the series if it is drawn already.
    """
    try:
        waterfall = waterfall_pictures(series, ["svg"])["svg"]
        return {"waterfall": waterfall, "operando": operando or series_pictures(series, ["svg"])["svg"]}
    except InputError:
        drawn = None if series.path is None else series.path / "series.svg"
        if operando is None and drawn is not None and drawn.is_file():
            operando = drawn.read_bytes()
        return {"operando": operando or series_pictures(series, ["svg"])["svg"]}


# --- results -------------------------------------------------------------------------------------------------------


def _headline(series: Series) -> str:
    place = series.place[np.isfinite(series.place)]
    spread = ""
    if series.axes and len(place):
        spread = f", {axis_label(series, series.axes[0])} {place.min():.4g} to {place.max():.4g}"
    written = str(series.run["written"]).replace("T", " ")
    return f"{len(series.frames)} frames{spread}. layerox {series.run['version']}, {written}."


def _verdicts(series: Series) -> str:
    counts = series.frames["verdict"].value_counts().sort_index()
    items = (
        f'<li class="{"good" if verdict in ("accepted", "reseeded") else "bad"}"><b>{count}</b> {escape(verdict)}</li>'
        for verdict, count in counts.items()
    )
    return f'<ul class="verdicts">{"".join(items)}</ul>'


def _notices(series: Series) -> str:
    found = [*_cautions(series), *(Notice(**notice) for notice in series.run["notices"])]
    return table(("code", "what"), ([notice.code, notice.message] for notice in found))


def _cautions(series: Series) -> Iterator[Notice]:
    """Yield notices on the quality of the whole table."""
    frames, good = series.frames, series.is_good
    if series.run["status"] != "complete":
        yield Notice("not_complete", f"the run is {series.run['status']}: continue with --resume")
    if (~good).mean() > MANY:
        yield Notice("many_set_aside", f"{(~good).sum()} of {len(good)} frames are quarantined; see their reasons")
    gof = frames["gof"][good].median()
    if gof > POOR_GOF:
        yield Notice("poor_fit", f"the median goodness of fit is {gof:.1f}: the misfit is larger than the noise")
    yield from (Notice("alike", text) for text in group_texts(series.columns, series.phases))
    for name in series.phases:
        support = frames[f"{name}.support"][good & frames[f"{name}.volume"].notna()]
        if not len(support) and is_represented(series.columns, name):
            continue
        if not len(support):
            yield Notice("never_seen", f"no frame contains {name}")
        elif support.max() < WEAK:
            yield Notice("weak_phase", f"{name} never reaches a support of {WEAK:g} (at most {support.max():.1f})")


def _transitions(series: Series) -> str:
    """Return the table of transitions with all columns that it has."""
    found = series.transitions
    if not len(found):
        return paragraph("No phase appears or disappears.")
    names = [name for name in found.columns if not name.endswith("_esd")]
    head = [axis_label(series, name).replace("_", " ") for name in names]
    rows = ([_with_twin(row, name) for name in names] for row in found.head(MOST_ROWS).to_dict("records"))
    return table(head, rows) + _left_out(len(found))


def _with_twin(row: Mapping[str, Any], name: str) -> str:
    """Return a cell, with its uncertainty in parentheses if the table has one."""
    value = row[name]
    if not isinstance(value, float):
        return str(value)
    return _number(value, row.get(f"{name}_esd", math.nan))


def _number(value: float, esd: float = math.nan, scale: float = 1.0) -> str:
    if not math.isfinite(value):
        return ""
    return with_esd(scale * value, scale * esd) if math.isfinite(esd) else f"{scale * value:.4g}"


def _left_out(count: int) -> str:
    return paragraph(f"and {count - MOST_ROWS} more", faint=True) if count > MOST_ROWS else ""


def _phases(series: Series) -> str:
    """Return the table of phases: the frames of each, and its quantities in its first and last frame."""
    shown = [(title, quantity, scale) for title, quantity, scale in COLUMNS if _adds_information(series, quantity)]
    head = ["phase", "frames", "weight %", "range", *(title for title, _, _ in shown), "ΔV (%)"]
    rows = ([_with_chip(series, name), *_phase_row(series, name, shown)] for name in series.phases)
    note = (
        "Top: the first frame with the phase; bottom: the last; in parentheses the standard uncertainty. ΔV is "
        "between these two frames, the range of weight % over all frames with the phase."
    )
    return table(head, rows) + paragraph(note, faint=True)


def _with_chip(series: Series, name: str) -> Html:
    """Return the name of a phase with its colour in the plots."""
    return Html(f'<span class="chip" style="background:{phase_colour(series, name)}"></span>{escape(name)}')


def _adds_information(series: Series, quantity: str) -> bool:
    """Whether a column adds information for some phase: b and beta are often equal to a and 90."""
    if quantity not in ("b", "beta"):
        return True
    other = {"b": "a", "beta": None}[quantity]
    for name in series.phases:
        values = series.frames[f"{name}.{quantity}"].dropna()
        usual = 90.0 if other is None else series.frames[f"{name}.{other}"].dropna()
        if len(values) and not (values == usual).all():
            return True
    return False


def _phase_row(series: Series, name: str, columns: list[tuple[str, str, float]]) -> list[str]:
    frames = series.frames[series.is_good & series.frames[f"{name}.volume"].notna()]
    if not len(frames):
        return ["not distinguished" if is_represented(series.columns, name) else "none", *[""] * (len(columns) + 3)]
    first, last = frames.iloc[0], frames.iloc[-1]
    fraction, esd = determined_fractions(frames, name)
    weight = 100.0 * fraction[np.isfinite(fraction)]  # hardware has none
    spread = stacked(f"{weight.min():.1f}", f"to {weight.max():.1f}") if len(weight) else ""
    span = stacked(str(len(frames)), f"({first['frame']} to {last['frame']})")
    change = 100.0 * (last[f"{name}.volume"] / first[f"{name}.volume"] - 1.0)
    numbers = [_from_to(first, last, f"{name}.{quantity}", scale) for _, quantity, scale in columns]
    ends = _ends(*(_number(fraction[k], esd[k], 100.0) for k in (0, -1)))
    return [span, ends, spread, *numbers, f"{change:.2f}"]


def _from_to(first: Mapping[str, Any], last: Mapping[str, Any], column: str, scale: float) -> str:
    return _ends(*(_number(row[column], row[f"{column}_esd"], scale) for row in (first, last)))


def _ends(first: str, last: str) -> str:
    return first if first == last else stacked(first or "?", last or "?")


def _sources(series: Series) -> str:
    rows = [
        [name, own["space_group"], own["formula"], own["source"] or "not stated"]
        for name, own in series.run.get("structures", {}).items()
    ]
    return table(("phase", "space group", "initial formula", "source of the structure"), rows)


def _agreement(series: Series) -> str:
    good = series.frames[series.is_good]
    if not len(good):
        return ""
    rows = []
    for title, column, scale in (("R_wp (%)", "r_wp", 100.0), ("goodness of fit", "gof", 1.0)):
        values = scale * good[column]
        worst = good.loc[values.idxmax(), "file"]
        rows.append([title, *(f"{x:.2f}" for x in (values.min(), values.median(), values.max())), worst])
    return table(("of the accepted frames", "least", "median", "most", "worst frame"), rows)


def _set_aside(series: Series) -> str:
    bad = series.frames[has_other_reason(series.columns)]
    if not len(bad):
        return paragraph("None.")
    rows = (
        [str(r.frame), r.file, r.verdict, r.reason, _number(100.0 * r.r_wp)] for r in bad.head(MOST_ROWS).itertuples()
    )
    return table(("frame", "file", "verdict", "reason", "R_wp (%)"), rows) + _left_out(len(bad))


# --- methods --------------------------------------------------------------------------------------------------------


def _other_pictures(series: Series) -> Iterator[str]:
    """Yield the pictures that other commands wrote into the folder."""
    if series.path is not None:
        for path in sorted(series.path.glob("*.png")):
            if path.name not in OWN:
                yield figure(path.read_bytes(), "png", path.name)


def _files(series: Series) -> str:
    rows = [
        ("patterns", str(series.run["folder"])),
        ("started, written (UTC)", f"{series.run['started']}, {series.run['written']}"),
        ("time", _effort(series)),
        ("versions", ", ".join(f"{name} {version}" for name, version in series.run.get("versions", {}).items())),
    ]
    return table(("", ""), [row for row in rows if row[1]])


def _effort(series: Series) -> str:
    """Return the run time of a series; empty for one that is still followed."""
    wall, workers = series.run.get("wall_s"), series.run.get("workers")
    return "" if wall is None or workers is None else f"{wall:.1f} s, {workers} used"


def _papers(series: Series) -> Iterator[str]:
    if series.path is not None and (series.path / "recipe.toml").is_file():
        text = (series.path / "recipe.toml").read_text(encoding="utf-8", errors="replace")
        yield folded("recipe.toml, as used: layerox series FOLDER --recipe recipe.toml gives the same table", text)
