"""Sharing a time among trainings, and real worker processes: cut off, continued, interrupted, killed."""

import subprocess
import sys
import textwrap
import time

import pytest
import torch

from pyfdsr.experiments.executors import LocalExecutor, RayExecutor, _command, _environment, _train
from pyfdsr.experiments.experiment import Training
from pyfdsr.experiments.scheduler import train_all
from pyfdsr.training import RunFolder, Trainer, load_model
from pyfdsr.training.image_sets import training_set


def trainings(settings, *weights):
    return [
        Training(f"t{index}", settings.config("embedded", seed=index), weight)
        for index, weight in enumerate(weights)
    ]


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("used", [1.0, 0.5])
def test_time_is_shared_by_weight_and_what_is_left_goes_on(laboratory, done, used):
    clock, shares = Clock(), []

    class Timed:
        slots = 1

        def start(self, folder, seconds):
            shares.append(seconds)
            clock.now += used * seconds
            return done()

    said = []
    train_all(laboratory, trainings(laboratory.settings, 1, 3, 2), Timed(), 60, said.append, clock)
    assert said == ["t1: 0 of 1 epochs", "t2: 0 of 1 epochs", "t0: 0 of 1 epochs"]
    expected = [30, 20, 10] if used == 1.0 else [30, 30, 30]
    assert shares == pytest.approx(expected)


def test_slots_run_side_by_side_and_nobody_gets_more_than_the_end(laboratory, monkeypatch):
    monkeypatch.setattr("pyfdsr.experiments.scheduler._POLL", 0.0)
    clock, running, most = Clock(), set(), []

    class Part:
        def __init__(self, name, seconds):
            self.name, self.end = name, clock.now + seconds
            running.add(name)
            most.append(len(running))

        def done(self):
            clock.now += 0.5
            if clock.now >= self.end:
                running.discard(self.name)
                return True
            return False

        def problem(self):
            return None

    class Two:
        slots = 2

        def start(self, folder, seconds):
            assert clock.now + seconds <= 60 + 1e-9
            return Part(folder.name, seconds)

    train_all(laboratory, trainings(laboratory.settings, 1, 1, 1, 1), Two(), 60, lambda line: None, clock)
    assert max(most) == 2 and len(most) == 4


def test_equal_weights_get_equal_times_on_several_slots(laboratory, monkeypatch):
    monkeypatch.setattr("pyfdsr.experiments.scheduler._POLL", 0.0)
    clock, shares = Clock(), []

    class Part:
        def __init__(self, end):
            self.end = end

        def done(self):
            clock.now += 0.01
            return clock.now >= self.end

        def problem(self):
            return None

    class Four:
        slots = 4

        def start(self, folder, seconds):
            shares.append(seconds)
            return Part(clock.now + seconds)

    train_all(laboratory, trainings(laboratory.settings, *[1] * 8), Four(), 800, lambda line: None, clock)
    assert len(shares) == 8 and min(shares) > 395 and max(shares) < 405


def test_a_spoilt_run_is_reported_and_the_rest_done(laboratory, here):
    spoilt, good = trainings(laboratory.settings, 2, 1)
    laboratory.run(spoilt.config).config_file.write_text("{broken")
    problems = train_all(laboratory, [spoilt, good], here, 60, lambda line: None)
    assert list(problems) == [spoilt.label] and "config" in problems[spoilt.label]
    assert laboratory.finished(good.config)


def test_an_interruption_stops_every_training_once(laboratory, done):
    parts = []

    class Endless:
        slots = 2

        def start(self, folder, seconds):
            parts.append(done())
            parts[-1].done = lambda: _interrupt() if len(parts) == 2 else False
            return parts[-1]

    with pytest.raises(KeyboardInterrupt):
        train_all(laboratory, trainings(laboratory.settings, 1, 1), Endless(), 60, lambda line: None)
    assert [part.stopped for part in parts] == [1, 1]


