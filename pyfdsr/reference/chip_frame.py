"""One frame of the emulated chip by its definition, in Numba and double precision: write, transform, read."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["encoded", "frame", "largest", "leaked", "noise_key", "normals", "philox", "quantise"]

INPUT, PHASE, QUADRATURE, BACKGROUND, FACTOR, FACTOR_PHASE = range(6)
_MASK = 0xFFFFFFFFFFFFFFFF


@numba.njit
def philox(c0, c1, c2, c3, k0, k1):
    """Four 32-bit words of Philox 4x32-10 for a counter of four and a key of two words."""
    for _ in range(10):
        a, b = numba.uint64(0xD2511F53) * numba.uint64(c0), numba.uint64(0xCD9E8D57) * numba.uint64(c2)
        low, high = numba.uint64(0xFFFFFFFF), numba.uint64(32)
        c0, c1, c2, c3 = (b >> high) ^ c1 ^ k0, b & low, (a >> high) ^ c3 ^ k1, a & low
        k0 = (k0 + numba.uint64(0x9E3779B9)) & low
        k1 = (k1 + numba.uint64(0xBB67AE85)) & low
    return c0, c1, c2, c3


@numba.njit
def _normals(key, frame, sample, purpose, count):
    out = np.empty(count + 4)
    low, high = numba.uint64(0xFFFFFFFF), numba.uint64(32)
    for block in range((count + 3) // 4):
        words = philox(
            numba.uint64((purpose << 24) | block),
            numba.uint64(frame),
            sample & low,
            sample >> high,
            key[0],
            key[1],
        )
        for pair in range(2):
            w0, w1 = words[2 * pair], words[2 * pair + 1]
            radius = math.sqrt(-2 * math.log((float(w0 >> numba.uint64(8)) + 0.5) * 2.0**-24))
            rest = float((w1 << numba.uint64(2)) & low)
            rest -= 2.0**32 if rest >= 2.0**31 else 0.0
            angle = math.pi / 2 * (float(w1 >> numba.uint64(30)) + rest * 2.0**-32)
            out[4 * block + 2 * pair] = radius * math.cos(angle)
            out[4 * block + 2 * pair + 1] = radius * math.sin(angle)
    return out[:count]


def normals(key: Any, frame: int, sample: int, purpose: int, count: int) -> NDArray[np.float64]:
    """Standard normal deviates of a frame, [count]."""
    return _normals(np.array(key, np.uint64), int(frame), np.uint64(sample), purpose, count)


def noise_key(seed: int, layer: int, step: int) -> tuple[int, int]:
    """Key of the random numbers of a layer's step."""

    def mixed(z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
        return z ^ (z >> 31)

    key = 0
    for value in (seed, layer, step):
        key = mixed(key ^ ((value + 0x9E3779B97F4A7C15) & _MASK))
    return key & 0xFFFFFFFF, key >> 32


def quantise(values: Any, bits: int, full_scale: float, unsigned: bool = False) -> NDArray[np.float64]:
    """Round to 2^bits - 1 levels about 0 (or from 0 to the full scale), halves to even, saturating.

    Examples
    --------
    >>> quantise([0.2, 0.5, -0.9, 7.0], 2, 1.0)
    array([ 0.,  0., -1.,  1.])
    """
    values = np.asarray(values, np.float64)
    if bits == 0:
        return values
    if full_scale == 0:
        return np.zeros_like(values)
    most = (2 ** (bits - 1) - 1) * (2 if unsigned else 1)
    return np.clip(np.rint(values / full_scale * most), 0 if unsigned else -most, most) * full_scale / most


@numba.njit
def _sum(field, inverse, rows, columns):
    """Sums over the frame, unitary scaling, at frequencies (rows, columns)."""
    ny, nx = field.shape
    sign = 1.0 if inverse else -1.0
    out = np.zeros((rows, columns), np.complex128)
    for ky in range(rows):
        for kx in range(columns):
            for y in range(ny):
                for x in range(nx):
                    turns = (ky * y % ny) / ny + (kx * x % nx) / nx
                    angle = sign * 2 * math.pi * turns
                    out[ky, kx] += field[y, x] * complex(math.cos(angle), math.sin(angle))
    return out / math.sqrt(ny * nx)


def largest(field: NDArray[Any], real: bool) -> float:
    return float(max(np.abs(field.real).max(), 0 if real else np.abs(field.imag).max()))


def _digits(field: NDArray[Any], scale: float, config: Any) -> list[tuple[float, NDArray[Any]]]:
    """Weight and written field of each slice."""
    slices, radix = config.slices, 2 ** (config.dac.bits - 1)
    binary = config.precision.slicing == "binary"
    most = radix**slices - 1 if binary else slices * (radix - 1)
    parts = []
    for k in range(slices):
        quadratures = []
        for values in (field.real, field.imag):
            whole = np.rint(np.minimum(np.abs(values) / scale, 1.0) * most) if scale else 0 * values
            part = whole // radix**k % radix if binary else np.clip(whole - k * (radix - 1), 0, radix - 1)
            quadratures.append(np.sign(values) * part * scale / (radix - 1))
        weight = radix**k * (radix - 1) / most if binary else 1 / slices
        parts.append((weight, quadratures[0] + 1j * quadratures[1]))
    return parts


def _written(field: NDArray[Any], scale: float, real: bool, config: Any) -> list[tuple[float, NDArray[Any]]]:
    bits, encoding = config.dac.bits, config.dac.encoding
    if bits == 0:
        return [(1.0, field)]
    if config.precision.slicing != "none":
        return _digits(field, scale, config)
    if encoding == "polar":
        size = quantise(np.abs(field), bits, scale, unsigned=True)
        phase = np.rint(np.angle(field) / (2 * np.pi) * 2**bits) * 2 * np.pi / 2**bits
        return [(1.0, np.sign(field.real) * size if real else size * np.exp(1j * phase))]
    if encoding == "cartesian":
        return [(1.0, quantise(field.real, bits, scale) + 1j * quantise(field.imag, bits, scale))]

    def modulated(values: NDArray[Any]) -> NDArray[Any]:
        drive = np.clip(values / scale if scale else 0 * values, -1, 1)
        drive = np.arcsin(drive) * 2 / np.pi if config.dac.linearise else drive
        return scale * np.sin(np.pi / 2 * quantise(drive, bits, 1.0))

    return [(1.0, modulated(field.real) + 1j * modulated(field.imag))]


def _is_joined(config: Any, adc: Any, factor: Any) -> bool:
    """Whether one draw before the ADC stands for the noise of writing and of reading.

    White circular noise stays so under a phase and a unitary transform; the ADC's full scale must not depend
    on it, and nothing but a linear readout may follow.
    """
    linear = config.detection == "balanced" and config.noise.shot_photons is None
    return linear and factor is None and adc != "abs_max"


def leaked(field: NDArray[Any], part: float) -> NDArray[Any]:
    """Add what leaks from the four neighbours of each modulator."""
    around = np.pad(field, 1)
    return field + part * (around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:])


