"""The pyFFTW and Numba layer against the direct sums."""

import numpy as np
import pytest

from cases import INTEGER_CASES, pair
from tolerances import assert_close

pytest.importorskip("pyfftw")
pytest.importorskip("numba")

from pyfdsr.nonlinearity import Kerr  # noqa: E402
from pyfdsr.reference import FourFLayer, direct_sums  # noqa: E402


def complex_normal(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@pytest.mark.parametrize("case", INTEGER_CASES, ids=str)
def test_layer_is_the_direct_sum(case):
    rng = np.random.default_rng(1)
    x, transfer = complex_normal(rng, 3, *pair(case.window)), complex_normal(rng, *pair(case.band))
    layer = FourFLayer(case.window, case.band, case.grid, case.support, double=True)
    expected = direct_sums.four_f(x, transfer, case.grid, case.support)
    assert_close("layer", layer.forward(x, transfer), expected)
    assert_close("layer", layer.forward(2 * x, transfer), 2 * expected)  # nothing is left over in the buffers


@pytest.mark.parametrize("double", [False, True])
def test_kerr_follows_the_layer(double):
    rng = np.random.default_rng(2)
    x, transfer = complex_normal(rng, 2, 3, 8, 8), complex_normal(rng, 6, 6)
    out = FourFLayer(8, 6, 20, double=double).forward(x, transfer, strength=1.5)
    assert out.dtype == (np.complex128 if double else np.complex64)
    assert_close("layer", out, direct_sums.nonlinearity(direct_sums.four_f(x, transfer, 20), Kerr(1.5)))
