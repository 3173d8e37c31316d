"""Results: the files of a refinement, written and read."""
