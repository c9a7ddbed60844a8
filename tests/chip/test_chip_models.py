"""Whole models on the chip: conversion and back, states, noise."""

import warnings

import pytest
import torch

from pyfdsr import chip, nn
from pyfdsr.chip import (
    ADCParameters,
    ChipConfig,
    DACParameters,
    NoiseParameters,
)

ASSUMED = ChipConfig.assumed_4bit()
FIXED = ChipConfig(dac=DACParameters(6, 4.0), adc=ADCParameters(8, 6.0))


def network():
    torch.manual_seed(0)
    shared = torch.nn.Conv2d(4, 4, 3, padding=1)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Sequential(shared, torch.nn.ReLU(), shared),
        nn.FourierConv2d(4, 4, 5, padding=2),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * 12 * 12, 3),
    )


def images(batch=6, seed=1):
    return torch.rand(batch, 1, 12, 12, generator=torch.Generator().manual_seed(seed))


def test_conversion_shares_weights_by_name():
    model = network()
    before = dict(model.named_parameters())
    assert chip.convert_to_optical(model, FIXED) is model
    after = dict(model.named_parameters())
    assert after.keys() == before.keys() and all(after[name] is before[name] for name in before)
    layers = dict(chip.optical_layers(model))
    assert list(layers) == ["0", "2.0", "3"] and model[2][0] is model[2][2]
    assert [layer.layer_id for layer in layers.values()] == [0, 1, 2]
    assert not torch.equal(model(images()), network()(images()))
    digital = chip.convert_to_digital(model)
    assert digital is model and not list(chip.optical_layers(model))
    assert type(model[0]) is torch.nn.Conv2d and model[2][0] is model[2][2]
    assert model.state_dict().keys() == network().state_dict().keys()
    assert torch.allclose(digital(images()), network()(images()), atol=1e-5)


def test_hooks_and_mode_survive_both_conversions():
    model, seen = network().eval(), []
    model[0].register_forward_hook(lambda module, inputs, output: seen.append(type(module)))
    model[0].note = "kept"
    chip.convert_to_optical(model, FIXED)
    model(images())
    chip.convert_to_digital(model)
    model(images())
    assert seen == [nn.OpticalConv2d, torch.nn.Conv2d]
    assert not model[0].training and model[0].note == "kept"
    assert vars(model[0]).keys() - vars(network()[0]).keys() == {"note"} and not list(model[0].buffers())


def test_exclusion_and_single_layers():
    model = chip.convert_to_optical(network(), FIXED, exclude=["2", "3"])
    assert [name for name, _ in chip.optical_layers(model)] == ["0"]
    with pytest.raises(ValueError, match="exclude='head': the model has no module of that name"):
        chip.convert_to_optical(network(), FIXED, exclude=["head"])
    with pytest.raises(TypeError, match="exclude='2': must be a list"):
        chip.convert_to_optical(network(), FIXED, exclude="2")
    with pytest.raises(TypeError, match="model is a int"):
        chip.convert_to_optical(4, FIXED)
    with pytest.raises(TypeError, match="chip=4: must be a ChipConfig"):
        chip.convert_to_optical(network(), 4)
    long = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3), torch.nn.Conv2d(1, 1, 122))
    with pytest.raises(ValueError, match="kernel of extent \\(122, 122\\) is longer than 2 passes"):
        chip.convert_to_optical(long, FIXED)
    assert not list(chip.optical_layers(long))
    alone = chip.convert_to_optical(torch.nn.Conv2d(1, 2, 3), FIXED)
    assert isinstance(alone, nn.OpticalConv2d)


def test_layers_made_by_hand_are_put_on_another_chip():
    model = torch.nn.Sequential(nn.OpticalConv2d(1, 1, 3, chip=ASSUMED))
    again = chip.convert_to_optical(model, ASSUMED.replace(seed=3))
    assert (again[0].chip.seed, again[0].layer_id) == (3, 0)


