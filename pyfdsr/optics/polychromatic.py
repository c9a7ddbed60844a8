"""Imaging with light of several wavelengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from pyfdsr.optics.imaging import ImagingOptics

__all__ = ["PolychromaticImaging"]


@dataclass(frozen=True)
class PolychromaticImaging:
    r"""Coherent low-pass imagers, one a wavelength, whose intensities add up.

    An aperture of the Fourier plane is a piece of matter: it passes frequencies up to a fixed angle, that is
    :math:`\nu \propto 1/\lambda`. On the padded grid :math:`N\lambda/\lambda_0`, a real number, this is the
    same number of bins for every wavelength.

    Parameters
    ----------
    grid : int or (int, int)
        Padded grid N at the design wavelength.
    cutoff_bins : float
        Radius of the filter in bins, as for :class:`ImagingOptics`.
    wavelengths : sequence of float
        Metres.
    design_wavelength : float
        λ₀, metres.
    weights : sequence of float, optional
        Share of each wavelength in the objects' intensity; by default equal. They must add up to 1.

    Raises
    ------
    TypeError, ValueError
        If a number is not positive, the weights do not fit, or the filter exceeds a grid.

    References
    ----------
    Section 4 of the all-optical super-resolution paper: {400, 550, 700} nm.

    Examples
    --------
    >>> optics = PolychromaticImaging(grid=336, wavelengths=(400e-9, 550e-9, 700e-9))
    >>> [round(imager.grid[0], 2) for imager in optics.imagers]
    [244.36, 336.0, 427.64]
    """

    grid: Any = 336
    cutoff_bins: float = 13.5757
    wavelengths: Sequence[float] = (400e-9, 550e-9, 700e-9)
    design_wavelength: float = 550e-9
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        wavelengths = tuple(self.wavelengths)
        if not wavelengths:
            raise ValueError("wavelengths=(): at least one is needed")
        for name, values in (("wavelengths", wavelengths), ("design_wavelength", (self.design_wavelength,))):
            for value in values:
                if isinstance(value, bool) or not isinstance(value, Real):
                    raise TypeError(f"{name}={value!r}: must be a real number")
                if not (math.isfinite(value) and value > 0):
                    raise ValueError(f"{name}={value!r}: must be finite and greater than 0")
        weights = (1 / len(wavelengths),) * len(wavelengths) if self.weights is None else tuple(self.weights)
        if len(weights) != len(wavelengths):
            raise ValueError(f"weights has {len(weights)} entries: must have {len(wavelengths)}")
        if min(weights) < 0 or abs(sum(weights) - 1) > 1e-9:
            raise ValueError(f"weights={weights!r}: must be 0 or greater and add up to 1")
        object.__setattr__(self, "wavelengths", wavelengths)
        object.__setattr__(self, "weights", weights)
        shape = self.grid if isinstance(self.grid, (tuple, list)) else (self.grid, self.grid)
        imagers = (
            ImagingOptics(tuple(float(n * w / self.design_wavelength) for n in shape), self.cutoff_bins)
            for w in wavelengths
        )
        object.__setattr__(self, "imagers", tuple(imagers))

    def intensity(self, intensity: Any, support: int | tuple[int, int]) -> Any:
        """Low-resolution intensity of all wavelengths together.

        Parameters
        ----------
        intensity : float array or tensor [..., Sy, Sx]
            Object intensity of all wavelengths together.
        support : int or (int, int)
            Window of the result; grids of real numbers have no whole.

        Returns
        -------
        real array or tensor [..., Ty, Tx]

        Raises
        ------
        TypeError, ValueError
            As :meth:`ImagingOptics.field`.
        """
        pairs = zip(self.weights, self.imagers, strict=True)
        return sum(weight * imager.intensity(intensity, support) for weight, imager in pairs)

    def window_intensity(self, intensity: Any) -> Any:
        """Low-resolution intensity in the object's own window [..., Sy, Sx]."""
        return self.intensity(intensity, tuple(int(size) for size in intensity.shape[-2:]))
