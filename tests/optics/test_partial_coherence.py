"""Imaging by a source of finite size."""

import numpy as np
import pytest

from pyfdsr.optics import ImagingOptics, PartiallyCoherentImaging
from tolerances import assert_close


def objects():
    return np.random.default_rng(0).random((2, 16, 16))


def test_a_point_source_is_coherent_imaging():
    ours = PartiallyCoherentImaging(48, 5.5).window_intensity(objects())
    assert_close("transform", ours, ImagingOptics(48, 5.5).window_intensity(objects()))


def test_it_is_the_sum_over_tilted_waves():
    """The tilted waves drawn out, on the whole grid."""
    optics = PartiallyCoherentImaging(48, 5.5, source_bins=4.0, step=2)
    k = np.fft.fftfreq(48, 1 / 48)
    pupil = k[:, None] ** 2 + k**2 < 5.5**2
    field = np.zeros((2, 48, 48), dtype=complex)
    field[:, 16:32, 16:32] = np.sqrt(objects())
    n = np.arange(48)
    images = [
        np.fft.ifft2(pupil * np.fft.fft2(field * np.exp(2j * np.pi * (y * n[:, None] + x * n) / 48)))
        for y, x in optics.points
    ]
    expected = np.mean([np.abs(image) ** 2 for image in images], axis=0)[:, 16:32, 16:32]
    assert len(optics.points) == 13
    assert_close("transform", optics.window_intensity(objects()), expected)


def test_a_large_source_images_incoherently():
    """Intensity convolved with the intensity spread function, for points far apart for its coherence."""
    point = np.zeros((24, 24))
    point[8, 10], point[8, 13], point[12, 12] = 1, 0.8, 0.6
    optics = PartiallyCoherentImaging(48, 5.5, source_bins=17.0)
    spread = np.abs(ImagingOptics(48, 5.5).low_pass(np.ones((1, 1)))) ** 2
    whole = np.zeros((48, 48))
    whole[12:36, 12:36] = point
    expected = np.fft.ifft2(np.fft.fft2(whole) * np.fft.fft2(np.fft.ifftshift(spread))).real[12:36, 12:36]
    image = optics.window_intensity(point)
    assert np.abs(image - expected).max() < 0.1 * expected.max()
    coherent = ImagingOptics(48, 5.5).window_intensity(point)
    assert np.abs(coherent - expected).max() > 0.3 * expected.max()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source_bins": -1.0}, "source_bins=-1.0: must be finite and 0 or greater"),
        ({"source_bins": 40.0}, "source_bins=40.0: pupil and source take 91 bins, which must fit in grid=48"),
        ({"step": 0}, "step=0: must be an integer of 1 or greater"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PartiallyCoherentImaging(48, 5.5, **arguments)
