"""The convolution on the emulated chip and its cotangent of the kernels, in torch on any device.

Every tile of a map is transformed by the chip, multiplied by the kernels' spectra and transformed back by the
chip, as in csrc/chip/emulated_conv2d.cpp: the same words of random numbers, converters, tiles and counts.
Sums (transforms, products, means) are torch's, in whose order results differ by rounding.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .chip_converters import precise
from .chip_counts import Counts, Gauge, histograms_of
from .chip_frame import run_frames
from .chip_plan import FREE, ChipPlan
from .chip_settings import RunFrames
from .chip_transform import FrameTransform, Noise, Written
from .precision import in_own_precision

__all__ = ["chip_conv2d", "chip_conv2d_adjoint_weight"]

_ADJOINT_LAYERS = 2**62
"""Added to the layer's number where the kernels' cotangent draws noise."""


def _transformed_back(
    plan: ChipPlan,
    with_: FrameTransform,
    spectra: Tensor,
    zeros: Tensor | None,
    noise: Noise,
    ranges: list[tuple[float, float]],
    written: Written | None,
    counted: Tensor | None,
    gauge: Gauge | None,
    keep: bool,
) -> tuple[Tensor, Tensor | None]:
    """Valid outputs [F, vy, vx] of spectra [F, y, x, 2], and the shares of them that were not clipped.

    With an electronic mean the zero frequency, `zeros` [F], is not written: its transform is the same for all
    outputs.
    """
    if zeros is not None:
        spectra[:, 0, 0] = 0
    out, kept = with_.run(
        spectra,
        noise,
        ranges,
        inverse=True,
        window=plan.grid.valid,
        real_output=True,
        written=written,
        counted=counted,
        gauge=gauge,
        keep=keep,
    )
    out = out[..., 0]
    if zeros is not None:
        out = out + zeros[:, None, None]
    return out, None if kept is None else kept[..., 0]


def _convolved(
    plan: ChipPlan,
    x: Tensor,
    items: Tensor,
    kernels: Tensor,
    factors: tuple[Tensor, Tensor] | None,
    ranges: list[tuple[float, float]],
    gauges: tuple[Gauge, Gauge] | None,
    keep: bool,
    ideal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Valid outputs of some tiles, [I, Co, *valid], and the shares of readings that did not clip."""
    forward, back = (plan.ideal, plan.ideal) if ideal else (plan.transform, plan.inner)
    passes, ins, outs, groups = forward.passes, plan.ins, plan.outs, plan.groups
    to, from_ = gauges or (None, None)
    device, inner = x.device, ins if factors is not None else 1
    # Numbers of transforms within a tile: of a group's inputs, then of its outputs (or pairs of channels).
    group = torch.arange(groups, device=device)[:, None] * (ins + outs * inner)
    fields = plan.grid.inputs(x, items).flatten(0, 1)[..., None]
    channels = (group + torch.arange(ins, device=device)).flatten()
    spectra, _ = forward.run(
        fields,
        plan.noise(items, channels),
        ranges[:passes],
        outside=None if to is None else plan.grid.outside(items).repeat_interleave(groups * ins),
        gauge=to,
    )
    spectra = spectra.reshape(len(items), groups * ins, *spectra.shape[1:])
    used = None if from_ is None else plan.grid.used(items)
    root, electronic = 1 / math.sqrt(plan.transform.elements), plan.settings.electronic_dc
    numbers = group + ins + torch.arange(outs * inner, device=device)  # [groups, outs · inner]
    if factors is None:
        G = plan.product(spectra, kernels)
        zeros = G[:, 0, 0, 0] * root if electronic else None
        noise = plan.noise(items, numbers.flatten())
        counted = None if used is None else used.repeat_interleave(groups * outs, 0)
        arguments = noise, ranges[passes:], None, counted, from_, keep
        out, kept = _transformed_back(plan, back, G, zeros, *arguments)
        shape = len(items), groups * outs, *plan.grid.valid
        return out.reshape(shape), None if kept is None else kept.reshape(shape)
    # The device multiplies: one transform a pair of channels, outputs one after the other, sums electronic.
    spectra = spectra.reshape(len(items), groups, ins, *spectra.shape[2:])
    numbers = numbers.reshape(groups, outs, ins)
    exact, factor, scale = (t.reshape(groups, outs, ins, *t.shape[1:]) for t in (kernels, *factors))
    counted = None if used is None else used.repeat_interleave(groups * ins, 0)
    found = []
    for o in range(outs):
        G = spectra.clone()
        zeros = None
        if electronic:
            zero, w = G[..., 0, 0, :], exact[:, o, :, 0, 0, :]
            zeros = ((zero[..., 0] * w[..., 0] - zero[..., 1] * w[..., 1]) * root).flatten()
        many = (factor[:, o], scale[:, o])
        written = Written(*(t.expand(len(items), *t.shape).flatten(0, 2) for t in many))
        noise = plan.noise(items, numbers[:, o].flatten())
        arguments = noise, ranges[passes:], written, counted, from_, False
        out, _ = _transformed_back(plan, back, G.flatten(0, 2), zeros, *arguments)
        found.append(out.reshape(len(items), groups, ins, *plan.grid.valid).sum(2))
    return torch.stack(found, 2).flatten(1, 2), None


