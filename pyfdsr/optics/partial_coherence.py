"""Imaging with a source of finite size: the light of its points adds up in intensity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfdsr.optics.apertures import circular_aperture
from pyfdsr.optics.arrays import compiling, engine, like, namespace, real_and_complex
from pyfdsr.optics.imaging import ImagingOptics

__all__ = ["PartiallyCoherentImaging"]


@dataclass(frozen=True)
class PartiallyCoherentImaging:
    r"""Low-pass imager lit by a circular incoherent source, summed over the source's points (Abbe).

    A point of the source lights the object by a tilted wave, which shifts the object's spectrum across the
    pupil by whole bins **s**; the image is the mean over the points of
    :math:`|\mathcal F^{-1}[H(\mathbf k + \mathbf s)\,\mathcal F(\sqrt I)]|^2`. A source of radius 0 is the
    coherent :class:`ImagingOptics`; one as large as the pupil or larger approaches incoherent imaging.

    Parameters
    ----------
    grid : int or (int, int)
        Padded grid N on which frequencies are counted.
    cutoff_bins : float
        Radius of the pupil in bins, as for :class:`ImagingOptics`.
    source_bins : float
        Radius of the source in the same bins: their ratio is the coherence factor σ.
    step : int
        Distance between neighbouring points of the source, bins.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, or pupil and source together exceed the grid.

    References
    ----------
    J. W. Goodman, Statistical Optics, chapter on image formation in partially coherent light.

    Examples
    --------
    >>> import numpy as np
    >>> optics = PartiallyCoherentImaging(grid=48, cutoff_bins=5.5, source_bins=3.0)
    >>> len(optics.points), optics.window_intensity(np.ones((2, 16, 16))).shape
    (29, (2, 16, 16))
    """

    grid: Any = 336
    cutoff_bins: float = 13.5757
    source_bins: float = 0.0
    step: int = 1

    def __post_init__(self) -> None:
        ImagingOptics(self.grid, self.cutoff_bins)
        if not (np.isfinite(self.source_bins) and self.source_bins >= 0):
            raise ValueError(f"source_bins={self.source_bins!r}: must be finite and 0 or greater")
        if isinstance(self.step, bool) or not isinstance(self.step, int) or self.step < 1:
            raise ValueError(f"step={self.step!r}: must be an integer of 1 or greater")
        shape = self.grid if isinstance(self.grid, (tuple, list)) else (self.grid, self.grid)
        if self.band > min(shape):
            raise ValueError(
                f"source_bins={self.source_bins!r}: pupil and source take {self.band} bins, which must "
                f"fit in grid={self.grid!r}"
            )

    @property
    def points(self) -> NDArray[np.int64]:
        """Points of the source [P, 2], (y, x) in bins; the centre is among them."""
        reach = int(self.source_bins) // self.step
        axis = self.step * np.arange(-reach, reach + 1)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        inside = y**2 + x**2 <= self.source_bins**2
        return np.stack([y[inside], x[inside]], axis=1)

    @property
    def band(self) -> int:
        """Width in bins of the band that every point needs; odd."""
        return 2 * int(np.ceil(self.cutoff_bins) - 1 + int(self.source_bins)) + 1

    def intensity(self, intensity: Any, support: int | tuple[int, int]) -> Any:
        """Low-resolution intensity of an object.

        Parameters
        ----------
        intensity : float array or tensor [..., Sy, Sx]
            Object intensity, 0 or greater, centred in the padded grid.
        support : int or (int, int)
            Window of the result.

        Returns
        -------
        real array or tensor [..., Ty, Tx]

        Raises
        ------
        TypeError, ValueError
            If `intensity` is not real floating point, is negative somewhere, or does not fit.
        """
        intensity = real_and_complex("intensity", intensity, allow_complex=False)
        if not compiling() and (intensity < 0).any():
            raise ValueError(f"intensity has minimum {float(intensity.min())!r}: must be 0 or greater")
        field = namespace(intensity).sqrt(intensity)
        spectrum = engine(field).windowed_dft(field, self.grid, self.band)
        pupil = circular_aperture(self.band, self.cutoff_bins)
        total = 0
        points = self.points
        for y, x in points:
            # The pupil never reaches the edge of the band: what rolls over is zero.
            passed = spectrum * like(np.roll(pupil, (-y, -x), (0, 1)), spectrum)
            image = engine(field).windowed_idft(passed, self.grid, support)
            total = total + image.real**2 + image.imag**2
        return total / len(points)

    def window_intensity(self, intensity: Any) -> Any:
        """Low-resolution intensity in the object's own window [..., Sy, Sx]."""
        return self.intensity(intensity, tuple(int(size) for size in intensity.shape[-2:]))
