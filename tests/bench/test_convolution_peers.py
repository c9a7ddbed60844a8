"""The convolution's peers compute what ``torch.nn.functional.conv2d`` computes, gradients included."""

from __future__ import annotations

import pytest
import torch

from bench import convolution_implementations as implementations_module
from bench.convolution_case import CALLS, KERNELS, ROWS, TARGETS, ConvolutionCase, make_convolution_inputs
from bench.convolution_implementations import (
    ConvolutionImplementation,
    TorchConvolution,
    build_convolutions,
    convolution_implementations,
)
from bench.peers.torch_fft import SpectralConvolution, fast_size, transform_size
from tolerances import assert_close

CASES = {
    "dense": ConvolutionCase(3, 5, 1, size=19, kernel=5, threads=1),
    "kernel of one sample": ConvolutionCase(4, 4, 1, size=10, kernel=1, threads=1),
    "kernel longer than the map": ConvolutionCase(2, 3, 1, size=9, kernel=15, threads=1),
    "even kernel": ConvolutionCase(4, 4, 1, size=12, kernel=6, threads=1),
    "depthwise": ConvolutionCase(6, 6, 6, size=17, kernel=7, threads=2),
    "depthwise, two outputs a channel": ConvolutionCase(3, 6, 3, size=14, kernel=3, threads=1),
    "groups": ConvolutionCase(8, 12, 4, size=13, kernel=3, batch=3, threads=1),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("name", convolution_implementations())
def test_every_call_matches_the_exact_convolution(name, case):
    if convolution_implementations()[name].missing:
        pytest.skip(convolution_implementations()[name].missing)
    inputs = make_convolution_inputs(case)
    convolution = convolution_implementations()[name].build(case, inputs)
    x, w = (tensor.double().requires_grad_() for tensor in (inputs.x, inputs.w))
    y = torch.nn.functional.conv2d(x, w, padding=case.padding, groups=case.groups)
    v_x, v_w = torch.autograd.grad(y, (x, w), inputs.v.double())
    for call in ("infer", "infer", "infer_cold"):
        assert_close("convolution", getattr(convolution, call)(), y)
    for found, expected in zip(convolution.gradient(), (v_x, v_w), strict=True):
        assert found.dtype == torch.float32
        assert_close("convolution", found, expected)


def test_the_spectral_peer_transforms_a_changed_weight_anew():
    case = CASES["dense"]
    inputs = make_convolution_inputs(case)
    convolution = SpectralConvolution(case, inputs)
    before, cold = convolution.infer(), convolution.infer_cold()
    convolution.w.mul_(2)
    assert_close("convolution", convolution.infer_cold(), 2 * cold)
    assert torch.equal(convolution.infer(), before)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.padding])
def test_a_shorter_transform_would_wrap_onto_the_map(name, monkeypatch):
    case = CASES[name]
    monkeypatch.setattr("bench.peers.torch_fft.fast_size", lambda least: least - 1)
    assert transform_size(case) == case.size + case.padding - 1
    with pytest.raises(RuntimeError, match="torch.fft and F.conv2d differ in infer by"):
        build_convolutions(case, make_convolution_inputs(case), ["torch.fft"], ["infer"])


@pytest.mark.parametrize("least", range(1, 300, 7))
def test_fast_sizes_have_small_factors_only(least):
    size = fast_size(least)
    rest = size
    for prime in (2, 3, 5):
        while rest % prime == 0:
            rest //= prime
    assert rest == 1 and size % 4 == 0 and size >= least


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_convolution_is_not_timed(monkeypatch, call):
    monkeypatch.setattr(SpectralConvolution, call, lambda self: spoilt(getattr(TorchConvolution, call)(self)))
    case = ConvolutionCase(4, 4, 1, size=12, kernel=3)
    with pytest.raises(RuntimeError, match=f"torch.fft and F.conv2d differ in {call} by"):
        build_convolutions(case, make_convolution_inputs(case), ["torch.fft"], [call])


def spoilt(result):
    """The same with its last tensor 1 ‰ too large."""
    return result * 1.001 if isinstance(result, torch.Tensor) else (*result[:-1], result[-1] * 1.001)


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    known = convolution_implementations()["fft-conv"]
    assert known.needs == ("fft_conv_pytorch", "fft-conv-pytorch")
    monkeypatch.setattr(implementations_module.importlib.util, "find_spec", lambda name: None)
    assert known.missing == "not installed: pip install --no-deps fft-conv-pytorch"
    assert ConvolutionImplementation("torch", TorchConvolution).missing is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 6, 4, 8, 3), "out_channels=6 must be a multiple of groups=4"),
        ((6, 4, 4, 8, 3), "in_channels=6 must be a multiple of groups=4"),
        ((4, 4, 1, 0, 3), "kernel=3 does not fit into size=0"),
    ],
)
def test_case_rejects_impossible_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvolutionCase(*arguments)


def test_targets_name_rows_and_cover_the_kernels():
    for (call, row), values in TARGETS.items():
        assert call in CALLS and row in ROWS and len(values) == len(KERNELS)
