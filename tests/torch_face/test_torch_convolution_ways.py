"""Circular padding, kept spectra, and the choice between torch's kernels and the Fourier domain."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyfdsr
from pyfdsr import _plans
from pyfdsr import nn as fnn
from pyfdsr._convolution import Convolution, convolution_of
from pyfdsr.functional import convolution_route, fourier_conv2d
from pyfdsr.functional.convolution_times import Case, time_of_core
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


@pytest.mark.parametrize("algorithm", ["auto", "direct"])
def test_circular_padding_of_what_the_core_does_not_take(algorithm):
    x, w = torch.arange(36).reshape(1, 1, 6, 6), torch.arange(9).reshape(1, 1, 3, 3)
    y = fourier_conv2d(x, w, padding=1, padding_mode="circular", algorithm=algorithm)
    assert torch.equal(y, F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), w))
    assert fourier_conv2d(x.to("meta"), w.to("meta"), padding=1, padding_mode="circular").shape == y.shape


@pytest.mark.parametrize("algorithm", ["auto", "direct", "tiled"])
def test_circular_padding_beyond_the_input_raises_what_torch_raises(algorithm):
    layer = fnn.FourierConv2d(1, 1, 13, padding=6, padding_mode="circular", algorithm=algorithm)
    with pytest.raises(RuntimeError, match="wrapping around more than once"):
        layer(torch.randn(1, 1, 4, 4))


def test_a_wrong_type_does_not_stay_in_memory():
    x, w = torch.randn(1, 3, 17, 18), torch.randn(2, 3, 3, 3)
    with pytest.raises(TypeError):
        fourier_conv2d(x, w, groups=1.0, algorithm="tiled")
    right = fourier_conv2d(x, w, groups=1, algorithm="tiled")
    assert not torch.equal(right, F.conv2d(x, w))  # rounded another way
    with pytest.raises(TypeError):
        fourier_conv2d(x, w, groups=1.0, algorithm="tiled")


def test_nan_in_a_kernel_stays_in_its_channel():
    x = torch.randn(1, 16, 20, 20)
    for groups in (1, 16):
        w = torch.randn(16, 16 // groups, 3, 3)
        clean = fourier_conv2d(x, w, groups=groups, algorithm="tiled")
        w[0, 0, 1, 1], w[5, 0, 0, 0] = float("nan"), float("inf")
        y = fourier_conv2d(x, w, groups=groups, algorithm="tiled")
        assert y[:, 0].isnan().all()
        assert y[:, 5].isnan().all()
        others = [c for c in range(16) if c not in (0, 5)]
        assert_close("convolution", y[:, others], clean[:, others])
        w = torch.randn(16, 16 // groups, 3, 3, requires_grad=True)
        v = torch.randn_like(y)
        y = fourier_conv2d(x, w, groups=groups, algorithm="tiled")
        (clean,) = torch.autograd.grad(y, w, v, retain_graph=True)
        v[0, 0, 3, 3] = float("nan")
        (v_w,) = torch.autograd.grad(y, w, v)
        assert v_w[0].isnan().all()
        assert_close("convolution", v_w[1:], clean[1:])


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's own, of its forward mode
def test_transformed_functions_are_left_to_torch():
    x, w = torch.randn(1, 16, 64, 64), torch.randn(16, 16, 11, 11)
    loss = lambda w: fourier_conv2d(x, w, padding=5).square().sum()  # noqa: E731
    expected = torch.func.grad(lambda w: F.conv2d(x, w, padding=5).square().sum())(w)
    assert_close("convolution", torch.func.grad(loss)(w), expected)
    layer = fnn.FourierConv2d(16, 16, 11, padding=5)
    with torch.autograd.forward_ad.dual_level(), torch.no_grad():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        assert torch.autograd.forward_ad.unpack_dual(layer(dual)).tangent is not None


def test_unknown_padding_mode():
    with pytest.raises(ValueError, match="padding_mode='mirror': must be one of 'zeros'"):
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
    assert_close("exact", layer(x), after)
    layer.weight.data.zero_()  # a broken promise shows that it was believed
    assert_close("exact", layer(x), after)
    layer.freeze(False)
    assert layer.weight.requires_grad
    assert_close("convolution", layer(x), layer.bias[:, None, None].expand_as(before))


@torch.no_grad()
def test_a_layer_frozen_again_forgets_its_old_spectra():
    layer = fnn.FourierConv2d(3, 4, 5, algorithm="tiled")
    x = torch.randn(1, 3, 20, 20)
    layer.freeze()(x)
    layer.freeze(False).weight.mul_(-3)
    assert_close("convolution", layer.freeze()(x), F.conv2d(x, layer.weight, layer.bias))
    copied = copy.deepcopy(layer)
    copied.weight.data.mul_(2)
    assert_close("convolution", copied(x), F.conv2d(x, copied.weight, copied.bias))
    layer.load_state_dict({"weight": torch.randn(4, 3, 5, 5), "bias": torch.zeros(4)})
    assert_close("convolution", layer(x), F.conv2d(x, layer.weight, layer.bias))
    learned = fnn.FourierConv2d(3, 4, 5)
    learned.weight.requires_grad_(False)
    assert not learned.freeze().freeze(False).weight.requires_grad


@torch.no_grad()
@pytest.mark.parametrize("change", ["half", "channels_last"])
def test_frozen_layers_whose_weights_are_copied_keep_their_own_spectra(change):
    layers = [fnn.FourierConv2d(3, 3, 5, padding=2, algorithm="tiled") for _ in range(8)]
    x = torch.randn(1, 3, 20, 20)
    if change == "half":
        layers, x = [layer.bfloat16() for layer in layers], x.bfloat16()
    else:
        layers = [layer.to(memory_format=torch.channels_last) for layer in layers]
    unfrozen = [layer(x) for layer in layers]
    for _ in range(2):
        for layer, expected in zip(layers, unfrozen, strict=True):
            assert torch.equal(layer.freeze()(x), expected)


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
        (case(64, 3, 64, groups=64), "fourier"),  # the core's direct sums
        (case(4, 3, 128, recorded=True), "fourier"),
        (case(1, 3, 8), "direct"),
        (case(64, 3, 64, stride=2), "direct"),
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
        before = torch.get_rng_state()
        for _ in range(2):
            assert_close("convolution", fourier_conv2d(x, w, padding=7), F.conv2d(x, w, padding=7))
        assert torch.equal(torch.get_rng_state(), before)
        circular = fourier_conv2d(x, w[:, :, :3, :3], padding=2, padding_mode="circular")
        wide = F.pad(x, (2, 2, 2, 2), mode="circular")
        assert_close("convolution", circular, F.conv2d(wide, w[:, :, :3, :3]))
        assert convolution_route.takes.cache_info().misses == 2
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


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("mode", ["zeros", "circular", "replicate", "reflect"])
def test_tracing_for_torchscript_is_left_to_torch(mode):
    layer = fnn.FourierConv2d(2, 3, 3, padding=1, padding_mode=mode)
    x = torch.randn(1, 2, 8, 9)
    assert_close("convolution", torch.jit.trace(layer, x)(x), layer(x))


def test_parametrised_layers_are_swapped_as_well():
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 4, 7)), nn.Conv2d(4, 4, 7))
    x = torch.randn(1, 1, 20, 20)
    expected = model(x)
    swapped = fnn.replace_conv2d(model)
    assert all(isinstance(layer, fnn.FourierConv2d) for layer in swapped)
    assert_close("convolution", swapped(x), expected)


def test_many_weights_are_never_summed_directly():
    settings = ((3, 3), (14, 14), (1, 1), (1, 1, 1, 1), (1, 1), 1, "zeros", False)
    assert _plans.fourier_conv2d_plan(512, 512, *settings).algorithm != "spatial"
    summed = _plans.fourier_conv2d_plan(512, 512, *settings, "spatial")
    assert summed.expected_nanoseconds(2) == float("inf")
    few = ((3, 3), (128, 128), *settings[2:])
    assert _plans.fourier_conv2d_plan(4, 4, *few).algorithm == "spatial"


@pytest.mark.parametrize("algorithm", ["spatial", "tiled"])
def test_larger_batches_and_gradients_are_expected_to_take_longer(algorithm):
    settings = ((5, 5), (64, 64), (1, 1), (2,) * 4, (1, 1), 1, "zeros", False, algorithm)
    plan, trained = (_plans.fourier_conv2d_plan(16, 16, *settings, trained=t) for t in (False, True))
    inference, training = plan.expected_nanoseconds(8), trained.expected_nanoseconds(8)
    assert 2 * inference < training < 10 * inference
    assert 2 * plan.expected_nanoseconds(8) < plan.expected_nanoseconds(64) < 9 * plan.expected_nanoseconds(8)
    gathered = plan.expected_nanoseconds(8, channels_last=True)
    assert gathered > inference if algorithm == "spatial" else gathered == inference


@pytest.mark.parametrize("groups", [1, 8, 32])
def test_single_samples_in_channels_last_are_left_to_torch(groups):
    shape = Convolution((1, 1), (1, 1), (0, 0, 0, 0), (1, 1), groups)
    last = Case(shape, (32, 32), (128, 128), 2, recorded=False, double=False, channels_last=True)
    assert time_of_core(last) == float("inf")
    if groups > 1:
        assert time_of_core(last._replace(channels_last=False)) < float("inf")
