"""Laws 2 to 10: what converters, noise and passes must do to a transform; tolerances with their reasons."""

import numpy as np
import pytest

from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters
from pyfdsr.chip.precision import (
    budget,
    effective_bits,
    full_scale_sine,
    random_fields,
    size_series,
    transform_sinad,
    with_frames,
)
from pyfdsr.ops import chip_dft2
from scales import chip, decibels
from tolerances import assert_close

SIDES = (4, 8, 16, 32, 64)
UNIFORM_SIGMA = np.sqrt(1 / 6)  # of a quadrature of the transform of reals that are uniform in [-1, 1]


def fields(batch=200, kind="uniform", passes=1, seed=0):
    return random_fields(ChipConfig(), passes, batch, kind, seed)


# ------------------------------------------------------------------------------------------ law 2
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_law_2_outputs_lie_on_the_grid(bits):
    full_scale = 0.6  # small enough that some values clip
    y = chip_dft2(fields(), chip(4, 1.0, bits, full_scale))
    values = np.concatenate([y.real.ravel(), y.imag.ravel()])
    levels = values / full_scale * (2 ** (bits - 1) - 1)
    # Levels are whole numbers up to the rounding of one product, 4 eps of the largest level.
    assert np.abs(levels - np.rint(levels)).max() <= 4 * np.finfo(float).eps * 2**bits
    assert len(np.unique(np.rint(levels))) <= 2**bits - 1
    assert np.rint(levels).max() == 2 ** (bits - 1) - 1 and np.rint(levels).min() == 1 - 2 ** (bits - 1)


@pytest.mark.parametrize("encoding", ["cartesian", "polar", "mzi"])
def test_law_2_clipping_is_symmetric(encoding):
    config = chip(4, 0.7, 5, 0.6, encoding)
    assert np.array_equal(chip_dft2(-fields(), config), -chip_dft2(fields(), config))


# ------------------------------------------------------------------------------------------ law 3
@pytest.mark.parametrize("bits", range(6, 13))
def test_law_3_full_scale_sine(bits):
    config = chip(bits)
    # 2^b - 1 levels in place of 2^b cost 20 log10(1 - 2^(1-b)): 0.28 dB at 6 bits.
    assert abs(transform_sinad(config, full_scale_sine(config)) - (6.02 * bits + 1.76)) < 0.3


@pytest.mark.parametrize("bits, average", [(2, 8.93), (3, 17.96), (4, 25.09)])
def test_law_3_coarse_converters_follow_the_exact_average(bits, average):
    config = chip(bits)
    # Printed to 0.005 dB; 24 200 phases as even as can be average to better than 0.01 dB.
    assert abs(transform_sinad(config, full_scale_sine(config)) - average) < 0.02
    phases = (np.arange(200_000) + 0.5) / 200_000
    sine, most = np.sin(2 * np.pi * phases), 2 ** (bits - 1) - 1
    assert abs(decibels(sine, np.rint(sine * most) / most - sine) - average) < 0.01


# ------------------------------------------------------------------------------------------ law 4
@pytest.mark.parametrize("bits, largest", [(6, 8), (8, 32), (10, 64)])
def test_law_4_worst_case_range_loses_a_bit_each_doubling(bits, largest):
    # Complex fields: of real ones, some values are real, whose imaginary parts have no error. Up to the
    # largest side a step is small against the signal; 10^4 values of a size give the error's power to 0.1 dB.
    series = dict(size_series(chip(0, 1.0, bits, "worst_case"), SIDES))
    for side in (side for side in SIDES if 2 * side <= largest):
        assert abs(series[side] - series[2 * side] - 6.02) < 0.3


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_law_4_calibrated_range_is_flat(bits):
    # The quantile, 0.9995, is that of normal values at every size, known to 0.4 % from 1200
    # values beyond it; at 8 bits half of the error's power is from those, to 0.2 dB.
    levels = [level for _, level in size_series(chip(0, 1.0, bits, "calibrated"), SIDES[1:], 10_000)]
    assert max(levels) - min(levels) < 0.5


