"""Raw scan of a file, and the checks that convert it to a `Pattern`.

Every format passes through here, so that q and d axes, a wavelength that the file contradicts, descending or
repeated angles, negative counts and missing sigmas are treated in one way. No file is opened here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError, UnknownWavelength, nearest
from layerox.io.unmeasured_points import kinds_of_points, left_out, notices_of, regions_of
from layerox.notices import Notice
from layerox.pattern import NOT_COUNTS, Pattern, SigmaSource, are_whole, poisson_sigma
from layerox.radiation import Radiation, radiation_of
from layerox.typing import FloatArray, IntArray

Axis = Literal["two-theta", "q", "d"]
RADIANS = "radians"
# Sources of the uncertainties that a user may choose.
SIGMAS = ("auto", "column", "counts", "sqrt")
AXES: tuple[str, ...] = (*get_args(Axis), RADIANS)
FEW_COUNTS = 4.0
# Largest counts beside a channel without counts; relative rounding of sigmas with two digits or more.
MOST_COUNTS_BESIDE_NONE, ROOT_TOLERANCE = 20.0, 0.01
AXIS_UNITS = {"two-theta": "degrees", "q": "1/A", "d": "A"}
# Angles that end below this are probably radians.
LARGEST_RADIANS = math.pi


@dataclass(frozen=True, kw_only=True)
class Request:
    """The user's arguments for a file.

    Attributes
    ----------
    path
        The file.
    radiation
        The beam, None if not given.
    axis
        "two-theta" (degrees), "q" (1/angstrom) or "d" (angstrom).
    in_radians
        Whether two-theta is in radians, if the file does not state it.
    range
        First and last two-theta to keep, degrees.
    allow_negative
        Whether negative intensities are accepted in a file with its own sigmas.
    sigma
        One of `SIGMAS`.
    """

    path: Path
    radiation: Radiation | None = None
    axis: Axis = "two-theta"
    in_radians: bool = False
    range: tuple[float, float] | None = None
    allow_negative: bool = False
    sigma: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One scan as read from its file, not yet checked.

    Attributes
    ----------
    x, intensity
        The file's axis and intensities, shape (n,).
    sigma
        Standard uncertainties, shape (n,), or None: counting statistics are assumed.
    sigma_source
        "file" for a column of the file, "poisson" if derived from counts.
    lines
        Line of each point in the file, from 1, shape (n,); None if points have no lines.
    axis
        Kind of `x` stated in the file; None if not stated.
    radiation
        The beam stated in the file, or None.
    other_radiation
        An alternative beam if the file's statements are inconsistent: a user may choose it.
    says_kind
        Whether the file distinguishes X-rays from neutrons; a wavelength alone does not.
    label
        Name of the scan, empty for the file's stem.
    metadata
        Other metadata of the file, with the keys of `Pattern.metadata`.
    warnings
        Notices on the reading.
    excluded
        (first, last) two-theta of regions that the file itself excludes, degrees.
    """

    x: FloatArray
    intensity: FloatArray
    sigma: FloatArray | None = None
    sigma_source: SigmaSource = "file"
    lines: IntArray | None = None
    axis: Axis | None = None
    radiation: Radiation | None = None
    other_radiation: Radiation | None = None
    says_kind: bool = True
    label: str = ""
    metadata: dict[str, object] = field(default_factory=dict)
    warnings: tuple[Notice, ...] = ()
    excluded: tuple[tuple[float, float], ...] = ()

    def __len__(self) -> int:
        return int(self.x.size)

    @property
    def has_sigma_column(self) -> bool:
        """Whether the file itself gives an uncertainty for each point."""
        return self.sigma is not None and self.sigma_source == "file"

    def taking(self, index: Any) -> Scan:
        """Return the points selected by a numpy index."""
        return replace(
            self,
            x=self.x[index],
            intensity=self.intensity[index],
            sigma=None if self.sigma is None else self.sigma[index],
            lines=None if self.lines is None else self.lines[index],
        )

    def with_warning(self, code: str, message: str) -> Scan:
        """Return the scan with one more notice."""
        return replace(self, warnings=(*self.warnings, Notice(code, message)))


