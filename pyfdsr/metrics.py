"""Figures of merit of super-resolved images: PSNR, SSIM, effective resolution, preserved energy.

Images are real arrays or tensors [..., Sy, Sx]; arrays are answered in float64, tensors in their own
precision and differentiably. Anything before the last two axes counts as a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfdsr.optics.arrays import is_tensor, namespace
from pyfdsr.optics.grid import OpticalGrid
from pyfdsr.optics.imaging import ImagingOptics

__all__ = ["EffectiveResolution", "effective_resolution", "energy_fraction", "psnr", "ssim"]

_IMAGE = (-2, -1)
_RADIUS_BEYOND_LAST_BIN = 0.5757  # the paper's default optics: radius 13.5757 passes |k| ≤ 13


def _images(**named: Any) -> list[Any]:
    """Check that the arguments are real images of one shape and one kind, and widen arrays to float64."""
    (first_name, first), *others = named.items()
    checked = []
    for name, x in named.items():
        if is_tensor(x) != is_tensor(first):
            raise TypeError(f"{first_name} and {name}: must both be tensors or both be arrays")
        x = x if is_tensor(x) else np.asarray(x)
        if x.dtype.is_complex if is_tensor(x) else x.dtype.kind not in "fiub":
            raise TypeError(f"{name} has dtype {x.dtype}: must be real")
        if x.ndim < 2:
            raise ValueError(f"{name} has shape {tuple(x.shape)}: at least two axes (y, x) are needed")
        if is_tensor(x):
            checked.append(x if x.dtype.is_floating_point and x.element_size() >= 4 else x.float())
        else:
            checked.append(x.astype(np.float64))
    for name, x in others:
        if tuple(x.shape) != tuple(first.shape):
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}: must be that of {first_name}, {tuple(first.shape)}"
            )
    return checked


def _choice(name: str, value: Any, options: tuple[Any, ...]) -> None:
    if value not in options:
        raise ValueError(f"{name}={value!r}: must be one of {options}")


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}={value!r}: must be finite and greater than 0")


def _normalized(pred: Any, normalize: str | None, peak: float) -> Any:
    """Scale every image to the maximum `peak`; a dark image stays dark."""
    _choice("normalize", normalize, (None, "max"))
    if normalize is None:
        return pred
    xp = namespace(pred)
    brightest = xp.amax(pred, axis=_IMAGE, keepdims=True)
    return pred * (peak / xp.where(brightest == 0, xp.ones_like(brightest), brightest))


def _reduced(per_image: Any, per: str) -> Any:
    """Mean over the batch as a number (0-d tensor for tensors), or the values as they are."""
    _choice("per", per, ("batch", "image"))
    if per == "batch":
        per_image = per_image.mean()
        return per_image if is_tensor(per_image) else float(per_image)
    return per_image


def psnr(pred: Any, target: Any, normalize: str | None = None, peak: float = 1.0, per: str = "batch") -> Any:
    r"""Peak signal-to-noise ratio :math:`10 \log_{10}(\mathrm{peak}^2/\mathrm{MSE})`, decibels.

    Parameters
    ----------
    pred, target : real array or tensor [..., Sy, Sx]
        Image and ground truth, on the window.
    normalize : None or "max"
        "max" scales every image of `pred` to the maximum `peak` first, as is done with network outputs.
    peak : float
        Largest intensity of the targets: 1, or the test intensity p.
    per : "batch" or "image"
        Mean squared error over the whole batch (one number, the paper's way with batches of 100), or
        image by image.

    Returns
    -------
    float or float64 array [...]; for tensors, a tensor. Infinite where the images agree exactly.

    Raises
    ------
    TypeError, ValueError
        If shapes or kinds differ, images are not real, or an option is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> round(psnr(np.full((2, 4, 4), 0.1), np.zeros((2, 4, 4))), 6)
    20.0
    """
    _positive("peak", peak)
    pred, target = _images(pred=pred, target=target)
    error = (_normalized(pred, normalize, peak) - target) ** 2
    xp = namespace(pred)
    mse = _reduced(error if per == "batch" else error.mean(_IMAGE), per)
    if is_tensor(mse):
        return 10 * xp.log10(peak**2 / mse)
    with np.errstate(divide="ignore"):
        result = 10 * np.log10(peak**2 / np.asarray(mse))
    return float(result) if per == "batch" else result


def _gaussian_filters(shape: tuple[int, ...], like: Any, size: int = 11, sigma: float = 1.5) -> list[Any]:
    """Matrices [S, S] of the normalised Gaussian filter along y and x, mirrored at the outermost samples."""
    offsets = np.arange(size) - size // 2
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    weights /= weights.sum()
    filters = []
    for length in shape:
        row = np.repeat(np.arange(length), size)
        column = np.abs(row + np.tile(offsets, length))
        column = (length - 1) - np.abs((length - 1) - column)
        matrix = np.zeros((length, length))
        np.add.at(matrix, (row, column), np.tile(weights, length))
        filters.append(namespace(like).asarray(matrix, dtype=like.dtype))
    return [f.to(like.device) for f in filters] if is_tensor(like) else filters


def ssim(
    pred: Any,
    target: Any,
    normalize: str | None = None,
    peak: float = 1.0,
    per: str = "batch",
) -> Any:
    """Structural similarity index, with the definition and constants of torchmetrics.

    Parameters
    ----------
    pred, target : real array or tensor [..., Sy, Sx]
        Image and ground truth, at least 6 × 6.
    normalize : None or "max"
        As in :func:`psnr`.
    peak : float
        Data range, and the maximum that "max" scales to.
    per : "batch" or "image"
        Mean over the batch, or image by image.

    Returns
    -------
    float or float64 array [...]; for tensors, a tensor

    References
    ----------
    Z. Wang et al., IEEE Trans. Image Process. 13, 600 (2004): Gaussian window 11 × 11, σ = 1.5, k₁ = 0.01,
    k₂ = 0.03; images mirrored at their borders and the mean taken over every pixel, as torchmetrics does.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 256).reshape(16, 16)
    >>> round(ssim(image, image), 6)
    1.0
    """
    _positive("peak", peak)
    pred, target = _images(pred=pred, target=target)
    if min(pred.shape[-2:]) < 6:
        raise ValueError(f"pred has shape {tuple(pred.shape)}: images must be at least 6 x 6")
    pred = _normalized(pred, normalize, peak)
    along_y, along_x = _gaussian_filters(tuple(pred.shape[-2:]), pred)

    def smooth(x: Any) -> Any:
        return along_y @ x @ along_x.T

    mean_p, mean_t = smooth(pred), smooth(target)
    # Rounding can make a variance slightly negative where an image is flat.
    variance_p = (smooth(pred**2) - mean_p**2).clip(min=0)
    variance_t = (smooth(target**2) - mean_t**2).clip(min=0)
    covariance = smooth(pred * target) - mean_p * mean_t
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    luminance = (2 * mean_p * mean_t + c1) / (mean_p**2 + mean_t**2 + c1)
    structure = (2 * covariance + c2) / (variance_p + variance_t + c2)
    return _reduced((luminance * structure).mean(_IMAGE), per)


def energy_fraction(output: Any, low_res: Any, per: str = "batch") -> Any:
    """Energy of the output relative to that of the low-resolution input, both in the window.

    Parameters
    ----------
    output, low_res : real array or tensor [..., Sy, Sx]
        Intensities, not normalised.
    per : "batch" or "image"
        Ratio of the sums over the batch, or image by image.

    Returns
    -------
    float or float64 array [...]; for tensors, a tensor. NaN where the input is dark.

    Examples
    --------
    >>> import numpy as np
    >>> energy_fraction(np.full((3, 4, 4), 0.5), np.full((3, 4, 4), 2.0))
    0.25
    """
    _choice("per", per, ("batch", "image"))
    output, low_res = _images(output=output, low_res=low_res)
    if per == "batch":
        sums = output.sum(), low_res.sum()
        return sums[0] / sums[1] if is_tensor(output) else _ratio(*sums).item()
    sums = output.sum(_IMAGE), low_res.sum(_IMAGE)
    return sums[0] / sums[1] if is_tensor(output) else _ratio(*sums)


def _ratio(part: Any, whole: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(part) / np.asarray(whole)


@dataclass(frozen=True)
class EffectiveResolution:
    """Result of :func:`effective_resolution`.

    Attributes
    ----------
    resolution : float
        1/f_c of the equivalent linear imager, metres. A bound if `status` is not "within".
    cutoff : float
        Its two-sided cutoff f_c, 1/m.
    bins : float
        Its highest passed frequency K along an axis, in bins: f_c = 2·K steps; interpolated.
    status : {"within", "coarser", "finer"}
        Whether a linear imager of the grid has that PSNR; else `resolution` is that of the coarsest (K = 1)
        or finest imager tried, and the true one is coarser or finer.
    curve : dict of int to float
        Mean PSNR of the linear imagers tried, by K.
    """

    resolution: float
    cutoff: float
    bins: float
    status: str
    curve: dict[int, float]

    def __float__(self) -> float:
        return self.resolution

    def __str__(self) -> str:
        sign = {"within": "", "coarser": "> ", "finer": "< "}[self.status]
        return f"{sign}{self.resolution * 1e6:.1f} µm"


def effective_resolution(
    psnr_of_network: float,
    objects: Any,
    grid: OpticalGrid | None = None,
    peak: float = 1.0,
    batch: int = 100,
    progress: Callable[[int, float], None] | None = None,
) -> EffectiveResolution:
    """Resolution of the linear low-pass imager whose mean PSNR over the objects equals the network's.

    Parameters
    ----------
    psnr_of_network : float
        Mean PSNR of the network over the same objects, decibels.
    objects : real array or tensor [B, Sy, Sx]
        Object intensities of the test set, in the window.
    grid : OpticalGrid, optional
        Pitch and (square, whole) padded grid; those of the paper by default.
    peak : float
        Largest object intensity.
    batch : int
        Images per mean squared error; the PSNRs of the batches are averaged.
    progress : callable, optional
        Called with K and its PSNR after every imager tried.

    Returns
    -------
    EffectiveResolution

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or the grid is not square and whole.

    Notes
    -----
    Imager K passes bins with √(kx² + ky²) < K + 0.5757, so that K = 13 is the paper's default optics. The
    bracketing imagers K and K + 1 are found by doubling and bisection, and f_c is interpolated between
    them. The PSNR of images rises with K up to where it exceeds that of any network; beyond, where it may
    not, the answer is one of several.

    References
    ----------
    Section 3 of the all-optical super-resolution paper, definition of the resolution measure.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr.optics import ImagingOptics, OpticalGrid
    >>> objects = np.kron(np.eye(4), np.ones((4, 4)))[None]
    >>> grid = OpticalGrid(pitch=4e-6, support=16, grid=48, band=16, wavelength=550e-9)
    >>> low_res = ImagingOptics(grid=48, cutoff_bins=5.5757).window_intensity(objects)
    >>> round(effective_resolution(psnr(low_res, objects), objects, grid).bins, 3)
    5.0
    """
    grid = OpticalGrid.paper() if grid is None else grid
    if not isinstance(grid.grid, int):
        raise ValueError(
            f"grid={grid.grid!r}: effective resolution needs a square padded grid of whole samples"
        )
    if not math.isfinite(psnr_of_network):
        raise ValueError(f"psnr_of_network={psnr_of_network!r}: must be finite")
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise ValueError(f"batch={batch!r}: must be an integer of 1 or greater")
    _positive("peak", peak)
    (objects,) = _images(objects=objects)
    objects = objects.reshape(-1, *objects.shape[-2:])
    if not len(objects):
        raise ValueError("objects: at least one image is needed")
    curve: dict[int, float] = {}

    def quality(bins: int) -> float:
        if bins not in curve:
            curve[bins] = _imager_psnr(bins, objects, grid.grid, peak, batch)
            if progress is not None:
                progress(bins, curve[bins])
        return curve[bins]

    finest = (grid.grid - 1) // 2
    bins, status = _bracket(quality, float(psnr_of_network), finest)
    cutoff = 2 * bins * grid.frequency_step
    return EffectiveResolution(1 / cutoff, cutoff, bins, status, dict(sorted(curve.items())))


def _imager_psnr(bins: int, objects: Any, grid: int, peak: float, batch: int) -> float:
    """Mean over batches of the PSNR of the linear imager that passes |k| ≤ `bins`."""
    optics = ImagingOptics(grid, bins + _RADIUS_BEYOND_LAST_BIN)
    # Single precision moves a PSNR by less than 1e-5 dB and takes half the time.
    starts = range(0, len(objects), batch)
    values = []
    for start in starts:
        part = objects[start : start + batch]
        part = part.detach().float() if is_tensor(part) else part.astype(np.float32)
        values.append(float(psnr(optics.window_intensity(part), part, peak=peak)))
    return float(np.mean(values))


def _bracket(quality: Callable[[int], float], wanted: float, finest: int) -> tuple[float, str]:
    """Fractional number of bins at which `quality` passes through `wanted`."""
    if quality(1) > wanted:
        return 1.0, "coarser"
    below, above = 1, min(2, finest)
    while quality(above) < wanted:
        if above == finest:
            return float(finest), "finer"
        below, above = above, min(2 * above, finest)
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if quality(middle) <= wanted else (below, middle)
    low, high = quality(below), quality(above)
    return below + ((wanted - low) / (high - low) if high > low else 0.0) * (above - below), "within"
