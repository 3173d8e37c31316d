"""Validation: what is wrong with a structure, and which phase it is; it builds nothing and diffracts nothing."""

from layerox.validation.check import check
from layerox.validation.finding import CODES, Finding
from layerox.validation.phase_identity import StructureIdentity, identify_structure

__all__ = ["CODES", "Finding", "StructureIdentity", "check", "identify_structure"]