def _interrupt():
    raise KeyboardInterrupt


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_process_is_cut_off_continued_and_equals_one_run(laboratory):
    config = laboratory.settings.config("embedded", dtype="float64")
    endless = config.replace(epochs=100_000)
    run = laboratory.run(endless)
    executor = LocalExecutor(slots=1, cores=1)
    part = executor.start(run.path, 0.5)  # its own clock ends it
    wait_for(part.done)
    assert part.problem() is None and "training stopped after" in (run.path / "training.log").read_text()
    part = executor.start(run.path, 1000)
    wait_for(lambda: len(run.metrics()) > 3)
    part.stop()
    part.wait()
    assert part.done() and part.problem() is None and run.checkpoints()
    part = executor.start(run.path, 1000)
    part._process.kill()
    part.wait()
    assert part.problem() == "ended by signal 9"
    last = config.replace(epochs=int(run.checkpoints()[-1].stem.split("-")[1]) + 2)
    laboratory.run(last)
    part = executor.start(run.path, 1000)
    wait_for(part.done)
    assert part.problem() is None and laboratory.finished(last)
    whole = Trainer(last.replace(threads=1), training_set(last).images)
    whole.fit()
    assert torch.equal(load_model(run).phases, whole.model.phases)
    run.config_file.write_text("{}broken")
    part = executor.start(run.path, 10)
    wait_for(part.done)
    assert "RunFolderError" in part.problem() and "config.json cannot be read" in part.problem()


def test_a_training_runs_on_the_device_of_its_executor(laboratory):
    run = laboratory.run(laboratory.settings.config("embedded"))
    part = LocalExecutor(slots=1, cores=1, device="meta").start(run.path, 10)
    wait_for(part.done)
    assert "device='meta': must be a device that can be used here" in part.problem()


def test_without_ray_the_pip_command_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        ImportError, match=r'the package ray is needed for --executor ray: pip install "pyfdsr'
    ):
        RayExecutor()


class FakeRay:
    def __init__(self, **resources):
        self._resources, self.options = resources, {}

    def is_initialized(self):
        return True

    def cluster_resources(self):
        return self._resources

    def remote(self, function):
        ray = self

        class Remote:
            def options(self, **options):
                ray.options = options
                return self

            def remote(self, *arguments):
                ray.arguments = arguments

        return Remote()


def test_a_training_on_a_cluster_has_a_gpu_to_itself(monkeypatch, tmp_path):
    ray = FakeRay(CPU=8, GPU=3)
    monkeypatch.setitem(sys.modules, "ray", ray)
    executor = RayExecutor(device="cuda")
    executor.start(tmp_path, 10)
    assert executor.slots == 3 and ray.options["num_gpus"] == 1 and ray.arguments[0][-1] == "cuda"
    assert RayExecutor(threads=2).slots == 4
    with pytest.raises(ValueError, match="device='cuda:1': must be 'cpu' or 'cuda'"):
        RayExecutor(device="cuda:1")
    monkeypatch.setitem(sys.modules, "ray", FakeRay(CPU=8))
    with pytest.raises(ValueError, match="must be 'cpu' on a Ray cluster without GPUs"):
        RayExecutor(device="cuda")


def test_a_task_uses_the_gpu_that_the_cluster_gave_it(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    command = [sys.executable, "-c", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"]
    assert _train(command, {"CUDA_VISIBLE_DEVICES": "0,1,2,3"}, str(tmp_path / "log")) == 0
    assert (tmp_path / "log").read_text().strip() == "2"


def test_the_command_of_a_task_trains(laboratory):
    """What a task of a cluster runs, without the cluster."""
    run = laboratory.run(laboratory.settings.config("embedded"))
    subprocess.run(_command(run.path, 100, 1, "cpu"), env=_environment(1), check=True)
    assert len(run.metrics()) == 1 and run.model_file.exists()


def test_a_local_ray_cluster_trains(laboratory):
    pytest.importorskip("ray")
    code = """
        import sys, time
        from pathlib import Path
        from pyfdsr.experiments import Laboratory, Settings
        from pyfdsr.experiments.executors import RayExecutor
        from pyfdsr.experiments.experiment import Training
        from pyfdsr.experiments.scheduler import train_all
        settings = Settings.found("embedded", support=28, layers=1, limit=10, test_limit=4, epochs=1)
        laboratory = Laboratory(sys.argv[1], settings)
        executor = RayExecutor(slots=2)
        config = settings.config("embedded")
        wanted = [Training(str(seed), config.replace(seed=seed), 1.0) for seed in range(2)]
        problems = train_all(laboratory, wanted, executor, 300)
        assert problems == {} and all(laboratory.finished(t.config) for t in wanted), problems
        run = laboratory.run(config.replace(seed=9, epochs=100_000))
        part = executor.start(run.path, 1000)
        while not run.metrics():
            time.sleep(0.1)
        part.stop()
        part.wait()
        assert part.done() and part.problem() is None
        end = time.monotonic() + 30
        while not "training stopped" in (run.path / "training.log").read_text():
            assert time.monotonic() < end
            time.sleep(0.1)
        executor.close()
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(laboratory.folder)], check=True, timeout=400
    )
    assert len(list((laboratory.folder / "runs").iterdir())) == 3
    assert RunFolder.open(next((laboratory.folder / "runs").iterdir()))
