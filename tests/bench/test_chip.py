"""The PyTorch emulator that the chip's benchmark compares with does the same."""

import pytest
import torch

from bench.chip import CHIPS, chip_of, torch_emulator
from pyfdsr.chip import NoiseParameters
from pyfdsr.functional import optical_conv2d
from tolerances import assert_close


@pytest.mark.parametrize("kernel, padding, size", [(3, 1, (20, 23)), (5, 0, (18, 18)), (1, 0, (11, 11))])
def test_without_noise_it_agrees(kernel, padding, size):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, *size, generator=generator, dtype=torch.float64)
    weight = torch.randn(4, 3, kernel, kernel, generator=generator, dtype=torch.float64) / 5
    config = chip_of(NoiseParameters())
    actual = optical_conv2d(x, weight, padding=padding, chip=config)
    # The peer works in single precision; equal up to rounding but for values in the middle of two levels.
    expected = torch_emulator(x.float(), weight.float(), config, padding).double()
    same = (actual - expected).abs() < 1e-5 * actual.abs().max()
    assert same.double().mean() > 0.99
    assert_close("chip_noise", actual[same], expected[same], "float32")


def test_its_noise_has_the_same_power():
    x, weight = torch.randn(4, 3, 40, 40), torch.randn(4, 3, 3, 3) / 5
    clean = optical_conv2d(x, weight, padding=1, chip=chip_of(NoiseParameters()))
    powers = [
        (emulate - clean).square().mean()
        for emulate in (
            optical_conv2d(x, weight, padding=1, chip=chip_of(CHIPS["noise in and out"])),
            torch_emulator(x, weight, chip_of(CHIPS["noise in and out"]), 1),
        )
    ]
    # 25 600 values each, correlated within frames of 81: at least 316 independent ones; four deviations.
    assert abs(float(powers[0] / powers[1]) - 1) < 4 * (2 * 2 / 316) ** 0.5
