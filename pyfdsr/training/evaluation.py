"""Scores of a network on test images, as the paper takes them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from pyfdsr.metrics import effective_resolution, psnr, ssim
from pyfdsr.optics import OpticalGrid

from .batches import ImageBatches, low_resolution
from .classification import classification_scores

__all__ = ["Evaluation", "Pictures", "evaluate", "test_figures"]

_BATCH = 100  # the paper's: its PSNR takes the mean square error over so many images
_WAVELENGTH = 550e-9  # metres; a resolution does not depend on it


@dataclass(frozen=True)
class Pictures:
    """The first images of an evaluation, for figures: float32 arrays [n, S, S] and their PSNR [n] in dB."""

    objects: np.ndarray
    low_resolution: np.ndarray
    outputs: np.ndarray
    input_psnr: np.ndarray
    output_psnr: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """Scores of a network.

    Attributes
    ----------
    count : int
        Test images.
    peak : float
        Largest object intensity.
    input_psnr, output_psnr : float
        dB; mean over batches of 100 images. Outputs are scaled to their maximum first, inputs are not.
    input_ssim, output_ssim : float
    input_resolution, output_resolution : float
        1/f_c, metres: of the imaging optics, and of the linear imager with the network's PSNR.
    resolution_status : {"within", "coarser", "finer"}
        See :class:`pyfdsr.metrics.EffectiveResolution`: the output's resolution, or a bound of it.
    energy_fraction : float
        Σ output / Σ low-resolution intensity, in the window.
    pictures : Pictures or None
    """

    count: int
    peak: float
    input_psnr: float
    output_psnr: float
    input_ssim: float
    output_ssim: float
    input_resolution: float
    output_resolution: float
    resolution_status: str
    energy_fraction: float
    pictures: Pictures | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers, without the pictures."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "pictures"}


def test_figures(
    model: torch.nn.Module, batches: ImageBatches, peak: float = 1.0, labels: np.ndarray | None = None
) -> dict[str, float]:
    """Return quick scores: ``test_psnr`` (dB), or with labels ``test_accuracy``, and the energy fraction."""
    if labels is not None:
        scores = classification_scores(model, batches, labels, peak)
        return {"test_accuracy": scores.accuracy, "test_energy_fraction": scores.energy_fraction}
    decibels, output_energy, input_energy = [], 0.0, 0.0
    with torch.inference_mode():
        for intensity in batches.all_in_order(_BATCH, peak):
            output = model.image(intensity)
            decibels.append(float(psnr(output, intensity, normalize="max", peak=peak)))
            output_energy += float(output.sum())
            input_energy += float(low_resolution(model, intensity).sum())
    energy = output_energy / input_energy if input_energy else float("nan")
    return {"test_psnr": float(np.mean(decibels)), "test_energy_fraction": energy}


def evaluate(
    model: torch.nn.Module,
    images: np.ndarray,
    peak: float = 1.0,
    keep_pictures: int = 0,
    pitch: float = 4e-6,
) -> Evaluation:
    """Score a network on test images.

    Parameters
    ----------
    model : torch.nn.Module
        A network of :mod:`pyfdsr.models` with ``imaging``, no classifier; its device computes.
    images : uint8 array [n, height, width]
    peak : float
        Intensity of a white pixel.
    keep_pictures : int
        Number of images to keep for figures.
    pitch : float
        Distance between field samples, metres; scales the resolutions.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        When the images do not fit the model, or `peak` is not positive.

    References
    ----------
    Figures 2, 4 and 5 of the all-optical super-resolution paper.
    """
    if not peak > 0:
        raise ValueError(f"peak={peak!r}: must be greater than 0")
    if len({*model.support}) > 1 or len({*model.grid}) > 1:
        raise ValueError(f"model has window {model.support} and grid {model.grid}: scores need square ones")
    grid = OpticalGrid(pitch, model.support[0], model.grid[0], tuple(model.phases.shape[-2:]), _WAVELENGTH)
    batches = ImageBatches(images, model.support[0], model.phases.dtype, model.phases.device)
    sums = {name: [] for name in ("input_psnr", "output_psnr", "input_ssim", "output_ssim")}
    energies = np.zeros(2)
    kept: list[tuple[np.ndarray, ...]] = []
    model.eval()
    with torch.inference_mode():
        for index, intensity in enumerate(batches.all_in_order(_BATCH, peak)):
            low, output = low_resolution(model, intensity), model.image(intensity)
            sums["input_psnr"].append(float(psnr(low, intensity, peak=peak)))
            sums["output_psnr"].append(float(psnr(output, intensity, normalize="max", peak=peak)))
            sums["input_ssim"].extend(ssim(low, intensity, peak=peak, per="image").tolist())
            sums["output_ssim"].extend(
                ssim(output, intensity, normalize="max", peak=peak, per="image").tolist()
            )
            energies += float(output.sum()), float(low.sum())
            wanted = keep_pictures - index * _BATCH
            if wanted > 0:
                kept.append(_pictures(intensity[:wanted], low[:wanted], output[:wanted], peak))
        means = {name: float(np.mean(values)) for name, values in sums.items()}
        objects = batches.intensity(slice(None), peak)
        equivalent = effective_resolution(means["output_psnr"], objects, grid, peak, _BATCH)
    return Evaluation(
        count=len(batches),
        peak=float(peak),
        **means,
        input_resolution=grid.imaging_resolution(model.imaging.cutoff_bins),
        output_resolution=equivalent.resolution,
        resolution_status=equivalent.status,
        energy_fraction=float(energies[0] / energies[1]) if energies[1] else float("nan"),
        pictures=Pictures(*map(np.concatenate, zip(*kept, strict=True))) if kept else None,
    )


def _pictures(intensity, low, output, peak: float) -> tuple[np.ndarray, ...]:
    images = [tensor.float().cpu().numpy() for tensor in (intensity, low, output)]
    scores = [psnr(low, intensity, peak=peak, per="image"), psnr(output, intensity, "max", peak, "image")]
    return (*images, *(score.cpu().numpy() for score in scores))
