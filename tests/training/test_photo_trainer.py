"""Training of the super-resolution CNN: it learns, continues to the bit, sees what it should."""

import signal

import numpy as np
import pytest
import torch

from pyfdsr import data, models
from pyfdsr.chip import ChipConfig
from pyfdsr.training import (
    PhotoTrainer,
    PhotoTrainingConfig,
    RunFolder,
    RunFolderError,
    TrainingInterrupted,
    devices,
    load_cnn,
    score_photos,
)
from pyfdsr.training.photo_scores import bicubic, luma, nearest
from pyfdsr.training.progress import Progress
from tolerances import assert_close

Image = pytest.importorskip("PIL.Image")


class StopAt(Progress):
    """Sends a signal to the process after so many steps, as a user's Ctrl-C would."""

    def __init__(self, steps):
        self.left = steps

    def step(self, means):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Smooth pictures, of which seven are for training."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for index in range(10):
        small = Image.fromarray(generator.integers(0, 256, (4, 4, 3), np.uint8))
        small.resize((48, 40), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    cache = tmp_path_factory.mktemp("cache")
    return {split: data.load_photos(folder, split, size=32, cache=cache) for split in ("train", "test")}


@pytest.fixture
def config():
    return PhotoTrainingConfig(photos="here", tiles=0, size=32, epochs=2, batch_size=3, threads=1, seed=1)


def complete(config, photos, path):
    trainer = PhotoTrainer(config, photos["train"], photos["test"], RunFolder.create(path, config))
    trainer.fit()
    return trainer


def weights(trainer):
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


def without_time(records):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


def test_it_learns_and_writes_a_network_that_can_be_loaded(config, photos, tmp_path):
    trainer = complete(config.replace(epochs=8, test_every=7), photos, tmp_path / "run")
    assert trainer.records[-1]["loss"] < 0.7 * trainer.records[0]["loss"]
    assert [record["epoch"] for record in trainer.records if "test_psnr" in record] == [7, 8]
    loaded = load_cnn(tmp_path / "run").eval()
    x = torch.rand(1, 3, 5, 6)
    assert torch.equal(loaded(x), trainer.model.eval()(x))
    assert type(models.load_super_resolution(tmp_path / "run" / "model.safetensors")).__name__ == (
        "SuperResolutionCNN"
    )


@pytest.mark.parametrize(("steps", "optical"), [(1, False), (2, False), (3, False), (4, False), (3, True)])
def test_interrupted_and_continued_equals_uninterrupted(config, photos, tmp_path, steps, optical):
    config = config.replace(loss="mse+mge", weights=(1, 2), crop=16, flips=True, epoch_size=5)
    if optical:  # noise and calibrated ranges go on, too
        (tmp_path / "chip.toml").write_text(ChipConfig.assumed_4bit().to_toml())
        config = config.replace(optical=str(tmp_path / "chip.toml"))
    whole = complete(config, photos, tmp_path / "whole")
    run = RunFolder.create(tmp_path / "parts", config)
    interrupted = PhotoTrainer(config, photos["train"], photos["test"], run, StopAt(steps))
    if steps < 4:
        with pytest.raises(TrainingInterrupted, match="continue .*parts with --resume"):
            interrupted.fit()
    else:
        interrupted.fit()
    again = PhotoTrainer(
        run.config(PhotoTrainingConfig), photos["train"], photos["test"], RunFolder.open(run.path)
    )
    again.resume()
    again.fit()
    assert torch.equal(weights(again), weights(whole))
    assert without_time(again.records) == without_time(whole.records) == without_time(run.metrics())


def test_another_start_is_not_continued(config, photos, tmp_path):
    first = complete(config, photos, tmp_path / "first").run
    other = config.replace(seed=2)
    with pytest.raises(RunFolderError, match="made with other training images"):
        PhotoTrainer(other, photos["train"], None, first).resume()


def test_a_warm_start_has_the_weights_of_the_run(config, photos, tmp_path):
    first = complete(config, photos, tmp_path / "first")
    warm = PhotoTrainer(config.replace(init=str(tmp_path / "first")), photos["train"])
    assert torch.equal(weights(warm), weights(first))
    with pytest.raises(FileNotFoundError, match="nowhere.safetensors: there is no such file or folder"):
        PhotoTrainer(config.replace(init=str(tmp_path / "nowhere.safetensors")), photos["train"])
    small = tmp_path / "small.safetensors"
    models.save_super_resolution(models.SuperResolutionCNN(depths=(4,), lengths=(1,)), small)
    with pytest.raises(ValueError, match="enlarges 2 times, must enlarge 8 times"):
        PhotoTrainer(config.replace(init=str(small)), photos["train"])


def test_a_crop_sees_what_the_whole_image_would(config, photos):
    trainer = PhotoTrainer(config.replace(crop=8), photos["train"])
    generator = np.random.default_rng(0)
    inputs = torch.rand(1, 3, 4, 4)
    with torch.no_grad():
        whole = trainer.model(inputs)
        for _ in range(10):
            window = trainer._window(generator)
            part = trainer.model(inputs[(..., *window.inputs)])[(..., *window.output)]
            assert_close("layer", part, whole[(..., *window.target)])


def test_each_step_draws_its_crop(config, photos, monkeypatch):
    trainer = PhotoTrainer(config.replace(crop=8, epochs=2, test_every=0), photos["train"])
    drawn, window = [], trainer._window
    monkeypatch.setattr(trainer, "_window", lambda generator: drawn.append(window(generator)) or drawn[-1])
    trainer.fit()
    assert len(drawn) == 6 and len({str(one.target) for one in drawn}) >= 4


def test_training_on_a_chip_calibrates_it(config, photos, tmp_path):
    (tmp_path / "chip.toml").write_text(ChipConfig.assumed_4bit().to_toml())
    trainer = PhotoTrainer(
        config.replace(optical=str(tmp_path / "chip.toml"), epochs=1, test_every=0), photos["train"]
    )
    assert bool(trainer.model.c1.chip_ranges.isfinite().any())
    assert np.isfinite(trainer.fit()[0]["loss"])


def test_scores_are_those_of_clipped_results(photos):
    test = photos["test"]
    target = torch.from_numpy(test.take(slice(None))).double() / 255
    scores = score_photos(lambda x: 2 * nearest(x), test)
    small = target[:, :, 4::8, 4::8]
    output = (2 * small.repeat_interleave(8, 2).repeat_interleave(8, 3)).clamp(max=1)
    expected = -10 * (output - target).square().mean((1, 2, 3)).log10()
    assert_close("reduction", scores.psnr, expected.numpy(), torch.float32)
    y = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]
    grey = ((output - target) * y).sum(1).square().mean((1, 2))
    assert_close("reduction", scores.psnr_y, (-10 * grey.log10()).numpy(), torch.float32)
    assert scores.means()["psnr"] == pytest.approx(scores.psnr.mean())
    assert score_photos(bicubic, test).means()["psnr"] > score_photos(nearest, test).means()["psnr"]
    assert luma(target).shape == (3, 32, 32)


