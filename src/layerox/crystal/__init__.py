"""Crystal: an asymmetric unit, all atoms of a cell, neighbours and polyhedra, and symmetry found from the atoms."""
