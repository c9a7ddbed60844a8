"""Data-parallel training: shares of a batch, and two real processes under torchrun."""

import os
import re
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from pyfdsr.training import RunFolder, Trainer, TrainingInterrupted, load_model
from pyfdsr.training.distributed import Workers, _Group

WORKER = """
import sys
import numpy as np
from pyfdsr.training import RunFolder, Trainer
from pyfdsr.training.distributed import workers
run = RunFolder.open(sys.argv[1])
with workers() as group:
    trainer = Trainer(run.config(), np.load(run.path / "images.npy"), None, run, workers=group)
    trainer.resume()
    trainer.fit()
"""


class Share(Workers):
    """One of `count` processes without a group: gradients and sums are left to the test."""

    part = _Group.part

    def __init__(self, rank, count):
        self.rank, self.count = rank, count


@pytest.mark.parametrize("rows", [40, 33, 7, 1])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_shares_are_whole_micro_batches_in_order(rows, count):
    batch = np.arange(rows)
    parts = [Share(rank, count).part(batch, 10) for rank in range(count)]
    assert np.array_equal(np.concatenate(parts), batch)
    assert all(len(part) == 0 or part[0] % 10 == 0 for part in parts)


@pytest.mark.parametrize("changes", [{}, {"reduction": "equation"}, {"gamma": 1e-3}, {"model": "classifier"}])
def test_gradients_of_the_shares_add_up(config, images, changes):
    """20 images, micro-batches of 8: three for two processes; compared with one process on the whole."""
    config = config.replace(
        dtype="float64", epochs=1, batch_size=20, micro_batch=8, support=24, band=24, grid=72, **changes
    )
    labels = np.arange(20) % 10

    def gradient(workers):
        trainer = Trainer(config, images, train_labels=labels)
        loss, *_ = trainer._terms(workers.part(np.arange(20), 8), 20, 1.0)
        loss.backward()
        return trainer.model.phases.grad

    whole = gradient(Workers())
    assert torch.allclose(gradient(Share(0, 2)) + gradient(Share(1, 2)), whole, rtol=1e-9, atol=1e-15)


def processes(folder):
    """Start two workers as torchrun does, by its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    return [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder)],
            env={**common, "MASTER_PORT": str(port), "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_processes_equal_one_and_survive_a_kill(config, images, tmp_path):
    """A killed process ends the training with what to do; it goes on to the result of one process."""
    config = config.replace(dtype="float64", epochs=100_000, threads=1, lr_halve_every=100)
    run = RunFolder.create(tmp_path / "two", config)
    np.save(run.path / "images.npy", images)
    leader, follower = processes(run.path)
    wait_for(lambda: len(run.metrics()) >= 2 or leader.poll() is not None)
    follower.kill()
    said, _ = leader.communicate(timeout=120)
    follower.communicate()
    assert leader.returncode != 0
    assert re.search(r"process 0 of 2 lost the others \(.*start all processes again with --resume", said), (
        said
    )
    done = len(run.metrics())
    config = config.replace(epochs=done + 3)
    run.write_config(config)
    for process in processes(run.path):
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    records = run.metrics()
    assert [record["epoch"] for record in records] == list(range(1, done + 4))
    whole = Trainer(config, images)
    whole.fit()
    assert torch.allclose(load_model(run).phases, whole.model.phases, rtol=0, atol=1e-6)
    assert [record["loss"] for record in records] == pytest.approx(
        [record["loss"] for record in whole.records], rel=1e-7
    )


def test_a_lost_group_is_said_with_the_way_on():
    from pyfdsr.training import WorkerLost

    class Broken(_Group):
        def __init__(self):
            self.rank, self.count, self._group = 1, 2, self

        def all_reduce(self, tensor):
            raise RuntimeError("Connection closed by peer [127.0.0.1]:1\nmore")

    with pytest.raises(WorkerLost, match=r"process 1 of 2 lost the others \(Connection closed .*--resume"):
        Broken().wait()


def test_a_stop_of_one_stops_all(config, images):
    class OtherStops(Workers):
        asked = 0

        def add(self, values):
            if len(values) > 1:
                return values
            self.asked += 1
            return [float(self.asked > 1)]  # the first question is for the time limit

    with pytest.raises(TrainingInterrupted, match="training stopped after 0 epochs and 1 of 3 steps"):
        Trainer(config, images, workers=OtherStops()).fit()
