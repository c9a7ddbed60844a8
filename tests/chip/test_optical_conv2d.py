"""Laws 1, 8 (switches) and 12 on the layer: exact limits, noise that belongs to a sample, threads, state."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset

import pyfdsr
from pyfdsr import chip, nn
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters, PrecisionParameters
from tolerances import assert_close

NOISE = NoiseParameters(inp_noise=0.02, out_noise=0.02, shot_photons=1e5, phase_noise=0.02)
NOISY = ChipConfig(dac=DACParameters(6, 4.0), adc=ADCParameters(8, 6.0), noise=NOISE, seed=3)
ASSUMED = ChipConfig.assumed_4bit()
IDEAL = ChipConfig(dac=DACParameters(0), adc=ADCParameters(0))

CASES = {
    "plain": ((4, 6, 3), {}),
    "replicate": ((4, 6, 3), {"padding": 1, "padding_mode": "replicate"}),
    "reflect": ((4, 6, (3, 5)), {"padding": (2, 3), "padding_mode": "reflect", "stride": (1, 2)}),
    "circular": ((4, 6, 3), {"padding": (1, 2), "padding_mode": "circular", "dilation": (1, 2)}),
    "same, even": ((4, 6, (4, 2)), {"padding": "same"}),
    "strided": ((4, 6, 3), {"stride": (2, 3), "padding": 1}),
    "dilated": ((4, 6, 3), {"dilation": (2, 3), "bias": False}),
    "grouped": ((4, 6, 3), {"groups": 2, "padding": 1}),
    "depthwise": ((4, 4, 5), {"groups": 4, "padding": 2}),
    "pointwise": ((4, 6, 1), {}),
    "whole frame": ((2, 2, 11), {"padding": 5}),
    "two passes": ((1, 2, 13), {"padding": 6}),
}


def layer_of(name, config, **rest):
    torch.manual_seed(0)
    arguments, keywords = CASES[name]
    return nn.OpticalConv2d(*arguments, chip=config, **keywords, **rest)


def maps(batch=3, channels=4, size=(20, 23), dtype=torch.float32, seed=1):
    return torch.randn(batch, channels, *size, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def threads():
    yield pyfdsr.set_num_threads
    pyfdsr.set_num_threads(None)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_perfect_chip_is_the_fourier_layer_to_the_bit(name, dtype, memory_format):
    layer = layer_of(name, NOISY.replace(is_perfect=True))
    arguments, keywords = CASES[name]
    digital = nn.FourierConv2d(*arguments, **keywords)
    digital.load_state_dict({k: v for k, v in layer.state_dict().items() if k in ("weight", "bias")})
    x = maps(channels=arguments[0], dtype=dtype).to(memory_format=memory_format)
    assert torch.equal(layer.to(dtype)(x), digital.to(dtype)(x))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("product", ["digital", "optical"])
@pytest.mark.parametrize("dc", ["digital", "optical"])
def test_ideal_frames_are_the_convolution(name, product, dc):
    config = IDEAL.replace(
        product=product, weight_transform=product, dc="electronic" if dc == "digital" else dc
    )
    layer = layer_of(name, config)
    arguments, keywords = CASES[name]
    plain = torch.nn.Conv2d(*arguments, **keywords)
    plain.load_state_dict({k: v for k, v in layer.state_dict().items() if k in ("weight", "bias")})
    x = maps(channels=arguments[0])
    # Law 1: 1e-6 relative in float32, 1e-12 in float64.
    exact = plain.double()(x.double())
    assert_close("chip_ideal_single", layer(x), exact)
    assert_close("chip_ideal_double", layer.double()(x.double()), exact)
    spread = x.double().to(memory_format=torch.channels_last)
    assert torch.equal(layer(spread), layer(x.double()))


def test_shapes_and_dtypes_of_torch():
    layer = layer_of("plain", NOISY).eval()
    x = maps()
    assert torch.equal(layer(x[0]), layer(x[:1])[0])
    assert torch.equal(layer(x.transpose(2, 3).contiguous().transpose(2, 3)), layer(x))
    assert layer(x[:0]).shape == (0, 6, 18, 21)
    assert layer.bfloat16()(x.bfloat16()).dtype == torch.bfloat16
    x[1, 2, 5, 6] = float("nan")
    y = layer.float()(x)
    assert y[1].isnan().any() and not y[0].isnan().any() and not y[2].isnan().any()


def test_dark_maps_stay_finite():
    # A frame whose largest value is 0 has a full scale of 0.
    config = NOISY.replace(dac=DACParameters(4, "abs_max"), adc=ADCParameters(8, "abs_max"), dc="optical")
    for detection in ("balanced", "intensity_phase_step"):
        layer = layer_of("plain", config.replace(detection=detection), gradient="chip")
        x = torch.zeros(3, 4, 20, 20)
        x[1:, 0, 3, 3] = torch.tensor([1e-42, 1e-30])  # below the normal numbers, and hardly above
        x.requires_grad_()
        layer(x).sum().backward()
        assert layer(x).isfinite().all() and x.grad.isfinite().all() and layer.weight.grad.isfinite().all()


def test_same_bits_for_any_threads_and_any_split(threads):
    layer, x = layer_of("replicate", NOISY).eval(), maps(7)
    threads(1)
    expected = layer(x)
    for number in (2, 4):
        threads(number)
        assert torch.equal(layer(x), expected)
    parts = []
    for first in (0, 2, 5):
        with chip.sample_offset(first):
            parts.append(layer(x[first : {0: 2, 2: 5, 5: 7}[first]]))
    assert torch.equal(torch.cat(parts), expected)


MODES = {
    "binary slices": {"dac": DACParameters(4, 4.0), "precision": PrecisionParameters("binary", 8)},
    "shots": {"precision": PrecisionParameters(shots=3)},
    "optical product": {"product": "optical", "weight_transform": "optical"},
    "polar": {"dac": DACParameters(6, 4.0, "polar")},
    "phase stepping": {"detection": "intensity_phase_step", "dc": "optical"},
    "noise of each frame": {"adc": ADCParameters(8, "abs_max")},
    "121 transform": {},
}


@pytest.mark.parametrize("mode", MODES)
def test_same_bits_in_every_mode(mode, threads):
    # 5 images of 3×2 tiles, or of one: packs of any width are filled, over-filled and left unfilled.
    layer = layer_of(
        "two passes" if mode == "121 transform" else "plain", NOISY.replace(**MODES[mode])
    ).eval()
    x = maps(5, layer.in_channels)
    threads(1)
    expected = layer(x)
    counts, layer.counts = layer.counts, {}
    for number in (2, 4):
        threads(number)
        assert torch.equal(layer(x), expected)
        assert layer.counts == counts
        layer.counts = {}
    parts = []
    for first, end in ((0, 2), (2, 5)):
        with chip.sample_offset(first):
            parts.append(layer(x[first:end]))
    assert torch.equal(torch.cat(parts), expected)
    assert not torch.equal(layer(x.flip(0)), expected.flip(0))


def test_same_bits_after_saving_copying_and_pickling(tmp_path):
    layer = layer_of("plain", NOISY.replace(noise=NoiseParameters(out_noise=0.1, gain_std=0.1))).eval()
    chip.noise_step(layer, 7)
    x = maps()
    expected = layer(x)
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    torch.manual_seed(5)
    other = nn.OpticalConv2d(4, 6, 3, chip=layer.chip).eval()
    assert not torch.equal(other(x), expected)
    other.load_state_dict(torch.load(tmp_path / "layer.pt"))
    for twin in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x), expected)


def test_a_cast_leaves_the_chip_the_same():
    config = ASSUMED.replace(noise=NoiseParameters(gain_std=0.1, phase_std=0.1))
    model = torch.nn.Sequential(layer_of("plain", config))
    layer = model[0]
    chip.calibrate_ranges(model, [maps()])
    ranges, gain = layer.chip_ranges.clone(), layer.chip_gain.clone()
    for there in (model.bfloat16, model.half, model.double):
        there()
        model.float()
        assert layer.weight.dtype == torch.float32
        assert torch.equal(layer.chip_ranges.nan_to_num(), ranges.nan_to_num())
        assert torch.equal(layer.chip_gain, gain) and gain.dtype == layer.chip_ranges.dtype == torch.float64
    assert {b.device.type for b in model.to("meta").buffers()} == {"meta"}


def test_what_noise_depends_on():
    x = maps()
    layer = layer_of("plain", NOISY).eval()
    expected = layer(x)
    assert torch.equal(layer(x), expected)
    chip.noise_step(layer, 1)
    assert not torch.equal(layer(x), expected)
    chip.noise_step(layer, 0)
    assert torch.equal(layer(x), expected)
    with chip.sample_offset(1):
        assert not torch.equal(layer(x), expected)
    assert not torch.equal(layer_of("plain", NOISY.replace(seed=4)).eval()(x), expected)
    assert not torch.equal(layer_of("plain", NOISY, layer_id=1).eval()(x), expected)


def test_two_chips_differ_and_one_chip_serves_all_layers():
    config = IDEAL.replace(noise=NoiseParameters(gain_std=0.1, phase_std=0.1))
    x = maps()
    one, other = layer_of("plain", config), layer_of("plain", config.replace(seed=1))
    assert not torch.equal(one(x), other(x))
    assert torch.equal(one.chip_gain, layer_of("strided", config).chip_gain)


class Emulated(Dataset):
    """Maps that every worker sends through the chip."""

    def __init__(self):
        self.layer, self.maps = layer_of("plain", NOISY).eval(), maps(4)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        with torch.no_grad(), chip.sample_offset(index):
            return self.layer(self.maps[index])


@pytest.mark.parametrize("workers", [0, 2])
def test_data_loader_workers(threads, workers):
    threads(2)
    data = Emulated()
    expected = data.layer(data.maps)
    loader = DataLoader(data, batch_size=1, num_workers=workers, timeout=60 if workers else 0)
    assert torch.equal(torch.cat(list(loader)), expected)


SWITCHES = {
    "inp_noise": NoiseParameters(inp_noise=0.1),
    "out_noise": NoiseParameters(out_noise=0.1),
    "shot_photons": NoiseParameters(shot_photons=1e4),
    "phase_noise": NoiseParameters(phase_noise=0.1),
    "gain_std": NoiseParameters(gain_std=0.1),
    "phase_std": NoiseParameters(phase_std=0.1),
    "crosstalk": NoiseParameters(crosstalk=0.05),
}


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("detection", ["balanced", "intensity_phase_step"])
def test_every_switch_changes_the_output_in_every_mode(name, training, detection):
    x = maps()
    base = ChipConfig(
        dac=DACParameters(0, 4.0), adc=ADCParameters(0, 6.0), noise=SWITCHES[name], detection=detection
    )
    clean = layer_of("plain", base.replace(noise=NoiseParameters()))(x)
    here, there = ("noise_in_train", "noise_in_eval") if training else ("noise_in_eval", "noise_in_train")
    changed = layer_of("plain", base).train(training)(x)
    assert not torch.equal(changed, clean)
    assert torch.equal(layer_of("plain", base.replace(**{there: False})).train(training)(x), changed)
    off = layer_of("plain", base.replace(**{here: False})).train(training)(x)
    # Errors of the device stay; those that change from frame to frame go.
    assert torch.equal(off, clean) == base.noise.temporal
    perfect = layer_of("plain", base.replace(is_perfect=True)).train(training)(x)
    assert_close("chip_ideal_single", perfect, F.conv2d(x, *layer_of("plain", base).parameters()).double())


@pytest.mark.parametrize(
    "change",
    [
        {"dac": DACParameters(6, 4.0, "polar")},
        {"dac": DACParameters(6, 4.0, "mzi")},
        {"dac": DACParameters(6, 4.0, "mzi", linearise=True)},
        {"dac": DACParameters(6, 4.0, inner_bound=9.0)},
        {"dac": DACParameters(5, 4.0)},
        {"adc": ADCParameters(7, 6.0)},
        {"adc": ADCParameters(8, "worst_case")},
        {"adc": ADCParameters(8, "abs_max")},
        {"detection": "intensity_phase_step"},
        {"detection": "intensity_phase_step", "reference_amplitude": 2.0},
        {"precision": PrecisionParameters("binary", 8)},
        {"precision": PrecisionParameters("thermometer", 6)},
        {"dc": "optical"},
        {"weight_transform": "optical"},
        {"product": "optical"},
        {"frame": (9, 10)},
    ],
    ids=str,
)
def test_every_setting_changes_the_output(change):
    x, config = maps(), NOISY.replace(noise=NoiseParameters())
    assert not torch.equal(layer_of("plain", config.replace(**change))(x), layer_of("plain", config)(x))


def test_checkpointed_segments_draw_the_same_noise():
    layer, x = layer_of("plain", NOISY, gradient="chip"), maps().requires_grad_()
    layer(x).square().sum().backward()
    plain, x.grad = x.grad.clone(), None
    chip.noise_step(layer, 0)
    checkpoint(layer, x, use_reentrant=False).square().sum().backward()
    assert torch.equal(x.grad, plain)


def test_a_layer_of_two_checkpointed_segments_counts_once():
    layer, x = nn.OpticalConv2d(4, 4, 3, padding=1, chip=NOISY, gradient="chip"), maps().requires_grad_()
    layer(layer(x)).square().sum().backward()
    plain, counts, x.grad = x.grad.clone(), layer.counts, None
    chip.noise_step(layer, 0)
    layer.counts = {}
    inner = checkpoint(layer, x, use_reentrant=False)
    checkpoint(layer, inner, use_reentrant=False).square().sum().backward()
    assert torch.equal(x.grad, plain)
    assert layer.counts == counts and int(layer.chip_step) == 0
    layer(x)
    assert int(layer.chip_step) == 1
    # Calibrated full scales, too, move once a forward pass.
    learned = ASSUMED.replace(noise=NoiseParameters())
    moved = []
    for segment in (lambda layer, x: layer(x), lambda layer, x: checkpoint(layer, x, use_reentrant=False)):
        layer = layer_of("plain", learned)
        layer.chip_ranges[:] = 1.0
        layer.range_learning = (0.1, 0.02)
        segment(layer, x).sum().backward()
        moved.append(layer.chip_ranges.clone())
    assert not (moved[0] == 1).all() and torch.equal(*moved)


def test_training_counts_steps_by_itself():
    layer, x = layer_of("plain", NOISY), maps()
    first = layer(x)
    again = layer(x)  # another call of the same step
    assert int(layer.chip_step) == 0 and not torch.equal(again, first)
    chip.noise_step(layer, 0)
    assert torch.equal(layer(x), first) and torch.equal(layer(x), again)
    first.sum().backward()
    second = layer(x)
    assert int(layer.chip_step) == 1 and not torch.equal(second, first)
    layer.eval()(x).sum().backward()
    assert int(layer.chip_step) == 1


def test_compiled_models_break_at_the_chip_and_agree():
    model = torch.nn.Sequential(
        layer_of("replicate", NOISY), torch.nn.ReLU(), torch.nn.Conv2d(6, 2, 3)
    ).eval()
    x = maps()
    torch.compiler.reset()
    compiled = torch.compile(model, backend="eager")
    assert torch.equal(compiled(x), model(x))
    with chip.sample_offset(3):
        assert torch.equal(compiled(x), model(x))
    torch.compiler.reset()


@pytest.mark.parametrize("product", ["digital", "optical"])
def test_an_electronic_mean_saves_the_precision_of_non_negative_maps(product):
    # The zero frequency of the maps, and of their products, would fill the range of every converter: it is
    # some ten times the others here, and ten times the steps are 20 dB.
    x, levels = maps().abs() + 1, {}
    for dc in ("optical", "electronic"):
        config = ChipConfig(
            dac=DACParameters(6, "abs_max"), adc=ADCParameters(8, "abs_max"), dc=dc, product=product
        )
        layer = layer_of("plain", config)
        layer(x)
        levels[dc] = chip.chip_stats(layer)[""].sinad
    assert levels["electronic"] > levels["optical"] + 10
