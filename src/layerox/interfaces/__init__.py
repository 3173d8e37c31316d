"""Interfaces: two to four phases in one cell or particle, with a report; nothing is relaxed."""

from layerox.interfaces.interface import interface
from layerox.interfaces.result import Interface

__all__ = ["Interface", "interface"]
