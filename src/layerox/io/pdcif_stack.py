"""The measured blocks of a powder CIF as a stack of patterns that are read one at a time.

One pass through the file finds the blocks and their beam, time and temperature; the columns of a block are parsed when
it is read. Each pattern equals that of `pdcif.py`, which reads the file as a whole.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from layerox.errors import InputError
from layerox.io.cif_block import CifBlock, Consensus, blocks_of
from layerox.io.file_contents import MEASURED
from layerox.io.pattern_stack import START_TIME, TEMPERATURE_K, Column, refuse_beyond, stated_column
from layerox.io.pdcif import block_label, facts_of_block, is_calculated, is_measured, scan_of_block
from layerox.io.scan import Scan
from layerox.notices import Notice

# Start of a block, and start or end of a text field (text inside a field is not a block).
MARK = re.compile(rb"^(?:data_[^\s]*|;)", re.IGNORECASE | re.MULTILINE)
# Longer loops hold the points of a pattern, not metadata.
SHORT = 32
COLUMNS = (START_TIME, TEMPERATURE_K)


@dataclass(frozen=True, kw_only=True, eq=False)
class CifStack:
    """The measured blocks of a powder CIF.

    Attributes
    ----------
    path
        The file.
    places
        First byte of each measured block, and one past its last.
    shared
        Items on which all blocks of the file agree.
    facts
        Time and temperature of each measured block.
    """

    path: Path
    places: tuple[tuple[int, int], ...]
    shared: CifBlock
    facts: tuple[dict[str, object], ...]
    names: tuple[str, ...] = ()
    warnings: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        return len(self.places)

    def scan(self, index: int) -> Scan:
        """Return a scan by its number, from 0."""
        refuse_beyond(self, index)
        start, stop = self.places[index]
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                data = file.read(stop - start)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", place=self.path, cure="check the file") from None
        block, *others = blocks_of(_text(data), self.path)
        if others:
            raise InputError("its blocks are not where they were", place=self.path, cure="leave the file as it was")
        return scan_of_block(block, [block, self.shared], self.path)

    def column(self, name: str) -> Column | None:
        """Return the times or temperatures of the blocks."""
        return stated_column(self.facts, name)


def cif_stack(path: Path) -> CifStack | None:
    """Return the measured blocks of a powder CIF; None if there is none, or blocks do not start on their own lines."""
    shared = Consensus()
    found: list[tuple[tuple[int, int], str, dict[str, object]]] = []
    for start, stop, data in _blocks(path):
        try:
            block, *others = blocks_of(_text(data), path, longest=SHORT)
        except InputError:
            # An incomplete block still counts as a pattern; reading it raises the error.
            found += [((start, stop), "", {})] if MEASURED.search(_text(data)) else []
            continue
        if others:
            return None
        shared.add(block)
        if is_measured(block):
            own = facts_of_block(block, [block])
            found.append(((start, stop), block_label(block), {key: own[key] for key in COLUMNS if key in own}))
    if not found:
        return None
    if not all(is_calculated(label) for _, label, _ in found):
        found = [row for row in found if not is_calculated(row[1])]
    common = facts_of_block(shared.block(), [shared.block()])
    facts = tuple({key: common[key] for key in COLUMNS if key in common} | own for _, _, own in found)
    return CifStack(path=path, places=tuple(place for place, _, _ in found), shared=shared.block(), facts=facts)


def _blocks(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield start, end and bytes of each block; only one is in memory at a time."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start, inside = None, False
        for mark in MARK.finditer(data):
            if mark[0] == b";":
                inside = not inside
            elif not inside:
                if start is not None:
                    yield start, mark.start(), data[start : mark.start()]
                start = mark.start()
        if start is not None:
            yield start, len(data), data[start:]


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
