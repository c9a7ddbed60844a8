"""Convolution modules and functions against torch's own: values, gradients, states, compilation."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pyfdsr import nn as fnn
from pyfdsr.functional import fourier_conv2d, fourier_conv_transpose2d
from tests.tolerances import assert_close

CASES = [
    # in, out, kernel, size, arguments
    (1, 1, 1, (8, 9), {}),
    (3, 16, 3, (33, 31), {"padding": 1}),
    (16, 4, (4, 5), (20, 20), {"padding": "same"}),
    (16, 16, 7, (40, 37), {"padding": 3, "dilation": 2}),
    (17, 5, (2, 9), (30, 29), {"stride": (2, 3), "padding": (1, 4)}),
    (8, 8, 11, (32, 40), {"padding": 5, "groups": 8}),
    (8, 12, 5, (32, 21), {"padding": 2, "groups": 4}),
    (2, 3, 31, (64, 60), {"padding": 15}),
    (1, 2, 63, (70, 65), {"padding": 31}),
]


def draw(case, dtype=torch.float64, batch=2):
    inputs, outputs, kernel, size, arguments = case
    torch.manual_seed(0)
    kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    x = torch.randn(batch, inputs, *size, dtype=dtype, requires_grad=True)
    w = torch.randn(outputs, inputs // arguments.get("groups", 1), *kernel, dtype=dtype, requires_grad=True)
    return x, w, torch.randn(outputs, dtype=dtype, requires_grad=True)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # torch's own
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients_equal_torch(case, dtype):
    x, w, b = draw(case, dtype)
    wide = [t.detach().double().requires_grad_() for t in (x, w, b)]
    expected = F.conv2d(*wide, **case[-1])
    y = fourier_conv2d(x, w, b, **case[-1], algorithm="tiled")
    v = torch.randn_like(y)
    assert_close("convolution", y, expected, dtype)
    for ours, theirs in zip(
        torch.autograd.grad(y, (x, w, b), v), torch.autograd.grad(expected, wide, v.double()), strict=True
    ):
        assert_close("convolution", ours, theirs, dtype)


@pytest.mark.parametrize("algorithm", ["auto", "direct", "spatial", "fourier"])
def test_algorithms_agree(algorithm):
    x, w, b = draw((4, 4, 9, (64, 64), {}))
    assert_close("convolution", fourier_conv2d(x, w, b, algorithm=algorithm), F.conv2d(x, w, b))


@pytest.mark.parametrize("algorithm", ["spatial", "tiled"])
@pytest.mark.parametrize("arguments", [{}, {"stride": 2, "padding": 1}, {"groups": 2, "dilation": 2}])
def test_gradients_of_first_and_second_order(arguments, algorithm):
    x, w, _ = draw((2, 4, (3, 2), (7, 6), arguments), batch=1)
    function = lambda x, w: fourier_conv2d(x, w, None, **arguments, algorithm=algorithm)  # noqa: E731
    assert torch.autograd.gradcheck(function, (x, w))
    assert torch.autograd.gradgradcheck(function, (x, w))


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_module_equals_torch_in_state_values_and_draw(mode):
    torch.manual_seed(3)
    theirs = nn.Conv2d(3, 6, 5, padding=2, padding_mode=mode)
    torch.manual_seed(3)
    ours = fnn.FourierConv2d(3, 6, 5, padding=2, padding_mode=mode, algorithm="tiled")
    assert all(torch.equal(a, b) for a, b in zip(theirs.parameters(), ours.parameters(), strict=True))
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 21, 22)
    assert_close("convolution", ours(x), theirs(x))
    for copied in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(copied(x), ours(x))
    assert "algorithm='tiled'" in repr(ours)


def test_kept_spectra_follow_the_content_of_the_weight():
    x, w, _ = draw((4, 4, 5, (30, 30), {}), torch.float32)
    with torch.no_grad():
        first = fourier_conv2d(x, w, algorithm="tiled")
        assert torch.equal(fourier_conv2d(x, w, algorithm="tiled"), first)
        w.data.numpy()[:] *= 2  # leaves torch's version counter as it is
        assert_close("convolution", fourier_conv2d(x, w, algorithm="tiled"), 2 * first)


@pytest.mark.parametrize("arguments", [{}, {"stride": 3, "padding": 1, "output_padding": 2}, {"groups": 2}])
def test_transposed_convolution(arguments):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64, requires_grad=True)
    theirs = nn.ConvTranspose2d(4, 6, 5, dtype=torch.float64, **arguments)
    ours = fnn.FourierConvTranspose2d(4, 6, 5, dtype=torch.float64, algorithm="tiled", **arguments)
    ours.load_state_dict(theirs.state_dict())
    assert_close("convolution", ours(x), theirs(x))
    (ours_v,), (theirs_v,) = (torch.autograd.grad(layer(x).square().sum(), x) for layer in (ours, theirs))
    assert_close("convolution", ours_v, theirs_v)
    w = ours.weight
    assert torch.equal(fourier_conv_transpose2d(x, w, ours.bias, **arguments, algorithm="tiled"), ours(x))


def test_channels_last_is_kept_and_equal():
    x, w, b = draw((16, 8, 5, (30, 31), {}), torch.float32)
    last = x.detach().to(memory_format=torch.channels_last)
    y = fourier_conv2d(last, w, b, padding=2, algorithm="tiled")
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert_close("exact", y, fourier_conv2d(x, w, b, padding=2, algorithm="tiled"))


def test_complex_half_unbatched_and_empty_inputs():
    x, w, _ = draw((3, 4, 5, (20, 21), {}), torch.complex128)
    assert_close("convolution", fourier_conv2d(x, w, algorithm="tiled"), F.conv2d(x, w))
    x, w, _ = draw((3, 4, 5, (20, 21), {}), torch.float32)
    assert fourier_conv2d(x.bfloat16(), w.bfloat16(), algorithm="tiled").dtype == torch.bfloat16
    assert_close(
        "exact", fourier_conv2d(x[0], w, algorithm="tiled"), fourier_conv2d(x, w, algorithm="tiled")[0]
    )
    assert fourier_conv2d(x[:0], w, algorithm="tiled").shape == (0, 4, 16, 17)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = fourier_conv2d(x, w, algorithm="tiled")
        assert y.dtype == F.conv2d(x, w).dtype
        y.float().sum().backward()
    assert w.grad.dtype == torch.float32


def test_compiled_graph_equals_eager():
    torch._dynamo.reset()
    layer = fnn.FourierConv2d(3, 4, 5, padding=2, algorithm="tiled")
    x = torch.randn(2, 3, 18, 18, requires_grad=True)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    y = compiled(x)
    assert_close("exact", y, layer(x))
    (ours,), (theirs,) = (torch.autograd.grad(f(x).square().sum(), x) for f in (compiled, layer))
    assert_close("exact", ours, theirs)


def test_replace_conv2d_shares_parameters_and_leaves_small_kernels():
    shared = nn.Conv2d(4, 4, 7, padding=3)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(shared, nn.ReLU(), shared)).eval()
    x = torch.randn(1, 3, 30, 30)
    expected, state = model(x), model.state_dict()
    swapped = fnn.replace_conv2d(model, min_kernel=5, algorithm="tiled")
    assert swapped is model
    assert type(model[0]) is nn.Conv2d
    assert isinstance(model[1][0], fnn.FourierConv2d)
    assert model[1][0] is model[1][2]
    assert model[1][0].weight is shared.weight
    assert not model[1][0].training
    assert state.keys() == model.state_dict().keys()
    assert_close("convolution", model(x), expected)
    assert isinstance(fnn.replace_conv2d(nn.Conv2d(1, 1, 3)), fnn.FourierConv2d)


def test_lazy_layer_becomes_an_ordinary_one():
    layer = fnn.LazyFourierConv2d(4, 5, algorithm="tiled")
    x = torch.randn(1, 3, 12, 12)
    assert_close("convolution", layer(x), F.conv2d(x, layer.weight, layer.bias))
    assert type(layer) is fnn.FourierConv2d


@pytest.mark.parametrize(
    "change",
    [
        lambda x, w: (x[:, :2], w, {}),
        lambda x, w: (x.double(), w, {}),
        lambda x, w: (x, w, {"stride": 0}),
        lambda x, w: (x, w, {"padding": -1}),
        lambda x, w: (x, w, {"dilation": 9}),
        lambda x, w: (x, w, {"groups": 2}),
        lambda x, w: (x, w, {"bias": torch.zeros(7)}),
        lambda x, w: (x[0, 0], w, {}),
        lambda x, w: (x, w, {"padding": "same", "stride": 2}),
    ],
)
def test_bad_arguments_raise_what_torch_raises(change):
    x, w, _ = draw((3, 4, 5, (20, 21), {}), torch.float32)
    x, w, arguments = change(x, w)
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        F.conv2d(x, w, **arguments)
    with pytest.raises(theirs.type) as ours:
        fourier_conv2d(x, w, **arguments, algorithm="tiled")
    assert str(ours.value) == str(theirs.value)


def test_unknown_algorithm():
    x, w, _ = draw(CASES[1])
    with pytest.raises(ValueError, match="algorithm='winograd'"):
        fourier_conv2d(x, w, algorithm="winograd")
    with pytest.raises(ValueError, match="algorithm='winograd'"):
        fnn.FourierConv2d(3, 4, 3, algorithm="winograd")
