"""Frames of the emulated chip in torch: write (DAC, errors), transform, read (detection, noise, ADC)."""

from __future__ import annotations

import math

from torch import Tensor

from .chip_constants import line_matrix
from .chip_reading import Reading
from .chip_settings import FrameCall
from .chip_writing import Writing

__all__ = ["run_frames"]


def _transformed(field: Tensor, window: tuple[int, int], inverse: bool, real: bool) -> Tensor:
    """Both axes as products of long thin matrices, [F, rows, columns, 1 or 2]."""
    frames, ny, nx, q = field.shape
    (rows, columns), r = window, 1 if real else 2
    where = field.dtype, field.device
    lines = field.reshape(-1, nx * q) @ line_matrix(nx, columns, inverse, (q, 2), *where)
    lines = lines.reshape(frames, ny, columns, 2).transpose(1, 2).reshape(-1, ny * 2)
    lines = lines @ line_matrix(ny, rows, inverse, (2, r), *where)
    return lines.reshape(frames, columns, rows, r).transpose(1, 2) * (1 / math.sqrt(ny * nx))


def run_frames(field: Tensor, call: FrameCall) -> tuple[Tensor, Tensor | None]:
    """Write a field, transform it, read it.

    Parameters
    ----------
    field : Tensor, [F, y, x, q]
        q is 1 for real numbers, 2 for complex ones.
    call : FrameCall

    Returns
    -------
    out : Tensor, [F, rows, columns, q]
        q is 1 for real output.
    kept : Tensor or None
        Like `out`.
    """
    s = call.settings
    writing = Writing(field, call)
    reading = Reading(writing.dac_range, writing.real, call)
    # Both quadratures are needed where the light's intensity is.
    real = call.real_output and not s.phase_step and s.photons == 0
    out = kept = None
    for piece in range(s.slices):
        weight = s.slice_weight(piece) / s.shots
        for shot in range(s.shots):
            first = piece == shot == 0
            numbers = call.numbers if first else call.numbers + (piece * s.shots + shot)
            light = writing.write(piece, numbers, first, not reading.joined_noise)
            values, clipped = reading.read(_transformed(light, call.window, call.inverse, real), numbers)
            values = values if weight == 1 else values.mul_(weight)
            out = values if out is None else out.add_(values)
            if call.keep:
                share = values.new_full(values.shape, weight)
                share = share if clipped is None else share.masked_fill_(clipped, 0.0)
                kept = share if kept is None else kept.add_(share)
    return out, kept