def test_bicubic_is_pillows():
    bytes_ = np.random.default_rng(0).integers(0, 256, (6, 7), np.uint8)
    ours = bicubic(torch.from_numpy(bytes_).float()[None, None])[0, 0]
    pillow = Image.fromarray(bytes_.astype(np.float32)).resize((56, 48), Image.Resampling.BICUBIC)
    assert_close("pointwise", ours, np.asarray(pillow))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 30}, "size=30: must be a multiple of 8, the network's scale"),
        ({"crop": 40}, "crop=40: must be at most size=32"),
        ({"loss": "psnr"}, "loss='psnr': 'psnr' must be one of mse"),
        ({"weights": (1, 2)}, "weights=.1.0, 2.0.: must be as many as losses"),
        ({"share": 1}, "share=1: must be below 1"),
        ({"gradient": "none"}, "gradient='none': must be one of"),
        ({"photos": ""}, "photos='': must be a path"),
    ],
)
def test_bad_settings_are_named(config, changes, message):
    with pytest.raises(ValueError, match=message):
        config.replace(**changes)


def test_a_run_of_another_network_is_refused(config, photos, tmp_path):
    run = RunFolder.create(tmp_path / "run", config)
    with pytest.raises(RunFolderError, match="config.json cannot be read: it is about a network 'srcnn'"):
        run.config()


@pytest.mark.parametrize("room", [True, False])
@pytest.mark.parametrize(
    "changes", [{}, {"flips": True, "crop": 16, "loss": "mse+mge", "epoch_size": 5}], ids=str
)
def test_a_device_trains_the_same(config, photos, monkeypatch, changes, room):
    """The CPU's memory passes for a device's, with and without room for all squares."""
    config = config.replace(**changes)
    near = PhotoTrainer(config, photos["train"], photos["test"], device="cpu")
    near.fit()
    monkeypatch.setattr(devices, "is_host", lambda device: False)
    monkeypatch.setattr(devices, "fits", lambda size, device: room and size == 7 * 3 * 32 * 32)
    there = PhotoTrainer(config, photos["train"], photos["test"])
    assert (there._squares._resident is not None) == room
    there.fit()
    assert torch.equal(weights(near), weights(there))
    for ours, theirs in zip(there.records, near.records, strict=True):
        assert all(ours[name] == pytest.approx(theirs[name], rel=1e-9) for name in ("loss", "psnr"))


def test_a_step_on_a_device_reads_nothing_back(config, photos, monkeypatch):
    from pyfdsr.training import photo_trainer

    monkeypatch.setattr(photo_trainer, "usable_device", torch.device)
    config = config.replace(flips=True, crop=16, loss="mse+mge")
    trainer = PhotoTrainer(config, photos["train"], device="meta")  # where there are no values
    for _ in range(2):
        terms = trainer._step(np.arange(3), np.arange(7))
        assert set(terms) == {"loss", "psnr"} and all(term.is_meta for term in terms.values())


def test_a_device_that_cannot_be_used_is_named(config, photos):
    with pytest.raises(ValueError, match="device='gpu': must be a device of torch"):
        PhotoTrainer(config, photos["train"], device="gpu")


def test_batches_are_flipped_as_drawn(config, photos):
    trainer = PhotoTrainer(config.replace(flips=True, epochs=3, batch_size=7), photos["train"])
    loss, seen = trainer.loss, []
    trainer.loss = lambda output, target: seen.append(target) or loss(output, target)
    trainer.fit()
    squares = torch.from_numpy(photos["train"].take(slice(None))).float() / 255
    ways = {"": squares, "y": squares.flip(2), "x": squares.flip(3), "yx": squares.flip(2, 3)}
    sums = {name: way.sum(0) for name, way in ways.items()}  # whatever the order of the batch
    found = [
        name for target in seen for name, way in sums.items() if torch.allclose(target.sum(0), way, atol=1e-4)
    ]
    assert len(found) == 3 and len(set(found)) > 1
