"""Imaging optics against the definition on the whole padded grid, for arrays and for tensors."""

import subprocess
import sys

import numpy as np
import pytest

from pyfdsr.optics import ImagingOptics
from pyfdsr.reference import direct_sums
from tolerances import assert_close


def expected_field(objects, grid, radius, support):
    """Low-passed √I, every frequency of the padded grid summed."""
    height, width = grid if isinstance(grid, tuple) else (grid, grid)
    ky, kx = np.arange(height) - height // 2, np.arange(width) - width // 2
    passed = ky[:, None] ** 2 + kx**2 < radius**2
    spectrum = direct_sums.windowed_dft(np.sqrt(objects.astype(np.float64)), grid, (height, width)) * passed
    return direct_sums.windowed_idft(spectrum, grid, support)


CASES = [
    (24, 3.6, (8, 8)),
    (25, 3.0, (7, 8)),
    ((24, 31), 5.0, (9, 12)),
    (16, 8.0, (16, 16)),
    (20, 0.5, (5, 5)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("grid", "radius", "window"), CASES)
def test_field_is_the_low_passed_root_of_the_object(grid, radius, window, dtype):
    objects = np.random.default_rng(1).random((2, 3, *window)).astype(dtype)
    optics = ImagingOptics(grid, radius)
    whole = optics.field(objects)
    assert whole.dtype == np.result_type(dtype, np.complex64)
    assert_close("layer", whole, expected_field(objects, grid, radius, grid))
    inside = expected_field(objects, grid, radius, window)
    assert_close("layer", optics.field(objects, support=window), inside)
    assert_close("layer", optics.window_intensity(objects), np.abs(inside) ** 2)
    assert optics.intensity(objects).dtype == dtype
    assert_close("layer", optics.intensity(objects), np.abs(whole.astype(complex)) ** 2, dtype)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_tensors_in_tensors_out(precision):
    torch = pytest.importorskip("torch")
    objects = np.random.default_rng(2).random((2, 8, 8)).astype(precision)
    optics = ImagingOptics(24, 3.6)
    field = optics.field(torch.from_numpy(objects))
    assert isinstance(field, torch.Tensor)
    assert field.dtype == (torch.complex64 if precision == "float32" else torch.complex128)
    assert_close("layer", field, expected_field(objects, 24, 3.6, 24))
    intensity = optics.window_intensity(torch.from_numpy(objects))
    assert_close("layer", intensity, optics.window_intensity(objects))


def test_gradient_reaches_the_object():
    torch = pytest.importorskip("torch")
    objects = torch.rand(2, 6, 6, dtype=torch.float64).add(0.1).requires_grad_()
    assert torch.autograd.gradcheck(ImagingOptics(18, 2.5).intensity, (objects,))


def test_half_precision_tensors_are_computed_in_single():
    torch = pytest.importorskip("torch")
    assert ImagingOptics(16, 2.5).field(torch.rand(4, 4).bfloat16()).dtype == torch.complex64


def test_uniform_light_passes_unchanged_where_the_object_fills_the_grid():
    assert_close("layer", ImagingOptics(12, 2.0).intensity(np.full((12, 12), 0.7)), np.full((12, 12), 0.7))


def test_filter_never_adds_energy():
    objects = np.random.default_rng(3).random((4, 8, 8))
    image = ImagingOptics(32, 6.0).intensity(objects)
    assert (image.sum((-2, -1)) < objects.sum((-2, -1))).all()


def test_transfer_is_centred_on_any_band():
    optics = ImagingOptics(24, 2.2)
    assert optics.band == 5
    for band in (5, 8, (6, 9)):
        transfer = optics.transfer(band)
        height, width = transfer.shape
        assert (
            transfer[height // 2 - 2 : height // 2 + 3, width // 2 - 2 : width // 2 + 3].sum()
            == transfer.sum()
        )
        assert transfer[height // 2 + 2, width // 2] == transfer[height // 2 - 2, width // 2] == 1


def test_real_grid_images_into_a_given_window():
    objects = np.random.default_rng(4).random((2, 8, 8))
    optics = ImagingOptics(24.5, 3.6)
    spectrum = direct_sums.windowed_dft(np.sqrt(objects), 24.5, 7) * optics.transfer(7)
    assert_close("layer", optics.field(objects, support=8), direct_sums.windowed_idft(spectrum, 24.5, 8))
    with pytest.raises(ValueError, match="grid=24.5: a real-number grid has no whole"):
        optics.field(objects)


def test_empty_batch_and_nan_and_read_only_input():
    optics = ImagingOptics(16, 2.5)
    assert optics.field(np.zeros((0, 4, 4))).shape == (0, 16, 16)
    assert np.isnan(optics.field(np.full((4, 4), np.nan))).all()
    objects = np.random.default_rng(5).random((4, 4))
    objects.flags.writeable = False
    kept = objects.copy()
    optics.field(objects.T[::-1])
    assert np.array_equal(objects, kept)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ImagingOptics(0), ValueError, "grid=0: must be greater than 0"),
        (lambda: ImagingOptics("336"), TypeError, "grid='336'"),
        (lambda: ImagingOptics(336, -1.0), ValueError, "cutoff_bins=-1.0"),
        (lambda: ImagingOptics(336, float("nan")), ValueError, "cutoff_bins=nan"),
        (lambda: ImagingOptics(336, None), TypeError, "cutoff_bins=None"),
        (lambda: ImagingOptics(16, 9.0), ValueError, "cutoff_bins=9.0: its 17 bins must fit in grid=16"),
        (lambda: ImagingOptics(16, 2).field(np.zeros((4, 4), int)), TypeError, "intensity has dtype int64"),
        (lambda: ImagingOptics(16, 2).field(np.zeros((4, 4), complex)), TypeError, "dtype complex128"),
        (lambda: ImagingOptics(16, 2).field(np.zeros(4)), ValueError, r"intensity has shape \(4,\)"),
        (
            lambda: ImagingOptics(16, 2).field(np.zeros((17, 4))),
            ValueError,
            "must not be larger than grid=16",
        ),
        (lambda: ImagingOptics(16, 2).field(np.full((4, 4), -0.5)), ValueError, "minimum -0.5: must be 0 or"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_arrays_are_imaged_without_torch():
    script = (
        "import sys, numpy as np\nfrom pyfdsr.optics import ImagingOptics\n"
        "ImagingOptics(16, 2.5).field(np.ones((4, 4)))\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
