"""Convolution on tensors against torch: kernels, channels, arguments, precisions, layouts, compilation."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyfdsr
from pyfdsr import nn as fnn
from pyfdsr.functional import fourier_conv2d, fourier_conv_transpose2d
from tests.tolerances import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")


def draw(inputs, outputs, kernel, size, groups=1, dtype=torch.float64, batch=2):
    torch.manual_seed(0)
    x = torch.randn(batch, inputs, *size, dtype=dtype, requires_grad=True)
    w = torch.randn(outputs, inputs // groups, *kernel, dtype=dtype, requires_grad=True)
    return x, w, torch.randn(outputs, dtype=dtype, requires_grad=True)


def assert_equal_to_torch(tensors, **arguments):
    wide = [t.detach().double().requires_grad_() for t in tensors]
    theirs = F.conv2d(*wide, **arguments)
    v = torch.randn_like(theirs)
    expected = (theirs, *torch.autograd.grad(theirs, wide, v))
    for algorithm in ("tiled", "spatial"):
        ours = fourier_conv2d(*tensors, **arguments, algorithm=algorithm)
        gradients = torch.autograd.grad(ours, tensors, v.to(ours.dtype))
        for mine, other in zip((ours, *gradients), expected, strict=True):
            assert_close("convolution", mine, other, ours.dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kernel", range(1, 64))
def test_square_kernels(kernel, dtype):
    size = (kernel + 5, kernel + 8 + kernel % 3)
    assert_equal_to_torch(draw(2, 3, (kernel, kernel), size, dtype=dtype), padding=kernel // 2)


@pytest.mark.parametrize("kernel", [(1, 63), (2, 31), (15, 4), (48, 1), (9, 10)])
def test_rectangular_kernels(kernel):
    assert_equal_to_torch(draw(3, 2, kernel, (50, 65)))


@pytest.mark.parametrize("outputs", [1, 3, 4, 5, 16, 17])
@pytest.mark.parametrize("inputs", [1, 3, 4, 5, 16, 17])
def test_channel_counts(inputs, outputs):
    assert_equal_to_torch(draw(inputs, outputs, (5, 3), (23, 29), dtype=torch.float32), padding=(2, 1))


@pytest.mark.parametrize(
    ("groups", "arguments"),
    [
        (1, {"stride": 2}),
        (1, {"stride": (3, 1), "padding": (0, 5)}),
        (1, {"stride": 7, "padding": 9}),
        (1, {"dilation": 3, "padding": "same"}),
        (1, {"dilation": (1, 2), "stride": (2, 3), "padding": 4}),
        (1, {"padding": "same"}),
        (1, {"padding": "valid", "stride": 2}),
        (2, {"padding": "same"}),
        (3, {"stride": 2, "padding": 1}),
        (12, {"padding": 2}),
        (12, {"padding": 2, "stride": 2, "dilation": 2}),
    ],
)
def test_arguments(groups, arguments):
    # An even and an odd side: "same" puts more zeros at one end.
    assert_equal_to_torch(draw(12, 24, (4, 5), (27, 25), groups), groups=groups, **arguments)


@pytest.mark.parametrize("padding", [2, "same"])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("algorithm", ["spatial", "tiled", "fourier"])
def test_padding_modes(mode, padding, algorithm):
    theirs = nn.Conv2d(3, 5, (4, 5), padding=padding, padding_mode=mode, dtype=torch.float64)
    ours = fnn.FourierConv2d.from_conv2d(theirs, algorithm=algorithm)
    x = torch.randn(2, 3, 17, 20, dtype=torch.float64)
    with torch.no_grad():  # replicate and reflect are copied where gradients are recorded
        assert_close("convolution", ours(x), theirs(x))
        last = x.to(memory_format=torch.channels_last)
        assert_close("convolution", ours(last), theirs(x))
    x.requires_grad_()
    y = ours(x)
    assert_close("convolution", y, theirs(x))
    v = torch.randn_like(y)
    parameters = (x, ours.weight, ours.bias)
    for mine, other in zip(
        torch.autograd.grad(y, parameters, v), torch.autograd.grad(theirs(x), parameters, v), strict=True
    ):
        assert_close("convolution", mine, other)


def test_an_image_with_nan_keeps_it_to_itself():
    x, w, _ = draw(3, 4, (5, 5), (30, 30), dtype=torch.float32, batch=3)
    x, w = x.detach(), w.detach()
    clean = fourier_conv2d(x, w, algorithm="tiled")
    for value in (float("nan"), float("inf")):
        x[1, 0, 3, 3] = value
        y = fourier_conv2d(x, w, algorithm="tiled")
        assert not y[1].isfinite().all()
        assert_close("exact", y[[0, 2]], clean[[0, 2]])


def test_bits_do_not_depend_on_threads():
    x, w, b = draw(5, 20, (5, 5), (40, 41), dtype=torch.float32, batch=5)
    results = []
    try:
        for threads in (1, 2):
            pyfdsr.set_num_threads(threads)
            y = fourier_conv2d(x, w, b, padding=2, algorithm="tiled")
            results.append((y, *torch.autograd.grad(y.square().sum(), (x, w))))
    finally:
        pyfdsr.set_num_threads(None)
    for one, two in zip(*results, strict=True):
        assert_close("exact", two, one)


def test_any_strides_are_read():
    x, w, _ = draw(6, 4, (3, 3), (20, 22))
    x, w = x.detach(), w.detach()
    expected = fourier_conv2d(x, w, algorithm="tiled")
    spread = torch.zeros(4, 6, 20, 44, dtype=x.dtype)
    spread[::2, :, :, ::2] = x
    turned = x.transpose(2, 3).contiguous().transpose(2, 3)
    for view in (spread[::2, :, :, ::2], turned, x.to(memory_format=torch.channels_last)):
        assert_close("exact", fourier_conv2d(view, w.transpose(0, 1).contiguous().transpose(0, 1),
                                             algorithm="tiled"), expected)  # fmt: skip
    repeated = x[:1].expand(3, -1, -1, -1)
    assert_close("exact", fourier_conv2d(repeated, w, algorithm="tiled")[2], expected[0])


def test_gradients_keep_channels_last():
    x, w, _ = draw(16, 8, (5, 5), (30, 31), dtype=torch.float32)
    last = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    y, y_last = (fourier_conv2d(t, w, padding=2, algorithm="tiled") for t in (x, last))
    (g,), (g_last,) = torch.autograd.grad(y.sum(), x), torch.autograd.grad(y_last.sum(), last)
    assert_close("convolution", g_last, g)
    v = torch.randn_like(y).contiguous(memory_format=torch.channels_last)
    (g_last,) = torch.autograd.grad(fourier_conv2d(last, w, padding=2, algorithm="tiled"), last, v)
    assert g_last.is_contiguous(memory_format=torch.channels_last)


def test_gradients_that_are_not_wanted_are_not_computed():
    x, w, b = draw(3, 4, (5, 5), (12, 12))
    y = fourier_conv2d(x.detach(), w, b, algorithm="tiled")
    y.sum().backward()
    assert x.grad is None
    assert w.grad is not None
    y = fourier_conv2d(x, w.detach(), algorithm="tiled")
    assert y.requires_grad
    assert not fourier_conv2d(x.detach(), w.detach(), algorithm="tiled").requires_grad


def test_second_order_with_bias_and_for_the_transpose():
    x, w, b = draw(2, 3, (3, 2), (6, 5), batch=1)
    assert torch.autograd.gradgradcheck(
        lambda x, w, b: fourier_conv2d(x, w, b, padding=1, algorithm="tiled").tanh(), (x, w, b)
    )
    w = w.detach().transpose(0, 1).contiguous().requires_grad_()
    transpose = lambda x, w: fourier_conv_transpose2d(x, w, stride=2, algorithm="tiled")  # noqa: E731
    assert torch.autograd.gradcheck(transpose, (x, w))
    assert torch.autograd.gradgradcheck(transpose, (x, w))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.bfloat16])
def test_autocast_casts_what_torch_casts(dtype):
    x, w = torch.randn(1, 3, 9, 9).to(dtype), torch.randn(2, 3, 3, 3).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert fourier_conv2d(x, w, algorithm="tiled").dtype == F.conv2d(x, w).dtype
        w = w.transpose(0, 1)
        ours = fourier_conv_transpose2d(x[:, :3], w, algorithm="tiled")
        assert ours.dtype == F.conv_transpose2d(x[:, :3], w).dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    x, w = torch.randn(2, 3, 20, 20).to(dtype), torch.randn(4, 3, 5, 5).to(dtype)
    expected = fourier_conv2d(x.float(), w.float(), algorithm="tiled").to(dtype)
    assert torch.equal(fourier_conv2d(x, w, algorithm="tiled"), expected)


@pytest.mark.parametrize(
    "arguments",
    [
        {"dilation": 3, "output_padding": 2},
        {"stride": (3, 1), "dilation": (1, 2), "output_padding": (2, 1), "padding": 1},
        {"padding": (6, 5)},
        {"stride": 2, "padding": (3, 0), "output_padding": 1},
    ],
)
@pytest.mark.parametrize("algorithm", ["auto", "tiled"])
def test_transposed_arguments(arguments, algorithm):
    x, w, _ = draw(4, 4, (5, 5), (9, 8))
    ours = fourier_conv_transpose2d(x, w, **arguments, algorithm=algorithm)
    theirs = F.conv_transpose2d(x, w, **arguments)
    assert_close("convolution", ours, theirs)
    v = torch.randn_like(theirs)
    gradients = (torch.autograd.grad(y, (x, w), v) for y in (ours, theirs))
    for mine, expected in zip(*gradients, strict=True):
        assert_close("convolution", mine, expected)


@pytest.mark.parametrize(
    "arguments", [{"output_padding": 1}, {"stride": 2, "output_padding": 2}, {"padding": 20}, {"groups": 3}]
)
def test_transposed_bad_arguments_raise_what_torch_raises(arguments):
    x, w, _ = draw(4, 4, (5, 5), (9, 8))
    with pytest.raises(RuntimeError) as theirs:
        F.conv_transpose2d(x, w, **arguments)
    with pytest.raises(RuntimeError) as ours:
        fourier_conv_transpose2d(x, w, **arguments, algorithm="tiled")
    assert str(ours.value) == str(theirs.value)


def test_other_devices_have_every_algorithm():
    x, w = torch.empty(1, 3, 9, 9, device="meta"), torch.empty(3, 3, 3, 3, device="meta")
    for function in (fourier_conv2d, fourier_conv_transpose2d):
        for algorithm in ("auto", "direct", "spatial", "tiled", "fourier"):
            assert function(x, w, algorithm=algorithm).device.type == "meta"
        with pytest.raises(ValueError, match="weight is on device cpu and input on meta"):
            function(x, torch.empty(3, 3, 3, 3), algorithm="tiled")


@pytest.mark.parametrize("layer", [fnn.FourierConv2d, fnn.FourierConvTranspose2d])
def test_compiled_training_equals_eager(layer):
    torch._dynamo.reset()
    layer = layer(3, 4, 5, stride=2, algorithm="tiled")
    x = torch.randn(2, 3, 12, 13, requires_grad=True)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    gradients = (
        torch.autograd.grad(f(x).square().sum(), (x, *layer.parameters())) for f in (compiled, layer)
    )
    for ours, theirs in zip(*gradients, strict=True):
        assert_close("exact", ours, theirs)
