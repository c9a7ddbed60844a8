"""Training of the optical networks on bytes of images."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import torch

from .batches import ImageBatches, low_resolution
from .build import build_model, torch_dtype
from .config import TrainingConfig
from .cuda_graph import GraphedStep
from .devices import usable_device
from .distributed import Workers
from .evaluation import test_figures
from .loop import TrainingDiverged, TrainingInterrupted, TrainingLoop
from .objective import check_labels, decibels, objective_of
from .progress import Progress
from .run_folder import RunFolder

__all__ = ["Trainer", "TrainingDiverged", "TrainingInterrupted"]


class Trainer(TrainingLoop):
    """Trains the network of a configuration on uint8 images, a classifier with their labels.

    Parameters
    ----------
    config : TrainingConfig
    train_images, test_images : uint8 array [n, height, width]
        `test_images` may be None; only the first ``config.test_limit`` are used.
    run : RunFolder or None
        Where to write; None writes nothing.
    progress : pyfdsr.training.progress.Progress or None
        Is told about every step and epoch.
    train_labels, test_labels : int64 array [n] or None
        Classes of the images; needed by a classifier only.
    workers : pyfdsr.training.distributed.Workers or None
        The processes that train together; all are given the same arguments, and one writes to `run`.
    device : str or torch.device
        Where the model and the images lie, for which all images are copied there once. A run may be
        continued on another device.

    Raises
    ------
    TypeError, ValueError
        When images or labels do not fit the configuration, the device cannot be used, or several processes
        are to train on another device than the CPU.

    Attributes
    ----------
    model : torch.nn.Module
        One of :mod:`pyfdsr.models`.
    records : list of dict
        One an epoch: ``epoch`` (from 1), ``loss`` (mean over the steps, divided by the peak intensity),
        ``psnr`` (dB, max-normalised outputs, mean over the steps) or ``accuracy`` (of a classifier),
        ``energy_fraction``, ``peak``, ``learning_rate``, ``seconds``, and ``test_psnr`` or ``test_accuracy``,
        ``test_energy_fraction`` when tested.

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
        train_labels: np.ndarray | None = None,
        test_labels: np.ndarray | None = None,
        workers: Workers | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        device = usable_device(device)
        if workers is not None and workers.count > 1 and device.type != "cpu":
            raise ValueError(f"device={str(device)!r}: must be cpu where {workers.count} processes train")
        dtype = torch_dtype(config)
        self.train_batches = ImageBatches(train_images, config.support, dtype, device)
        self.objective = objective_of(config, train_labels, len(train_images), device)
        self.test_batches = self.test_labels = None
        if test_images is not None and len(test_images):
            self.test_batches = ImageBatches(test_images[: config.test_limit], config.support, dtype, device)
            if config.model == "classifier":
                check_labels("test_labels", test_labels, len(test_images))
                self.test_labels = test_labels[: config.test_limit]
        model = build_model(config).to(device)
        graphed = device.type == "cuda" and config.model == "aosrnn"
        rate: Any = config.learning_rate
        rate = torch.tensor(rate, device=device) if graphed else rate  # in a graph, numbers are constants
        optimizer = torch.optim.Adam(model.parameters(), lr=rate, capturable=graphed)
        fingerprint = hashlib.sha256(np.ascontiguousarray(train_images)).hexdigest()
        count = len(self.train_batches)
        super().__init__(config, model, optimizer, count, fingerprint, run, progress, workers)
        self._input_energy: np.ndarray | None = None
        self._take: Any = self._take_one
        if graphed:
            self._take = GraphedStep(self._take_one, config.batch_size, device)

    def _prepare(self) -> None:
        if self._input_energy is None:
            self._input_energy = self._energy_of_inputs()

    def _energy_of_inputs(self) -> np.ndarray:
        """Return the energy [n] of every low-resolution training image in the window at peak intensity 1."""
        # One kind of device has no double precision.
        dtype = torch.float32 if self.model.phases.device.type == "mps" else torch.float64
        parts = [
            low_resolution(self.model, intensity).flatten(1).sum(dim=1, dtype=dtype)
            for intensity in self.train_batches.all_in_order(100)
        ]
        return torch.cat(parts).cpu().double().numpy()

    def _draw_epoch(self) -> float:
        """Draw the peak intensity of an epoch."""
        peaks = self.config.peaks()
        return peaks[self._generator.integers(len(peaks))]

    def _step(self, rows: np.ndarray, peak: float) -> dict[str, Any]:
        part = self.workers.part(rows, self.config.micro_batch)
        taken = self._take(self.train_batches.index(part), len(rows), peak)
        return {**taken, "input_energy": float(self._input_energy[rows].sum()) * peak}

    def _take_one(self, rows: Any, of: int, peak: float) -> dict[str, Any]:
        """Take a step on this process's part of a batch `of` so many images."""
        loss, *shares = self._terms(rows, of, peak)
        value = self._descend(loss)
        output_energy, squared_error, correct = self.workers.add(shares)
        if self.objective.name == "accuracy":
            merit = {"accuracy": correct / of}
        else:
            merit = {"decibels": decibels(peak, squared_error / (of * self.config.support**2))}
        return {"loss": value, **merit, "output_energy": output_energy}

    def _terms(self, rows: Any, of: int, peak: float) -> tuple[torch.Tensor | None, Any, Any, Any]:
        """Return this process's part of a batch `of` so many images: loss, energy, squared error, correct."""
        if not len(rows):
            return None, 0.0, 0.0, 0.0
        target = self.train_batches.intensity(rows, peak)
        terms = self.objective.terms(self.model, target, rows, peak)
        loss = terms.loss * self.objective.share(len(rows), of)
        return loss, terms.output_energy, terms.squared_error, terms.correct

    def _means(self, sums: dict[str, float], steps: int) -> dict[str, float]:
        energy = sums["input_energy"]
        summed = "accuracy" if self.objective.name == "accuracy" else "decibels"
        return {
            "loss": sums["loss"] / steps,
            self.objective.name: sums[summed] / steps,
            "energy_fraction": sums["output_energy"] / energy if energy else math.nan,
        }

    def _notes(self, peak: float) -> dict[str, float]:
        return {"peak": peak}

    def _tests(self) -> dict[str, float]:
        if self.test_batches is None:
            return {}
        return test_figures(self.model, self.test_batches, labels=self.test_labels)
