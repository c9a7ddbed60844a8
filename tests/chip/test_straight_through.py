"""Law 11, the straight-through gradient: at the values that were written, zero where a converter clipped."""

import numpy as np
import pytest
import torch
from test_optical_conv2d import maps

from pyfdsr import nn
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters, PrecisionParameters
from pyfdsr.chip.calibrate import calibrate_ranges
from pyfdsr.functional import optical_conv2d
from pyfdsr.reference.chip_frame import frame as twin_frame
from tolerances import assert_close


def test_straight_through_is_zero_where_converters_clip():
    config = ChipConfig(dac=DACParameters(4, 1.0), adc=ADCParameters(8, 50.0), dc="optical")
    x, w = maps(1, 1, (13, 13)).requires_grad_(), torch.ones(1, 1, 1, 1, requires_grad=True)
    optical_conv2d(x, w, chip=config, gradient="ste").sum().backward()
    assert torch.equal(x.grad, (x.abs() <= 1).float())
    # The weight's gradient is the sum of what was written: multiples of 1/7 within ±1.
    written = (x.detach() * 7).round().clamp(-7, 7) / 7
    assert_close("reduction", w.grad.flatten(), written.sum().reshape(1))


def test_straight_through_is_zero_where_the_last_converter_clips():
    config = ChipConfig(dac=DACParameters(0), adc=ADCParameters(16, 1.0), dc="optical")
    # A constant map would clip the first transform's ADC: alternate signs spread over the spectrum instead.
    x = maps(1, 1, (11, 11)) * 0.3
    x[0, 0, 5, 5] = 3.0
    x.requires_grad_()
    y = optical_conv2d(x, torch.ones(1, 1, 1, 1), chip=config, gradient="ste")
    y.sum().backward()
    assert torch.equal(x.grad == 0, y.detach().abs() >= 1 - 1e-5) and (x.grad == 0).any()


def written_by_the_twin(field, config, bound):
    """A real field as one frame writes it: the twin's frame with an ideal readout, transformed back."""
    ideal = config.replace(adc=ADCParameters(0), noise=NoiseParameters())
    light = twin_frame(
        field.astype(complex), True, ideal, (bound, "abs_max"), None, (0, 0), 0, 0, False, field.shape, False
    )
    return np.fft.ifft2(light, norm="ortho").real


def gradients_by_tiles(x, w, v, config, padding):
    """Both gradients by loops over the tiles, one input and one output channel, stride 1."""
    n, k = config.frame[0], w.shape[0]
    padded, valid = np.pad(x, padding), n - k + 1
    v_x, v_w, outs = np.zeros_like(padded), np.zeros_like(w), v.shape
    for y0 in range(0, outs[0], valid):
        for x0 in range(0, outs[1], valid):
            tile = np.zeros((n, n))
            part = padded[y0 : y0 + n, x0 : x0 + n]
            tile[: part.shape[0], : part.shape[1]] = part
            mean = tile.mean() if config.dc == "electronic" else 0.0
            bound = config.dac.bound
            kept = np.abs(tile - mean) <= (np.inf if bound == "abs_max" else bound)
            values = written_by_the_twin(tile - mean, config, bound) + mean
            for i, j in np.ndindex(*v[y0 : y0 + valid, x0 : x0 + valid].shape):
                here = v[y0 + i, x0 + j]
                v_w += here * values[i : i + k, j : j + k]
                room = v_x[y0 + i : y0 + i + k, x0 + j : x0 + j + k]
                room += here * (w * kept[i : i + k, j : j + k])[: room.shape[0], : room.shape[1]]
    return v_x[padding : padding + x.shape[0], padding : padding + x.shape[1]], v_w


@pytest.mark.parametrize("dc", ["electronic", "optical"])
@pytest.mark.parametrize(
    "dac, precision",
    [
        (DACParameters(4, 0.9), PrecisionParameters()),
        (DACParameters(4, "abs_max"), PrecisionParameters()),
        (DACParameters(4, 0.9, "polar"), PrecisionParameters()),
        (DACParameters(4, "abs_max", "mzi"), PrecisionParameters()),
        (DACParameters(4, 0.9, "mzi", linearise=True), PrecisionParameters()),
        (DACParameters(3, 0.9), PrecisionParameters("binary", 6)),
        (DACParameters(3, 0.9), PrecisionParameters("thermometer", 4)),
    ],
    ids=str,
)
def test_straight_through_is_the_gradient_at_what_each_tile_writes(dac, precision, dc):
    config = ChipConfig(dac=dac, adc=ADCParameters(0), precision=precision, dc=dc)
    x, w = maps(1, 1, (14, 17), torch.float64), torch.randn(3, 3, dtype=torch.float64)
    v = maps(1, 1, (14, 17), torch.float64, seed=3)
    x_, w_ = x.clone().requires_grad_(), w[None, None].clone().requires_grad_()
    optical_conv2d(x_, w_, padding=1, chip=config, gradient="ste").backward(v)
    v_x, v_w = gradients_by_tiles(x[0, 0].numpy(), w.numpy(), v[0, 0].numpy(), config, 1)
    assert_close("gradient", x_.grad[0, 0], torch.from_numpy(v_x))
    assert_close("gradient", w_.grad[0, 0], torch.from_numpy(v_w))


