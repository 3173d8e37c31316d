"""Diffraction: one pattern, from reflections to weight fractions."""
