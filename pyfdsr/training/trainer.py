"""The training loop: deterministic, interruptible anywhere, continued to the bit.

The images' order and the intensity of an epoch come from the trainer's own generator. A checkpoint keeps that
generator's state *before* the epoch's draws and the number of steps done, so that a continued run draws the
same order again and skips what it has seen. Nothing else in the loop is random.
"""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from pyfdsr.data import batches
from pyfdsr.losses import super_resolution_loss

from .batches import ImageBatches
from .build import build_model, torch_dtype
from .checkpoint import CheckpointError
from .config import TrainingConfig
from .evaluation import low_resolution, test_figures
from .interrupt import StopRequest
from .progress import Progress
from .run_folder import RunFolder, RunFolderError
from .threads import engine_only_threads

__all__ = ["Trainer", "TrainingDiverged", "TrainingInterrupted"]


class TrainingInterrupted(RuntimeError):
    """Training stopped on request after a step; if there is a run folder, it has the checkpoint."""


class TrainingDiverged(RuntimeError):
    """The loss is not finite; the parameters are those before the step."""


@dataclass
class _EpochSums:
    """What an epoch's record is made of, summed so far; part of every checkpoint."""

    loss: float = 0.0
    decibels: float = 0.0
    input_energy: float = 0.0
    output_energy: float = 0.0
    seconds: float = 0.0

    def means(self, steps: int) -> dict[str, float]:
        return {
            "loss": self.loss / steps,
            "psnr": self.decibels / steps,
            "energy_fraction": self.output_energy / self.input_energy if self.input_energy else math.nan,
        }


@dataclass
class _Position:
    """Where training stands: epochs done, steps done in the next, the generator's state before its draws."""

    generator: dict[str, Any]
    epoch: int = 0
    step: int = 0
    sums: _EpochSums = field(default_factory=_EpochSums)


