"""functional.four_f, functional.propagate and their modules."""

import pytest
import torch

from cases import CASES, Case
from pyfdsr import nn
from pyfdsr.functional import four_f, propagate
from pyfdsr.reference import torch_twin
from tolerances import assert_close


def sizes(size):
    return size if isinstance(size, tuple) else (size, size)


def random(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("single", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("kind", ["phase", "transfer"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_agrees_with_whole_grids(case: Case, kind: str, single: bool) -> None:
    real, complex_ = (torch.float32, torch.complex64) if single else (torch.float64, torch.complex128)
    field = random(3, *sizes(case.window), dtype=complex_).requires_grad_()
    mask = random(*sizes(case.band), dtype=real if kind == "phase" else complex_, seed=1).requires_grad_()
    exact = [given.detach().to(torch.promote_types(given.dtype, torch.float64)) for given in (field, mask)]
    for tensor in exact:
        tensor.requires_grad_()
    out = four_f(field, grid=case.grid, support=case.support, **{kind: mask})
    masks = {"phase": None, "transfer": None} | {kind: exact[1]}
    expected = torch_twin.four_f(exact[0], grid=case.grid, support=case.support, **masks)
    assert out.dtype == complex_
    assert_close("layer", out, expected)
    v = random(*out.shape, dtype=complex_, seed=2)
    out.backward(v)
    expected.backward(v.to(torch.complex128))
    assert_close("gradient", field.grad, exact[0].grad)
    assert_close("gradient", mask.grad, exact[1].grad)


LEADING = [
    ((2,), ()),
    ((2,), (2,)),
    ((2,), (1,)),
    ((2, 1), (3,)),
    ((), (2,)),
    ((), ()),
    ((2, 3), ()),
    ((1,), (2,)),
]


@pytest.mark.parametrize("kind", ["phase", "transfer"])
@pytest.mark.parametrize(("field_axes", "mask_axes"), LEADING)
def test_leading_axes_broadcast_and_are_summed(field_axes, mask_axes, kind: str) -> None:
    field = random(*field_axes, 4, 5).requires_grad_()
    mask = random(
        *mask_axes, 3, 6, dtype=torch.float64 if kind == "phase" else torch.complex128
    ).requires_grad_()

    def run(field, mask, operator=four_f):
        return operator(
            field, mask if kind == "phase" else None, (12, 13), transfer=None if kind == "phase" else mask
        )

    assert_close("layer", run(field, mask), run(field, mask, torch_twin.four_f))
    v = random(*run(field, mask).shape, seed=1)
    ours = torch.autograd.grad(run(field, mask), (field, mask), v)
    twin = torch.autograd.grad(run(field, mask, torch_twin.four_f), (field, mask), v)
    for actual, expected in zip(ours, twin, strict=True):
        assert_close("gradient", actual, expected)


@pytest.mark.parametrize(
    "aperture", [None, torch.tensor([[0.0, 1, 1], [1, 0.5, 1], [2, 1, 0]])], ids=["open", "aperture"]
)
@pytest.mark.parametrize("kind", ["phase", "transfer"])
def test_differentiates_twice(kind: str, aperture) -> None:
    field = random(2, 4, 3).requires_grad_()
    mask = random(2, 3, 3, dtype=torch.float64 if kind == "phase" else torch.complex128).requires_grad_()

    def run(field, mask):
        return four_f(field, grid=(11, 12), support=(3, 5), aperture=aperture, **{kind: mask})

    assert torch.autograd.gradcheck(run, (field, mask))
    assert torch.autograd.gradgradcheck(run, (field, mask))


@pytest.mark.parametrize("wanted", [0, 1])
def test_gradient_of_one_argument_alone(wanted: int) -> None:
    field, phase = random(2, 4, 4), random(4, 4, dtype=torch.float64)
    inputs = [field, phase]
    inputs[wanted].requires_grad_()
    (alone,) = torch.autograd.grad(four_f(field, phase, 12).abs().sum(), inputs[wanted])
    for tensor in inputs:
        tensor.requires_grad_()
    both = torch.autograd.grad(four_f(field, phase, 12).abs().sum(), inputs)
    assert torch.equal(alone, both[wanted])


@pytest.mark.parametrize("aperture", [None, torch.rand(6, 6)], ids=["open", "aperture"])
@pytest.mark.parametrize("dependent", [False, True], ids=["independent", "mask-of-field"])
def test_create_graph_gives_the_gradient_of_the_fused_path(dependent: bool, aperture) -> None:
    field, phase = random(2, 6, 6).requires_grad_(), random(6, 6, dtype=torch.float64).requires_grad_()

    def run(field, phase):
        return four_f(field, phase * field[0].abs() if dependent else phase, 18, aperture=aperture)

    v = random(2, 6, 6, seed=1)
    fused = torch.autograd.grad(run(field, phase), (field, phase), v)
    pieces = torch.autograd.grad(run(field, phase), (field, phase), v, create_graph=True)
    for actual, expected in zip(pieces, fused, strict=True):
        assert actual.requires_grad
        assert_close("gradient", actual, expected)


def test_aperture_multiplies_the_mask() -> None:
    field, phase, aperture = random(2, 6, 6), random(5, 5, dtype=torch.float64), torch.rand(5, 5)
    expected = torch_twin.four_f(field, None, 18, transfer=aperture * torch.exp(1j * phase))
    assert_close("layer", four_f(field, phase, 18, aperture=aperture), expected)
    assert_close("layer", four_f(field, phase, 18, aperture=aperture.numpy()), expected)
    closed = four_f(field, phase, 18, aperture=torch.zeros(5, 5))
    assert torch.count_nonzero(closed) == 0


def test_autocast_computes_in_single_precision() -> None:
    field, phase = (
        random(2, 8, 8, dtype=torch.float32).requires_grad_(),
        random(6, 6, dtype=torch.float32).requires_grad_(),
    )
    expected = four_f(field, phase, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = torch.mm(field[0], torch.eye(8))
        assert low.dtype == torch.bfloat16
        out = four_f(field, phase, 24)
        mixed = four_f(low, phase.bfloat16(), 24)
    assert out.dtype == mixed.dtype == torch.complex64
    assert torch.equal(out, expected)
    mixed.abs().sum().backward()
    assert field.grad.dtype == phase.grad.dtype == torch.float32


def test_module_is_the_function_with_a_parameter() -> None:
    layer = nn.FourF(band=(5, 6), grid=(18, 21), support=7)
    assert dict(layer.named_parameters()).keys() == {"phase"}
    assert layer.phase.shape == (5, 6)
    field = random(2, 6, 6, dtype=torch.complex64)
    out = layer(field)
    assert torch.equal(out, four_f(field, layer.phase, (18, 21), 7))
    out.abs().sum().backward()
    assert torch.count_nonzero(layer.phase.grad) == 30
    assert "band=(5, 6), grid=(18, 21), support=(7, 7)" in repr(layer)


@pytest.mark.parametrize("distance", [1e-3, -2e-4, 0.0])
@pytest.mark.parametrize("band_limit", [True, False])
def test_propagation_agrees_with_the_twin(distance: float, band_limit: bool) -> None:
    field = random(2, 9, 10)
    arguments = (distance, (4e-6, 5e-6), 550e-9, 2, band_limit)
    # The phase of the transfer function runs to 2π·distance/wavelength, about 1e4 rad, rounded to 1e-12.
    assert (propagate(field, *arguments) - torch_twin.propagate(field, *arguments)).abs().max() < 1e-11
    space = nn.Propagate(*arguments)
    assert torch.equal(space(field), propagate(field, *arguments))
    assert "wavelength=5.5e-07" in repr(space)


def test_propagation_differentiates_after_use_in_inference_mode() -> None:
    field = random(1, 4, 4).requires_grad_()
    with torch.inference_mode():
        propagate(field.detach(), 3e-4, 4e-6, 500e-9)
    assert torch.autograd.gradcheck(lambda field: propagate(field, 3e-4, 4e-6, 500e-9), (field,))
    assert torch.autograd.gradgradcheck(lambda field: propagate(field, 3e-4, 4e-6, 500e-9), (field,))
