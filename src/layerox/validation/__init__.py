"""Validation: findings on a structure, and its phase; nothing is built here.

The names are imported when they are used: the stacking of a phase needs no check of structures.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerox.validation.finding import CODES, Finding
    from layerox.validation.phase_identification import StructureIdentity, identify_structure
    from layerox.validation.structure_check import check

__all__ = ["CODES", "Finding", "StructureIdentity", "check", "identify_structure"]

MODULES = {
    "CODES": "finding",
    "Finding": "finding",
    "StructureIdentity": "phase_identification",
    "check": "structure_check",
    "identify_structure": "phase_identification",
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module 'layerox.validation' has no attribute {name!r}")
    return getattr(import_module(f"layerox.validation.{MODULES[name]}"), name)
