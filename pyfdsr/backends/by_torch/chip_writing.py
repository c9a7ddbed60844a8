"""How frames of the emulated chip are written: full scales, DACs, modulators, errors.

Operations and their order are the core's (csrc/kernels/leaves_chip_frame.cpp).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .chip_constants import gain_of
from .chip_converters import amplitude, encoded, inverse_of, leaked
from .chip_counts import Gauge
from .chip_noise import Purpose
from .chip_settings import FrameCall
from .precision import COMPLEX_OF

__all__ = ["Writing"]


class Writing:
    """The writing of one call's frames.

    Parameters
    ----------
    field : Tensor, [F, y, x, q]
        q is 1 for real numbers, 2 for complex ones.
    call : FrameCall

    Attributes
    ----------
    dac_range : Tensor, [F or 1, 1, 1, 1]
        Full scale of the quadratures, or of the amplitude in polar encoding.
    """

    def __init__(self, field: Tensor, call: FrameCall) -> None:
        self.field, self.call, self.s = field, call, call.settings
        self.real = field.shape[-1] == 1
        self.dac_range = self._dac_range()

    def _dac_range(self) -> Tensor:
        magnitudes = amplitude(self.field) if self._writes_amplitudes() else self.field.abs()
        if self.call.gauge is not None:
            self.call.gauge.observe("dac", self.call.stage, magnitudes)
        if self.call.dac_range > 0:
            return self.field.new_full((1, 1, 1, 1), self.call.dac_range)
        return magnitudes.amax((1, 2, 3), keepdim=True)

    def _writes_amplitudes(self) -> bool:
        return self.s.encoding == "polar" and not self.real

    def write(self, piece: int, numbers: Tensor, first: bool, own_noise: bool) -> Tensor:
        """Return the light of one slice.

        Parameters
        ----------
        piece : int
        numbers : Tensor, [F]
            Of the frames.
        first : bool
            Whether the values count: once, however often they are written.
        own_noise : bool
            Whether ``inp_noise`` is drawn here and not before the ADC.
        """
        s, call = self.s, self.call
        if first and call.gauge is not None:
            self._count_written(call.gauge)
        if s.slicing == "none":
            field = encoded(self.field, s.dac_bits, s.encoding, s.linearise, self.dac_range)
        else:
            field = self._digit(piece)
        if s.gain:
            gain = gain_of(s.gain, s.frame, 0, COMPLEX_OF[field.dtype], field.device)
            field = _multiplied(_complex(field), gain)
        if s.crosstalk:
            field = leaked(field, s.crosstalk)
        if s.inp_noise and own_noise:
            field = _complex(field)
            noise = self.call.normals(Purpose.INPUT, numbers, field.shape[1:], field.dtype)
            field = noise.mul_(self.dac_range * s.inp_noise).add_(field)
        if s.phase_noise:
            field = self._turned(_complex(field), Purpose.PHASE, numbers)
        if call.factor is not None:
            field = _multiplied(_complex(field), torch.view_as_complex(self._factor(numbers).contiguous()))
            if s.phase_noise:
                field = self._turned(field, Purpose.FACTOR_PHASE, numbers)
        return field

    def _count_written(self, gauge: Gauge) -> None:
        amplitudes = self._writes_amplitudes() and self.s.dac_bits > 0
        gauge.add("dac_values", self.field.numel() // (2 if amplitudes else 1))
        if self.s.dac_bits:
            sizes = amplitude(self.field) if amplitudes else self.field.abs()
            gauge.add("dac_clipped", sizes > self.dac_range)

    def _digit(self, piece: int) -> Tensor:
        """One slice of every value: a binary digit, or what exceeds the slices before."""
        s, x = self.s, self.field
        radix = 2.0 ** (s.dac_bits - 1)
        binary = s.slicing == "binary"
        most = radix**s.slices - 1 if binary else s.slices * (radix - 1)
        whole = (x.abs() * inverse_of(self.dac_range, most)).clamp_(0.0, most).round_()
        if binary:
            shifted = whole.mul_(radix**-piece).floor_()
            part = shifted - (shifted / radix).floor_().mul_(radix)
        else:
            part = whole.sub_(piece * (radix - 1)).clamp_(0.0, radix - 1)
        part.mul_(self.dac_range / (radix - 1))
        return torch.where(x < 0, -part, part)

    def _factor(self, numbers: Tensor) -> Tensor:
        """Factors [F, y, x, 2], which are written in every frame, too, and with noise of their own."""
        factor = self.call.factor
        if not self.s.inp_noise:
            return factor
        sigma = self.call.factor_scale.to(factor.dtype) * self.s.inp_noise
        noise = self.call.normals(Purpose.FACTOR, numbers, factor.shape[1:], factor.dtype)
        return noise.mul_(sigma[:, None, None, None]).add_(factor)

    def _turned(self, field: Tensor, purpose: Purpose, numbers: Tensor) -> Tensor:
        angle = self.call.normals(purpose, numbers, field.shape[1:3], field.dtype).mul_(self.s.phase_noise)
        return _multiplied(field, torch.complex(angle.cos(), angle.sin()))


def _complex(field: Tensor) -> Tensor:
    """Quadratures, with zeros for the second of real numbers."""
    return field if field.shape[-1] == 2 else F.pad(field, (0, 1))


def _multiplied(field: Tensor, factor: Tensor) -> Tensor:
    """Quadratures [F, y, x, 2] times complex factors, broadcast."""
    return torch.view_as_real(torch.view_as_complex(field.contiguous()) * factor)
