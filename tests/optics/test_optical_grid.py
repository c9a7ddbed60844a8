"""Units and derived figures of a grid, in both conventions of the numerical aperture."""

import dataclasses
import subprocess
import sys

import pytest

from pyfdsr.optics import OpticalGrid

VALID = {"pitch": 4e-6, "support": 112, "grid": 336, "band": 112, "wavelength": 550e-9}


def test_paper_figures():
    grid = OpticalGrid.paper()
    assert grid == OpticalGrid(**VALID)
    assert grid.frequency_step == pytest.approx(744.0476, rel=1e-6)
    assert grid.cutoff == pytest.approx(83_333.3, rel=1e-6)
    assert grid.resolution == pytest.approx(12e-6)
    assert grid.numerical_aperture_full_width == pytest.approx(550e-9 * 83_333.333)
    assert grid.numerical_aperture_full_width == 2 * grid.numerical_aperture
    assert grid.window_width == pytest.approx(448e-6)
    assert grid.nyquist_frequency == 125_000


@pytest.mark.parametrize(
    ("radius", "cutoff", "resolution"),
    [
        (13.5757, 19_345.2, 51.7),
        (8.5742, 11_904.8, 84.0),
        (5.8182, 7_440.5, 134.4),
        (4.5252, 5_952.4, 168.0),
    ],
)
def test_imaging_cutoffs_of_the_paper(radius, cutoff, resolution):
    grid = OpticalGrid.paper()
    assert grid.imaging_cutoff(radius) == pytest.approx(cutoff, abs=0.05)
    assert grid.imaging_resolution(radius) * 1e6 == pytest.approx(resolution, abs=0.05)


def test_a_bin_on_the_circle_does_not_pass():
    grid = OpticalGrid.paper()
    assert grid.imaging_cutoff(13.0) == 24 * grid.frequency_step
    assert grid.imaging_resolution(0.5) == float("inf")


def test_axes_may_differ():
    grid = OpticalGrid(pitch=1e-6, support=(8, 10), grid=(32, 40), band=(8, 20), wavelength=5e-7)
    assert grid.cutoff == pytest.approx((250_000, 500_000))
    assert grid.resolution == pytest.approx((4e-6, 2e-6))
    assert grid.frequency_step == pytest.approx((31_250, 25_000))
    assert grid.alias_free_order == 2


def test_orders_free_of_aliasing():
    assert OpticalGrid.paper().alias_free_order == 3
    assert OpticalGrid.paper().alias_free_order_in_band == 5
    wide = OpticalGrid(**{**VALID, "band": 224})
    assert (wide.alias_free_order, wide.alias_free_order_in_band) == (1, 2)


def test_other_wavelengths_see_another_grid_but_the_same_mask():
    paper = OpticalGrid.paper()
    red = paper.at_wavelength(700e-9)
    assert red.grid == pytest.approx(336 * 700 / 550)
    # One physical aperture: the same opening angle, so the same numerical aperture.
    assert red.numerical_aperture == pytest.approx(paper.numerical_aperture)
    assert type(paper.at_wavelength(paper.wavelength).grid) is float


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pitch": -4e-6}, ValueError, r"pitch=-4e-06: must be finite and greater than 0"),
        ({"pitch": 0}, ValueError, "pitch=0"),
        ({"pitch": float("nan")}, ValueError, "pitch=nan"),
        ({"pitch": (1e-6, 1e-6)}, ValueError, "pitch=.*must be one number"),
        ({"wavelength": float("inf")}, ValueError, "wavelength=inf"),
        ({"wavelength": "red"}, TypeError, "wavelength='red': must be a real number"),
        ({"support": 0}, ValueError, "support=0"),
        ({"support": 112.0}, TypeError, "support=112.0: must be an integer"),
        ({"support": 400}, ValueError, "support=400: must not be larger than grid=336"),
        ({"band": 337}, ValueError, "band=337: must not be larger than grid=336"),
        ({"band": (112, 400)}, ValueError, r"band=\(112, 400\)"),
        ({"band": (1, 2, 3)}, ValueError, "a \\(y, x\\) pair"),
        ({"band": True}, TypeError, "band=True"),
        ({"grid": -336}, ValueError, "grid=-336"),
    ],
)
def test_bad_numbers_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        OpticalGrid(**{**VALID, **change})


def test_methods_check_their_argument():
    with pytest.raises(ValueError, match="cutoff_bins=-1"):
        OpticalGrid.paper().imaging_cutoff(-1)
    with pytest.raises(ValueError, match="wavelength=0"):
        OpticalGrid.paper().at_wavelength(0)


def test_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        OpticalGrid.paper().pitch = 1.0


def test_optics_load_members_lazily_and_never_torch():
    script = (
        "import sys\nfrom pyfdsr.optics.grid import OpticalGrid\nOpticalGrid.paper()\n"
        "assert 'pyfdsr.optics.imaging' not in sys.modules\n"
        "from pyfdsr import optics\n"
        "for name in optics.__all__:\n    getattr(optics, name)\n"
        "assert set(optics.__all__) <= set(dir(optics))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