def encoded(field: NDArray[Any], scale: float, config: Any) -> NDArray[Any]:
    """A complex field as the modulators write it in one frame."""
    return _written(field, scale, False, config.replace(precision=type(config.precision)()))[0][1]


def _multiplied(field: NDArray[Any], factor: Any, config: Any, source: Any) -> NDArray[Any]:
    """The field times (array, full scale), which is written in every frame anew."""
    values, scale = factor
    if config.noise.inp_noise:
        drawn = source(FACTOR, 2 * field.size).reshape(*field.shape, 2)
        values = values + config.noise.inp_noise * scale * (drawn[..., 0] + 1j * drawn[..., 1])
    if config.noise.phase_noise:
        turns = source(FACTOR_PHASE, field.size).reshape(field.shape)
        values = values * np.exp(1j * config.noise.phase_noise * turns)
    return field * values


def _imperfect(
    field: NDArray[Any], scale: float, config: Any, gain: Any, source: Any, joined: bool
) -> NDArray[Any]:
    noise, count = config.noise, field.size
    field = leaked(field if gain is None else field * gain, noise.crosstalk)
    if noise.inp_noise and not joined:
        drawn = source(INPUT, 2 * count).reshape(*field.shape, 2)
        field = field + noise.inp_noise * scale * (drawn[..., 0] + 1j * drawn[..., 1])
    if noise.phase_noise:
        field = field * np.exp(1j * noise.phase_noise * source(PHASE, count).reshape(field.shape))
    return field


