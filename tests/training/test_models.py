"""Every network and geometry of the paper builds from a configuration, trains, continues and loads again."""

import numpy as np
import pytest
import torch

from pyfdsr.training import (
    CheckpointError,
    RunFolder,
    Trainer,
    TrainingConfig,
    build_model,
    evaluate,
    evaluate_classifier,
    load_model,
)
from pyfdsr.training.image_sets import test_set, training_set
from pyfdsr.training.progress import epoch_line

MODELS = {
    "diffractive": {"model": "diffractive", "distance": 1e-4},
    "polychromatic": {"model": "polychromatic"},
    "polychromatic-own": {"model": "polychromatic", "drive": "own"},
    "linear": {"nonlinearity": "linear"},
    "gate": {"nonlinearity": "optoelectronic_gate:t_min=0.1,t_max=1,threshold=0.5,exponent=2"},
    "absorber": {"nonlinearity": "saturable_absorber:optical_depth=1,saturation=0.5"},
    "wide-band": {"band": 32},
    "wide-window": {"support": 32, "band": 32, "grid": 64},
    "coarse-optics": {"cutoff_bins": 2.5},
    "one-layer": {"num_layers": 1},
    "deep": {"num_layers": 5},
}


@pytest.mark.parametrize("changes", MODELS.values(), ids=MODELS)
def test_builds_trains_and_loads(config, images, test_images, tmp_path, changes):
    config = config.replace(epochs=2, **changes)
    assert TrainingConfig.from_json(config.to_json()) == config
    run = RunFolder.create(tmp_path / "run", config)
    trainer = Trainer(config, images, test_images, run)
    before = [parameter.detach().clone() for parameter in trainer.model.parameters()]
    records = trainer.fit()
    assert all(np.isfinite(record["loss"]) and record["energy_fraction"] > 0 for record in records)
    assert not any(torch.equal(a, b) for a, b in zip(before, trainer.model.parameters(), strict=True))
    loaded = load_model(run)
    target = torch.rand(2, config.support, config.support)
    assert torch.equal(loaded.image(target), trainer.model.image(target).detach())
    scores = evaluate(loaded, test_images, keep_pictures=2)
    assert np.isfinite(scores.output_psnr) and scores.pictures.outputs.shape == (2, *loaded.support)


@pytest.mark.parametrize("model", ["diffractive", "polychromatic"])
def test_an_interrupted_run_continues_to_the_bit(config, images, tmp_path, model):
    config = config.replace(model=model, distance=1e-4)
    whole = Trainer(config, images)
    whole.fit()
    run = RunFolder.create(tmp_path / "run", config)
    Trainer(config.replace(epochs=1), images, None, run).fit()
    continued = Trainer(config, images, None, run)
    continued.resume()
    continued.fit()
    assert torch.equal(continued.model.phases, whole.model.phases)


@pytest.fixture
def bars():
    """Upright and lying bars, labels 0 and 1."""
    images = np.zeros((24, 8, 8), dtype=np.uint8)
    for index, image in enumerate(images):
        image[:, index % 5 + 1] = 255
        if index % 2:
            images[index] = image.T
    return images, np.arange(24) % 2


@pytest.fixture
def naming(config):
    return config.replace(
        model="classifier", epochs=30, lr_halve_every=15, support=24, band=24, grid=72, cutoff_bins=6.5
    )


def test_a_classifier_learns_its_labels(naming, bars, tmp_path):
    images, labels = bars
    run = RunFolder.create(tmp_path / "run", naming)
    trainer = Trainer(naming, images, images, run, train_labels=labels, test_labels=labels)
    records = trainer.fit()
    assert records[-1]["accuracy"] > 0.9 and "psnr" not in records[-1]
    assert records[-1]["test_accuracy"] > 0.5
    assert "accuracy" in epoch_line(records[-1], 30) and "test accuracy" in epoch_line(records[-1], 30)
    scores = evaluate_classifier(load_model(run), images, labels)
    assert scores.accuracy > 0.9 and scores.count == 24
    assert sum(map(sum, scores.confusion)) == 24 and 0 < scores.detector_fraction < scores.energy_fraction
    named = load_model(run).image(torch.from_numpy(np.kron(images, np.ones((3, 3)))).float() / 255)
    assert float((named.argmax(dim=1).numpy() == labels).mean()) == pytest.approx(scores.accuracy)


def test_the_classifier_needs_labels(naming, bars):
    images, labels = bars
    with pytest.raises(ValueError, match="train_labels has shape None: a classifier needs one label"):
        Trainer(naming, images)
    with pytest.raises(ValueError, match="train_labels reaches from 0 to 10: must be 0 to 9"):
        Trainer(naming, images, train_labels=10 * labels)
    with pytest.raises(ValueError, match=r"test_labels has shape \(3,\): a classifier needs one label"):
        Trainer(naming, images, images, train_labels=labels, test_labels=labels[:3])
    with pytest.raises(ValueError, match="peak=0.0: must be greater than 0"):
        evaluate_classifier(build_model(naming), images, labels, peak=0.0)


def test_another_model_is_refused(config, images, tmp_path):
    run = RunFolder.create(tmp_path / "run", config)
    Trainer(config.replace(epochs=1), images, None, run).fit()
    with pytest.raises(CheckpointError, match="does not fit the configuration"):
        Trainer(
            config.replace(model="classifier"), images, None, run, train_labels=np.zeros(20, int)
        ).resume()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "model",
            "cnn",
            "model='cnn': must be one of 'aosrnn', 'diffractive', 'classifier', 'polychromatic'",
        ),
        ("distance", 0, "distance=0: must be a number above 0"),
        ("wavelengths", (4e-7, -1.0), "wavelengths=-1.0: must be a number above 0"),
        ("drive", "both", "drive='both': must be one of 'total', 'own'"),
    ],
)
def test_bad_fields_are_named(config, name, value, message):
    with pytest.raises(ValueError, match=message):
        config.replace(**{name: value})


def test_joined_data_sets():
    config = TrainingConfig(dataset="embedded+embedded", per_class=3, test_limit=7)
    train = training_set(config)
    assert len(train) == 60 and np.array_equal(train.images[:30], train.images[30:])
    assert len(test_set(config)) == 14 and len(test_set(config, "embedded", 5)) == 5
