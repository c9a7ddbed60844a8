"""What is shown while training, and the log for TensorBoard."""

import io
import sys
import types

import pytest

from pyfdsr.training import RunFolder, Trainer, require
from pyfdsr.training.progress import Progress, ProgressGroup, RichProgress, TensorBoardProgress


def test_the_bar_shows_loss_psnr_and_energy(config, images, test_images):
    from rich.console import Console

    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    Trainer(config, images, test_images, None, RichProgress(console)).fit()
    shown = text.getvalue()
    for part in ("epoch 3/3", "loss 0.", "PSNR ", "energy ", "test PSNR"):
        assert part in shown


def test_without_a_terminal_there_is_one_line_an_epoch(config, images):
    from rich.console import Console

    text = io.StringIO()
    Trainer(config, images, None, None, RichProgress(Console(file=text, width=120))).fit()
    lines = [line for line in text.getvalue().splitlines() if line.strip()]
    assert len(lines) == 3 and lines[-1].startswith("epoch 3/3  loss")


class Writer:
    """Stands for torch.utils.tensorboard.SummaryWriter."""

    written: list = []

    def __init__(self, folder, purge_step):
        self.folder, self.purge_step = folder, purge_step
        self.written.append(("open", folder, purge_step))

    def add_scalar(self, name, value, epoch):
        self.written.append((name, value, epoch))

    def flush(self):
        pass

    def close(self):
        self.written.append(("close",))


def test_tensorboard_gets_every_epoch(config, images, tmp_path, monkeypatch):
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(Writer, "written", [])
    run = RunFolder.create(tmp_path / "run", config)
    progress = ProgressGroup(TensorBoardProgress.if_installed(run.tensorboard_folder))
    records = Trainer(config, images, None, run, progress).fit()
    assert Writer.written[0] == ("open", str(run.tensorboard_folder), 1)
    assert Writer.written[-1] == ("close",)
    assert [entry for entry in Writer.written if entry[0] == "psnr"] == [
        ("psnr", record["psnr"], record["epoch"]) for record in records
    ]


def test_without_tensorboard_nothing_is_logged(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert type(TensorBoardProgress.if_installed(tmp_path)) is Progress


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    monkeypatch.delitem(sys.modules, "safetensors.torch", raising=False)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(
        ImportError, match=r'safetensors is needed for checkpoints: pip install "pyfdsr\[train\]"'
    ):
        require("safetensors.torch", "checkpoints")


def test_an_error_inside_a_package_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "halfway.py").write_text("import a_part_that_is_missing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_part_that_is_missing"):
        require("halfway", "the test")
