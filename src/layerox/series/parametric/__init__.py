"""Parametric refinement: quantities of all frames as smooth functions of an axis, refined over all patterns at once."""
