"""Stacks of 4f layers and nonlinearities by torch's operations."""

import sys

import pytest
import torch

import pyfdsr
from both_backends import both, random
from cases import CASES, pair
from pyfdsr import backends
from pyfdsr.backends.by_torch import four_f_stack as stacks
from pyfdsr.backends.by_torch.pruned_fft import PrunedFft
from pyfdsr.functional import cross_kerr, four_f, four_f_stack, nonlinear
from pyfdsr.nonlinearity import (
    Custom,
    Kerr,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
)
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("other")

MIXED = (Kerr(2.0), SaturableAbsorber(1.0, 0.5), None)
PARAMETRIC = {
    "kerr": (Kerr, (2.0,)),
    "saturable kerr": (SaturableKerr, (2.0, 0.5)),
    "absorber": (SaturableAbsorber, (1.0, 0.5)),
    "two-photon": (TwoPhotonAbsorption, (0.7,)),
    "gate": (OptoelectronicGate, (0.1, 0.9, 0.5, 2.0)),
}


def response(intensity):
    return 1.0 / (1.0 + 0.5j * intensity)


def derivative(intensity):
    return -0.5j / (1.0 + 0.5j * intensity) ** 2


def check(run, *inputs):
    found, expected = both(run, *inputs)
    for index, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        assert ours.dtype == theirs.dtype and ours.is_contiguous()
        assert_close("layer" if index == 0 else "gradient", ours, theirs)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_agrees_with_the_core(case, dtype):
    field = random(3, *pair(case.window), dtype=dtype.to_complex()).requires_grad_()
    phases = random(3, *pair(case.band), dtype=dtype).requires_grad_()
    check(lambda x, p: four_f_stack(x, p, case.grid, MIXED, case.support, return_fields=True), field, phases)


@pytest.mark.parametrize("last", [None, Kerr(1.0), TwoPhotonAbsorption(0.5)], ids=str)
@pytest.mark.parametrize("real", [False, True])
def test_intensities(last, real):
    field = random(2, 7, 6, dtype=torch.float64 if real else torch.complex128).requires_grad_()
    phases = random(2, 5, 4, dtype=torch.float64).requires_grad_()
    check(lambda x, p: four_f_stack(x, p, 18, [Kerr(2.0), last], 5, intensity=True), field, phases)


@pytest.mark.parametrize("name", PARAMETRIC)
def test_parameters_that_learn(name):
    kind, values = PARAMETRIC[name]
    parameters = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
    field = (4 * random(3, 7, 5)).requires_grad_()  # strong enough to drive the gate
    phases = random(2, 5, 5, dtype=torch.float64).requires_grad_()
    check(lambda x, *p: nonlinear(x, kind(*p)), field, *parameters)
    check(lambda x, m, *p: four_f_stack(x, m, 18, [kind(*p), Kerr(1.0)]), field, phases, *parameters)
    with backends.forced("torch"):
        assert torch.autograd.gradcheck(lambda x, *p: nonlinear(x, kind(*p)), (field, *parameters))


def test_extreme_intensities():
    field = torch.tensor([0.0, 1e-30, 1e12, 1e18], dtype=torch.complex64).requires_grad_()
    check(lambda x: nonlinear(x, OptoelectronicGate(0.1, 0.9, 0.5, 3.0)), field)


def test_custom_responses():
    spec = Custom(response, derivative)
    field, phases = random(2, 4, 5).requires_grad_(), random(2, 4, 3, dtype=torch.float64).requires_grad_()
    check(lambda x: nonlinear(x, spec), field)
    check(lambda x, p: four_f_stack(x, p, 12, [spec, Kerr(1.0)]), field, phases)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("support", [6, 7], ids=["same", "parity change"])
def test_masks_of_every_kind(layers, support):
    field, aperture = random(4, 6, 6).requires_grad_(), torch.rand(layers, 5, 5, dtype=torch.float64)
    for sets in ((), (4,), (1,)):
        phases = random(*sets, 3, 5, 5, dtype=torch.float64).requires_grad_()
        check(lambda x, p: four_f_stack(x, p, 18, MIXED, support, aperture=aperture), field, phases)
        transfer = random(*sets, 5, 5).requires_grad_()
        opened = aperture[0]
        check(lambda x, t: four_f(x, None, 18, support, t, aperture=opened), field, transfer)  # noqa: B023


