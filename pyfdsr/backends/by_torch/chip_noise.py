"""The emulated chip's random numbers in torch: Philox 4x32-10 (Salmon et al., SC 2011) and Box and Muller.

Counters and keys are those of the compiled core, so that every device draws the same words: (purpose and
block, frame, lower and upper half of the sample) under a key of (seed, layer, step). torch has no unsigned
32-bit arithmetic; words travel in int64, whose products wrap as those of 64 unsigned bits do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum

import torch
from torch import Tensor

__all__ = ["Purpose", "noise_key", "normals", "philox"]

_LOW, _ALL = 2**32 - 1, 2**64 - 1
_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10


class Purpose(IntEnum):
    """What a block of random numbers is for: the upper byte of the counter's first word."""

    INPUT = 0
    PHASE = 1
    QUADRATURE = 2
    BACKGROUND = 3
    FACTOR = 4
    FACTOR_PHASE = 5


def _mixed(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _ALL
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _ALL
    return z ^ (z >> 31)


def noise_key(seed: int, layer: int, step: int) -> tuple[int, int]:
    """Return the key of the random numbers of a layer's step."""
    key = 0
    for value in (seed, layer, step):
        key = _mixed(key ^ ((value + 0x9E3779B97F4A7C15) & _ALL))
    return key & _LOW, key >> 32


def philox(counter: Sequence[Tensor], key: tuple[int, int]) -> list[Tensor]:
    """Return the four words of each counter.

    Parameters
    ----------
    counter : 4 Tensors, int64
        Words, of which the lower 32 bits count; broadcast. What the first rounds mix is as small as they are.
    key : (int, int)

    Returns
    -------
    list of 4 Tensors, int64
        Words from 0 to 2**32 - 1.
    """
    c0, c1, c2, c3 = counter
    for turn in range(_ROUNDS):
        k0, k1 = ((k + turn * w) & _LOW for k, w in zip(key, _WEYL, strict=True))
        # The upper halves hold anything until a word is multiplied, which saves masking half of them.
        a, b = (c0 & _LOW) * _MULTIPLIERS[0], (c2 & _LOW) * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b, (a >> 32) ^ c3 ^ k1, a
    return [word & _LOW for word in (c0, c1, c2, c3)]


def _normal_pairs(w0: Tensor, w1: Tensor) -> Tensor:
    """Two deviates of two words, on a new last axis: radius from 24 bits of one, angle of the other.

    In single precision and in the core's order; the library's logarithm, sine and cosine differ from the
    core's polynomials by an ulp or two.
    """
    radius = (w0 >> 8).to(torch.float32).add_(0.5).mul_(2.0**-24).log_().mul_(-2.0).sqrt_()
    # The lower 30 bits, times 4, as a signed number: an angle about the middle of its quadrant.
    angle = ((w1 << 34) >> 32).to(torch.float32).mul_(math.pi / 2 * 2.0**-32)
    quadrant = w1 >> 30
    sine, cosine = angle.sin(), angle.cos_()
    odd = (quadrant & 1).bool()
    # Signs: + - - + for the cosine of quadrants 0 to 3, + + - - for the sine.
    first = torch.where(odd, sine, cosine).mul_(1 - ((quadrant + 1) & 2))
    second = torch.where(odd, cosine, sine).mul_(1 - (quadrant & 2))
    return torch.stack((first.mul_(radius), second.mul_(radius)), -1)


def normals(key: tuple[int, int], frames: Tensor, samples: Tensor, purpose: Purpose, count: int) -> Tensor:
    """Return standard normal deviates of frames.

    Parameters
    ----------
    key : (int, int)
    frames, samples : Tensor, [F], int64
        Numbers of the frames and of their samples.
    purpose : Purpose
    count : int

    Returns
    -------
    Tensor, [F, count], float32
    """
    blocks = torch.arange(-(-count // 4), device=frames.device) + (int(purpose) << 24)
    frames, samples = frames[:, None], samples[:, None]
    words = philox((blocks, frames, samples, samples >> 32), key)
    pairs = _normal_pairs(torch.stack(words[::2], -1), torch.stack(words[1::2], -1))  # [F, blocks, 2, 2]
    return pairs.reshape(len(frames), -1)[:, :count]
