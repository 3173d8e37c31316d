"""Code that README and documentation show without executing it: command lines parse, tables are valid, names exist."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest

import layerox as lx
from layerox.analysis.recipe_model import RecipeModel
from layerox.cli.main import command_parser
from layerox.io.instrument_toml_keys import InstrumentModel

ROOT = Path(lx.__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if not {"_build", "generated"} & set(page.parts)),
]


def blocks(language):
    """Return (page, text) of all blocks of code in a language."""
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [
        (page.relative_to(ROOT), text) for page in PAGES for text in fence.findall(page.read_text(encoding="utf-8"))
    ]


def command_lines():
    """Return (page, words) of all calls of layerox: in blocks of shell code, and in cells after "!"."""
    call = re.compile(r"^(?:!|.*&& )?(?:\S*/)?layerox ([a-z].*)$", re.MULTILINE)
    texts = [*blocks("sh"), *blocks(""), *blocks(r"\{code-cell\} python")]
    joined = [(page, re.sub(r"\\\n", " ", text)) for page, text in texts]
    return [(page, _words(line)) for page, text in joined for line in call.findall(text)]


def _words(line):
    """Return the words of a command line up to a pipe."""
    words = shlex.split(line, comments=True)
    return words[: words.index("|")] if "|" in words else words


LINES = command_lines()


def test_commands_are_found():
    assert len(LINES) > 40
    assert {words[0] for _, words in LINES} >= {"fit", "series", "interface", "calibrate", "identify"}


@pytest.mark.parametrize(("page", "words"), LINES, ids=lambda part: str(part)[:60])
def test_every_command_line_parses(page, words):
    command_parser().parse_args(words)


@pytest.mark.parametrize(("page", "text"), blocks("toml"), ids=lambda part: str(part)[:30])
def test_every_table_is_a_recipe_or_an_instrument(page, text):
    """A table with [radiation] or another key of an instrument.toml is one; all others are recipes."""
    table = tomllib.loads(text)
    model = InstrumentModel if set(table) <= set(InstrumentModel.model_fields) else RecipeModel
    model.model_validate(table)


@pytest.mark.parametrize(("page", "text"), blocks("python"), ids=lambda part: str(part)[:30])
def test_python_is_code_with_known_names(page, text):
    names = {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "lx"
    }
    assert names - set(lx.__all__) == set()
