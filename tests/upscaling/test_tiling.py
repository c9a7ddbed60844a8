"""Tiles without seams: equal to the whole image, for electronic networks and on a chip without noise."""

import re

import numpy as np
import pytest
import torch

from pyfdsr import chip, models
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters
from pyfdsr.models import SuperResolutionCNN, SuperResolutionUNet
from pyfdsr.upscaling import upscale
from tolerances import assert_close

MAKE = {"gradual": SuperResolutionCNN, "late": SuperResolutionCNN.late, "unet": SuperResolutionUNet}


def network(make=SuperResolutionCNN, **arguments):
    """A network whose layers all matter, far from its initialisation."""
    torch.manual_seed(0)
    model = make(**arguments)
    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.kaiming_uniform_(parameter, a=1)
    return model


@pytest.mark.parametrize("tile", [8, 13, 21])
@pytest.mark.parametrize("shape", MAKE)
def test_tiles_are_the_whole(shape, tile):
    model = network(MAKE[shape])
    image = torch.rand(2, 3, 61, 23)  # longer than any margin
    with torch.no_grad():
        whole = model(image)
    assert_close("convolution", upscale(model, image, tile), whole)
    assert_close("convolution", upscale(model, image[0], tile, batch=3), whole[0])
    assert model.training


@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_other_borders(mode):
    model = network(padding_mode=mode)
    image = torch.rand(3, 20, 17)
    with torch.no_grad():
        assert_close("convolution", upscale(model, image, 6), model(image))


def test_margins_are_needed_and_no_wider():
    model = network().double()
    image = torch.rand(3, 40, 1, dtype=torch.float64)
    first, last = model.input_range(8 * 16, 8 * 24)
    with torch.no_grad():
        whole = model(image)[:, 8 * 16 : 8 * 24]

        def error(first, last):
            part = model(image[:, first:last])[:, 8 * (16 - first) : 8 * (24 - first)]
            return float((part - whole).abs().max())

        assert error(first, last) < 1e-12
        assert error(first + 1, last) > 1e-9 and error(first, last - 1) > 1e-9


QUIET = {
    "frame-wise": ChipConfig(dac=DACParameters(6, "abs_max"), adc=ADCParameters(8, "abs_max")),
    "fixed": ChipConfig(dac=DACParameters(6, 2.0), adc=ADCParameters(8, 2.0), dc="optical"),
}


@pytest.mark.parametrize("config", QUIET)
def test_tiles_on_a_quiet_chip_are_the_whole(config):
    # Few, small layers: margins reach to the ends of 9×9 and 11×11 frames.
    model = network(
        depths=(2,), lengths=(1,), optical=True, chip=QUIET[config], in_channels=1, out_channels=1
    )
    assert model.alignment == 99
    image = torch.rand(1, 120, 11)
    with torch.no_grad():
        whole = model(image)
    assert_close("pointwise", upscale(model, image, 60), whole)
    digital = network(depths=(2,), lengths=(1,), in_channels=1, out_channels=1)
    assert (digital(image) - whole).abs().max() > 1e-3


