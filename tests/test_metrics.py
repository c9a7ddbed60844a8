"""Figures of merit: definitions worked by hand, torchmetrics, and the numbers of the paper."""

import math

import numpy as np
import pytest

from pyfdsr import data, metrics
from pyfdsr.optics import ImagingOptics, OpticalGrid
from tolerances import assert_close

RNG_SHAPE = (4, 20, 24)


@pytest.fixture
def images():
    rng = np.random.default_rng(1)
    return rng.random(RNG_SHAPE), rng.random(RNG_SHAPE)


# PSNR.


def test_psnr_is_its_definition(images):
    pred, target = images
    expected = 10 * math.log10(1 / np.mean((pred - target) ** 2))
    assert_close("pointwise", metrics.psnr(pred, target), expected)
    each = [10 * math.log10(1 / np.mean((p - t) ** 2)) for p, t in zip(pred, target, strict=True)]
    assert_close("pointwise", metrics.psnr(pred, target, per="image"), each)


def test_psnr_of_a_batch_pools_the_squared_errors():
    pred, target = np.zeros((2, 4, 4)), np.zeros((2, 4, 4))
    pred[0], pred[1] = 0.1, 0.3
    assert metrics.psnr(pred, target) == pytest.approx(10 * math.log10(1 / 0.05))
    assert metrics.psnr(pred, target, per="image").mean() != pytest.approx(metrics.psnr(pred, target))


def test_max_normalisation_scales_every_image_to_the_peak(images):
    pred, target = images
    scales = np.array([0.1, 3.0, 7.0, 0.5])[:, None, None]
    by_hand = 2 * pred / pred.max((-2, -1), keepdims=True)
    expected = metrics.psnr(by_hand, 2 * target, peak=2.0)
    assert_close("pointwise", metrics.psnr(scales * pred, 2 * target, normalize="max", peak=2.0), expected)
    # A common factor on intensity and peak changes nothing.
    assert_close("pointwise", metrics.psnr(pred, target, normalize="max"), expected)


def test_identical_and_dark_images():
    image = np.random.default_rng(2).random((1, 5, 5))
    assert metrics.psnr(image, image) == math.inf
    assert metrics.psnr(np.zeros((1, 5, 5)), image, normalize="max") == metrics.psnr(
        np.zeros((1, 5, 5)), image
    )
    assert math.isnan(metrics.psnr(np.full((1, 5, 5), np.nan), image))


def test_integer_images_and_single_precision_are_widened(images):
    pred, target = (np.round(255 * x).astype(np.uint8) for x in images)
    expected = metrics.psnr(pred.astype(float), target.astype(float), peak=255)
    assert metrics.psnr(pred, target, peak=255) == expected
    single = [x.astype(np.float32) for x in images]
    assert_close("exact", metrics.psnr(*single), metrics.psnr(*[x.astype(np.float64) for x in single]))


# SSIM.


def ssim_by_loops(pred, target, peak):
    """The 11 × 11 window about every pixel of the mirrored image, written out."""
    taps = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    weights = np.outer(taps, taps) / taps.sum() ** 2
    values = []
    shape, (pred, target) = pred.shape, (np.pad(x, 5, mode="reflect") for x in (pred, target))
    for y in range(shape[0]):
        for x in range(shape[1]):
            p, t = pred[y : y + 11, x : x + 11], target[y : y + 11, x : x + 11]
            mp, mt = (weights * p).sum(), (weights * t).sum()
            vp, vt = (weights * (p - mp) ** 2).sum(), (weights * (t - mt) ** 2).sum()
            covariance = (weights * (p - mp) * (t - mt)).sum()
            c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
            values.append(
                (2 * mp * mt + c1) * (2 * covariance + c2) / ((mp**2 + mt**2 + c1) * (vp + vt + c2))
            )
    return np.mean(values)


@pytest.mark.parametrize("peak", [1.0, 2.5])
def test_ssim_is_its_definition(images, peak):
    pred, target = images
    blend = 0.5 * pred + 0.5 * target
    each = [ssim_by_loops(b, t, peak) for b, t in zip(blend, target, strict=True)]
    assert_close("layer", metrics.ssim(blend, target, peak=peak, per="image"), each)
    assert_close("layer", metrics.ssim(blend, target, peak=peak), np.mean(each))