@pytest.mark.parametrize("name", ["stride", "dilation and groups", "two passes", "many images"])
def test_straight_through_by_tiles_is_the_exact_gradient_of_fine_converters(name):
    # 16 bits of the largest value of each frame: half a step is 1.5e-5 of it, and some of 100 values add up.
    config = ChipConfig(dac=DACParameters(16, "abs_max"), adc=ADCParameters(0))
    arguments, keywords, size = {
        "stride": ((4, 6, 3), {"stride": (2, 3), "padding": (2, 1)}, (2, 4, 20, 23)),
        "dilation and groups": ((4, 6, 3), {"dilation": (3, 2), "groups": 2, "padding": 2}, (2, 4, 20, 23)),
        "two passes": ((1, 2, 13), {"padding": 6}, (2, 1, 20, 23)),
        "many images": ((2, 3, 3), {}, (3000, 2, 20, 23)),
    }[name]
    layer = nn.OpticalConv2d(*arguments, chip=config, gradient="ste", **keywords)
    plain = torch.nn.Conv2d(*arguments, **keywords)
    plain.load_state_dict(layer.state_dict(), strict=False)
    x = torch.randn(size, generator=torch.Generator().manual_seed(0)).requires_grad_()
    v = torch.randn(plain(x).shape, generator=torch.Generator().manual_seed(1))
    found = torch.autograd.grad(layer(x), (x, *layer.parameters()), v)
    for ours, exact in zip(found, torch.autograd.grad(plain(x), (x, *plain.parameters()), v), strict=True):
        assert (ours - exact).abs().max() < 1e-4 * exact.abs().max()


@pytest.mark.parametrize("dc", ["electronic", "optical"])
@pytest.mark.parametrize("detection", ["balanced", "intensity_phase_step"])
@pytest.mark.parametrize("kernel", [1, 3, 13])
def test_what_the_last_converter_clips_is_told(kernel, detection, dc):
    full_scale = 0.4
    config = ChipConfig(dac=DACParameters(0), adc=ADCParameters(16, full_scale), dc=dc, detection=detection)
    outputs = 12 - kernel if kernel < 13 else 14
    torch.manual_seed(0)
    # Weak maps with a few strong values, which the spectrum's ADC does not clip: what is read is the map.
    x = torch.randn(1, 1, outputs + kernel - 1, outputs + kernel - 1) * 0.1
    x[0, 0, ::3, ::2] *= 3
    x[0, 0, 1, 1], x[0, 0, 2, 3] = 0.7, -0.7
    x = (x - x.mean()).requires_grad_()
    w = torch.zeros(1, 1, kernel, kernel)
    w[0, 0, 0, 0] = 1
    y = optical_conv2d(x, w, chip=config, gradient="ste")
    y.sum().backward()
    kept = x.grad[:, :, :outputs, :outputs]
    values = x.detach()[:, :, :outputs, :outputs]
    # With an electronic mean that of the tile, 0 here, is not read.
    if detection == "balanced":
        clipped = values.abs() > full_scale
    else:  # the intensities |Y + R|² and |Y|² against (A + R)² + A², with R = A
        clipped = (values + full_scale) ** 2 > 5 * full_scale**2
    assert torch.equal(kept == 0, clipped) and clipped.any() and set(kept.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("shots", [1, 4])
def test_a_share_of_the_shots_is_clipped(shots):
    config = ChipConfig(
        dac=DACParameters(0),
        adc=ADCParameters(16, 1.0),
        noise=NoiseParameters(out_noise=0.5),
        precision=PrecisionParameters(shots=shots),
        dc="optical",
    )
    layer = nn.OpticalConv2d(1, 1, 1, chip=config, gradient="ste", bias=False)
    with torch.no_grad():
        layer.weight.fill_(1)
    x = torch.zeros(40, 1, 11, 11, requires_grad=True)
    layer(x).sum().backward()
    shares = x.grad * shots
    assert torch.equal(shares, shares.round()) and shares.min() < shots == shares.max()
    assert int((shots - shares).sum()) == layer.counts["adc_clipped"][1]


@pytest.mark.parametrize("dc", ["optical", "electronic"])
def test_no_images_have_no_gradient(dc):
    layer = nn.OpticalConv2d(2, 3, 3, chip=ChipConfig.assumed_4bit().replace(dc=dc), gradient="ste")
    calibrate_ranges(layer, [torch.rand(2, 2, 20, 20)])
    x = torch.zeros(0, 2, 20, 20, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.shape == x.shape and torch.equal(layer.weight.grad, torch.zeros_like(layer.weight))
