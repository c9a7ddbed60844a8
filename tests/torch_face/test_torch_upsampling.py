"""Channel up-sampling, its two orders and the block built on it."""

import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from pyfdsr import nn
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters
from pyfdsr.nn import upsampling_strips
from pyfdsr.nn.upsampling import elu_of
from tolerances import allowed, assert_close

IDEAL = ChipConfig(dac=DACParameters(bits=0), adc=ADCParameters(bits=0))
OFFSETS = {"article": [(0, 0), (1, 0), (0, 1), (1, 1)], "pixel_shuffle": [(0, 0), (0, 1), (1, 0), (1, 1)]}


def article_upsample(x):
    """The article's listing, in other words: dilate, shift channels 1 and 2 and 3 of each group, add."""
    wide = nn.dilate2d(x)
    wide = wide.reshape(-1, 4, *wide.shape[-2:])
    shifted = [wide[:, k].roll(offset, (1, 2)) for k, offset in enumerate(OFFSETS["article"])]
    return sum(shifted).reshape(x.shape[0], x.shape[1] // 4, 2 * x.shape[2], 2 * x.shape[3])


@pytest.mark.parametrize("order", OFFSETS)
@given(shape=st.tuples(*[st.integers(1, 4)] * 4), last=st.booleans())
@settings(max_examples=15, deadline=None)
def test_each_pixel_comes_from_its_channel(order, shape, last):
    batch, groups, height, width = shape
    x = torch.randn(batch, 4 * groups, height, width)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    y = nn.channel_upsample2d(x, order)
    assert y.shape == (batch, groups, 2 * height, 2 * width)
    for k, (dy, dx) in enumerate(OFFSETS[order]):
        assert torch.equal(y[:, :, dy::2, dx::2], x[:, k::4])
    assert torch.equal(nn.channel_upsample2d(x[0], order), y[0])


def test_orders_are_the_articles_and_torchs():
    x = torch.randn(2, 12, 5, 7)
    assert torch.equal(nn.channel_upsample2d(x), article_upsample(x))
    assert torch.equal(nn.channel_upsample2d(x, "pixel_shuffle"), F.pixel_shuffle(x, 2))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.bfloat16, torch.float64, torch.complex64])
def test_any_dtype(dtype):
    x = torch.randint(0, 2, (1, 4, 2, 3)).to(dtype)
    assert nn.channel_upsample2d(x).dtype == dtype and nn.dilate2d(x).dtype == dtype
    assert torch.equal(nn.channel_upsample2d(x)[:, :, 1::2, ::2], x[:, 1:2])


