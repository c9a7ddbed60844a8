"""The CUDA kernel of the chip's frames, on threads of the host: what it computes, what is left to torch."""

import pytest
import torch

from chip_agreement import check_company, frames_of, maps, outcome
from chip_configs import CONFIGS
from pyfdsr import _chip, backends
from pyfdsr._convolution import convolution_of
from pyfdsr.backends.by_torch import chip_frame
from pyfdsr.backends.by_torch.chip_counts import Gauge
from pyfdsr.functional import optical_conv2d
from tolerances import assert_close

PLAIN, DRAW = convolution_of((3, 3), padding=1), _chip.Draw(9, 3, 2, 5)


@pytest.fixture(autouse=True)
def left_to_torch(cuda_on_host, monkeypatch):
    """Let threads of the host run the kernel, and say how many frames torch computed in its place."""
    monkeypatch.setattr(backends.cuda.native, "_module", cuda_on_host)
    theirs, frames = chip_frame.run_frames, []
    monkeypatch.setattr(
        chip_frame, "run_frames", lambda field, call: (frames.append(len(field)), theirs(field, call))[1]
    )
    backends.cuda.chip._frames.cache_clear()
    yield frames
    backends.cuda.chip._frames.cache_clear()


@pytest.mark.parametrize("name", CONFIGS)
def test_all_frames_are_the_kernels(name, left_to_torch):
    x, w = maps()
    for dtype in (torch.float32, torch.float64):
        outcome(backends.cuda, CONFIGS[name], x.to(dtype), w.to(dtype), PLAIN, DRAW)
    assert not left_to_torch


@pytest.mark.parametrize("name", ["noise", "phase step", "binary", "thermometer", "optical, polar"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("adc_range", [-1.0, 0.0])
def test_a_frame_has_its_bits_in_any_company(name, dtype, adc_range):
    check_company(backends.cuda.chip.run_frames, CONFIGS[name], dtype=dtype, adc_range=adc_range)


def test_any_strides_are_taken():
    config = CONFIGS["noise"]
    field, call = frames_of(config, 6, window=(4, 9), real_output=True, keep=True)
    call.counted = (torch.rand(9, 4, 6) > 0.5).permute(2, 1, 0)[..., None]
    call.samples = call.samples[:1].expand(6)
    turned = field.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0)
    assert not turned.is_contiguous()
    found = []
    for run, given in ((backends.cuda.chip.run_frames, turned), (chip_frame.run_frames, field)):
        call.gauge = Gauge(1, field.device)
        found.append((*run(given, call), call.gauge))
    (out, kept, gauge), (expected, expected_kept, theirs) = found
    assert_close("chip_noise", out.to(torch.float32), expected.to(torch.float32))
    assert torch.equal(kept, expected_kept)
    for name in ("dac_values", "dac_clipped", "adc_values", "adc_clipped"):
        assert gauge.total(name) == theirs.total(name)
    assert gauge.total("adc_values") == call.counted.sum()
    assert torch.equal(gauge.histograms.sum(-1), theirs.histograms.sum(-1))


@pytest.mark.parametrize("reason", ["memory", "code"])
def test_what_the_kernel_cannot_is_torchs(reason, left_to_torch, monkeypatch):
    config = CONFIGS["binary"]
    if reason == "memory":
        config = config.replace(frame=(64, 64))  # five or six images of 64 kB for several slices
    else:
        monkeypatch.setattr(backends.cuda.chip, "serves", lambda device: False)
    x, w = maps(batch=1)
    with backends.forced("cuda"):
        y = optical_conv2d(x, w, padding=1, chip=config)
    assert sum(left_to_torch) > 0
    with backends.forced("torch"):
        assert_close("convolution", y, optical_conv2d(x, w, padding=1, chip=config))


@pytest.mark.parametrize("looked_at", [False, True])
def test_counts_wait_until_they_are_looked_at(looked_at, monkeypatch):
    x, w = maps()
    total, read = Gauge.total, []
    monkeypatch.setattr(Gauge, "total", lambda gauge, name: (read.append(name), total(gauge, name))[1])
    with backends.forced("cuda"):
        optical_conv2d(
            x, w, chip=CONFIGS["thermometer"], told=lambda counts, _: looked_at and counts["adc_clipped"]
        )
    assert bool(read) == looked_at
