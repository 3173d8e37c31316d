"""TOML with a fixed set of keys: lines of keys in generated nested tables, and faults in one line."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.analysis.recipe_model import RecipeModel
from layerox.errors import InputError
from layerox.io.toml_file import line_of, read_table, toml_text, validated

# Where keys stand.

NAMES = st.sampled_from(["a", "b_1", "free", "x-y", "P2_*_u_iso", "P2_[ab]", "two words", "dot.ted"])
SCALARS = st.sampled_from(
    ["1", "-2.5", "true", '"[table]"', '"a = 1"', "'# no'", "[]", "[\n  [20.0, 25.0],\n  [30, 31]\n]"]
)
# Of tables within tables: {name: value}, {name: table} and {name: [table, ...]}.
TABLES = st.recursive(
    st.dictionaries(NAMES, SCALARS, max_size=3),
    lambda inner: st.dictionaries(NAMES, SCALARS | inner | st.lists(inner, min_size=1, max_size=3), max_size=3),
    max_leaves=12,
)
COMMENTS = st.sampled_from(["", "\n", "# [not.a.table]\n", "  # a = 1\n"])


def quoted(name):
    return name if name.replace("-", "").replace("_", "").isalnum() else f'"{name}"'


class Writer:
    """TOML written with one comment before everything, and the line of everything written."""

    def __init__(self, comment):
        self.comment, self.text, self.lines = comment, "", {}

    def write(self, text, place):
        self.text += self.comment
        self.lines[place] = self.text.count("\n") + 1
        self.text += text + "\n"

    def table(self, table, place=(), header=()):
        for name, value in table.items():
            if isinstance(value, str):
                self.write(f"{quoted(name)} = {value}", (*place, name))
        for name, value in table.items():
            dotted = ".".join(quoted(part) for part in (*header, name))
            if isinstance(value, dict):
                self.write(f"[{dotted}]  # of its own", (*place, name))
                self.table(value, (*place, name), (*header, name))
            if isinstance(value, list):
                for k, row in enumerate(value):
                    self.write(f"[[ {dotted} ]]", (*place, name, k))
                    self.table(row, (*place, name, k), (*header, name))


def parsed(table):
    """Return what a TOML reader is to make of a generated table."""
    if isinstance(table, str):
        return tomllib.loads(f"x = {table}")["x"]
    if isinstance(table, list):
        return [parsed(row) for row in table]
    return {name: parsed(value) for name, value in table.items()}


@given(TABLES, COMMENTS)
def test_the_line_of_every_key_of_nested_tables(table, comment):
    writer = Writer(comment)
    writer.table(table)
    assert tomllib.loads(writer.text) == parsed(table)  # else the test's own writer is wrong
    for place, line in writer.lines.items():
        # An array of tables begins where its first row does; a table's own line is its header.
        assert line_of("f.toml", writer.text, place) == f"f.toml:{line}", place
        # What stands nowhere is looked for in the nearest thing around it.
        assert line_of("f.toml", writer.text, (*place, "nowhere")) == f"f.toml:{line}", place


def test_dotted_keys_and_line_ends_of_windows():
    text = "[a]\r\nb.c = 1\r\n b . d = 2\r\n[ a . 'e' ]\r\nf = 3\r\n"
    assert line_of("f", text, ("a", "b", "c")) == "f:2"
    assert line_of("f", text, ("a", "b", "d")) == "f:3"
    assert line_of("f", text, ("a", "e", "f")) == "f:5"


def test_rows_of_an_array_are_no_tables():
    text = "[pattern]\nexclude = [\n  [20.0, 25.0],\n  [30.0, 31.0]\n]\nrange = 5\n"
    assert line_of("f", text, ("pattern", "range")) == "f:6"


def test_without_a_text_there_is_no_line():
    assert line_of("recipe", "", ("a",)) == "recipe"


# Writing.


VALUES = st.integers(-(2**40), 2**40) | st.booleans() | st.text(max_size=8) | st.floats(allow_nan=False)
PLAIN = st.recursive(
    st.dictionaries(st.text(max_size=6), VALUES | st.lists(VALUES, max_size=3), max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=6), VALUES | inner | st.lists(inner, max_size=2), max_size=3),
    max_leaves=10,
)


@given(PLAIN)
def test_what_is_written_reads_back(table):
    assert tomllib.loads(toml_text(table)) == table


def test_what_is_none_is_left_out():
    table = {"a": None, "b": {"c": None, "d": 1}, "e": [{"f": None}, {"f": 2}]}
    assert tomllib.loads(toml_text(table)) == {"b": {"d": 1}, "e": [{}, {"f": 2}]}


# Reading.


def test_a_file_that_is_no_toml(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("[phase]\nname = \n")
    with pytest.raises(InputError, match=r"recipe\.toml:2: not valid TOML: [^;]*; correct the line$"):
        read_table(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="none.toml"):
        read_table(tmp_path / "none.toml")


def test_a_table_and_its_text(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("a = 1\n")
    assert read_table(path) == ({"a": 1}, "a = 1\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[patern]\nrange = [1.0, 2.0]\n", r"f:1: unknown key \[patern\]; did you mean 'pattern'\?"),
        ("[pattern]\nexlude = []\n", r"f:2: unknown key \[pattern\] exlude; did you mean 'exclude'\?"),
        ("[[phase]]\nstructure = 'P2'\nfre = []\n", r"f:3: unknown key \[phase\] #1\.fre; did you mean 'free'\?"),
        ("[[phase]]\nstructure='P2'\n[[phase]]\nstructure='O3'\nmod=1\n", r"f:5: .* #2\.mod; did you mean 'mode'\?"),
        ("[variables]\nd = {value = 1.0, mn = 0.0}\n", r"f:2: unknown key \[variables\] d\.mn; did you mean 'min'\?"),
        ("[parameters.P2_a]\nvari = true\n", r"f:2: unknown key \[parameters\] P2_a\.vari; did you mean 'vary'\?"),
        ("[instrument.profile]\nz = 0.1\n", r"f:2: unknown key \[instrument\] profile\.z; choose from u, v, w"),
        ("[strategy]\nname = 'automatc'\n", r"f:2: \[strategy\] name = 'automatc'; did you mean 'automatic'\?"),
        ("[[phase]]\nstructure='P2'\nmode='pawly'\n", r"f:3: \[phase\] #1\.mode = 'pawly'; did you mean 'pawley'\?"),
        ("[[phase]]\nname = 'P2'\n", r"f:1: \[phase\] #1\.structure is missing; add it"),
        ("[[phase]]\nstructure='P2'\nsize = -3.0\n", r"f:3: \[phase\] #1\.size: input should be greater than 0"),
        ("[pattern]\nrange = 'all'\n", r"f:2: \[pattern\] range: input should be a valid list; correct the value"),
        ("[background]\nterms = 0\n", r"f:2: \[background\] terms: input should be greater than or equal to 1"),
        ("[parameters]\nP2_a = 'large'\n", r"f:2: \[parameters\] P2_a: "),
        ("[[peak]]\nwidth = 0.1\n", r"f:1: \[peak\] #1\.position is missing; add it"),
    ],
)
def test_every_fault_is_one_line_with_its_place(text, message):
    with pytest.raises(InputError, match=message) as caught:
        validated(RecipeModel, tomllib.loads(text), "f", text)
    assert "\n" not in str(caught.value)


def test_a_table_without_faults_comes_as_its_model():
    model = validated(RecipeModel, {"pattern": {"range": [10.0, 20.0]}}, "recipe")
    assert model.pattern.range == [10.0, 20.0]
    assert model.background.terms == "automatic"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a" + ".a" * 300_000 + " = 1", r"recipe\.toml:1: not valid TOML: a key with too many parts"),
        ("x = 1\ny = {a" + " . a" * 5_000 + " = 1}", r"recipe\.toml:2: .* too many parts"),
        ("[" + "a." * 50_000 + "a]", r"recipe\.toml:1: .* too many parts"),
        ("x = " + "[" * 100_000, "nested too deeply"),
        ("x = " + "{a=" * 100_000, "nested too deeply"),
        ("x = " + "9" * 5_000, "not valid TOML"),
        ("x = 1\n" * 400_000, "longer than 1048576 characters"),
    ],
    ids=["dotted key", "dotted key within", "dotted header", "arrays", "tables", "integer", "long"],
)
def test_what_would_take_a_parser_forever_is_one_line(tmp_path, text, message):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_table(path)
