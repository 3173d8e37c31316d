"""Single settings of a command line, added to a recipe or without one."""

import pytest

from layerox.analysis.recipe import recipe_with_options
from layerox.errors import InputError

RECIPE = """
[pattern]
exclude = [[20.0, 21.0]]
[background]
terms = 4
[parameters]
P2_c = { value = 11.1, vary = true }
"""


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "recipe.toml"
    place.write_text(RECIPE)
    return place


def test_without_a_setting_the_recipe_is_as_it_was(path):
    assert recipe_with_options(None) is None
    assert recipe_with_options(path).plan.background_terms == 4


def test_settings_are_added_to_the_recipe(path):
    recipe = recipe_with_options(path, exclude=[(30.0, 31.0)], background=7, fix=["P2_c"], free=["O3_*"])
    assert recipe.exclude == ((20.0, 21.0), (30.0, 31.0))
    assert recipe.plan.background_terms == 7
    assert (recipe.plan.demands["P2_c"].value, recipe.plan.demands["P2_c"].vary) == (11.1, False)
    assert recipe.plan.demands["O3_*"].vary is True


def test_settings_alone_are_a_recipe():
    recipe = recipe_with_options(None, fix=["P2_size"])
    assert recipe.phases == ()
    assert recipe.plan.demands["P2_size"].vary is False


@pytest.mark.parametrize(
    ("settings", "fault"),
    [({"fix": ["P2_c"], "free": ["P2_c"]}, "P2_c is both fixed and freed"), ({"background": 0}, "0 background terms"),
     ({"background": 41}, "give 1 to 40")],
)  # fmt: skip
def test_a_contradiction_is_refused(settings, fault):
    with pytest.raises(InputError, match=fault):
        recipe_with_options(None, **settings)
