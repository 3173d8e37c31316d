"""The intensity along rods: against the sum over all words of slabs, closed forms and central differences.

Closed forms: Hendricks & Teller, J. Chem. Phys. 10 (1942) 147, for layers that scatter alike.
"""

import cmath
import functools
import itertools
import math

import numpy as np
import pytest

from disordered_slabs import SLAB, phase
from layerox.diffraction.disordered.rod_nodes import Nodes, RodIntensities
from layerox.diffraction.scattering_factors import scatterers
from layerox.radiation import radiation_from_text
from layerox.stacking import Slab
from layerox.stacking.disorder import KINDS
from layerox.stacking.word import SlabStep

COPPER = radiation_from_text("CuKa")
NARROW = 1e-9
S_Z = np.linspace(0.02, 0.9, 23)


def intensity(described, s_z=S_Z, norm=1.0, width=NARROW, values=None, with_slopes=False):
    """Return the intensities of a phase at nodes of the rods of one distance from the axis."""
    rods = RodIntensities(described, scatterers(described.crystal.sites, COPPER), 4.0)
    count = len(s_z)
    nodes = Nodes(norm % 3 != 0, np.full(count, norm), np.ones(count), s_z, np.full(count, width), np.ones(count))
    return rods.at((nodes,), described.values if values is None else values, with_slopes)[0]


def layer_factor(described, slab, step, kind, spacing, h_minus_k, s_z, q, side=1):
    """Return F of a slab and the gallery above it, from the letters of its planes."""
    rows = zip(described.crystal.sites, described.gallery_sites, strict=True)
    f = scatterers(described.crystal.sites, COPPER)
    above = step.above(slab)
    sites = {"face": slab.metal, "edge": slab.lower, "lower": slab.metal, "upper": above.metal,
             "octahedral": -(slab.upper + above.lower) % 3}  # fmt: skip
    total = 0j
    for k, (site, place) in enumerate(rows):
        own = (f.a[k] * np.exp(-0.25 * f.b[k] * q)).sum() + f.constant[k] + 1j * side * f.imaginary[k]
        own *= site.occupancy * math.exp(-2 * math.pi**2 * site.u_iso * q)
        if place is not None:
            planes = [(sites[place.place], spacing / 2)] if described.disorder.kinds[place.kind] == kind else []
        elif site.element == "O":
            planes = [(slab.lower, -SLAB.half), (slab.upper, SLAB.half)]
        else:
            planes = [(slab.metal, 0.0)]
        total += sum(own * np.exp(2j * math.pi * (h_minus_k * letter / 3 + s_z * z)) for letter, z in planes)
    return total


def by_enumeration(described, s_z, norm, h_minus_k, length, column, same=False, side=1):
    """Return the intensity of one slab as the sum over all words of `length` slabs, of both senses.

    Pairs of slabs at a height z apart count exp(-z / column).
    """
    disorder = described.disorder
    g, level = disorder.fractions, disorder.persistence
    kinds = [(kind, described.spacings[k], k) for k, kind in enumerate(disorder.kinds)]
    steps = [(SlabStep(KINDS[kind].flips, sign * KINDS[kind].shift), kind, d, k, share)
             for kind, d, k in kinds
             for sign, share in (((1, 0.5), (-1, 0.5)) if kind == "O2" and not same else ((1, 1.0),))]  # fmt: skip
    q = s_z**2 + 4 * norm / (3 * described.crystal.cell[0] ** 2)

    @functools.cache
    def layer(slab, step, kind, spacing):
        """Return F and the next slab; there are few pairs of slab and gallery, and many words."""
        return layer_factor(described, slab, step, kind, spacing, h_minus_k, s_z, q, side), step.above(slab)

    total = 0.0
    for sense in (1, -1):
        for word in itertools.product(steps, repeat=length):
            chance = g[word[0][3]] * word[0][4]
            for one, other in itertools.pairwise(word):
                chance *= ((1 - level) * g[other[3]] + level * (one[3] == other[3])) * other[4]
            slab, height, first, row = Slab(0, sense), 0.0, 0j, 0.0
            for m, (step, kind, spacing, _, _) in enumerate(word):
                factor, slab = layer(slab, step, kind, spacing)
                wave = complex(factor) * cmath.exp(2j * math.pi * s_z * height)
                first = wave if m == 0 else first
                row += (1 if m == 0 else 2) * (first.conjugate() * wave).real * math.exp(-height / column)
                height += spacing
            total += chance * row / 2
    return total