# ------------------------------------------------------------------------------------------ law 5
@pytest.mark.parametrize(
    "dac_bits, adc_bits, uniform, gaussian",
    [(4, 4, 14.92, 12.64), (4, 8, 22.84, 15.63), (8, 8, 39.55, 37.33)],
)
def test_law_5_converter_errors_add_in_power(dac_bits, adc_bits, uniform, gaussian):
    # 10^6 values give the power of the rounding errors to 0.01 dB. At 8 bits a tenth of the error's power is
    # from some 100 values beyond 4 sigma, and from the zero frequency, whose one quadrature has twice the
    # power: it scatters by a quarter of itself, 0.1 dB.
    limit = 0.2 if dac_bits == adc_bits == 8 else 0.04
    config = chip(dac_bits, 1.0, adc_bits, 4 * UNIFORM_SIGMA)
    assert abs(transform_sinad(config, fields(8000)) - uniform) < limit
    # Normal input of sigma 1/4 and a 4 sigma DAC; the quadratures' sigma is 1/(4 sqrt 2).
    config = chip(dac_bits, 1.0, adc_bits, 4 / np.sqrt(32))
    assert abs(transform_sinad(config, fields(8000, "gaussian")) - gaussian) < limit


def test_law_5_the_budget_adds_up():
    config = chip(
        6, 1.0, 8, "calibrated", noise=NoiseParameters(out_noise=0.01, inp_noise=0.01, gain_std=0.01)
    )
    parts = budget(config, fields(300))
    # Independent errors of many values: sqrt(2/72600) or 0.02 dB for each part.
    assert abs(parts["all"] - parts["sum of powers"]) < 0.15
    assert parts["all"] < min(parts[name] for name in ("DAC", "ADC", "noise", "static errors"))


# ------------------------------------------------------------------------------------------ law 6
def noise_of(config, x):
    clean = config.replace(noise=NoiseParameters())
    return np.std(np.stack([(d := chip_dft2(x, config) - chip_dft2(x, clean)).real, d.imag]))


@pytest.mark.parametrize("bits, slice_bits, slices", [(2, 3, 3), (3, 2, 1), (3, 4, 2), (4, 9, 3)])
def test_law_6_noise_of_binary_slices(bits, slice_bits, slices):
    sigma, full_scale, radix = 0.01, 3.0, 2 ** (bits - 1)
    config = chip(bits, 1.0, 0, full_scale, noise=NoiseParameters(out_noise=sigma))
    config = with_frames(config, slice_bits)
    assert config.slices == slices
    # In units of the last digit's place: sigma sqrt((r^2S - 1) / (r^2 - 1)); one digit's full scale is r - 1.
    digits = sigma * full_scale * np.sqrt((radix ** (2 * slices) - 1) / (radix**2 - 1))
    predicted = digits * (radix - 1) / (radix**slices - 1)
    # 48 400 deviates: the standard deviation scatters by 1/sqrt(2 n) = 0.3 %, four times that.
    assert abs(noise_of(config, fields()) / predicted - 1) < 4 * np.sqrt(1 / (2 * 48_400))


@pytest.mark.parametrize("slice_bits, slices", [(3, 1), (5, 5), (6, 9)])
def test_law_6_noise_of_thermometer_slices(slice_bits, slices):
    config = chip(4, 1.0, 0, 3.0, noise=NoiseParameters(out_noise=0.01))
    config = with_frames(config, slice_bits, slicing="thermometer")
    assert config.slices == slices
    # sigma sqrt(L) in units of a slice, whose sum is L times a slice's full scale.
    predicted = 0.01 * 3.0 * np.sqrt(slices) / slices
    assert abs(noise_of(config, fields()) / predicted - 1) < 4 * np.sqrt(1 / (2 * 48_400))


