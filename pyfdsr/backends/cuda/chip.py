"""The emulated chip with its frames by a kernel, one launch for all of a piece; the rest is torch's way."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pyfdsr import _plans

from .. import by_torch
from ..by_torch import chip_frame
from ..by_torch.chip_constants import gain_of
from ..by_torch.chip_counts import Counts
from ..by_torch.chip_settings import FrameCall, FrameSettings
from ..by_torch.precision import COMPLEX_OF
from ..geometry import is_double
from .native import address, dense, in_use, launch, native, number_of, serves

__all__ = ["chip_conv2d", "chip_conv2d_adjoint_weight", "chip_dft2", "run_frames"]

_ENCODINGS = "cartesian", "polar", "mzi"
_SLICINGS = "none", "binary", "thermometer"


@lru_cache(maxsize=64)
def _frames(settings: FrameSettings, double: bool, number: int, keep: bool) -> Any:
    """The compiled frames of a chip; None where they do not fit a device's shared memory."""
    module, s = native(), settings
    compiled = (module.ChipFrames64 if double else module.ChipFrames32)(
        frame=s.frame,
        dac_bits=s.dac_bits,
        adc_bits=s.adc_bits,
        encoding=_ENCODINGS.index(s.encoding),
        linearise=s.linearise,
        phase_step=s.phase_step,
        slicing=_SLICINGS.index(s.slicing),
        slices=s.slices,
        shots=s.shots,
        reference=s.reference,
        inp_noise=s.inp_noise,
        out_noise=s.out_noise,
        phase_noise=s.phase_noise,
        photons=s.photons,
        crosstalk=s.crosstalk,
    )
    return compiled if compiled.fits(number, keep) else None


_plans.cleared_with_plans.append(_frames.cache_clear)


def run_frames(field: Tensor, call: FrameCall) -> tuple[Tensor, Tensor | None]:
    """Write a field, transform it, read it; see :func:`pyfdsr.backends.by_torch.chip_frame.run_frames`."""
    s, device, gauge = call.settings, field.device, call.gauge
    frames = None
    if serves(device):
        frames = _frames(s, is_double(field), number_of(device), call.keep)
    if frames is None:
        return chip_frame.run_frames(field, call)
    real_input = field.shape[-1] == 1
    out = field.new_empty(len(field), *call.window, 1 if call.real_output else 2)
    kept = torch.empty_like(out) if call.keep else None
    gain = in_use(gain_of(s.gain, s.frame, 0, COMPLEX_OF[field.dtype], device)) if s.gain else None
    # What lies densely already, in the kernel's own precision, is not copied.
    field, numbers, samples = dense(field), dense(call.numbers), dense(call.samples)
    factor = None if call.factor is None else dense(call.factor.to(field.dtype))
    factor_scale = None if call.factor_scale is None else dense(call.factor_scale.to(torch.float64))
    counted = None if call.counted is None else dense(call.counted.expand_as(out))
    dac_histogram = adc_histogram = None
    if gauge is not None:
        amplitudes = s.dac_bits > 0 and s.encoding == "polar" and not real_input
        gauge.add("dac_values", field.numel() // (2 if amplitudes else 1))
        if gauge.histograms is not None:
            dac_histogram, adc_histogram = gauge.histograms[:, call.stage]
    launch(
        frames.run,
        device,
        frames=len(field),
        inverse=call.inverse,
        real_input=real_input,
        real_output=call.real_output,
        window=call.window,
        dac_range=call.dac_range,
        adc_range=call.adc_range,
        key=call.key,
        numbers=address(numbers),
        samples=address(samples),
        field=address(field),
        gain=address(gain),
        factor=address(factor),
        factor_scale=address(factor_scale),
        counted=address(counted),
        out=address(out),
        kept=address(kept),
        counts=address(None if gauge is None else gauge.counters(device)),
        dac_histogram=address(dac_histogram),
        adc_histogram=address(adc_histogram),
    )
    return out, kept


def chip_conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    config: Any,
    gain: bytes,
    geometry: tuple[Any, ...],
    scales: Any,
    draw: Any,
    noise_scale: float,
    compare: int,
    observe: bool,
    keep: bool,
) -> tuple[Tensor, Counts, Any, Tensor | None]:
    """Convolve; see :func:`pyfdsr.backends.by_torch.chip_conv2d`."""
    chip = config, gain, geometry, scales, draw, noise_scale
    return by_torch.chip_conv2d(x, weight, bias, *chip, compare, observe, keep, run_frames)


def chip_conv2d_adjoint_weight(
    v: Tensor,
    x: Tensor,
    config: Any,
    gain: bytes,
    geometry: tuple[Any, ...],
    draw: Any,
    noise_scale: float,
) -> tuple[Tensor, Counts]:
    """Return the kernels' cotangent; see :func:`pyfdsr.backends.by_torch.chip_conv2d_adjoint_weight`."""
    return by_torch.chip_conv2d_adjoint_weight(v, x, config, gain, geometry, draw, noise_scale, run_frames)


def chip_dft2(
    x: Tensor,
    inverse: bool,
    config: Any,
    gain: bytes,
    passes: int,
    scales: Any,
    draw: Any,
    noise_scale: float,
) -> tuple[Tensor, Counts]:
    """Transform; see :func:`pyfdsr.backends.by_torch.chip_dft2`."""
    return by_torch.chip_dft2(x, inverse, config, gain, passes, scales, draw, noise_scale, run_frames)
