"""The training loop: it learns, repeats itself, and continues to the bit wherever it was interrupted."""

import errno
import os
import signal

import numpy as np
import pytest
import torch

import pyfdsr
from pyfdsr.losses import super_resolution_loss_reference
from pyfdsr.training import (
    CheckpointError,
    ImageBatches,
    RunFolder,
    RunFolderError,
    Trainer,
    TrainingDiverged,
    TrainingInterrupted,
)
from pyfdsr.training.progress import Progress


class StopAt(Progress):
    """Sends a signal to the process after so many steps, as a user's Ctrl-C would."""

    def __init__(self, steps, number=signal.SIGINT):
        self.left, self.number = steps, number

    def step(self, means):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(self.number)


def without_time(records):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


def complete(config, images, test_images, path):
    trainer = Trainer(config, images, test_images, RunFolder.create(path, config))
    trainer.fit()
    return trainer


def assert_same_training(one, other):
    """Parameters, optimiser state, generator and records agree to the bit."""
    assert torch.equal(one.model.phases, other.model.phases)
    states = [trainer.optimizer.state[trainer.model.phases] for trainer in (one, other)]
    assert states[0].keys() == states[1].keys()
    assert all(
        torch.equal(torch.as_tensor(states[0][key]), torch.as_tensor(states[1][key])) for key in states[0]
    )
    assert one._generator.bit_generator.state == other._generator.bit_generator.state
    assert without_time(one.records) == without_time(other.records)


def test_it_learns(config, images):
    records = Trainer(config.replace(epochs=30, lr_halve_every=10), images).fit()
    assert records[-1]["loss"] < 0.8 * records[0]["loss"]
    assert records[-1]["psnr"] > records[0]["psnr"] + 1


def test_the_first_step_is_adam_on_the_added_micro_batch_losses(config, images):
    config = config.replace(dtype="float64", gamma=1e-3, epochs=1)
    trainer = Trainer(config, images[:8])
    twin = Trainer(config, images[:8]).model
    start = twin.phases.detach().clone()
    trainer.fit()
    target = ImageBatches(images[:8], 16, torch.float64).intensity(slice(None))
    # One batch an epoch: its order only decides which images share a micro-batch of 4, and both have the same
    # size.
    super_resolution_loss_reference(twin.image(target), target, gamma=1e-3, micro_batch=4).backward()
    gradient = twin.phases.grad
    assert torch.allclose(trainer.model.phases, start - 0.1 * gradient / (gradient.abs() + 1e-8), atol=1e-6)


def test_two_runs_agree_to_the_bit(config, images, test_images, tmp_path):
    torch.manual_seed(1)
    one = complete(config, images, test_images, tmp_path / "one")
    torch.manual_seed(2)
    other = complete(config, images, test_images, tmp_path / "other")
    assert_same_training(one, other)
    different = complete(config.replace(seed=4), images, test_images, tmp_path / "different")
    assert not torch.equal(one.model.phases, different.model.phases)


def test_the_number_of_threads_changes_no_bit(config, images, test_images, tmp_path):
    one = complete(config.replace(threads=1), images, test_images, tmp_path / "one")
    assert_same_training(one, complete(config.replace(threads=3), images, test_images, tmp_path / "three"))


def test_training_gives_the_threads_back(config, images):
    before = torch.get_num_threads(), pyfdsr.get_num_threads()
    seen = []

    class Watch(Progress):
        def step(self, means):
            seen.append((torch.get_num_threads(), pyfdsr.get_num_threads()))

    Trainer(config.replace(threads=3, epochs=1), images, None, None, Watch()).fit()
    assert set(seen) == {(1, 3)}
    assert (torch.get_num_threads(), pyfdsr.get_num_threads()) == before


def test_training_leaves_the_global_random_states_alone(config, images):
    torch.manual_seed(5)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    Trainer(config.replace(epochs=1), images).fit()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002