@given(height=st.integers(1, 5), width=st.integers(1, 5), stride=st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_dilation_puts_zeros_between(height, width, stride):
    x = torch.rand(2, 3, height, width) + 1
    y = nn.dilate2d(x, stride)
    # The article's way: a transposed convolution with a kernel that is 1 at its corner.
    kernel = torch.zeros(3, 1, stride, stride)
    kernel[:, :, 0, 0] = 1
    assert torch.equal(y, F.conv_transpose2d(x, kernel, stride=stride, groups=3))


def test_gradients():
    x = torch.randn(2, 8, 3, 2, dtype=torch.float64, requires_grad=True)
    for order in OFFSETS:
        assert torch.autograd.gradcheck(lambda x, order=order: nn.channel_upsample2d(x, order), x)
    assert torch.autograd.gradcheck(nn.dilate2d, x)


@pytest.mark.parametrize("doublings", [1, 2])
def test_orders_exchange_weights(doublings):
    torch.manual_seed(0)
    x = torch.randn(1, 2, 6, 5)
    block = nn.UpsampleBlock(2, 2, 3, 1, doublings=doublings)
    torch.nn.init.normal_(block.conv_layers[-1].weight)
    expected = block(x)
    block.change_order("pixel_shuffle")
    assert block.order == "pixel_shuffle"
    assert_close("pointwise", block(x), expected)
    if doublings == 1:
        layer = block.conv_layers[-1]
        weight, bias = nn.exchange_upsample_order(layer.weight, layer.bias)
        y = F.conv2d(x := torch.randn(1, 8, 4, 4), weight, bias)
        assert_close("pointwise", nn.channel_upsample2d(y), F.pixel_shuffle(layer_valid(layer, x), 2))
        assert nn.exchange_upsample_order(weight)[1] is None


def layer_valid(layer, x):
    return F.conv2d(x, layer.weight, layer.bias)


@pytest.mark.parametrize("optical", [False, True])
def test_the_block_is_the_articles(optical):
    torch.manual_seed(0)
    block = nn.UpsampleBlock(3, 2, 3, 1, optical=optical, padding_mode="replicate", chip=IDEAL)
    assert list(block.state_dict())[:2] == ["conv_layers.0.weight", "conv_layers.0.bias"]
    kind = nn.OpticalConv2d if optical else nn.FourierConv2d
    assert [type(layer) for layer in block.conv_layers] == [kind, kind]
    torch.nn.init.normal_(block.conv_layers[-1].bias)
    x = torch.randn(2, 3, 5, 6)
    y = x
    for layer in block.conv_layers:
        y = F.elu(F.conv2d(F.pad(y, (1, 1, 1, 1), mode="replicate"), layer.weight, layer.bias))
    index = torch.arange(0, 12, 4)
    for i in range(4):
        y[:, index + i] += x
    before = x.clone()
    assert_close("convolution", block(x), article_upsample(y))
    assert_close("convolution", block(x[0]), article_upsample(y)[0])
    with torch.no_grad():
        assert_close("convolution", block(x), article_upsample(y))
    assert torch.equal(x, before)


def pattern(block, x):
    """How unlike the four phases of a block's output are."""
    y = block(x).detach()
    return max(float((y[..., dy::2, dx::2] - y[..., ::2, ::2]).abs().max()) for dy in (0, 1) for dx in (0, 1))


def trained(block, optimizer, steps=3):
    torch.manual_seed(1)
    x, target = torch.rand(2, 4, 6, 6), torch.rand(2, 4, 6 << block.doublings, 6 << block.doublings)
    optimizer = optimizer(block.parameters(), lr=0.05 if optimizer is torch.optim.Adam else 1.0)
    for _ in range(steps):
        optimizer.zero_grad()
        ((block(x) - target) ** 2).mean().backward()
        optimizer.step()
    return block


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize("doublings", [1, 2])
def test_checkerboards(optimizer, doublings):
    x = torch.rand(1, 4, 7, 5)
    same = allowed("pointwise", torch.float32)
    make = {tied: nn.UpsampleBlock(4, 2, 3, 1, tied=tied, doublings=doublings) for tied in (False, True)}
    assert max(pattern(block, x) for block in make.values()) <= same
    assert pattern(trained(make[False], optimizer), x) > 1e-3
    tied = trained(make[True], optimizer)
    assert pattern(tied, x) <= same
    groups = tied.conv_layers[-1].weight.unflatten(0, (4, -1))
    assert torch.equal(groups, groups[:, :1].expand_as(groups))
    # A state of an untied block is averaged.
    torch.nn.init.normal_(make[False].conv_layers[-1].weight)
    tied.load_state_dict(make[False].state_dict())
    assert pattern(tied, x) <= same and pattern(make[False], x) > 1e-3


def test_fixing_takes_the_first_member():
    block = nn.UpsampleBlock(2, 1, 3, 1)
    weight = torch.nn.init.normal_(block.conv_layers[0].weight).detach().clone()
    block.fix_initialisation()
    assert torch.equal(block.conv_layers[0].weight, weight[[0, 0, 0, 0, 4, 4, 4, 4]])


# -- strips


def by_strips(monkeypatch, block, x, head=None, strip_bytes=1 << 12):
    monkeypatch.setattr(upsampling_strips, "_STRIP_BYTES", strip_bytes)
    with torch.no_grad():
        assert upsampling_strips.goes_in_strips(block, x, head)
        return upsampling_strips.upsample_in_strips(block, x, head)


@pytest.mark.parametrize("mode", ["zeros", "replicate", "reflect"])
@pytest.mark.parametrize(("order", "doublings"), [("article", 1), ("pixel_shuffle", 2), ("article", 3)])
def test_strips_are_the_block(monkeypatch, mode, order, doublings):
    torch.manual_seed(0)
    block = nn.UpsampleBlock(3, 2, 3, 1, padding_mode=mode, order=order, doublings=doublings)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    heads = [None, torch.nn.Conv2d(3, 2, 1), torch.nn.Conv2d(3, 4, 1, bias=False)]
    x = torch.randn(3, 3, 23, 9)
    expected = block(x)  # a gradient may be asked for: not by strips
    for head in heads:
        after = expected if head is None else head(expected)
        assert_close("convolution", by_strips(monkeypatch, block, x, head), after)
        assert_close("convolution", by_strips(monkeypatch, block, x[0], head), after[0])
        # Two images together.
        assert_close("convolution", by_strips(monkeypatch, block, x, head, 2 * _bytes(block, x) // 3), after)


def _bytes(block, x):
    return x.numel() * 4 * 4**block.doublings


def test_what_does_not_go_in_strips(monkeypatch):
    monkeypatch.setattr(upsampling_strips, "_STRIP_BYTES", 64)
    x = torch.randn(1, 3, 8, 8)

    def goes(block, x=x, head=None):
        with torch.no_grad():
            return upsampling_strips.goes_in_strips(block, x, head)

    block = nn.UpsampleBlock(3, 1, 3, 1)
    assert goes(block) and not upsampling_strips.goes_in_strips(block, x)
    watched = nn.UpsampleBlock(3, 1, 3, 1)
    watched.register_forward_hook(lambda *_: None)
    assert goes(watched) and not goes(watched, head=torch.nn.Conv2d(3, 1, 1))
    assert not goes(block, x.double())
    assert not goes(nn.UpsampleBlock(3, 1, 3, 1, padding_mode="circular"))
    assert not goes(nn.UpsampleBlock(3, 1, 3, 1, optical=True, chip=IDEAL))
    with torch.autocast("cpu"):
        assert not goes(block)
    seen = []
    head = torch.nn.Conv2d(3, 1, 1)
    head.register_forward_hook(lambda *_: seen.append(1))
    assert goes(block) and not goes(block, head=head)
    block.conv_layers[0].register_forward_pre_hook(lambda *_: None)
    assert not goes(block)
    monkeypatch.undo()
    assert not goes(nn.UpsampleBlock(3, 1, 3, 1))  # fits the cache


def test_elu_in_place_is_elu():
    x = torch.tensor([-200.0, -3.0, -1e-3, -0.0, 0.0, 2.0, float("inf"), -float("inf"), float("nan")])
    with torch.no_grad():
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            y = elu_of(torch.nn.Identity(), x.to(dtype).clone())
            assert y.dtype == dtype and y[-1].isnan()
            assert_close("pointwise", y[:-3].double(), F.elu(x.to(dtype))[:-3].double(), torch.float32)
            assert torch.equal(y[-3:-1].float(), torch.tensor([float("inf"), -1.0]))


REFUSED = {
    "no tensor": (lambda: nn.channel_upsample2d([1]), TypeError, "x is a list: must be a tensor"),
    "shape": (lambda: nn.channel_upsample2d(torch.ones(4, 4)), ValueError, "x has shape (4, 4): must be"),
    "channels": (
        lambda: nn.channel_upsample2d(torch.ones(6, 4, 4)),
        ValueError,
        "x has 6 channels: must be a multiple of 4",
    ),
    "order": (
        lambda: nn.channel_upsample2d(torch.ones(4, 4, 4), "torch"),
        ValueError,
        "order='torch': must be 'article' or 'pixel_shuffle'",
    ),
    "stride": (lambda: nn.dilate2d(torch.ones(1, 4, 4), 0), ValueError, "stride=0: must be an integer of 1"),
    "exchange": (
        lambda: nn.exchange_upsample_order(torch.ones(6)),
        ValueError,
        "weight has 6 output channels: must be a multiple of 4",
    ),
    "depth": (lambda: nn.UpsampleBlock(0, 1, 3, 1), ValueError, "depth=0: must be an integer of 1"),
    "padding": (
        lambda: nn.UpsampleBlock(4, 1, 3, 0),
        ValueError,
        "kernel_size=3, padding=0: must be an odd kernel_size and padding=kernel_size // 2",
    ),
    "chip": (
        lambda: nn.UpsampleBlock(4, 1, 3, 1, optical=True),
        ValueError,
        "optical=True: needs chip=ChipConfig",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input(case):
    call, kind, message = REFUSED[case]
    with pytest.raises(kind, match=re.escape(message)):
        call()


def test_what_a_hook_keeps_of_a_convolution_stays():
    block, kept = nn.UpsampleBlock(2, 2, 3, 1), []
    for layer in block.conv_layers:
        layer.register_forward_hook(lambda module, inputs, output: kept.append((output, output.clone())))
    with torch.no_grad():
        block(torch.randn(1, 2, 6, 5))
    assert len(kept) == 2 and all(torch.equal(now, then) for now, then in kept)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's own, of its forward mode
def test_it_can_be_mapped_and_differentiated_forward():
    block = nn.UpsampleBlock(2, 1, 3, 1).double()
    x = torch.randn(3, 1, 2, 6, 5, dtype=torch.float64)
    with torch.no_grad():
        assert_close("convolution", torch.func.vmap(block)(x), torch.stack([block(one) for one in x]))
        _, tangent = torch.func.jvp(block, (x[0],), (x[1],))
    step = 1e-6
    difference = (block(x[0] + step * x[1]) - block(x[0] - step * x[1])).detach() / (2 * step)
    assert torch.allclose(tangent, difference, atol=1e-7)
