"""Training of the all-optical network on bytes of images."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import torch

from pyfdsr.losses import super_resolution_loss

from .batches import ImageBatches
from .build import build_model, torch_dtype
from .config import TrainingConfig
from .evaluation import low_resolution, test_figures
from .loop import TrainingDiverged, TrainingInterrupted, TrainingLoop
from .progress import Progress
from .run_folder import RunFolder

__all__ = ["Trainer", "TrainingDiverged", "TrainingInterrupted"]


class Trainer(TrainingLoop):
    """Trains the network of a configuration on uint8 images.

    Parameters
    ----------
    config : TrainingConfig
    train_images, test_images : uint8 array [n, height, width]
        `test_images` may be None; only the first ``config.test_limit`` are used.
    run : RunFolder or None
        Where to write; None writes nothing.
    progress : pyfdsr.training.progress.Progress or None
        Is told about every step and epoch.

    Attributes
    ----------
    model : pyfdsr.models.AOSRNN
    records : list of dict
        One an epoch: ``epoch`` (from 1), ``loss`` (mean over the steps, divided by the peak intensity),
        ``psnr`` (dB, max-normalised outputs, mean over the steps), ``energy_fraction``, ``peak``,
        ``learning_rate``, ``seconds``, and ``test_psnr``, ``test_energy_fraction`` when tested.

    Examples
    --------
    >>> images = np.eye(4, dtype=np.uint8)[None] * 255
    >>> config = TrainingConfig(epochs=1, num_layers=1, support=8, band=8, grid=24, cutoff_bins=2.0)
    >>> trainer = Trainer(config, images)
    >>> [record["epoch"] for record in trainer.fit()]
    [1]
    """

    divergence_cure = "learning rate or gamma"

    def __init__(
        self,
        config: TrainingConfig,
        train_images: np.ndarray,
        test_images: np.ndarray | None = None,
        run: RunFolder | None = None,
        progress: Progress | None = None,
    ) -> None:
        dtype = torch_dtype(config)
        self.train_batches = ImageBatches(train_images, config.support, dtype)
        self.test_batches = None
        if test_images is not None and len(test_images):
            self.test_batches = ImageBatches(test_images[: config.test_limit], config.support, dtype)
        model = build_model(config)
        optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
        fingerprint = hashlib.sha256(np.ascontiguousarray(train_images)).hexdigest()
        super().__init__(config, model, optimizer, len(self.train_batches), fingerprint, run, progress)
        self._input_energy: np.ndarray | None = None

    def _prepare(self) -> None:
        if self._input_energy is None:
            self._input_energy = self._energy_of_inputs()

    def _energy_of_inputs(self) -> np.ndarray:
        """Return the energy [n] of every low-resolution training image in the window at peak intensity 1."""
        parts = [
            low_resolution(self.model, intensity).flatten(1).sum(dim=1, dtype=torch.float64)
            for intensity in self.train_batches.all_in_order(100)
        ]
        return torch.cat(parts).numpy()

    def _draw_epoch(self) -> float:
        """Draw the peak intensity of an epoch."""
        peaks = self.config.peaks()
        return peaks[self._generator.integers(len(peaks))]

    def _step(self, rows: np.ndarray, peak: float) -> dict[str, float]:
        config = self.config
        target = self.train_batches.intensity(rows, peak)
        output = self.model.image(target)
        terms = super_resolution_loss(
            output, target, config.gamma, peak, config.micro_batch, config.reduction
        )
        value = self._descend(terms.loss / peak)
        mean_square = float(terms.squared_error.sum()) / target.numel()
        return {
            "loss": value,
            "decibels": 10 * math.log10(peak**2 / mean_square) if mean_square else math.inf,
            "input_energy": float(self._input_energy[rows].sum()) * peak,
            "output_energy": float(terms.output_energy.sum()),
        }

    def _means(self, sums: dict[str, float], steps: int) -> dict[str, float]:
        energy = sums["input_energy"]
        return {
            "loss": sums["loss"] / steps,
            "psnr": sums["decibels"] / steps,
            "energy_fraction": sums["output_energy"] / energy if energy else math.nan,
        }

    def _notes(self, peak: float) -> dict[str, float]:
        return {"peak": peak}

    def _tests(self) -> dict[str, float]:
        return test_figures(self.model, self.test_batches) if self.test_batches is not None else {}
