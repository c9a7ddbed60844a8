"""How CUDA kernels multiply in single precision: tensor cores or multiply-adds, as accurate as float32."""

import pytest
import torch

import pyfdsr
from both_backends import random
from pyfdsr import backends
from pyfdsr.functional import four_f_stack, windowed_dft
from pyfdsr.nonlinearity import Kerr
from tolerances import allowed


@pytest.fixture
def products():
    yield pyfdsr.set_float32_products
    pyfdsr.set_float32_products("3xtf32")


@pytest.fixture
def kernels(cuda_on_host, monkeypatch):
    monkeypatch.setattr(backends.cuda.native, "_module", cuda_on_host)
    pyfdsr.clear_caches()
    with backends.forced("cuda"):
        yield backends.cuda
    pyfdsr.clear_caches()


@pytest.mark.parametrize("sizes", [(112, 112, 112), (30, 25, 28), (136, 130, 136)], ids=str)
def test_both_ways_are_as_accurate(sizes, products, kernels):
    window, support, band = sizes
    field, phases = random(1, window, window, dtype=torch.complex64), 6 * torch.rand(2, band, band)
    with backends.forced("core"):
        exact = four_f_stack(field.to(torch.complex128), phases.double(), 336, Kerr(1.0), support)
    found, errors = [], []
    for name in ("fma", "3xtf32"):
        products(name)
        found.append(four_f_stack(field, phases, 336, Kerr(1.0), support))
        errors.append(float((found[-1] - exact).norm() / exact.norm()))
    # Four transforms, each two sums of up to 75 terms.
    assert max(errors) <= 6e-7, errors
    # Four kinds of matrices, padded to multiples of eight, do not fit shared memory: one way is left.
    assert torch.equal(*found) == (sizes[0] == 136)


@pytest.mark.parametrize("name", ["fma", "3xtf32"])
def test_errors_do_not_add_up_over_layers(name, products, kernels):
    """Sums that truncate would take the same part from every layer, 2.4e-6 in all."""
    products(name)
    field, phases = random(1, 64, 64, dtype=torch.complex64), 6 * torch.rand(20, 64, 64)
    with backends.forced("core"):
        exact = four_f_stack(field.to(torch.complex128), phases.double(), 96, None)
    found = four_f_stack(field, phases, 96, None).to(exact.dtype)
    assert float((found - exact).norm() / exact.norm()) <= 1.2e-6
    assert abs(float((exact.conj() * found).sum().real / exact.norm() ** 2) - 1) <= 7e-7


@pytest.mark.parametrize("name", ["fma", "3xtf32"])
def test_gradients_of_the_papers_network(name, products, kernels):
    products(name)
    objects = torch.rand(1, 112, 112)
    phases = 0.3 * torch.randn(10, 112, 112, generator=torch.Generator().manual_seed(3))
    found = []
    for backend, dtype in (("core", torch.float64), ("cuda", torch.float32)):
        with backends.forced(backend):
            mine = phases.to(dtype).requires_grad_()
            out = four_f_stack(objects.to(dtype), mine, 336, Kerr(torch.pi), intensity=True)
            found.append(torch.autograd.grad(out.mean(), mine)[0].double())
    exact, got = found
    assert (got - exact).norm() / exact.norm() <= allowed("float32_network_gradient", torch.float32)


def test_windowed_dfts(products, kernels):
    field = random(2, 50, 64, dtype=torch.complex64)
    with backends.forced("core"):
        exact = windowed_dft(field.to(torch.complex128), 150, (40, 36))
    found = []
    for name in ("fma", "3xtf32"):
        products(name)
        found.append(windowed_dft(field, 150, (40, 36)))
        assert float((found[-1] - exact).norm() / exact.norm()) <= 3e-7
    assert not torch.equal(*found)


def test_float64_has_one_way(products, kernels):
    field = random(2, 10, 12)
    found = []
    for name in ("fma", "3xtf32"):
        products(name)
        found.append(windowed_dft(field, 30, (8, 9)))
    assert torch.equal(*found)


def test_the_choice_is_told(products):
    assert pyfdsr.get_float32_products() == "3xtf32"
    products("fma")
    assert pyfdsr.build_config()["float32_products"] == "fma"
    with pytest.raises(ValueError, match="products='tf32': must be '3xtf32' or 'fma'"):
        products("tf32")