@pytest.mark.parametrize("slicing", ["binary", "thermometer"])
def test_slices_without_noise_are_a_finer_converter(slicing):
    whole = with_frames(chip(4), 6 if slicing == "binary" else 5, slicing=slicing)
    radix, slices = 8, whole.slices
    most = radix**slices - 1 if slicing == "binary" else slices * (radix - 1)
    x = fields(20)
    expected = np.fft.fft2(np.rint(x * most) / most, norm="ortho")
    assert_close("transform", chip_dft2(x, whole), expected)


def test_binary_digits_in_single_precision_are_exact_or_refused():
    x = np.concatenate([fields(4), np.full((1, 11, 11), 1.0)])
    for bits, slice_bits in ((12, 20), (4, 20), (3, 8)):  # 22, 21 and 8 digits
        config = with_frames(chip(bits), slice_bits)
        y = chip_dft2(x.astype(np.float32), config)
        assert_close("chip_ideal_single", y, chip_dft2(x.astype(np.float32).astype(float), config))
    config = with_frames(chip(13), 20)
    rule = r"precision.slice_bits: 2 slices with dac.bits: 13 make 24 .* must be at most 22 in single"
    with pytest.raises(ValueError, match=rule):
        chip_dft2(x.astype(np.float32), config)
    assert_close("chip_ideal_single", chip_dft2(x, config), np.fft.fft2(x, norm="ortho"), np.float32)


def test_law_6_slices_never_beat_the_adc():
    full_scale, bits, radix = 4.0, 8, 8
    config = chip(4, 1.0, bits, full_scale)
    x = fields(300)
    step = full_scale / (2 ** (bits - 1) - 1)
    # One ADC error a slice, of which infinitely many slices leave sqrt((r - 1)/(r + 1)), in its units.
    error = 2 * step**2 / 12 * (radix - 1) / (radix + 1)
    bound = 10 * np.log10(np.mean(x**2) / error)
    levels = [transform_sinad(with_frames(config, bits), x) for bits in (3, 6, 9, 12, 15)]
    assert levels[1] > levels[0] + 6  # the first slices do help
    assert max(levels) < bound + 0.1  # 72 600 quadratures: four times 0.02 dB
    assert max(levels) - levels[2] < 0.1


# ------------------------------------------------------------------------------------------ law 7
@pytest.mark.parametrize("shots", [4, 16, 64])
def test_law_7_shots_gain_half_a_bit_each_quadrupling(shots):
    full_scale, bits = 2.0, 6
    half_a_step = 0.5 / (2 ** (bits - 1) - 1)
    config = chip(0, 1.0, bits, full_scale, noise=NoiseParameters(out_noise=half_a_step))
    x = fields(200)
    one, many = (effective_bits(transform_sinad(with_frames(config, 0, m), x)) for m in (1, shots))
    # Half a step of noise leaves a systematic error of exp(-2 pi^2 / 4) / pi steps, 1.6e-5 of the power of
    # one shot's error; scatter of 48 400 values: 0.02 bit.
    assert abs(many - one - 0.5 * np.log2(shots)) < 0.05


def test_law_7_no_gain_without_noise():
    config = chip(5, 1.0, 6, 2.0)
    # All shots are equal; their mean is rounded once for each.
    assert_close("transform", chip_dft2(fields(), with_frames(config, 0, 16)), chip_dft2(fields(), config))


# ------------------------------------------------------------------------------------------ law 8
@pytest.mark.parametrize("name", ["inp_noise", "out_noise", "shot_photons"])
@pytest.mark.parametrize("detection", ["balanced", "intensity_phase_step"])
def test_law_8_noise_has_zero_mean(name, detection):
    value = 1e4 if name == "shot_photons" else 0.02
    config = chip(0, 1.0, 0, 3.0, noise=NoiseParameters(**{name: value}), detection=detection)
    x = np.repeat(fields(1), 3000, axis=0)
    noise = chip_dft2(x, config) - np.fft.fft2(x, norm="ortho")
    parts = np.stack([noise.real, noise.imag])
    errors = parts.std(axis=1) / np.sqrt(3000)
    # Within 4 standard errors over all, and in each of 242 values (5: one in 10^6 lies beyond).
    assert abs(parts.mean()) < 4 * parts.std() / np.sqrt(parts.size)
    assert (np.abs(parts.mean(axis=1)) < 5 * errors).all()