def test_a_converted_model_is_put_on_another_chip():
    model = chip.convert_to_optical(network(), ASSUMED, exclude=["2", "3"], gradient="ste")
    chip.calibrate_ranges(model, [images()])
    first, weight, ranges = model[0], model[0].weight, model[0].chip_ranges.clone()
    # The same chip: layers are left, new ones counted on.
    chip.convert_to_optical(model, ASSUMED, exclude=["3"])
    assert model[0] is first and torch.equal(first.chip_ranges.nan_to_num(), ranges.nan_to_num())
    again = chip.convert_to_optical(model, FIXED.replace(seed=9))
    assert [(n, m.layer_id, m.chip, m.gradient) for n, m in chip.optical_layers(again)] == [
        ("0", 0, FIXED.replace(seed=9), "ste"),
        ("2.0", 1, FIXED.replace(seed=9), "perfect"),
        ("3", 2, FIXED.replace(seed=9), "perfect"),
    ]
    assert again[0].weight is weight and again[0].chip_ranges.isnan().all() and not again[0].counts
    assert torch.equal(again(images()), again.eval()(images()))
    kept = chip.convert_to_optical(again, ASSUMED, exclude=["0"], gradient="chip")
    assert kept[0].chip.seed == 9 and kept[3].chip is ASSUMED and kept[3].gradient == "chip"
    before = [layer.chip for _, layer in chip.optical_layers(kept)]
    with pytest.raises(ValueError, match="kernel of extent \\(5, 5\\) is longer than 2 passes"):
        chip.convert_to_optical(kept, FIXED.replace(frame=2))
    assert [layer.chip for _, layer in chip.optical_layers(kept)] == before


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("kind", [torch.nn.Conv2d, nn.FourierConv2d])
@pytest.mark.parametrize("place", ["parametrize", "hook", "on the chip"])
def test_parametrised_layers_come_back(place, kind):
    torch.manual_seed(0)
    layer = kind(1, 4, 3, padding=1)
    if place == "parametrize":
        torch.nn.utils.parametrizations.weight_norm(layer)
    elif place == "hook":
        torch.nn.utils.weight_norm(layer)
    model = chip.convert_to_optical(torch.nn.Sequential(layer), FIXED.replace(is_perfect=True))
    if place == "on the chip":
        torch.nn.utils.parametrizations.spectral_norm(model[0], n_power_iterations=2)
    names = [name for name, _ in model.named_parameters()]
    x, optical = images(), model[0]
    assert isinstance(optical, nn.OpticalConv2d)
    model.eval()(x).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())

    def scale(model, factor):
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(factor)
            return model(x)

    wanted, moved = model(x), scale(model, 2.0)
    assert not torch.allclose(moved, wanted, atol=1e-2) and torch.equal(scale(model, 0.5), wanted)
    digital = chip.convert_to_digital(model)
    assert isinstance(model[0], torch.nn.Conv2d) and not isinstance(model[0], nn.FourierConv2d)
    assert [name for name, _ in digital.named_parameters()] == names
    assert torch.allclose(digital(x), wanted, atol=1e-5)
    # Still computed: a change of its parameters shows, and the parametrisation can be removed.
    assert torch.allclose(scale(digital, 2.0), moved, atol=1e-5)
    if place == "hook":
        torch.nn.utils.remove_weight_norm(digital[0])
    else:
        torch.nn.utils.parametrize.remove_parametrizations(digital[0], "weight")
    assert type(digital[0]) is torch.nn.Conv2d and torch.allclose(digital(x), moved, atol=1e-5)


def test_a_digital_state_loads_as_it_is():
    model = chip.convert_to_optical(network(), FIXED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.load_state_dict(network().state_dict())
    digital = network()
    digital.load_state_dict(chip.convert_to_digital(model).state_dict())


def test_a_state_never_replaces_the_configuration():
    saved = chip.convert_to_optical(network(), FIXED).state_dict()
    model = chip.convert_to_optical(network(), FIXED.replace(seed=1))
    with pytest.warns(UserWarning, match="saved with another chip configuration; this layer keeps its own"):
        model.load_state_dict(saved)
    assert model[0].chip.seed == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chip.convert_to_optical(network(), FIXED).load_state_dict(saved)
    other_frame = chip.convert_to_optical(
        network(), FIXED.replace(frame=9, noise=NoiseParameters(gain_std=0.1))
    )
    with pytest.raises(RuntimeError, match="chip_gain"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other_frame.load_state_dict(saved)


def test_noise_scale_and_step_are_set_for_the_whole_model():
    config = ChipConfig(
        dac=DACParameters(0), adc=ADCParameters(0, 6.0), noise=NoiseParameters(0.0, 0.1, shot_photons=1e4)
    )
    model = chip.convert_to_optical(network(), config).eval()
    noisy, exact = model(images()), network()(images())
    chip.set_noise_scale(model, 0.0)
    assert torch.allclose(model(images()), exact, atol=1e-5)
    chip.set_noise_scale(model, 0.1)
    assert 0 < (model(images()) - exact).norm() < 0.3 * (noisy - exact).norm()
    for bad in (-1, float("inf"), "1"):
        with pytest.raises(ValueError, match="scale="):
            chip.set_noise_scale(model, bad)
    with pytest.raises(ValueError, match="step=-1"):
        chip.noise_step(model, -1)
    with pytest.raises(ValueError, match="first=-1"), chip.sample_offset(-1):
        pass
