"""functional.four_f_stack against the chain of whole-grid layers."""

import pytest
import torch

import pyfdsr
from cases import CASES, Case
from pyfdsr.functional import four_f_stack
from pyfdsr.nonlinearity import (
    Custom,
    Kerr,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
)
from pyfdsr.reference import torch_twin
from tolerances import assert_close

MIXED = (Kerr(2.0), SaturableAbsorber(1.0, 0.5), None)


def sizes(size):
    return size if isinstance(size, tuple) else (size, size)


def random(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def intensity_of(field):
    return field.real**2 + field.imag**2


@pytest.mark.parametrize("case", CASES, ids=str)
def test_agrees_with_the_chain_of_layers(case: Case) -> None:
    field = random(3, *sizes(case.window)).requires_grad_()
    phases = random(3, *sizes(case.band), dtype=torch.float64).requires_grad_()
    out, fields = four_f_stack(field, phases, case.grid, MIXED, case.support, return_fields=True)
    expected, twins = torch_twin.four_f_stack(
        field, phases, case.grid, MIXED, case.support, return_fields=True
    )
    assert_close("layer", out, expected)
    assert_close("layer", fields, twins)
    assert not fields.requires_grad
    v = random(*out.shape, seed=1)
    for actual, wanted in zip(
        torch.autograd.grad(out, (field, phases), v),
        torch.autograd.grad(expected, (field, phases), v),
        strict=True,
    ):
        assert_close("gradient", actual, wanted)


def run_with_parameters(operator, field, phases, strength, optical_depth, saturation, t_min, **options):
    layers = [
        OptoelectronicGate(t_min, 0.9, 0.5, 2.0),  # first, while the light is strong enough to drive it
        Kerr(strength),
        SaturableAbsorber(optical_depth, saturation),
        None,
        SaturableKerr(1.0, saturation),
        TwoPhotonAbsorption(0.3),
    ]
    return operator(field, phases, (12, 13), layers, **options)


def six_layers(real: bool = False):
    values = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (2.0, 1.0, 0.5, 0.1)]
    field = random(2, 4, 5, dtype=torch.float64 if real else torch.complex128).requires_grad_()
    return field, random(6, 4, 3, dtype=torch.float64).requires_grad_(), *values


@pytest.mark.parametrize("real", [False, True], ids=["complex", "real"])
@pytest.mark.parametrize("intensity", [False, True], ids=["field", "intensity"])
def test_gradients_to_field_phases_and_parameters(intensity: bool, real: bool) -> None:
    inputs = six_layers(real)
    out = run_with_parameters(four_f_stack, *inputs, intensity=intensity)
    expected = run_with_parameters(torch_twin.four_f_stack, *inputs)
    expected = intensity_of(expected) if intensity else expected
    assert_close("layer", out, expected)
    v = random(*out.shape, dtype=out.dtype, seed=1)
    ours, twins = (torch.autograd.grad(result, inputs, v) for result in (out, expected))
    for tensor, actual, wanted in zip(inputs, ours, twins, strict=True):
        assert actual.dtype == tensor.dtype
        assert_close("gradient", actual, wanted)


def test_gradcheck() -> None:
    inputs = six_layers()
    assert torch.autograd.gradcheck(
        lambda *given: run_with_parameters(four_f_stack, *given, intensity=True), inputs
    )


