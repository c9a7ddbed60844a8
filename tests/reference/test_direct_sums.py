"""The direct sums against NumPy's FFT of the padded grid, literal loops, and each other."""

import cmath
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import CASES, INTEGER_CASES, REAL_CASES, pair
from pyfdsr.nonlinearity import (
    Custom,
    Kerr,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
)
from pyfdsr.reference import direct_sums
from tolerances import assert_close

SPECS = (
    Kerr(-2.5),
    SaturableKerr(3.0, 0.7),
    SaturableAbsorber(1.5, 0.4),
    TwoPhotonAbsorption(2.0),
    OptoelectronicGate(0.1, 0.9, 0.5, 2.5),
    OptoelectronicGate(0.0, 1.0, 0.5, 1.0),
    Custom(lambda i: 1 / (1 - 2j * i), lambda i: 2j / (1 - 2j * i) ** 2),
)


def complex_normal(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def central(size, grid):
    starts = [n // 2 - s // 2 for s, n in zip(size, grid, strict=True)]
    return (..., *(slice(start, start + s) for start, s in zip(starts, size, strict=True)))


def padded_fft(x, grid, band):
    """The definition: pad, transform, shift, cut."""
    whole = np.zeros((*x.shape[:-2], *grid), dtype=complex)
    whole[central(x.shape[-2:], grid)] = x
    return np.fft.fftshift(np.fft.fft2(whole), axes=(-2, -1))[central(band, grid)]


def padded_ifft(spectrum, grid, support):
    whole = np.zeros((*spectrum.shape[:-2], *grid), dtype=complex)
    whole[central(spectrum.shape[-2:], grid)] = spectrum
    return np.fft.ifft2(np.fft.ifftshift(whole, axes=(-2, -1)))[central(support, grid)]


@pytest.mark.parametrize("case", INTEGER_CASES, ids=str)
def test_transforms_are_the_padded_fft(case):
    rng = np.random.default_rng(1)
    x, spectrum = complex_normal(rng, 2, *pair(case.window)), complex_normal(rng, 2, *pair(case.band))
    expected = padded_fft(x, pair(case.grid), pair(case.band))
    assert_close("transform", direct_sums.windowed_dft(x, case.grid, case.band), expected)
    expected = padded_ifft(spectrum, pair(case.grid), pair(case.support))
    assert_close("transform", direct_sums.windowed_idft(spectrum, case.grid, case.support), expected)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_transform_is_the_padded_fft_for_any_geometry(data):
    grid = tuple(data.draw(st.integers(1, 24)) for _ in range(2))
    window, band = (tuple(data.draw(st.integers(1, n)) for n in grid) for _ in range(2))
    x = complex_normal(np.random.default_rng(0), *window)
    expected = padded_fft(x, grid, band)
    assert_close("transform", direct_sums.windowed_dft(x, grid, band), expected)


@pytest.mark.parametrize("case", REAL_CASES, ids=str)
def test_real_grid_is_the_literal_sum_about_the_centres(case):
    rng = np.random.default_rng(2)
    (sy, sx), (my, mx), (ny, nx) = pair(case.window), pair(case.band), pair(case.grid)
    x = complex_normal(rng, sy, sx)
    expected = np.zeros((my, mx), dtype=complex)
    for ky, kx in np.ndindex(my, mx):
        for y, x_ in np.ndindex(sy, sx):
            turns = (ky - my // 2) * (y - sy // 2) / ny + (kx - mx // 2) * (x_ - sx // 2) / nx
            expected[ky, kx] += x[y, x_] * cmath.exp(-2j * cmath.pi * turns)
    assert_close("transform", direct_sums.windowed_dft(x, case.grid, case.band), expected)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_adjoints(case):
    rng = np.random.default_rng(3)
    window, band, support = pair(case.window), pair(case.band), pair(case.support)
    x, transfer, v = complex_normal(rng, *window), complex_normal(rng, *band), complex_normal(rng, *support)
    pairs = [
        (direct_sums.windowed_dft(x, case.grid, band), transfer),
        (x, direct_sums.windowed_dft_adjoint(transfer, case.grid, window)),
        (direct_sums.windowed_idft(transfer, case.grid, support), v),
        (transfer, direct_sums.windowed_idft_adjoint(v, case.grid, band)),
        (direct_sums.four_f(x, transfer, case.grid, support), v),
    ]
    v_x, v_transfer = direct_sums.four_f_adjoint(v, x, transfer, case.grid)
    pairs += [(x, v_x), (transfer, v_transfer)]
    products = np.array([np.vdot(b, a) for a, b in pairs])
    norms = [np.linalg.norm(a) * np.linalg.norm(b) for a, b in pairs]
    for left, right in ((0, 1), (2, 3), (4, 5), (4, 6)):
        scale = max(norms[left], norms[right])
        # Compared through 1 so that the tolerance is relative to the norms, not to a product that may cancel.
        assert_close("adjointness", 1 + (products[left] - products[right]) / scale, np.array(1 + 0j))


def test_four_f_adjoint_sums_over_broadcast_axes():
    rng = np.random.default_rng(4)
    x, transfer, v = (
        complex_normal(rng, 3, 1, 6, 6),
        complex_normal(rng, 2, 5, 5),
        complex_normal(rng, 3, 2, 6, 6),
    )
    v_x, v_transfer = direct_sums.four_f_adjoint(v, x, transfer, 18)
    assert v_x.shape == x.shape
    assert v_transfer.shape == transfer.shape
    each = [direct_sums.four_f_adjoint(v[:, j], x[:, 0], transfer[j], 18) for j in range(2)]
    assert_close("reduction", v_x[:, 0], each[0][0] + each[1][0])
    assert_close("reduction", v_transfer, np.stack([each[0][1], each[1][1]]))


def test_responses_at_values_worked_by_hand():
    one = np.array([1.0])
    expected = {
        Kerr(np.pi): -1,
        SaturableKerr(np.pi, 1.0): 1j,
        SaturableAbsorber(2.0, 1.0): np.exp(-0.5),
        TwoPhotonAbsorption(3.0): 0.5,
        OptoelectronicGate(0.1, 0.9, 1.0, 7.0): np.sqrt(0.5),
    }
    for spec, value in expected.items():
        assert_close("pointwise", direct_sums.response(one, spec), np.array([value + 0j]))
    assert direct_sums.response(one, None) == 1


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_derivative_is_the_slope_of_the_response(spec):
    intensity, step = np.linspace(0.05, 2, 23), 1e-5
    ahead, behind = (direct_sums.response(intensity + d, spec) for d in (step, -step))
    slope = (ahead - behind) / (2 * step)
    # A central difference errs by step² times the third derivative, here below 1e-8 of the slope.
    assert np.abs(direct_sums.response_derivative(intensity, spec) - slope).max() < 1e-7 * np.abs(slope).max()


@pytest.mark.parametrize("spec", SPECS[2:6], ids=lambda spec: spec.kind)
def test_passive_nonlinearities_never_amplify(spec):
    assert np.abs(direct_sums.response(np.logspace(-6, 6, 200), spec)).max() <= 1
    assert np.isfinite(direct_sums.response_derivative(np.array([0.0, 1e6]), spec)).all()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_nonlinearity_adjoint_is_the_gradient_of_a_real_loss(spec):
    rng = np.random.default_rng(5)
    field, weight, direction = (complex_normal(rng, 9) for _ in range(3))
    v = direct_sums.nonlinearity_adjoint(weight, field, spec)

    def loss(x):
        return np.real(np.vdot(weight, direct_sums.nonlinearity(x, spec)))

    slope = (loss(field + 1e-6 * direction) - loss(field - 1e-6 * direction)) / 2e-6
    assert abs(slope - np.real(np.vdot(v, direction))) < 1e-7 * (1 + abs(slope))


def test_stack_is_layer_after_layer_and_apertures_multiply():
    rng = np.random.default_rng(6)
    field, phases, aperture = complex_normal(rng, 2, 7, 7), rng.normal(size=(2, 5, 5)), rng.random((1, 5, 5))
    fields = direct_sums.four_f_stack(field, phases, 18, [Kerr(1.0), None], support=6, aperture=aperture)
    first = direct_sums.four_f(field, aperture[0] * np.exp(1j * phases[0]), 18, 6)
    assert_close("layer", fields[0], first * np.exp(1j * np.abs(first) ** 2))
    assert_close("layer", fields[1], direct_sums.four_f(fields[0], np.exp(1j * phases[1]), 18, 6))


def test_unknown_kind_is_refused():
    class Odd:
        kind = "odd"

        def parameters(self):
            return ()

    with pytest.raises(ValueError, match="no formula is known for kind 'odd'"):
        direct_sums.response(1.0, Odd())


def test_numpy_twins_need_no_torch():
    script = (
        "import sys, numpy as np\nfrom pyfdsr import reference\n"
        "reference.direct_sums.windowed_dft(np.ones((4, 4)), 8, 4)\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
