"""Run folders and checkpoints: atomic, checked, and what happens on a full disk or with damaged files."""

import errno
import os

import pytest
import torch

from pyfdsr.training import CheckpointError, RunFolder, RunFolderError
from pyfdsr.training.checkpoint import read_checkpoint, write_checkpoint

TENSORS = {"model.phases": torch.arange(6.0).reshape(2, 3), "optimizer.phases.step": torch.tensor(4.0)}


def state(epoch, step=0):
    return {"epoch": epoch, "step": step}


@pytest.fixture
def run(tmp_path, config):
    return RunFolder.create(tmp_path / "run", config)


def fill_the_disk(monkeypatch):
    """Let every write to a file fail at its flush, as a full disk does."""

    def no_space(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)


def test_checkpoints_return_what_was_written(tmp_path):
    path = tmp_path / "one.safetensors"
    write_checkpoint(path, TENSORS, {"epoch": 3, "generator": {"state": 2**100}})
    tensors, stored = read_checkpoint(path)
    assert stored == {"epoch": 3, "generator": {"state": 2**100}}
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert [entry.name for entry in tmp_path.iterdir()] == ["one.safetensors"]


def test_the_last_two_checkpoints_are_kept(run):
    for epoch, step in ((1, 0), (2, 0), (2, 7), (10, 0)):
        run.save_checkpoint(TENSORS, state(epoch, step))
    assert [path.name for path in run.checkpoints()] == [
        "checkpoint-00002-000007.safetensors",
        "checkpoint-00010-000000.safetensors",
    ]
    assert run.load_checkpoint()[2] == state(10)


def test_a_full_disk_keeps_the_previous_checkpoint(run, monkeypatch):
    first = run.save_checkpoint(TENSORS, state(1))
    with monkeypatch.context() as patch:
        fill_the_disk(patch)
        with pytest.raises(
            CheckpointError, match=f"No space left on device; the previous checkpoint {first} is kept"
        ):
            run.save_checkpoint({"model.phases": torch.zeros(2)}, state(2))
    assert os.listdir(run.checkpoint_folder) == [first.name]
    assert torch.equal(run.load_checkpoint()[1]["model.phases"], TENSORS["model.phases"])


def test_a_full_disk_leaves_the_metrics_as_they_were(run, monkeypatch):
    run.append_metrics({"epoch": 1})
    with monkeypatch.context() as patch:
        fill_the_disk(patch)
        with pytest.raises(RunFolderError, match=r"metrics\.jsonl: No space left on device"):
            run.append_metrics({"epoch": 2})
    assert run.metrics() == [{"epoch": 1}]
    assert run.metrics_file.read_bytes() == b'{"epoch": 1}\n'


@pytest.mark.parametrize("kept", [0, 5, 40, 0.5, 0.99])
def test_a_truncated_checkpoint_is_named_and_the_previous_one_used(run, kept):
    first = run.save_checkpoint(TENSORS, state(1))
    second = run.save_checkpoint(TENSORS, state(2))
    content = second.read_bytes()
    second.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(CheckpointError, match=f"{second} is damaged"):
        read_checkpoint(second)
    with pytest.warns(UserWarning, match=f"{second} is damaged.*using the previous one, {first.name}"):
        path, _, stored = run.load_checkpoint()
    assert path == first and stored == state(1)


def test_one_altered_byte_is_noticed(run):
    path = run.save_checkpoint(TENSORS, state(1))
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="no usable checkpoint: .*do not match the digest"):
        run.load_checkpoint()


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="is not a checkpoint of pyfdsr"):
        read_checkpoint(tmp_path / "other.safetensors")


def test_missing_checkpoints_are_named(run):
    with pytest.raises(CheckpointError, match="there is no checkpoint in .*checkpoints"):
        run.load_checkpoint()
    with pytest.raises(CheckpointError, match="could not read .*none: No such file"):
        read_checkpoint(run.path / "none")


def test_a_line_cut_short_is_dropped(run):
    run.append_metrics({"epoch": 1})
    with open(run.metrics_file, "ab") as file:
        file.write(b'{"epoch": 2, "lo')
    assert run.metrics() == [{"epoch": 1}]
    run.drop_metrics_after(5)
    assert run.metrics_file.read_bytes() == b'{"epoch": 1}\n'


def test_a_damaged_line_inside_is_an_error(run):
    run.metrics_file.write_bytes(b'{"epoch": 1}\nnothing\n{"epoch": 3}\n')
    with pytest.raises(RunFolderError, match="line 2 is not JSON"):
        run.metrics()


def test_a_run_is_not_overwritten(run, config):
    with pytest.raises(RunFolderError, match="already holds a run: continue it with --resume"):
        RunFolder.create(run.path, config)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(RunFolderError, match=f"{tmp_path} is not a run folder"):
        RunFolder.open(tmp_path)


def test_a_damaged_configuration_is_named(run):
    run.config_file.write_text("{")
    with pytest.raises(RunFolderError, match=r"config\.json cannot be read"):
        run.config()


def test_discarding_leaves_other_files(run):
    run.save_checkpoint(TENSORS, state(1))
    (run.path / "notes.txt").write_text("mine")
    run.discard()
    assert not run.config_file.exists() and not run.checkpoints()
    assert (run.path / "notes.txt").read_text() == "mine"
