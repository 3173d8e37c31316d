"""`layerox strain`: strains, coherency and transitions of a series, with plots."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from layerox.cli.common_options import add_overwrite_option
from layerox.errors import InputError

OUTPUTS = ("strain.csv", "coherency.csv", "strain.png")
OF_SERIES = ("transitions.csv", "transitions.png")


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "strain",
        help="strains, volumes and coherency from the table of a series",
        description="Strains of every phase of a series against a reference, the coherency energy of coexisting "
        "phases, "
        "and a plot; or the strain between two fits.",
    )
    parser.add_argument("folder", metavar="DIR", help="folder written by layerox series (or layerox fit)")
    parser.add_argument(
        "--reference", metavar="FRAME", help="number of a frame, or the folder of a fit (default: the first frame)"
    )
    parser.add_argument("--elastic", metavar="FILE", help="stiffness tensors, a table [PHASE] each (TOML)")
    parser.add_argument(
        "--single-phase",
        nargs="+",
        default=[],
        metavar="PHASE=A",
        help="in-plane lattice parameter of single phases, angstrom: P2=2.885(2) O3=2.960",
    )
    add_overwrite_option(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(command=run)


def run(
    *,
    folder: str,
    reference: str | None,
    elastic: str | None,
    single_phase: list[str],
    overwrite: bool,
    quiet: bool,
) -> int:
    """Compute, write tables and plots into the folder, print a summary; 1 for a fit that did not converge."""
    from layerox.io.atomic_writing import Content  # noqa: PLC0415  (what --help does not need)
    from layerox.io.output_files import check_outputs, inputs_among, write_outputs  # noqa: PLC0415
    from layerox.io.ro_crate import CRATE, write_crate  # noqa: PLC0415
    from layerox.plotting.strain import picture  # noqa: PLC0415
    from layerox.plotting.transitions import transitions_picture  # noqa: PLC0415
    from layerox.series.result import Series  # noqa: PLC0415
    from layerox.strain.csv_and_text import (  # noqa: PLC0415
        csv_text,
        strain_text,
        transitions_csv,
        transitions_text,
    )
    from layerox.strain.measured_cells import open_subject  # noqa: PLC0415
    from layerox.strain.strain_evolution import strain_evolution  # noqa: PLC0415
    from layerox.strain.transitions.of_series import transitions  # noqa: PLC0415

    place = Path(folder)
    if not place.is_dir():
        raise InputError("no such folder", place=place, cure="give the folder written by layerox series")
    read = inputs_among(elastic, reference)
    names = (*OUTPUTS, *(OF_SERIES if (place / "run.json").exists() else ()), CRATE)
    check_outputs([place / name for name in names], inputs=read, overwrite=overwrite)
    subject = open_subject(place)
    found = strain_evolution(
        subject, reference=_reference(reference), elastic=elastic, single_phase=_single_phases(single_phase)
    )
    files: dict[Path, Content] = {
        place / "strain.csv": csv_text(found.frames),
        place / "coherency.csv": csv_text(found.coherency),
        place / "strain.png": picture(found),
    }
    text = strain_text(found)
    if isinstance(subject, Series):
        happened = transitions(subject)
        files[place / "transitions.csv"] = transitions_csv(happened)
        files[place / "transitions.png"] = transitions_picture(happened)
        text = f"{text}\n\n{transitions_text(happened)}"
    write_outputs(files, by="strain", inputs=read, overwrite=overwrite)
    write_crate(place, by="strain", inputs=read, overwrite=overwrite)
    if not quiet:
        print(text)
        print(f"written to {place}/: {', '.join(path.name for path in files)}")
    # Rejected frames of a series are left out; a fit that did not converge has no other result.
    return 0 if getattr(subject, "status", "converged") == "converged" else 1


def _reference(text: str | None) -> int | str | None:
    """Return the number of a frame, or a path unchanged."""
    from layerox.io.file_contents import exists  # noqa: PLC0415  (what --help does not need)

    if text is None or not text.lstrip("-").isdigit():
        if text is not None and not exists(text):
            raise InputError(f"{text!r} is neither the number of a frame nor a folder", place="--reference",
                             cure="give a number, or the folder of a fit")  # fmt: skip
        return text
    return int(text)


def _single_phases(words: list[str]) -> dict[str, tuple[float, float]]:
    """Return lattice parameters from arguments such as P2=2.885(2)."""
    from layerox.io.cif_number import value_and_su  # noqa: PLC0415

    found = {}
    for word in words:
        name, _, text = word.partition("=")
        try:
            value, esd = value_and_su(text)
            found[name] = (value, 0.0 if math.isnan(esd) else esd)
        except ValueError:
            raise InputError(f"cannot read {word!r}", place="--single-phase", cure="write P2=2.885(2)") from None
    return found
