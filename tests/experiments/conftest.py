"""Experiments on one unit of 28² samples and a handful of embedded images."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from pyfdsr.experiments import Laboratory, Settings
from pyfdsr.training import Trainer
from pyfdsr.training.image_sets import training_set


class Done:
    """A training that has ended."""

    def __init__(self, problem=None):
        self._problem = problem
        self.stopped = 0

    def done(self):
        return True

    def stop(self):
        self.stopped += 1

    def wait(self):
        pass

    def problem(self):
        return self._problem


class HereExecutor:
    """Trains in this process, wholly, and remembers what it was asked for."""

    slots, threads = 1, 1

    def __init__(self):
        self.asked = []

    def start(self, folder, seconds):
        from pyfdsr.training import RunFolder

        self.asked.append((folder.name, seconds))
        run = RunFolder.open(folder)
        train = training_set(run.config())
        trainer = Trainer(run.config(), train.images, None, run, train_labels=train.labels)
        trainer.resume()
        trainer.fit()
        return Done()

    def close(self):
        pass


@pytest.fixture
def settings():
    scale = {"support": 28, "layers": 1, "limit": 10, "test_limit": 4}
    return Settings.found("embedded", epochs=1, headline_epochs=2, **scale)


@pytest.fixture
def laboratory(settings, tmp_path):
    return Laboratory(tmp_path / "lab", settings)


@pytest.fixture
def here():
    return HereExecutor()


@pytest.fixture
def done():
    return Done
