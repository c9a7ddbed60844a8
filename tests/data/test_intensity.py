"""Grey levels to intensities, and enlargement by repeating pixels."""

import subprocess
import sys

import numpy as np
import pytest
from image_samples import grey_images

from pyfdsr import data


def test_enlarged_pixels_are_repeated():
    images = grey_images(3)
    large = data.upsample_nearest(images)
    assert large.shape == (3, 112, 112) and large.dtype == np.uint8
    for row in range(4):
        for column in range(4):
            np.testing.assert_array_equal(large[:, row::4, column::4], images)


def test_other_factors_for_height_and_width():
    images = grey_images(2)
    large = data.upsample_nearest(images, (28, 56))
    np.testing.assert_array_equal(large[..., ::2], images)
    np.testing.assert_array_equal(large[..., 1::2], images)
    np.testing.assert_array_equal(data.upsample_nearest(images, 28), images)


def test_tensor_in_tensor_out():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    images = grey_images(2)
    large = data.upsample_nearest(torch.from_numpy(images), (56, 112))
    assert isinstance(large, torch.Tensor)
    np.testing.assert_array_equal(large.numpy(), data.upsample_nearest(images, (56, 112)))


@pytest.mark.parametrize("size", [100, 27, 0, -28, (112, 100)])
def test_size_that_is_no_multiple(size):
    with pytest.raises(ValueError, match="size must be an integer multiple of the images' 28x28, got"):
        data.upsample_nearest(grey_images(1), size)


def test_images_without_two_axes():
    with pytest.raises(ValueError, match=r"images must have shape .* got \(5,\)"):
        data.upsample_nearest(np.zeros(5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("peak", [1.0, 0.1, 12.5])
def test_intensities_reach_from_zero_to_peak(dtype, peak):
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    intensity = data.to_intensity(levels, peak, dtype)
    assert intensity.dtype == dtype
    assert intensity.min() == 0 and intensity.max() == dtype(peak)
    expected = peak * np.arange(256).reshape(1, 16, 16) / 255
    np.testing.assert_allclose(intensity, expected, rtol=3 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_brightest_level_is_exactly_the_peak(dtype):
    for peak in np.linspace(0.1, 20, 400):
        assert data.to_intensity(np.full((1, 1), 255, np.uint8), peak, dtype) == dtype(peak)


def test_bad_arguments_of_to_intensity():
    with pytest.raises(TypeError, match="images must be uint8 grey levels, got float64"):
        data.to_intensity(np.zeros((2, 2)))
    with pytest.raises(TypeError, match="dtype must be a float type, got int64"):
        data.to_intensity(np.zeros((2, 2), np.uint8), dtype=np.int64)
    for peak in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"peak must be a positive finite number, got {peak}"):
            data.to_intensity(np.zeros((2, 2), np.uint8), peak)


def test_image_set_checks_its_arrays():
    good = {"images": grey_images(3), "labels": np.zeros(3, np.int64), "name": "a", "split": "all"}
    good |= {"source": "b", "licence": "c"}
    assert repr(data.ImageSet(**good)) == "ImageSet('a', 'all', 3 images of 28x28, 'b')"
    for change, error, words in [
        ({"images": np.zeros((3, 28, 28))}, TypeError, "images must be uint8, got float64"),
        ({"images": np.zeros((3, 784), np.uint8)}, ValueError, "images must have shape"),
        ({"labels": np.zeros(3, np.int32)}, TypeError, "labels must be int64, got int32"),
        ({"labels": np.zeros(2, np.int64)}, ValueError, "n = 3 images"),
    ]:
        with pytest.raises(error, match=words):
            data.ImageSet(**(good | change))


def test_take_keeps_images_and_labels_together():
    few = data.load("embedded", "test", limit=20)
    some = few.take(np.array([5, 3]))
    np.testing.assert_array_equal(some.images, few.images[[5, 3]])
    np.testing.assert_array_equal(some.labels, few.labels[[5, 3]])
    assert some.source == few.source
    with pytest.raises(AttributeError):
        some.images = few.images


def test_loading_needs_numpy_alone():
    program = (
        "import sys; from pyfdsr import data; data.batches(data.load('embedded'), 10, shuffle=False);"
        "print(sorted({'torch', 'PIL', 'pooch', 'requests', 'matplotlib'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
