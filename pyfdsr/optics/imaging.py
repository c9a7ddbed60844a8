"""Ideal coherent imaging: the optics that make the low-resolution input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfdsr.optics.apertures import circular_aperture
from pyfdsr.optics.arrays import compiling, engine, is_tensor, like, namespace, real_and_complex

__all__ = ["ImagingOptics"]


@dataclass(frozen=True)
class ImagingOptics:
    """Coherent low-pass imager: the field √I of an object, spectrum cut at a sharp circle.

    Parameters
    ----------
    grid : int or (int, int)
        Padded grid N on which frequencies are counted; a real number is accepted where `support` is given.
    cutoff_bins : float
        Radius of the filter in bins of that grid: √(kx² + ky²) < `cutoff_bins` passes.

    Notes
    -----
    The default radius passes |k| ≤ 13 along an axis: the paper's default optics with a resolution of 51.7 µm.
    Only the bins inside the circle are ever computed: a windowed DFT to them, and one back.

    Examples
    --------
    >>> optics = ImagingOptics(grid=24, cutoff_bins=3.5)
    >>> optics.band
    7
    >>> optics.transfer(9).shape
    (9, 9)
    """

    grid: Any = 336
    cutoff_bins: float = 13.5757

    def __post_init__(self) -> None:
        shape = tuple(self.grid) if isinstance(self.grid, (tuple, list)) else (self.grid, self.grid)
        if len(shape) != 2 or not all(
            isinstance(n, (int, float, Integral)) and math.isfinite(n) for n in shape
        ):
            raise TypeError(f"grid={self.grid!r}: must be a finite number or a (y, x) pair")
        if min(shape) <= 0:
            raise ValueError(f"grid={self.grid!r}: must be greater than 0")
        if isinstance(self.cutoff_bins, bool) or not isinstance(self.cutoff_bins, (int, float, Integral)):
            raise TypeError(f"cutoff_bins={self.cutoff_bins!r}: must be a real number")
        if not (math.isfinite(self.cutoff_bins) and self.cutoff_bins > 0):
            raise ValueError(f"cutoff_bins={self.cutoff_bins!r}: must be finite and greater than 0")
        if self.band > min(shape):
            raise ValueError(
                f"cutoff_bins={self.cutoff_bins!r}: its {self.band} bins must fit in grid={self.grid!r}"
            )
        if isinstance(self.grid, list):
            object.__setattr__(self, "grid", tuple(self.grid))

    @property
    def band(self) -> int:
        """Width in bins of the smallest band that holds the filter; odd."""
        return 2 * math.ceil(self.cutoff_bins) - 1

    def transfer(self, band: int | tuple[int, int], dtype: Any = np.float32) -> NDArray[Any]:
        """Return the filter on a band [My, Mx] of frequency bins, zero frequency at M//2: 0 or 1."""
        return circular_aperture(band, self.cutoff_bins, dtype)

    def field(self, intensity: Any, support: int | tuple[int, int] | None = None) -> Any:
        """Low-resolution field of an object.

        Parameters
        ----------
        intensity : float array or tensor [..., Sy, Sx]
            Object intensity, 0 or greater, centred in the padded grid.
        support : int or (int, int), optional
            Window of the result; the whole padded grid by default.

        Returns
        -------
        complex array or tensor [..., Ny, Nx], or [..., Ty, Tx] with `support`

        Raises
        ------
        TypeError, ValueError
            If `intensity` is not real floating point, has fewer than two axes, is negative somewhere (looked
            for in arrays and CPU tensors) or larger than the grid; if the grid is a real number and no
            `support` is given.
        """
        intensity = real_and_complex("intensity", intensity, allow_complex=False)
        self._check_size("intensity", intensity, support)
        # Looking at values makes the host wait for another device: there, NaN is what comes of them.
        looked_at = not is_tensor(intensity) or intensity.device.type == "cpu"
        if looked_at and not compiling() and (intensity < 0).any():
            raise ValueError(f"intensity has minimum {float(intensity.min())!r}: must be 0 or greater")
        return self.low_pass(namespace(intensity).sqrt(intensity), support)

    def low_pass(self, field: Any, support: int | tuple[int, int] | None = None) -> Any:
        """Send a field through the optics.

        Parameters
        ----------
        field : float or complex array or tensor [..., Sy, Sx]
            Centred in the padded grid.
        support : int or (int, int), optional
            Window of the result; the whole padded grid by default.

        Returns
        -------
        complex array or tensor [..., Ny, Nx], or [..., Ty, Tx] with `support`

        Raises
        ------
        TypeError, ValueError
            If `field` is not floating point, has fewer than two axes or is larger than the grid; if the grid
            is a real number and no `support` is given.
        """
        field = real_and_complex("field", field)
        self._check_size("field", field, support)
        if is_tensor(field):
            field = field + 0j
        else:
            field = field.astype(np.result_type(field.dtype, np.complex64))
        passed = like(self.transfer(self.band), field)
        spectrum = engine(field).windowed_dft(field, self.grid, self.band) * passed
        return engine(field).windowed_idft(spectrum, self.grid, self.grid if support is None else support)

    def _check_size(self, name: str, field: Any, support: Any) -> None:
        shape = self.grid if isinstance(self.grid, tuple) else (self.grid, self.grid)
        if any(size > length for size, length in zip(field.shape[-2:], shape, strict=True)):
            raise ValueError(
                f"{name} has shape {tuple(field.shape)}: must not be larger than grid={self.grid!r}"
            )
        if support is None and not all(isinstance(length, Integral) for length in shape):
            raise ValueError(f"grid={self.grid!r}: a real-number grid has no whole; give support")

    def intensity(self, intensity: Any, support: int | tuple[int, int] | None = None) -> Any:
        """Low-resolution intensity |field|² of an object; arguments and shapes as :meth:`field`."""
        field = self.field(intensity, support)
        return field.real**2 + field.imag**2

    def window_intensity(self, intensity: Any) -> Any:
        """Low-resolution intensity in the object's own window [..., Sy, Sx]."""
        return self.intensity(intensity, tuple(int(size) for size in intensity.shape[-2:]))
