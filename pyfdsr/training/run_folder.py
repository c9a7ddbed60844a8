"""The folder of one training run.

::

    run/
      config.json           the configuration, see TrainingConfig
      metrics.jsonl         one JSON object a line, one line an epoch
      checkpoints/          the last two, checkpoint-<epochs done>-<steps into the next>.safetensors
      model.safetensors     the weights alone, once training is complete
      figures/, tensorboard/, evaluation.json    written by the commands
"""

from __future__ import annotations

import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

from pyfdsr._files import write_bytes_atomically

from .checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from .config import TrainingConfig
from .settings import Settings

__all__ = ["RunFolder", "RunFolderError"]

_CHECKPOINT_NAME = re.compile(r"checkpoint-(\d+)-(\d+)\.safetensors")
_KEPT_CHECKPOINTS = 2


class RunFolderError(RuntimeError):
    """A run folder cannot be used as asked; the message names the file or folder."""


class RunFolder:
    """Reads and writes the files of one run.

    Parameters
    ----------
    path : path
        The folder; created by :meth:`create`.

    Examples
    --------
    >>> import tempfile
    >>> run = RunFolder.create(tempfile.mkdtemp(), TrainingConfig(epochs=2))
    >>> run.append_metrics({"epoch": 1, "loss": 0.5})
    >>> run.metrics()
    [{'epoch': 1, 'loss': 0.5}]
    >>> run.config().epochs
    2
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.metrics_file = self.path / "metrics.jsonl"
        self.config_file = self.path / "config.json"
        self.model_file = self.path / "model.safetensors"
        self.checkpoint_folder = self.path / "checkpoints"
        self.figure_folder = self.path / "figures"
        self.tensorboard_folder = self.path / "tensorboard"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @classmethod
    def create(cls, path: str | os.PathLike, config: Settings) -> RunFolder:
        """Start a run in `path`.

        Raises
        ------
        RunFolderError
            When the folder holds a run already, or cannot be made or written.
        """
        run = cls(path)
        if run.config_file.exists():
            raise RunFolderError(
                f"{run.path} already holds a run: continue it with --resume, or choose another folder"
            )
        try:
            run.checkpoint_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(
                f"could not create {run.checkpoint_folder}: {error.strerror or error}"
            ) from error
        run.write_config(config)
        return run

    @classmethod
    def open(cls, path: str | os.PathLike) -> RunFolder:
        """Open an existing run.

        Raises
        ------
        RunFolderError
            When there is none in `path`.
        """
        run = cls(path)
        if not run.config_file.is_file():
            raise RunFolderError(f"{run.path} is not a run folder: it has no config.json")
        return run

    def write_config(self, config: Settings) -> None:
        """Write config.json atomically."""
        try:
            write_bytes_atomically(self.config_file, config.to_json().encode())
        except OSError as error:
            raise RunFolderError(f"could not write {self.config_file}: {error.strerror or error}") from error

    def config(self, kind: type[Settings] = TrainingConfig) -> Settings:
        """Read config.json.

        Parameters
        ----------
        kind : type
            The configuration expected: that of the all-optical network, or another.

        Raises
        ------
        RunFolderError
            When there is none, or one of another kind.
        """
        try:
            return kind.from_json(self.config_file.read_text())
        except (OSError, ValueError, TypeError) as error:
            raise RunFolderError(f"{self.config_file} cannot be read: {error}") from error

    def append_metrics(self, record: dict[str, Any]) -> None:
        """Append one line to metrics.jsonl and flush it to the disk.

        Raises
        ------
        RunFolderError
            When the line cannot be written whole; the file is then as it was.
        """
        line = (json.dumps(record) + "\n").encode()
        size = self.metrics_file.stat().st_size if self.metrics_file.exists() else 0
        try:
            with open(self.metrics_file, "ab", buffering=0) as file:
                file.write(line)
                os.fsync(file.fileno())
        except OSError as error:
            if self.metrics_file.exists():
                os.truncate(self.metrics_file, size)
            raise RunFolderError(f"could not write {self.metrics_file}: {error.strerror or error}") from error

    def metrics(self) -> list[dict[str, Any]]:
        """Return the records of metrics.jsonl in order; a last line cut short by a crash is left out."""
        if not self.metrics_file.exists():
            return []
        records = []
        for number, line in enumerate(self.metrics_file.read_bytes().splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                break
            try:
                records.append(json.loads(line))
            except ValueError as error:
                raise RunFolderError(f"{self.metrics_file} line {number} is not JSON: {error}") from error
        return records

    def drop_metrics_after(self, epoch: int) -> None:
        """Remove the records of epochs later than `epoch` (counted from 1): they will be written again."""
        if not self.metrics_file.exists():
            return
        kept = [record for record in self.metrics() if record["epoch"] <= epoch]
        content = "".join(json.dumps(record) + "\n" for record in kept).encode()
        if content != self.metrics_file.read_bytes():
            write_bytes_atomically(self.metrics_file, content)

    def checkpoints(self) -> list[Path]:
        """Return the checkpoint files, oldest first."""
        found = []
        if self.checkpoint_folder.is_dir():
            for path in self.checkpoint_folder.iterdir():
                match = _CHECKPOINT_NAME.fullmatch(path.name)
                if match:
                    found.append((int(match[1]), int(match[2]), path))
        return [path for *_, path in sorted(found)]

    def save_checkpoint(self, tensors: dict[str, Any], state: dict[str, Any]) -> Path:
        """Write a checkpoint and remove all but the last two.

        Parameters
        ----------
        tensors : dict of str to torch.Tensor
        state : dict
            Its ``epoch`` (epochs done) and ``step`` (steps done in the next one) name the file.

        Raises
        ------
        CheckpointError
            When it cannot be written; earlier checkpoints are untouched and the message names the last.
        """
        path = self.checkpoint_folder / f"checkpoint-{state['epoch']:05d}-{state['step']:06d}.safetensors"
        earlier = [other for other in self.checkpoints() if other != path]
        try:
            write_checkpoint(path, tensors, state)
        except CheckpointError as error:
            kept = f"; the previous checkpoint {earlier[-1]} is kept" if earlier else ""
            raise CheckpointError(f"{error}{kept}") from error
        for old in self.checkpoints()[:-_KEPT_CHECKPOINTS]:
            old.unlink(missing_ok=True)
        return path

    def load_checkpoint(self) -> tuple[Path, dict[str, Any], dict[str, Any]]:
        """Read the latest good checkpoint.

        Returns
        -------
        path : Path
        tensors : dict of str to torch.Tensor
        state : dict

        Warns
        -----
        UserWarning
            For each later one that is damaged.

        Raises
        ------
        CheckpointError
            When there is none that can be read.
        """
        problems = []
        for path in reversed(self.checkpoints()):
            try:
                tensors, state = read_checkpoint(path)
            except CheckpointError as error:
                problems.append(str(error))
                continue
            for problem in problems:
                warnings.warn(f"{problem}; using the previous one, {path.name}", stacklevel=2)
            return path, tensors, state
        if problems:
            raise CheckpointError("no usable checkpoint: " + "; ".join(problems))
        raise CheckpointError(f"there is no checkpoint in {self.checkpoint_folder}")

    def save_model(self, tensors: dict[str, Any]) -> Path:
        """Write the weights alone, for use outside training."""
        write_checkpoint(self.model_file, tensors, {"kind": "model"})
        return self.model_file

    def discard(self) -> None:
        """Remove the files of the run, and nothing else, so that the folder can hold a new one."""
        reports = [self.path / name for name in ("report.html", "evaluation.json")]
        figures = [self.figure_folder / name for name in ("samples.png", "loss.png")]
        files = [
            self.config_file,
            self.metrics_file,
            self.model_file,
            *reports,
            *figures,
            *self.checkpoints(),
        ]
        for path in files:
            path.unlink(missing_ok=True)
