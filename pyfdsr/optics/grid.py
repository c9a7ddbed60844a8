"""Sampling of an optical system in SI units, and the figures that follow from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

__all__ = ["OpticalGrid"]

PerAxis = Any  # one number, or a (y, x) pair where the axes differ


def _per_axis(function: Callable[..., float], *arguments: Any) -> PerAxis:
    """Apply `function` axis by axis; one number where the axes agree, a (y, x) pair where they do not."""
    pairs = [value if isinstance(value, tuple) else (value, value) for value in arguments]
    results = tuple(function(*values) for values in zip(*pairs, strict=True))
    return results[0] if results[0] == results[1] else results


def _checked(name: str, value: Any, whole: bool, pairs: bool) -> Any:
    """Return a positive number, or a (y, x) pair of them, as Python numbers."""
    if isinstance(value, (tuple, list)):
        if not pairs or len(value) != 2:
            raise ValueError(
                f"{name}={value!r}: must be {'one number or a (y, x) pair' if pairs else 'one number'}"
            )
        return tuple(_checked(name, entry, whole, False) for entry in value)
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        raise TypeError(f"{name}={value!r}: must be {'an integer' if whole else 'a real number'}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}={value!r}: must be finite and greater than 0")
    return int(value) if isinstance(value, Integral) else float(value)


@dataclass(frozen=True)
class OpticalGrid:
    """Window, padded grid and frequency band of a 4f system, with its sample pitch and wavelength.

    Parameters
    ----------
    pitch : float
        Distance between field samples, metres.
    support : int or (int, int)
        Samples S of the field window.
    grid : int, float or a pair
        Samples N of the padded grid; at least `support` and `band`. A real number serves polychromatic light.
    band : int or (int, int)
        Frequencies M that the Fourier-plane mask passes.
    wavelength : float
        Vacuum wavelength, metres.

    Raises
    ------
    TypeError, ValueError
        If a number is not positive and finite, or window or band do not fit in the grid.

    Notes
    -----
    A cutoff here is the *full two-sided* width f_c of the passed band. Two conventions of the numerical
    aperture are in use: the usual half-width NA = λ·f_c/2, and the paper's full-width λ·f_c, twice as large.

    References
    ----------
    Section 2 of the all-optical super-resolution paper: f_c = 83 333.3 1/m, resolution 12 µm.

    Examples
    --------
    >>> grid = OpticalGrid.paper()
    >>> round(grid.frequency_step, 2), round(grid.cutoff, 1), round(grid.resolution * 1e6, 6)
    (744.05, 83333.3, 12.0)
    >>> round(grid.numerical_aperture, 6), round(grid.numerical_aperture_full_width, 6)
    (0.022917, 0.045833)
    >>> round(grid.imaging_resolution(13.5757) * 1e6, 1)
    51.7
    """

    pitch: float
    support: Any
    grid: Any
    band: Any
    wavelength: float

    def __post_init__(self) -> None:
        rules = {
            "pitch": (False, False),
            "support": (True, True),
            "grid": (False, True),
            "band": (True, True),
        }
        for name, (whole, pairs) in {**rules, "wavelength": (False, False)}.items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), whole, pairs))
        for name in ("support", "band"):
            fits = _per_axis(lambda size, length: size <= length, getattr(self, name), self.grid)
            if fits is not True:
                raise ValueError(
                    f"{name}={getattr(self, name)!r}: must not be larger than grid={self.grid!r}"
                )

    @classmethod
    def paper(cls) -> OpticalGrid:
        """Return the paper's system: 4 µm pitch, window and mask of 112 samples, grid of 336, 550 nm."""
        return cls(pitch=4e-6, support=112, grid=336, band=112, wavelength=550e-9)

    @property
    def frequency_step(self) -> PerAxis:
        """Distance between frequency bins 1/(N·pitch), 1/m."""
        return _per_axis(lambda n: 1 / (n * self.pitch), self.grid)

    @property
    def cutoff(self) -> PerAxis:
        """Full two-sided width f_c of the mask's band, 1/m."""
        return _per_axis(lambda m, n: m / (n * self.pitch), self.band, self.grid)

    @property
    def resolution(self) -> PerAxis:
        """Smallest resolved period 1/f_c, metres."""
        return _per_axis(lambda cutoff: 1 / cutoff, self.cutoff)

    @property
    def numerical_aperture(self) -> PerAxis:
        """Usual (half-width) numerical aperture λ·f_c/2."""
        return _per_axis(lambda cutoff: self.wavelength * cutoff / 2, self.cutoff)

    @property
    def numerical_aperture_full_width(self) -> PerAxis:
        """Numerical aperture as the paper counts it, λ·f_c: twice the usual one."""
        return _per_axis(lambda cutoff: self.wavelength * cutoff, self.cutoff)

    @property
    def window_width(self) -> PerAxis:
        """Width of the field window S·pitch, metres."""
        return _per_axis(lambda s: s * self.pitch, self.support)

    @property
    def nyquist_frequency(self) -> float:
        """Largest frequency that the pitch can represent, 1/(2·pitch), 1/m."""
        return 1 / (2 * self.pitch)

    @property
    def alias_free_order(self) -> int:
        """Largest order p such that a product of p band-limited fields does not alias at all: p·M ≤ N.

        A Kerr layer's leading term is a product of three fields, so an order of 3 or more represents it.
        """
        return min(self._orders(lambda m, n: n / m))

    @property
    def alias_free_order_in_band(self) -> int:
        """Largest order p whose aliases stay outside the next mask's band: (p + 1)·M ≤ 2·N."""
        return min(self._orders(lambda m, n: 2 * n / m - 1))

    def _orders(self, function: Callable[[float, float], float]) -> tuple[int, ...]:
        orders = _per_axis(lambda m, n: math.floor(function(m, n)), self.band, self.grid)
        return orders if isinstance(orders, tuple) else (orders,)

    def imaging_cutoff(self, cutoff_bins: float) -> PerAxis:
        """Full two-sided cutoff of imaging optics that pass bins with √(kx²+ky²) < `cutoff_bins`, 1/m.

        Bins are integers, so the passed width along an axis is 2·(⌈cutoff_bins⌉ − 1) steps.
        """
        radius = _checked("cutoff_bins", cutoff_bins, False, False)
        return _per_axis(lambda step: 2 * (math.ceil(radius) - 1) * step, self.frequency_step)

    def imaging_resolution(self, cutoff_bins: float) -> PerAxis:
        """Resolution 1/f_c of imaging optics of that radius, metres; infinite if only k = 0 passes."""
        return _per_axis(lambda f: 1 / f if f else math.inf, self.imaging_cutoff(cutoff_bins))

    def at_wavelength(self, wavelength: float) -> OpticalGrid:
        """Return the same physical system seen by another wavelength: padded grid N·λ/λ₀, a real number.

        Examples
        --------
        >>> OpticalGrid.paper().at_wavelength(700e-9).grid
        427.6363636363636
        """
        ratio = _checked("wavelength", wavelength, False, False) / self.wavelength
        return replace(self, grid=_per_axis(lambda n: float(n * ratio), self.grid), wavelength=wavelength)