def test_custom_layers() -> None:
    def response(intensity):
        return 1.0 / (1.0 + 0.5j * intensity)

    def derivative(intensity):
        return -0.5j / (1.0 + 0.5j * intensity) ** 2

    field, phases = random(2, 4, 5).requires_grad_(), random(2, 4, 3, dtype=torch.float64).requires_grad_()
    layers = [Custom(response, derivative), Kerr(1.0)]
    out, expected = (run(field, phases, 12, layers) for run in (four_f_stack, torch_twin.four_f_stack))
    assert_close("layer", out, expected)
    v = random(*out.shape, seed=1)
    ours, twins = (torch.autograd.grad(result, (field, phases), v) for result in (out, expected))
    for actual, wanted in zip(ours, twins, strict=True):
        assert_close("gradient", actual, wanted)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_aperture_of_the_first_layers(layers: int) -> None:
    field, phases = random(2, 6, 6).requires_grad_(), random(3, 5, 5, dtype=torch.float64).requires_grad_()
    aperture = torch.rand(layers, 5, 5, dtype=torch.float64)
    given = aperture[0] if layers == 1 else aperture
    out = four_f_stack(field, phases, 18, MIXED, aperture=given)
    expected = torch_twin.four_f_stack(field, phases, 18, MIXED, aperture=aperture)
    assert_close("layer", out, expected)
    ours, twins = (torch.autograd.grad(result.abs().sum(), (field, phases)) for result in (out, expected))
    for actual, wanted in zip(ours, twins, strict=True):
        assert_close("gradient", actual, wanted)


def test_phases_of_every_image() -> None:
    field, phases = random(2, 6, 6).requires_grad_(), random(2, 3, 5, 5, dtype=torch.float64).requires_grad_()
    out = four_f_stack(field, phases, 18, MIXED)
    expected = torch.stack(
        [torch_twin.four_f_stack(f, p, 18, MIXED) for f, p in zip(field, phases, strict=True)]
    )
    assert_close("layer", out, expected)
    v = random(*out.shape, seed=1)
    ours, twins = (torch.autograd.grad(result, (field, phases), v) for result in (out, expected))
    for actual, wanted in zip(ours, twins, strict=True):
        assert_close("gradient", actual, wanted)


def test_ten_layers_in_single_precision() -> None:
    field = random(4, 32, 32, dtype=torch.complex64) * 0.5
    phases = random(10, 32, 32, dtype=torch.float32).requires_grad_()
    exact = phases.detach().double().requires_grad_()
    out = four_f_stack(field, phases, 96, Kerr(4.0), intensity=True)
    expected = intensity_of(torch_twin.four_f_stack(field.to(torch.complex128), exact, 96, Kerr(4.0)))
    assert_close("float32_network_output", out, expected)
    v = torch.rand(out.shape, generator=torch.Generator().manual_seed(2))
    out.backward(v)
    expected.backward(v.double())
    assert_close("float32_network_gradient", phases.grad, exact.grad)


def test_ten_layers_in_double_precision() -> None:
    field, phases = random(2, 24, 24) * 0.5, random(10, 24, 24, dtype=torch.float64).requires_grad_()
    out = four_f_stack(field, phases, 72, Kerr(4.0), intensity=True)
    expected = intensity_of(torch_twin.four_f_stack(field, phases, 72, Kerr(4.0)))
    assert_close("float64_network", out, expected)
    ours, twins = (torch.autograd.grad(result.square().sum(), phases)[0] for result in (out, expected))
    assert_close("float64_network", ours, twins)


def test_linear_stack_differentiates_twice() -> None:
    field, phases = random(1, 3, 4).requires_grad_(), random(2, 3, 3, dtype=torch.float64).requires_grad_()
    aperture = torch.rand(1, 3, 3)
    for intensity in (False, True):

        def run(field, phases, intensity=intensity):
            return four_f_stack(field, phases, 10, "linear", (4, 3), aperture=aperture, intensity=intensity)

        fused = torch.autograd.grad(run(field, phases).abs().sum(), (field, phases))
        pieces = torch.autograd.grad(run(field, phases).abs().sum(), (field, phases), create_graph=True)
        for actual, expected in zip(pieces, fused, strict=True):
            assert_close("gradient", actual, expected)
        assert torch.autograd.gradcheck(run, (field, phases))
        assert torch.autograd.gradgradcheck(run, (field, phases))


