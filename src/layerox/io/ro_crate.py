"""Write `ro-crate-metadata.json`: what the files of an output folder are, and which command made them from what.

RO-Crate 1.1 (P. Sefton et al., doi:10.5281/zenodo.4541002) is JSON-LD: a root data set, a `File` for each file that the
manifest of the folder records as layerox's own, and a `CreateAction` for each command, with the software and the
inputs. Inputs lie outside the folder and are described by name, size and SHA-256, without their path. The text is the
same for the same files, except for its dates; a crate that differs in nothing else stays as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from layerox.io.output_files import Record, is_own, recorded, write_outputs

CRATE = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
# The context of version 1.1 has no term for the hash.
CONTEXT = [f"{SPECIFICATION}/context", {"sha256": "http://schema.org/sha256"}]
SOFTWARE = "#layerox"
LICENSE = "Not stated: the rights remain with the owner of the data."
# Longest crate of an earlier command that is read, bytes.
LONGEST = 1 << 28
MEDIA_TYPES = {
    ".json": "application/json", ".csv": "text/csv", ".txt": "text/plain", ".cif": "chemical/x-cif",
    ".toml": "application/toml", ".png": "image/png", ".svg": "image/svg+xml", ".pdf": "application/pdf",
    ".html": "text/html", ".nc": "application/x-netcdf", ".nxs": "application/x-hdf5", ".xye": "text/plain",
    ".instprm": "text/plain", ".py": "text/x-python",
}  # fmt: skip
CONTENTS = {
    "result.json": "Refined quantities with standard uncertainties",
    "fit.csv": "Observed and calculated pattern, background and the part of each phase",
    "fit.cif": "Powder CIF of the refinement",
    "report.txt": "Summary of the refinement",
    "recipe.toml": "Settings as used",
    "frames.csv": "Refined quantities of each frame",
    "transitions.csv": "Phase transitions",
    "series.nc": "Refined quantities of each frame as arrays",
    "run.json": "Record of the series",
    "report.html": "Report",
    "strain.csv": "Strains of each frame and phase",
    "coherency.csv": "Misfits of coexisting phases",
    "electrochemistry.bdf.csv": "Log of the cycler on the clock of the frames, Battery Data Format",
}
Entity = dict[str, Any]


def write_crate(
    folder: Path,
    *,
    by: str,
    inputs: Iterable[Path] | None = None,
    overwrite: bool = False,
    hashes: Mapping[Path, str] | None = None,
) -> None:
    """Write the crate of a folder after a command has written its files.

    Parameters
    ----------
    folder
        The output folder.
    by
        The command.
    inputs
        What it read; files that no longer exist are left out. None keeps those that the crate states already.
    overwrite
        Whether a crate of the user may be replaced.
    hashes
        SHA-256 of inputs that are known already.

    Raises
    ------
    InputError
        If a crate of the user is there, or it cannot be written.
    """
    path = folder / CRATE
    before = _earlier(path)
    sources = _stated(before, by) if inputs is None else _inputs(inputs, hashes or {})
    graph = crate_graph(folder, by=by, sources=sources, earlier=before)
    if _without_dates(before) != _without_dates(graph):
        text = json.dumps({"@context": CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False) + "\n"
        write_outputs({path: text}, by=by, overwrite=overwrite)


def crate_graph(folder: Path, *, by: str, sources: list[Entity], earlier: list[Entity]) -> list[Entity]:
    """Return the entities of a crate; actions of earlier commands whose files are still there are kept."""
    records = {name: record for name, record in sorted(recorded(folder).items()) if _belongs(folder, name, record, by)}
    files = [_file(folder / name, record) for name, record in records.items()]
    now = datetime.now(UTC)
    makers = sorted({record.by for record in records.values()} - {by})
    kept = _kept(earlier, makers, {file["@id"] for file in files})
    action = {
        "@id": f"#{by}",
        "@type": "CreateAction",
        "name": f"layerox {by}",
        "endTime": now.isoformat(timespec="seconds"),
        "instrument": {"@id": SOFTWARE},
        "object": [{"@id": source["@id"]} for source in sources],
        "result": [{"@id": _id(name)} for name, record in records.items() if record.by == by],
    }
    actions = [entity for entity in kept if entity["@type"] == "CreateAction"] + [action]
    known = {entity["@id"]: entity for entity in [*kept, *sources] if entity["@type"] != "CreateAction"}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Results of layerox: {', '.join(one['name'].removeprefix('layerox ') for one in actions)}",
        "description": "Refinements of powder diffraction patterns and what follows from them.",
        "datePublished": now.date().isoformat(),
        "license": LICENSE,
        "hasPart": [{"@id": file["@id"]} for file in files],
        "mentions": [{"@id": one["@id"]} for one in actions],
    }
    descriptor = {"@id": CRATE, "@type": "CreativeWork", "conformsTo": {"@id": SPECIFICATION}, "about": {"@id": "./"}}
    software = {"@id": SOFTWARE, "@type": "SoftwareApplication", "name": "layerox",
                "softwareVersion": version("layerox")}  # fmt: skip
    return [descriptor, root, software, *actions, *(known[key] for key in sorted(known)), *files]


def _belongs(folder: Path, name: str, record: Record, by: str) -> bool:
    """Whether a recorded file is there and unchanged; what this command wrote just now is."""
    path = folder / name
    return name != CRATE and path.is_file() and ((record.by == by and len(record.sha256) == 1) or is_own(path))


def _file(path: Path, record: Record) -> Entity:
    """Return the entity of an output file."""
    found: Entity = {"@id": _id(path.name), "@type": "File", "name": path.name}
    if path.name in CONTENTS:
        found["description"] = CONTENTS[path.name]
    if path.suffix.lower() in MEDIA_TYPES:
        found["encodingFormat"] = MEDIA_TYPES[path.suffix.lower()]
    digest = record.sha256[0] if len(record.sha256) == 1 else _sha256(path)
    return {**found, "contentSize": str(path.stat().st_size), "sha256": digest}


def _inputs(paths: Iterable[Path], hashes: Mapping[Path, str]) -> list[Entity]:
    """Return the entities of inputs, each known by its content, in the order of their names."""
    listed = {path.resolve(): path for path in paths if path.is_file()}
    digests = sorted((path.name, hashes.get(path) or _sha256(path), path.stat().st_size) for path in listed.values())
    found = {
        digest: {"@id": f"#sha256-{digest}", "@type": "CreativeWork", "name": name, "contentSize": str(size),
                 "sha256": digest}
        for name, digest, size in digests
    }  # fmt: skip
    return list(found.values())


def _stated(earlier: list[Entity], by: str) -> list[Entity]:
    """Return the inputs of a command that a crate states."""
    known = {entity["@id"]: entity for entity in earlier}
    return [known[one["@id"]] for one in known.get(f"#{by}", {"object": []})["object"]]


def _id(name: str) -> str:
    """Return the relative URI of a file in the folder."""
    return quote(name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _earlier(path: Path) -> list[Entity]:
    """Return the entities of layerox's own unchanged crate, none for any other file."""
    if not path.is_file() or path.stat().st_size > LONGEST or not is_own(path):
        return []
    graph = json.loads(path.read_text(encoding="utf-8"))["@graph"]
    return list(graph)


def _kept(earlier: list[Entity], makers: Iterable[str], files: set[str]) -> list[Entity]:
    """Return the actions of these commands with the files that are still there, and their inputs."""
    known = {entity["@id"]: entity for entity in earlier}
    actions = [
        {**known[f"#{maker}"], "result": [one for one in known[f"#{maker}"]["result"] if one["@id"] in files]}
        for maker in makers
        if f"#{maker}" in known
    ]
    read = {one["@id"] for action in actions for one in action["object"]}
    return [*actions, *(known[key] for key in sorted(read))]


def _without_dates(graph: list[Entity]) -> list[Entity]:
    return [
        {key: value for key, value in entity.items() if key not in ("endTime", "datePublished")} for entity in graph
    ]
