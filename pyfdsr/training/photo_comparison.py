"""What several networks and interpolation make of the same small picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from pyfdsr.data import downsample_nearest
from pyfdsr.metrics import psnr
from pyfdsr.upscaling import match_histogram

from .photo_scores import bicubic

__all__ = ["compared", "decibels"]


def decibels(picture: np.ndarray, original: np.ndarray) -> float:
    """Return the PSNR of bytes, dB.

    Examples
    --------
    >>> round(decibels(np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)), 6)
    0.0
    """
    return float(psnr(picture.astype(np.float64), original.astype(np.float64), peak=255))


def compared(
    original: np.ndarray,
    networks: Mapping[str, Callable[[Tensor], Tensor]],
    scale: int = 8,
    match: str | None = None,
) -> dict[str, np.ndarray]:
    """Make a picture small, enlarge it in several ways.

    Parameters
    ----------
    original : uint8 array [H, W, 3]
        H and W multiples of `scale`.
    networks : mapping of str to callable
        From float32 images [1, 3, H / scale, W / scale] of 0 to 1 to [1, 3, H, W].
    scale : int
    match : {None, "input", "original"}
        Add to each network's result what matching its histogram to the small input, or to the original, makes
        of it, under the network's name followed by ``" + histogram of …"``.

    Returns
    -------
    dict of str to uint8 array
        ``"original"``, ``"input"`` (the small one), ``"bicubic"``, then the networks'.

    Raises
    ------
    ValueError
        If `match` is something else, or the size no multiple of `scale`.
    """
    if match not in (None, "input", "original"):
        raise ValueError(f"match={match!r}: must be None, 'input' or 'original'")
    small = downsample_nearest(original.transpose(2, 0, 1), scale)
    tensor = torch.from_numpy(small.copy()).float().div_(255)[None]
    found = {"original": original, "input": np.ascontiguousarray(small.transpose(1, 2, 0))}
    with torch.inference_mode():
        for name, way in {"bicubic": lambda x: bicubic(x, scale), **networks}.items():
            output = way(tensor)[0].clamp(0, 1).mul(255).round().byte()
            found[name] = np.ascontiguousarray(output.permute(1, 2, 0).numpy())
            if match and name != "bicubic":
                matched = found[name].copy()
                match_histogram(matched, found[match])
                found[f"{name} + histogram of {match}"] = matched
    return found
