"""Space-group symbols as files spell them. Numbers and full symbols: International Tables A; S and Z for the two
origins and H and R for the axes: ICSD's conventions; parentheses for screw axes: SHELX."""

import pytest

from layerox.io.space_group_symbols import named_group, symmetry_of


@pytest.mark.parametrize(
    ("symbol", "setting"),
    [
        ("F d -3 m S", "F d -3 m:1"), ("F d -3 m Z", "F d -3 m:2"), ("Fd-3mS", "F d -3 m:1"), ("Fd-3mZ", "F d -3 m:2"),
        ("F d -3 m :1", "F d -3 m:1"), ("F d -3 m:2", "F d -3 m:2"), ("Fd-3m O2", "F d -3 m:2"),
        ("F d -3 m (origin choice 1)", "F d -3 m:1"), ("F 41/d -3 2/m S", "F d -3 m:1"),
        ("I 41/a m d Z", "I 41/a m d:2"), ("P 4/n m m S", "P 4/n m m:1"),
        ("R -3 m H", "R -3 m:H"), ("R -3 m :H", "R -3 m:H"), ("R -3 m R", "R -3 m:R"), ("R-3mh", "R -3 m:H"),
        ("R -3 m HR", "R -3 m:H"), ("R3 :r", "R 3:R"), ("R -3 2/m :H", "R -3 m:H"),
    ],
)  # fmt: skip
def test_a_symbol_that_names_its_origin_or_axes(symbol, setting):
    found = named_group(symbol)
    assert (found.settings[0], found.is_explicit) == (setting, True)


@pytest.mark.parametrize(
    ("symbol", "settings"),
    [
        ("F 41/d -3 2/m", ("F d -3 m:2", "F d -3 m:1")), ("F d -3 m", ("F d -3 m:2", "F d -3 m:1")),
        ("F d 3 m", ("F d -3 m:2", "F d -3 m:1")), ("227", ("F d -3 m:2", "F d -3 m:1")),
        ("Fd-3m (227)", ("F d -3 m:2", "F d -3 m:1")), ("Fd-3m (No. 227)", ("F d -3 m:2", "F d -3 m:1")),
        ("R -3 2/m", ("R -3 m:H", "R -3 m:R")), ("R 3- m", ("R -3 m:H", "R -3 m:R")),
        ("R3-m", ("R -3 m:H", "R -3 m:R")), ("R−3m", ("R -3 m:H", "R -3 m:R")), ("R3̄m", ("R -3 m:H", "R -3 m:R")),
        ("Fd\\overline{3}m", ("F d -3 m:2", "F d -3 m:1")), ("P\\bar{3}m1", ("P -3 m 1",)),
        ("P 63/m 2/m 2/c", ("P 63/m m c",)), ("P6(3)/mmc", ("P 63/m m c",)), ("P 6~3~/m m c", ("P 63/m m c",)),
        ("P6_3/mmc", ("P 63/m m c",)), ("P6₃/mmc", ("P 63/m m c",)), ("P 63/mmc", ("P 63/m m c",)),
        ("P6<sub>3</sub>/mmc", ("P 63/m m c",)), ("F 4/m -3 2/m", ("F m -3 m",)),
        ("P 21/n 21/m 21/a", ("P n m a",)),
        ("P2(1)/c", ("P 1 21/c 1",)), ("C 1 2/m 1", ("C 1 2/m 1",)), ("pnma", ("P n m a",)),
        ("P n m a S", ("P n m a",)),
        ("P 3 2 1", ("P 3 2 1",)), ("P 3 1 2", ("P 3 1 2",)), ("C 2 2 2", ("C 2 2 2",)), ("P 2", ("P 1 2 1",)),
    ],
)  # fmt: skip
def test_a_symbol_that_leaves_the_setting_open_or_has_only_one(symbol, settings):
    found = named_group(symbol)
    assert (found.settings, found.is_explicit) == (settings, False)


@pytest.mark.parametrize("symbol", ["", "S", "H", "nonsense", "P 9/q q q", "999", "0", "-1", "x" * 1000, "1" * 1000])
def test_what_is_no_group(symbol):
    assert named_group(symbol) is None


def test_every_full_symbol_is_the_group_that_spglib_states():
    spglib = pytest.importorskip("spglib")
    for hall in range(1, 531):
        kind = spglib.get_spacegroup_type(hall)
        assert named_group(kind.international_full).number == kind.number, kind


def test_operations_of_a_setting():
    # Table A: 192 operations of Fd-3m, 36 of R-3m on hexagonal axes and 12 on rhombohedral ones.
    assert [len(symmetry_of(name)) for name in ("F d -3 m:1", "R -3 m:H", "R -3 m:R")] == [192, 36, 12]
