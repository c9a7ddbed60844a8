"""A training loop: deterministic, interruptible anywhere, continued to the bit.

The items' order, and whatever else an epoch draws, come from the loop's own generator. A checkpoint keeps
that generator's state *before* the epoch's draws and the number of steps done, so that a continued run draws
the same again and skips what it has seen. Nothing else in the loop is random.

On the CPU every step's loss is looked at. On other devices that would make the host wait for each step: sums
stay there, and are read once an epoch and for checkpoints.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from pyfdsr.data import batches

from . import devices
from .checkpoint import CheckpointError
from .distributed import Workers
from .interrupt import StopRequest
from .progress import Progress
from .run_folder import RunFolder, RunFolderError
from .threads import engine_only_threads

__all__ = ["TrainingDiverged", "TrainingInterrupted", "TrainingLoop"]


class TrainingInterrupted(RuntimeError):
    """Training stopped on request after a step; if there is a run folder, it has the checkpoint."""


class TrainingDiverged(RuntimeError):
    """The loss is not finite; nothing is saved of it.

    On the CPU the parameters are those before the step. Other devices are asked at the end of the epoch.
    """


@dataclass
class _Position:
    """Where training stands: epochs done, steps done in the next, the generator's state before its draws."""

    generator: dict[str, Any]
    epoch: int = 0
    step: int = 0
    sums: dict[str, Any] = field(default_factory=dict)  # numbers, or tensors that are not read yet


