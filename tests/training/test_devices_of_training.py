"""Training on a device: the same as on the CPU, without waiting for it in a step, and continued elsewhere."""

import signal
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pyfdsr import backends
from pyfdsr.training import (
    ImageBatches,
    RunFolder,
    Trainer,
    TrainingDiverged,
    TrainingInterrupted,
    cuda_graph,
    devices,
    evaluate,
)
from pyfdsr.training import trainer as trainer_module
from pyfdsr.training.distributed import Workers
from pyfdsr.training.progress import Progress, RichProgress
from tolerances import assert_close


@pytest.fixture
def far(monkeypatch):
    """Let the CPU's memory pass for a device's: images are copied there, and sums read once an epoch."""
    monkeypatch.setattr(devices, "is_host", lambda device: False)


class StopAt(Progress):
    def __init__(self, steps):
        self.left, self.trainer, self.seen = steps, None, []

    def step(self, means):
        self.left -= 1
        self.seen.append(means)
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


def trained(config, images, test_images=None, run=None, progress=None, device="cpu"):
    trainer = Trainer(config, images, test_images, run, progress, device=device)
    trainer.fit()
    return trainer


def assert_same(one, other):
    """Parameters agree to the bit; means do but for the logarithm's last digit."""
    assert torch.equal(one.model.phases, other.model.phases)
    assert len(one.records) == len(other.records)
    for ours, theirs in zip(one.records, other.records, strict=True):
        assert ours.keys() == theirs.keys()
        assert all(ours[name] == pytest.approx(theirs[name], rel=1e-12) for name in ours if name != "seconds")


def test_the_cpu_by_name_is_the_default(config, images, test_images):
    default = Trainer(config, images, test_images)
    default.fit()
    named = trained(config, images, test_images, device=torch.device("cpu"))
    assert torch.equal(named.model.phases, default.model.phases)
    assert [{**record, "seconds": 0} for record in named.records] == [
        {**record, "seconds": 0} for record in default.records
    ]


@pytest.mark.parametrize("robust", [None, 4])
def test_a_device_trains_the_same(config, images, test_images, robust, request):
    config = config.replace(intensity_robust=robust)
    near = trained(config, images, test_images)
    request.getfixturevalue("far")
    assert_same(near, trained(config, images, test_images))


@pytest.mark.parametrize("first", ["near", "far"])
def test_a_run_goes_on_elsewhere(config, images, test_images, tmp_path, monkeypatch, first):
    whole = trained(config, images, test_images)
    run = RunFolder.create(tmp_path / "run", config)
    with monkeypatch.context() as patch:
        if first == "far":
            patch.setattr(devices, "is_host", lambda device: False)
        with pytest.raises(TrainingInterrupted):
            trained(config, images, test_images, run, StopAt(4))
    if first == "near":
        monkeypatch.setattr(devices, "is_host", lambda device: False)
    continued = Trainer(config, images, test_images, RunFolder.open(run.path))
    continued.resume()
    continued.fit()
    assert_same(whole, continued)


def test_a_device_is_read_once_an_epoch(config, images, far):
    watch = StopAt(-1)
    trainer = trained(config, images, progress=watch)
    assert watch.seen[:3] == [{}] * 3
    first = {name: trainer.records[0][name] for name in ("loss", "psnr", "energy_fraction")}
    assert watch.seen[3:6] == [first] * 3


def test_the_progress_bar_shows_nothing_of_nothing(config, images, far):
    from rich.console import Console

    trained(config.replace(epochs=1), images, progress=RichProgress(Console(force_terminal=True)))


@pytest.mark.parametrize("model", ["aosrnn", "diffractive", "polychromatic", "classifier"])
def test_a_step_reads_nothing_back(config, monkeypatch, model):
    monkeypatch.setattr(trainer_module, "usable_device", torch.device)
    images, labels = np.full((8, 28, 28), 200, np.uint8), np.arange(8)
    config = config.replace(model=model, support=28, band=28, grid=84)
    trainer = Trainer(config, images, train_labels=labels, device="meta")  # where there are no values
    for _ in range(2):
        terms = trainer._take(trainer.train_batches.index(np.arange(8)), 8, 1.0)
        assert terms and all(term.is_meta and term.dtype == torch.float64 for term in terms.values())


def test_divergence_is_found_at_the_end_of_the_epoch(config, images, tmp_path, far):
    run = RunFolder.create(tmp_path / "run", config)
    trainer = Trainer(config, images, None, run)
    with torch.no_grad():
        trainer.model.phases[0, 0, 0] = torch.nan
    with pytest.raises(
        TrainingDiverged, match="the sum of the losses is nan in epoch 1, step 3: try a smaller"
    ):
        trainer.fit()
    assert not run.checkpoints() and not run.metrics()


