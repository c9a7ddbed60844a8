"""The emulated chip by torch and by the CUDA kernel on threads of the host against the core."""

import numpy as np
import pytest
import torch

import both_backends
from both_backends import both, random
from chip_agreement import check_against_core, finely_read, maps, moved, outcome
from chip_configs import CONFIGS
from pyfdsr import _chip, _core, backends, chip, nn, ops
from pyfdsr._convolution import Convolution, convolution_of
from pyfdsr.backends import by_torch
from pyfdsr.backends.by_torch import chip_plan, chip_transform
from pyfdsr.backends.by_torch.chip_noise import Purpose, noise_key, normals, philox
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters, PrecisionParameters
from pyfdsr.functional import optical_conv2d
from tolerances import assert_close

ENCODINGS = "cartesian", "polar", "mzi"
PLAIN = convolution_of((3, 3), padding=1)
NOISY, DRAW = CONFIGS["noise"], _chip.Draw(9, 3, 2, 5)


def any_chip(seed):
    """A chip and a convolution of which everything is drawn."""
    rng = np.random.default_rng(seed)

    def one(*choices):
        return choices[rng.integers(len(choices))]

    slicing = one("none", "none", "binary", "thermometer")
    encoding = "cartesian" if slicing != "none" else one(*ENCODINGS)
    bits = one(3, 5) if slicing != "none" else one(0, 3, 6, 10)
    frame, product, large = (
        one((11, 11), (7, 5), (5, 11), (5, 6)),
        one("digital", "optical"),
        one(True, *[False] * 3),
    )
    # What an ADC read is written again as it is by a device that multiplies, and by a second pass. Relative
    # to the largest of a frame it is a ratio of integers, many of which lie exactly between two levels.
    inner = 2.9 if large or product == "optical" else one(2.9, "abs_max")
    config = ChipConfig(
        frame=frame,
        dac=DACParameters(
            bits,
            one(1.37, "abs_max"),
            encoding,
            linearise=encoding == "mzi" and bool(rng.integers(2)),
            inner_bound=inner,
        ),
        adc=ADCParameters(one(0, 13), one(3.1, "abs_max", "worst_case")),
        noise=NoiseParameters(
            inp_noise=one(0.0, 0.03),
            out_noise=one(0.0, 0.02),
            shot_photons=one(None, 1e3),
            phase_noise=one(0.0, 0.05),
            gain_std=one(0.0, 0.05),
            phase_std=one(0.0, 0.05),
            crosstalk=one(0.0, 0.03),
        ),
        precision=PrecisionParameters(slicing, one(4, 6), shots=one(1, 3)),
        detection=one("balanced", "intensity_phase_step"),
        reference_amplitude=one(1.0, 2.3),
        dc=one("electronic", "optical"),
        weight_transform=one("digital", "optical"),
        product=product,
        seed=int(rng.integers(100)),
    )
    groups = one(1, 2, 3)
    kernel = (frame[0] + 1, 2) if large else (one(1, 2, 3), one(1, 3, 4))
    dilation = (1, 1) if large else (1, one(1, 1, 2) if kernel[1] < 3 else 1)
    convolution = Convolution(
        kernel, (one(1, 2, 3), one(1, 2)), (one(0, 2), one(0, 1), one(0, 3), 1), dilation, groups
    )
    shape = {"inputs": groups * one(1, 2), "outputs": groups * one(1, 3)}
    return config, convolution, shape | {"size": (one(14, 23), one(13, 20)), "batch": one(1, 2)}


def test_words_are_the_cores():
    rng = np.random.default_rng(0)
    counters = rng.integers(0, 2**32, (50, 4), np.uint64)
    counters[:3] = [[0, 0, 0, 0], [2**32 - 1] * 4, [5 << 24 | 60, 2**31, 0, 2**32 - 1]]
    words = [torch.from_numpy(word.astype(np.int64)) for word in counters.T]
    for key in ((0, 0), (2**32 - 1, 2**32 - 1), noise_key(3, 2**62 + 1, 2**40)):
        found = torch.stack(philox(words, key), 1).tolist()
        assert found == [list(_core.philox(counter, key)) for counter in counters.tolist()]
        # Counters of more bits than a word count modulo 2**32: samples beyond 2**32 are split by the caller.
        assert torch.equal(torch.stack(philox([w + 2**32 for w in words], key), 1), torch.tensor(found))


