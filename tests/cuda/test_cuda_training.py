"""Training, scores and enlarging on a GPU against the CPU; skipped, and counted as skipped, without a GPU."""

import numpy as np
import pytest
import torch

from pyfdsr import data, models
from pyfdsr.training import (
    PhotoTrainer,
    PhotoTrainingConfig,
    RunFolder,
    Trainer,
    TrainingConfig,
    cuda_graph,
    evaluate,
    score_photos,
)
from pyfdsr.upscaling import upscale
from tolerances import assert_close

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

# Double precision, so that few steps differ by rounding alone; batches of 8, 8 and 4.
CONFIG = TrainingConfig(
    epochs=3,
    batch_size=8,
    micro_batch=4,
    num_layers=2,
    support=16,
    band=16,
    grid=48,
    cutoff_bins=4.0,
    lr_halve_every=2,
    test_every=3,
    seed=3,
    dtype="float64",
)


def squares(count=20, size=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size), np.uint8)


def trained(config, device, run=None):
    trainer = Trainer(config, squares(), squares(6, seed=1), run, device=device)
    trainer.fit()
    return trainer


def assert_alike(there, near, tolerance=1e-5):
    # Bias corrections of a recorded Adam are of single precision.
    difference = (there.model.phases.detach().cpu() - near.model.phases.detach()).abs().max()
    assert float(difference) < tolerance
    for ours, theirs in zip(there.records, near.records, strict=True):
        assert ours.keys() == theirs.keys()
        for name in set(ours) - {"seconds", "epoch"}:
            assert ours[name] == pytest.approx(theirs[name], rel=1e-4)


@pytest.mark.parametrize("robust", [None, 4])
def test_recorded_steps_train_the_same(robust):
    config = CONFIG.replace(intensity_robust=robust, epochs=6)
    there = trained(config, "cuda")
    assert there._take._graph is not None  # steps were recorded and replayed
    assert there.model.phases.is_cuda
    assert_alike(there, trained(config, "cpu"))


def test_recording_changes_nothing(monkeypatch):
    recorded = trained(CONFIG, "cuda")
    monkeypatch.setattr(cuda_graph, "_FIRST_STEPS", 10**6)
    assert_alike(recorded, trained(CONFIG, "cuda"), 1e-6)


@pytest.mark.parametrize("model", ["diffractive", "polychromatic"])
def test_other_networks_train_the_same(model):
    config = CONFIG.replace(model=model, epochs=2)
    assert_alike(trained(config, "cuda"), trained(config, "cpu"))


@pytest.mark.parametrize(("first", "then"), [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_run_goes_on_on_another_device(tmp_path, first, then):
    run = RunFolder.create(tmp_path / "run", CONFIG)
    trained(CONFIG.replace(epochs=2), first, run)
    continued = Trainer(CONFIG, squares(), squares(6, seed=1), run, device=then)
    continued.resume()
    continued.fit()
    assert continued.epochs_done == 3
    whole = trained(CONFIG, "cpu")
    assert float((continued.model.phases.detach().cpu() - whole.model.phases.detach()).abs().max()) < 1e-5


def test_scores_are_the_same():
    model = trained(CONFIG.replace(epochs=1), "cpu").model
    near = evaluate(model, squares(6, seed=1), keep_pictures=3)
    there = evaluate(model.to("cuda"), squares(6, seed=1), keep_pictures=3)
    for name, value in near.as_dict().items():
        assert there.as_dict()[name] == (
            pytest.approx(value, rel=1e-4) if isinstance(value, float) else value
        )
    assert np.allclose(there.pictures.outputs, near.pictures.outputs, atol=1e-6)


def test_photographs(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    for index in range(10):
        small = image_module.fromarray(squares(3, 4, index).transpose(1, 2, 0))
        small.resize((48, 40), image_module.Resampling.BICUBIC).save(tmp_path / f"{index}.png")
    sets = [
        data.load_photos(tmp_path, split, size=32, cache=tmp_path / "cache") for split in ("train", "test")
    ]
    config = PhotoTrainingConfig(
        photos="here", tiles=0, size=32, epochs=2, batch_size=3, flips=True, crop=16, loss="mse+mge"
    )
    found = []
    for device in ("cuda", "cpu"):
        trainer = PhotoTrainer(config, *sets, device=device)
        found.append(trainer.fit())
        assert score_photos(trainer.model, sets[1]).means().keys() == {"psnr", "psnr_y", "ssim"}
    for ours, theirs in zip(*found, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-2)


def test_enlarging():
    model = models.SuperResolutionCNN().double().eval()  # a GPU's own convolutions round float32 to TF32
    picture = squares(3, 40).transpose(1, 2, 0)
    tensor = torch.rand(3, 40, 30, dtype=torch.float64)
    near = upscale(model, picture, 16), upscale(model, tensor, 16)
    there = upscale(model.cuda(), picture, 16), upscale(model, tensor.cuda(), 16)
    assert int(np.abs(there[0].astype(int) - near[0]).max()) <= 1
    assert there[1].is_cuda
    assert_close("convolution", there[1].cpu(), near[1])