def _compared(
    plan: ChipPlan, x: Tensor, exact: Tensor, results: Tensor, compare: int, at_once: int
) -> tuple[int | Tensor, Tensor | float, Tensor | float]:
    """Number of the compared values, powers of the ideal ones and of the differences to them."""
    # Every how many packs of tiles are compared; packs are the core's, so that the same tiles are.
    packs = range(0, -(-len(results) // plan.pack), compare)
    items = torch.arange(len(packs), device=x.device)[:, None] * (compare * plan.pack)
    items = (items + torch.arange(plan.pack, device=x.device)).flatten()
    # All packs but the last of the batch are full.
    items = items[: len(items) - max(0, packs[-1] * plan.pack + plan.pack - len(results))]
    compared, signal, error = 0, 0.0, 0.0
    for some in items.split(at_once):
        ideal, _ = _convolved(plan, x, some, exact, None, [FREE] * 2 * plan.ideal.passes, None, False, True)
        # Not multiplied: what does not count may be no number.
        unused = ~plan.grid.used(some)[:, None].expand_as(ideal)
        wanted = ideal.to(precise(ideal))
        difference = (results[some].to(wanted.dtype) - wanted).masked_fill_(unused, 0.0)
        compared = compared + (~unused).sum()
        signal = signal + wanted.masked_fill(unused, 0.0).square_().sum()
        error = error + difference.square_().sum()
    return compared, signal, error


@in_own_precision
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
    run_frames: RunFrames = run_frames,
) -> tuple[Tensor, Counts, Any, Tensor | None]:
    """Convolve; see :func:`pyfdsr.backends.core.chip_conv2d`.

    Nothing is read back from the device but histograms, if asked for; the counts are read when looked at.
    `run_frames` computes the frames.
    """
    plan = ChipPlan(config, gain, geometry, draw, noise_scale, x, run_frames)
    exact = plan.spectra(weight, plan.ideal)
    kernels = plan.spectra(weight, plan.inner) if plan.optical_weights else exact
    factors = plan.written(kernels) if plan.optical_product else None
    passes = plan.transform.passes
    gauges = tuple(Gauge(passes, x.device if observe else None) for _ in range(2))
    total, channels = len(x) * plan.grid.tiles, plan.groups * plan.outs
    at_once = plan.items_at_once(max(plan.groups * plan.ins, channels))
    results = x.new_empty(total, channels, *plan.grid.valid)
    shares = torch.empty_like(results) if keep else None
    for first in range(0, total, at_once):
        items = torch.arange(first, min(first + at_once, total), device=x.device)
        piece = slice(first, first + at_once)
        results[piece], kept = _convolved(plan, x, items, kernels, factors, list(scales), gauges, keep)
        if shares is not None:
            shares[piece] = kept
    powers = _compared(plan, x, exact, results, compare, at_once) if compare and total else ()
    y = plan.grid.maps(results)
    y = y if bias is None else y.add_(bias[:, None, None])
    counts = Counts(plan.tally_forward(len(x)), gauges, *powers)
    return y, counts, histograms_of(gauges), None if shares is None else plan.grid.maps(shares)


@in_own_precision
def chip_conv2d_adjoint_weight(
    v: Tensor,
    x: Tensor,
    config: Any,
    gain: bytes,
    geometry: tuple[Any, ...],
    draw: Any,
    noise_scale: float,
    run_frames: RunFrames = run_frames,
) -> tuple[Tensor, Counts]:
    """Return the cotangent of the kernels; see :func:`pyfdsr.backends.core.chip_conv2d_adjoint_weight`.

    Spectra of input and cotangent by the chip, products summed electronically over all tiles, and one inverse
    transform a pair of channels; every converter is scaled to the largest value of its frame.
    """
    plan = ChipPlan(config, gain, geometry, draw, noise_scale, x, run_frames)
    ins, outs, groups, transform = plan.ins, plan.outs, plan.groups, plan.transform
    ranges, total = [FREE] * transform.passes, len(x) * plan.grid.tiles
    group = torch.arange(groups, device=x.device)[:, None] * (ins + outs)
    channels = (group + torch.arange(ins, device=x.device)).flatten()
    channels_out = (group + ins + torch.arange(outs, device=x.device)).flatten()
    sums = x.new_zeros(groups, transform.elements, outs, ins, 2)
    at_once = plan.items_at_once(groups * max(ins, outs))
    for first in range(0, total, at_once):
        items = torch.arange(first, min(first + at_once, total), device=x.device)
        spectra = []
        for fields, numbers in (
            (plan.grid.inputs(x, items), channels),
            (plan.grid.cotangents(v, items), channels_out),
        ):
            found, _ = transform.run(
                fields.flatten(0, 1)[..., None], plan.noise(items, numbers, _ADJOINT_LAYERS), ranges
            )
            spectra.append(torch.view_as_complex(found).reshape(len(items), groups, -1, transform.elements))
        X, V = spectra
        # One matrix product a frequency and group, [outs, I] by [I, ins].
        sums += torch.view_as_real((V.conj().permute(1, 3, 2, 0) @ X.permute(1, 3, 0, 2)).contiguous())
    field = sums.permute(0, 2, 3, 1, 4).reshape(plan.pairs, *transform.size, 2)
    zeros = None
    if plan.settings.electronic_dc:
        zeros = field[:, 0, 0, 0].clone()
        field[:, 0, 0] = 0
    out, _ = plan.inner.run(
        field, plan.weight_noise(_ADJOINT_LAYERS), ranges, inverse=True,
        window=plan.convolution.extent, real_output=True,
    )  # fmt: skip
    (dy, dx), (ky, kx) = plan.convolution.dilation, plan.convolution.kernel
    out = out[:, ::dy, ::dx, 0] * math.sqrt(transform.elements)
    out = out if zeros is None else out + zeros[:, None, None]
    known = plan.tally((total * groups * (ins + outs) + plan.pairs) * transform.frames)
    return out.reshape(groups * outs, ins, ky, kx).contiguous(), Counts(known)