@pytest.mark.parametrize(("sample", "shots"), [(0, 1), (2**33 + 5, 1), (7, 3)])
def test_deviates_are_the_cores(sample, shots):
    # Of darkness an ideal ADC with a full scale of 1 reads the deviates themselves, their mean over shots.
    config = ChipConfig(
        frame=(64, 31),
        dac=DACParameters(0, 1.0),
        adc=ADCParameters(0, 1.0),
        noise=NoiseParameters(out_noise=1.0),
        precision=PrecisionParameters(shots=shots),
        seed=5,
    )
    dark = np.zeros((40, 64, 31), np.complex64)
    read = ops.chip_dft2(dark, config, layer=7, step=11, sample=sample)
    theirs = torch.view_as_real(torch.from_numpy(read)).reshape(40, -1)
    samples, key = torch.arange(40) + sample, noise_key(5, 7, 11)
    drawn = [
        normals(key, torch.full_like(samples, shot), samples, Purpose.QUADRATURE, dark[0].size * 2)
        for shot in range(shots)
    ]
    ours = sum(drawn) / shots
    if shots == 1:
        # Logarithm, square root and sine or cosine, an ulp or two of each.
        ulps = (ours.view(torch.int32).long() - theirs.view(torch.int32).long()).abs()
        assert ulps.max() <= 6 and (ulps > 2).double().mean() < 0.01
    else:
        assert_close("pointwise", ours, theirs)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_chip(name, other):
    check_against_core(CONFIGS[name], PLAIN, backend=other)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_chip_in_single_precision(name, other):
    # A tile of three channels has 726 values on up to 255 levels of each sign. Where one lies within an error
    # of 4 eps of the middle between two levels, which at most 726 · 255 · 2 · 4 · 6e-8 = 9 % of the tiles
    # have, the tile's outputs move by a part of a step. A pair's cotangent is one such tile: one in twelve.
    check_against_core(CONFIGS[name], PLAIN, dtype=torch.float32, most=0.17, backend=other)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_chip_in_two_passes(name, other):
    convolution = Convolution((6, 3), (2, 1), (2, 1, 0, 3), (1, 1), 2)
    config = finely_read(CONFIGS[name].replace(frame=(5, 7)))
    check_against_core(config, convolution, inputs=4, outputs=2, size=(21, 30), backend=other)


@pytest.mark.parametrize("seed", range(60))
def test_any_chip(seed, other):
    config, convolution, shape = any_chip(seed)
    noise_scale = 0.7 if seed % 3 else 1.0
    check_against_core(config, convolution, noise_scale, backend=other, **shape)


@pytest.mark.parametrize("detection", ["balanced", "intensity_phase_step"])
def test_ideal_frames_are_the_convolution(detection, other):
    config = ChipConfig(
        dac=DACParameters(0), adc=ADCParameters(0, "worst_case"), detection=detection, dc="optical"
    )
    x, w = maps()
    with backends.forced(both_backends.OTHER):
        y = optical_conv2d(x, w, padding=1, chip=config)
    assert_close("chip_ideal_double", y, torch.nn.functional.conv2d(x, w, padding=1))


@pytest.mark.parametrize("name", ["phase step", "optical", "binary"])
def test_pieces_of_a_call_are_the_whole(monkeypatch, name, other):
    x, w = maps(batch=5)
    whole = outcome(other, CONFIGS[name], x, w, PLAIN, DRAW)
    # Three transforms of 121 complex values at once, fewer than a tile has channels.
    for module in (chip_transform, chip_plan):
        monkeypatch.setattr(module, "MOST_VALUES", 3 * 242)
    pieces = outcome(other, CONFIGS[name], x, w, PLAIN, DRAW)
    for ours, theirs in ((pieces.y, whole.y), (pieces.v_weight, whole.v_weight)):
        assert_close("convolution", ours, theirs)
    for name in ("dac_values", "dac_clipped", "adc_values", "adc_clipped", "compared"):
        assert pieces.counts[name] == whole.counts[name]


def test_parts_of_a_batch_draw_the_batchs_noise(other):
    x, w = maps(batch=4)
    with backends.forced(both_backends.OTHER):
        whole = optical_conv2d(x, w, chip=NOISY)
        with chip.sample_offset(2):
            part = optical_conv2d(x[2:], w, chip=NOISY)
        assert_close("convolution", part, whole[2:])
        assert moved(optical_conv2d(x[2:], w, chip=NOISY), whole[2:], NOISY) > 0.9


def test_empty_batches_and_no_numbers(other):
    x, w = maps()
    with backends.forced(both_backends.OTHER):
        none = optical_conv2d(x[:0], w, chip=NOISY, told=lambda counts, _: dict(counts))
        assert none.shape == (0, 4, 12, 13)
        x[0, 0, 3, 3] = torch.nan
        y = optical_conv2d(x, w, chip=NOISY)
    assert y[0].isnan().any() and not y[1].isnan().any()


