"""A picture enlarged: its colours by a network, its transparency by bicubic interpolation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from pyfdsr.chip import calibrate_ranges, optical_layers
from pyfdsr.models import SuperResolutionNetwork
from pyfdsr.training.optional import require

from .files import Picture
from .tiling import upscale

__all__ = ["calibrate_on", "enlarge", "match_histogram"]

_CALIBRATION_SIDE = 96


def enlarge(
    model: SuperResolutionNetwork,
    picture: Picture,
    scale: int | None = None,
    tile: int = 256,
    match: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Picture:
    """Enlarge a picture.

    Parameters
    ----------
    model : SuperResolutionCNN or SuperResolutionUNet
    picture : Picture
        Its values go to the network as they are, whatever the profile says.
    scale, tile, progress
        As in :func:`upscale`.
    match : bool
        Give each colour the distribution of values that it had before, :func:`match_histogram`.

    Returns
    -------
    Picture
        With the same profile and kind of samples.

    Raises
    ------
    TypeError, ValueError, ImportError
        As :func:`upscale` and :func:`match_histogram`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr.models import SuperResolutionCNN
    >>> from pyfdsr.upscaling import Picture, enlarge
    >>> enlarge(SuperResolutionCNN(), Picture(np.zeros((5, 4, 3), np.uint8)), scale=2).colours.shape
    (10, 8, 3)
    """
    colours = upscale(model, picture.colours, tile, scale=scale, progress=progress)
    if match:
        match_histogram(colours, picture.colours)
    alpha = None
    if picture.alpha is not None:
        alpha = _bicubic(picture.alpha, colours.shape[:2])
    return Picture(colours, alpha, picture.profile)


def match_histogram(image: np.ndarray, reference: np.ndarray) -> None:
    """Give each channel of an image, in place, the distribution of values of another image's.

    Parameters
    ----------
    image : uint8 or uint16 array, [H, W, C]
    reference : array, [h, w, C]
        Of the same dtype.

    Raises
    ------
    ImportError
        Without scikit-image; the message says how to get it.
    ValueError
        If the channels differ in number.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr.upscaling import match_histogram
    >>> image = np.array([[[0], [1]], [[2], [3]]], np.uint8)
    >>> match_histogram(image, np.array([[[40], [200]]], np.uint8))
    >>> int(image.max()), bool((np.diff(image.ravel().astype(int)) >= 0).all())
    (200, True)
    """
    exposure = require("skimage.exposure", "matching histograms", "images")
    if image.shape[2] != reference.shape[2]:
        raise ValueError(
            f"reference has {reference.shape[2]} channels: must have {image.shape[2]}, as the image"
        )
    for channel in range(image.shape[2]):  # one at a time: it works in double precision
        matched = exposure.match_histograms(image[:, :, channel], reference[:, :, channel])
        image[:, :, channel] = np.rint(matched)


def calibrate_on(model: SuperResolutionNetwork, picture: Picture) -> None:
    """Calibrate the chip's ranges on the middle of a picture; a network without a chip is left as it is.

    Parameters
    ----------
    model : SuperResolutionCNN or SuperResolutionUNet
    picture : Picture
        At most 96×96 of its pixels are used. Where they are black, a grey surface is.
    """
    if not any(True for _ in optical_layers(model)):
        return
    cut = []
    for size in picture.colours.shape[:2]:
        side = min(size, _CALIBRATION_SIDE)
        cut.append(slice((size - side) // 2, (size - side) // 2 + side))
    middle = picture.colours[tuple(cut)].astype(np.float32) / np.iinfo(picture.colours.dtype).max
    x = torch.from_numpy(middle).permute(2, 0, 1)[None].to(next(model.parameters()))
    if not x.any():
        x = torch.full_like(x, 0.5)
    if x.shape[1] != model.in_channels:
        x = x.expand(-1, model.in_channels, -1, -1)
    calibrate_ranges(model, [x])


def _bicubic(alpha: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    image_module = require("PIL.Image", "enlarging transparency")
    shape = size[::-1]
    if alpha.dtype == np.uint8:
        return np.asarray(image_module.fromarray(alpha).resize(shape, image_module.Resampling.BICUBIC))
    values = image_module.fromarray(alpha.astype(np.float32)).resize(shape, image_module.Resampling.BICUBIC)
    return np.asarray(values).round().clip(0, np.iinfo(alpha.dtype).max).astype(alpha.dtype)
