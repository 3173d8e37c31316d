"""Recipes: refinements as files."""

from layerox.recipe.recipe import Recipe, read_recipe

__all__ = ["Recipe", "read_recipe"]
