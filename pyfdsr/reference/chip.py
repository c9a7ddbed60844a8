"""The emulated chip frame by frame, from its definitions, in Numba and double precision.

Transforms and convolutions call :func:`pyfdsr.reference.chip_frame.frame` in plain loops. A full scale is a
number, ``"abs_max"`` (of the frame) or ``"worst_case"`` (ADC). The configuration is any object with the
fields of a ``ChipConfig``; nothing of it is imported.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .chip_frame import encoded, frame, largest, leaked, noise_key

__all__ = ["conv2d", "dft2"]

WEIGHTS = 0xFFFFFFFFFFFFFFFF
"""The sample number of kernels."""


def _transform(
    field, real, config, scales, gain, key, number, sample, inverse, window, real_output, dc, factor=None
):
    """A transform in len(scales) passes; `window` counts rows and columns from frequency 0."""
    passes, sizes = len(scales), field.shape
    mean = field.mean() if dc else 0.0
    field = field - mean
    if passes == 1:
        out = frame(
            field, real, config, scales[0], gain, key, number, sample, inverse, window, real_output, factor
        )
        out = np.array(out)
    else:
        sign = 1 if inverse else -1
        repeats = config.slices * config.precision.shots
        values = np.array(field, np.complex128)
        per_pass = field.size // (config.frame[0] * config.frame[1]) * repeats
        for p, scale in enumerate(scales):
            steps = [n ** (passes - 1 - p) for n in config.frame]
            at = number + p * per_pass
            bases = [
                [b for b in range(size) if b // step % n == 0]
                for size, step, n in zip(sizes, steps, config.frame, strict=True)
            ]
            for by in bases[0]:
                for bx in bases[1]:
                    ys = by + steps[0] * np.arange(config.frame[0])
                    xs = bx + steps[1] * np.arange(config.frame[1])
                    part = values[np.ix_(ys, xs)]
                    given = None if factor is None or p else (factor[0][np.ix_(ys, xs)], factor[1])
                    read = frame(
                        part,
                        real and p == 0,
                        config,
                        scale,
                        gain,
                        key,
                        at,
                        sample,
                        inverse,
                        config.frame,
                        False,
                        given,
                    )
                    at += repeats
                    turns = [
                        b % step * np.arange(n) / (n * step)
                        for b, step, n in zip((by, bx), steps, config.frame, strict=True)
                    ]
                    values[np.ix_(ys, xs)] = read * np.exp(
                        sign * 2j * np.pi * (turns[0][:, None] + turns[1][None, :])
                    )
        orders = []
        for size, n in zip(sizes, config.frame, strict=True):
            order = np.zeros(size, int)
            for k in range(size):
                rest, place = k, 0
                for _ in range(passes):
                    place, rest = place * n + rest % n, rest // n
                order[k] = place
            orders.append(order)
        out = values[np.ix_(*orders)][: window[0], : window[1]]
        out = out.real.copy() if real_output else out
    if dc:
        out[0, 0] += mean.real * math.sqrt(field.size) if real_output else mean * math.sqrt(field.size)
    return out


def _factor(second: NDArray[Any], config: Any, gain: Any) -> tuple[NDArray[Any], float]:
    """A kernel's spectrum as the second bank of modulators writes it, frame by frame, and its full scale."""
    most = float(np.abs(second).max()) if config.dac.encoding == "polar" else largest(second, False)
    out, steps = np.empty_like(second), [n // f for n, f in zip(second.shape, config.frame, strict=True)]
    for y in range(steps[0]):
        for x in range(steps[1]):
            part = encoded(second[y :: steps[0], x :: steps[1]], most, config)
            part = part if gain is None else part * gain
            out[y :: steps[0], x :: steps[1]] = leaked(part, config.noise.crosstalk)
    return out, most


def dft2(
    x: Any, config: Any, scales: Any, gain: Any = None, draw: Any = (0, 0, 0, 0), inverse: bool = False
) -> Any:
    """Transform [B, N, N] with full scales [passes][2]; `draw` is (seed, layer, step, sample)."""
    key, (rows, columns) = noise_key(*draw[:3]), np.shape(x)[1:]
    gain = gain if gain is None or np.ndim(gain) == 2 else gain[0]
    return np.stack(
        [
            _transform(
                np.asarray(field, np.complex128),
                False,
                config,
                scales,
                gain,
                key,
                0,
                draw[3] + b,
                inverse,
                (rows, columns),
                False,
                config.dc == "electronic",
            )
            for b, field in enumerate(x)
        ]
    )


def conv2d(
    x: Any,
    w: Any,
    config: Any,
    scales: Any,
    gain: Any = None,
    draw: Any = (0, 0, 0, 0),
    padding: int = 0,
) -> NDArray[np.float64]:
    """Convolve maps [B, Ci, H, W] with kernels [Co, Ci, k, k] (stride 1) with full scales [stages][2]."""
    x, w = np.pad(np.asarray(x, float), ((0, 0), (0, 0), *[(padding, padding)] * 2)), np.asarray(w, float)
    passes, size = len(scales) // 2, [n ** (len(scales) // 2) for n in config.frame]
    batch, ins, *maps = x.shape
    outs, _, *kernel = w.shape
    dense = [m - k + 1 for m, k in zip(maps, kernel, strict=True)]
    valid = [s - k + 1 for s, k in zip(size, kernel, strict=True)]
    count = [-(-d // v) for d, v in zip(dense, valid, strict=True)]
    key, root = noise_key(*draw[:3]), math.sqrt(size[0] * size[1])
    per = (
        passes
        * size[0]
        * size[1]
        // (config.frame[0] * config.frame[1])
        * config.slices
        * config.precision.shots
    )
    optical, dc = config.product == "optical", config.dc == "electronic"
    bank = None if gain is None or not optical else gain[1]
    gain = gain[0] if bank is not None else gain
    spectra = np.empty((outs, ins, *size), np.complex128)
    for o in range(outs):
        for c in range(ins):
            padded = np.zeros(size, np.complex128)
            padded[: kernel[0], : kernel[1]] = w[o, c]
            spectra[o, c] = np.fft.ifft2(padded) * padded.size
            if config.weight_transform == "optical":
                free = [("abs_max", "abs_max")] * passes
                number = (o * ins + c) * per
                spectra[o, c] = root * _transform(
                    padded, True, config, free, gain, key, number, WEIGHTS, True, tuple(size), False, False
                )
    y = np.zeros((batch, outs, *dense))
    transforms = ins + outs * (ins if optical else 1)
    for b in range(batch):
        for tile in range(count[0] * count[1]):
            y0, x0 = tile // count[1] * valid[0], tile % count[1] * valid[1]
            number = tile * transforms * per
            sample = draw[3] + b
            X = []
            for c in range(ins):
                field = np.zeros(size, np.complex128)
                part = x[b, c, y0 : y0 + size[0], x0 : x0 + size[1]]
                field[: part.shape[0], : part.shape[1]] = part
                X.append(
                    _transform(
                        field,
                        True,
                        config,
                        scales[:passes],
                        gain,
                        key,
                        number,
                        sample,
                        False,
                        tuple(size),
                        False,
                        dc,
                    )
                )
                number += per
            for o in range(outs):
                pairs = (
                    [(X[c], spectra[o, c]) for c in range(ins)]
                    if optical
                    else [(sum(X[c] * spectra[o, c] for c in range(ins)), None)]
                )
                result = np.zeros(valid)
                for field, second in pairs:
                    factor, kept = None, 0.0
                    if dc:  # the zero frequency stays electronic
                        zero = field[0, 0] * (1 if second is None else second[0, 0])
                        kept, field = zero.real / root, field.copy()
                        field[0, 0] = 0
                    if second is not None:
                        factor = _factor(second, config, bank)
                    result += kept + _transform(
                        field,
                        False,
                        config,
                        scales[passes:],
                        gain,
                        key,
                        number,
                        sample,
                        True,
                        tuple(valid),
                        True,
                        False,
                        factor,
                    )
                    number += per
                room = y[b, o, y0 : y0 + valid[0], x0 : x0 + valid[1]]
                room += result[: room.shape[0], : room.shape[1]]
    return y
