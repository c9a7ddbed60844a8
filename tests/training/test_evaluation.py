"""Scores: against the metrics taken by hand, and what is kept for figures."""

import numpy as np
import pytest
import torch

from pyfdsr.metrics import psnr, ssim
from pyfdsr.training import (
    ImageBatches,
    RunFolder,
    RunFolderError,
    Trainer,
    build_model,
    evaluate,
    load_model,
)


@pytest.fixture
def model(config):
    return build_model(config)


def test_scores_are_means_over_batches_of_a_hundred(model, rectangles):
    images = rectangles(130)
    scores = evaluate(model, images, peak=2.0)
    batches = ImageBatches(images, 16)
    decibels, similarity, energy = [], [], []
    for rows in (slice(0, 100), slice(100, 130)):
        intensity = batches.intensity(rows, 2.0)
        with torch.no_grad():
            output = model.image(intensity)
        decibels.append(float(psnr(output, intensity, normalize="max", peak=2.0)))
        similarity.extend(ssim(output, intensity, normalize="max", peak=2.0, per="image").tolist())
        energy.append([float(output.sum()), float(model.imaging.window_intensity(intensity).sum())])
    energy = np.sum(energy, axis=0)
    assert scores.output_psnr == pytest.approx(np.mean(decibels), rel=1e-6)
    assert scores.output_ssim == pytest.approx(np.mean(similarity), rel=1e-5)
    assert scores.energy_fraction == pytest.approx(energy[0] / energy[1], rel=1e-5)
    assert scores.count == 130 and scores.peak == 2.0 and scores.pictures is None


def test_the_input_resolution_is_that_of_the_optics(model, rectangles):
    scores = evaluate(model, rectangles(5), pitch=4e-6)
    assert scores.input_resolution == pytest.approx(1 / (2 * 3 / (48 * 4e-6)))
    assert evaluate(model, rectangles(5), pitch=8e-6).input_resolution == pytest.approx(
        2 * scores.input_resolution
    )


def test_pictures_are_the_first_images(model, rectangles):
    pictures = evaluate(model, rectangles(120), keep_pictures=110).pictures
    assert pictures.objects.shape == pictures.outputs.shape == (110, 16, 16)
    assert pictures.output_psnr.shape == (110,)
    assert np.array_equal(
        pictures.objects[105], ImageBatches(rectangles(120), 16).intensity([105])[0].numpy()
    )


@pytest.mark.parametrize("peak", [0.0, -1.0, float("nan")])
def test_a_bad_peak_is_named(model, rectangles, peak):
    with pytest.raises(ValueError, match="peak="):
        evaluate(model, rectangles(2), peak=peak)


def test_a_trained_model_is_loaded_again(config, images, tmp_path):
    run = RunFolder.create(tmp_path / "run", config)
    trainer = Trainer(config, images, None, run)
    trainer.fit()
    assert torch.equal(load_model(run).phases, trainer.model.phases)
    run.model_file.unlink()
    assert torch.equal(load_model(run).phases, trainer.model.phases)
    run.model_file.write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="model.safetensors is damaged.*using the latest checkpoint"):
        assert torch.equal(load_model(run).phases, trainer.model.phases)


def test_a_model_that_does_not_fit_is_named(config, images, tmp_path):
    run = RunFolder.create(tmp_path / "run", config)
    Trainer(config, images, None, run).fit()
    run.write_config(config.replace(num_layers=3))
    with pytest.raises(RunFolderError, match=r"model\.safetensors does not fit .*config\.json"):
        load_model(run)
