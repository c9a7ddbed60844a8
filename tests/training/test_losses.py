"""Equations (2) and (3): values by hand, the fused loss against its slow twin, gradients, hard cases."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pyfdsr.losses import super_resolution_loss, super_resolution_loss_reference

# Sums of at most a few hundred terms of order one: rounding stays within this many units of eps.
VALUE_EPS = 200
GRADIENT_EPS = 500


def random_pair(batch, size, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    output = torch.rand(batch, size, size, generator=generator, dtype=dtype) + 0.05
    return output, torch.rand(batch, size, size, generator=generator, dtype=dtype)


def test_equation_two_by_hand():
    output = torch.tensor([[[2.0, 1.0], [0.0, 1.0]], [[0.5, 0.5], [0.25, 0.0]]], dtype=torch.float64)
    target = torch.tensor([[[1.0, 1.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, 0.5]]], dtype=torch.float64)
    # Normalised outputs are [1, .5, 0, .5] and [1, 1, .5, 0]: l1 distances 1 and 2, squares .5 and 1.5,
    # energies 4, 1.25.
    whole = super_resolution_loss(output, target, gamma=0.125, micro_batch=2)
    assert float(whole.loss) == pytest.approx(3 / 8 - 0.125 * 5.25, rel=1e-15)
    assert whole.squared_error.tolist() == pytest.approx([0.5, 1.5])
    assert whole.output_energy.tolist() == [4.0, 1.25]
    apart = super_resolution_loss(output, target, gamma=0.125, micro_batch=1)
    assert float(apart.loss) == pytest.approx(1 / 4 + 2 / 4 - 0.125 * 5.25, rel=1e-15)
    equation = super_resolution_loss(output, target, gamma=0.125, reduction="equation")
    assert float(equation.loss) == pytest.approx((3 - 0.125 * 5.25) / 2, rel=1e-15)


@given(
    batch=st.integers(1, 9),
    size=st.integers(1, 6),
    micro_batch=st.integers(1, 10),
    gamma=st.sampled_from([0.0, 1e-3, 0.5]),
    peak=st.sampled_from([0.25, 1.0, 4.0]),
    reduction=st.sampled_from(["paper", "equation"]),
    seed=st.integers(0, 1000),
)
def test_agrees_with_the_slow_twin(batch, size, micro_batch, gamma, peak, reduction, seed):
    output, target = random_pair(batch, size, seed=seed)
    output.requires_grad_(True)
    fused = super_resolution_loss(output, target, gamma, peak, micro_batch, reduction).loss
    plain = super_resolution_loss_reference(output, target, gamma, peak, micro_batch, reduction)
    eps = torch.finfo(torch.float64).eps
    scale = float(plain.detach().abs()) + 1 + gamma * float(output.detach().sum())
    assert abs(float(fused.detach() - plain.detach())) <= VALUE_EPS * eps * scale
    (v_fused,) = torch.autograd.grad(fused, output)
    (v_plain,) = torch.autograd.grad(plain, output)
    # At the maximum of an image whose scaled value happens to meet the target the sign of a rounding error
    # counts.
    kink = (output * (peak / output.amax((1, 2), keepdim=True)) - target).abs() < 1e-12
    if not kink.any():
        assert (v_fused - v_plain).abs().max() <= GRADIENT_EPS * eps * (v_plain.abs().max() + 1)


@pytest.mark.parametrize("reduction", ["paper", "equation"])
def test_gradient_by_finite_differences(reduction):
    output, target = random_pair(5, 4)
    output.requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda x: super_resolution_loss(x, target, 0.1, 2.0, 3, reduction).loss, (output,)
    )


def test_one_call_equals_accumulated_micro_batches():
    output, target = random_pair(40, 6)
    whole = output.clone().requires_grad_(True)
    super_resolution_loss(whole, target, gamma=0.01).loss.backward()
    parts = output.clone().requires_grad_(True)
    for rows in torch.arange(40).split(10):
        super_resolution_loss(parts[rows], target[rows], gamma=0.01).loss.backward()
    assert torch.allclose(whole.grad, parts.grad, rtol=1e-13, atol=1e-15)


def test_a_tied_maximum_shares_its_gradient():
    output = torch.tensor([[[0.5, 0.5], [0.1, 0.3]]], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[[0.9, 0.7], [0.4, 0.1]]], dtype=torch.float64)
    (v_fused,) = torch.autograd.grad(super_resolution_loss(output, target).loss, output)
    (v_plain,) = torch.autograd.grad(super_resolution_loss_reference(output, target), output)
    assert torch.allclose(v_fused, v_plain, rtol=1e-13)


def test_a_channel_axis_and_single_precision():
    output, target = random_pair(4, 5, torch.float32)
    flat = super_resolution_loss(output, target, 0.1)
    channel = super_resolution_loss(output[:, None], target[:, None], 0.1)
    assert channel.loss.dtype == torch.float32
    assert float(flat.loss) == float(channel.loss)


def test_the_upstream_gradient_counts():
    output, target = random_pair(3, 4)
    output.requires_grad_(True)
    (once,) = torch.autograd.grad(super_resolution_loss(output, target).loss, output)
    (thrice,) = torch.autograd.grad(3 * super_resolution_loss(output, target).loss, output)
    assert torch.allclose(thrice, 3 * once, rtol=1e-14)


def test_arguments_are_left_alone():
    output, target = random_pair(3, 4)
    before = output.clone(), target.clone()
    super_resolution_loss(output.requires_grad_(True), target).loss.backward()
    assert torch.equal(output.detach(), before[0]) and torch.equal(target, before[1])


def test_nan_in_gives_nan_out():
    output, target = random_pair(2, 3)
    output[0, 0, 0] = torch.nan
    assert torch.isnan(super_resolution_loss(output, target).loss)


def test_a_dark_output_counts_as_zero_and_pulls_on_nothing():
    output, target = random_pair(2, 3)
    output[1] = 0
    output.requires_grad_(True)
    terms = super_resolution_loss(output, target, micro_batch=1)
    alone = super_resolution_loss(output[:1], target[:1]).loss
    assert float(terms.loss.detach()) == pytest.approx(float(alone.detach() + target[1].mean()))
    (v_output,) = torch.autograd.grad(terms.loss, output)
    assert torch.isfinite(v_output).all() and (v_output[1] == 0).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"gamma": -1.0}, ValueError, "gamma=-1.0: must be 0 or greater"),
        ({"gamma": float("nan")}, ValueError, "gamma=nan"),
        ({"peak": 0.0}, ValueError, "peak=0.0: must be greater than 0"),
        ({"micro_batch": 0}, ValueError, "micro_batch=0: must be an integer"),
        ({"reduction": "sum"}, ValueError, "reduction='sum': must be 'paper' or 'equation'"),
        (
            {"target": torch.zeros(2, 3, 4)},
            ValueError,
            r"target has shape \(2, 3, 4\): must have that of output",
        ),
        (
            {"output": torch.zeros(2, 3, 3, dtype=torch.complex64)},
            TypeError,
            "output has type torch.complex64",
        ),
        ({"output": torch.zeros(0, 3, 3), "target": torch.zeros(0, 3, 3)}, ValueError, "at least one image"),
        ({"target": torch.zeros(2, 3, 3, requires_grad=True)}, ValueError, "differentiable in output only"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    arguments = {"output": torch.zeros(2, 3, 3), "target": torch.zeros(2, 3, 3), **change}
    with pytest.raises(error, match=message):
        super_resolution_loss(**arguments)