@pytest.mark.parametrize("text", ["P2~O3:0.4,persistence=0.3", "P3~O1:0.3", "O3~P3:0.2,persistence=-0.1"])
@pytest.mark.parametrize(("norm", "h_minus_k"), [(1.0, 1), (3.0, 0)])
def test_all_words(text, norm, h_minus_k):
    """Nine slabs are enough where columns are 3 A high: exp(-43 / 3) is 6e-7."""
    described = phase(text, column_nm=0.3)
    s_z = np.array([0.05, 0.13, 0.41])
    expected = [by_enumeration(described, s, norm, h_minus_k, 9, 3.0) for s in s_z]
    assert intensity(described, s_z, norm).value == pytest.approx(expected, rel=3e-5)


def test_all_words_with_random_glides():
    described = phase("P2~O2:0.4,persistence=0.2", column_nm=0.3)
    s_z = np.array([0.05, 0.31])
    expected = [by_enumeration(described, s, 1.0, 1, 6, 3.0) for s in s_z]
    assert intensity(described, s_z).value == pytest.approx(expected, rel=1e-3)


def bare(text, spacings):
    """Return a phase of metals alone, which scatter alike in all slabs."""
    described = phase(text, spacings=spacings, column_nm=20.0)
    names = described.slot_names
    values = described.values
    for k, name in enumerate(names):
        if name.endswith("_occupancy") and not name.startswith("Ni"):
            values[k] = 0.0
    return described, values


def square_of_metal(described, norm):
    """Return |o f D|^2 of the nickel alone at the nodes."""
    site = described.crystal.sites[0]
    ni = scatterers([site], COPPER)
    q = S_Z**2 + 4 * norm / (3 * described.crystal.cell[0] ** 2)
    f = (ni.a[0][:, None] * np.exp(-0.25 * ni.b[0][:, None] * q)).sum(axis=0) + ni.constant[0] + 1j * ni.imaginary[0]
    return np.abs(site.occupancy * f * np.exp(-2 * math.pi**2 * site.u_iso * q)) ** 2


def test_uniform_sense_at_random():
    """O3 with P3 at equal spacing: S / |F|^2 = Re (1 + z) / (1 - z), z = sum p exp(2 pi i (n m / 3 + s_z d)).

    |z| = sqrt(1 - 3 f (1 - f)) without damping: the 10l lines are broadened, and shifted by arg z.
    """
    f, d = 0.1, 5.3
    described, values = bare("O3~P3:0.1", (d, d))
    damping = math.exp(-d / 200.0)
    shape = 0.0
    for sense in (1, -1):
        moves = [np.exp(2j * math.pi * (sense * m / 3 + S_Z * d)) * damping for m in (2, 1)]
        z = (1 - f) * moves[0] + f * moves[1]
        assert abs(z[0]) / damping == pytest.approx(math.sqrt(1 - 3 * f * (1 - f)))
        shape = shape + ((1 + z) / (1 - z)).real / 2
    found = intensity(described, values=values).value
    np.testing.assert_allclose(found, shape * square_of_metal(described, 1.0), rtol=1e-5)


def test_hendricks_teller():
    """Rods with h - k = 0 see spacings only: S / |F|^2 = (1 - |C|^2) / |1 - C|^2, C = sum p exp(2 pi i s_z d)."""
    f, spacings = 0.3, (5.58, 4.9)
    described, values = bare("P2~O2:0.3", spacings)
    c = sum(p * np.exp(2j * math.pi * S_Z * d - d / 200.0) for p, d in zip((1 - f, f), spacings, strict=True))
    expected = (1 - np.abs(c) ** 2) / np.abs(1 - c) ** 2 * square_of_metal(described, 3.0)
    np.testing.assert_allclose(intensity(described, norm=3.0, values=values).value, expected, rtol=1e-5)


def test_random_glides_do_not_shift_p2():
    """Equal spacings: with letters forgotten at a rate of J = 1 - 3 f / 2, lines stay at multiples of 1 / (2 d)."""
    d, f = 5.58, 0.2
    described, values = bare("P2~O2:0.2", (d, d))
    off = np.linspace(-0.004, 0.004, 9)
    # The metals of P2 are on top of each other: alone, they have even orders only.
    for order in (2, 4):
        found = intensity(described, order / (2 * d) + off, values=values).value
        assert np.argmax(found) == 4
        # Form factors fall by a few per cent across the line.
        np.testing.assert_allclose(found, found[::-1], rtol=0.03)
    # FWHM in s_z = -ln J / (pi d), J including the columns.
    width = (-math.log(1 - 1.5 * f) + d / 200.0) / (math.pi * d)
    peak, half = intensity(described, np.array([2.0, 2.0]) / d + np.array([0.0, width / 2]), values=values).value
    assert half / peak == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("text", ["P2~O3", "P2~O2:0.3,glides=alternate"])
