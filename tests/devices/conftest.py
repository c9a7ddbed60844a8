"""The backends that are held against the core."""

import importlib.util
import sys
from pathlib import Path

import pytest

import both_backends
from pyfdsr import _plans, backends
from pyfdsr.ops import exchange

_BUILD = Path(__file__).parents[2] / "build"


@pytest.fixture(scope="session")
def cuda_on_host():
    """The CUDA module with its kernels run by threads of the host, from the build of the C++ tests."""
    files = sorted(_BUILD.glob("*/csrc/tests/_cuda_on_host*.so"), key=lambda file: file.stat().st_mtime)
    if not files:
        pytest.skip("the C++ tests, of which _cuda_on_host is a part, are not built")
    spec = importlib.util.spec_from_file_location("_cuda_on_host", files[-1])
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["torch", "cuda"])
def other(request, monkeypatch):
    """Compare with torch's operations, and with the CUDA kernels on threads of the host."""
    if request.param == "cuda":
        monkeypatch.setattr(backends.cuda.native, "_module", request.getfixturevalue("cuda_on_host"))
    monkeypatch.setattr(both_backends, "OTHER", request.param)
    _plans.clear()
    yield {"torch": backends.by_torch, "cuda": backends.cuda}[request.param]
    _plans.clear()


@pytest.fixture
def stand_ins(monkeypatch):
    """Convert stand-ins for arrays of a device, and let torch's operations compute, as on one."""
    monkeypatch.setattr(exchange, "tensor_of", lambda array: array.tensor)
    with backends.forced("torch"):
        yield
