"""The convolution on arrays against its twin that sums sample by sample; bits, layouts, arguments."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyfdsr
from pyfdsr import ops
from pyfdsr.reference import convolution as twin
from tests.tolerances import assert_close

few = st.integers(1, 3)
pairs_of = lambda values: st.tuples(values, values)  # noqa: E731


@st.composite
def convolutions(draw):
    """Input, kernels and arguments of a small convolution whose kernel fits into the padded input."""
    groups = draw(few)
    inputs, outputs = groups * draw(few), groups * draw(few)
    kernel, stride, dilation, padding = (
        draw(pairs_of(values)) for values in (st.integers(1, 6), few, few, st.integers(0, 4))
    )
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)]
    size = tuple(n + draw(st.integers(0, 9)) for n in least)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    x = rng.standard_normal((draw(few), inputs, *size)).astype(dtype)
    if draw(st.booleans()):
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    w = rng.standard_normal((outputs, inputs // groups, *kernel)).astype(dtype)
    return x, w, (stride, padding, dilation, groups)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(convolutions())
def test_convolution_and_adjoints_equal_the_twin(case):
    x, w, arguments = case
    y = ops.fourier_conv2d(x, w, None, *arguments)
    assert_close("convolution", y, twin.conv2d(x, w, None, *arguments), x.dtype)
    v = np.random.default_rng(0).standard_normal(y.shape).astype(x.dtype)
    for ours, expected in (
        (
            ops.fourier_conv2d_adjoint_input(v, w, x.shape[2:], *arguments),
            twin.conv2d_adjoint_input(v, w, x.shape[2:], *arguments),
        ),
        (
            ops.fourier_conv2d_adjoint_weight(v, x, w.shape[2:], *arguments),
            twin.conv2d_adjoint_weight(v, x, w.shape[2:], *arguments),
        ),
    ):
        assert_close("convolution", ours, expected, x.dtype)


BIT_CASES = [
    # in, out, kernel, size, groups
    (1, 1, 3, 8, 1),
    (1, 1, 9, 50, 1),
    (3, 5, 7, 33, 1),
    (4, 4, 3, 20, 1),
    (4, 32, 3, 20, 1),
    (32, 4, 3, 20, 1),
    (16, 16, 5, 40, 1),
    (8, 8, 9, 40, 2),
    (8, 8, 9, 40, 8),
]


def draw_bits(case, dtype):
    inputs, outputs, kernel, size, groups = case
    rng = np.random.default_rng(0)
    x = rng.standard_normal((7, inputs, size, size)).astype(dtype)
    w = rng.standard_normal((outputs, inputs // groups, kernel, kernel)).astype(dtype)
    v = rng.standard_normal((7, outputs, size - kernel + 1, size - kernel + 1)).astype(dtype)
    return x, w, v


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", BIT_CASES, ids=str)
def test_an_image_has_the_same_bits_alone_and_in_a_batch(case, dtype):
    (x, w, v), groups = draw_bits(case, dtype), case[-1]
    forward = lambda x: ops.fourier_conv2d(x, w, groups=groups)  # noqa: E731
    adjoint = lambda v: ops.fourier_conv2d_adjoint_input(v, w, x.shape[2:], groups=groups)  # noqa: E731
    for function, images in ((forward, x), (adjoint, v)):
        whole = function(images)
        for part in (slice(0, 1), slice(3, 5), slice(1, 7)):
            assert_close("exact", function(images[part]), whole[part])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", BIT_CASES, ids=str)
def test_bits_do_not_depend_on_the_number_of_threads(case, dtype):
    (x, w, v), groups = draw_bits(case, dtype), case[-1]
    results = []
    try:
        for threads in (1, 2):
            pyfdsr.set_num_threads(threads)
            results.append(
                (
                    ops.fourier_conv2d(x, w, groups=groups),
                    ops.fourier_conv2d_adjoint_input(v, w, x.shape[2:], groups=groups),
                    ops.fourier_conv2d_adjoint_weight(v, x, w.shape[2:], groups=groups),
                )
            )
    finally:
        pyfdsr.set_num_threads(None)
    for one, two in zip(*results, strict=True):
        assert_close("exact", two, one)


def test_memory_that_the_core_cannot_read_is_copied():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 9, 8)), rng.standard_normal((4, 3, 3, 3))
    expected = ops.fourier_conv2d(x, w)
    record = np.zeros(x.shape, dtype=[("value", "f8"), ("flag", "f4")])
    record["value"] = x
    shifted = np.frombuffer(bytes(1) + x.tobytes(), dtype=x.dtype, offset=1).reshape(x.shape)
    swapped = x.astype(">f8")
    for view in (record["value"], shifted, swapped):
        assert_close("exact", ops.fourier_conv2d(view, w), expected)


def test_one_integer_means_a_square_input_and_the_channels_must_fit_the_groups():
    v, w = np.ones((1, 3, 4, 4)), np.ones((3, 2, 3, 3))
    assert ops.fourier_conv2d_adjoint_input(v, w, 6).shape == (1, 2, 6, 6)
    with pytest.raises(ValueError, match="groups: 2 must divide"):
        ops.fourier_conv2d_adjoint_input(v, w, 6, groups=2)
    with pytest.raises(ValueError, match="groups=2: must divide"):
        ops.fourier_conv2d_adjoint_weight(v, np.ones((1, 4, 6, 6)), 3, groups=2)
    with pytest.raises(ValueError, match="v has shape"):
        ops.fourier_conv2d_adjoint_input(v, w, 7)
    with pytest.raises(TypeError, match="x has dtype complex128"):
        ops.fourier_conv2d(np.ones((1, 2, 5, 5)) + 0j, w)
