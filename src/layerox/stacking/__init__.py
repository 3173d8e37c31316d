"""Stacking: a layered oxide as a word of slabs; it imports the standard library only.

`word.py` has slabs, galleries and words, `polytypes.py` names and texts, `closure.py` the validity of a word,
and `polytype_identity.py` its polytype and the results of gliding.
"""

from layerox.stacking.closure import Closure, Fault, closure, nearest_closed
from layerox.stacking.polytype_identity import Identity, glides_between, identify, reachable, sense_family
from layerox.stacking.polytypes import (
    POLYTYPES,
    SPINEL,
    Block,
    labels_of_blocks,
    natural_count,
    parse_word,
    polytype,
    text_of_blocks,
    word_from_blocks,
    z_steps,
)
from layerox.stacking.word import LETTERS, Gallery, Label, Slab, SlabStep, Word, lay, step_between, word_from_steps

__all__ = [
    "LETTERS",
    "POLYTYPES",
    "SPINEL",
    "Block",
    "Closure",
    "Fault",
    "Gallery",
    "Identity",
    "Label",
    "Slab",
    "SlabStep",
    "Word",
    "closure",
    "glides_between",
    "identify",
    "labels_of_blocks",
    "lay",
    "natural_count",
    "nearest_closed",
    "parse_word",
    "polytype",
    "reachable",
    "sense_family",
    "step_between",
    "text_of_blocks",
    "word_from_blocks",
    "word_from_steps",
    "z_steps",
]