# 20 images in batches of 8 are 3 steps an epoch, 9 in all: mid-epoch, at an epoch's end, in the last epoch.
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("robust", [None, 4])
def test_interrupted_and_continued_equals_uninterrupted(config, images, test_images, tmp_path, steps, robust):
    config = config.replace(intensity_robust=robust)
    whole = complete(config, images, test_images, tmp_path / "whole")
    run = RunFolder.create(tmp_path / "parts", config)
    with pytest.raises(
        TrainingInterrupted, match=f"training stopped after {steps // 3} epochs and {steps % 3} of 3"
    ):
        Trainer(config, images, test_images, run, StopAt(steps)).fit()
    continued = Trainer(config, images, test_images, RunFolder.open(run.path))
    continued.resume()
    continued.fit()
    assert_same_training(whole, continued)
    assert without_time(run.metrics()) == without_time(whole.run.metrics())
    assert [record["epoch"] for record in run.metrics()] == [1, 2, 3]


def test_interrupted_after_every_step_equals_uninterrupted(config, images, test_images, tmp_path):
    whole = complete(config, images, test_images, tmp_path / "whole")
    run = RunFolder.create(tmp_path / "parts", config)
    for _ in range(9):
        trainer = Trainer(config, images, test_images, run, StopAt(1, signal.SIGTERM))
        trainer.resume()
        try:
            trainer.fit()
        except TrainingInterrupted:
            continue
    assert_same_training(whole, trainer)


def test_a_killed_run_repeats_what_was_not_saved(config, images, test_images, tmp_path):
    """Neither a metrics line without its checkpoint nor a half-written line leaves a trace."""
    whole = complete(config, images, test_images, tmp_path / "whole")
    run = RunFolder.create(tmp_path / "killed", config)
    Trainer(config.replace(epochs=2), images, test_images, run).fit()
    run.checkpoints()[-1].unlink()
    with open(run.metrics_file, "ab") as file:
        file.write(b'{"epoch": 3')
    continued = Trainer(config, images, test_images, run)
    continued.resume()
    assert continued.epochs_done == 1
    continued.fit()
    assert_same_training(whole, continued)
    assert [record["epoch"] for record in run.metrics()] == [1, 2, 3]


def test_a_run_without_checkpoint_starts_over(config, images, tmp_path):
    run = RunFolder.create(tmp_path / "run", config)
    run.append_metrics({"epoch": 1})
    trainer = Trainer(config, images, None, run)
    trainer.resume()
    trainer.fit()
    assert [record["epoch"] for record in run.metrics()] == [1, 2, 3]


def test_a_damaged_checkpoint_costs_one_epoch(config, images, test_images, tmp_path):
    whole = complete(config, images, test_images, tmp_path / "whole")
    run = RunFolder.create(tmp_path / "run", config)
    Trainer(config.replace(epochs=2), images, test_images, run).fit()
    last = run.checkpoints()[-1]
    last.write_bytes(last.read_bytes()[:1000])
    continued = Trainer(config, images, test_images, run)
    with pytest.warns(UserWarning, match=f"{last} is damaged"):
        continued.resume()
    continued.fit()
    assert_same_training(whole, continued)


def test_more_epochs_continue_a_finished_run(config, images, test_images, tmp_path):
    longer = complete(config.replace(epochs=5, test_every=0), images, None, tmp_path / "longer")
    run = complete(config.replace(test_every=0), images, None, tmp_path / "short").run
    continued = Trainer(config.replace(epochs=5, test_every=0), images, None, run)
    continued.resume()
    continued.fit()
    assert_same_training(longer, continued)


