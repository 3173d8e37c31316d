"""Crystals: asymmetric unit, all atoms of a cell, neighbours, polyhedra, and symmetry found from the atoms."""