def test_intensities_of_a_device_have_the_same_bits(images, monkeypatch):
    levels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    for dtype in (torch.float32, torch.float64):
        near = ImageBatches(levels, 16, dtype)
        with monkeypatch.context() as patch:
            patch.setattr(devices, "is_host", lambda device: False)
            there = ImageBatches(levels, 16, dtype)
        rows = np.array([3, 0, 1])
        for peak in (1.0, 0.1, 8.0):
            assert torch.equal(there.intensity(there.index(rows), peak), near.intensity(rows, peak))
            assert torch.equal(there.intensity(slice(1, None), peak), near.intensity(slice(1, None), peak))


def test_training_by_torchs_operations(config, images, test_images):
    config = config.replace(dtype="float64", epochs=2)
    by_core = trained(config, images, test_images)
    with backends.forced("torch"):
        by_torch = trained(config, images, test_images)
        scores = evaluate(by_torch.model, test_images)
    assert_close("float64_network", by_torch.model.phases.detach(), by_core.model.phases.detach())
    assert by_torch.records[-1]["test_psnr"] == pytest.approx(by_core.records[-1]["test_psnr"], abs=1e-6)
    assert scores.output_psnr == pytest.approx(evaluate(by_core.model, test_images).output_psnr, abs=1e-6)


@pytest.mark.parametrize(
    ("device", "rule"),
    [
        ("gpu", "device='gpu': must be a device of torch, such as cpu, cuda or cuda:1"),
        (3.5, "device='3.5': must be a device of torch"),
        ("meta", "device='meta': must be a device that can be used here"),
        ("cuda:99", "device='cuda:99': must be a device that can be used here"),
    ],
)
def test_a_device_that_cannot_be_used_is_named(config, images, device, rule):
    with pytest.raises(ValueError, match=rule):
        Trainer(config, images, device=device)


def test_several_processes_train_on_the_cpu(config, images, monkeypatch):
    class Two(Workers):
        count = 2

    monkeypatch.setattr(trainer_module, "usable_device", torch.device)
    with pytest.raises(ValueError, match="device='meta': must be cpu where 2 processes train"):
        Trainer(config, images, workers=Two(), device="meta")


class FakeCuda:
    """What a recording needs of ``torch.cuda``; a replay computes again what was recorded."""

    def __init__(self):
        self.recordings, self.replays, self.recording = 0, 0, None
        outer = self

        class Graph:
            def replay(self):
                outer.replays += 1
                self.again()

        class Stream:
            def wait_stream(self, other):
                pass

        self.CUDAGraph, self.Stream = Graph, lambda device: Stream()
        self.current_stream, self.stream = lambda device: Stream(), lambda stream: nullcontext()
        self.synchronize, self.device = lambda device: None, lambda device: nullcontext()

    @contextmanager
    def graph(self, graph, stream):
        self.recordings, self.recording = self.recordings + 1, graph
        yield
        self.recording = None


def test_a_recording_takes_the_same_steps(config, images, monkeypatch):
    """The order of steps run and replayed; what CUDA itself does is tested on a GPU."""
    config = config.replace(epochs=12, intensity_robust=2)
    whole = trained(config, images)
    cuda = FakeCuda()
    monkeypatch.setattr(cuda_graph, "torch", SimpleNamespace(cuda=cuda, zeros=torch.zeros, int64=torch.int64))
    trainer = Trainer(config, images)

    def step(index, count, peak):
        assert len(index) == count
        if cuda.recording is None:
            return trainer._take_one(index, count, peak)
        results = {"loss": 0.0, "decibels": 0.0, "output_energy": 0.0}
        cuda.recording.again = lambda: results.update(trainer._take_one(index, count, peak))
        return results

    graphed = cuda_graph.GraphedStep(step, 8, torch.device("cpu"))
    as_they_are = []
    monkeypatch.setattr(graphed, "_as_it_is", lambda *given: as_they_are.append(given[1]) or step(*given))
    trainer._take = lambda index, count, peak: graphed(torch.from_numpy(index), count, peak)
    trainer.fit()
    assert_same(whole, trainer)
    # 12 epochs of 8, 8 and 4 images; the first three of 8 are run as they are.
    assert sorted(as_they_are) == [4] * 12 + [8] * 3 and cuda.replays == 12 * 2 - 3
    peaks = [record["peak"] for record in trainer.records][1:]  # the first epoch has no recording yet
    assert cuda.recordings == 1 + sum(one != other for one, other in zip(peaks, peaks[1:], strict=False)) > 2
