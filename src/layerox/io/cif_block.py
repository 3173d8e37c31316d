"""The data items of a CIF block by name, single items and columns of loops.

Names are compared in lower case and in the spelling of the old dictionaries, so that `_pd_proc.ls_weight` equals
`_pd_proc_ls_weight`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gemmi import cif

from layerox.errors import InputError
from layerox.io.cif_number import UNKNOWN, values_and_sus
from layerox.typing import FloatArray


class CifBlock:
    """The items of one data block.

    Attributes
    ----------
    name
        The name after data_.

    Parameters
    ----------
    block
        The block of gemmi.
    longest
        Number of rows above which a loop keeps only its names; None keeps all.
    """

    def __init__(self, block: cif.Block, longest: int | None = None):
        self.name = str(block.name)
        self._columns: dict[str, list[str]] = {}
        item: Any
        for item in block:
            if item.pair is not None:
                self._columns.setdefault(_key(item.pair[0]), [item.pair[1]])
            elif item.loop is not None:
                tags = item.loop.tags
                is_long = longest is not None and item.loop.length() > longest
                values = [] if is_long else item.loop.values
                for k, tag in enumerate(tags):
                    self._columns.setdefault(_key(tag), values[k :: len(tags)])

    @classmethod
    def of(cls, columns: dict[str, list[str]]) -> CifBlock:
        """Return a block without a name from columns of plain text."""
        block = cls(cif.Block(""))
        block._columns = {tag: [cif.quote(value) for value in values] for tag, values in columns.items()}
        return block

    def tags(self) -> Iterable[str]:
        """Return the names of the items."""
        return self._columns.keys()

    def __contains__(self, tag: str) -> bool:
        return tag in self._columns

    def length(self, tag: str) -> int:
        """Return the number of values of an item, 0 where it is missing."""
        return len(self._columns.get(tag, ()))

    def column(self, tag: str) -> list[str]:
        """Return the values of an item as text without quotes, "" for unknown ones."""
        return ["" if raw in UNKNOWN else str(cif.as_string(raw)).strip() for raw in self._columns.get(tag, ())]

    def text(self, tag: str) -> str:
        """Return the first value of an item, "" where it is missing or unknown."""
        return next((text for text in self.column(tag) if text not in ("", *UNKNOWN)), "")

    def numbers(self, tag: str) -> tuple[FloatArray, FloatArray]:
        """Return values and standard uncertainties of an item, shape (n,) each; nan for missing values.

        Raises
        ------
        ValueError
            If one of them is no number.
        """
        return values_and_sus([raw if raw in UNKNOWN else cif.as_string(raw) for raw in self._columns.get(tag, ())])

    def stating_block(self, tag: str, blocks: Sequence[CifBlock]) -> CifBlock | None:
        """Return the block that states `tag` for this one: itself, or the only one in the file that has it."""
        if self.text(tag):
            return self
        others = [block for block in blocks if block.text(tag)]
        agreed = {tuple(block.column(tag)) for block in others}
        return others[0] if len(agreed) == 1 else None

    def shared_text(self, tag: str, blocks: Sequence[CifBlock]) -> str:
        """Return the text of an item from the block that states it, "" if none does."""
        stating_block = self.stating_block(tag, blocks)
        return stating_block.text(tag) if stating_block else ""

    def shared_numbers(self, tag: str, blocks: Sequence[CifBlock]) -> tuple[FloatArray, FloatArray]:
        """Return the numbers of an item from the block that states it, empty if none does; errors as for `numbers`."""
        stating_block = self.stating_block(tag, blocks)
        return (stating_block or self).numbers(tag)


class Consensus:
    """The items on which all blocks of a file agree, collected block by block."""

    def __init__(self) -> None:
        self._agreed: dict[str, list[str] | None] = {}

    def add(self, block: CifBlock) -> None:
        """Add the items of a block."""
        for tag in block.tags():
            if block.text(tag):
                column = block.column(tag)
                self._agreed[tag] = column if self._agreed.get(tag, column) == column else None

    def block(self) -> CifBlock:
        """Return the items without contradiction as a new block."""
        return CifBlock.of({tag: column for tag, column in self._agreed.items() if column is not None})


def blocks_of(text: str, path: Path, longest: int | None = None) -> list[CifBlock]:
    """Return the blocks of a CIF; loops with more than `longest` rows keep only their names.

    Raises
    ------
    InputError
        If it cannot be parsed, for example if it ends within a list.
    """
    try:
        return [CifBlock(block, longest) for block in cif.read_string(text)]
    except (RuntimeError, ValueError) as error:
        problem = (str(error).splitlines() or [type(error).__name__])[0].removeprefix("string:")
        raise InputError(f"is no readable CIF ({problem})", place=path, cure="export or copy it again") from None


def _key(tag: str) -> str:
    return str(tag).lower().replace(".", "_").replace("/", "_")
