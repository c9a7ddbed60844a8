"""Training with the chip in the loop."""

import pytest
import torch
import torch.nn.functional as F

from pyfdsr import _chip, chip, data, nn
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters
from pyfdsr.training import HardwareAwareTraining, TrainingDiverged

CONFIG = ChipConfig(
    dac=DACParameters(3, "calibrated"),
    adc=ADCParameters(4, "calibrated"),
    noise=NoiseParameters(out_noise=0.02),
)


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5, stride=2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(6 * 144, 10)
    )


@pytest.fixture(scope="module")
def batches():
    images = data.load("embedded", per_class=20)
    x = torch.from_numpy(images.images.copy()).float()[:, None] / 255
    return list(zip(x.split(50), torch.from_numpy(images.labels.copy()).split(50), strict=True))


def train(batches, gradient="ste", epochs=5, **settings):
    model = chip.convert_to_optical(network(), CONFIG, gradient=gradient)
    chip.calibrate_ranges(model, batches[:2])
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    seen = []
    losses = HardwareAwareTraining(**settings).fit(
        model, batches, F.cross_entropy, optimizer, epochs, lambda *told: seen.append(told)
    )
    assert seen == list(enumerate(losses, 1))
    return model, losses


@pytest.mark.parametrize("gradient", ["perfect", "ste", "chip"])
def test_the_loss_falls(batches, gradient):
    model, losses = train(batches, gradient)
    assert losses[-1] < 0.8 * losses[0]
    # A step for each backward pass but the last, which the next call would count.
    assert int(model[0].chip_step) == 5 * len(batches) - 1
    assert model[0].noise_scale == 1.0 and model[0].range_learning is None


def test_it_is_deterministic(batches):
    first, second = (train(batches, epochs=1)[0].state_dict() for _ in range(2))
    for name, value in first.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value.nan_to_num(), second[name].nan_to_num()), name


def test_training_on_the_chip_beats_conversion(batches):
    digital = network()
    optimizer = torch.optim.Adam(digital.parameters(), 2e-3)
    HardwareAwareTraining().fit(digital, batches, F.cross_entropy, optimizer, 4)
    converted = chip.calibrate_ranges(chip.convert_to_optical(digital, CONFIG, gradient="ste"), batches[:2])

    def loss():
        converted.eval()
        with torch.no_grad():
            return sum(float(F.cross_entropy(converted(x), y)) for x, y in batches) / len(batches)

    before = loss()
    optimizer = torch.optim.Adam(converted.parameters(), 1e-3)
    HardwareAwareTraining(anneal=0.3).fit(converted, batches, F.cross_entropy, optimizer, 2)
    assert loss() < 0.9 * before


def test_ranges_move_only_where_they_are_learnt(batches):
    model = chip.convert_to_optical(network(), CONFIG)
    before = chip.calibrate_ranges(model, batches[:2])[0].chip_ranges.clone()
    for rate, moves in ((0.0, False), (0.05, True)):
        optimizer = torch.optim.SGD(model.parameters(), 0.0)
        HardwareAwareTraining(range_rate=rate).fit(model, batches[:2], F.cross_entropy, optimizer, 1)
        changed = (model[0].chip_ranges != before) & ~before.isnan()
        assert bool(changed.any()) == moves
    assert model[0].chip_ranges[1, 0].isnan()  # inner_bound="abs_max" is not calibrated


def test_annealing_builds_no_plans_and_gives_back_what_was_set(batches):
    model = chip.convert_to_optical(network(), CONFIG, gradient="chip")
    chip.calibrate_ranges(model, batches[:2])
    model[0].noise_scale, model[0].range_learning, seen = 0.5, (0.3, 0.1), []
    model.register_forward_pre_hook(lambda module, inputs: seen.append(module[0].noise_scale))
    model(batches[0][0]).sum().backward()
    _chip.conv2d_plan.cache_clear()
    HardwareAwareTraining(first_scale=0.2).fit(
        model, batches[:3], F.cross_entropy, torch.optim.SGD(model.parameters(), 1e-4), 2
    )
    assert seen[1:] == pytest.approx([0.1, 0.26, 0.42, 0.5, 0.5, 0.5])
    assert _chip.conv2d_plan.cache_info().misses == 1  # the input needs no gradient
    assert model[0].noise_scale == 0.5 and model[0].range_learning == (0.3, 0.1)


def test_the_noise_grows():
    schedule = HardwareAwareTraining(anneal=0.5, first_scale=0.2)
    scales = [schedule.noise_scale_at(step, 21) for step in range(21)]
    assert scales[0] == 0.2 and scales[10:] == [1.0] * 11
    assert all(b > a for a, b in zip(scales[:10], scales[1:11], strict=True))
    assert HardwareAwareTraining(anneal=0.0).noise_scale_at(0, 1) == 1.0


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: HardwareAwareTraining(anneal=1.5), "anneal=1.5: must lie in"),
        (lambda: HardwareAwareTraining(first_scale=-1), "first_scale=-1"),
        (lambda: HardwareAwareTraining(range_rate="fast"), "range_rate='fast'"),
        (lambda: HardwareAwareTraining(clip_target=0), "clip_target=0: must be above 0"),
        (lambda: HardwareAwareTraining().fit(network(), [], None, None, 1), "batches: there are none"),
        (lambda: HardwareAwareTraining().fit(network(), [1], None, None, 0), "epochs=0"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_diverged_loss_stops_and_restores(batches):
    layer = nn.OpticalConv2d(1, 1, 3, chip=CONFIG.replace(adc=ADCParameters(4, 1.0), dac=DACParameters(3)))
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    with pytest.raises(TrainingDiverged, match="the loss is nan in epoch 1"):
        HardwareAwareTraining().fit(
            layer, batches[:1], lambda out, target: out.sum() * float("nan"), optimizer, 1
        )
    assert layer.noise_scale == 1.0 and layer.range_learning is None
