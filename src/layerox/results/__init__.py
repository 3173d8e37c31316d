"""Results: what a refinement leaves on disk, and how it is read back."""
