"""The convolution and its adjoints by torch.fft and by the CUDA kernels, against the core and torch's own."""

import pytest
import torch

import both_backends
from both_backends import assert_adjoint, both, random
from pyfdsr import backends
from pyfdsr._convolution import Convolution
from pyfdsr.backends.by_torch.tile_transforms import axis_of
from pyfdsr.functional import fourier_conv2d, fourier_conv_transpose2d
from pyfdsr.functional.convolution_route import Case, takes_elsewhere
from tolerances import assert_close

MODES = ("zeros", "circular", "replicate", "reflect")
CHANNELS = {"dense": (4, 6, 1), "grouped": (4, 6, 2), "depthwise": (4, 4, 4), "multiplied": (3, 6, 3)}
real = torch.float64


def check(run, *inputs):
    found, expected = both(run, *inputs)
    for ours, theirs in zip(found, expected, strict=True):
        assert_close("convolution", ours, theirs)


def drawn(channels, kernel, size=(19, 45), dtype=real):
    inputs, outputs, groups = CHANNELS[channels]
    x, w = random(2, inputs, *size, dtype=dtype), random(outputs, inputs // groups, *kernel, dtype=dtype)
    return [t.requires_grad_() for t in (x, w, random(outputs, dtype=dtype, seed=2))], groups


@pytest.mark.parametrize("algorithm", ["fourier", "tiled", "spatial"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.usefixtures("other")
def test_agrees_with_torch(channels, mode, algorithm):
    for kernel, stride, padding, dilation in (
        ((3, 5), 1, (1, 3), 1),
        ((3, 3), 2, 2, 2),
        ((4, 2), (3, 2), 0, (1, 2)),
        ((1, 1), 1, 1, 1),
    ):
        tensors, groups = drawn(channels, kernel)
        arguments = (stride, padding, dilation, groups)
        with backends.forced(both_backends.OTHER):
            ours = fourier_conv2d(*tensors, *arguments, algorithm, mode)
            with torch.no_grad():  # padded by the backend itself
                assert_close("convolution", fourier_conv2d(*tensors, *arguments, algorithm, mode), ours)
            v = random(*ours.shape, dtype=real, seed=3)
            gradients = torch.autograd.grad(ours, tensors, v)
        theirs = fourier_conv2d(*tensors, *arguments, "direct", mode)
        assert_close("convolution", ours, theirs)
        for gradient, wanted in zip(gradients, torch.autograd.grad(theirs, tensors, v), strict=True):
            assert_close("convolution", gradient, wanted)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("algorithm", ["fourier", "spatial"])
def test_adjointness_with_padding(mode, algorithm, other):
    settings = [3, 4, 2, 1, 1, 2, 3, 0, 1, 2, 2, 11, 12, MODES.index(mode)]
    x, w = random(2, 4, 11, 12, dtype=real), random(6, 2, 3, 4, dtype=real, seed=1)
    y = other.fourier_conv2d(x, w, None, settings, algorithm, -1)
    v = random(*y.shape, dtype=real, seed=2)
    v_x = other.fourier_conv2d_adjoint_input(v, w, settings, algorithm)
    v_w = other.fourier_conv2d_adjoint_weight(v, x, settings, algorithm)
    assert_adjoint((v, y), (v_x, x))
    assert_adjoint((v, y), (v_w, w))


@pytest.mark.parametrize("algorithm", ["auto", "fourier", "tiled"])
@pytest.mark.usefixtures("other")
def test_transposed(algorithm):
    x, w = random(2, 4, 9, 8, dtype=real).requires_grad_(), random(4, 3, 5, 4, dtype=real).requires_grad_()
    check(lambda x, w: fourier_conv_transpose2d(x, w, None, 3, 2, 1, 2, 2, algorithm), x, w)


@pytest.mark.parametrize("algorithm", ["fourier", "tiled"])
@pytest.mark.usefixtures("other")
def test_stride_beyond_the_map(algorithm):
    """Results of padded zeros alone: of their cotangents, the input's is cropped by more than there are."""
    for stride, padding, kernel in ((8, 2, 1), (9, 3, 2), (7, (0, 4), 3)):
        x = random(1, 1, 4, 4, dtype=real).requires_grad_()
        w = random(1, 1, kernel, kernel, dtype=real, seed=1).requires_grad_()

        def run(x, w, s=stride, p=padding):
            return fourier_conv2d(x, w, None, s, p, algorithm=algorithm)

        for ours, theirs in zip(*both(run, x, w), strict=True):
            assert_close("convolution", 1 + ours, 1 + theirs)  # zeros have no relative error


@pytest.mark.usefixtures("other")
def test_precision_layout_and_empty_batch():
    (x, w, b), _ = drawn("dense", (7, 7), (70, 75), torch.float32)
    check(lambda x, w, b: fourier_conv2d(x, w, b, padding=3, algorithm="tiled"), x, w, b)
    last = x.detach().contiguous(memory_format=torch.channels_last)
    with backends.forced(both_backends.OTHER):
        y = fourier_conv2d(last, w, b, algorithm="fourier")
        assert y.is_contiguous(memory_format=torch.channels_last)
        assert fourier_conv2d(x[:0], w, b, algorithm="fourier").shape == (0, 6, 64, 69)
        half = fourier_conv2d(x.bfloat16(), w.bfloat16(), algorithm="fourier")
        assert half.dtype == torch.bfloat16
    check(lambda x, w: fourier_conv2d(x, w, algorithm="fourier"), random(2, 4, 9, 9), random(3, 4, 3, 3))


@pytest.mark.usefixtures("other")
def test_a_nan_stays_in_its_image():
    (x, w, _), _ = drawn("dense", (5, 5))
    x = x.detach().clone()
    x[0, 0, 3, 3] = torch.nan
    with backends.forced(both_backends.OTHER):
        y = fourier_conv2d(x, w, algorithm="fourier")
    assert y[0].isnan().any() and not y[1].isnan().any()


@pytest.mark.usefixtures("other")
def test_gradients_of_any_order():
    x, w = random(1, 2, 5, 6, dtype=real).requires_grad_(), random(2, 2, 3, 2, dtype=real).requires_grad_()
    with backends.forced(both_backends.OTHER):
        assert torch.autograd.gradgradcheck(
            lambda x, w: fourier_conv2d(x, w, padding=1, stride=2, algorithm="fourier"),
            (x, w),
            fast_mode=both_backends.OTHER == "cuda",  # threads of the host are slow
        )


@pytest.mark.parametrize(
    ("size", "extent", "algorithm", "count"),
    [
        (200, 5, "fourier", 1),
        (200, 5, "tiled", 7),
        (200, 5, "auto", 7),
        (50, 5, "auto", 1),
        (20, 5, "tiled", 1),
    ],
)
def test_tiles(size, extent, algorithm, count):
    axis = axis_of(size, extent, algorithm)
    assert axis.count == count and axis.step * axis.count >= size - extent + 1
    assert axis.length >= axis.step + extent - 1


@pytest.mark.parametrize(
    ("kernel", "stride", "way"),
    [((15, 15), (1, 1), "direct"), ((17, 17), (1, 1), "fourier"), ((17, 17), (2, 2), "direct")],
)
def test_the_rule_for_other_devices(kernel, stride, way):
    convolution = Convolution(kernel, stride, (0, 0, 0, 0), (1, 1), 1)
    assert takes_elsewhere(Case(convolution, (4, 4), (64, 64), 2, False, False, False)) == way
