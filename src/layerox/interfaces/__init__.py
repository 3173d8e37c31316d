"""Interfaces: two or three phases on one lattice, in one coherent cell."""

from layerox.interfaces.interface import Interface, interface

__all__ = ["Interface", "interface"]
