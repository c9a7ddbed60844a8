"""Constants of the emulated chip on a device: matrices of lines, factors between passes, static errors.

They are made on the host and copied once; a call that finds them waits for nothing.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from pyfdsr import _plans

from ..constants import kept_for_later

__all__ = ["gain_of", "line_matrix", "order_of", "twiddles"]

_MOST_CONSTANTS = 128


def _constant_on(array: np.ndarray, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return an array as a tensor that a cache may keep."""
    with kept_for_later():
        return torch.from_numpy(np.array(array)).to(dtype).to(device)


def _turn(products: np.ndarray, n: int) -> np.ndarray:
    """exp(-2 pi i products / n); whole turns are taken off, mirrored angles have the same bits."""
    products = products % n
    folded = np.minimum(products, n - products)
    sign = np.where(products > folded, -1.0, 1.0)
    angle = 2 * math.pi * folded / n
    return np.cos(angle) - 1j * sign * np.sin(angle)


@lru_cache(maxsize=_MOST_CONSTANTS)
def line_matrix(
    n: int,
    outputs: int,
    inverse: bool,
    quadratures: tuple[int, int],
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Return the DFT of a line as a real matrix [n · q, outputs · r], for q and r quadratures in and out."""
    waves = _turn(np.outer(np.arange(n), np.arange(outputs)), n)
    waves = waves.conj() if inverse else waves
    # [n, 2 (in), outputs, 2 (out)]
    matrix = np.stack([np.stack([waves.real, waves.imag], -1), np.stack([-waves.imag, waves.real], -1)], 1)
    q, r = quadratures
    return _constant_on(matrix[:, :q, :, :r].reshape(n * q, outputs * r), dtype, device)


@lru_cache(maxsize=_MOST_CONSTANTS)
def twiddles(n: int, step: int, size: int, inverse: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the factors between passes along an axis, [step, n], complex: of rest and frequency."""
    unit = size // (n * step)
    waves = _turn(np.outer(np.arange(step), np.arange(n)) * unit, size)
    return _constant_on(waves.conj() if inverse else waves, dtype, device)


def _digit_order(n: int, passes: int) -> list[int]:
    """Where each frequency stands after the last pass: its digits turned round."""
    order = []
    for frequency in range(n**passes):
        place, rest = 0, frequency
        for _ in range(passes):
            place, rest = place * n + rest % n, rest // n
        order.append(place)
    return order


@lru_cache(maxsize=_MOST_CONSTANTS)
def order_of(n: int, passes: int, device: torch.device) -> Tensor:
    """Return those places on a device. The order is its own inverse."""
    return _constant_on(np.array(_digit_order(n, passes)), torch.int64, device)


@lru_cache(maxsize=_MOST_CONSTANTS)
def gain_of(
    gain: bytes, frame: tuple[int, int], bank: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return the static factors of one bank of modulators, [y, x], complex."""
    factors = np.frombuffer(gain, np.complex128).reshape(-1, *frame)[bank]
    return _constant_on(factors, dtype, device)


for _cached in (line_matrix, twiddles, order_of, gain_of):
    _plans.cleared_with_plans.append(_cached.cache_clear)