def test_ssim_agrees_with_torchmetrics(images):
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("torchmetrics.functional.image").structural_similarity_index_measure
    pred, target = (torch.from_numpy(x) for x in images)
    blend = 0.3 * pred + 0.7 * target
    expected = reference(blend[:, None], target[:, None], data_range=1.0)
    assert_close("layer", metrics.ssim(blend, target), expected)


def test_ssim_of_flat_and_identical_images():
    flat = np.full((1, 16, 16), 0.3)
    assert_close("layer", metrics.ssim(flat, flat), 1.0)
    assert metrics.ssim(flat, 0 * flat) == pytest.approx(1e-4 / (0.09 + 1e-4))
    with pytest.raises(ValueError, match="images must be at least 6 x 6"):
        metrics.ssim(np.zeros((5, 20)), np.zeros((5, 20)))


# Tensors.


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_options_mean_the_same_for_tensors(images, metric):
    torch = pytest.importorskip("torch")
    options = {"normalize": "max", "peak": 2.5}
    tensors = [torch.from_numpy(x) for x in images]
    assert_close("layer", metric(*tensors, **options), metric(*images, **options))


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim, metrics.energy_fraction])
@pytest.mark.parametrize("per", ["batch", "image"])
def test_tensors_agree_with_arrays_and_carry_gradients(images, metric, per):
    torch = pytest.importorskip("torch")
    pred, target = (torch.from_numpy(x) for x in images)
    value = metric(pred.requires_grad_(), target, per=per)
    assert isinstance(value, torch.Tensor)
    assert value.dtype == torch.float64
    assert_close("layer", value, metric(*images, per=per))
    assert torch.autograd.gradcheck(lambda x: metric(x, target, per=per), (pred,), fast_mode=True)
    assert metric(pred.detach().float(), target.float(), per=per).dtype == torch.float32


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim, metrics.energy_fraction])
def test_bad_images_are_refused(metric, images):
    pred, target = images
    with pytest.raises(ValueError, match=r"has shape \(4, 20, 23\): must be that of"):
        metric(pred, target[..., :-1])
    with pytest.raises(ValueError, match=r"has shape \(24,\): at least two axes"):
        metric(pred[0, 0], target[0, 0])
    with pytest.raises(TypeError, match="has dtype complex128: must be real"):
        metric(pred + 0j, target)
    with pytest.raises(ValueError, match=r"per='pixel': must be one of \('batch', 'image'\)"):
        metric(pred, target, per="pixel")
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="must both be tensors or both be arrays"):
        metric(torch.from_numpy(pred), target)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_bad_options_are_refused(metric, images):
    with pytest.raises(ValueError, match=r"normalize='mean': must be one of \(None, 'max'\)"):
        metric(*images, normalize="mean")
    with pytest.raises(ValueError, match="peak=0: must be finite and greater than 0"):
        metric(*images, peak=0)


# Energy.


def test_energy_fraction_is_a_ratio_of_sums():
    low_res = np.ones((2, 4, 4))
    output = np.stack([np.full((4, 4), 0.5), np.full((4, 4), 0.1)])
    assert metrics.energy_fraction(output, low_res) == pytest.approx(0.3)
    assert_close("pointwise", metrics.energy_fraction(output, low_res, per="image"), [0.5, 0.1])
    low_res[1] *= 3
    assert metrics.energy_fraction(output, low_res) == pytest.approx((8 + 1.6) / (16 + 48))
    assert math.isnan(metrics.energy_fraction(0 * output, 0 * low_res))


# Effective resolution.

GRID = OpticalGrid(pitch=4e-6, support=24, grid=72, band=24, wavelength=550e-9)


@pytest.fixture(scope="module")
def objects():
    blocks = np.random.default_rng(3).random((6, 8, 8)) > 0.5
    return np.kron(blocks, np.ones((3, 3))).astype(np.float64)


def imager_psnr(objects, bins, batch=100, peak=1.0):
    optics = ImagingOptics(72, bins + 0.5757)
    parts = [objects[start : start + batch] for start in range(0, len(objects), batch)]
    return np.mean([metrics.psnr(optics.window_intensity(part), part, peak=peak) for part in parts])


