"""GSAS .prm and GSAS-II .instprm, in their columns; expected widths from the definitions of both programs."""

import math

import pytest

from layerox.errors import InputError
from layerox.instrument import Profile
from layerox.io import read_instrument

# A variance of 1 centidegree^2 is a squared FWHM of 8 ln 2 x 1e-4 degrees^2.
VARIANCE = 8 * math.log(2) * 1e-4


def prm(icons="  1.540500  1.544300       1.5         0     0.700    0     0.500", htype="PXCR", function=3, extra="",
        coefficients=(2.0, -2.0, 5.0, 0.1, 1.5, 2.5, 0.01, 0.02), count=None):  # fmt: skip
    lines = ["            123456789012345678901234567890", "INS   BANK      1", f"INS   HTYPE   {htype}",
             f"INS  1 ICONS{icons}", "INS  1 IRAD     3",
             f"INS  1PRCF1 {function:5d}{count or len(coefficients):5d}      0.01"]  # fmt: skip
    for number, start in enumerate(range(0, len(coefficients), 4), 1):
        lines.append(f"INS  1PRCF1{number}" + "".join(f"{c:15.6E}" for c in coefficients[start : start + 4]))
    return "\r\n".join([*lines, extra])


def read(tmp_path, text, name="a.prm"):
    path = tmp_path / name
    path.write_text(text, newline="")
    return read_instrument(path)


def refusal(tmp_path, text, name="a.prm"):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, name)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(tmp_path / name))


def test_a_laboratory_instrument(tmp_path):
    """Zero and Lorentzian widths are centidegrees; GP / cos^2 = GP (1 + tan^2) goes into u and w."""
    result = read(tmp_path, prm())
    assert result.radiation.lines == ((1.5405, 1.0), (1.5443, 0.5))
    assert (result.radiation.kind, result.radiation.polarization) == ("xray", 0.7)
    assert result.geometry == "bragg-brentano"
    assert result.zero == pytest.approx(0.015)
    profile = result.profile
    assert (profile.u, profile.v, profile.w) == pytest.approx((2.1 * VARIANCE, -2 * VARIANCE, 5.1 * VARIANCE))
    assert (profile.x, profile.y) == pytest.approx((0.015, 0.025))
    assert profile.axial == (0.01, 0.02)


def test_the_suffix_may_be_capital(tmp_path):
    assert read(tmp_path, prm(), "INST.PRM") == read(tmp_path, prm())


@pytest.mark.parametrize(
    ("function", "coefficients", "lorentz", "gaussian", "axial"),
    [
        (1, (2.0, -2.0, 5.0, 0.5, 0.0, 0.0), (0.0, 0.0), (2, -2, 5), None),
        (2, (2.0, -2.0, 5.0, 1.5, 2.5, 9.0, 9.0, 9.0, 0.1), (0.015, 0.025), (2.1, -2, 5.1), None),
        (4, (2.0, -2.0, 5.0, 0.1, 1.5, 9.0, 9.0, 9.0, 9.0, 0.01, 0.02), (0.015, 0.0), (2.1, -2, 5.1), (0.01, 0.02)),
        (5, (2.0, -2.0, 5.0, 0.1, 1.5, 2.5, 0.01, 0.02), (0.015, 0.025), (2.1, -2, 5.1), (0.01, 0.02)),
    ],
)  # fmt: skip
def test_the_order_of_the_coefficients_depends_on_the_function(
    tmp_path, function, coefficients, lorentz, gaussian, axial
):
    profile = read(tmp_path, prm(function=function, coefficients=coefficients)).profile
    assert (profile.x, profile.y) == pytest.approx(lorentz)
    assert (profile.u, profile.v, profile.w) == pytest.approx(tuple(value * VARIANCE for value in gaussian))
    assert profile.axial == axial


def test_the_widths_agree_with_the_formula_of_gsas(tmp_path):
    """Gamma = LX / cos + LY tan, sigma^2 = GU tan^2 + GV tan + GW + GP / cos^2, H = sigma sqrt(8 ln 2)."""
    profile = read(tmp_path, prm()).profile
    for theta in (0.2, 0.7, 1.2):
        t, c = math.tan(theta), math.cos(theta)
        sigma = math.sqrt(2 * t**2 - 2 * t + 5 + 0.1 / c**2) / 100
        assert math.sqrt(profile.u * t**2 + profile.v * t + profile.w) == pytest.approx(
            sigma * math.sqrt(8 * math.log(2))
        )
        assert profile.x / c + profile.y * t == pytest.approx((1.5 / c + 2.5 * t) / 100)


