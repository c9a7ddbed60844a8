"""Calibration of a chip's ranges, and statistics of what its converters met."""

import numpy as np
import pytest
import torch
from test_chip_models import ASSUMED, FIXED, images, network

from pyfdsr import chip, nn, ops
from pyfdsr._chip import quantile_of
from pyfdsr.chip import (
    ADCParameters,
    ChipConfig,
    CostParameters,
    DACParameters,
    NoiseParameters,
    PrecisionParameters,
)
from pyfdsr.chip.stats import LayerStatistics

STEPPED = "intensity_phase_step"


def test_calibration_sets_what_is_to_be_calibrated():
    model = chip.convert_to_optical(network(), ASSUMED.replace(noise=NoiseParameters(), dc="optical"))
    with pytest.raises(RuntimeError, match="calibrate_ranges"):
        model(images())
    model.train()
    assert chip.calibrate_ranges(model, [(images(), 0), (images(seed=2), 0)], method="abs_max") is model
    assert model.training and model[0].training
    first = model[0].chip_ranges
    largest = max(images().max(), images(seed=2).max())
    # abs_max is the upper edge of the largest value's bin, 2^-6 wide at most.
    assert largest <= first[0, 0] <= largest * (1 + 2.0**-6)
    # The first ADC sees at most the sum of the frame; the inverse DAC's range was not asked for.
    assert first[0, 1] <= 11 * largest * (1 + 2.0**-6) and first[1, 0].isnan() and first[1, 1] > 0
    assert model(images()).isfinite().all()
    stats = chip.chip_stats(model)
    # The ADC's rounding moves what later layers meet a little beyond what calibration saw.
    assert stats["0"].dac_clipped == 0 and all(
        s.dac_clipped < 0.01 and s.adc_clipped < 0.01 for s in stats.values()
    )


def test_calibration_by_quantile_clips_that_fraction():
    config = ASSUMED.replace(
        dac=DACParameters(8, "calibrated", inner_bound="calibrated"), noise=NoiseParameters(), dc="optical"
    )
    x = torch.randn(16, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    for quantile in (0.9, 0.99):
        layer = nn.OpticalConv2d(1, 3, 3, chip=config)
        chip.calibrate_ranges(layer, iter([x]), quantile=quantile)  # an iterator can be read only once
        assert layer.chip_ranges.isfinite().all()
        layer(x)
        counts = layer.counts
        for kind in ("dac", "adc"):
            fraction = counts[f"{kind}_clipped"][0] / counts[f"{kind}_values"][0]
            # The quantile is linear within a bin of 1.6 %; a Gaussian's tail changes by some 5 % over one.
            assert abs(fraction - (1 - quantile)) < 0.06 * (1 - quantile), (kind, fraction)


@pytest.mark.parametrize("kernel, size", [(3, 6), (13, 20)])
@pytest.mark.parametrize("dc", ["optical", "electronic"])
def test_calibration_counts_the_map_alone(kernel, size, dc):
    # Most of the frame of a small map holds no map: 36 of 121 elements in one, 400 of 14 641 in the other.
    config = ASSUMED.replace(
        dac=DACParameters(8, "calibrated"), adc=ADCParameters(0), noise=NoiseParameters(), dc=dc
    )
    x = torch.randn(400, 1, size, size, generator=torch.Generator().manual_seed(0))
    layer = nn.OpticalConv2d(1, 1, kernel, chip=config, bias=False)
    chip.calibrate_ranges(layer, [x], quantile=0.9)
    layer(x)
    # With an electronic mean the rest of the frame is written as one value, and counts as one.
    rest = 400 if dc == "electronic" else 0
    side, later = (11, 0) if kernel == 3 else (121, 400 * 2 * 121**2)  # the second pass writes everything
    assert layer.counts["dac_values"][0] - later == x.numel() + rest
    written = x - (x.sum((2, 3), keepdim=True) / side**2 if rest else 0)
    clipped = int((written.abs() > layer.chip_ranges[0, 0]).sum())
    if kernel == 3:
        assert abs(layer.counts["dac_clipped"][0] - clipped) <= rest * 0.1
    # Within a bin of 1.6 % a Gaussian's tail changes by 4 % at this quantile; rounding of the mean moves few.
    assert abs(clipped / x.numel() - 0.1) < 0.005


@pytest.mark.parametrize("detection", ["balanced", STEPPED])
@pytest.mark.parametrize("kernel, stride, size", [(3, 1, 12), (3, 3, 12), (13, 1, 15), (13, 1, 121)])
def test_an_adc_counts_the_outputs_of_the_map_alone(kernel, stride, size, detection):
    config = ChipConfig(dac=DACParameters(0), adc=ADCParameters(16, 0.5), dc="optical", detection=detection)
    layer = nn.OpticalConv2d(1, 2, kernel, stride=stride, chip=config, bias=False)
    x = torch.randn(5, 1, size, size, generator=torch.Generator().manual_seed(0))
    y = layer(x)
    reads = 1 if detection == "balanced" else 2
    values, clipped = layer.counts["adc_values"][1], layer.counts["adc_clipped"][1]
    if kernel == 13:  # the first pass of the inverse transform reads everything, with two quadratures
        values -= 10 * 14641 * (2 if detection == "balanced" else 3)
    assert values == y.numel() * reads
    if kernel == 3 and detection == "balanced":
        assert clipped == int((y.abs() >= 0.5 * (1 - 1e-6)).sum()) > 0


def test_quantiles_of_a_histogram():
    values = np.random.default_rng(0).exponential(size=100_000).astype(np.float32)
    counts = np.bincount(values.view(np.uint32) >> 17, minlength=1 << 14).astype(np.uint64)
    for quantile in (0.1, 0.5, 0.9, 0.999):
        # Within a bin of 2^-6 the density is nearly constant: an error of a tenth of the bin.
        assert abs(quantile_of(counts, quantile) / np.quantile(values, quantile) - 1) < 0.1 * 2**-6 + 1e-3
    assert np.isnan(quantile_of(np.zeros(1 << 14, np.uint64), 0.5))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (([images()], "mean"), ValueError, "method='mean': must be 'quantile' or 'abs_max'"),
        (([images()], "quantile", 0), ValueError, "quantile=0: must be above 0 and at most 1"),
        (([],), ValueError, "loader: no batch reached an optical layer"),
        (([torch.zeros(1, 1, 12, 12)],), ValueError, "loader: the DAC of stage 0 of layer '0' met no finite"),
    ],
)
def test_calibration_refuses(arguments, error, message):
    model = chip.convert_to_optical(network(), ASSUMED)
    with pytest.raises(error, match=message):
        chip.calibrate_ranges(model, *arguments)
    assert all(layer.observing is None for _, layer in chip.optical_layers(model))


