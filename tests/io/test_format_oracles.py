"""Measured files as other programs read them: geddes and rietx, independent readers of vendors' files, where installed.

Each sees the angles and counts of the first scan of a file point by point. A rate is compared as the count that it
becomes; points that layerox leaves out with a notice are left out of the comparison.
"""

import warnings

import numpy as np
import pytest

from layerox.io import read_patterns

pytestmark = pytest.mark.measured

# Files that both programs read; a rate in the file times its counting time of 15 s is the count.
BOTH = {
    "23-012-AG_2thomegascan_long.brml": 1.0, "CG20396_jdb12-1.xrdml": 1.0, "Cu3Au-1.raw": 1.0, "D5000_1.RAW": 1.0,
    "D5000_2.RAW": 1.0, "D5000_3.RAW": 1.0, "TiO2.raw": 1.0, "TiOF.brml": 1.0, "TwoTheta_scan_powder.rasx": 1.0,
    "XRD-918-16_10.xrdml": 1.0, "empyrean.xrdml": 1.0, "format1.raw": 1.0, "rigaku_multiscan.ras": 15.0,
    "rigaku_nims.ras": 1.0, "rigaku_three_column.ras": 1.0, "example_mythen.dat": 1.0, "example_mythen.xye": 1.0,
}  # fmt: skip
OF_GEDDES = {**BOTH, "1517474.cif": 1.0}
MOST_LEFT_OUT = 2


def read_by_geddes(path):
    found = pytest.importorskip("geddes").read(str(path))
    return np.asarray(found.x, dtype=float), np.asarray(found.y, dtype=float)


def read_by_rietx(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, of packages that it imports
        found = pytest.importorskip("rietx.io").read_pattern(str(path))
    return np.asarray(found.two_theta, dtype=float), np.asarray(found.intensity, dtype=float)


CASES = [(read_by_geddes, name, factor) for name, factor in OF_GEDDES.items()]
CASES += [(read_by_rietx, name, factor) for name, factor in BOTH.items()]


@pytest.mark.parametrize(("reader", "name", "factor"), CASES, ids=[f"{r.__name__}-{n}" for r, n, _ in CASES])
def test_another_program_reads_the_same_counts_at_the_same_angles(measured_data, reader, name, factor):
    path = measured_data / "formats" / name
    angles, counts = reader(path)
    pattern = read_patterns(path)[0]
    kept = np.isin(np.round(angles, 7), np.round(pattern.two_theta, 7))
    assert kept.sum() == len(pattern)
    if name != "1517474.cif":  # a neutron pattern with unmeasured ends
        assert len(angles) - len(pattern) <= MOST_LEFT_OUT
    np.testing.assert_allclose(pattern.two_theta, angles[kept], atol=1e-7)
    np.testing.assert_allclose(pattern.intensity, factor * counts[kept], rtol=1e-9)
