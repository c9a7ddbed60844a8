"""Imperfections of 4f networks, in the words of the chip's parameters: masks, their alignment, the camera.

A mask is written by phase converters, has pixels that do not answer, and stands a little displaced and
rotated against the frequencies it should meet; the camera counts photons and digitises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from pyfdsr import functional
from pyfdsr.functional.sample_numbers import current_sample_offset

from .parameters import (
    ADCParameters,
    DACParameters,
    NoiseParameters,
    Section,
    choice_of,
    integer_of,
    number_of,
)

__all__ = ["FourFImperfections", "ImperfectFourF"]

# What a stream of random numbers is for: the last word of its key.
_DEAD, _SHIFT, _ROTATION, _GAIN, _PHASE, _JITTER, _CAMERA = range(7)


@dataclass(frozen=True)
class FourFImperfections(Section):
    """What is wrong with a 4f network.

    Parameters
    ----------
    mask : DACParameters
        `bits` of the phase: ``2**bits`` values of a full turn (0: continuous). The other fields are not used.
    camera : ADCParameters
        `bits` and `range` of the intensity, from 0 to the full scale in ``2**bits - 1`` levels; the range is
        a number or ``"abs_max"`` (of each image).
    noise : NoiseParameters
        `shot_photons` at the camera's full scale; `out_noise` of its readout, relative to the full scale;
        `gain_std` and `phase_std` of the masks' pixels; `phase_noise` of them, new at every step. The other
        fields are not used.
    dead_pixels : float
        Fraction of the masks' pixels that do not answer, 0 to 1.
    dead_state : {"dark", "stuck"}
        Whether they let no light through or keep the phase 0.
    shift : float
        Standard deviation of a mask's displacement along each axis, in pixels.
    rotation : float
        Standard deviation of a mask's rotation about its centre, radians.
    seed : int
        Identity of the device, and of its noise.

    Raises
    ------
    ValueError, TypeError
        Naming the field, its value and the rule.

    Examples
    --------
    >>> FourFImperfections(dead_pixels=2)
    Traceback (most recent call last):
        ...
    ValueError: dead_pixels=2.0: must lie in [0, 1]
    """

    mask: DACParameters = field(default_factory=lambda: DACParameters(bits=0))
    camera: ADCParameters = field(default_factory=lambda: ADCParameters(bits=0, range="abs_max"))
    noise: NoiseParameters = field(default_factory=NoiseParameters)
    dead_pixels: float = 0.0
    dead_state: str = "dark"
    shift: float = 0.0
    rotation: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in (("mask", DACParameters), ("camera", ADCParameters), ("noise", NoiseParameters)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name}={getattr(self, name)!r}: must be a {kind.__name__}")
        if self.camera.range in ("worst_case", "calibrated"):
            raise ValueError(f"camera.range={self.camera.range!r}: must be a number or 'abs_max'")
        rule = "must lie in [0, 1]"
        self._set("dead_pixels", number_of("dead_pixels", self.dead_pixels, rule, lambda v: 0 <= v <= 1))
        choice_of("dead_state", self.dead_state, ("dark", "stuck"))
        for name in ("shift", "rotation"):
            rule = "must be 0 or greater"
            self._set(name, number_of(name, getattr(self, name), rule, lambda v: v >= 0))
        rule = "must be an integer from 0 to 2**63 - 1"
        self._set("seed", integer_of("seed", self.seed, rule, lambda v: 0 <= v < 2**63))

    def _draw(self, purpose: int, *counter: int) -> np.random.Generator:
        words = [*counter, 0, 0, 0][:3]
        return np.random.Generator(np.random.Philox(key=[self.seed, purpose], counter=[0, *words]))

    def masks(self, phases: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """Masks as light meets them.

        Parameters
        ----------
        phases : Tensor, [L, My, Mx]
            Phases as they should be, radians.
        step : int
            What `phase_noise` depends on.

        Returns
        -------
        phase : Tensor, [L, My, Mx]
            Carries gradients to `phases`; straight through the rounding.
        amplitude : Tensor, [L, My, Mx]
            Transmission, without gradient.
        """
        written = phases
        if self.mask.bits:
            unit = 2 * math.pi / 2**self.mask.bits
            written = phases + ((phases / unit).round() * unit - phases).detach()
        shape, noise = tuple(phases.shape), self.noise
        amplitude = np.ones(shape)
        if noise.gain_std:
            amplitude *= 1 + noise.gain_std * self._draw(_GAIN).standard_normal(shape)
        errors = np.zeros(shape)
        if noise.phase_std:
            errors += noise.phase_std * self._draw(_PHASE).standard_normal(shape)
        if noise.phase_noise:
            errors += noise.phase_noise * self._draw(_JITTER, step).standard_normal(shape)
        written = written + torch.as_tensor(errors, dtype=phases.dtype)
        if self.dead_pixels:
            dead = torch.from_numpy(self._draw(_DEAD).random(shape) < self.dead_pixels)
            written = written.masked_fill(dead, 0.0)
            amplitude = np.where(dead.numpy() & (self.dead_state == "dark"), 0.0, amplitude)
        transmission = torch.as_tensor(amplitude, dtype=phases.dtype)
        if not (self.shift or self.rotation):
            return written, transmission
        moved = self._displaced(torch.polar(transmission, written))
        # The phase of no light is of no consequence, but its gradient would not be a number.
        lit = torch.where(moved.detach().abs() > 0, moved, torch.ones_like(moved))
        return lit.angle(), moved.detach().abs()

    def _displaced(self, transmission: Tensor) -> Tensor:
        """What each frequency meets of shifted and rotated masks: the four nearest pixels, by area."""
        layers, height, width = transmission.shape
        shifts = self.shift * self._draw(_SHIFT).standard_normal((layers, 2))
        angles = self.rotation * self._draw(_ROTATION).standard_normal(layers)
        y, x = np.meshgrid(np.arange(height) - height // 2, np.arange(width) - width // 2, indexing="ij")
        moved = []
        for mask, (dy, dx), angle in zip(transmission, shifts, angles, strict=True):
            source_y = math.cos(angle) * y - math.sin(angle) * x - dy + height // 2
            source_x = math.sin(angle) * y + math.cos(angle) * x - dx + width // 2
            base_y, base_x = np.floor(source_y), np.floor(source_x)
            total = torch.zeros_like(mask)
            for i in (0, 1):
                for j in (0, 1):
                    at_y, at_x = base_y + i, base_x + j
                    weight = (1 - np.abs(source_y - at_y)) * (1 - np.abs(source_x - at_x))
                    # Beyond the mask there is nothing that lets light through.
                    inside = (at_y >= 0) & (at_y < height) & (at_x >= 0) & (at_x < width)
                    index = (
                        torch.from_numpy(at_y.clip(0, height - 1).astype(int)),
                        torch.from_numpy(at_x.clip(0, width - 1).astype(int)),
                    )
                    total = total + mask[index] * torch.as_tensor(weight * inside, dtype=mask.real.dtype)
            moved.append(total)
        return torch.stack(moved)

    def photographed(self, intensity: Tensor, step: int = 0) -> Tensor:
        """Intensities as the camera reads them; gradients go straight through where nothing was clipped.

        Parameters
        ----------
        intensity : Tensor, [..., Ty, Tx]
            The leading axes together number the samples, from that of :func:`pyfdsr.chip.sample_offset` on.
        step : int
            What the noise depends on.

        Returns
        -------
        Tensor, [..., Ty, Tx]
        """
        noise, bits = self.noise, self.camera.bits
        images = intensity.detach().reshape(-1, *intensity.shape[-2:])
        if isinstance(self.camera.range, float):
            scale = torch.full((len(images), 1, 1), self.camera.range, dtype=images.dtype)
        else:
            scale = images.amax((-2, -1), keepdim=True)
        read = images
        if noise.shot_photons is not None or noise.out_noise:
            first = current_sample_offset()
            drawn = (
                np.stack(
                    [
                        self._draw(_CAMERA, step, first + n).standard_normal(images.shape[1:])
                        for n in range(len(images))
                    ]
                )
                if len(images)
                else np.zeros(images.shape)
            )
            per_photon = 0.0 if noise.shot_photons is None else scale / noise.shot_photons
            deviation = (images * per_photon + (noise.out_noise * scale) ** 2).sqrt()
            read = images + deviation * torch.as_tensor(drawn, dtype=images.dtype)
        inside = torch.ones_like(read, dtype=torch.bool)
        if bits:
            inside = (read >= 0) & (read <= scale)
            most = 2**bits - 2
            unit = torch.where(scale > 0, scale / most, torch.ones_like(scale))
            read = (read / unit).round().clamp(0, most) * unit
        read, inside = read.reshape(intensity.shape), inside.reshape(intensity.shape)
        return read + (intensity - intensity.detach()) * inside


class ImperfectFourF(nn.Module):
    """A 4f network, such as :class:`pyfdsr.models.AOSRNN`, with imperfect masks and camera.

    Parameters
    ----------
    network : torch.nn.Module
        Has the `phases`, `grid`, `support`, `nonlinearity` and `imaging_aperture` of an AOSRNN; its
        parameters are trained through this module.
    imperfections : FourFImperfections

    Attributes
    ----------
    step : int
        What the noise depends on; set by the caller.

    Raises
    ------
    TypeError
        If `network` lacks one of them, or `imperfections` is something else.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.chip import ADCParameters, DACParameters, FourFImperfections, ImperfectFourF
    >>> from pyfdsr.models import AOSRNN
    >>> network = AOSRNN(num_layers=2, support=12, band=12, grid=36)
    >>> coarse = FourFImperfections(mask=DACParameters(bits=4), camera=ADCParameters(8, "abs_max"))
    >>> ImperfectFourF(network, coarse)(torch.rand(3, 12, 12)).shape
    torch.Size([3, 12, 12])
    """

    def __init__(self, network: nn.Module, imperfections: FourFImperfections) -> None:
        super().__init__()
        needed = ("phases", "grid", "support", "nonlinearity", "imaging_aperture")
        lacking = [name for name in needed if not hasattr(network, name)]
        if not isinstance(network, nn.Module) or lacking:
            raise TypeError(f"network is a {type(network).__name__}: must be a 4f network such as AOSRNN")
        if not isinstance(imperfections, FourFImperfections):
            raise TypeError(f"imperfections={imperfections!r}: must be a FourFImperfections")
        self.network, self.imperfections, self.step = network, imperfections, 0

    def forward(self, field: Tensor) -> Tensor:
        """Send fields [..., Sy, Sx] through the network to the camera: intensities [..., Ty, Tx]."""
        return self._run(field, None)

    def image(self, intensity: Tensor) -> Tensor:
        """Send object intensities [..., Sy, Sx] through the imaging optics, the network and the camera.

        Raises
        ------
        ValueError
            If the network has no imaging optics.
        """
        if self.network.imaging_aperture is None:
            raise ValueError("imaging=None: image() needs a network built with imaging=ImagingOptics(...)")
        return self._run(intensity.sqrt(), self.network.imaging_aperture)

    def _run(self, field: Tensor, imaging: Tensor | None) -> Tensor:
        network = self.network
        phases, amplitude = self.imperfections.masks(network.phases, self.step)
        if imaging is not None:
            amplitude = torch.cat([amplitude[:1] * imaging, amplitude[1:]])
        out = functional.four_f_stack(
            field,
            phases,
            network.grid,
            network.nonlinearity,
            support=network.support,
            aperture=amplitude,
            intensity=True,
        )
        return self.imperfections.photographed(out, self.step)

    def extra_repr(self) -> str:
        """Return the imperfections."""
        return repr(self.imperfections)