class Branches(torch.nn.Module):
    """One layer used, one not, and one that meets zeros alone."""

    def __init__(self, dark):
        super().__init__()
        self.used, self.unused, self.last = (
            nn.OpticalConv2d(1, 1, 3, chip=ASSUMED, layer_id=i) for i in (4, 7, 9)
        )
        self.dark = dark

    def forward(self, x):
        return self.last(self.used(x) * (0 if self.dark else 1))


def test_a_layer_without_data_is_named_and_left():
    model = Branches(dark=False)
    with pytest.warns(UserWarning, match="^no batch reached 'unused': these layers keep"):
        chip.calibrate_ranges(model, [images()])
    assert model.unused.chip_ranges.isnan().all() and not model.used.chip_ranges[:, 1].isnan().any()


def test_a_failed_calibration_changes_nothing():
    model = Branches(dark=True)
    with pytest.raises(ValueError, match="of layer 'last' met no finite values other than 0"):
        chip.calibrate_ranges(model, [images()])
    assert all(layer.chip_ranges.isnan().all() for _, layer in chip.optical_layers(model))


def test_numbers_of_layers():
    model = torch.nn.Sequential(Branches(dark=False), torch.nn.Conv2d(1, 1, 3))
    chip.convert_to_optical(model, ASSUMED)
    assert model[1].layer_id == 10
    alike = torch.nn.Sequential(*(nn.OpticalConv2d(1, 1, 3, chip=ASSUMED, layer_id=0) for _ in range(2)))
    with pytest.warns(UserWarning, match="layers '0' and '1' share layer_id=0 and draw the same noise"):
        chip.calibrate_ranges(alike, [images()])


def test_counts_of_a_call():
    config = FIXED.replace(cost=CostParameters(1e6, 1e-12, 3e-12))
    layer = nn.OpticalConv2d(3, 5, 3, padding=1, chip=config)
    x = torch.rand(2, 3, 32, 32)
    layer(x)
    layer(x)
    stats = chip.chip_stats(layer, reset=True)[""]
    # 4×4 tiles, a frame a channel in and out, 121 elements with two quadratures; two calls of two images.
    assert stats.frames == 4 * 16 * (3 + 5)
    assert stats.dac_conversions == stats.adc_conversions == stats.frames * 242
    assert stats.seconds == stats.frames / 1e6
    assert stats.joules == pytest.approx(stats.frames * 242 * 4e-12)
    assert stats.enob == pytest.approx((stats.sinad - 1.7609) / 6.0206, abs=1e-4)
    assert chip.chip_stats(layer)[""].frames == 0
    free = LayerStatistics.of({}, FIXED)
    assert free.seconds is None and free.joules is None and np.isnan(free.sinad)


def test_backward_frames_are_counted_by_themselves():
    config = FIXED.replace(cost=CostParameters(1e6, 1e-12, 3e-12))
    layer = nn.OpticalConv2d(3, 5, 3, padding=1, chip=config, gradient="chip")
    x = torch.rand(2, 3, 32, 32, requires_grad=True)
    layer(x).sum().backward()
    stats = chip.chip_stats(layer)[""]
    assert stats.frames == 2 * 16 * (3 + 5)
    # The input's gradient is a convolution of 5 to 3 channels with 4×4 tiles; the weight's takes the spectra
    # of all channels, and a frame for each pair of them.
    backward = 2 * 16 * (5 + 3) + 2 * 16 * (3 + 5) + 15
    assert stats.backward_frames == backward
    assert stats.backward_dac_conversions == stats.backward_adc_conversions == backward * 242
    assert stats.seconds == (stats.frames + backward) / 1e6
    assert stats.joules == pytest.approx((stats.frames + backward) * 242 * 4e-12)
    for gradient in ("perfect", "ste"):
        layer = nn.OpticalConv2d(3, 5, 3, padding=1, chip=config, gradient=gradient)
        layer(x).sum().backward()
        assert chip.chip_stats(layer)[""].backward_frames == 0


