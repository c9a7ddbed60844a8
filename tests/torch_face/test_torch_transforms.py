"""functional.windowed_dft and windowed_idft against whole padded grids, and what tensors they accept."""

import numpy as np
import pytest
import torch

from cases import CASES, Case
from pyfdsr.functional import windowed_dft, windowed_idft
from pyfdsr.reference import torch_twin
from tolerances import assert_close

DTYPES = (torch.complex64, torch.complex128)
GRADIENT_CASES = [
    case for case in CASES if case.name in ("mixed-parity-axes", "real-one-axis", "parity-change-even-to-odd")
]


def sizes(size):
    return size if isinstance(size, tuple) else (size, size)


def random(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_agree_with_whole_grids_forward_and_backward(case: Case, dtype: torch.dtype) -> None:
    for ours, twin, given, wanted in (
        (windowed_dft, torch_twin.windowed_dft, case.window, case.band),
        (windowed_idft, torch_twin.windowed_idft, case.band, case.support),
    ):
        x = random(2, *sizes(given), dtype=dtype).requires_grad_()
        exact = x.detach().to(torch.complex128).requires_grad_()
        out, expected = ours(x, case.grid, wanted), twin(exact, case.grid, wanted)
        assert out.dtype == dtype
        assert_close("transform", out, expected)
        v = random(*out.shape, dtype=dtype, seed=1)
        out.backward(v)
        expected.backward(v.to(torch.complex128))
        assert_close("transform", x.grad, exact.grad)


@pytest.mark.parametrize("case", GRADIENT_CASES, ids=str)
def test_differentiate_twice(case: Case) -> None:
    for operator, given, wanted in (
        (windowed_dft, case.window, case.band),
        (windowed_idft, case.band, case.support),
    ):
        x = random(1, *sizes(given)).requires_grad_()

        def squared(x, operator=operator, wanted=wanted):
            out = operator(x, case.grid, wanted)
            return out * out

        assert torch.autograd.gradcheck(squared, (x,))
        assert torch.autograd.gradgradcheck(squared, (x,))


def test_forward_and_gradient_are_adjoint() -> None:
    x, v = random(3, 7, 8).requires_grad_(), random(3, 5, 6, seed=1)
    out = windowed_dft(x, (21, 24), (5, 6))
    (v_x,) = torch.autograd.grad(out, x, v)
    assert_close(
        "adjointness",
        torch.vdot(x.detach().flatten(), v_x.flatten()),
        torch.vdot(out.detach().flatten(), v.flatten()),
    )


VIEWS = {
    "transposed": lambda x: x.mT,
    "sliced": lambda x: x[:, ::2, 1:9],
    "conjugate": lambda x: x.conj(),
    "adjoint": lambda x: x.mH,
    "flipped": lambda x: x.flip(-1),
    "expanded": lambda x: x[:1].expand(3, -1, -1),
    "imaginary": lambda x: x.imag,
    "negated": lambda x: x.conj().imag,
    "real, sliced": lambda x: x.real[..., ::3, ::2],
    "leading axes": lambda x: x[None, :, None],
    "no batch": lambda x: x[0],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_accepts_any_layout_and_modifies_nothing(view) -> None:
    base = random(2, 12, 12)
    before = base.clone()
    out = windowed_dft(view(base), 36, 7)
    assert out.is_contiguous()
    assert_close(
        "transform", out, torch_twin.windowed_dft(view(base).resolve_conj().resolve_neg().clone(), 36, 7)
    )
    assert torch.equal(base.detach(), before)


def test_gradient_flows_through_conjugate_views_on_either_side() -> None:
    x = random(1, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: windowed_dft(x.conj(), 12, 3).conj(), (x,))


def test_gradient_of_a_real_field_is_real() -> None:
    x = torch.randn(2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: windowed_dft(x, 15, 4), (x,))
    (v_x,) = torch.autograd.grad(windowed_dft(x, 15, 4).abs().sum(), x)
    assert v_x.dtype == torch.float64


def test_accepts_read_only_memory() -> None:
    array = np.random.default_rng(0).standard_normal((2, 6, 6))
    array.setflags(write=False)
    with pytest.warns(UserWarning, match="not writable"):
        x = torch.from_numpy(array)
    assert windowed_dft(x, 18, 4).shape == (2, 4, 4)


@pytest.mark.parametrize("shape", [(0, 6, 6), (2, 0, 6, 6)])
def test_zero_batch(shape) -> None:
    x = random(*shape).requires_grad_()
    out = windowed_dft(x, 18, 4)
    assert out.shape == (*shape[:-2], 4, 4)
    out.abs().sum().backward()
    assert x.grad.shape == shape


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.complex32])
def test_half_precisions_are_computed_in_single(dtype) -> None:
    x = (
        random(2, 8, 8, dtype=torch.complex64 if dtype.is_complex else torch.float32)
        .to(dtype)
        .requires_grad_()
    )
    out = windowed_dft(x, 24, 6)
    assert out.dtype == torch.complex64
    wide = x.detach().to(torch.complex64)
    assert torch.equal(out, windowed_dft(wide, 24, 6))
    out.abs().sum().backward()
    assert x.grad.dtype == dtype


def test_nan_stays_in_its_image() -> None:
    x = random(3, 8, 8, dtype=torch.complex64)
    x[1, 2, 3] = float("nan")
    out = windowed_dft(x, 24, 6)
    assert out[1].isnan().all()
    assert not out[[0, 2]].isnan().any()
    assert torch.equal(out[[0, 2]], windowed_dft(x[[0, 2]], 24, 6))