@pytest.mark.parametrize("phase_noise", [0.0, 0.2])
def test_law_8_noise_drawn_before_or_after_the_transform_is_the_same(phase_noise):
    # With a known full scale one draw before the ADC stands for the noise of writing; where the full scale is
    # that of the frame, every element written draws its own.
    x = fields(200)
    found = []
    for adc_range in (3.0, "abs_max"):
        config = chip(0, 1.5, 0, adc_range, noise=NoiseParameters(inp_noise=0.02, phase_noise=phase_noise))
        still = config.replace(noise=NoiseParameters(phase_noise=phase_noise))
        noise = chip_dft2(x, config) - chip_dft2(x, still)
        found.append(np.stack([noise.real, noise.imag]))
    # The deviation of both, 0.02 of the DAC's full scale, and no correlation between the parts: 4 sigma.
    for parts in found:
        assert abs(parts.std() / (0.02 * 1.5) - 1) < 4 / np.sqrt(2 * parts.size)
        assert abs(np.corrcoef(parts[0].ravel(), parts[1].ravel())[0, 1]) < 4 / np.sqrt(parts.size / 2)


def test_law_8_shot_variance_is_proportional_to_the_mean():
    full_scale = 2.0
    photons = np.array([1e4, 4e4])

    def variance(amplitude, photons):
        config = chip(0, 30.0, 0, full_scale, noise=NoiseParameters(shot_photons=photons))
        x = np.zeros((400, 11, 11))
        x[:, 0, 0] = 11 * amplitude  # its transform has this amplitude everywhere
        return np.var((chip_dft2(x, config) - amplitude).real)

    # Two detectors see |Y|^2 + R^2 together, R the full scale; 48 400 deviates: 4 sqrt(2/n) of the variance.
    for count in photons:
        mean = np.array([a**2 + full_scale**2 for a in (0.0, 1.0, 2.0)])
        found = np.array([variance(a, count) for a in (0.0, 1.0, 2.0)])
        bright = (2 * full_scale) ** 2 + full_scale**2
        predicted = mean * bright / (8 * count * full_scale**2)
        assert (np.abs(found / predicted - 1) < 4 * np.sqrt(2 / 48_400)).all()


@pytest.mark.parametrize("turn", [1, 1j], ids=["I", "Q"])
@pytest.mark.parametrize("detection", ["balanced", "intensity_phase_step"])
def test_law_8_shot_variance_of_both_quadratures(detection, turn):
    full_scale, reference, photons = 2.0, 1.5, 1e5
    config = chip(
        0,
        30.0,
        0,
        full_scale,
        noise=NoiseParameters(shot_photons=photons),
        detection=detection,
        reference_amplitude=reference,
    )
    R = reference * full_scale
    for amplitude in (0.0, 0.8, 1.6):
        field = turn * amplitude * np.exp(0.3j)
        x = np.zeros((400, 11, 11), complex)
        x[:, 0, 0] = 11 * field  # its transform has this value everywhere
        noise = chip_dft2(x, config) - field
        bright = (full_scale + R) ** 2 + full_scale**2
        for found, light in ((noise.real, field + R), (noise.imag, field + 1j * R)):
            if detection == "balanced":
                # Two detectors see |Y|² + R² together, each quarter of a difference 2 R Y is divided by R.
                predicted = 2 * (abs(field) ** 2 + R**2) * bright / photons / (16 * R**2)
            else:
                predicted = (abs(light) ** 2 + abs(field) ** 2) * bright / photons / (4 * R**2)
            # 48 400 deviates: 4 sqrt(2/n) of the variance. Quadratures are read with noise of their own, but
            # share the dark intensity of phase stepping.
            assert abs(found.var() / predicted - 1) < 4 * np.sqrt(2 / 48_400)
        shared = abs(field) ** 2 if detection != "balanced" else 0.0
        correlation = shared * bright / photons / (4 * R**2) / np.sqrt(noise.real.var() * noise.imag.var())
        found = np.corrcoef(noise.real.ravel(), noise.imag.ravel())[0, 1]
        assert abs(found - correlation) < 4 / np.sqrt(48_400)


