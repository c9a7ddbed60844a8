"""Pictures enlarged: colours, transparency, histograms, calibration of a chip."""

import re

import numpy as np
import pytest
import torch

from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters
from pyfdsr.models import SuperResolutionCNN
from pyfdsr.upscaling import Picture, calibrate_on, enlarge, match_histogram, upscale

RANDOM = np.random.default_rng(0)


def model(**arguments):
    torch.manual_seed(0)
    return SuperResolutionCNN(depths=(4,), lengths=(1,), **arguments)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparency_is_bicubic(dtype):
    white = np.iinfo(dtype).max
    ramp = np.linspace(0, white, 12).astype(dtype)
    alpha = np.broadcast_to(ramp, (10, 12))
    picture = Picture(RANDOM.integers(0, white, (10, 12, 3), dtype), alpha, b"profile")
    large = enlarge(model(), picture, tile=7)
    assert large.profile == b"profile" and large.alpha.dtype == dtype and large.alpha.shape == (20, 24)
    assert np.array_equal(large.colours, upscale(model(), picture.colours, 7))
    # Bicubic interpolation carries a ramp on, but for the borders: pixel centres lie at (i + 1/2) / 2 - 1/2.
    centres = (np.arange(24) + 0.5) / 2 - 0.5
    inner = slice(5, 19)
    expected = np.interp(centres, np.arange(12), ramp)[inner]
    assert np.abs(large.alpha[:, inner] - expected).max() <= 1.01
    opaque = Picture(picture.colours, np.full((10, 12), white, dtype))
    assert (enlarge(model(), opaque, scale=1).alpha == white).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_histograms_are_matched(dtype):
    white = np.iinfo(dtype).max
    reference = (np.sqrt(RANDOM.random((40, 30, 3))) * white).astype(dtype)
    image = ((0.2 + 0.5 * RANDOM.random((80, 60, 3))) * white).astype(dtype)
    quantiles = np.linspace(0.05, 0.95, 10)

    def distance(image):
        return np.abs(np.quantile(image, quantiles, (0, 1)) - np.quantile(reference, quantiles, (0, 1))).max()

    matched = image.copy()
    match_histogram(matched, reference)
    # A level of 8 bits holds 1 / 127 of the image's values, and quantiles rise by 2.2 of that at 5 %.
    assert distance(matched) < 0.04 * white < 0.1 * white < distance(image)
    order = np.argsort(image[..., 0], None, "stable")
    assert (np.diff(matched[..., 0].ravel()[order].astype(int)) >= 0).all()  # darker stays darker
    enlarged = enlarge(model(), Picture(reference)).colours
    match_histogram(enlarged, reference)
    assert np.array_equal(enlarge(model(), Picture(reference), match=True).colours, enlarged)
    with pytest.raises(ValueError, match="reference has 1 channels: must have 3"):
        match_histogram(matched, reference[..., :1])


def test_matching_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skimage.exposure", None)
    image = np.zeros((2, 2, 1), np.uint8)
    with pytest.raises(ImportError, match=re.escape('pip install "pyfdsr[images]"')):
        match_histogram(image, image)


@pytest.mark.parametrize("size", [(1, 1), (200, 120)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_chip_is_calibrated_on_the_picture(size, channels):
    config = ChipConfig(dac=DACParameters(6, "calibrated"), adc=ADCParameters(8, "calibrated"))
    optical = model(optical=True, chip=config)
    for dark in (False, True):
        values = RANDOM.integers(1, 255, (*size, channels), np.uint8) * (0 if dark else 1)
        before = optical.c1.chip_ranges.clone()
        calibrate_on(optical, Picture(values))
        assert optical.c1.chip_ranges[0].isfinite().all()
        assert not torch.equal(before, optical.c1.chip_ranges)
    assert enlarge(optical, Picture(values[:9, :9])).colours.shape[2] == channels
    calibrate_on(model(), Picture(values))  # nothing to calibrate