def test_the_window_averages(text):
    """Against the integral of the unaveraged intensity; the amplitudes change little within the window."""
    described = phase(text, column_nm=20.0)
    width, centre = 1e-3, 0.37
    fine = centre + np.linspace(-0.2, 0.2, 40001)
    window = math.sqrt(2) / (math.pi * width) / (1 + ((fine - centre) / width) ** 4)
    average = np.trapezoid(window * intensity(described, fine).value, fine)
    assert intensity(described, np.array([centre]), width=width).value[0] == pytest.approx(average, rel=3e-3)


def test_directions_of_a_rod():
    """All glides to one side: a polar stacking, whose two directions differ by f'' and are averaged."""
    described = phase("P2~O2:0.4,glides=same", column_nm=0.3)
    s_z = np.array([0.05, 0.31])
    both = [[by_enumeration(described, s, 1.0, 1, 6, 3.0, same=True, side=side) for s in s_z] for side in (1, -1)]
    expected = np.mean(both, axis=0)
    assert intensity(described, s_z).value == pytest.approx(expected, rel=1e-3)


def unit(k, count):
    return np.eye(count)[k]


# Sums of few terms for sine and cosine up to an angle of 0.5, which is a width of 0.02; then the functions themselves.
@pytest.mark.parametrize("width", [1e-3, 0.03])
@pytest.mark.parametrize("norm", [1.0, 3.0])
@pytest.mark.parametrize(
    "text",
    [
        "P2~O3:0.4,persistence=0.6",
        "P2~O2:0.4,persistence=-0.4,glides=alternate",
        "P2~O2:0.4,glides=same",
        "P2~O3~P3:0.3:0.2,persistence=0.3",
    ],
)
def test_derivatives(text, norm, width):
    """With respect to cell, sites and stacking, against central differences, and q against its formula."""
    described = phase(text, column_nm=10.0)
    s_z, count = np.array([0.11, 0.37, 0.63]), len(described.values)
    values = described.values
    slots = [k for k, name in enumerate(described.slot_names) if k >= 11 and not name.endswith(("_x", "_y"))]
    found = intensity(described, s_z, norm, width, with_slopes=True)
    for slot in [1, *slots]:
        step = 1e-6 * max(abs(values[slot]), 0.1) * unit(slot, count)
        up, down = (intensity(described, s_z, norm, width, values=values + s) for s in (step, -step))
        slope, q_slope = found.slopes(unit(slot, count), values)
        numeric = (up.value - down.value) / (2 * step[slot])
        name = described.slot_names[slot]
        assert slope == pytest.approx(numeric, rel=2e-5, abs=1e-6 * np.abs(found.value).max()), name
        assert q_slope == pytest.approx((up.q - down.q) / (2 * step[slot]), rel=1e-6, abs=1e-9), name
    assert found.q == pytest.approx(s_z**2 + 4 * norm / (3 * 2.9**2))


@pytest.mark.parametrize("count", [32, 33, 65])
def test_every_node_is_computed_alone(count):
    """Nodes are computed 32 at a time; where a block ends changes nothing, and neither do the derivatives asked for."""
    described = phase("P2~O3:0.4,persistence=0.6")
    s_z = np.linspace(0.02, 0.9, count)
    whole = intensity(described, s_z, with_slopes=True)
    alone = [intensity(described, s_z[k : k + 1], with_slopes=True) for k in (0, 30, 31, count - 1)]
    for name in whole.rod._fields:
        parts = np.stack([getattr(one.rod, name)[..., 0] for one in alone], axis=-1)
        np.testing.assert_allclose(
            getattr(whole.rod, name)[..., [0, 30, 31, count - 1]], parts, rtol=1e-9, err_msg=name
        )
    np.testing.assert_allclose(intensity(described, s_z).value, whole.value, rtol=1e-12)


@pytest.mark.parametrize("width", [5e-4, 0.019, 0.021])
def test_the_window_is_that_of_its_two_poles(width):
    """Rods with h - k = 0 see spacings only: (1 - |C|^2) / |1 - C|^2 is Re (1 + C) / (1 - C), analytic above the axis.

    Its average is half the sum of (1 -+ i) times its values at s_z + w exp(i pi / 4) and s_z + w exp(3 i pi / 4).
    """
    f, spacings = 0.3, (5.58, 4.9)
    described, values = bare("P2~O2:0.3", spacings)
    poles = [S_Z + width * cmath.exp(1j * math.pi / 4), S_Z + width * cmath.exp(3j * math.pi / 4)]
    total = 0.0
    for pole, weight in zip(poles, ((1 - 1j) / 2, (1 + 1j) / 2), strict=True):
        c = sum(p * np.exp(2j * math.pi * pole * d - d / 200.0) for p, d in zip((1 - f, f), spacings, strict=True))
        total = total + weight * (1 + c) / (1 - c)
    expected = total.real * square_of_metal(described, 3.0)
    found = intensity(described, norm=3.0, width=width, values=values).value
    np.testing.assert_allclose(found, expected, rtol=1e-5)
