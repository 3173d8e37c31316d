"""`layerox instruments`: the presets of diffractometers for `--instrument NAME`, with the source of their numbers."""

from __future__ import annotations

import argparse
import json as json_module
from typing import Any


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "instruments",
        help="list the presets of diffractometers",
        description="List the presets for --instrument NAME: geometry, radius, polarisation and lines, with their "
        "sources. Peak widths are refined, or calibrated with layerox calibrate.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one preset, as an instrument.toml")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.set_defaults(command=run)


def run(*, name: str | None, json: bool) -> int:
    """Print; always 0."""
    from layerox.cli.text_table import text_table  # noqa: PLC0415  (what --help does not need)
    from layerox.errors import InputError, nearest  # noqa: PLC0415
    from layerox.io.instrument_presets import BY_NAME, preset_of, preset_rows  # noqa: PLC0415
    from layerox.io.instrument_toml import instrument_text  # noqa: PLC0415

    rows = preset_rows()
    if name is not None:
        preset = preset_of(name)
        if preset is None:
            raise InputError(f"unknown instrument {name!r}", place="layerox instruments", cure=nearest(name, BY_NAME))
        rows = [row for row in rows if row["name"] == preset.name]
        if not json:
            print(f"# {preset.description}\n# {preset.provenance}\n{instrument_text(preset.instrument)}", end="")
            return 0
    print(json_module.dumps(rows, indent=1) if json else text_table([_shown(row) for row in rows]))
    return 0


def _shown(row: dict[str, object]) -> dict[str, object]:
    lines = row["lines"]
    beam = "as given" if not isinstance(lines, list) else ", ".join(f"{line[0]:.6g}" for line in lines)
    return {**row, "lines": beam, "polarization": row["polarization"]}
