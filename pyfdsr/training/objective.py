"""What a network is trained for: super-resolved images, or the names of what they show."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch

from pyfdsr.losses import super_resolution_loss

from .config import TrainingConfig
from .devices import number_or_tensor

__all__ = ["Classification", "StepTerms", "SuperResolution", "objective_of"]


class StepTerms(NamedTuple):
    """What a step contributes.

    Attributes
    ----------
    loss : torch.Tensor
        Scalar, differentiable, divided by the peak intensity where it grows with it.
    output_energy : float or torch.Tensor
        Of the batch, in the network's window. This and the next are tensors where reading them would wait.
    squared_error : float or torch.Tensor
        Sum over the batch, for the PSNR.
    correct : float or torch.Tensor
        Images whose class was named right.
    """

    loss: torch.Tensor
    output_energy: Any
    squared_error: Any = 0.0
    correct: Any = 0.0


class SuperResolution:
    """Equations (2) and (3) on the output's intensity, see :func:`pyfdsr.losses.super_resolution_loss`."""

    name = "psnr"

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config

    def terms(self, model: torch.nn.Module, target: torch.Tensor, rows: Any, peak: float) -> StepTerms:
        """Return the terms of object intensities `target` [B, S, S], which are the images `rows`."""
        config = self.config
        output = model.image(target)
        terms = super_resolution_loss(
            output, target, config.gamma, peak, config.micro_batch, config.reduction
        )
        return StepTerms(
            terms.loss / peak,
            number_or_tensor(terms.output_energy.sum()),
            number_or_tensor(terms.squared_error.sum()),
        )

    def share(self, images: int, of: int) -> float:
        """Weight of the loss of `images` out of a batch `of` so many, whole micro-batches, in the batch's."""
        return images / of if self.config.reduction == "equation" else 1.0


class Classification:
    """Cross-entropy of the detectors' logits.

    Parameters
    ----------
    labels : int64 array [n]
        Classes of the training images.
    device : torch.device or str
        Where the logits will be.
    """

    name = "accuracy"

    def __init__(self, labels: np.ndarray, device: torch.device | str = "cpu") -> None:
        self.labels = torch.from_numpy(np.ascontiguousarray(labels)).to(device)

    def terms(self, model: torch.nn.Module, target: torch.Tensor, rows: Any, peak: float) -> StepTerms:
        """Return the terms of object intensities `target` [B, S, S], which are the images `rows`."""
        output = model.network.image(target)
        logits, labels = model.logits(output), self.labels[rows]
        correct = (logits.argmax(dim=-1) == labels).sum()
        return StepTerms(
            torch.nn.functional.cross_entropy(logits, labels),
            number_or_tensor(output.detach().sum()),
            correct=number_or_tensor(correct),
        )

    def share(self, images: int, of: int) -> float:
        """Weight of the loss of `images` out of a batch `of` so many in the batch's."""
        return images / of


def objective_of(
    config: TrainingConfig, labels: np.ndarray | None, images: int, device: torch.device | str = "cpu"
) -> Any:
    """Return the objective of a configuration.

    Raises
    ------
    ValueError
        When a classifier is to be trained without a label from 0 to 9 for every image.
    """
    if config.model != "classifier":
        return SuperResolution(config)
    check_labels("train_labels", labels, images)
    return Classification(labels, device)


def check_labels(name: str, labels: np.ndarray | None, images: int, classes: int = 10) -> None:
    """Refuse labels that are not one class number for every image.

    Raises
    ------
    ValueError
        Naming the argument.
    """
    if labels is None or np.shape(labels) != (images,):
        shape = None if labels is None else np.shape(labels)
        raise ValueError(
            f"{name} has shape {shape}: a classifier needs one label for each of {images} images"
        )
    if images and not (0 <= np.min(labels) and np.max(labels) < classes):
        raise ValueError(
            f"{name} reaches from {np.min(labels)} to {np.max(labels)}: must be 0 to {classes - 1}"
        )


def decibels(peak: float, mean_square: Any) -> Any:
    """PSNR of a mean square error, a number or a tensor; infinite if there is none."""
    if torch.is_tensor(mean_square):
        return 10 * torch.log10(peak**2 / mean_square)
    return 10 * math.log10(peak**2 / mean_square) if mean_square else math.inf
