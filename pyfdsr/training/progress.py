"""What a training run shows while it runs.

:class:`Progress` is the silent base; :class:`RichProgress` draws a bar with the live loss, PSNR and energy
and prints one line an epoch; :class:`TensorBoardProgress` writes scalars; :class:`ProgressGroup` joins
several.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .optional import require

__all__ = ["Progress", "ProgressGroup", "RichProgress", "TensorBoardProgress", "epoch_line"]


class Progress:
    """Receives the events of a training run; every method does nothing unless overridden."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def begin(self, epochs: int, steps_per_epoch: int, epoch: int, step: int) -> None:
        """Training starts, or continues, after `epoch` epochs and `step` steps of the next."""

    def step(self, means: dict[str, float]) -> None:
        """A step is done; `means` are the epoch's ``loss``, ``psnr`` … so far.

        On devices that are read once an epoch they are those of the last one, and empty in the first.
        """

    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch is done; `record` is its line of metrics.jsonl."""

    def end(self) -> None:
        """Training is over, for whatever reason."""


class ProgressGroup(Progress):
    """Passes every event on to several receivers."""

    def __init__(self, *members: Progress) -> None:
        self.members = members

    def begin(self, epochs: int, steps_per_epoch: int, epoch: int, step: int) -> None:
        for member in self.members:
            member.begin(epochs, steps_per_epoch, epoch, step)

    def step(self, means: dict[str, float]) -> None:
        for member in self.members:
            member.step(means)

    def epoch(self, record: dict[str, Any]) -> None:
        for member in self.members:
            member.epoch(record)

    def end(self) -> None:
        for member in self.members:
            member.end()


def figure_of(record: dict[str, Any], prefix: str = "") -> str:
    """Return the figure of merit of a record in words, or nothing if it has none.

    Examples
    --------
    >>> figure_of({"psnr": 18.5}), figure_of({"test_accuracy": 0.948}, "test_"), figure_of({})
    ('PSNR 18.50 dB', 'test accuracy 94.8 %', '')
    """
    said = prefix.replace("_", " ")
    if f"{prefix}psnr" in record:
        return f"{said}PSNR {record[f'{prefix}psnr']:.2f} dB"
    if f"{prefix}accuracy" in record:
        return f"{said}accuracy {100 * record[f'{prefix}accuracy']:.1f} %"
    return ""


def _figures(means: dict[str, float]) -> str:
    """Return loss, PSNR or accuracy and, for networks of light, energy; nothing of nothing."""
    if not means:
        return ""
    line = f"loss {means['loss']:.4f}  {figure_of(means)}"
    if "energy_fraction" in means:
        line += f"  energy {100 * means['energy_fraction']:.1f} %"
    return line


def epoch_line(record: dict[str, Any], epochs: int) -> str:
    """Return one line about a finished epoch.

    Examples
    --------
    >>> epoch_line({"epoch": 2, "loss": 0.25, "psnr": 18.5, "energy_fraction": 0.2, "seconds": 9.0}, 40)
    'epoch  2/40  loss 0.2500  PSNR 18.50 dB  energy 20.0 %  9.0 s'
    """
    width = len(str(epochs))
    line = f"epoch {record['epoch']:>{width}}/{epochs}  {_figures(record)}  {record['seconds']:.1f} s"
    if record.get("peak", 1.0) != 1.0:
        line += f"  peak {record['peak']:g}"
    tested = figure_of(record, "test_")
    return f"{line}  {tested}" if tested else line


class RichProgress(Progress):
    """A progress bar on the terminal; where there is no terminal, only the line of every epoch.

    Parameters
    ----------
    console : rich.console.Console or None
    """

    def __init__(self, console: Any = None) -> None:
        self._rich = require("rich.progress", "the progress bar")
        self._console = console or require("rich.console", "the progress bar").Console()
        self._bar = None
        self._epochs = self._steps = self._done = 0

    def begin(self, epochs: int, steps_per_epoch: int, epoch: int, step: int) -> None:
        rich = self._rich
        self._epochs, self._steps, self._done = epochs, steps_per_epoch, epoch * steps_per_epoch + step
        self._bar = rich.Progress(
            rich.TextColumn("{task.description}"),
            rich.BarColumn(bar_width=None),
            rich.TextColumn("{task.fields[live]}"),
            rich.TimeRemainingColumn(),
            console=self._console,
            transient=True,
            refresh_per_second=2,
            expand=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(
            self._title(), total=epochs * steps_per_epoch, completed=self._done, live=""
        )
        self._bar.start()

    def _title(self) -> str:
        return f"epoch {min(self._done // self._steps + 1, self._epochs)}/{self._epochs}"

    def step(self, means: dict[str, float]) -> None:
        self._done += 1
        self._bar.update(self._task, completed=self._done, live=_figures(means))

    def epoch(self, record: dict[str, Any]) -> None:
        self._bar.update(self._task, description=self._title())
        self._console.print(epoch_line(record, self._epochs), highlight=False)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class TensorBoardProgress(Progress):
    """Writes every epoch's numbers for TensorBoard.

    Parameters
    ----------
    folder : path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer = None

    @classmethod
    def if_installed(cls, folder: Path) -> Progress:
        """Return a writer, or a silent receiver where the package tensorboard is absent."""
        try:
            require("torch.utils.tensorboard", "the TensorBoard log")
        except ImportError:
            return Progress()
        return cls(folder)

    def begin(self, epochs: int, steps_per_epoch: int, epoch: int, step: int) -> None:
        writer = require("torch.utils.tensorboard", "the TensorBoard log").SummaryWriter
        # What a run wrote after the checkpoint it continues from is hidden.
        self._writer = writer(str(self._folder), purge_step=epoch + 1)

    def epoch(self, record: dict[str, Any]) -> None:
        for name, value in record.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, record["epoch"])
        self._writer.flush()

    def end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
