"""Law 11: the gradients of the emulated convolution."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from test_optical_conv2d import CASES, IDEAL, NOISY, layer_of, maps

import pyfdsr
from pyfdsr import nn
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters, NoiseParameters
from pyfdsr.functional import optical_conv2d
from tolerances import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")


def gradients(layer, x, v):
    x = x.clone().requires_grad_()
    layer.zero_grad()
    layer(x).backward(v)
    return [x.grad, *(p.grad.clone() for p in layer.parameters())]


def reference(name, layer, x, v):
    arguments, keywords = CASES[name]
    plain = torch.nn.Conv2d(*arguments, **keywords).to(x.dtype)
    plain.load_state_dict({k: t for k, t in layer.state_dict().items() if k in ("weight", "bias")})
    return gradients(plain, x, v)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [0, 5])
def test_perfect_is_the_gradient_of_conv2d_whatever_the_seed(name, seed):
    layer = layer_of(name, NOISY.replace(seed=seed))
    x = maps(channels=CASES[name][0][0])
    v = torch.randn(layer(x).shape, generator=torch.Generator().manual_seed(2))
    for actual, wanted in zip(gradients(layer, x, v), reference(name, layer, x, v), strict=True):
        assert_close("gradient", actual, wanted)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("gradient", ["perfect", "chip", "ste"])
def test_all_gradients_of_ideal_frames_are_that_of_conv2d(name, gradient):
    layer = layer_of(name, IDEAL, gradient=gradient).double()
    x = maps(channels=CASES[name][0][0], dtype=torch.float64)
    v = torch.randn(layer(x).shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for actual, wanted in zip(gradients(layer, x, v), reference(name, layer, x, v), strict=True):
        assert_close("gradient", actual, wanted)


def test_chip_gradients_go_through_the_chip():
    x = maps()
    v = torch.randn(3, 6, 18, 21)
    perfect = gradients(layer_of("plain", NOISY), x, v)
    chips = gradients(layer_of("plain", NOISY, gradient="chip"), x, v)
    for ours, exact in zip(chips[:2], perfect[:2], strict=True):
        assert not torch.equal(ours, exact)
        # It is still the gradient: the angle to the exact one is small at 6 and 8 bits and 2 % noise.
        assert F.cosine_similarity(ours.flatten(), exact.flatten(), 0) > 0.9
    again = gradients(layer_of("plain", NOISY, gradient="chip"), x, v)
    assert all(torch.equal(a, b) for a, b in zip(chips, again, strict=True))
    other = gradients(layer_of("plain", NOISY.replace(seed=8), gradient="chip"), x, v)
    assert not torch.equal(other[0], chips[0])


PROGRAM = """
import resource
import numpy as np
from pyfdsr import _chip
from pyfdsr.chip import ADCParameters, ChipConfig, DACParameters

config = ChipConfig(dac=DACParameters(4, "abs_max"), adc=ADCParameters(8, "abs_max"))
geometry = 64, 64, (3, 3), (9, 9), (1, 1), (1, 1, 1, 1), (1, 1), 1
plan = _chip.conv2d_plan(config, b"", geometry, False)
x = np.random.default_rng(0).standard_normal((2048, 64, 9, 9), dtype=np.float32)
plan.adjoint_weight(x[:8], x[:8], _chip.Draw(), 1.0, 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
plan.adjoint_weight(x, x, _chip.Draw(), 1.0, 2)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_a_weights_gradient_needs_little_memory():
    finished = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    # 16 MiB of spectra are kept, their sums take 64² times 121 complex numbers: 4 MiB.
    assert float(finished.stdout) < 32


def test_chip_gradients_are_the_same_for_any_threads():
    x = maps(40)
    v = torch.randn(40, 6, 18, 21)
    found = []
    for threads in (1, 2, 4):
        pyfdsr.set_num_threads(threads)
        found.append(gradients(layer_of("plain", NOISY, gradient="chip"), x, v)[:2])
    pyfdsr.set_num_threads(None)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(other, found[0], strict=True))


def test_the_representation_says_which():
    assert "gradient='chip'" in repr(layer_of("plain", NOISY, gradient="chip"))
    assert layer_of("plain", NOISY, perfect_gradient=True).gradient == "perfect"
    assert layer_of("plain", NOISY, perfect_gradient=False).gradient == "chip"


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: nn.OpticalConv2d(1, 1, 3, chip=4), TypeError, "chip=4: must be a ChipConfig"),
        (lambda: layer_of("plain", NOISY, gradient="exact"), ValueError, "gradient='exact': must be one of"),
        (lambda: layer_of("plain", NOISY, perfect_gradient=1), TypeError, "perfect_gradient=1"),
        (lambda: layer_of("plain", NOISY, layer_id=-1), ValueError, "layer_id=-1"),
        (lambda: nn.OpticalConv2d(1, 1, 122, chip=NOISY), ValueError, "kernel of extent (122, 122)"),
        (lambda: optical_conv2d(torch.ones(1, 1, 9, 9), None, chip=NOISY), TypeError, "weight=None"),
        (lambda: layer_of("plain", NOISY)(maps(channels=3)), ValueError, "input has 3 channels"),
        (lambda: layer_of("plain", NOISY)(maps().to(torch.int32)), TypeError, "input has dtype torch.int32"),
        (
            lambda: layer_of("plain", NOISY)(maps().double()),
            TypeError,
            "weight has dtype torch.float32 and input torch.float64: must be the same",
        ),
        (
            lambda: layer_of("plain", NOISY).bfloat16()(maps()),
            TypeError,
            "weight has dtype torch.bfloat16 and input torch.float32",
        ),
        (
            lambda: optical_conv2d(maps(), torch.ones(1, 4, 3, 3), torch.ones(1).double(), chip=NOISY),
            TypeError,
            "bias has dtype torch.float64",
        ),
        (lambda: layer_of("plain", NOISY)(maps(size=(2, 2))), ValueError, "larger than the padded input"),
        (
            lambda: layer_of("plain", NOISY.replace(adc=ADCParameters(8)))(maps()),
            RuntimeError,
            "adc.range='calibrated': no range is known yet; call pyfdsr.chip.calibrate_ranges(model, loader)",
        ),
        (
            lambda: layer_of("plain", NOISY.replace(dac=DACParameters(4, inner_bound="calibrated")))(maps()),
            RuntimeError,
            "dac.inner_bound='calibrated'",
        ),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)


def test_autocast_mixes_precisions():
    layer, x = layer_of("plain", NOISY).eval(), maps()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x.bfloat16())
        with pytest.raises(TypeError, match="weight has dtype torch.float32 and input torch.float64"):
            layer(x.double())
    assert torch.equal(y, layer(x.bfloat16().float()).bfloat16())


def test_an_ideal_converter_needs_no_calibration():
    config = ChipConfig(dac=DACParameters(4), adc=ADCParameters(0))
    assert layer_of("plain", config)(maps()).isfinite().all()
    with pytest.raises(RuntimeError, match="calibrate_ranges"):
        layer_of("plain", config.replace(noise=NoiseParameters(out_noise=0.1)))(maps())