def test_noise_is_drawn_for_each_tile():
    noisy = ChipConfig(
        dac=DACParameters(0), adc=ADCParameters(0), noise=NoiseParameters(out_noise=0.01), frame=(11, 11)
    )
    noisy = noisy.replace(adc=ADCParameters(0, 4.0), dac=DACParameters(0, 4.0))
    model = network(depths=(2,), lengths=(1,), optical=True, chip=noisy, in_channels=1, out_channels=1)
    image = torch.full((1, 11, 30), 0.5)
    tiles = [upscale(model, image, 10)[..., 20 * i : 20 * i + 20] for i in range(3)]
    assert not torch.equal(tiles[0], tiles[1]) and not torch.equal(tiles[1], tiles[2])
    assert torch.equal(upscale(model, image, 10), torch.cat(tiles, -1))
    assert torch.equal(upscale(model, image, 10, batch=2), torch.cat(tiles, -1))
    stacked = upscale(model, image.expand(2, -1, -1, -1), 10)
    assert torch.equal(stacked[0], torch.cat(tiles, -1)) and not torch.equal(stacked[0], stacked[1])
    with chip.sample_offset(100):
        assert not torch.equal(upscale(model, image, 10), torch.cat(tiles, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_arrays(dtype):
    model, white = network(), np.iinfo(dtype).max
    with torch.no_grad():
        model.cf.bias += 0.5
    image = np.random.default_rng(0).integers(0, white, (9, 14, 3), dtype, endpoint=True)
    with torch.no_grad():
        whole = model(torch.from_numpy(image.astype(np.float32) / white).permute(2, 0, 1))
    expected = (whole.clamp(0, 1) * white).round().permute(1, 2, 0).numpy()
    result = upscale(model, image, 5)
    assert result.dtype == dtype and result.shape == (72, 112, 3)
    assert 0.1 < ((result > 0) & (result < white)).mean() < 1
    # Rounded values may fall on the other side of a half.
    difference = np.abs(result.astype(int) - expected.astype(int))
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-2
    out = np.zeros_like(result)
    assert upscale(model, image[:, ::-1][:, ::-1], 5, out=out) is out and (out == result).all()
    grey = upscale(model, image[..., :1], 50)
    weights = np.array([0.299, 0.587, 0.114])
    with torch.no_grad():
        three = model(
            torch.from_numpy(np.repeat(image[..., :1], 3, 2).astype(np.float32) / white).permute(2, 0, 1)
        )
    luma = np.clip((three.permute(1, 2, 0).numpy() * weights).sum(2), 0, 1) * white
    assert grey.shape == (72, 112, 1) and np.abs(grey[..., 0] - luma).max() <= 0.51


def test_smaller_scales_are_means():
    model = network()
    image = torch.rand(3, 7, 6)
    whole = upscale(model, image)
    for scale in (1, 2, 4):
        small = upscale(model, image, 4, scale=scale)
        assert_close("pointwise", small, torch.nn.functional.avg_pool2d(whole, 8 // scale))
    for scale in (3, 16, 0, 2.0, True):
        with pytest.raises(ValueError, match=re.escape(f"scale={scale!r}: must be one of 1, 2, 4, 8")):
            upscale(model, image, scale=scale)


def test_progress():
    seen = []
    upscale(network(), torch.rand(2, 3, 6, 6), 3, progress=seen.append)
    assert seen == [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]


def test_a_failure_restores_the_mode():
    model = network()
    model.c1.eval()

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upscale(model, torch.rand(3, 6, 6), 3, progress=stop)
    assert model.training and not model.c1.training


REFUSED = {
    "model": (
        lambda m: upscale(torch.nn.Identity(), None),
        "model is a Identity: must be a super-resolution",
    ),
    "tile": (lambda m: upscale(m, torch.rand(3, 4, 4), 0), "tile=0: must be an integer of 1 or more"),
    "batch": (lambda m: upscale(m, torch.rand(3, 4, 4), batch=0.5), "batch=0.5: must be an integer"),
    "list": (lambda m: upscale(m, [1]), "image is a list: must be a tensor or an array"),
    "bytes": (lambda m: upscale(m, torch.ones(3, 4, 4).byte()), "image has dtype torch.uint8"),
    "floats": (lambda m: upscale(m, np.ones((4, 4, 3))), "image has dtype float64: an array must be uint8"),
    "channels": (lambda m: upscale(m, torch.rand(4, 4, 4)), "image has shape (4, 4, 4): must be"),
    "flat": (lambda m: upscale(m, np.ones((4, 4), np.uint8)), "with C = 3 or 1"),
    "out": (
        lambda m: upscale(m, np.ones((4, 4, 3), np.uint8), out=np.ones((4, 4, 3), np.uint8)),
        "out is uint8 (4, 4, 3): must be uint8 (32, 32, 3)",
    ),
    "circular": (
        lambda m: upscale(network(padding_mode="circular"), torch.rand(3, 9, 4), 8),
        "tile=8: an image of (9, 4) pixels with circular padding must be one tile",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input(case):
    call, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        call(models.SuperResolutionCNN())