def test_frames_that_multiply_write_field_and_kernel():
    x, w = np.ones((2, 3, 32, 32)), np.ones((5, 3, 3, 3))
    for precision, repeats in ((PrecisionParameters(), 1), (PrecisionParameters("binary", 10, shots=3), 6)):
        config = FIXED.replace(product="optical", precision=precision)
        counts = ops.chip_conv2d(x, w, config, return_counts=True, padding=1)[1]
        products = 2 * 16 * 3 * 5 * repeats
        assert counts["frames"] == 2 * 16 * 3 * repeats + products
        assert counts["adc_conversions"] == counts["frames"] * 242
        assert counts["dac_conversions"] == (counts["frames"] + products) * 242
    # In two passes, the first one of each inverse transform multiplies.
    config = FIXED.replace(product="optical", frame=4)
    counts = ops.chip_conv2d(x[:1, :1, :14, :14], w[:1, :1].repeat(2, 2), config, return_counts=True)[1]
    tiles = counts["frames"] // (2 * 2 * 16)
    assert counts["dac_conversions"] == (counts["frames"] + tiles * 16) * 32


def test_sinad_is_that_of_the_result():
    torch.manual_seed(0)
    layer = nn.OpticalConv2d(2, 3, 3, chip=FIXED)
    # One pack of tiles of a small map: all of it is compared.
    x = torch.rand(1, 2, 15, 13)
    with torch.no_grad():
        error = layer(x) - torch.nn.functional.conv2d(x, layer.weight, layer.bias)
        signal = torch.nn.functional.conv2d(x, layer.weight)
    sinad = 10 * torch.log10(signal.square().sum() / error.square().sum())
    assert chip.chip_stats(layer)[""].sinad == pytest.approx(float(sinad), abs=1e-3)
    assert chip.chip_stats(layer)[""].compared == signal.numel()


def test_clipped_values_are_counted():
    config = ChipConfig(dac=DACParameters(4, 1.0), adc=ADCParameters(8, 1e3), dc="optical")
    layer = nn.OpticalConv2d(1, 1, 1, chip=config, bias=False)
    x = torch.zeros(1, 1, 11, 11)
    x[0, 0, 0, :7] = 2.0
    layer(x)
    assert layer.counts["dac_values"][0] == 121 and layer.counts["dac_clipped"][0] == 7


def test_negative_intensities_are_clipped():
    noise = NoiseParameters(out_noise=0.02)
    config = ChipConfig(
        dac=DACParameters(0), adc=ADCParameters(10, 6.0), noise=noise, dc="optical", detection=STEPPED
    )
    dark = np.zeros((50, 11, 11))
    counts = ops.chip_dft2(dark, config, return_counts=True)[1]
    # Of three intensities the one without a reference is dark: about half of its readings are negative, less
    # those that noise of 20 steps leaves within half a step.
    assert counts["adc_values"][0] == 3 * dark.size
    assert abs(counts["adc_clipped"][0] / dark.size - 0.49) < 0.02
    still = config.replace(noise=NoiseParameters(), reference_amplitude=1.0)
    for adc_range in (6.0, "abs_max"):
        x = np.random.default_rng(0).uniform(-1, 1, (50, 11, 11))
        steady = still.replace(adc=ADCParameters(10, adc_range))
        assert ops.chip_dft2(x, steady, return_counts=True)[1]["adc_clipped"][0] == 0


@pytest.mark.parametrize("start", [0.05, 60.0])
def test_learned_ranges_settle_where_the_target_is_clipped(start):
    config = ASSUMED.replace(noise=NoiseParameters())
    layer = nn.OpticalConv2d(1, 2, 3, chip=config).train()
    layer.chip_ranges[:] = start
    layer.range_learning = (0.1, 0.02)
    x = torch.randn(4, 1, 30, 30, generator=torch.Generator().manual_seed(0))
    for _ in range(150):
        layer(x)
    layer.range_learning, layer.counts = (0.0, 0.02), {}
    layer(x)
    for kind, transform in (("dac", 0), ("adc", 0), ("adc", 1)):
        fraction = layer.counts[f"{kind}_clipped"][transform] / layer.counts[f"{kind}_values"][transform]
        # A step of 10 % of the full scale at 2 % clipped (2.3 sigma) moves the fraction by a factor of 1.8.
        assert 0.02 / 2 < fraction < 0.02 * 2, (kind, transform, fraction)
    assert layer.chip_ranges[1, 0].isnan() or layer.chip_ranges[1, 0] > 0
