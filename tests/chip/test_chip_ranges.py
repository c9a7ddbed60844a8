"""Full scales of encodings and of worst cases, and the second bank of modulators of the optical product."""

import numpy as np
import pytest
import torch

from pyfdsr import _chip, chip, nn, ops
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters
from pyfdsr.chip.precision import random_fields, synthetic_ranges
from tolerances import assert_close

RNG = np.random.default_rng(0)
X, W = RNG.uniform(-1, 1, (2, 3, 14, 15)), RNG.standard_normal((4, 3, 3, 3))


def test_a_polar_full_scale_is_that_of_the_amplitude():
    fields = random_fields(ChipConfig(), 1, 400, "complex")
    parts = {"polar": np.abs(fields), "cartesian": np.stack([fields.real, fields.imag])}
    for encoding, values in parts.items():
        config = ChipConfig(dac=DACParameters(8, "calibrated", encoding), adc=ADCParameters(0), dc="optical")
        bound = synthetic_ranges(config, fields, 0.99)[0, 0]
        # 484 values of 48 400 lie beyond the quantile: 5 standard errors, and a bin of 1.6 %.
        assert abs((values > bound).mean() + (values < -bound).mean() - 0.01) < 0.0025, encoding
    # In a convolution: spectra of the inverse transform are written again.
    dac = DACParameters(8, "abs_max", "polar", inner_bound="calibrated")
    config = ChipConfig(dac=dac, adc=ADCParameters(0), dc="optical")
    layer = nn.OpticalConv2d(3, 4, 3, chip=config)
    x = torch.randn(20, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    chip.calibrate_ranges(layer, [x], quantile=0.95)
    layer(x)
    fraction = layer.counts["dac_clipped"][1] / layer.counts["dac_values"][1]
    # Within a bin of 1.6 % a Gaussian amplitude's tail changes by a tenth.
    assert abs(fraction - 0.05) < 0.005


def extremes(encoding):
    """Fields at full scale whose transform is as large as it can be at one frequency, [fields, 11, 11]."""
    places = np.stack(np.meshgrid(np.arange(11), np.arange(11), indexing="ij"), -1)
    found = []
    for frequency in ((0, 0), (1, 0), (3, 7), (10, 5)):
        wave = np.exp(2j * np.pi * (places @ np.array(frequency)) / 11)
        for turn in (1, np.exp(0.25j * np.pi)):
            aligned = wave * turn
            found.append(
                aligned if encoding == "polar" else np.sign(aligned.real) + 1j * np.sign(aligned.imag)
            )
    return np.array(found)


@pytest.mark.parametrize("encoding", ["cartesian", "polar", "mzi"])
def test_extremal_inputs_stay_within_the_worst_case(encoding):
    config = ChipConfig(
        dac=DACParameters(16, 1.0, encoding), adc=ADCParameters(8, "worst_case"), dc="optical"
    )
    counts = ops.chip_dft2(extremes(encoding), config, return_counts=True)[1]
    assert counts["adc_clipped"][0] == 0 and counts["dac_clipped"][0] == 0
    # It is reached: by an amplitude of 1 everywhere, and by both quadratures at full scale (3 dB above one).
    bound = 11 * (1 if encoding == "polar" else np.sqrt(2))
    most = np.abs(np.fft.fft2(extremes(encoding), norm="ortho"))
    assert most.max() == pytest.approx(bound, rel=1e-3)
    # The largest quadrature is told by the first full scale that does not clip.
    y = ops.chip_dft2(extremes(encoding), config.replace(adc=ADCParameters(0, "worst_case")))
    largest = max(np.abs(y.real).max(), np.abs(y.imag).max())
    low = config.replace(adc=ADCParameters(8, float(largest) * 0.999))
    assert ops.chip_dft2(extremes(encoding), low, return_counts=True)[1]["adc_clipped"][0] > 0
    assert largest <= bound * (1 + 1e-3) and (encoding != "polar" or largest > bound * 0.999)


@pytest.mark.parametrize("product", ["digital", "optical"])
@pytest.mark.parametrize("encoding", ["cartesian", "polar", "mzi"])
@pytest.mark.parametrize("kernel", [1, 3])
def test_worst_cases_hold_in_convolutions(encoding, product, kernel):
    config = ChipConfig(
        dac=DACParameters(16, 1.0, encoding),
        adc=ADCParameters(8, "worst_case"),
        dc="optical",
        product=product,
    )
    maps = np.sign(RNG.standard_normal((3, 2, 30, 30)))
    maps[0] = 1.0
    maps[1, :, ::2] = -maps[1, :, 1::2]
    kernels = np.sign(RNG.standard_normal((3, 2, kernel, kernel)))
    kernels[0] = 1.0
    counts = ops.chip_conv2d(maps, kernels, config, return_counts=True)[1]
    assert counts["adc_clipped"] == [0, 0] and counts["dac_clipped"] == [0, 0]


def test_the_second_bank_of_modulators():
    optical = ChipConfig(product="optical", noise=NoiseParameters(gain_std=0.1, phase_std=0.1))
    banks, single = _chip.static_gain(optical), _chip.static_gain(optical.replace(product="digital"))
    assert banks.shape == (2, 11, 11) and np.array_equal(banks[0], single)
    assert abs(np.corrcoef(np.abs(banks[0]).ravel(), np.abs(banks[1]).ravel())[0, 1]) < 4 / 11
    layer = nn.OpticalConv2d(3, 4, 3, chip=optical)
    assert layer.chip_gain.shape == (2, 11, 11, 2)


def product_chip(bits=0, encoding="cartesian", **noise):
    return ChipConfig(
        dac=DACParameters(bits, 4.0, encoding),
        adc=ADCParameters(0),
        noise=NoiseParameters(**noise),
        product="optical",
        dc="optical",
    )


def test_factors_of_the_optical_product_are_encoded():
    exact = ops.chip_conv2d(X, W, product_chip())
    coarse = {e: ops.chip_conv2d(X, W, product_chip(4, e)) for e in ("cartesian", "polar", "mzi")}
    found = list(coarse.values())
    assert all(not np.array_equal(a, b) for a, b in zip(found, found[1:], strict=False))
    for name in ("cartesian", "polar"):
        assert np.linalg.norm(coarse[name] - exact) < 0.5 * np.linalg.norm(exact)
    # Fine converters, and mzi ones whose response is inverted, write what they are given.
    fine = product_chip(16).replace(dac=DACParameters(16, 4.0, "mzi", linearise=True))
    for config in (product_chip(16), product_chip(16, "polar"), fine):
        assert np.abs(ops.chip_conv2d(X, W, config) - exact).max() < 1e-3 * np.abs(exact).max()


@pytest.mark.parametrize("errors", [{"inp_noise": 0.02}, {"phase_noise": 0.02}], ids=str)
def test_factors_of_the_optical_product_are_written_with_noise(errors):
    # One element is lit: its spectrum is flat, 1/11, and that of the kernel 0.7. Fields have a small full
    # scale, so that noise relative to it is nothing.
    config = product_chip(**errors)
    config = config.replace(dac=DACParameters(0, 1e-9, inner_bound=1e-9), adc=ADCParameters(0))
    x, w = np.zeros((400, 1, 11, 11)), np.full((1, 1, 1, 1), 0.7)
    x[:, 0, 0, 0] = 1
    noise = ops.chip_conv2d(x, w, config)[:, 0] - 0.7 * x[:, 0]
    if "inp_noise" in errors:
        predicted = 0.02 * 0.7 / 11
    else:
        # Spectrum and factor are written with phases of their own; half of the power is in real parts.
        predicted = 0.7 / 11 * np.sqrt(2) * 0.02 / np.sqrt(2)
    found = noise[:, 1:, 1:].std()
    # 40 000 deviates of the real part of a transform, whose mirrored values are related: 4 sqrt(1/n).
    assert abs(found / predicted - 1) < 4 / np.sqrt(40_000) + 0.01


def test_static_errors_of_both_banks_meet_the_field():
    # One element is lit, 1x1 kernels: the spectrum times the flat factor, each with its bank's gains.
    config = product_chip(gain_std=0.1, phase_std=0.1)
    x, w = np.zeros((1, 1, 11, 11)), np.full((1, 1, 1, 1), 0.7)
    x[0, 0, 0, 0] = 1
    first, second = _chip.static_gain(config)
    spectrum = np.fft.fft2(x[0, 0] * first, norm="ortho")
    expected = np.fft.ifft2(spectrum * first * 0.7 * second, norm="ortho").real
    assert_close("chip_ideal_double", ops.chip_conv2d(x, w, config)[0, 0], expected)
