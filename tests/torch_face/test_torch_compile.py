"""torch.compile(fullgraph=True): whole graphs with the eager results and gradients."""

import shutil

import pytest
import torch

from pyfdsr import functional as F
from pyfdsr import nn
from pyfdsr.models import AOSRNN
from pyfdsr.nonlinearity import Custom, Kerr, SaturableAbsorber

FIELD = torch.randn(2, 6, 6, dtype=torch.complex64)
PHASES = torch.randn(3, 5, 5)
STRENGTH = torch.tensor(0.7)


def response(intensity):
    return 1.0 / (1.0 + intensity)


def derivative(intensity):
    return -1.0 / (1.0 + intensity) ** 2


CUSTOM = Custom(response, derivative)
FUNCTIONS = {
    "windowed_dft": lambda field, phases, strength: F.windowed_dft(field, (18, 19), 5),
    "windowed_idft": lambda field, phases, strength: F.windowed_idft(field, 18.5, 5),
    "four_f": lambda field, phases, strength: F.four_f(field, phases[0], 18, support=4),
    "four_f_transfer": lambda field, phases, strength: F.four_f(
        field, transfer=torch.exp(phases[:2] * 1j), grid=18
    ),
    "kerr": lambda field, phases, strength: F.kerr(field, strength),
    "saturable_kerr": lambda field, phases, strength: F.saturable_kerr(field, 1.0, strength),
    "saturable_absorber": lambda field, phases, strength: F.saturable_absorber(field, strength, 1.0),
    "two_photon_absorption": lambda field, phases, strength: F.two_photon_absorption(field, strength),
    "optoelectronic_gate": lambda field, phases, strength: F.optoelectronic_gate(
        field, 0.1, strength, 0.5, 2.0
    ),
    "custom": lambda field, phases, strength: F.nonlinear(field, CUSTOM),
    "four_f_stack": lambda field, phases, strength: F.four_f_stack(
        field, phases, 18, [Kerr(strength), None, SaturableAbsorber(1.0, strength)], 7
    ),
    "four_f_stack_intensity": lambda field, phases, strength: F.four_f_stack(
        field.real,
        phases,
        18,
        Kerr(strength),
        intensity=True,
        return_fields=True,
        aperture=phases[0].detach(),
    )[0],
    "four_f_stack_custom": lambda field, phases, strength: F.four_f_stack(field, phases, 18, CUSTOM),
    "propagate": lambda field, phases, strength: F.propagate(field, 1e-3, 4e-6, 5e-7),
}


@pytest.fixture(autouse=True)
def fresh_graphs():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def value_and_gradients(function, inputs):
    inputs = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    out = function(*inputs)
    (out.real.square() + out.real).sum().backward()
    return [out.detach(), *(tensor.grad for tensor in inputs)]


def assert_same(actual, expected) -> None:
    for ours, eager in zip(actual, expected, strict=True):
        assert (ours is None) == (eager is None)
        # The core computes the same bits; the loss around it may be summed in another order.
        assert ours is None or torch.allclose(ours, eager, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_trace_whole(name: str) -> None:
    inputs = (FIELD, PHASES, STRENGTH)
    compiled = torch.compile(FUNCTIONS[name], fullgraph=True, backend="aot_eager")
    assert_same(value_and_gradients(compiled, inputs), value_and_gradients(FUNCTIONS[name], inputs))
    with torch.no_grad():
        assert torch.equal(compiled(*inputs), FUNCTIONS[name](*inputs))


def test_batch_size_may_change() -> None:
    compiled = torch.compile(FUNCTIONS["four_f_stack"], fullgraph=True, backend="aot_eager", dynamic=True)
    for batch in (2, 3, 5):
        inputs = (torch.randn(batch, 6, 6, dtype=torch.complex64), PHASES, STRENGTH)
        assert_same(
            value_and_gradients(compiled, inputs), value_and_gradients(FUNCTIONS["four_f_stack"], inputs)
        )


def test_model_with_learnable_nonlinearity_traces_whole() -> None:
    model = AOSRNN(num_layers=2, support=6, band=5, grid=18, nonlinearity=nn.Kerr(2.0, learnable=True))
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    results = []
    for network in (model, compiled):
        model.zero_grad()
        out = network(FIELD, return_field=True)
        out.real.square().sum().backward()
        results.append([out.detach(), *(parameter.grad.clone() for parameter in model.parameters())])
    assert_same(*results)


@pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("c++") is None, reason="inductor needs a C++ compiler"
)
@pytest.mark.filterwarnings("ignore")
def test_inductor() -> None:
    name, inputs = "four_f_stack_intensity", (FIELD, PHASES, STRENGTH)
    compiled = torch.compile(FUNCTIONS[name], fullgraph=True, backend="inductor")
    assert_same(value_and_gradients(compiled, inputs), value_and_gradients(FUNCTIONS[name], inputs))


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch.ops.pyfdsr.windowed_dft(
            FIELD.clone().requires_grad_(), "forward", [6, 6], [5, 5], [18.0, 18.0], False
        ),
        lambda: torch.ops.pyfdsr.nonlinearity(
            FIELD.clone().requires_grad_(), torch.ones(4, dtype=torch.float64), "kerr", [0, 0]
        ),
    ],
    ids=["windowed_dft", "nonlinearity"],
)
def test_registered_operators_differentiate(call) -> None:
    assert call().requires_grad


def test_operators_agree_with_their_fakes() -> None:
    field, phases = FIELD.clone().requires_grad_(), PHASES[None].clone().requires_grad_()
    parameters = torch.tensor([[1.0, 0, 0, 0]] * 3, dtype=torch.float64, requires_grad=True)
    torch.library.opcheck(
        torch.ops.pyfdsr.windowed_dft, (field, "inverse", [5, 4], [6, 6], [18.0, 19.0], False)
    )
    torch.library.opcheck(torch.ops.pyfdsr.nonlinearity, (field, parameters[0].detach(), "kerr", [0, 0]))
    for save, intensity, return_fields in ((True, False, True), (True, True, False)):
        torch.library.opcheck(
            torch.ops.pyfdsr.four_f_stack,
            (
                field,
                phases,
                None,
                parameters,
                "kerr,none,kerr",
                [0] * 6,
                [7, 6],
                [18.0, 18.0],
                False,
                save,
                intensity,
                return_fields,
                "",
            ),
        )