def _read(
    field: NDArray[Any], scale: float, real: bool, config: Any, source: Any, before: float
) -> NDArray[Any]:
    """Detection and ADC; `before` is the deviation of noise that was written."""
    noise, bits, count = config.noise, config.adc.bits, field.size
    noisy = noise.out_noise > 0 or noise.shot_photons is not None or before > 0
    reference = config.reference_amplitude * scale
    bright = (scale + reference) ** 2 + scale**2
    per_photon = 0.0 if noise.shot_photons is None else bright / noise.shot_photons
    if config.detection == "balanced":
        quadratures = [field.real] if real else [field.real, field.imag]
        values = np.stack(quadratures, -1)
        if noisy:
            detectors = np.abs(field + reference) ** 2 + np.abs(field - reference) ** 2
            shot = detectors * per_photon / (16 * reference**2) if per_photon else 0 * field.real
            deviation = np.sqrt(shot + (noise.out_noise * scale) ** 2 + before**2)
            values = values + deviation[..., None] * source(QUADRATURE, values.size).reshape(values.shape)
        values = quantise(values, bits, scale)
        return values[..., 0] if real else values[..., 0] + 1j * values[..., 1]
    drawn = source(QUADRATURE, 2 * count).reshape(*field.shape, 2) if noisy else np.zeros((*field.shape, 2))
    dark = source(BACKGROUND, count).reshape(field.shape) if noisy else np.zeros(field.shape)

    def digitised(intensity: NDArray[Any], normal: NDArray[Any]) -> NDArray[Any]:
        deviation = np.sqrt(intensity * per_photon + (noise.out_noise * bright) ** 2)
        return quantise(intensity + deviation * normal, bits, bright, unsigned=True)

    alone = digitised(np.abs(field) ** 2, dark)
    re = digitised(np.abs(field + reference) ** 2, drawn[..., 0]) - alone - reference**2
    if real:
        return re / (2 * reference)
    im = digitised(np.abs(field + 1j * reference) ** 2, drawn[..., 1]) - alone - reference**2
    return (re + 1j * im) / (2 * reference)


def frame(
    field, real_input, config, scales, gain, key, number, sample, inverse, window, real_output, factor=None
):
    """One frame and its repetitions: write, transform, read; `factor` is (array, its full scale)."""
    dac, adc = scales
    if dac == "abs_max":
        polar = config.dac.encoding == "polar" and not real_input
        dac = float(np.abs(field).max()) if polar else largest(field, real_input)
    total, joined = 0.0, _is_joined(config, adc, factor)
    before = config.noise.inp_noise * dac if joined else 0.0
    for weight, written in _written(field, dac, real_input, config):
        for _ in range(config.precision.shots):

            def source(purpose: int, count: int, frame_number: int = number) -> NDArray[np.float64]:
                return normals(key, frame_number, sample, purpose, count)

            shown = _imperfect(written, dac, config, gain, source, joined)
            shown = shown if factor is None else _multiplied(shown, factor, config, source)
            light = _sum(np.ascontiguousarray(shown, dtype=np.complex128), inverse, *window)
            scale = adc
            if adc == "abs_max":
                scale = largest(light, real_output)
            elif adc == "worst_case":
                # sqrt(2): of two quadratures at full scale; a polar full scale is that of the amplitude.
                corner = 1 if config.dac.encoding == "polar" else math.sqrt(2)
                spread = (1 if real_input else corner) * (1 if factor is None else corner * factor[1])
                scale = dac * math.sqrt(field.size) * spread
            read = _read(light, scale, real_output, config, source, before)
            total = total + weight / config.precision.shots * read
            number += 1
    return total
