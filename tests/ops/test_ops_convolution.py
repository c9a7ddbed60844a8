"""The convolution on arrays: against a direct sum, its adjoints, layouts, threads, bad arguments."""

import numpy as np
import pytest

import pyfdsr
from pyfdsr import ops
from pyfdsr.reference import convolution as twin
from tests.tolerances import assert_close

CASES = (
    # in, out, kernel, size, stride, padding, dilation, groups
    (1, 1, (1, 1), (5, 6), 1, 0, 1, 1),
    (3, 5, (3, 3), (17, 23), 1, 1, 1, 1),
    (4, 4, (2, 4), (16, 15), 1, 2, 1, 1),
    (5, 3, (7, 2), (20, 31), 2, (3, 0), 1, 1),
    (6, 4, (3, 5), (24, 19), (3, 2), 4, (2, 1), 2),
    (6, 6, (5, 5), (18, 21), 1, 2, 1, 6),
    (4, 8, (3, 3), (18, 21), 1, 1, 2, 4),
    (17, 18, (3, 3), (13, 12), 1, 0, 1, 1),
    (2, 2, (12, 13), (12, 13), 1, 0, 1, 1),
)


def draw(case, dtype, batch=2, seed=0):
    inputs, outputs, kernel, size, *_, groups = case
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, inputs, *size)).astype(dtype)
    return x, rng.standard_normal((outputs, inputs // groups, *kernel)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution_equals_the_direct_sum(case, dtype):
    x, w = draw(case, dtype)
    expected = twin.conv2d(x, w, None, *case[4:])
    assert_close("convolution", ops.fourier_conv2d(x, w, None, *case[4:]), expected, dtype)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_adjoints(case):
    x, w = draw(case, np.float64)
    y = ops.fourier_conv2d(x, w, None, *case[4:])
    v = np.random.default_rng(1).standard_normal(y.shape)
    expected = np.vdot(y, v)
    v_x = ops.fourier_conv2d_adjoint_input(v, w, case[3], *case[4:])
    v_w = ops.fourier_conv2d_adjoint_weight(v, x, case[2], *case[4:])
    scale = np.linalg.norm(y) * np.linalg.norm(v)
    for product in (np.vdot(x, v_x), np.vdot(w, v_w)):
        assert_close("adjointness", 1 + (product - expected) / scale, np.array(1.0))


def test_bits_do_not_depend_on_the_number_of_threads():
    x, w = draw((5, 20, (5, 5), (40, 41), 1, 2, 1, 1), np.float32, batch=7)
    results = []
    try:
        for threads in (1, 2, 3):
            pyfdsr.set_num_threads(threads)
            y = ops.fourier_conv2d(x, w, padding=2)
            results.append((y, ops.fourier_conv2d_adjoint_weight(y, x, 5, padding=2)))
    finally:
        pyfdsr.set_num_threads(None)
    for y, v_w in results[1:]:
        assert np.array_equal(y, results[0][0])
        assert np.array_equal(v_w, results[0][1])


def test_nan_stays_in_its_image():
    x, w = draw((3, 4, (5, 5), (30, 30), 1, 0, 1, 1), np.float32, batch=3)
    clean = ops.fourier_conv2d(x, w)
    x[1, 0, 3, 3] = np.nan
    y = ops.fourier_conv2d(x, w)
    assert np.isnan(y[1]).any()
    assert np.array_equal(y[[0, 2]], clean[[0, 2]])


def test_any_strides_are_read_in_place():
    case = (6, 4, (3, 3), (20, 22), 1, 1, 1, 1)
    x, w = draw(case, np.float64)
    expected = ops.fourier_conv2d(x, w, padding=1)
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    spread = np.zeros((4, 6, 20, 44))
    spread[::2, :, :, ::2] = x
    turned = np.ascontiguousarray(x[:, ::-1, ::-1])[:, ::-1, ::-1]
    last.flags.writeable = False
    for view in (last, spread[::2, :, :, ::2], turned):
        assert np.array_equal(ops.fourier_conv2d(view, w, padding=1), expected)


def test_bias_unbatched_and_empty_batch():
    x, w = draw(CASES[1], np.float32)
    bias = np.arange(5, dtype=np.float32)
    y = ops.fourier_conv2d(x, w, bias, padding=1)
    assert_close("convolution", y, ops.fourier_conv2d(x, w, padding=1) + bias[:, None, None])
    assert_close("exact", ops.fourier_conv2d(x[0], w, bias, padding=1), y[0])
    assert ops.fourier_conv2d(x[:0], w, padding=1).shape == (0, *y.shape[1:])
    assert ops.fourier_conv2d_adjoint_input(y[:0], w, (17, 23), padding=1).shape == (0, 3, 17, 23)
    assert not ops.fourier_conv2d_adjoint_weight(y[:0], x[:0], 3, padding=1).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stride": 0}, "stride=0: must be at least 1"),
        ({"padding": -1}, "padding=-1: must be at least 0"),
        ({"padding": "full"}, "padding='full'"),
        ({"padding": "same", "stride": 2}, "padding='same' is not possible"),
        ({"dilation": (1, 2, 3)}, "dilation="),
        ({"groups": 2}, "channels"),
        ({"dilation": 20}, "larger than the padded input"),
        ({"bias": np.zeros(3, np.float32)}, "bias has shape"),
    ],
)
def test_bad_arguments(arguments, message):
    x, w = draw(CASES[1], np.float32)
    with pytest.raises((TypeError, ValueError), match=message):
        ops.fourier_conv2d(x, w, **arguments)


def test_kernels_beyond_the_codelets():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 1, 170, 40)), rng.standard_normal((2, 1, 150, 3))
    assert_close("convolution", ops.fourier_conv2d(x, w), twin.conv2d(x, w, None, 1, 0, 1, 1))


def test_a_small_kernel_is_as_accurate_as_the_large_one_that_shares_its_transform():
    x, w = draw((1, 16, (5, 5), (30, 30), 1, 2, 1, 1), np.float32)
    w *= np.logspace(0, -12, 16, dtype=np.float32)[:, None, None, None]
    y = ops.fourier_conv2d(x, w, None, 1, 2)
    v = y / np.abs(y).max((2, 3), keepdims=True)
    expected = twin.conv2d(x.astype(float), w.astype(float), None, 1, 2, 1, 1)
    for channel in range(16):
        assert_close("convolution", y[:, channel], expected[:, channel], np.float32)
    small = v * np.logspace(0, -12, 16, dtype=np.float32)[:, None, None]
    v_w = ops.fourier_conv2d_adjoint_weight(small, x, 5, 1, 2)
    wide = ops.fourier_conv2d_adjoint_weight(small.astype(float), x.astype(float), 5, 1, 2)
    for channel in range(16):
        assert_close("convolution", v_w[channel], wide[channel], np.float32)
