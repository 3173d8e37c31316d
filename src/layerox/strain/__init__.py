"""Strain: what the lattice did over a series, when, and what its interfaces did to it."""
