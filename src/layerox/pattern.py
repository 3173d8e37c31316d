"""`Pattern`: one measured or simulated powder pattern, immutable; cropping and masking return a new one.

It has angles, intensities and errors; files (see `io/`) and models are elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layerox.errors import InputError, printable
from layerox.notices import Notice
from layerox.public import public, public_class
from layerox.radiation import Radiation, radiation_of
from layerox.typing import FloatArray

SigmaSource = Literal["file", "poisson"]
# Mean of the neighbours below which they give the variance, and the counts that they must hold together.
FEW_COUNTS, ENOUGH_COUNTS = 30.0, 25.0
# Numbers of neighbours on either side.
NEIGHBOURS = (1, 2, 4, 8, 16, 32)
NOT_COUNTS = Notice(
    "not_counts", "the intensities are not whole numbers, so that sigma = sqrt(intensity) is only an estimate"
)


@public_class
@dataclass(frozen=True, kw_only=True, eq=False)
class Pattern:
    """One diffractogram.

    Attributes
    ----------
    two_theta
        Diffraction angles, degrees, strictly ascending, shape (n,).
    intensity
        Observed intensities, shape (n,).
    sigma
        Standard uncertainties of the intensities, positive, shape (n,).
    sigma_source
        "file" if they came with the data, "poisson" for sqrt(max(intensity, 1)).
    radiation
        The beam, or None when the file does not state it.
    label
        Short name for legends and tables.
    path
        The file of the pattern.
    metadata
        Further metadata of the file: sample, time stamp (ISO 8601), temperature, goniometer radius ...
    excluded
        (first, last) two-theta in degrees of the excluded regions, ascending.

    Examples
    --------
    >>> import layerox as lx
    >>> pattern = lx.read_pattern("patterns/p2_o3.xye")
    >>> pattern.two_theta.shape, pattern.sigma_source, pattern.radiation.name
    ((4001,), 'poisson', 'CuKa')
    """

    two_theta: FloatArray
    intensity: FloatArray
    sigma: FloatArray
    sigma_source: SigmaSource = "file"
    radiation: Radiation | None = None
    label: str = ""
    path: Path | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    excluded: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        for name in ("two_theta", "intensity", "sigma"):
            array = np.array(getattr(self, name), dtype=np.float64, copy=True)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "metadata", dict(self.metadata))
        object.__setattr__(self, "label", printable(self.label))
        self._check()

    def _check(self) -> None:
        place = self.path or self.label or "pattern"
        if not (self.two_theta.ndim == 1 and self.two_theta.shape == self.intensity.shape == self.sigma.shape):
            cure = "give arrays of one dimension, one of each for each point"
            raise InputError("angles, intensities and sigmas differ in length", place=place, cure=cure)
        if self.two_theta.size < 2:
            raise InputError(f"{self.two_theta.size} points are no pattern", place=place)
        for name in ("two_theta", "intensity", "sigma"):
            if not np.isfinite(getattr(self, name)).all():
                cure = "leave those points out, as with pattern_from_arrays(x[keep], y[keep])"
                raise InputError(f"{name} holds values that are not numbers", place=place, cure=cure)
        if (np.diff(self.two_theta) <= 0).any():
            raise InputError("the angles do not ascend", place=place, cure="sort them and drop repeated ones")
        if (self.sigma <= 0).any():
            raise InputError("a sigma is not positive", place=place, cure="correct it or leave the column out")

    def __len__(self) -> int:
        return int(self.two_theta.size)

    @property
    def range(self) -> tuple[float, float]:
        """First and last angle, degrees."""
        return float(self.two_theta[0]), float(self.two_theta[-1])

    @public
    def crop(self, low: float, high: float) -> Pattern:
        """Return the points with low <= two_theta <= high (degrees).

        Raises
        ------
        InputError
            If fewer than two points are left.
        """
        if not low < high:
            raise InputError(f"the range {low:g} to {high:g} is empty", argument="range", cure="give LO < HI")
        keep = (self.two_theta >= low) & (self.two_theta <= high)
        if keep.sum() < 2:
            raise InputError(
                f"the range {low:g} to {high:g} holds no data",
                place=self.path or self.label,
                cure="the pattern spans {:g} to {:g} degrees".format(*self.range),
            )
        inside = tuple(region for region in self.excluded if region[1] >= low and region[0] <= high)
        return replace(self.mask(keep), excluded=inside)

    def exclude(self, regions: Iterable[tuple[float, float]]) -> Pattern:
        """Return the pattern without the points in `regions`, (first, last) two-theta in degrees, ends included.

        The regions are stored in `excluded`, for reports; a region without points gives a warning.

        Raises
        ------
        InputError
            If a region is empty, or fewer than two points are left.
        """
        regions = tuple(regions)
        if not regions:
            return self
        keep, listed, idle = np.ones(len(self), dtype=bool), [*self.excluded], list[Notice]()
        for region in regions:
            low, high = _interval(region)
            if not low <= high:
                raise InputError(f"the excluded region {low:g} to {high:g} is empty", cure="give LO before HI")
            outside = (self.two_theta < low) | (self.two_theta > high)
            if outside.all():
                text = f"the excluded region {low:g} to {high:g} holds no points of the pattern"
                idle.append(Notice("excludes_nothing", text + ", which spans {:g} to {:g} degrees".format(*self.range)))
            keep &= outside
            listed.append((float(low), float(high)))
        if keep.sum() < 2:
            place = self.path or self.label or "pattern"
            raise InputError("the excluded regions leave no data", place=place, cure="exclude less")
        found = replace(self.mask(keep), excluded=tuple(sorted(set(listed))))
        return found._with_warnings(idle) if idle else found

    def _with_warnings(self, added: Sequence[Notice]) -> Pattern:
        """Return the pattern with warnings added to those of its file."""
        known = self.metadata.get("warnings", ())
        return replace(
            self, metadata={**self.metadata, "warnings": (*(known if isinstance(known, tuple) else ()), *added)}
        )

    def with_expected_sigma(self) -> Pattern:
        """Return the pattern with the sigmas of `expected_sigma` if it holds counts; sigmas of a file stay."""
        is_counts = self.sigma_source == "poisson" and are_whole(self.intensity)
        if not (is_counts and np.array_equal(self.sigma, poisson_sigma(self.intensity))):
            return self
        return replace(self, sigma=expected_sigma(self.intensity))

    def mask(self, keep: NDArray[np.bool_]) -> Pattern:
        """Return the points where `keep` (shape (n,)) is true."""
        return replace(self, two_theta=self.two_theta[keep], intensity=self.intensity[keep], sigma=self.sigma[keep])


def merged(pattern: Pattern, count: int) -> Pattern:
    """Return a pattern with each `count` neighbouring points as one, at their mean angle; not across gaps.

    Its intensities are means, and its uncertainties those of means.
    """
    if count < 2:
        return pattern
    steps = np.diff(pattern.two_theta)
    begins = np.concatenate([[0], np.flatnonzero(steps > 1.5 * np.median(steps)) + 1])
    starts = np.concatenate(
        [np.arange(begin, end, count) for begin, end in zip(begins, [*begins[1:], len(pattern)], strict=True)]
    )
    sizes = np.diff([*starts, len(pattern)])
    means = (np.add.reduceat(values, starts) / sizes for values in (pattern.two_theta, pattern.intensity))
    two_theta, intensity = means
    sigma = np.sqrt(np.add.reduceat(pattern.sigma**2, starts)) / sizes
    return replace(pattern, two_theta=two_theta, intensity=intensity, sigma=sigma)


def poisson_sigma(intensity: ArrayLike) -> FloatArray:
    """Return sqrt(max(counts, 1)): counting statistics, where an empty channel counts as one."""
    return np.sqrt(np.maximum(np.asarray(intensity, dtype=np.float64), 1.0))


def expected_sigma(counts: FloatArray) -> FloatArray:
    """Return sigmas of counts that do not follow the noise of their own points, shape (n,).

    Weights of observed counts prefer points that are too low by chance, which matters below about 30 counts. There,
    the variance is the mean of the neighbouring points, so many on both sides that they hold 25 counts (at most 32).

    Parameters
    ----------
    counts
        Counts of each point, shape (n,).
    """
    if counts.size > 1 and counts.min() >= FEW_COUNTS:
        return poisson_sigma(counts)  # no mean is smaller
    sums, place = np.concatenate([[0.0], np.cumsum(counts)]), np.arange(counts.size)
    means = np.full(counts.size, np.nan)
    for reach in NEIGHBOURS:
        first, end = np.maximum(place - reach, 0), np.minimum(place + reach + 1, counts.size)
        total = sums[end] - sums[first] - counts
        enough = np.isnan(means) & ((total >= ENOUGH_COUNTS) | (reach == NEIGHBOURS[-1]))
        means[enough] = (total / np.maximum(end - first - 1, 1))[enough]
    return np.sqrt(np.maximum(np.where(means < FEW_COUNTS, means, counts), 1.0))


def are_whole(intensity: FloatArray) -> bool:
    """Whether all intensities are whole numbers, as counts are."""
    return bool((intensity == np.rint(intensity)).all())


@public
def pattern_from_arrays(
    two_theta: ArrayLike,
    intensity: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    radiation: Radiation | str | float | None = None,
    label: str = "",
) -> Pattern:
    """Return a `Pattern` of plain arrays; without `sigma` the intensities are taken as counts (Poisson).

    Parameters
    ----------
    two_theta, intensity, sigma
        Degrees, ascending; intensities and their standard uncertainties, shape (n,) each.
    radiation
        A `Radiation`, a name ("CuKa") or a wavelength in angstrom.
    label
        Short name for legends and tables.

    Returns
    -------
    Pattern
        With the arrays as they are.

    Raises
    ------
    InputError
        If they are not a valid pattern.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.pattern_from_arrays([10.0, 10.1, 10.2], [400, 900, 100], radiation="CuKa").sigma.tolist()
    [20.0, 30.0, 10.0]
    """
    angles, counts = _numbers("two_theta", two_theta), _numbers("intensity", intensity)
    errors = poisson_sigma(counts) if sigma is None else _numbers("sigma", sigma)
    return Pattern(
        two_theta=angles,
        intensity=counts,
        sigma=errors,
        sigma_source="poisson" if sigma is None else "file",
        radiation=None if radiation is None else radiation_of(radiation),
        label=label,
        metadata={} if sigma is not None or are_whole(counts) else {"warnings": (NOT_COUNTS,)},
    )


def _numbers(name: str, values: ArrayLike) -> FloatArray:
    """Return values as numbers, shape (n,)."""
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("holds what is no number", argument=name, cure="give an array of numbers") from None
    return found


def _interval(region: tuple[float, float]) -> tuple[float, float]:
    """Return both ends of a region, degrees."""
    try:
        low, high = (float(end) for end in region)
    except (TypeError, ValueError):
        raise InputError(f"{region!r} is no region", argument="exclude", cure="give (LO, HI) in degrees") from None
    return low, high
