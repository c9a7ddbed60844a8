"""Which backend computes, and what is refused of tensors on several devices."""

import inspect

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

import pyfdsr
from pyfdsr import backends, functional
from pyfdsr.nonlinearity import Kerr

X, ELSEWHERE = torch.rand(2, 6, 6), torch.rand(2, 6, 6, device="meta")
MASK = torch.zeros(2, 5, 5)


def test_devices_have_their_backends():
    assert backends.backend_of(X) is backends.core
    assert backends.backend_of(ELSEWHERE) is backends.by_torch
    assert backends.backend_for("xpu") is backends.by_torch
    kernels = backends.cuda if backends.cuda.is_built() else backends.by_torch
    assert backends.backend_for("cuda") is kernels
    with backends.forced("torch"):
        assert backends.backend_of(X) is backends.by_torch
        with backends.forced("core"):
            assert backends.backend_of(X) is backends.core
    assert backends.backend_of(X) is backends.core
    with (
        pytest.raises(ValueError, match="name='gpu': must be one of 'core', 'torch', 'cuda'"),
        backends.forced("gpu"),
    ):
        pass
    built = pyfdsr.build_config()
    assert built["cuda"] == backends.cuda.is_built()
    assert built["devices"] == {"cpu": "core", "cuda": "cuda" if built["cuda"] else "torch", "other": "torch"}


def test_what_was_not_built_is_not_forced(monkeypatch):
    monkeypatch.setattr(backends.cuda.native, "_module", None)
    with pytest.raises(ValueError, match="built without CUDA"), backends.forced("cuda"):
        pass


@pytest.mark.parametrize(
    "backend", [backends.core, backends.by_torch, backends.cuda], ids=lambda b: b.__name__
)
def test_backends_offer_the_interface(backend):
    offered = {name for name in vars(backends.Backend) if not name.startswith("_")}
    offered |= {"TAPE_LAYOUT"}
    assert offered == set(backend.__all__) - {"is_built"}
    for name in offered - {"TAPE_LAYOUT", "chip_conv2d", "chip_conv2d_adjoint_weight"}:
        wanted = list(inspect.signature(getattr(backends.Backend, name)).parameters)[1:]
        found = inspect.signature(getattr(backend, name)).parameters
        assert list(found)[: len(wanted)] == wanted, name
        # What a backend offers another one beyond the interface has a default.
        more = list(found.values())[len(wanted) :]
        assert all(parameter.default is not parameter.empty for parameter in more), name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: functional.four_f_stack(X, MASK.to("meta"), 18, None),
            "phases is on device meta and field on cpu",
        ),
        (
            lambda: functional.four_f(ELSEWHERE, MASK[0].to("meta"), 18, aperture=MASK[0]),
            "aperture is on device cpu and field on meta",
        ),
        (
            lambda: functional.nonlinear(X, Kerr(torch.ones((), device="meta"))),
            "a parameter of Kerr is on device meta and field on cpu",
        ),
        (
            lambda: functional.cross_kerr([X, ELSEWHERE], 1.0),
            r"fields\[1\] is on device meta and fields\[0\] on cpu",
        ),
        (
            lambda: functional.cross_kerr([X], torch.ones((), device="meta")),
            r"strength is on device meta and fields\[0\] on cpu",
        ),
        (
            lambda: functional.fourier_conv2d(
                X[None], torch.ones(1, 2, 3, 3, device="meta"), algorithm="tiled"
            ),
            "weight is on device meta and input on cpu",
        ),
    ],
)
def test_a_call_has_one_device(call, message):
    with pytest.raises(ValueError, match=f"{message}: all tensors of a call must be on one device"):
        call()


def test_numbers_stay_numbers(monkeypatch):
    # On another device these would make the host wait.
    for name in ("item", "cpu", "__bool__", "tolist"):
        monkeypatch.setattr(torch.Tensor, name, refused(name, getattr(torch.Tensor, name)))
    phases = torch.zeros(2, 5, 5, device="meta", requires_grad=True)
    functional.four_f_stack(ELSEWHERE, phases, 18, Kerr(1.0), intensity=True).sum().backward()


def refused(name, function):
    def guarded(tensor, *arguments):
        assert tensor.device.type == "cpu", f"{name} of a tensor on {tensor.device}"
        return function(tensor, *arguments)

    return guarded


def test_plans_made_while_a_graph_is_traced_serve_real_tensors(other):
    geometry, cpu = backends.Geometry((6, 6), (5, 5), (18.0, 18.0), False), torch.device("cpu")
    with FakeTensorMode() as fake:
        plan = other.stack_plan(geometry, (7, 7), "kerr", False, cpu)
        assert isinstance(fake.from_tensor(X), FakeTensor)
    made = [plan.constants] if other is backends.cuda else [plan.gauge, plan.inner.ramp, plan.first.ramp]
    assert all(type(tensor) is torch.Tensor and tensor.data_ptr() for tensor in made)


def test_kernels_do_not_take_what_they_cannot_reach(cuda_on_host, monkeypatch):
    class Compiled:
        architectures = "80-real 90"

    monkeypatch.setattr(backends.cuda.native, "_module", Compiled())
    with backends.forced("cuda"), pytest.raises(ValueError, match="the CUDA kernels take cuda tensors"):
        functional.nonlinear(torch.ones(3, dtype=torch.complex64), Kerr(1.0))
