"""The emulated chip by one backend against the core: results, cotangents, counts, histograms, shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyfdsr import _chip, autograd, backends
from pyfdsr._convolution import Convolution
from pyfdsr.chip import ChipConfig
from tolerances import allowed

MOST_MOVED = 0.03
"""Backends sum in other orders and differ by a few eps, deviates by an ulp of single precision. Where a value
lies that near to the middle between two levels of a converter, they may take different ones, which moves the
outputs of a tile by a part of a step. An error in a formula moves all."""
ATTEMPTS = 4
"""Draws of the data, one of which has to agree. A few in a hundred draws have such a value in so many tiles;
an error in a formula moves the values of every draw."""
DARK = 2.0**-20
"""Magnitudes that are rounding errors of an exact zero: their bins say nothing."""


@dataclass
class Outcome:
    """What one backend found."""

    y: Tensor
    counts: dict[str, Any]
    seen: np.ndarray
    kept: Tensor | None
    v_weight: Tensor
    v_counts: dict[str, Any]


def outcome(
    backend: Any,
    config: ChipConfig,
    x: Tensor,
    weight: Tensor,
    convolution: Convolution,
    draw: _chip.Draw,
    noise_scale: float = 1.0,
    device: str = "cpu",
) -> Outcome:
    """Convolve and go back to the kernels; everything is returned on the CPU."""
    x, weight = x.to(device), weight.to(device)
    bias = torch.arange(len(weight), dtype=x.dtype).to(device)
    gain = autograd.gain_bytes(_chip.static_gain(config))
    sizes = (x.shape[1], len(weight), convolution.kernel, tuple(x.shape[2:]), *convolution[1:5])
    scales = _chip.full_scales(config, 2 * _chip.passes_for(config, convolution.extent), None)
    keep = config.product == "digital"
    y, counts, seen, kept = backend.chip_conv2d(
        x, weight, bias, config, gain, sizes, scales, draw, noise_scale, 2, True, keep
    )
    assert y.device == x.device and y.dtype == x.dtype and y.is_contiguous()
    v = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(7)).to(device)
    found, v_counts = backend.chip_conv2d_adjoint_weight(v, x, config, gain, sizes, draw, noise_scale)
    assert found.device == x.device and found.dtype == x.dtype and found.is_contiguous()
    kept = None if kept is None else kept.cpu()
    return Outcome(y.cpu(), dict(counts), seen, kept, found.cpu(), dict(v_counts))


def moved(actual: Tensor, expected: Tensor, config: ChipConfig) -> float:
    """Share of the values that differ by more than rounding; deviates are single precision everywhere."""
    assert actual.shape == expected.shape
    limit = allowed("convolution", expected.dtype)
    if config.noise.temporal:
        limit = max(limit, allowed("chip_noise", torch.float32))
    if not expected.numel():
        return 0.0
    far = ~((actual - expected).abs() <= limit * expected.abs().max())
    return float(far.double().mean())


def histograms_moved(actual: np.ndarray, expected: np.ndarray) -> float:
    """Share of the values met that lie in other bins."""
    dark = int(np.float32(DARK).view(np.uint32) >> 17)
    assert actual.shape == expected.shape and actual.dtype == expected.dtype
    a, b = (
        np.concatenate([h[..., :dark].sum(-1, keepdims=True), h[..., dark:]], -1) for h in (actual, expected)
    )
    np.testing.assert_array_equal(a.sum(-1), b.sum(-1))
    return float(np.abs(a.astype(np.int64) - b.astype(np.int64)).sum() / max(b.sum(), 1))


def assert_same(ours: Outcome, theirs: Outcome, config: ChipConfig, most: float = MOST_MOVED) -> None:
    """Fail unless two backends agree to rounding, but for a share of values at the middle between levels."""
    shares = [moved(ours.y, theirs.y, config), moved(ours.v_weight, theirs.v_weight, config)]
    assert max(shares) <= most, f"{shares} of results and cotangents differ"
    # Counts that follow from sizes are equal; so are all, where nothing moved.
    assert ours.v_counts == theirs.v_counts
    sizes = "frames", "dac_conversions", "adc_conversions", "dac_values", "adc_values", "compared"
    assert [ours.counts[name] for name in sizes] == [theirs.counts[name] for name in sizes]
    for kind in ("dac", "adc"):
        values, clipped = theirs.counts[f"{kind}_values"], f"{kind}_clipped"
        for n, a, b in zip(values, ours.counts[clipped], theirs.counts[clipped], strict=True):
            assert abs(a - b) <= (0.01 * n if shares[0] else 0), (clipped, a, b)
    power = theirs.counts["signal"] + theirs.counts["error"]
    for name in ("signal", "error"):
        limit = 1e-2 if shares[0] else 1e-5
        assert abs(ours.counts[name] - theirs.counts[name]) <= limit * power, name
    assert histograms_moved(ours.seen, theirs.seen) <= most
    if theirs.kept is not None:
        # A share jumps where a reading that lies at its full scale is held for clipped by one of the two.
        far = (ours.kept - theirs.kept).abs() > allowed("convolution", theirs.kept.dtype)
        assert float(far.double().sum()) <= most * max(far.numel(), 1)


def finely_read(config: ChipConfig) -> ChipConfig:
    """Return a chip whose intermediate results lie on a fine grid, if on any.

    The values of a coarse grid, written again, are ratios of small integers, of which many lie exactly
    between two levels of a DAC.
    """
    return config.replace(adc=config.adc.replace(bits=13 if config.adc.bits else 0))


def maps(
    inputs: int = 3,
    outputs: int = 4,
    kernel: tuple[int, int] = (3, 3),
    size: tuple[int, int] = (14, 15),
    groups: int = 1,
    dtype: torch.dtype = torch.float64,
    batch: int = 2,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Normal maps and kernels."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (batch, inputs, *size), (outputs, inputs // groups, *kernel)
    return tuple(torch.randn(shape, dtype=dtype, generator=generator) for shape in shapes)


def check_against_core(
    config: ChipConfig,
    convolution: Convolution,
    noise_scale: float = 1.0,
    device: str = "cpu",
    most: float = MOST_MOVED,
    **shape: Any,
) -> None:
    """Hold torch's operations against the core, on maps of this shape."""
    for attempt in range(ATTEMPTS):
        x, weight = maps(kernel=convolution.kernel, groups=convolution.groups, seed=attempt, **shape)
        draw = _chip.Draw(9, 3, 2, 5 + attempt)
        ours = outcome(backends.by_torch, config, x, weight, convolution, draw, noise_scale, device)
        theirs = outcome(backends.core, config, x, weight, convolution, draw, noise_scale)
        try:
            assert_same(ours, theirs, config, most)
        except AssertionError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return