def test_nonlinear_stack_refuses_to_differentiate_twice() -> None:
    field, phases = random(1, 3, 4), random(2, 3, 3, dtype=torch.float64).requires_grad_()
    (v,) = torch.autograd.grad(
        four_f_stack(field, phases, 9, Kerr(1.0)).abs().sum(), phases, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        v.sum().backward()


def test_leading_axes_and_layouts() -> None:
    field, phases = random(2, 3, 6, 6, dtype=torch.complex64), random(3, 5, 5, dtype=torch.float32)
    flat, flat_fields = four_f_stack(field.reshape(6, 6, 6), phases, 18, MIXED, return_fields=True)
    out, fields = four_f_stack(field, phases, 18, MIXED, return_fields=True)
    assert torch.equal(out, flat.reshape(2, 3, 6, 6))
    assert torch.equal(fields, flat_fields.reshape(3, 2, 3, 6, 6))
    turned = field.mT.contiguous().mT
    assert not turned.is_contiguous()
    assert torch.equal(four_f_stack(turned, phases.mT.contiguous().mT, 18, MIXED), out)
    assert torch.equal(four_f_stack(field[0, 0], phases, 18, MIXED), out[0, 0])
    negated = torch.tensor([[[-0.5j]]]).conj().imag
    assert negated.is_neg() and negated.is_contiguous()
    assert torch.equal(
        four_f_stack(field, negated, 18, None), four_f_stack(field, negated.resolve_neg(), 18, None)
    )
    conjugate = field.conj().resolve_conj().conj()
    assert conjugate.is_conj()
    assert torch.equal(four_f_stack(conjugate, phases, 18, MIXED), out)


def test_zero_batch() -> None:
    field, phases = random(0, 6, 6).requires_grad_(), random(3, 5, 5, dtype=torch.float64).requires_grad_()
    out, fields = four_f_stack(field, phases, 18, MIXED, return_fields=True, intensity=True)
    assert out.shape == (0, 6, 6) and fields.shape == (3, 0, 6, 6)
    out.sum().backward()
    assert field.grad.shape == (0, 6, 6)
    assert torch.equal(phases.grad, torch.zeros_like(phases))


def test_precisions_mix_upwards() -> None:
    field, phases = (
        random(2, 6, 6, dtype=torch.complex64),
        random(2, 5, 5, dtype=torch.float64).requires_grad_(),
    )
    out = four_f_stack(field, phases, 18, Kerr(1.0))
    assert out.dtype == torch.complex128
    half = four_f_stack(field.real.half(), phases.detach().bfloat16(), 18, Kerr(1.0), intensity=True)
    assert half.dtype == torch.float32


def test_backward_uses_the_plan_of_the_forward_pass(monkeypatch) -> None:
    field, phases = random(2, 6, 6), random(2, 5, 5, dtype=torch.float64).requires_grad_()
    out = four_f_stack(field, phases, 18, Kerr(1.0), intensity=True).sum()
    (expected,) = torch.autograd.grad(out, phases, retain_graph=True)
    pyfdsr.clear_caches()
    monkeypatch.setattr("pyfdsr._plans.four_f_stack_plan", None)
    (actual,) = torch.autograd.grad(out, phases)
    assert torch.equal(actual, expected)


def test_backward_twice_through_a_kept_graph() -> None:
    field, phases = random(2, 6, 6), random(2, 5, 5, dtype=torch.float64).requires_grad_()
    out = four_f_stack(field, phases, 18, Kerr(1.0), intensity=True).sum()
    (first,) = torch.autograd.grad(out, phases, retain_graph=True)
    (second,) = torch.autograd.grad(out, phases)
    assert torch.equal(first, second)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(out, phases)


def test_nan_stays_in_its_image() -> None:
    field, phases = random(3, 6, 6, dtype=torch.complex64), random(2, 5, 5, dtype=torch.float32)
    expected = four_f_stack(field, phases, 18, Kerr(1.0), intensity=True)
    field[1, 0, 0] = float("nan")
    out = four_f_stack(field, phases, 18, Kerr(1.0), intensity=True)
    assert out[1].isnan().all()
    assert torch.equal(out[[0, 2]], expected[[0, 2]])