# ------------------------------------------------------------------------------------------ law 9
@pytest.mark.parametrize("bits, expected", [(4, 10.7), (8, 35.6)])
def test_law_9_two_passes(bits, expected):
    full_scale = 4 * UNIFORM_SIGMA
    config = chip(bits, 1.0, bits, full_scale, inner_bound=full_scale)
    x = random_fields(config, 2, 4)
    level = transform_sinad(config, x)
    assert abs(level - expected) < 0.5
    # One error of the input's DAC and three of the others.
    step, inner = 2 / (2**bits - 2), 2 * full_scale / (2**bits - 2)
    power = step**2 / 12 + 3 * 2 * inner**2 / 12
    assert abs(level + 10 * np.log10(power * 3)) < 0.5


# ------------------------------------------------------------------------------------------ law 10
@pytest.mark.parametrize(
    "frame, passes", [((11, 11), 1), ((11, 11), 2), ((4, 7), 1), ((6, 5), 2), ((3, 3), 3)]
)
def test_law_10_an_ideal_chip_is_a_unitary_transform(frame, passes):
    config = chip(frame=frame, dc="electronic")
    x, y = (random_fields(config, passes, 2, "gaussian", seed) for seed in (1, 2))
    fx, fy = chip_dft2(x, config), chip_dft2(y, config)
    assert_close("chip_ideal_double", fx, np.fft.fft2(x, norm="ortho"))
    assert_close("chip_ideal_double", chip_dft2(fx, config, inverse=True), x)
    assert_close("reduction", np.sum(np.abs(fx) ** 2), np.sum(x**2))
    assert_close("transform", chip_dft2(2.5j * x + y, config), 2.5j * fx + fy)
    mirrored = np.roll(np.flip(fx, (1, 2)), 1, (1, 2))
    assert_close("transform", fx, mirrored.conj())
    single = chip_dft2(x.astype(np.float32), config)
    assert single.dtype == np.complex64
    assert_close("chip_ideal_single", single, np.fft.fft2(x.astype(np.float32).astype(float), norm="ortho"))


def test_the_mean_costs_precision_unless_it_is_electronic():
    # Of a non-negative image the transform's zero frequency fills the ADC's range: 11 times the mean, 0.5,
    # where the other values have a sigma of 0.2 in each quadrature.
    x = fields(300, "image")
    levels = {}
    for dc in ("optical", "electronic"):
        config = ChipConfig(dac=DACParameters(0), adc=ADCParameters(8, "abs_max"), dc=dc)
        wanted = np.fft.fft2(x, norm="ortho")
        error = chip_dft2(x, config) - wanted
        levels[dc] = decibels(x - x.mean((1, 2), keepdims=True), error)
    # Range 5.5 against some 0.7: 18 dB.
    assert 15 < levels["electronic"] - levels["optical"] < 22
    assert levels["electronic"] > 40


def test_configurations_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="must be frame=\\(11, 11\\) to the power 1 to 3"):
        chip_dft2(np.ones((12, 12)), chip())
    with pytest.raises(TypeError, match="config=4: must be a ChipConfig"):
        chip_dft2(np.ones((11, 11)), 4)
    with pytest.raises(RuntimeError, match="adc.range='calibrated'"):
        chip_dft2(np.ones((11, 11)), ChipConfig())
    with pytest.raises(ValueError, match="step=-1"):
        chip_dft2(np.ones((11, 11)), chip(), step=-1)
    with pytest.raises(ValueError, match="noise=-0.5"):
        chip_dft2(np.ones((11, 11)), chip(), noise=-0.5)
    with pytest.raises(ValueError, match="kind='noise'"):
        random_fields(ChipConfig(), kind="noise")
