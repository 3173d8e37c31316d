"""Validation: findings on a structure, and its phase; nothing is built here."""

from layerox.validation.check import check
from layerox.validation.finding import CODES, Finding
from layerox.validation.phase_identification import StructureIdentity, identify_structure

__all__ = ["CODES", "Finding", "StructureIdentity", "check", "identify_structure"]