def request_from_arguments(
    path: str | Path,
    radiation: Radiation | str | float | None,
    axis: str,
    limits: tuple[float, float] | None,
    allow_negative: bool,
    sigma: str = "auto",
) -> Request:
    """Return the checked arguments of `read_pattern`."""
    if sigma not in SIGMAS:
        raise InputError(f"unknown sigma {sigma!r}", argument="sigma", cure=nearest(str(sigma), SIGMAS))
    if axis not in AXES:
        raise InputError(f"unknown axis {axis!r}", argument="axis", cure=nearest(str(axis), AXES))
    if limits is not None and not limits[0] < limits[1]:
        raise InputError(f"the range {limits[0]:g} to {limits[1]:g} is empty", argument="range", cure="give LO < HI")
    if radiation is not None:
        radiation = _radiation_of_user(radiation)
    meant: Any = "two-theta" if axis == RADIANS else axis
    return Request(path=Path(path), radiation=radiation, axis=meant, in_radians=axis == RADIANS, range=limits,
                   allow_negative=allow_negative, sigma=sigma)  # fmt: skip


def _radiation_of_user(given: Radiation | str | float) -> Radiation:
    try:
        return radiation_of(given)
    except InputError as error:
        raise InputError(error.problem, argument="radiation", cure=error.cure) from None


def pattern_from_scan(scan: Scan, request: Request) -> Pattern:
    """Return the checked pattern of one scan.

    Raises
    ------
    InputError
        If it is not a powder pattern, with the line if known.
    UnknownWavelength
        If a q or d axis must be converted and no wavelength is given.
    """
    unplaced = ~np.isfinite(scan.x)
    nowhere = unplaced & np.isfinite(scan.intensity)
    _refuse(nowhere, scan, request, "the {axis} is not a number", cure="remove the point")
    beam = _agreed_radiation(scan, request)
    scan = _ascending(_with_two_theta(scan.taking(~unplaced) if unplaced.any() else scan, request, beam))
    scan = _without_weightless(_without_unmeasured(scan, request), request)
    _check_angles(scan, request)
    _check_intensities(scan, request)
    return _pattern(_with_sigma(_with_chosen_sigma(scan, request), request), request, beam)


def with_excluded(pattern: Pattern, regions: Iterable[tuple[float, float]]) -> Pattern:
    """Return a pattern without the user's excluded regions, (first, last) two-theta in degrees."""
    listed = [*regions]
    return pattern.exclude(listed) if listed else pattern


def _with_chosen_sigma(scan: Scan, request: Request) -> Scan:
    """Return the scan with the uncertainties that the user chose.

    Raises
    ------
    InputError
        If a column is chosen and the file has none.
    """
    if request.sigma == "column" and not scan.has_sigma_column:
        cure = "leave it out: they follow from counting statistics"
        raise InputError("has no column of uncertainties", place=request.path, cure=cure, argument="sigma")
    if request.sigma == "sqrt" or (request.sigma == "counts" and scan.has_sigma_column):
        return replace(scan, sigma=poisson_sigma(scan.intensity), sigma_source="poisson")
    return scan


def _pattern(scan: Scan, request: Request, beam: Radiation | None) -> Pattern:
    warnings = {"warnings": scan.warnings} if scan.warnings else {}
    return Pattern(
        two_theta=scan.x,
        intensity=scan.intensity,
        sigma=scan.sigma if scan.sigma is not None else poisson_sigma(scan.intensity),
        sigma_source=scan.sigma_source if scan.sigma is not None else "poisson",
        radiation=beam,
        label=scan.label or request.path.stem,
        path=request.path,
        metadata={**scan.metadata, **warnings},
        excluded=tuple(region for region in scan.excluded if region[1] >= scan.x[0] and region[0] <= scan.x[-1]),
    )


def _agreed_radiation(scan: Scan, request: Request) -> Radiation | None:
    """Return the user's radiation, else the file's; both must agree."""
    requested, stated = request.radiation, scan.radiation and replace(scan.radiation, says_kind=scan.says_kind)
    if requested is None or stated is None:
        return requested or stated
    if scan.other_radiation is not None and requested.agrees_with(scan.other_radiation):
        stated = scan.other_radiation
    if not requested.agrees_with(stated):
        raise InputError(
            f"the file states {stated}, given is {requested}",
            place=request.path,
            cure="leave it out, or correct the file",
            argument="radiation",
        )
    return requested.completed_by(stated)