class Trainer:
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

    def __init__(
        self,
        config: TrainingConfig,
        train_images: np.ndarray,
        test_images: np.ndarray | None = None,
        run: RunFolder | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.config = config
        self.run = run
        self.progress = progress or Progress()
        dtype = torch_dtype(config)
        self.train_batches = ImageBatches(train_images, config.support, dtype)
        self.test_batches = None
        if test_images is not None and len(test_images):
            self.test_batches = ImageBatches(test_images[: config.test_limit], config.support, dtype)
        self.model = build_model(config)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate)
        self.records: list[dict[str, Any]] = []
        self.resumed_from = None
        self._generator = np.random.Generator(np.random.PCG64(config.seed))
        self._position = _Position(generator=self._generator.bit_generator.state)
        self._fingerprint = hashlib.sha256(np.ascontiguousarray(train_images)).hexdigest()
        self._input_energy: np.ndarray | None = None
        self._saved: tuple[int, int] | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch; the last may be smaller."""
        return -(-len(self.train_batches) // self.config.batch_size)

    @property
    def epochs_done(self) -> int:
        return self._position.epoch

    def resume(self) -> None:
        """Continue from the latest good checkpoint of the run folder, or from the start if there is none yet.

        Raises
        ------
        CheckpointError
            When checkpoints exist but none can be read.
        RunFolderError
            When the training images are not those the run began with.
        ValueError
            When the trainer has no run folder.
        """
        if self.run is None:
            raise ValueError("run=None: resume() needs a trainer made with run=RunFolder(...)")
        if not self.run.checkpoints():
            self.run.drop_metrics_after(0)
            return
        path, tensors, state = self.run.load_checkpoint()
        if state["images"] != self._fingerprint:
            raise RunFolderError(f"{path} was made with other training images than those given now")
        self._load_tensors(path, tensors)
        self._position = _Position(
            state["generator"], state["epoch"], state["step"], _EpochSums(**state["sums"])
        )
        self.resumed_from = path
        self.run.drop_metrics_after(self._position.epoch)
        self.records = self.run.metrics()

    def _load_tensors(self, path, tensors: dict[str, torch.Tensor]) -> None:
        names = [name for name, _ in self.model.named_parameters()]
        try:
            self.model.load_state_dict(_without_prefix(tensors, "model."))
            moments = {
                index: _without_prefix(tensors, f"optimizer.{name}.") for index, name in enumerate(names)
            }
            groups = self.optimizer.state_dict()["param_groups"]
            kept = {index: moment for index, moment in moments.items() if moment}
            self.optimizer.load_state_dict({"state": kept, "param_groups": groups})
        except (RuntimeError, ValueError, KeyError) as error:
            raise CheckpointError(f"{path} does not fit the configuration: {error}") from error

    def save(self) -> None:
        """Write a checkpoint of the present position, unless it is on disk already."""
        here = (self._position.epoch, self._position.step)
        if self.run is None or self._saved == here:
            return
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{name}.{key}"] = torch.as_tensor(value)
        state = {
            "epoch": self._position.epoch,
            "step": self._position.step,
            "generator": self._position.generator,
            "sums": vars(self._position.sums),
            "images": self._fingerprint,
        }
        self.run.save_checkpoint(tensors, state)
        self._saved = here

    def fit(self, time_limit: float | None = None) -> list[dict[str, Any]]:
        """Train up to ``config.epochs`` epochs in all.

        Parameters
        ----------
        time_limit : float or None
            Seconds after which no epoch is begun that is not expected to end in time; at least one is made.

        Returns
        -------
        list of dict
            `records`.

        Raises
        ------
        TrainingInterrupted
            After Ctrl-C or SIGTERM, once the step in hand is done and the checkpoint written.
        TrainingDiverged
            When the loss is not finite.
        CheckpointError, RunFolderError
            When the run folder cannot be written.
        """
        with engine_only_threads(self.config.threads):
            return self._fit(time_limit)

    def _fit(self, time_limit: float | None) -> list[dict[str, Any]]:
        started = time.perf_counter()
        if self._input_energy is None:
            self._input_energy = self._energy_of_inputs()
        if self.run is not None and self._position.epoch < self.config.epochs:
            self.run.model_file.unlink(missing_ok=True)  # it would be older than the checkpoints to come
        with StopRequest() as stop, self.progress:
            self.progress.begin(
                self.config.epochs, self.steps_per_epoch, self._position.epoch, self._position.step
            )
            durations: list[float] = []
            while self._position.epoch < self.config.epochs:
                elapsed = time.perf_counter() - started
                if time_limit is not None and durations and elapsed + max(durations[-3:]) > time_limit:
                    break
                self._run_epoch(stop)
                durations.append(time.perf_counter() - started - elapsed)
        if self.run is not None:
            self.run.save_model({f"model.{name}": value for name, value in self.model.state_dict().items()})
        return self.records

    def _energy_of_inputs(self) -> np.ndarray:
        """Return the energy [n] of every low-resolution training image in the window at peak intensity 1."""
        parts = [
            low_resolution(self.model, intensity).flatten(1).sum(dim=1, dtype=torch.float64)
            for intensity in self.train_batches.all_in_order(100)
        ]
        return torch.cat(parts).numpy()

    def _run_epoch(self, stop: StopRequest) -> None:
        position, config = self._position, self.config
        self._generator.bit_generator.state = position.generator
        peaks = config.peaks()
        peak = peaks[self._generator.integers(len(peaks))]
        remaining = batches(
            len(self.train_batches), config.batch_size, rng=self._generator, start=position.step
        )
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate_at(position.epoch)
        self.model.train()
        for rows in remaining:
            begun = time.perf_counter()
            live = self._step(rows, peak)
            position.step += 1
            position.sums.seconds += time.perf_counter() - begun
            self.progress.step(live)
            if stop.requested and position.step < self.steps_per_epoch:
                self._stop()
        self._finish_epoch(peak)
        if stop.requested and self._position.epoch < config.epochs:
            self._stop()

    def _step(self, rows: np.ndarray, peak: float) -> dict[str, float]:
        """Take one optimiser step on the images `rows`; return the means of the epoch so far."""
        config, sums = self.config, self._position.sums
        target = self.train_batches.intensity(rows, peak)
        output = self.model.image(target)
        terms = super_resolution_loss(
            output, target, config.gamma, peak, config.micro_batch, config.reduction
        )
        loss = terms.loss / peak
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingDiverged(
                f"the loss is {value} in epoch {self._position.epoch + 1}, step {self._position.step + 1}: "
                "try a smaller learning rate or gamma"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        mean_square = float(terms.squared_error.sum()) / target.numel()
        sums.loss += value
        sums.decibels += 10 * math.log10(peak**2 / mean_square) if mean_square else math.inf
        sums.input_energy += float(self._input_energy[rows].sum()) * peak
        sums.output_energy += float(terms.output_energy.sum())
        return sums.means(self._position.step + 1)

    def _finish_epoch(self, peak: float) -> None:
        """Record the epoch, move on to the next, write metrics and checkpoint."""
        position, config = self._position, self.config
        record = {"epoch": position.epoch + 1, **position.sums.means(self.steps_per_epoch)}
        record |= {
            "peak": peak,
            "learning_rate": config.learning_rate_at(position.epoch),
            "seconds": position.sums.seconds,
        }
        last = record["epoch"] == config.epochs
        if (
            self.test_batches is not None
            and config.test_every
            and (last or record["epoch"] % config.test_every == 0)
        ):
            record |= test_figures(self.model, self.test_batches)
        self._position = _Position(self._generator.bit_generator.state, epoch=record["epoch"])
        self.records.append(record)
        if self.run is not None:
            self.run.append_metrics(record)
        self.save()
        self.progress.epoch(record)

    def _stop(self) -> None:
        self.save()
        position = self._position
        where = (
            f"after {position.epoch} epochs and {position.step} of {self.steps_per_epoch} steps of the next"
        )
        kept = f"; continue {self.run.path} with --resume" if self.run is not None else ""
        raise TrainingInterrupted(f"training stopped {where}{kept}")


def _without_prefix(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
