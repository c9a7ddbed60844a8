"""Pointwise nonlinearities, as functions and as modules."""

import copy
import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch

from pyfdsr import functional, nn
from pyfdsr import nonlinearity as specs
from pyfdsr.functional import nonlinearities
from pyfdsr.reference import torch_twin
from tolerances import assert_close

VALUES = {
    "Kerr": (4.0,),
    "SaturableKerr": (3.0, 0.7),
    "SaturableAbsorber": (1.5, 0.4),
    "TwoPhotonAbsorption": (0.8,),
    "OptoelectronicGate": (0.1, 0.9, 0.6, 2.5),
}
FUNCTIONS = {
    "Kerr": functional.kerr,
    "SaturableKerr": functional.saturable_kerr,
    "SaturableAbsorber": functional.saturable_absorber,
    "TwoPhotonAbsorption": functional.two_photon_absorption,
    "OptoelectronicGate": functional.optoelectronic_gate,
}


def response(intensity):
    return (1.0 + 0.5j * intensity) / (1.0 + intensity)


def derivative(intensity):
    return (0.5j - 1.0) / (1.0 + intensity) ** 2


def random(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("name", VALUES)
def test_agrees_with_its_formula_and_autograd(name: str, dtype: torch.dtype) -> None:
    field = random(4, 7, 9, dtype=dtype).requires_grad_()
    values = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in VALUES[name]]
    exact = field.detach().to(torch.complex128).requires_grad_()
    twins = [value.detach().clone().requires_grad_() for value in values]
    out = FUNCTIONS[name](field, *values)
    expected = torch_twin.nonlinearity(exact, getattr(specs, name)(*twins))
    assert out.dtype == dtype
    assert_close("fast_pointwise", out, expected)
    v = random(*out.shape, dtype=dtype, seed=1)
    out.backward(v)
    expected.backward(v.to(torch.complex128))
    assert_close("gradient", field.grad, exact.grad)
    for value, twin in zip(values, twins, strict=True):
        assert value.grad.dtype == torch.float64
        assert_close("gradient", value.grad, twin.grad, dtype=dtype)


@pytest.mark.parametrize("name", VALUES)
def test_gradcheck(name: str) -> None:
    field = random(3, 4).requires_grad_()
    values = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in VALUES[name]]
    assert torch.autograd.gradcheck(FUNCTIONS[name], (field, *values))


@pytest.mark.parametrize("name", VALUES)
def test_numbers_and_tensors_give_the_same_bits(name: str) -> None:
    field = random(5, 6, dtype=torch.complex64)
    tensors = [torch.tensor(value, dtype=torch.float64) for value in VALUES[name]]
    out = FUNCTIONS[name](field, *VALUES[name])
    assert torch.equal(out, FUNCTIONS[name](field, *tensors))
    assert torch.equal(out, functional.nonlinear(field, getattr(specs, name)(*VALUES[name])))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_custom_response_agrees_with_its_formula(dtype: torch.dtype) -> None:
    field = random(3, 40, dtype=dtype).requires_grad_()
    exact = field.detach().to(torch.complex128).requires_grad_()
    out = functional.custom(field, response, derivative)
    expected = torch_twin.nonlinearity(exact, specs.Custom(response, derivative))
    assert_close("pointwise", out, expected)
    v = random(*out.shape, dtype=dtype, seed=1)
    out.backward(v)
    expected.backward(v.to(torch.complex128))
    assert_close("gradient", field.grad, exact.grad)


def test_custom_code_lives_until_the_backward_pass_and_no_longer() -> None:
    field = random(6, 6).requires_grad_()
    spec = specs.Custom(response, derivative)
    alive = weakref.ref(spec)
    out = functional.nonlinear(field, spec).abs().sum()
    del spec
    gc.collect()
    assert alive() is not None
    out.backward()
    del out
    gc.collect()
    assert alive() is None


def test_none_is_linear() -> None:
    field = random(3, 3)
    assert torch.equal(functional.nonlinear(field, None), field)


def test_any_shape_layout_and_zero_size() -> None:
    field = random(4, 6)
    expected = functional.kerr(field, 1.5)
    assert torch.equal(functional.kerr(field.mT, 1.5), expected.mT)
    assert torch.equal(functional.kerr(field[::2, 1], 1.5), expected[::2, 1])
    assert functional.kerr(field[0, 0], 1.5).shape == ()
    assert functional.kerr(field[:0], 1.5).shape == (0, 6)
    assert_close("pointwise", functional.kerr(field.conj(), -1.5), expected.conj().resolve_conj())
    real = torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda field: functional.kerr(field, 1.5), (real,))


