"""The peers compute one and the same network, which is checked against sums written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.case import Case, make_inputs
from bench.engine import implementations
from bench.peers import PEERS

CASES = {
    "even": Case(window=12, band=12, grid=36, layers=3, batch=2, double=True, threads=1),
    "odd window, even band": Case(window=11, band=8, grid=30, layers=2, batch=3, double=True, threads=1),
    "even window, odd band and grid": Case(
        window=8, band=13, grid=27, layers=4, batch=1, double=True, threads=1
    ),
}


def direct_intensity(case: Case, field: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Intensity by the definition: dense matrices over centred indices, O(S²·M²) per image in spirit."""
    position = np.arange(case.window) + case.grid // 2 - case.window // 2
    frequency = np.arange(case.band) - case.band // 2
    matrix = np.exp(-2j * np.pi * np.outer(frequency, position) / case.grid)
    for phase in phases:
        spectrum = matrix @ field @ matrix.T * np.exp(1j * phase)
        field = matrix.conj().T @ spectrum @ matrix.conj() / case.grid**2
        field = field * np.exp(1j * case.strength * np.abs(field) ** 2)
    return np.abs(field) ** 2


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("name", PEERS)
def test_double_precision_peer_matches_the_direct_sum(name, case):
    inputs = make_inputs(case)
    expected = direct_intensity(case, inputs.field.numpy(), inputs.phases.numpy())
    found = np.asarray(PEERS[name].build(case, inputs).infer())
    # sums of at most grid² terms in float64, four layers
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * expected.max())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("name", PEERS)
def test_gradient_matches_a_central_difference_of_the_direct_sum(name, case):
    inputs = make_inputs(case)
    field, phases, weights = (tensor.numpy() for tensor in (inputs.field, inputs.phases, inputs.weights))
    direction = np.random.default_rng(1).standard_normal(phases.shape)
    step = 1e-5

    def loss(distance: float) -> float:
        return float((weights * direct_intensity(case, field, phases + distance * direction)).sum())

    expected = (loss(step) - loss(-step)) / (2 * step)
    gradient = np.asarray(PEERS[name].build(case, inputs).gradient())
    # truncation of order step² and cancellation of order eps/step, both about 1e-10 of the loss
    assert float((gradient * direction).sum()) == pytest.approx(expected, rel=1e-6, abs=1e-8 * weights.sum())


@pytest.mark.parametrize("name", implementations())
@pytest.mark.parametrize("call", ["infer", "gradient"])
def test_single_precision_matches_complex128(name, call):
    case = Case(window=24, band=20, grid=64, layers=6, batch=2, threads=2)
    exact = replace(case, double=True)
    expected = torch.as_tensor(getattr(PEERS["plain"].build(exact, make_inputs(exact)), call)())
    found = torch.as_tensor(getattr(implementations()[name].build(case, make_inputs(case)), call)())
    assert found.dtype == torch.float32
    # six layers, each a few eps of float32 (1.2e-7) in relative L2
    assert float((found - expected).norm() / expected.norm()) < 2e-6


@pytest.mark.parametrize("name", PEERS)
def test_calls_repeat_bit_for_bit_and_leave_the_inputs_alone(name):
    case = Case(window=10, band=9, grid=24, layers=3, batch=2, threads=1)
    inputs = make_inputs(case)
    before = [tensor.clone() for tensor in (inputs.field, inputs.phases, inputs.weights)]
    network = PEERS[name].build(case, inputs)
    first = [np.asarray(result()).copy() for result in (network.infer, network.gradient)]
    second = [np.asarray(result()).copy() for result in (network.infer, network.gradient)]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    for tensor, kept in zip((inputs.field, inputs.phases, inputs.weights), before, strict=True):
        assert torch.equal(tensor, kept)


def test_precisions_share_their_input_values():
    case = Case(window=6, band=6, grid=18, layers=1, batch=1)
    exact = make_inputs(replace(case, double=True))
    single = make_inputs(case)
    assert torch.equal(exact.field.to(torch.complex64), single.field)
    assert torch.equal(exact.phases.float(), single.phases)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 40}, "window=40 must lie between 1 and grid=36"),
        ({"band": 0}, "band=0 must lie between 1 and grid=36"),
        ({"layers": 0}, "layers=0 must be at least 1"),
        ({"threads": 0}, "threads=0 must be at least 1"),
    ],
)
def test_case_rejects_impossible_sizes(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CASES["even"], **change)