def _with_two_theta(scan: Scan, request: Request, beam: Radiation | None) -> Scan:
    """Return the scan with its axis in degrees two-theta."""
    if scan.axis is not None and scan.axis != request.axis:
        cure = f'say that the axis is "{scan.axis}"' if scan.axis != "two-theta" else "leave the axis out"
        fault = f"the file's axis is {scan.axis}, not {request.axis}"
        raise InputError(fault, place=request.path, cure=cure, argument="axis")
    if request.in_radians and scan.axis is None:
        return replace(scan, x=np.degrees(scan.x))
    if request.axis == "two-theta":
        return scan if scan.axis else _with_doubtful_angles(scan)
    if beam is None:
        problem = f"a {request.axis} axis becomes two-theta only with a wavelength, and the file names none"
        raise UnknownWavelength(problem, place=request.path, cure="give the radiation", argument="radiation")
    low = scan.x < 0 if request.axis == "q" else scan.x <= 0
    _refuse(low, scan, request, "{x:g} is no " + request.axis, cure=f"give {AXIS_UNITS[request.axis]}, positive")
    with np.errstate(over="ignore"):
        sine = two_sines(scan.x, axis=request.axis, wavelength=beam.wavelength) / 2.0
    problem = f"{{x:g}} {AXIS_UNITS[request.axis]} cannot be reached with {beam.wavelength:g} A"
    _refuse(sine > 1.0, scan, request, problem, cure="check the axis, its unit and the radiation")
    return replace(scan, x=2.0 * np.degrees(np.arcsin(sine)))


def _with_doubtful_angles(scan: Scan) -> Scan:
    """Add a notice for angles without a unit that may be radians."""
    if not len(scan) or not 0 < scan.x.max() <= LARGEST_RADIANS:
        return scan
    return scan.with_warning("axis_doubtful", f"the angles end at {scan.x.max():.4g} degrees: are they radians?")


def two_sines(x: FloatArray, *, axis: str, wavelength: float) -> FloatArray:
    """Return 2 sin(theta) = lambda / d = lambda q / (2 pi); q in 1/angstrom, d and lambda in angstrom."""
    inverse_d = x / (2.0 * math.pi) if axis == "q" else 1.0 / x
    return wavelength * inverse_d


def _ascending(scan: Scan) -> Scan:
    return scan.taking(slice(None, None, -1)) if len(scan) > 1 and scan.x[-1] < scan.x[0] else scan


def _without_unmeasured(scan: Scan, request: Request) -> Scan:
    """Crop to the range and leave out unmeasured points, with a notice for each kind of them.

    They are found in the whole scan, because runs of zeros are judged by their neighbours.
    """
    kinds = kinds_of_points(scan.intensity, scan.sigma if scan.has_sigma_column else None)
    keep = _in_range(scan, request)
    if keep is not None:
        scan, kinds = scan.taking(keep), kinds[keep]
    if not kinds.any():
        return scan
    bad = left_out(kinds)
    if bad.all():
        raise InputError("none of its points is a measurement", place=request.path, cure="give a scan that was exposed")
    notices = notices_of(kinds, scan.x, scan.intensity)
    excluded = (*scan.excluded, *regions_of(kinds, scan.x))
    return replace(scan.taking(~bad), warnings=(*scan.warnings, *notices), excluded=tuple(sorted(set(excluded))))


def _in_range(scan: Scan, request: Request) -> NDArray[np.bool_] | None:
    """Return which points are in the range, None for all."""
    if request.range is None or not len(scan):
        return None
    low, high = request.range
    keep = (scan.x >= low) & (scan.x <= high)
    if keep.sum() < 2:
        raise InputError(
            f"the range {low:g} to {high:g} holds no data",
            place=request.path,
            cure=f"the pattern spans {scan.x.min():g} to {scan.x.max():g} degrees",
        )
    return keep


def _without_weightless(scan: Scan, request: Request) -> Scan:
    """Leave out points of zero intensity and zero sigma, or give them the sigma of one count.

    Files write them for masked or unused channels; GSAS gives them no weight. If all other sigmas are the roots of
    their counts, the zero is a count of zero with its root.
    """
    if not scan.has_sigma_column or scan.sigma is None:
        return scan
    empty = (scan.intensity == 0) & (scan.sigma == 0)
    if not empty.any():
        return scan
    others = ~empty
    if _are_roots(scan.intensity[others], scan.sigma[others]):
        message = f"{int(empty.sum())} points of no counts have sigma 0, the root of their counts: 1 was taken"
        return replace(scan, sigma=np.where(empty, 1.0, scan.sigma)).with_warning("sigma_of_no_counts", message)
    message = f"{int(empty.sum())} points with intensity 0 and sigma 0 were left out: they carry no weight"
    return scan.taking(~empty).with_warning("points_without_weight", message)