@pytest.mark.parametrize("bins", [2, 4, 9, 13])
def test_a_linear_imager_has_its_own_resolution(objects, bins):
    found = metrics.effective_resolution(imager_psnr(objects, bins), objects, GRID)
    assert found.status == "within"
    assert found.bins == pytest.approx(bins, abs=1e-3)
    assert found.cutoff == pytest.approx(2 * bins * GRID.frequency_step, rel=1e-3)
    assert found.resolution == float(found) == 1 / found.cutoff


def test_resolution_is_interpolated_over_the_cutoff(objects):
    low, high = imager_psnr(objects, 6), imager_psnr(objects, 7)
    found = metrics.effective_resolution(0.75 * low + 0.25 * high, objects, GRID)
    assert found.cutoff == pytest.approx(2 * 6.25 * GRID.frequency_step, rel=1e-3)
    assert found.curve[6] == pytest.approx(low, abs=1e-4)
    assert found.curve[7] == pytest.approx(high, abs=1e-4)


def test_batches_and_peak_enter_the_mean(objects):
    assert imager_psnr(objects, 5, batch=2) != pytest.approx(imager_psnr(objects, 5), abs=1e-3)
    found = metrics.effective_resolution(imager_psnr(objects, 5, batch=2), objects, GRID, batch=2)
    assert found.bins == pytest.approx(5, abs=1e-3)
    brighter = metrics.effective_resolution(imager_psnr(objects, 5), 3 * objects, GRID, peak=3.0)
    assert brighter.bins == pytest.approx(5, abs=1e-3)


def test_out_of_range_says_so_and_gives_the_bound(objects):
    coarse = metrics.effective_resolution(-20.0, objects, GRID)
    assert (coarse.status, coarse.bins) == ("coarser", 1)
    assert str(coarse) == "> 144.0 µm"
    fine = metrics.effective_resolution(90.0, objects, GRID)
    assert (fine.status, fine.bins) == ("finer", 35)
    assert str(fine) == "< 4.1 µm"
    assert fine.resolution == 1 / (2 * 35 * GRID.frequency_step)


def test_effective_resolution_of_tensors_and_progress(objects):
    torch = pytest.importorskip("torch")
    seen = {}
    wanted = imager_psnr(objects, 6)
    found = metrics.effective_resolution(wanted, torch.from_numpy(objects), GRID, progress=seen.__setitem__)
    assert found.bins == pytest.approx(6, abs=1e-3)
    assert seen == found.curve


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((math.nan, np.ones((1, 8, 8))), "psnr_of_network=nan"),
        ((20.0, np.ones((0, 8, 8))), "at least one image"),
        ((20.0, np.ones((1, 8, 8)), GRID.at_wavelength(6e-7)), "needs a square padded grid"),
        ((20.0, np.ones((1, 8, 8)), GRID, 0.0), "peak=0.0"),
        ((20.0, np.ones((1, 8, 8)), GRID, 1.0, 0), "batch=0"),
    ],
)
def test_effective_resolution_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        metrics.effective_resolution(*arguments)


# Real data, where they are installed: PSNR of the low-resolution images for the paper's four imaging optics.


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mnist", (16.08, 12.99, 11.68, 11.35)), ("fashion-mnist", (15.97, 14.13, 12.77, 11.96))],
)
def test_low_resolution_psnr_on_real_images(name, expected):
    if data.find(name, split="test") is None:
        pytest.skip(f"{name} is not installed")
    images = data.load(name, split="test", limit=1000, download=False).images
    objects = np.kron(images, np.ones((4, 4), np.uint8)) / np.float32(255)
    for radius, value in zip((13.5757, 8.5742, 5.8182, 4.5252), expected, strict=True):
        optics = ImagingOptics(336, radius)
        parts = [objects[start : start + 100] for start in range(0, 1000, 100)]
        measured = np.mean([metrics.psnr(optics.window_intensity(part), part) for part in parts])
        assert round(float(measured), 2) == pytest.approx(value, abs=0.0101), radius


def test_low_resolution_input_has_the_papers_resolution_on_real_images():
    if data.find("mnist", split="test") is None:
        pytest.skip("mnist is not installed")
    images = data.load("mnist", split="test", limit=100, download=False).images
    objects = np.kron(images, np.ones((4, 4), np.uint8)) / np.float32(255)
    low_res = ImagingOptics().window_intensity(objects)
    found = metrics.effective_resolution(metrics.psnr(low_res, objects), objects)
    assert found.resolution * 1e6 == pytest.approx(51.7, abs=0.05)