@pytest.mark.parametrize("shape", [(0, 6, 7), (6, 7), (2, 3, 6, 7)], ids=str)
def test_leading_axes(shape):
    phases = random(2, 5, 5, dtype=torch.float64).requires_grad_()
    field = random(*shape).requires_grad_()
    check(lambda x, p: four_f_stack(x, p, 18, Kerr(1.0), return_fields=True), field, phases)


def test_only_what_is_needed():
    field, phases = random(2, 6, 7), random(2, 5, 5, dtype=torch.float64)
    for wanted in (field, phases):
        wanted.requires_grad_()
        check(lambda x, p: four_f_stack(x, p, 18, Kerr(1.0)), field, phases)
        wanted.requires_grad_(False)


def test_linear_stacks_differentiate_twice():
    field, phases = random(2, 3, 4).requires_grad_(), random(2, 3, 3, dtype=torch.float64).requires_grad_()
    with backends.forced("torch"):
        assert torch.autograd.gradgradcheck(lambda x, p: four_f_stack(x, p, 9, None, 3), (field, phases))


def test_ffts_serve_large_grids(monkeypatch):
    module = sys.modules["pyfdsr.backends.by_torch.windowed_dft"]  # a function has its name
    monkeypatch.setattr(module, "_MATRIX_ADVANTAGE", 0)
    pyfdsr.clear_caches()
    geometry = backends.Geometry((12, 13), (8, 7), (24.0, 27.0), False)
    plan = stacks.stack_plan(geometry, (5, 6), "kerr", True, torch.device("cpu"))
    assert isinstance(plan.inner, PrunedFft) and isinstance(plan.first, PrunedFft)
    phases = random(3, 8, 7, dtype=torch.float64).requires_grad_()
    field = random(3, 12, 13).requires_grad_()
    check(lambda x, p: four_f_stack(x, p, (24, 27), MIXED, (5, 6), return_fields=True), field, phases)
    transfer = random(3, 8, 7).requires_grad_()
    check(lambda x, t: four_f(x, None, (24, 27), (5, 6), t), field, transfer)
    pyfdsr.clear_caches()


@pytest.mark.parametrize("writer", ["torch", "core"])
def test_the_backend_that_wrote_a_tape_reads_it(writer):
    field, phases = random(2, 6, 7), random(2, 5, 5, dtype=torch.float64).requires_grad_()
    expected = torch.autograd.grad(four_f_stack(field, phases, 18, Kerr(1.0)).abs().sum(), phases)
    with backends.forced(writer):
        out = four_f_stack(field, phases, 18, Kerr(1.0))
    with backends.forced("core" if writer == "torch" else "torch"):
        assert_close("gradient", torch.autograd.grad(out.abs().sum(), phases)[0], expected[0])


@pytest.mark.parametrize("support", [(6, 7), (5, 5)], ids=str)
def test_the_size_of_a_tape_is_known_before(support):
    geometry = backends.Geometry((6, 7), (5, 4), (18.0, 18.0), False)
    plan = stacks.stack_plan(geometry, support, "kerr,none", True, torch.device("cpu"))
    field, mask = random(3, 6, 7), random(1, 2, 5, 4, dtype=torch.float64)
    parameters = torch.zeros(2, 4, dtype=torch.float64)
    flags = (support, True, False, False)
    _, tape, _ = stacks.stack_forward(plan, field, mask, None, parameters, [0] * 4, *flags)
    assert tape.shape == (plan.tape_size(3),) == (3 * plan.tape_size(1),)


def test_several_fields_in_one_medium():
    fields = [random(3, 4, seed=seed).requires_grad_() for seed in (0, 1)]
    strength = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    check(lambda s, *x: cross_kerr(x, s, (1.0, 0.8)), strength, *fields)
