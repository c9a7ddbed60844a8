"""The emulated chip on a GPU against the core on the CPU; skipped, and counted as skipped, without a GPU."""

import copy

import numpy as np
import pytest
import torch

from chip_agreement import check_against_core, check_company, finely_read, moved
from chip_configs import CONFIGS
from pyfdsr import _core, backends, chip, nn
from pyfdsr._convolution import Convolution, convolution_of
from pyfdsr.backends.by_torch.chip_noise import Purpose, normals, philox
from pyfdsr.backends.by_torch.chip_settings import FrameCall, FrameSettings
from pyfdsr.chip import ChipConfig
from pyfdsr.functional import optical_conv2d

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

PLAIN = convolution_of((3, 3), padding=1)


KERNELS = pytest.mark.skipif(not backends.cuda.is_built(), reason="built without the CUDA kernels")


@pytest.fixture(params=["torch", pytest.param("cuda", marks=KERNELS)])
def backend(request):
    """Torch's operations, and the kernels."""
    return {"torch": backends.by_torch, "cuda": backends.cuda}[request.param]


def random(*shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def test_words_and_deviates():
    rng = np.random.default_rng(0)
    counters = rng.integers(0, 2**32, (50, 4), np.uint64)
    words = [torch.from_numpy(word.astype(np.int64)).cuda() for word in counters.T]
    found = torch.stack(philox(words, (7, 2**32 - 1)), 1).tolist()
    assert found == [list(_core.philox(counter, (7, 2**32 - 1))) for counter in counters.tolist()]
    frames, samples = torch.arange(100), torch.arange(100) + 2**33
    here = normals((1, 2), frames, samples, Purpose.PHASE, 121)
    there = normals((1, 2), frames.cuda(), samples.cuda(), Purpose.PHASE, 121).cpu()
    # Logarithm, square root and sine or cosine, an ulp or two of each, in both libraries.
    assert (here.view(torch.int32).long() - there.view(torch.int32).long()).abs().max() <= 8


@KERNELS
def test_deviates_of_the_kernel():
    # Of darkness an ideal ADC with a full scale of 1 reads the deviates themselves.
    frames, samples = torch.arange(100), torch.arange(100) + 2**33
    there = [tensor.cuda() for tensor in (frames, samples)]
    call = FrameCall(FrameSettings((64, 31), out_noise=1.0), False, (64, 31), False, 1.0, 1.0, (1, 2), *there)
    found, _ = backends.cuda.chip.run_frames(torch.zeros(100, 64, 31, 1, device="cuda"), call)
    wanted = normals((1, 2), frames, samples, Purpose.QUADRATURE, 64 * 31 * 2).reshape(found.shape)
    assert (found.cpu().view(torch.int32).long() - wanted.view(torch.int32).long()).abs().max() <= 8


@KERNELS
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("adc_range", [-1.0, 0.0])
def test_a_frame_has_its_bits_in_any_company(name, dtype, adc_range):
    check_company(
        backends.cuda.chip.run_frames, CONFIGS[name], "cuda", 5000, dtype=dtype, adc_range=adc_range
    )


@KERNELS
@pytest.mark.parametrize("side", [2, 17, 40, 64])
def test_sides_of_frames(side):
    config = finely_read(CONFIGS["noise"].replace(frame=(side, side)))
    convolution = convolution_of((min(side, 3), min(side, 3)), padding=1)
    check_against_core(config, convolution, device="cuda", backend=backends.cuda, dtype=torch.float32)


def test_a_call_is_captured():
    x, w = random(2, 3, 14, 15).cuda(), random(4, 3, 3, 3, seed=1).cuda()
    with torch.no_grad():
        wanted = optical_conv2d(x, w, padding=1, chip=CONFIGS["noise"])  # puts the constants on the device
        graph, given = torch.cuda.CUDAGraph(), torch.zeros_like(x)
        with torch.cuda.graph(graph):
            y = optical_conv2d(given, w, padding=1, chip=CONFIGS["noise"])
        given.copy_(x)
        graph.replay()
    assert torch.equal(y, wanted)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_chip(name, backend):
    check_against_core(CONFIGS[name], PLAIN, device="cuda", backend=backend)
    large = Convolution((6, 3), (2, 1), (2, 1, 0, 3), (1, 1), 2)
    config = finely_read(CONFIGS[name].replace(frame=(5, 7)))
    check_against_core(config, large, device="cuda", backend=backend, inputs=4, outputs=2, size=(21, 30))


@pytest.mark.parametrize("name", CONFIGS)
def test_single_precision(name, backend):
    # As on CPU tensors: a tile in ten may have a value within an error of the middle between two levels.
    check_against_core(CONFIGS[name], PLAIN, device="cuda", backend=backend, dtype=torch.float32, most=0.17)


@pytest.mark.parametrize("gradient", ["perfect", "ste", "chip"])
def test_layers_and_gradients(gradient):
    config = CONFIGS["noise"]
    torch.manual_seed(0)
    here = nn.OpticalConv2d(2, 4, 3, padding=1, chip=config, gradient=gradient).double()
    there = copy.deepcopy(here).cuda()
    x = random(2, 2, 16, 13)
    found = []
    for layer in (there, here):
        mine = x.to(layer.weight.device).requires_grad_()
        y = layer(mine)
        found.append([y, *torch.autograd.grad(y.square().sum(), [mine, layer.weight])])
    for ours, theirs in zip(*found, strict=True):
        assert ours.is_cuda
        assert moved(ours.detach().cpu(), theirs.detach(), config) <= 0.03
    counts, expected = there.counts, here.counts
    assert counts["frames"] == expected["frames"] and counts["adc_values"] == expected["adc_values"]


def test_calibration():
    config, x, found = ChipConfig.assumed_4bit(), random(4, 2, 20, 20, dtype=torch.float32), []
    for device in ("cuda", "cpu"):
        torch.manual_seed(0)
        layer = nn.OpticalConv2d(2, 3, 3, chip=config).to(device)
        chip.calibrate_ranges(layer, [x.to(device)])
        found.append(layer.chip_ranges.cpu())
    # A value at an edge may change its bin, of 1.6 %.
    torch.testing.assert_close(*found, rtol=0.002, atol=0.0, equal_nan=True)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_host_waits_for_nothing(name):
    x, w = random(2, 3, 14, 15).cuda().requires_grad_(), random(4, 3, 3, 3, seed=1).cuda().requires_grad_()

    def step():
        y = optical_conv2d(x, w, padding=1, chip=CONFIGS[name], gradient="chip")
        return torch.autograd.grad(y, (x, w), torch.ones_like(y))

    first = step()  # puts the constants on the device
    torch.cuda.set_sync_debug_mode("error")
    try:
        second = step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(map(torch.equal, first, second))
