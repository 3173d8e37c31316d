"""Safe links of an HDF5 file: only those within it, and to regular files in its folder or below, are followed.

A link to any other file, or an array with external storage, would allow a foreign file to read the user's files or a
device; such links are skipped like broken ones.
"""

from __future__ import annotations

import math
import posixpath
import stat
from pathlib import Path
from typing import Any

# Largest number of chained links: a soft link may point to itself.
MOST_LINKS = 16
# Largest block that is unpacked, bytes.
MOST_BLOCK_BYTES = 256_000_000


def member(group: Any, path: str, links: int = MOST_LINKS) -> Any | None:
    """Return the group or the array at a path from a group, None if there is none or a link in the path is not safe."""
    here = group.file["/"] if path.startswith("/") else group
    for name in filter(None, path.split("/")):
        if name == ".":
            continue
        if not hasattr(here, "keys"):
            return None
        here = _child(here, name, links)
        if here is None:
            return None
    return here


def _child(group: Any, name: str, links: int) -> Any | None:
    import h5py  # noqa: PLC0415  (see `nexus.opened`)

    try:
        link = group.get(name, getlink=True)
        if links == 0 or link is None:
            return None
        if isinstance(link, h5py.SoftLink):
            return member(group, link.path, links - 1)
        if isinstance(link, h5py.ExternalLink) and not _is_beside(link.filename, group):
            return None
        found = group[name]
        return found if not hasattr(found, "shape") or _stands_within(found) else None
    except (KeyError, OSError, RuntimeError, ValueError):
        return None


def _stands_within(dataset: Any) -> bool:
    """Whether the numbers of an array are in its file, or in files of the same folder."""
    if dataset.shape is None or dataset.external:  # without a shape it is empty
        return False
    return not dataset.is_virtual or all(
        source.file_name == "." or _is_beside(source.file_name, dataset) for source in dataset.virtual_sources()
    )


def has_small_blocks(dataset: Any) -> bool:
    """Whether an array can be read in parts (a block is always unpacked as a whole)."""
    return bool(math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize <= MOST_BLOCK_BYTES)


def _is_beside(name: str, thing: Any) -> bool:
    """Whether a file name is that of a regular file in the folder of an object's file, or below."""
    plain = name.replace("\\", "/")
    if posixpath.isabs(plain) or ".." in plain.split("/") or ":" in plain[:2]:
        return False
    try:
        return stat.S_ISREG((Path(thing.file.filename).parent / name).stat().st_mode)
    except (OSError, ValueError):
        return False
