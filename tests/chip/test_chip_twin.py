"""Law 13: the compiled emulator against its Numba twin, over bits, bounds, ranges, encodings and errors."""

import numpy as np
import pytest

from chip_configs import CONFIGS
from pyfdsr import _chip, _core, ops
from pyfdsr.reference import chip as twin
from pyfdsr.reference.chip_frame import normals, philox
from scales import twin_scales
from tolerances import allowed, relative_error

RNG = np.random.default_rng(0)
FIELDS = RNG.standard_normal((3, 11, 11)) + 1j * RNG.standard_normal((3, 11, 11))
LARGE = RNG.standard_normal((2, 25, 25)) + 1j * RNG.standard_normal((2, 25, 25))
MAPS, KERNELS = RNG.standard_normal((2, 3, 14, 15)), RNG.standard_normal((4, 3, 3, 3))


def assert_agree(actual, expected, config):
    """Equal to rounding, but for values that rounding moves across the middle between two levels.

    The core and the twin sum in another order and differ by a few eps of double precision; where a value lies
    exactly between two levels (which coarse inputs make likely), they may take different ones. Such values
    are at most 3 in 100, where an error in a formula moves all. The core's deviates are single precision.
    """
    noisy = config.noise.temporal
    limit = allowed("chip_noise", np.float32) if noisy else allowed("convolution", np.float64)
    far = np.abs(actual - expected) > limit * np.abs(expected).max()
    assert far.mean() <= 0.03, f"{far.mean():.3f} of the values differ"
    if config.adc.bits == 0 and config.dac.bits == 0:
        assert not far.any()


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("inverse", [False, True])
def test_one_pass(name, inverse):
    config, draw = CONFIGS[name], (0, 3, 2, 5)
    actual = ops.chip_dft2(FIELDS, config, inverse=inverse, step=2, sample=5, layer=3)
    expected = twin.dft2(FIELDS, config, twin_scales(config, 1), _chip.static_gain(config), draw, inverse)
    assert_agree(actual, expected, config)


@pytest.mark.parametrize("name", CONFIGS)
def test_two_passes(name):
    config = CONFIGS[name].replace(frame=5)
    actual = ops.chip_dft2(LARGE, config, step=2, sample=2**40, layer=3)
    expected = twin.dft2(
        LARGE, config, twin_scales(config, 2), _chip.static_gain(config), (0, 3, 2, 2**40), False
    )
    assert_agree(actual, expected, config)


@pytest.mark.parametrize("name", CONFIGS)
def test_convolution(name):
    config = CONFIGS[name].replace(seed=9)
    actual = ops.chip_conv2d(MAPS, KERNELS, config, padding=1, step=2, sample=5, layer=3)
    expected = twin.conv2d(
        MAPS, KERNELS, config, twin_scales(config, 2), _chip.static_gain(config), (9, 3, 2, 5), padding=1
    )
    assert_agree(actual, expected, config)


@pytest.mark.parametrize(
    "name", ["cartesian-6-abs_max-worst_case", "noise", *(n for n in CONFIGS if "optical" in n)]
)
def test_convolution_in_two_passes(name):
    config = CONFIGS[name].replace(frame=(3, 4))
    kernels = RNG.standard_normal((2, 1, 4, 3))
    maps = MAPS[:1, :1, :9, :9]
    actual = ops.chip_conv2d(maps, kernels, config)
    expected = twin.conv2d(maps, kernels, config, twin_scales(config, 4), _chip.static_gain(config))
    assert_agree(actual, expected, config)


def test_random_words_are_the_same():
    for counter, key in (((1, 2, 3, 4), (5, 6)), ((2**32 - 1, 0, 7, 9), (2**31, 1))):
        words = philox(*(np.uint64(v) for v in counter), *(np.uint64(v) for v in key))
        assert list(_core.philox(counter, key)) == [int(w) for w in words]


def test_the_twins_deviates_are_standard_normal():
    drawn = np.concatenate([normals((11, 12), frame, 3, 2, 1000) for frame in range(100)])
    # Standard errors of the means of the powers 1, 2, 4: 1/sqrt(n), sqrt(2/n), sqrt(96/n); four of each.
    n = len(drawn)
    assert abs(drawn.mean()) < 4 / np.sqrt(n)
    assert abs((drawn**2).mean() - 1) < 4 * np.sqrt(2 / n)
    assert abs((drawn**4).mean() - 3) < 4 * np.sqrt(96 / n)
    assert relative_error(np.corrcoef(drawn[:-1], drawn[1:])[0, 1] + 1, 1.0) < 4 / np.sqrt(n)
