"""How frames of the emulated chip are read: detection, noise, ADCs.

Operations and their order are the core's (csrc/kernels/leaves_chip_frame.cpp).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .chip_converters import dark, quantised, quantised_from_zero
from .chip_noise import Purpose
from .chip_settings import FrameCall

__all__ = ["Reading"]


class Reading:
    """The reading of one call's frames.

    Parameters
    ----------
    dac_range : Tensor, [F or 1, 1, 1, 1]
    real : bool
        Whether the field that was written is.
    call : FrameCall

    Attributes
    ----------
    adc_range : Tensor or None
        Full scale, if it does not depend on what is read.
    joined_noise : bool
        White circular noise stays so under a phase and a unitary transform. Where nothing but a linear
        readout with a known full scale follows, one draw before the ADC stands for both noises.
    """

    def __init__(self, dac_range: Tensor, real: bool, call: FrameCall) -> None:
        self.dac_range, self.real, self.call, self.s = dac_range, real, call, call.settings
        self.adc_range = self._known_adc_range()
        linear = not self.s.phase_step and self.s.photons == 0 and call.factor is None
        self.joined_noise = self.s.inp_noise != 0 and linear and self.adc_range is not None

    def _known_adc_range(self) -> Tensor | None:
        call = self.call
        if call.adc_range > 0:
            return self.dac_range.new_full((1, 1, 1, 1), call.adc_range)
        if call.adc_range == 0:
            return None
        # The largest quadrature of an output in units of the DAC's full scale, and likewise of a factor.
        polar = self.s.encoding == "polar"
        worst = math.sqrt(self.s.area) * (1.0 if self.real or polar else math.sqrt(2.0))
        if call.factor is None:
            return self.dac_range * worst
        factor = call.factor_scale * (1.0 if polar else math.sqrt(2.0)) * worst
        return self.dac_range * factor.to(self.dac_range.dtype)[:, None, None, None]

    def read(self, light: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the values read and which of them clipped; None for none."""
        call, adc_range = self.call, self.adc_range
        seen = light[..., :1] if call.real_output else light
        if adc_range is None:
            adc_range = seen.abs().amax((1, 2, 3), keepdim=True)
        if call.gauge is not None:
            call.gauge.observe("adc", call.stage, seen, call.counted)
        if self.s.phase_step:
            return self._phase_stepped(light, adc_range, numbers)
        return self._balanced(seen, light, adc_range, numbers)

    def _balanced(
        self, value: Tensor, light: Tensor, adc_range: Tensor, numbers: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        s = self.s
        if s.out_noise or s.photons or self.joined_noise:
            noise = self.call.normals(Purpose.QUADRATURE, numbers, value.shape[1:], value.dtype)
            variance = (adc_range * s.out_noise).square_()
            if self.joined_noise:
                variance = variance + (self.dac_range * s.inp_noise).square_()
            if s.photons:
                # I = (|Y + R|² - |Y - R|²) / 4 and Y = I / R; a detector's variance is its intensity times
                # bright / photons, bright = (A + R)² + A² the largest. With R = r A, bright / R² is
                # ((1 + r)² + 1) / r².
                ratio = s.reference
                per_photon = ((1 + ratio) ** 2 + 1) / (8 * ratio**2 * s.photons)
                intensity = _intensity(light) + (adc_range * ratio).square_()
                variance = intensity.mul_(per_photon) + variance.sqrt().square_()
            value = noise.mul_(variance.sqrt_()).add_(value)
        clipped = None
        if s.adc_bits:
            clipped = value.abs() > adc_range
            value = quantised(value, s.adc_bits, adc_range)
        self._count_read(value, clipped)
        return value, clipped

    def _count_read(self, values: Tensor, clipped: Tensor | None, counted: Tensor | None = None) -> None:
        gauge, counted = self.call.gauge, self.call.counted if counted is None else counted
        if gauge is None:
            return
        gauge.add("adc_values", values.numel() if counted is None else counted)
        if clipped is not None:
            gauge.add("adc_clipped", clipped if counted is None else clipped & counted)

    def _phase_stepped(
        self, light: Tensor, adc_range: Tensor, numbers: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Intensities without and with a reference of two phases, each digitised."""
        s, call = self.s, self.call
        reference = adc_range * s.reference
        square = reference * reference
        bright = (adc_range + reference).square_().addcmul_(adc_range, adc_range)
        background = quadratures = None
        if s.out_noise or s.photons:
            quadratures = self.call.normals(Purpose.QUADRATURE, numbers, light.shape[1:], light.dtype)
            background = self.call.normals(Purpose.BACKGROUND, numbers, (*light.shape[1:3], 1), light.dtype)
        alone = _intensity(light)
        mixed = (alone + square) + light * reference * 2.0
        if call.real_output:
            mixed, quadratures = mixed[..., :1], None if quadratures is None else quadratures[..., :1]
        first = None if call.counted is None else call.counted[..., :1]
        alone, dark_clipped = self._digitised(alone, background, bright, first)
        mixed, clipped = self._digitised(mixed, quadratures, bright, call.counted)
        half = torch.where(reference > dark(light.dtype), 0.5 / reference, torch.zeros_like(reference))
        return mixed.sub_(alone).sub_(square).mul_(half), None if clipped is None else clipped | dark_clipped

    def _digitised(
        self, intensity: Tensor, noise: Tensor | None, bright: Tensor, counted: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        s, clipped = self.s, None
        if noise is not None:
            # Of a sum that cancels, rounding may leave less than nothing.
            variance = intensity.clamp(min=0.0) * (bright * (1 / s.photons) if s.photons else 0.0)
            intensity = intensity + noise * (variance + (bright * s.out_noise).square_()).sqrt_()
        if s.adc_bits:
            intensity, clipped = quantised_from_zero(intensity, s.adc_bits, bright)
        self._count_read(intensity, clipped, counted)
        return intensity, clipped


def _intensity(light: Tensor) -> Tensor:
    re, im = light[..., :1], light[..., 1:]
    return (re * re).addcmul_(im, im)