def _are_roots(intensity: FloatArray, sigma: FloatArray) -> bool:
    """Whether intensities are low counts and sigmas their square roots, within the digits of a file."""
    if not intensity.size or not are_whole(intensity):
        return False
    few = np.median(intensity) <= MOST_COUNTS_BESIDE_NONE
    return bool(few and np.allclose(sigma, np.sqrt(np.maximum(intensity, 0.0)), rtol=0.0, atol=ROOT_TOLERANCE))


def _check_angles(scan: Scan, request: Request) -> None:
    if len(scan) < 2:
        raise InputError(f"{len(scan)} points are no pattern", place=request.path, cure="give a complete scan")
    step = np.diff(scan.x, prepend=-np.inf)
    cure = "keep one of the two points, or average them"
    _refuse(step == 0, scan, request, "the angle {x:.10g} is repeated", cure=cure)
    cure = "keep one scan a file, in the order of its angles"
    _refuse(step < 0, scan, request, "the angles are out of order at {x:.10g}", cure=cure)
    cure = f"crop it away with the range 0 to {scan.x[-1]:g}"
    _refuse(scan.x < 0, scan, request, "negative angle {x:.10g}", cure=cure, argument="range")
    cure = 'give degrees, or say that the axis is "q" or "d"'
    _refuse(scan.x > 180, scan, request, "{x:.10g} is no two-theta", cure=cure, argument="axis")


def _check_intensities(scan: Scan, request: Request) -> None:
    if not (request.allow_negative and scan.has_sigma_column):
        cure, argument = "give the counts as they were measured", None
        if scan.has_sigma_column:
            cure, argument = "allow negative ones if a background was subtracted", "allow_negative"
        _refuse(scan.intensity < 0, scan, request, "negative intensity {y:g}", cure=cure, argument=argument)


def _with_sigma(scan: Scan, request: Request) -> Scan:
    """Return the scan with checked sigmas, or a notice if counting statistics are only assumed."""
    if scan.sigma is None:
        return scan if are_whole(scan.intensity) else scan.with_warning(NOT_COUNTS.code, NOT_COUNTS.message)
    cure = "give positive sigmas, or leave the column out"
    _refuse(~(np.isfinite(scan.sigma) & (scan.sigma > 0)), scan, request, "sigma {sigma:g} is not positive", cure=cure)
    return _with_doubts(scan, scan.sigma) if scan.has_sigma_column else scan


def _with_doubts(scan: Scan, sigma: FloatArray) -> Scan:
    """Add a notice for a sigma column that resembles a weight, a background or a calculated pattern."""
    strongest = int(np.argmax(scan.intensity))
    if len(scan) > 2 and not np.ptp(sigma) > 0:
        return scan.with_warning("sigma_doubtful", f"the column taken for sigma is {sigma[0]:g} at every point")
    if 2.0 * sigma[strongest] > scan.intensity[strongest] > FEW_COUNTS:
        share = sigma[strongest] / scan.intensity[strongest]
        return scan.with_warning(
            "sigma_doubtful", f"the column taken for sigma is {share:.0%} of the strongest intensity"
        )
    return scan


def _refuse(
    bad: NDArray[np.bool_], scan: Scan, request: Request, problem: str, *, cure: str, argument: str | None = None
) -> None:
    """Raise an error with the first bad point, by its line if known."""
    if not bad.any():
        return
    index = int(np.argmax(bad))
    sigma = float("nan") if scan.sigma is None else scan.sigma[index]
    text = problem.format(x=scan.x[index], y=scan.intensity[index], sigma=sigma, axis=scan.axis or "angle")
    if scan.lines is None:
        raise InputError(f"point {index + 1}: {text}", place=request.path, cure=cure, argument=argument)
    raise InputError(text, place=f"{request.path}:{scan.lines[index]}", cure=cure, argument=argument)
