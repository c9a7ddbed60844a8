"""Transforms of the emulated chip made of frames, in torch.

In several passes (Cooley and Tukey) an axis of n ** passes samples is seen as digits of radix n: a pass
transforms one digit by frames, for all values of the others, and electronic factors stand between passes, as
in csrc/chip/frame.cpp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .chip_constants import order_of, twiddles
from .chip_counts import Gauge
from .chip_settings import FrameCall, FrameSettings, RunFrames
from .precision import COMPLEX_OF

__all__ = ["MOST_VALUES", "FrameTransform", "Noise", "Written"]

MOST_VALUES = 2**22
"""Numbers that one tensor of a step holds (16 MB in single precision): enough that a kernel takes longer than
its launch, and little beside a device's memory with the twenty or so that torch's frames need."""


class Noise(NamedTuple):
    """What the random numbers of transforms depend on: key, numbers of first frames and of samples, [F]."""

    key: tuple[int, int]
    numbers: Tensor
    samples: Tensor

    def part(self, piece: slice) -> Noise:
        """Return that of some of the transforms."""
        return Noise(self.key, self.numbers[piece], self.samples[piece])


class Written(NamedTuple):
    """Factors of transforms as a second bank writes them, [F, y, x, 2], and their full scales, [F]."""

    factor: Tensor
    scale: Tensor


@dataclass(frozen=True)
class FrameTransform:
    """The transform of ``frame ** passes`` samples an axis, with unitary scaling.

    Parameters
    ----------
    settings : FrameSettings
    passes : int
    run_frames : RunFrames
        Who computes the frames.
    """

    settings: FrameSettings
    passes: int
    run_frames: RunFrames

    @property
    def size(self) -> tuple[int, int]:
        """Samples an axis."""
        ny, nx = self.settings.frame
        return ny**self.passes, nx**self.passes

    @property
    def elements(self) -> int:
        """Samples of a transform."""
        return self.size[0] * self.size[1]

    @property
    def frames(self) -> int:
        """Frames of a transform, slices and shots included."""
        return self.passes * (self.elements // self.settings.area) * self.settings.repeats

    def run(
        self,
        field: Tensor,
        noise: Noise,
        ranges: list[tuple[float, float]],
        inverse: bool = False,
        window: tuple[int, int] | None = None,
        real_output: bool = False,
        written: Written | None = None,
        outside: Tensor | None = None,
        counted: Tensor | None = None,
        gauge: Gauge | None = None,
        keep: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Transform.

        Parameters
        ----------
        field : Tensor, [F, y, x, q]
            q is 1 for real numbers, 2 for complex ones.
        noise : Noise
        ranges : list of (float, float)
            Full scales (DAC, ADC) of each pass.
        inverse : bool
        window : (int, int) or None
            Rows and columns that are read, from frequency 0 on; None: all.
        real_output : bool
        written : Written or None
            What the first pass multiplies the field by.
        outside : Tensor or None, [F], int64
            Elements of each field that are none of the map, and do not count.
        counted : Tensor or None, [F, rows, columns], bool
            Which outputs count; None: all.
        gauge : Gauge or None
        keep : bool
            Also return the shares of a real output's readings that did not clip.

        Returns
        -------
        out : Tensor, [F, rows, columns, q]
        kept : Tensor or None, [F, rows, columns, 1]
        """
        at_once = max(1, MOST_VALUES // (2 * self.elements))
        found = []
        for first in range(0, len(field), at_once):
            piece = slice(first, first + at_once)
            part = None if written is None else Written(written.factor[piece], written.scale[piece])
            found.append(
                self._run(
                    field[piece],
                    noise.part(piece),
                    ranges,
                    inverse,
                    window or self.size,
                    real_output,
                    part,
                    None if outside is None else outside[piece],
                    None if counted is None else counted[piece],
                    gauge,
                    keep,
                )
            )
        if len(found) == 1:
            return found[0]
        return torch.cat([out for out, _ in found]), torch.cat([k for _, k in found]) if keep else None

    def _run(
        self,
        field: Tensor,
        noise: Noise,
        ranges: list[tuple[float, float]],
        inverse: bool,
        window: tuple[int, int],
        real_output: bool,
        written: Written | None,
        outside: Tensor | None,
        counted: Tensor | None,
        gauge: Gauge | None,
        keep: bool,
    ) -> tuple[Tensor, Tensor | None]:
        mean = None
        if self.settings.electronic_dc:
            mean = field.sum((1, 2), keepdim=True).mul_(1 / self.elements)
            field = field - mean
        call = FrameCall(
            self.settings, inverse, window, real_output, *ranges[0], *noise, gauge=gauge, keep=keep
        )
        if written is not None:
            call.factor, call.factor_scale = written
        if self.passes == 1:
            call.counted = None if counted is None else counted[..., None]
            out, kept = self.run_frames(field, call)
        else:
            out, kept = self._in_passes(field, call, ranges, counted)
        if outside is not None and gauge is not None:
            self._leave_out(gauge, outside, ranges[0][0], mean)
        if mean is not None:
            mean = mean[..., :1] if real_output else mean
            out[:, :1, :1, : mean.shape[-1]] += mean * math.sqrt(self.elements)
        return out, kept

    def _leave_out(self, gauge: Gauge, outside: Tensor, dac_range: float, mean: Tensor | None) -> None:
        """Take back what was counted of elements outside of the map.

        They hold one value, 0, or minus the mean where that is electronic. They do not count, but for one of
        them where they are written as a value of their own, which the full scale has to hold.
        """
        value = outside.new_zeros(outside.shape, dtype=torch.float32)
        if mean is not None:
            value = mean[:, 0, 0, 0].abs()
        none = (outside - (value > 0).to(torch.int64)).clamp_(min=0)
        gauge.add("dac_values", -none)
        if self.settings.dac_bits and dac_range > 0:
            gauge.add("dac_clipped", -(none * (value > dac_range)))
        gauge.observe("dac", 0, value, -none)

    def _in_passes(
        self,
        field: Tensor,
        call: FrameCall,
        ranges: list[tuple[float, float]],
        counted: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        window, real_output, keep = call.window, call.real_output, call.keep
        numbers, samples, factor, scale = call.numbers, call.samples, call.factor, call.factor_scale
        (ny, nx), repeats, kept = self.settings.frame, self.settings.repeats, None
        bases = self.elements // (ny * nx)
        offsets = torch.arange(bases, device=field.device) * repeats
        call.real_output, call.window, call.samples = (
            False,
            self.settings.frame,
            samples.repeat_interleave(bases),
        )
        for number in range(self.passes):
            last = number == self.passes - 1
            frames = self.frames_of(field, number)
            call.stage, (call.dac_range, call.adc_range) = number, ranges[number]
            call.numbers = (numbers[:, None] + (offsets + number * bases * repeats)).flatten()
            call.factor = None if factor is None or number else self.frames_of(factor, number)
            call.factor_scale = None if call.factor is None else scale.repeat_interleave(bases)
            call.counted = None
            if last and counted is not None:
                call.counted = self.frames_of(self._placed(counted, real_output), number)
            call.keep = keep and last
            read, shares = self.run_frames(frames, call)
            if shares is not None:
                kept = self.field_of(shares, number)
            if not last:
                read = self._turned_between(read, number, call.inverse)
            field = self.field_of(read, number)
        field, kept = (None if f is None else self._ordered(f, window) for f in (field, kept))
        if real_output:
            field = field[..., :1].contiguous()
        return field, None if kept is None else kept[..., :1]

    def _digits(self, number: int) -> tuple[int, ...]:
        """Axes of a field before a pass, without batch and quadratures: digits above, of, below the pass."""
        axes = []
        for n, size in zip(self.settings.frame, self.size, strict=True):
            below = n ** (self.passes - 1 - number)
            axes += [size // (n * below), n, below]
        return tuple(axes)

    def frames_of(self, field: Tensor, number: int = 0) -> Tensor:
        """Return the frames of a pass: [F, Y, X, q] to [F · bases, y, x, q]."""
        split = field.reshape(len(field), *self._digits(number), field.shape[-1])
        return split.permute(0, 1, 3, 4, 6, 2, 5, 7).reshape(-1, *self.settings.frame, field.shape[-1])

    def field_of(self, frames: Tensor, number: int = 0) -> Tensor:
        """Return the field of these frames: the way back."""
        above_y, ny, below_y, above_x, nx, below_x = self._digits(number)
        split = frames.reshape(-1, above_y, below_y, above_x, below_x, ny, nx, frames.shape[-1])
        return split.permute(0, 1, 5, 2, 3, 6, 4, 7).reshape(-1, *self.size, frames.shape[-1])

    def _turned_between(self, frames: Tensor, number: int, inverse: bool) -> Tensor:
        above_y, ny, below_y, above_x, nx, below_x = self._digits(number)
        where = inverse, COMPLEX_OF[frames.dtype], frames.device
        turn_y = twiddles(ny, below_y, self.size[0], *where)[:, None, None, :, None]
        turn_x = twiddles(nx, below_x, self.size[1], *where)[:, None, :]
        split = torch.view_as_complex(frames.contiguous())
        split = split.reshape(-1, below_y, above_x, below_x, ny, nx) * (turn_y * turn_x[None, None])
        return torch.view_as_real(split).reshape(frames.shape)

    def _ordered(self, field: Tensor, window: tuple[int, int]) -> Tensor:
        for axis, n in ((1, self.settings.frame[0]), (2, self.settings.frame[1])):
            order = order_of(n, self.passes, field.device)[: window[axis - 1]]
            field = field.index_select(axis, order)
        return field

    def _placed(self, counted: Tensor, real_output: bool) -> Tensor:
        """Flags [F, rows, columns] of outputs where these stand after the last pass, [F, Y, X, 2]."""
        (rows, columns), (size_y, size_x) = counted.shape[1:], self.size
        flags = F.pad(counted, (0, size_x - columns, 0, size_y - rows))
        # The order of digits is its own inverse.
        flags = self._ordered(flags[..., None], self.size)
        return torch.cat((flags, torch.zeros_like(flags) if real_output else flags), -1)
