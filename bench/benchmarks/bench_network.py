"""The paper's network: pyfdsr and its peers in the same run."""

from __future__ import annotations

from dataclasses import replace

from bench import memory
from bench.case import Case, make_inputs, quick
from bench.engine import implementations

from .geometries import THREADS

BASE = Case(window=10, band=8, grid=24, layers=2, batch=2) if quick() else Case()
NAMES = ["pyfdsr", "plain", "plain-cropped", "tuned", "matmul", "pyfftw"]


class Network:
    """Ten layers, batch 10, window 112, band 112, grid 336."""

    params = (NAMES, THREADS)
    param_names = ("implementation", "threads")
    # the slowest peer takes seconds a call
    timeout = 600

    def setup(self, name: str, threads: int) -> None:
        case = replace(BASE, threads=threads)
        self.network = implementations()[name].build(case, make_inputs(case))
        self.network.gradient()

    def time_forward_backward(self, *_: object) -> None:
        self.network.gradient()

    def time_inference(self, *_: object) -> None:
        self.network.infer()

    def peakmem_forward_backward(self, *_: object) -> None:
        self.network.gradient()


class NetworkRecord:
    """Figures that are not times: memory growth and distance to complex128."""

    params = (NAMES,)
    param_names = ("implementation",)
    timeout = 600

    def track_memory_growth(self, name: str) -> int:
        return memory.growth(name, BASE)

    track_memory_growth.unit = "bytes"

    def track_phase_gradient_error(self, name: str) -> float:
        return self.relative_error(name, "gradient")

    track_phase_gradient_error.unit = "relative L2 against complex128"

    def track_intensity_error(self, name: str) -> float:
        return self.relative_error(name, "infer")

    track_intensity_error.unit = "relative L2 against complex128"

    @staticmethod
    def relative_error(name: str, call: str) -> float:
        """Distance of ``name`` in float32 to plain PyTorch in complex128."""
        import torch

        known = implementations()
        exact_case = replace(BASE, batch=2, double=True)
        case = replace(exact_case, double=False)
        exact = getattr(known["plain-cropped"].build(exact_case, make_inputs(exact_case)), call)()
        found = torch.as_tensor(getattr(known[name].build(case, make_inputs(case)), call)())
        return float((found - exact).norm() / exact.norm())