def test_the_traditional_polarisation(tmp_path):
    """IPOLA 1: the factor 1 + POLA cos^2(2 theta), so that p = 1 / (1 + POLA); 0.8 is graphite with Cu K-alpha."""
    icons = "  1.540500  1.544300       0.0         0     0.800    1     0.500"
    assert read(tmp_path, prm(icons)).radiation.polarization == pytest.approx(1 / 1.8)


def test_a_synchrotron(tmp_path):
    result = read(tmp_path, prm(" 0.4139090    0.0000    0.0000               0.990    0     0.500   "))
    assert result.radiation.lines == ((0.413909, 1.0),)
    assert (result.radiation.polarization, result.geometry) == (0.99, "debye-scherrer")


def test_neutrons_have_no_polarisation(tmp_path):
    result = read(tmp_path, prm("  1.909000  0.000000      -0.1         0       0.0    0       0.0", htype="PNCR"))
    assert (result.radiation.kind, result.radiation.polarization) == ("neutron", None)
    assert result.zero == pytest.approx(-0.001)


def test_a_file_without_a_profile_leaves_it_unknown(tmp_path):
    text = "\n".join(line for line in prm().split("\r\n") if "PRCF" not in line)
    assert read(tmp_path, text).profile is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (prm(htype="PNTR"), ": of type 'PNTR'; only constant-wavelength types are read"),
        (prm(function=7), ": profile function 7 is not one of 1 to 5"),
        (prm(function=3).replace("PRCF1     3", "PRCF1     ²"), ": profile function ² is not one of 1 to 5"),
        (prm(function=3).replace("PRCF1     3", "PRCF1 " + "3" * 5000), ": profile function 333"),
        (prm(coefficients=(2.0, -2.0, 5.0, 0.1, 1.5), count=8), ": cut off: 5 coefficients of profile function 3"),
        (prm("  1.540500  1.544300       0.0         0     0.800    2     0.500"), ": IPOLA 2 is unknown"),
        (
            prm("  1.540500  1.544300       0.0         0     0.500    0     0.000"),
            ": names a second wavelength without",
        ),
        (prm("  0.000000  0.000000       0.0         0     0.500    0     0.500"), ": names no wavelength"),
        (prm(" 1.5405 1.5443 0.0 0 0.5 0 0.5"), ": ICONS LAM1 is '1.5405 1.', no number in its columns"),
        (
            prm("  1.540500  1.544300       0.0         0     1.800    0     0.500"),
            ": polarization 1.8 is outside 0 to 1",
        ),
        (prm().replace("INS  1 ICONS", "INS  2 ICONS"), ": has no ICONS record"),
        (prm().replace("BANK      1", "BANK      4"), ": describes 4 banks; keep the one that was used"),
        (prm().replace("INS   HTYPE   PXCR", ""), ": names no type (HTYPE, Type)"),
        (prm().replace("5.000000E+00", "5.00000EE+00"), ": INS  1PRCF1 is '5.00000EE+00', no number"),
        ("10 100\n11 120\n", ": holds no INS records"),
    ],
)
def test_damaged_prm_files(tmp_path, text, message):
    assert " ".join(refusal(tmp_path, text).split()).startswith(" ".join(message.split()))


INSTPRM = """#GSAS-II instrument parameter file; do not add/delete items!
Type:PXC
Bank:1.0
Lam1:1.5405
Lam2:1.5443
I(L2)/I(L1):0.5
Zero:0.015
Polariz.:0.7
Azimuth:0.0
U:2.0
V:-2.0
W:5.0
X:1.5
Y:2.5
Z:0.0
SH/L:0.03
Source:CuKa
"""


@pytest.mark.parametrize("count", ["²", "8" * 5000], ids=["superscript", "long"])
def test_a_number_of_coefficients_that_is_none_is_not_used(tmp_path, count):
    text = prm(function=3).replace("PRCF1     3    8", f"PRCF1     3    {count}")
    assert count in text
    assert read(tmp_path, text).profile == read(tmp_path, prm(function=3), "b.prm").profile