def test_nan_in_nan_out() -> None:
    field = random(4, 6, dtype=torch.complex64)
    field[1, 2] = float("nan")
    for name, values in VALUES.items():
        out = FUNCTIONS[name](field, *values)
        assert out[1, 2].isnan(), name
        assert out.isnan().sum() == 1, name


def test_differentiating_twice_is_refused() -> None:
    field = random(3, 3).requires_grad_()
    (v,) = torch.autograd.grad(functional.kerr(field, 1.0).abs().sum(), field, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        v.abs().sum().backward()


@pytest.mark.parametrize("name", VALUES)
def test_modules(name: str) -> None:
    field = random(2, 5, 5, dtype=torch.complex64)
    fixed = getattr(nn, name)(*VALUES[name])
    learnable = getattr(nn, name)(*VALUES[name], learnable=True)
    assert fixed.spec == getattr(specs, name)(*VALUES[name])
    assert list(fixed.parameters()) == [] and fixed.state_dict() == {}
    assert len(list(learnable.parameters())) == len(VALUES[name])
    assert torch.equal(fixed(field), FUNCTIONS[name](field, *VALUES[name]))
    learnable(field).imag.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad != 0 for parameter in learnable.parameters())
    assert "learnable=True" in repr(learnable) and f"={VALUES[name][0]:g}" in repr(fixed)
    other = getattr(nn, name)(*VALUES[name], learnable=True)
    with torch.no_grad():
        next(other.parameters()).mul_(0.5)
    other.load_state_dict(learnable.state_dict())
    assert torch.equal(other(field), learnable(field))
    twin = copy.deepcopy(learnable)
    assert twin.spec.parameters()[0] is next(twin.parameters())


@pytest.mark.parametrize("name", VALUES)
def test_modules_follow_their_attributes(name: str) -> None:
    field = random(2, 5, 5, dtype=torch.complex64)
    layer = getattr(nn, name)(*VALUES[name])
    before = layer(field)
    changed = [0.9 * value if value > 1 else value + 0.02 for value in VALUES[name]]
    for field_name, value in zip(layer.spec.__dataclass_fields__, changed, strict=False):
        setattr(layer, field_name, value)
    assert layer.spec == getattr(specs, name)(*changed)
    assert torch.equal(layer(field), FUNCTIONS[name](field, *changed))
    assert not torch.equal(layer(field), before)


def test_strength_of_a_module_trains() -> None:
    field = random(2, 5, 5, dtype=torch.complex64)
    target = functional.kerr(field, 0.6)
    layer = nn.Kerr(0.5, learnable=True)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        (layer(field) - target).abs().square().sum().backward()
        optimiser.step()
    assert abs(layer.strength.item() - 0.6) < 0.01


@pytest.mark.parametrize("transform", [torch.func.grad, torch.func.vmap], ids=["grad", "vmap"])
def test_torch_func_is_refused(transform) -> None:
    field, phases = random(2, 5, 5), random(2, 1, 5, 5, dtype=torch.float64)
    for function in (
        lambda field: functional.kerr(field, 1.0).abs().sum(),
        lambda field: functional.windowed_dft(field, 10, 5).abs().sum(),
        lambda field: functional.four_f_stack(field, phases[0], 10, None).abs().sum(),
    ):
        with pytest.raises(RuntimeError, match="setup_context"):
            transform(function)(field)


def test_equal_custom_responses_in_traced_graphs_both_live_on(monkeypatch) -> None:
    monkeypatch.setattr(nonlinearities, "_TRACED_OWNERS", type(nonlinearities._TRACED_OWNERS)())
    given = [specs.Custom(response, derivative) for _ in range(3)]
    assert given[0] == given[1] == given[2]
    addresses = [tuple(nonlinearities._traced_addresses(spec, True)) for spec in given]
    assert len(set(addresses)) == 3
    alive = [weakref.ref(spec) for spec in given]
    del given
    gc.collect()
    assert all(spec() is not None for spec in alive)


def test_the_compiler_is_not_imported() -> None:
    code = "import sys, pyfdsr.models, pyfdsr.nn; sys.exit('torch._dynamo' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_module_refuses_bad_values() -> None:
    with pytest.raises(ValueError, match="saturation=0.0: must be greater than 0"):
        nn.SaturableKerr(1.0, 0.0, learnable=True)
    with pytest.raises(TypeError, match="strength='4'"):
        nn.Kerr("4")
