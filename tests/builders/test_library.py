"""The reference phases. Cells, coordinates, occupancies and B are those of the project's table of phases, rounded as it
prints them; they were checked there with gemmi, pymatgen and spglib."""

import math

import numpy as np
import pytest

from layerox.builders import DEFAULTS, LIBRARY, library_entry, library_phase
from layerox.errors import InputError
from layerox.stacking import POLYTYPES

A, B, C = (0.0, 0.0), (1 / 3, 2 / 3), (2 / 3, 1 / 3)
NNM = [("Ni", 1 / 3), ("Mn", 2 / 3)]


def _rows(metals, letter, z, b=0.3):
    return [(element, letter, z, occupancy, b) for element, occupancy in metals]


# Entry -> space group, a, c, and element, (x, y), z, occupancy, B (angstrom^2) of each row.
REFERENCE = {
    "P2_NNM": (
        "P63/mmc", 2.885, 11.155,
        [*_rows(NNM, A, 0), ("Na", A, 0.25, 0.25, 2.5), ("Na", C, 0.25, 0.416667, 2.5), ("O", B, 0.090551, 1, 0.8)],
    ),
    "P2_NaCoO2": (
        "P63/mmc", 2.84, 10.811,
        [("Co", A, 0, 1, 0.3), ("Na", A, 0.25, 0.23, 2.0), ("Na", C, 0.25, 0.51, 2.0), ("O", B, 0.0908, 1, 0.5)],
    ),
    "P2_NFM": (
        "P63/mmc", 2.933, 11.22,
        [*_rows([("Fe", 0.5), ("Mn", 0.5)], A, 0), ("Na", A, 0.25, 0.25, 2.5), ("Na", C, 0.25, 0.416667, 2.5),
         ("O", B, 0.088847, 1, 0.8)],
    ),
    "O3_NNM": (
        "R-3m", 2.9596, 15.9136,
        [*_rows([("Ni", 0.5), ("Mn", 0.5)], A, 0), ("Na", A, 0.5, 1, 1.2), ("O", A, 0.267418, 1, 0.8)],
    ),
    "O3_NaCoO2": (
        "R-3m", 2.8892, 15.609, [("Co", A, 0, 1, 0.3), ("Na", A, 0.5, 1, 0.9), ("O", A, 0.27058, 1, 0.5)],
    ),
    "O3_NFO": ("R-3m", 3.025, 16.094, [("Fe", A, 0, 1, 0.3), ("Na", A, 0.5, 1, 1.0), ("O", A, 0.268432, 1, 0.6)]),
    "P3_NaCoO2_Rbar3m": (
        "R-3m", 2.888863, 15.843486,
        [("Co", A, 0, 1, 0.3), ("Na", A, 0.166667, 0.3, 2.5), ("O", A, 0.39573, 1, 0.6)],
    ),
    "P3_NNM_R3m": (
        "R3m", 2.887, 16.8,
        [*_rows(NNM, A, 0), ("O", A, 0.393345, 1, 0.8), ("O", A, 0.606655, 1, 0.8), ("Na", A, 0.166667, 0.4, 2.5),
         ("Na", A, 0.833333, 0.2667, 2.5)],
    ),
    "O2_LiCoO2": (
        "P63mc", 2.8035, 9.542,
        [("Co", B, 0, 1, 0.3), ("O", A, 0.109201, 1, 0.6), ("O", B, 0.390799, 1, 0.6), ("Li", C, 0.25, 1, 1.5)],
    ),
    "O2_NNM": (
        "P63mc", 2.812, 9.05,
        [*_rows(NNM, B, 0), ("O", A, 0.107996, 1, 0.6), ("O", B, 0.392004, 1, 0.6), ("Na", C, 0.25, 0.05, 1.5)],
    ),
    "OP4_glide": (
        "P-6m2", 2.87, 21.04,
        [*_rows(NNM, C, 0.133555), *_rows(NNM, A, 0.366445), ("O", B, 0.086522, 1, 0.8), ("O", A, 0.180588, 1, 0.8),
         ("O", C, 0.413478, 1, 0.8), ("O", B, 0.319412, 1, 0.8), ("Na", A, 0, 0.3, 2.5), ("Na", C, 0, 0.3, 2.5),
         ("Na", A, 0.5, 0.3, 2.5), ("Na", B, 0.5, 0.3, 2.5), ("Na", C, 0.25, 0.06, 2.0)],
    ),
    "OP4_P63mmc": (
        "P63/mmc", 2.83, 20.32,
        [("Co", C, 0.114665, 1, 0.3), ("O", B, 0.065985, 1, 0.6), ("O", A, 0.163345, 1, 0.6), ("Li", A, 0, 0.8, 1.5),
         ("Na", C, 0.25, 0.3, 2.5), ("Na", B, 0.25, 0.5, 2.5)],
    ),
    "OP2_glide": (
        "P-3m1", 2.87, 10.52,
        [*_rows(NNM, B, 0.23289), ("O", A, 0.326956, 1, 0.8), ("O", C, 0.138823, 1, 0.8), ("Na", B, 0.5, 0.25, 2.5),
         ("Na", A, 0, 0.16, 2.0)],
    ),
    "O1_CoO2": ("P-3m1", 2.822, 4.29, [("Co", A, 0, 1, 0.3), ("O", B, 0.220974, 1, 0.6)]),
}  # fmt: skip


def test_every_layered_entry_of_the_table_is_there():
    assert set(LIBRARY) >= set(REFERENCE)


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_reference_structures_are_rebuilt_from_their_description(name):
    group, a, c, rows = REFERENCE[name]
    crystal = library_phase(name).checked()
    assert crystal.space_group == group
    assert crystal.cell == pytest.approx((a, a, c, 90, 90, 120), abs=1e-5)
    assert len(crystal.sites) == len(rows)
    left = list(crystal.sites)
    for element, (x, y), z, occupancy, b in rows:
        # Within 0.01 A of the table's position, in its own setting: no symmetry operation is needed to compare.
        apart = [np.abs(np.subtract(s.position, (x, y, z)) * (a, a, c)).max() for s in left]
        match = next(s for s, d in zip(left, apart, strict=True) if s.element == element and d < 0.01)
        left.remove(match)
        assert match.occupancy == pytest.approx(occupancy, abs=1e-4)
        assert match.u_iso == pytest.approx(b / (8 * math.pi**2), rel=1e-6)


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_every_entry_says_where_it_comes_from(name):
    entry = LIBRARY[name]
    assert any(label in entry.provenance for label in ("LOOKED-UP", "RECALLED", "CONSTRUCTED"))
    crystal = library_phase(name)
    assert crystal.source.startswith(f"layerox library {name}: {entry.provenance}")
    # A value that was recalled is called so beside its citation too.
    assert "RECALLED" not in entry.provenance or "recalled" in entry.reference


def test_the_defaults_cover_the_named_polytypes():
    assert set(DEFAULTS) == set(POLYTYPES) - {"O6"}
    assert library_phase("P2").cell == library_phase("P2_NNM").cell
    assert library_phase("P2").name == "P2"
    assert all(library_entry(phase).phase == phase for phase in DEFAULTS)


def test_unknown_entries_are_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'P2_NNM'"):
        library_phase("P2_NMN")
