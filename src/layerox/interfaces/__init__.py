"""Interfaces: two or three phases on one lattice, in one coherent cell."""

from layerox.interfaces.interface import interface
from layerox.interfaces.result import Interface

__all__ = ["Interface", "interface"]
