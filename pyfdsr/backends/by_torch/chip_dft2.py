"""Transforms on the emulated chip, in torch on any device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyfdsr import _chip

from ..geometry import is_double
from .chip_counts import Counts, Gauge
from .chip_frame import run_frames
from .chip_noise import noise_key
from .chip_settings import FrameSettings, RunFrames
from .chip_transform import FrameTransform, Noise
from .precision import in_own_precision

__all__ = ["chip_dft2"]


@in_own_precision
def chip_dft2(
    x: Tensor,
    inverse: bool,
    config: Any,
    gain: bytes,
    passes: int,
    scales: Any,
    draw: Any,
    noise_scale: float,
    run_frames: RunFrames = run_frames,
) -> tuple[Tensor, Counts]:
    """Transform; see :func:`pyfdsr.backends.core.chip_dft2`.

    Nothing is read back from the device; the counts are read when looked at. `run_frames` computes the
    frames.
    """
    # The core's plan is cheap and kept; making it applies the core's rules to the arguments.
    _chip.transform_plan(config, gain, passes, is_double(x))
    transform = FrameTransform(FrameSettings.of(config, gain, noise_scale), passes, run_frames)
    known = transform.settings.tally(len(x) * transform.frames)
    if not len(x):
        return torch.empty_like(x), Counts(known)
    # Every transform is a sample of its own, whose frames are counted from 0.
    samples = torch.arange(len(x), device=x.device) + draw.sample
    noise = Noise(noise_key(draw.seed, draw.layer, draw.step), torch.zeros_like(samples), samples)
    field, gauge = torch.view_as_real(x.resolve_conj()), Gauge(passes, None)
    out, _ = transform.run(field, noise, list(scales), inverse=inverse, gauge=gauge)
    # Beside them stand the counts of an inverse transform that follows in a convolution: none.
    return torch.view_as_complex(out.contiguous()), Counts(known, (gauge, Gauge(0, None)))