@pytest.mark.parametrize("gradient", ["perfect", "ste", "chip"])
@pytest.mark.parametrize("name", ["cartesian-6-abs_max-worst_case", "noise", "optical, mzi"])
def test_gradients_and_layers(name, gradient, other):
    config = CONFIGS[name]
    torch.manual_seed(0)
    layer = nn.OpticalConv2d(
        2, 4, 3, 2, 1, groups=2, padding_mode="reflect", chip=config, gradient=gradient
    ).double()
    x = random(2, 2, 16, 13, dtype=torch.float64).requires_grad_()

    def run(x, weight):
        layer.set_step(4)
        layer.counts = {}
        return layer(x)

    found, expected = both(run, x, layer.weight)
    for ours, theirs in zip(found, expected, strict=True):
        assert moved(ours, theirs, config) <= 0.03


def test_ranges_are_calibrated_alike(other):
    config = ChipConfig.assumed_4bit()
    x, found = random(4, 2, 20, 20, dtype=torch.float32), []
    for name in (both_backends.OTHER, "core"):
        torch.manual_seed(0)
        layer = nn.OpticalConv2d(2, 3, 3, chip=config)
        with backends.forced(name):
            chip.calibrate_ranges(layer, [x])
        found.append(layer.chip_ranges)
    # Inner full scales are the largest of each frame; a value at an edge may change its bin, of 1.6 %.
    torch.testing.assert_close(*found, rtol=0.002, atol=0.0, equal_nan=True)


def test_what_the_core_refuses_is_refused():
    config = ChipConfig(
        dac=DACParameters(16, 1.0), adc=ADCParameters(8, 4.0), precision=PrecisionParameters("binary", 20)
    )
    x, w = maps(dtype=torch.float32)
    with backends.forced("torch"), pytest.raises(ValueError, match="must be at most 22 in single precision"):
        optical_conv2d(x, w, chip=config)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_no_values_are_read(name, large):
    # A meta device has none: what follows from sizes is known, and whoever asks for more is told.
    config = CONFIGS[name].replace(frame=(2, 3)) if large else CONFIGS[name]
    x, w = (tensor.to("meta") for tensor in maps())
    gain = b"" if _chip.static_gain(config) is None else _chip.static_gain(config).tobytes()
    sizes = (3, 4, (3, 3), (14, 15), *PLAIN[1:5])
    scales = _chip.full_scales(config, 2 * _chip.passes_for(config, (3, 3)), None)
    keep = config.product == "digital"
    y, counts, seen, kept = by_torch.chip_conv2d(
        x, w, w[:, 0, 0, 0], config, gain, sizes, scales, _chip.Draw(), 1.0, 16, False, keep
    )
    assert y.is_meta and y.shape == (2, 4, 14, 15) and seen is None and (kept is None or kept.is_meta)
    v_w, v_counts = by_torch.chip_conv2d_adjoint_weight(y, x, config, gain, sizes, _chip.Draw(), 1.0)
    assert v_w.is_meta and v_w.shape == w.shape and v_counts["frames"] > 0 < counts["frames"]
    with pytest.raises((NotImplementedError, RuntimeError)):
        counts["adc_clipped"]
    with pytest.raises(ValueError, match="input is on device meta: the emulated chip needs values"):
        optical_conv2d(x, w, chip=config)


def test_the_core_does_not_compute(monkeypatch, other):
    for name in ("chip_conv2d", "chip_conv2d_adjoint_weight"):
        monkeypatch.setattr(backends.core, name, None)
    monkeypatch.setattr(backends.core.chip, "_host", None)
    x, w = maps()
    with backends.forced(both_backends.OTHER):
        y = optical_conv2d(x, w.requires_grad_(), chip=NOISY, gradient="chip")
        y.sum().backward()
    assert w.grad.isfinite().all()


@pytest.mark.parametrize("backend", ["core", "other"])
def test_intensities_that_cancel_have_noise(backend, other):
    """Where light and reference cancel, rounding may leave a detector less than nothing: no root."""
    config = ChipConfig(
        dac=DACParameters(8, "abs_max"),
        adc=ADCParameters(10, "abs_max"),
        noise=NoiseParameters(shot_photons=1e12),
        detection="intensity_phase_step",
        reference_amplitude=0.5,
    )
    torch.manual_seed(0)
    x, w = torch.randn(16, 8, 30, 30), torch.randn(8, 8, 3, 3)
    with backends.forced("core" if backend == "core" else both_backends.OTHER):
        assert optical_conv2d(x, w, padding=1, chip=config).isfinite().all()
