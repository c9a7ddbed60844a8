"""Scores of super-resolved photographs: PSNR of colours and of luma, SSIM, beside those of interpolation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pyfdsr.data import PhotoSet, downsample_nearest
from pyfdsr.metrics import psnr, ssim

__all__ = ["PhotoScores", "bicubic", "luma", "nearest", "score_photos"]

_BATCH = 8
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def luma(images: Tensor) -> Tensor:
    """Return Y of BT.601 over the full range [..., H, W] of RGB images [..., 3, H, W].

    Examples
    --------
    >>> round(float(luma(torch.ones(3, 2, 2))[0, 0]), 6)
    1.0
    """
    return torch.einsum("c,...chw->...hw", images.new_tensor(_LUMA), images)


def bicubic(images: Tensor, scale: int = 8) -> Tensor:
    """Enlarge images [B, C, H, W] by Keys' bicubic interpolation with a = -1/2, as Pillow does.

    Examples
    --------
    >>> bicubic(torch.ones(1, 3, 2, 2)).shape
    torch.Size([1, 3, 16, 16])
    """
    # antialias chooses a = -1/2 over torch's usual -3/4; enlarging has nothing to alias.
    return F.interpolate(images, scale_factor=scale, mode="bicubic", antialias=True)


def nearest(images: Tensor, scale: int = 8) -> Tensor:
    """Enlarge images [B, C, H, W] by repeating pixels.

    Examples
    --------
    >>> nearest(torch.ones(1, 3, 2, 2)).shape
    torch.Size([1, 3, 16, 16])
    """
    return F.interpolate(images, scale_factor=scale, mode="nearest-exact")


@dataclass(frozen=True)
class PhotoScores:
    """Scores of each photograph.

    Attributes
    ----------
    psnr : float64 array [n]
        Of red, green and blue together, dB.
    psnr_y : float64 array [n]
        Of luma (BT.601), dB.
    ssim : float64 array [n]
        Mean over red, green and blue.
    """

    psnr: np.ndarray
    psnr_y: np.ndarray
    ssim: np.ndarray

    def means(self) -> dict[str, float]:
        """Return the means over the photographs."""
        return {field.name: float(getattr(self, field.name).mean()) for field in fields(self)}


def score_photos(
    enlarge: Callable[[Tensor], Tensor], photos: PhotoSet, scale: int = 8, limit: int | None = None
) -> PhotoScores:
    """Score a way to enlarge on photographs that were made small by picking pixels.

    Parameters
    ----------
    enlarge : torch.nn.Module or callable
        From images [B, 3, H, W] to [B, 3, scale·H, scale·W]; a module is put into evaluation mode, and its
        device computes.
    photos : PhotoSet
        The originals.
    scale : int
    limit : int, optional
        Take the first photographs only.

    Returns
    -------
    PhotoScores
        Of the results clipped to 0 to 1.
    """
    device = torch.device("cpu")
    if isinstance(enlarge, torch.nn.Module):
        enlarge.eval()
        device = next((tensor.device for tensor in enlarge.parameters()), device)
    parts: list[tuple[np.ndarray, ...]] = []
    count = min(limit or len(photos), len(photos))
    with torch.inference_mode():
        for start in range(0, count, _BATCH):
            squares = photos.take(slice(start, min(start + _BATCH, count)))
            target = torch.from_numpy(squares).to(device).float().div_(255)
            small = torch.from_numpy(downsample_nearest(squares, scale).copy()).to(device).float().div_(255)
            output = enlarge(small).clamp(0, 1)
            # Over all channels at once: three channels stacked are one image three times as high.
            stacked = psnr(output.flatten(1, 2), target.flatten(1, 2), per="image")
            grey = psnr(luma(output), luma(target), per="image")
            likeness = ssim(output, target, per="image").mean(1)
            parts.append(tuple(x.cpu().double().numpy() for x in (stacked, grey, likeness)))
    return PhotoScores(*map(np.concatenate, zip(*parts, strict=True)))
