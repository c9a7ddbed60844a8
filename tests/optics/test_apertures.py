"""Apertures bin by bin."""

import numpy as np
import pytest

from pyfdsr.optics import annular_aperture, circular_aperture, gaussian_aperture, square_aperture


@pytest.mark.parametrize("band", [6, 7, (5, 8), (8, 5)])
def test_circle_passes_bins_strictly_inside(band):
    height, width = (band, band) if isinstance(band, int) else band
    aperture = circular_aperture(band, 2.2)
    assert aperture.shape == (height, width)
    for y, x in np.ndindex(height, width):
        assert aperture[y, x] == (np.hypot(y - height // 2, x - width // 2) < 2.2)


def test_bins_on_the_circle_are_blocked():
    # 3² + 4² = 5²: exactly on the circle.
    assert circular_aperture(11, 5.0)[5 + 3, 5 + 4] == 0
    assert circular_aperture(11, 5.0)[5, 5 + 5] == 0
    assert circular_aperture(11, 5.0 + 1e-9)[5 + 3, 5 + 4] == 1


def test_number_of_bins_of_the_papers_imaging_optics():
    # Lattice points with kx² + ky² < 13.5757².
    expected = sum(x * x + y * y < 13.5757**2 for x in range(-14, 15) for y in range(-14, 15))
    assert circular_aperture(112, 13.5757).sum() == expected


def test_annulus_is_the_difference_of_two_circles():
    ring = annular_aperture(15, 2.5, 6.0)
    assert set(np.unique(ring)) == {0, 1}
    assert np.array_equal(ring + circular_aperture(15, 2.5), circular_aperture(15, 6.0))
    assert annular_aperture(15, 3.0, 6.0)[7, 10] == 1, "the inner edge passes"


def test_square_is_symmetric_about_zero_frequency():
    square = square_aperture((8, 9), 2.5)
    assert square[4 - 2 : 4 + 3, 4 - 2 : 4 + 3].all()
    assert square.sum() == 25


def test_gaussian_falls_to_1_over_e_at_its_waist():
    soft = gaussian_aperture((9, 12), 3.0, dtype=np.float64)
    assert soft[4, 6] == 1
    assert soft[4, 9] == soft[7, 6] == pytest.approx(np.exp(-1))
    assert soft.max() == 1
    assert soft.min() > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype(dtype):
    for aperture in (
        circular_aperture(4, 1, dtype),
        annular_aperture(4, 1, 2, dtype),
        square_aperture(4, 1, dtype),
        gaussian_aperture(4, 1, dtype),
    ):
        assert aperture.dtype == dtype


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: circular_aperture(8, 0), ValueError, "radius=0: must be finite and greater than 0"),
        (lambda: circular_aperture(8, float("nan")), ValueError, "radius=nan"),
        (lambda: circular_aperture(8, "2"), TypeError, "radius='2'"),
        (lambda: circular_aperture(0, 2), ValueError, "band=0: must be 1 or greater"),
        (lambda: circular_aperture(8.0, 2), TypeError, "band=8.0: must be an integer"),
        (lambda: circular_aperture((8, 8, 8), 2), TypeError, "band="),
        (lambda: annular_aperture(8, 3, 2), ValueError, "inner=3.0: must be smaller than outer=2.0"),
        (lambda: square_aperture(8, -1), ValueError, "half_width=-1"),
        (lambda: gaussian_aperture(8, 0), ValueError, "waist=0"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
