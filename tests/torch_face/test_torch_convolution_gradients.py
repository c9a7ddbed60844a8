"""What both gradients of a convolution share, and what must not pass from one to the other."""

import pytest
import torch
import torch.nn.functional as F

import pyfdsr
from pyfdsr.functional import fourier_conv2d
from tests.tolerances import assert_close


def draw(shape, kernels, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn(s, generator=generator, dtype=dtype, requires_grad=True) for s in (shape, kernels)
    )


@pytest.mark.parametrize("channels", [1, 2, 16, 17, 35])
@pytest.mark.parametrize("width", [1, 7, 16, 33])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("groups", ["dense", "depthwise"])
def test_direct_sums_in_channels_last(channels, width, dtype, groups):
    groups = channels if groups == "depthwise" else 1
    x, w = draw((2, channels, 6, width), (channels, channels // groups, 3, 3), dtype)
    options = {"padding": 1, "stride": (2, 1), "groups": groups}
    last = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    y = fourier_conv2d(last, w, algorithm="spatial", **options)
    expected = F.conv2d(x.double(), w.double(), **options)
    assert_close("convolution", y, expected)
    v = torch.randn_like(expected)
    v_last = v.to(dtype).to(memory_format=torch.channels_last)
    for mine, theirs in zip(
        torch.autograd.grad(y, (last, w), v_last), torch.autograd.grad(expected, (x, w), v), strict=True
    ):
        assert_close("convolution", mine, theirs)


@pytest.mark.parametrize("groups", [1, 16])
@pytest.mark.parametrize("algorithm", ["tiled", "fourier"])
@pytest.mark.parametrize("place", ["input", "cotangent"])
def test_an_image_with_nan_keeps_its_gradient_to_itself(groups, algorithm, place):
    x, w = draw((3, 16, 20, 20), (16, 16 // groups, 5, 5), torch.float32)
    v = torch.randn(3, 16, 20, 20)
    options = {"padding": 2, "groups": groups, "algorithm": algorithm}
    (expected,) = torch.autograd.grad(fourier_conv2d(x, w, **options), x, v)
    with torch.no_grad():
        (x if place == "input" else v)[1, 3, 4, 5] = torch.nan
    v_x, v_w = torch.autograd.grad(fourier_conv2d(x, w, **options), (x, w), v)
    assert v_w.isnan().any()
    assert_close("exact", v_x[::2], expected[::2])
    assert v_x[1].isnan().any() == (place == "cotangent")


@pytest.mark.parametrize("groups", [1, 32])
def test_both_gradients_have_the_bits_of_either(groups):
    x, w = draw((2, 32, 30, 31), (32, 32 // groups, 5, 5), torch.float32)
    v = torch.randn(2, 32, 30, 31)
    threads = pyfdsr.get_num_threads()
    try:
        for count in (1, 2, 3):
            pyfdsr.set_num_threads(count)
            y = fourier_conv2d(x, w, padding=2, groups=groups, algorithm="tiled")
            both = torch.autograd.grad(y, (x, w), v, retain_graph=True)
            for mine, wanted in zip(both, (x, w), strict=True):
                only_x, only_w = (t.detach().requires_grad_(t is wanted) for t in (x, w))
                y = fourier_conv2d(only_x, only_w, padding=2, groups=groups, algorithm="tiled")
                (alone,) = torch.autograd.grad(y, only_x if wanted is x else only_w, v)
                assert_close("exact", mine, alone)
    finally:
        pyfdsr.set_num_threads(threads)


@pytest.mark.parametrize("through", ["input", "weight"])
def test_second_order_through_one_gradient_leaves_the_other_alone(through):
    x, w = draw((2, 4, 12, 12), (4, 4, 3, 3))
    with torch.no_grad():
        (w if through == "weight" else x)[1, 0, 0, 0] = torch.nan  # what this gradient does not depend on
    v = torch.randn(2, 4, 12, 12, dtype=torch.float64, requires_grad=True)
    both = torch.autograd.grad(
        fourier_conv2d(x, w, padding=1, algorithm="tiled"), (x, w), v, create_graph=True
    )
    (of_v,) = torch.autograd.grad(both[through == "weight"].square().sum(), v)
    assert of_v.isfinite().all()