def test_a_full_disk_stops_with_the_previous_checkpoint(config, images, tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path / "run", config)
    Trainer(config.replace(epochs=1), images, None, run).fit()
    kept = run.checkpoints()
    continued = Trainer(config, images, None, run)
    continued.resume()
    replace = os.replace

    def no_space(source, target):
        if "checkpoint-" in str(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(
        CheckpointError, match=f"No space left on device; the previous checkpoint {kept[0]} is kept"
    ):
        continued.fit()
    monkeypatch.undo()
    assert run.checkpoints() == kept
    again = Trainer(config, images, None, run)
    again.resume()
    again.fit()
    assert_same_training(complete(config, images, None, tmp_path / "whole"), again)


def test_only_a_run_folder_can_be_resumed(config, images):
    with pytest.raises(ValueError, match="run=None: resume\\(\\) needs a trainer made with run=RunFolder"):
        Trainer(config, images).resume()


def test_other_images_are_refused(config, images, tmp_path):
    run = complete(config, images, None, tmp_path / "run").run
    with pytest.raises(RunFolderError, match="was made with other training images"):
        Trainer(config, images[::-1], None, run).resume()


def test_another_geometry_is_refused(config, images, tmp_path):
    run = complete(config, images, None, tmp_path / "run").run
    with pytest.raises(CheckpointError, match="does not fit the configuration"):
        Trainer(config.replace(num_layers=3), images, None, run).resume()


def test_a_second_signal_stops_at_once(config, images):
    class Twice(Progress):
        def step(self, means):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)  # a background job of a shell ignores it
    with pytest.raises(KeyboardInterrupt):
        Trainer(config, images, None, None, Twice()).fit()
    assert signal.getsignal(signal.SIGINT) is before


def test_divergence_is_reported_before_it_does_harm(config, images):
    trainer = Trainer(config, images)
    with torch.no_grad():
        trainer.model.phases[0, 0, 0] = torch.nan
    before = trainer.model.phases.detach().clone()
    with pytest.raises(
        TrainingDiverged, match="the loss is nan in epoch 1, step 1: try a smaller learning rate"
    ):
        trainer.fit()
    assert torch.equal(trainer.model.phases.nan_to_num(7.0), before.nan_to_num(7.0))


def test_intensity_robust_training_draws_the_paper_levels(config, images):
    records = Trainer(config.replace(epochs=25, intensity_robust=2), images[:4]).fit()
    peaks = {record["peak"] for record in records}
    assert peaks <= {0.1, 0.25, 0.5, 0.75, 1.0, 2.0} and len(peaks) > 3


def test_the_loss_is_divided_by_the_drawn_intensity(config, images):
    # The seed is one whose first draw is not 1.
    config = config.replace(
        dtype="float64", epochs=1, batch_size=20, micro_batch=20, intensity_robust=8, seed=1
    )
    twin = Trainer(config, images).model
    (record,) = Trainer(config, images).fit()
    peak = record["peak"]
    assert peak != 1.0
    target = ImageBatches(images, 16, torch.float64).intensity(slice(None), peak)
    loss = super_resolution_loss_reference(twin.image(target), target, peak=peak, micro_batch=20)
    assert record["loss"] == pytest.approx(float(loss.detach()) / peak, rel=1e-9)


def test_the_time_limit_ends_between_epochs(config, images, tmp_path):
    run = RunFolder.create(tmp_path / "run", config)
    records = Trainer(config, images, None, run).fit(time_limit=0.0)
    assert [record["epoch"] for record in records] == [1]
    assert run.model_file.exists()


def test_records_hold_the_epoch_means(config, images, test_images, tmp_path):
    records = complete(config, images, test_images, tmp_path / "run").run.metrics()
    assert [record["learning_rate"] for record in records] == [0.1, 0.1, 0.05]
    assert ["test_psnr" in record for record in records] == [False, True, True]
    assert all(0 < record["energy_fraction"] < 1 for record in records)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((2, 8, 8)), TypeError, "images have dtype float64: must be uint8"),
        (np.zeros((0, 8, 8), np.uint8), ValueError, "at least one image"),
        (np.zeros((8, 8), np.uint8), ValueError, r"must be \[n, height, width\]"),
        (
            np.zeros((2, 7, 8), np.uint8),
            ValueError,
            "support=16: must be a multiple of the images' size, 7x8",
        ),
    ],
)
def test_bad_images_are_named(config, images, error, message):
    with pytest.raises(error, match=message):
        Trainer(config, images)
