"""What frames of the emulated chip take from its configuration and from a call."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .chip_counts import Gauge
from .chip_noise import Purpose, normals

__all__ = ["FrameCall", "FrameSettings", "RunFrames"]


@dataclass(frozen=True)
class FrameSettings:
    """The chip as a frame sees it; errors that change from frame to frame are scaled already."""

    frame: tuple[int, int]
    dac_bits: int = 0
    adc_bits: int = 0
    encoding: str = "cartesian"
    linearise: bool = False
    phase_step: bool = False
    slicing: str = "none"
    slices: int = 1
    shots: int = 1
    reference: float = 1.0
    inp_noise: float = 0.0
    out_noise: float = 0.0
    phase_noise: float = 0.0
    photons: float = 0.0
    crosstalk: float = 0.0
    gain: bytes = b""
    electronic_dc: bool = False

    @classmethod
    def of(cls, config: Any, gain: bytes, noise_scale: float) -> FrameSettings:
        """Derive them from a configuration, its static factors and a factor of the noise."""
        noise = config.noise
        photons = noise.shot_photons or 0.0
        return cls(
            frame=config.frame,
            dac_bits=config.dac.bits,
            adc_bits=config.adc.bits,
            encoding=config.dac.encoding,
            linearise=config.dac.linearise,
            phase_step=config.detection == "intensity_phase_step",
            slicing=config.precision.slicing,
            slices=config.slices,
            shots=config.precision.shots,
            reference=config.reference_amplitude,
            inp_noise=noise.inp_noise * noise_scale,
            out_noise=noise.out_noise * noise_scale,
            phase_noise=noise.phase_noise * noise_scale,
            photons=photons / noise_scale**2 if noise_scale else 0.0,
            crosstalk=noise.crosstalk,
            gain=gain,
            electronic_dc=config.dc == "electronic",
        )

    def ideal(self) -> FrameSettings:
        """Return those of the same frames with ideal converters and no errors."""
        return FrameSettings(self.frame)

    def without_dc(self) -> FrameSettings:
        """Return those of a transform whose mean is written like all else."""
        return replace(self, electronic_dc=False)

    @property
    def repeats(self) -> int:
        """Frames of one write."""
        return self.slices * self.shots

    @property
    def area(self) -> int:
        """Elements of a frame."""
        return self.frame[0] * self.frame[1]

    def tally(self, frames: int, products: int = 0) -> dict[str, int]:
        """Frames and conversions: two an element, three where intensities step the phase.

        Frames that multiply write a field and the factors.
        """
        return {
            "frames": frames,
            "dac_conversions": 2 * (frames + products) * self.area,
            "adc_conversions": (3 if self.phase_step else 2) * frames * self.area,
        }

    def slice_weight(self, number: int) -> float:
        """Return the weight of what one slice reads."""
        if self.slicing == "none":
            return 1.0
        if self.slicing == "thermometer":
            return 1.0 / self.slices
        radix = 2.0 ** (self.dac_bits - 1)
        return radix**number * (radix - 1) / (radix**self.slices - 1)


@dataclass
class FrameCall:
    """What a call says of its frames beside their field.

    Parameters
    ----------
    settings : FrameSettings
    inverse : bool
    window : (int, int)
        Rows and columns that are read, from frequency 0 on.
    real_output : bool
    dac_range, adc_range : float
        Full scales; 0 is the largest value of each frame, an ADC's of -1 the worst case of the DAC's.
    key : (int, int)
    numbers, samples : Tensor, [F], int64
        What random numbers depend on, of the first slice and shot.
    factor : Tensor or None, [F, y, x, 2]
        What the field is multiplied by before the transform.
    factor_scale : Tensor or None, [F]
        Full scale of its DAC, in the wide precision.
    counted : Tensor or None, [F, rows, columns, q], bool
        Which of the values read count; None: all.
    gauge : Gauge or None
    stage : int
        Row of the gauge's histograms.
    keep : bool
        Whether to return the share of each value that its readings did not clip.
    """

    settings: FrameSettings
    inverse: bool
    window: tuple[int, int]
    real_output: bool
    dac_range: float
    adc_range: float
    key: tuple[int, int]
    numbers: Tensor
    samples: Tensor
    factor: Tensor | None = None
    factor_scale: Tensor | None = None
    counted: Tensor | None = None
    gauge: Gauge | None = None
    stage: int = 0
    keep: bool = False

    def normals(self, purpose: Purpose, numbers: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Draw standard normal deviates for frames of these numbers, [F, *shape]."""
        drawn = normals(self.key, numbers, self.samples, purpose, math.prod(shape))
        return drawn.reshape(-1, *shape).to(dtype)


RunFrames = Callable[[Tensor, FrameCall], tuple[Tensor, Tensor | None]]
"""Who computes frames: :func:`pyfdsr.backends.by_torch.chip_frame.run_frames`, or what does the same."""
