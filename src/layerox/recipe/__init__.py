"""Recipes: refinements as files."""

from layerox.recipe.recipe import Recipe, RecipeArgument, read_recipe, recipe_from

__all__ = ["Recipe", "RecipeArgument", "read_recipe", "recipe_from"]
