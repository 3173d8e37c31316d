"""Interfaces: two or three phases on one lattice, in one coherent cell."""