def test_a_gsas2_laboratory_instrument(tmp_path):
    result = read(tmp_path, INSTPRM, "a.instprm")
    assert result.radiation.lines == ((1.5405, 1.0), (1.5443, 0.5))
    assert (result.geometry, result.zero, result.radiation.polarization) == ("bragg-brentano", 0.015, 0.7)
    assert result.profile == Profile(
        u=2 * VARIANCE, v=-2 * VARIANCE, w=5 * VARIANCE, x=0.015, y=0.025, axial=(0.015, 0.015)
    )


def test_several_items_on_a_line_and_spaces(tmp_path):
    text = INSTPRM.replace("\nU:", ";U:").replace("\nV:", " ; V : ").replace("\n", "\n  ")
    assert read(tmp_path, text.replace("\n  ", "\n"), "a.instprm") == read(tmp_path, INSTPRM, "b.instprm")


def test_one_wavelength_geometry_and_radius(tmp_path):
    text = INSTPRM.replace("Lam1:1.5405\nLam2:1.5443\nI(L2)/I(L1):0.5", "Lam:0.4139")
    assert read(tmp_path, text, "a.instprm").geometry == "debye-scherrer"
    text += "Diff-type:Bragg-Brentano\nGonio. radius:240.0\n"
    result = read(tmp_path, text, "a.instprm")
    assert (result.geometry, result.radius_mm) == ("bragg-brentano", 240.0)


@pytest.mark.parametrize(("azimuth", "p"), [(0.0, 0.9), (90.0, 0.1), (45.0, 0.5)])
def test_the_polarisation_at_an_azimuth(tmp_path, azimuth, p):
    """P of GSAS-II at azimuth A: the term without cos^2(2 theta) is Polariz. cos^2 A + (1 - Polariz.) sin^2 A."""
    text = INSTPRM.replace("Polariz.:0.7", "Polariz.:0.9").replace("Azimuth:0.0", f"Azimuth:{azimuth}")
    assert read(tmp_path, text, "a.instprm").radiation.polarization == pytest.approx(p)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Type:PXC", "Type:PNT", ": of type 'PNT'"),
        ("Type:PXC\n", "", ": names no type"),
        ("Z:0.0", "Z:0.2", ": Z = 0.2: a Lorentzian width without dependence on the angle"),
        ("U:2.0", "U:two", ": U is 'two', no number"),
        ("Lam1:1.5405", "Lam1:0", ": names no wavelength"),
        ("Polariz.:0.7", "Polariz.:7.2", ": polarization 7.2 is outside 0 to 1"),
        ("V:-2.0", "V -2.0", ":11: 'V-2.0' is no 'key:value'"),
        ("Type:PXC", "#Bank 1: a\nType:PXC\n#Bank 2: b", ": describes 2 banks"),
    ],
)
def test_damaged_instprm_files(tmp_path, old, new, message):
    assert refusal(tmp_path, INSTPRM.replace(old, new), "a.instprm").startswith(message)


@pytest.mark.measured
@pytest.mark.parametrize(
    ("file", "lines", "kind", "p", "zero", "width"),
    [
        # width: GU, GV, GW, GP, LX, LY of the files' PRCF11 and PRCF12 records.
        ("standards/INST_XRY.PRM", ((1.5405, 1.0), (1.5443, 0.5)), "xray", 0.7, 0.0, (2, -2, 5, 0.1, 0, 0)),
        ("standards/11bm_gsas.prm", ((0.413909, 1.0),), "xray", 0.99, 0.0, (1.163, -0.126, 0.063, 0, 0.173, 0)),
        ("standards/inst_d1a.prm", ((1.909, 1.0),), "neutron", None, -0.001, (354.031, -760.404, 651.592, 0, 0, 0)),
        ("cucr2o4-cooling/OH_00.prm", ((0.413263, 1.0),), "xray", 0.99, 0.0, (1.163, -0.126, 0.063, 0, 0.173, 0)),
    ],
)
def test_measured_instruments(measured_data, file, lines, kind, p, zero, width):
    result = read_instrument(measured_data / file)
    assert (result.radiation.lines, result.radiation.kind, result.radiation.polarization) == (lines, kind, p)
    assert result.zero == pytest.approx(zero)
    u, v, w, gp, x, y = width
    found = (result.profile.u, result.profile.v, result.profile.w, result.profile.x, result.profile.y)
    assert found == pytest.approx(((u + gp) * VARIANCE, v * VARIANCE, (w + gp) * VARIANCE, x / 100, y / 100))
