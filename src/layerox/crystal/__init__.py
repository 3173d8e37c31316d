"""Crystal: an asymmetric unit, all atoms of a cell, who is near whom, and symmetry that nobody stated."""
