"""The emulated chip by one backend against the core: results, cotangents, counts, histograms, shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyfdsr import _chip, autograd, backends, ops
from pyfdsr._convolution import Convolution
from pyfdsr.backends.by_torch.chip_settings import FrameCall, FrameSettings
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


def assert_same_counts(ours: Mapping[str, Any], theirs: Mapping[str, Any], share: float) -> None:
    """Fail unless counts agree, of results of which this share moved."""
    assert list(ours) == list(theirs)
    # Counts that follow from sizes are equal; so are all, where nothing moved.
    sizes = "frames", "dac_conversions", "adc_conversions", "dac_values", "adc_values", "compared"
    assert [ours[name] for name in sizes] == [theirs[name] for name in sizes]
    for kind in ("dac", "adc"):
        values, clipped = theirs[f"{kind}_values"], f"{kind}_clipped"
        for n, a, b in zip(values, ours[clipped], theirs[clipped], strict=True):
            assert abs(a - b) <= (0.01 * n if share else 0), (clipped, a, b)
    power = theirs["signal"] + theirs["error"]
    for name in ("signal", "error"):
        limit = 1e-2 if share else 1e-5
        assert abs(ours[name] - theirs[name]) <= limit * power, name


def assert_same(ours: Outcome, theirs: Outcome, config: ChipConfig, most: float = MOST_MOVED) -> None:
    """Fail unless two backends agree to rounding, but for a share of values at the middle between levels."""
    shares = [moved(ours.y, theirs.y, config), moved(ours.v_weight, theirs.v_weight, config)]
    assert max(shares) <= most, f"{shares} of results and cotangents differ"
    assert ours.v_counts == theirs.v_counts
    assert_same_counts(ours.counts, theirs.counts, shares[0])
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
    backend: Any = backends.by_torch,
    **shape: Any,
) -> None:
    """Hold a backend, torch's operations if none is given, against the core, on maps of this shape."""
    for attempt in range(ATTEMPTS):
        x, weight = maps(kernel=convolution.kernel, groups=convolution.groups, seed=attempt, **shape)
        draw = _chip.Draw(9, 3, 2, 5 + attempt)
        ours = outcome(backend, config, x, weight, convolution, draw, noise_scale, device)
        theirs = outcome(backends.core, config, x, weight, convolution, draw, noise_scale)
        try:
            assert_same(ours, theirs, config, most)
        except AssertionError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return


def transform_of(config: ChipConfig, passes: int, single: bool, **options: Any) -> Callable[..., Any]:
    """Return ``call(to, attempt)``: a transform of normal fields and its counts, `to` carrying arrays."""
    dtype = np.complex64 if single else np.complex128

    def call(to: Callable[[np.ndarray], Any], attempt: int) -> Any:
        rng = np.random.default_rng(attempt)
        shape = 2, 3, *(n**passes for n in config.frame)
        x = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
        draw = {"step": 2, "sample": 5 + attempt, "layer": 3}
        return ops.chip_dft2(to(x), config, **draw, **options, return_counts=True)

    return call


def convolution_of_maps(
    config: ChipConfig, convolution: Convolution, single: bool, noise: float = 1.0, **shape: Any
) -> Callable[..., Any]:
    """Return ``call(to, attempt)``: a convolution of normal maps with a bias and its counts."""

    def call(to: Callable[[np.ndarray], Any], attempt: int) -> Any:
        dtype = torch.float32 if single else torch.float64
        rest = {"kernel": convolution.kernel, "groups": convolution.groups, "dtype": dtype, "seed": attempt}
        x, w = (tensor.numpy() for tensor in maps(**rest, **shape))
        bias = np.arange(len(w), dtype=x.dtype)
        top, _, left, _ = convolution.padding
        how = convolution.stride, (top, left), convolution.dilation, convolution.groups
        draw = {"step": 2, "sample": 5 + attempt, "layer": 3}
        return ops.chip_conv2d(to(x), to(w), config, to(bias), *how, noise=noise, **draw, return_counts=True)

    return call


def check_on_arrays(
    call: Callable[..., Any],
    config: ChipConfig,
    to: Callable[[np.ndarray], Any],
    back: Callable[[Any], np.ndarray],
    most: float = MOST_MOVED,
) -> None:
    """Hold an operator on arrays of a device against the same on NumPy's.

    `call` is one of :func:`transform_of` or :func:`convolution_of_maps`; `to` carries an array to its memory,
    `back` a result from there.
    """
    for attempt in range(ATTEMPTS):
        (ours, counts), (theirs, expected) = call(to, attempt), call(np.asarray, attempt)
        ours = back(ours)
        assert ours.dtype == theirs.dtype
        share = moved(torch.from_numpy(ours), torch.from_numpy(theirs), config)
        if share <= most:
            break
    assert share <= most, f"{share} of the results differ"
    assert_same_counts(counts, expected, share)


def frames_of(config: ChipConfig, count: int, device: str = "cpu", **call: Any) -> tuple[Tensor, FrameCall]:
    """Normal fields of frames and a call, complex to complex if nothing else is said."""
    settings = FrameSettings.of(config, autograd.gain_bytes(_chip.static_gain(config)), 1.0)
    shape, generator = (count, *settings.frame, 2), torch.Generator().manual_seed(0)
    field = torch.randn(shape, dtype=torch.float64, generator=generator)
    arguments = {"inverse": False, "window": settings.frame, "real_output": False, "adc_range": -1.0} | call
    numbers = torch.arange(count, device=device)
    return field.to(device), FrameCall(
        settings,
        dac_range=0.0,
        key=(5, 6),
        numbers=numbers * settings.repeats,
        samples=numbers + 2**33,
        **arguments,
    )


def check_company(
    run_frames: Callable[[Tensor, FrameCall], tuple[Tensor, Tensor | None]],
    config: ChipConfig,
    device: str = "cpu",
    count: int = 30,
    dtype: torch.dtype = torch.float64,
    **options: Any,
) -> None:
    """Fail unless frames have the same bits in every call, whatever other frames are in it."""
    field, call = frames_of(config, count, device, **options)
    field = field.to(dtype)
    whole, _ = run_frames(field, call)
    assert torch.equal(whole, run_frames(field, call)[0])
    for piece in (slice(0, 1), slice(count // 3, count)):
        part = replace(call, numbers=call.numbers[piece], samples=call.samples[piece])
        assert torch.equal(run_frames(field[piece], part)[0], whole[piece])
