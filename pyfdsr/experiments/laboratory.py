"""Where the trained networks of all experiments are kept, found by their configuration, and scored."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pyfdsr._files import write_bytes_atomically
from pyfdsr.training import (
    RunFolder,
    TrainingConfig,
    evaluate,
    evaluate_classifier,
    load_model,
)
from pyfdsr.training.batches import ImageBatches
from pyfdsr.training.evaluation import test_figures
from pyfdsr.training.image_sets import test_set

from .settings import Settings

__all__ = ["Laboratory", "NotTrained", "run_name"]

# None of them alters the steps already taken: a run is continued when one changes.
_FREE = ("epochs", "threads", "test_every", "test_limit", "data_root")


class NotTrained(LookupError):
    """A network that was asked for has not taken a step yet."""


def run_name(config: TrainingConfig) -> str:
    """Return the folder name of a configuration: its model, data set and a hash of all that decides it.

    Examples
    --------
    >>> config = TrainingConfig()
    >>> run_name(config) == run_name(config.replace(epochs=80, threads=1)) != run_name(config.replace(seed=1))
    True
    """
    values = {name: value for name, value in dataclasses.asdict(config).items() if name not in _FREE}
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
    dataset = "".join(letter if letter.isalnum() or letter in "-+" else "-" for letter in config.dataset)
    return f"{config.model}-{dataset}-{digest}"


class Laboratory:
    """The run folders under one folder.

    Parameters
    ----------
    folder : path
        ``folder/runs`` holds the runs.
    settings : Settings
    device : str or torch.device
        That scores.
    """

    def __init__(self, folder: Path | str, settings: Settings, device: Any = "cpu") -> None:
        self.folder, self.settings, self._device = Path(folder), settings, device
        self._models = lru_cache(maxsize=2)(self._loaded)
        self._sets = lru_cache(maxsize=8)(test_set)

    def run(self, config: TrainingConfig) -> RunFolder:
        """Return the run folder of a configuration, created if need be, with the epochs now asked for."""
        path = self.folder / "runs" / run_name(config)
        run = RunFolder(path)
        if not run.config_file.exists():
            return RunFolder.create(path, config)
        if run.config() != config:
            run.write_config(config)
        return run

    def epochs_done(self, config: TrainingConfig) -> int:
        """Return the whole epochs trained so far."""
        return len(RunFolder(self.folder / "runs" / run_name(config)).metrics())

    def finished(self, config: TrainingConfig) -> bool:
        """Whether all epochs are done."""
        return self.epochs_done(config) >= config.epochs

    def _loaded(self, path: Path, position: str) -> Any:
        return load_model(RunFolder.open(path)).to(self._device)

    def model(self, config: TrainingConfig) -> Any:
        """Return the network as far as it is trained.

        Raises
        ------
        NotTrained
            If it has no checkpoint yet.
        """
        run, position = self._position(config)
        return self._models(run.path, position)

    def _position(self, config: TrainingConfig) -> tuple[RunFolder, str]:
        run = RunFolder(self.folder / "runs" / run_name(config))
        checkpoints = run.checkpoints()
        if not checkpoints:
            raise NotTrained(f"{run.path} has no trained network yet")
        return run, checkpoints[-1].stem

    def images(self, config: TrainingConfig, dataset: str | None = None) -> Any:
        """Return the test images of a configuration, or those of another data set."""
        return self._sets(config, dataset)

    def scores(self, config: TrainingConfig, dataset: str | None = None, peak: float = 1.0) -> Any:
        """Return the scores of a network as a dict; kept beside it, and taken anew once it trained further.

        Raises
        ------
        NotTrained
            If it has no checkpoint yet.
        """

        def measured() -> dict[str, Any]:
            images, model = self.images(config, dataset), self.model(config)
            if config.model == "classifier":
                return evaluate_classifier(model, images.images, images.labels, peak).as_dict()
            return evaluate(model, images.images, peak, pitch=config.pitch).as_dict()

        return self._kept(config, f"scores {dataset or config.dataset} {peak:g}", measured)

    def output_psnr(self, config: TrainingConfig, peak: float, dataset: str | None = None) -> float:
        """Return the PSNR of the outputs alone, dB, which takes less time than all scores."""

        def measured() -> float:
            model = self.model(config)
            images, phases = self.images(config, dataset).images, model.phases
            batches = ImageBatches(images, config.support, phases.dtype, phases.device)
            return test_figures(model, batches, peak)["test_psnr"]

        return self._kept(config, f"psnr {dataset or config.dataset} {peak:g}", measured)

    def _kept(self, config: TrainingConfig, name: str, measure: Any) -> Any:
        run, position = self._position(config)
        file = run.path / "scores.json"
        try:
            kept = json.loads(file.read_text())
        except (OSError, ValueError):
            kept = {}
        key = f"{name} {config.test_limit}"
        if kept.get("position") != position:
            kept = {"position": position}
        if key not in kept:
            kept[key] = measure()
            write_bytes_atomically(file, json.dumps(kept, default=_plain).encode())
        return kept[key]

    def pictures(self, config: TrainingConfig, count: int, dataset: str | None = None) -> Any:
        """Return the first `count` test images, their low-resolution inputs and outputs with PSNRs."""
        images = self.images(config, dataset).images[:count]
        return evaluate(self.model(config), images, keep_pictures=count, pitch=config.pitch).pictures


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
