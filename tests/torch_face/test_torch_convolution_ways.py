"""Circular padding, kept spectra, and the choice between torch's kernels and the Fourier domain."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyfdsr
from pyfdsr import nn as fnn
from pyfdsr._convolution import convolution_of
from pyfdsr.functional import convolution_route, fourier_conv2d
from tests.tolerances import assert_close


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # torch's own
@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "replicate"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": 5, "padding": 2},
        {"kernel_size": (4, 7), "padding": "same"},
        {"kernel_size": 3, "padding": 3, "stride": 2},
        {"kernel_size": 5, "padding": (2, 4), "dilation": (1, 2), "groups": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("algorithm", ["auto", "direct", "tiled", "fourier"])
def test_padding_modes_equal_torch(mode, arguments, algorithm):
    torch.manual_seed(0)
    theirs = nn.Conv2d(4, 6, padding_mode=mode, dtype=torch.float64, **arguments)
    ours = fnn.FourierConv2d.from_conv2d(copy.deepcopy(theirs), algorithm=algorithm)
    x = torch.randn(2, 4, 19, 16, dtype=torch.float64, requires_grad=True)
    y = ours(x)
    assert_close("convolution", y, theirs(x))
    v = torch.randn_like(y)
    gradients = [torch.autograd.grad(layer(x), (x, *layer.parameters()), v) for layer in (ours, theirs)]
    for mine, expected in zip(*gradients, strict=True):
        assert_close("convolution", mine, expected)


def test_circular_padding_is_differentiable_twice():
    x = torch.randn(1, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    w = torch.randn(3, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    circular = lambda x, w: fourier_conv2d(x, w, padding=1, algorithm="tiled", padding_mode="circular")  # noqa: E731
    assert torch.autograd.gradcheck(circular, (x, w))
    assert torch.autograd.gradgradcheck(circular, (x, w))


def test_unknown_padding_mode():
    with pytest.raises(ValueError, match="padding_mode='mirror': must be 'zeros' or 'circular'"):
        fourier_conv2d(torch.zeros(1, 1, 9, 9), torch.zeros(1, 1, 3, 3), padding=1, padding_mode="mirror")


@torch.no_grad()
def test_spectra_follow_the_weight_unless_it_is_frozen():
    layer = fnn.FourierConv2d(3, 4, 5, algorithm="tiled")
    x = torch.randn(1, 3, 20, 20)
    before = layer(x)
    layer.weight.data.mul_(2)  # leaves the version counter as it was
    after = layer(x)
    assert_close("convolution", after, F.conv2d(x, layer.weight, layer.bias))
    layer.freeze()
    assert not layer.weight.requires_grad
    layer.weight.data.zero_()
    assert_close("exact", layer(x), after)
    layer.freeze(False)
    assert layer.weight.requires_grad
    assert_close("convolution", layer(x), layer.bias[:, None, None].expand_as(before))


@torch.no_grad()
def test_layers_of_one_shape_keep_their_own_spectra():
    layers = [fnn.FourierConv2d(3, 3, 5, padding=2, algorithm="tiled").freeze() for _ in range(3)]
    x = torch.randn(1, 3, 20, 20)
    expected = [F.conv2d(x, layer.weight, layer.bias, padding=2) for layer in layers]
    for _ in range(2):
        for layer, value in zip(layers, expected, strict=True):
            assert_close("convolution", layer(x), value)


def case(channels, kernel, size, batch=2, recorded=False, **arguments):
    convolution = convolution_of(kernel, padding=kernel // 2, **arguments)
    both = (channels, channels)
    return convolution_route.Case(convolution, both, (size, size), batch, recorded, False, False)


@pytest.mark.parametrize(
    ("problem", "way"),
    [
        (case(64, 31, 64), "fourier"),
        (case(16, 7, 128), "fourier"),
        (case(64, 31, 64, groups=64), "fourier"),
        (case(64, 3, 64, groups=64), "direct"),
        (case(1, 3, 8), "direct"),
        (case(64, 1, 64), "direct"),
        (case(64, 7, 64, stride=7), "direct"),
    ],
)
def test_expected_ways(problem, way):
    assert convolution_route.takes(problem, "estimate", 1) == way


@pytest.mark.parametrize("recorded", [False, True])
def test_measured_way_is_remembered_and_right(recorded):
    pyfdsr.set_planner("measure")
    try:
        convolution_route.takes.cache_clear()
        x = torch.randn(2, 16, 40, 40, requires_grad=recorded)
        w = torch.randn(16, 16, 15, 15, requires_grad=recorded)
        for _ in range(2):
            assert_close("convolution", fourier_conv2d(x, w, padding=7), F.conv2d(x, w, padding=7))
        assert convolution_route.takes.cache_info().misses == 1
    finally:
        pyfdsr.set_planner("estimate")


@pytest.mark.parametrize("way", ["direct", "channels_last"])
@pytest.mark.parametrize("padding", [1, "same"])
def test_direct_ways_keep_the_layout(way, padding):
    x, w = torch.randn(2, 3, 9, 8), torch.randn(4, 3, 4, 3)
    convolution = convolution_of((4, 3), padding=padding)
    y = convolution_route.direct(x, w, None, convolution, way)
    assert y.is_contiguous()
    wide = F.pad(x, (1, 1, 1, 2) if padding == "same" else (1, 1, 1, 1))
    assert_close("convolution", y, F.conv2d(wide, w))