class TrainingLoop:
    """What every trainer has in common; those below say what a step is.

    Parameters
    ----------
    config : TrainingConfig or another of :mod:`pyfdsr.training.settings`
        Of it the loop needs ``epochs``, ``batch_size``, ``seed``, ``threads``, ``test_every`` and
        ``learning_rate_at``.
    model : torch.nn.Module
    optimizer : torch.optim.Optimizer
        Over the model's parameters, in their order. They lie on the device that trains.
    count : int
        Items that an epoch goes through.
    fingerprint : str
        Stands for the items: a run is continued with the same ones only.
    run : RunFolder or None
        Where to write; None writes nothing.
    progress : Progress or None
        Is told about every step and epoch.
    workers : Workers or None
        The processes that train together; the first one writes.

    Attributes
    ----------
    records : list of dict
        One an epoch, as in metrics.jsonl.
    resumed_from : Path or None
        The checkpoint that :meth:`resume` read.
    """

    def __init__(
        self,
        config: Any,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        count: int,
        fingerprint: str,
        run: RunFolder | None = None,
        progress: Progress | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.config = config
        self.model = model
        self.optimizer = optimizer
        self.run = run
        self.workers = workers or Workers()
        self._written = run if self.workers.leads else None
        self.progress = progress or Progress()
        self.records: list[dict[str, Any]] = []
        self.resumed_from = None
        self._count = count
        self._generator = np.random.Generator(np.random.PCG64(config.seed))
        self._position = _Position(generator=self._generator.bit_generator.state)
        self._fingerprint = fingerprint
        self._saved: tuple[int, int] | None = None
        self._on_host = devices.is_host(next(model.parameters()).device)
        self._means_read: dict[str, float] = {}

    # What a trainer fills in.

    divergence_cure = "learning rate"

    def _export(self) -> None:
        """Write the trained weights into the run folder."""
        self.run.save_model({f"model.{name}": value for name, value in self.model.state_dict().items()})

    def _prepare(self) -> None:
        """Get ready for training; called before the first step."""

    def _draw_epoch(self) -> Any:
        """Draw what holds for a whole epoch from `_generator`; it is passed to every step."""

    def _step(self, rows: np.ndarray, drawn: Any) -> dict[str, Any]:
        """Take one optimiser step on the items `rows`; return what to add to the epoch's sums.

        Values are numbers, or tensors without axes of double precision where reading them would wait.
        """
        raise NotImplementedError

    def _means(self, sums: dict[str, float], steps: int) -> dict[str, float]:
        """Return the part of an epoch's record that its sums over `steps` steps make."""
        return {name: value / steps for name, value in sums.items()}

    def _tests(self) -> dict[str, float]:
        """Return what testing adds to an epoch's record."""
        return {}

    def _notes(self, drawn: Any) -> dict[str, float]:
        """Return what else goes into an epoch's record."""
        return {}

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch; the last may be smaller."""
        return -(-self._count // self.config.batch_size)

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
            self._drop_metrics_after(0)
            return
        path, tensors, state = self.run.load_checkpoint()
        if state["images"] != self._fingerprint:
            raise RunFolderError(f"{path} was made with other training images than those given now")
        self._load_tensors(path, tensors, state.get("extra", {}))
        self._position = _Position(state["generator"], state["epoch"], state["step"], state["sums"])
        self.resumed_from = path
        self._drop_metrics_after(self._position.epoch)
        self.records = self.run.metrics()

    def _drop_metrics_after(self, epoch: int) -> None:
        if self._written is not None:
            self._written.drop_metrics_after(epoch)
        self.workers.wait()

    def _load_tensors(self, path, tensors: dict[str, torch.Tensor], extra: dict[str, Any]) -> None:
        names = [name for name, _ in self.model.named_parameters()]
        try:
            self.model.load_state_dict(_without_prefix(tensors, "model.") | extra)
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
        if self._written is None or self._saved == here:
            return
        self._read_sums()
        values = self.model.state_dict()
        tensors = {f"model.{name}": value for name, value in values.items() if torch.is_tensor(value)}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{name}.{key}"] = torch.as_tensor(value)
        state = {
            "epoch": self._position.epoch,
            "step": self._position.step,
            "generator": self._position.generator,
            "sums": self._position.sums,
            "images": self._fingerprint,
            # What layers on a chip keep beside their tensors.
            "extra": {name: value for name, value in values.items() if not torch.is_tensor(value)},
        }
        self._written.save_checkpoint(tensors, state)
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
        WorkerLost
            When another process of the training ended.
        """
        with engine_only_threads(self.config.threads):
            return self._fit(time_limit)

    def _fit(self, time_limit: float | None) -> list[dict[str, Any]]:
        started = time.perf_counter()
        self._prepare()
        if self._written is not None and self._position.epoch < self.config.epochs:
            self._written.model_file.unlink(missing_ok=True)  # it would be older than the checkpoints to come
        with StopRequest() as stop, self.progress:
            self.progress.begin(
                self.config.epochs, self.steps_per_epoch, self._position.epoch, self._position.step
            )
            durations: list[float] = []
            while self._position.epoch < self.config.epochs:
                elapsed = time.perf_counter() - started
                late = time_limit is not None and durations and elapsed + max(durations[-3:]) > time_limit
                if self._any(late):
                    break
                self._run_epoch(stop)
                durations.append(time.perf_counter() - started - elapsed)
        if self._written is not None:
            self._export()
        return self.records

    def _any(self, here: Any) -> bool:
        """Whether something is so in any of the processes, of which all have to agree."""
        return self.workers.add([float(bool(here))])[0] > 0

    def _run_epoch(self, stop: StopRequest) -> None:
        position, config = self._position, self.config
        self._generator.bit_generator.state = position.generator
        drawn = self._draw_epoch()
        remaining = batches(self._count, config.batch_size, rng=self._generator, start=position.step)
        for group in self.optimizer.param_groups:
            if torch.is_tensor(group["lr"]):  # where a recorded step reads it
                group["lr"].fill_(config.learning_rate_at(position.epoch))
            else:
                group["lr"] = config.learning_rate_at(position.epoch)
        self.model.train()
        for rows in remaining:
            begun = time.perf_counter()
            terms = self._step(rows, drawn)
            position.step += 1
            for name, value in {**terms, "seconds": time.perf_counter() - begun}.items():
                position.sums[name] = position.sums.get(name, 0.0) + value
            self.progress.step(self._live() if self._on_host else self._means_read)
            if position.step < self.steps_per_epoch and self._any(stop.requested):
                self._stop()
        self._finish_epoch(drawn)
        if self._position.epoch < config.epochs and self._any(stop.requested):
            self._stop()

    def _live(self) -> dict[str, float]:
        """Return the means of the epoch so far, without its seconds."""
        sums = {name: value for name, value in self._position.sums.items() if name != "seconds"}
        return self._means(sums, self._position.step)

    def _read_sums(self) -> None:
        """Make numbers of those sums that are still on their device, for which it has to finish its work.

        Raises
        ------
        TrainingDiverged
            When the loss is not finite.
        """
        sums = self._position.sums
        unread = {name: value for name, value in sums.items() if torch.is_tensor(value)}
        if not unread:
            return
        begun = time.perf_counter()
        sums.update(zip(unread, torch.stack(list(unread.values())).tolist(), strict=True))
        sums["seconds"] += time.perf_counter() - begun
        self._check_loss(sums["loss"], "the sum of the losses", self._position.step)

    def _check_loss(self, value: float, what: str, step: int) -> None:
        if not math.isfinite(value):
            raise TrainingDiverged(
                f"{what} is {value} in epoch {self._position.epoch + 1}, step {step}: "
                f"try a smaller {self.divergence_cure}"
            )

    def _descend(self, loss: torch.Tensor | None) -> Any:
        """Take one optimiser step down the sum of all processes' losses, of which some may be None.

        Returns
        -------
        float or torch.Tensor
            The sum, as :meth:`_step` is to return it.

        Raises
        ------
        TrainingDiverged
            When it is not finite and can be read at once.
        """
        (value,) = self.workers.add([0.0 if loss is None else devices.number_or_tensor(loss)])
        if self._on_host:
            self._check_loss(value, "the loss", self._position.step + 1)
        self.optimizer.zero_grad(set_to_none=True)
        if loss is not None:
            loss.backward()
        self.workers.add_gradients(list(self.model.parameters()))
        self.optimizer.step()
        return value

    def _finish_epoch(self, drawn: Any) -> None:
        """Record the epoch, move on to the next, write metrics and checkpoint."""
        position, config = self._position, self.config
        self._read_sums()
        self._means_read = self._live()
        record = {"epoch": position.epoch + 1, **self._means_read, **self._notes(drawn)}
        record |= {
            "learning_rate": config.learning_rate_at(position.epoch),
            "seconds": position.sums["seconds"],
        }
        last = record["epoch"] == config.epochs
        due = config.test_every and (last or record["epoch"] % config.test_every == 0)
        if due and self.workers.leads:
            record |= self._tests()
        self._position = _Position(self._generator.bit_generator.state, epoch=record["epoch"])
        self.records.append(record)
        if self._written is not None:
            self._written.append_metrics(record)
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
