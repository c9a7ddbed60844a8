"""The fused stack behind its PyTorch face: cost over geometry, batch, layers, dtype and threads."""

from __future__ import annotations

from .geometries import BATCHES, DTYPES, GEOMETRIES, LAYERS, THREADS


class _Stack:
    """Builds ``four_f_stack`` with Kerr after each layer and the loss ``|E|²`` summed."""

    def prepare(self, geometry: str, batch: int, layers: int, dtype: str, threads: int) -> None:
        import torch

        import pyfdsr
        from pyfdsr.functional import four_f_stack
        from pyfdsr.nonlinearity import Kerr

        torch.set_num_threads(threads)
        pyfdsr.set_num_threads(threads)
        window, band, grid = GEOMETRIES[geometry]
        generator = torch.Generator().manual_seed(0)
        real = getattr(torch, dtype)
        amplitude = torch.rand(batch, *window, generator=generator, dtype=real)
        self.field = torch.complex(amplitude, torch.zeros_like(amplitude))
        self.phases = torch.randn(layers, *band, generator=generator, dtype=real, requires_grad=True)
        self.stack = lambda: four_f_stack(self.field, self.phases, grid, Kerr(4.0))
        self.inference_mode = torch.inference_mode

    def forward(self) -> None:
        with self.inference_mode():
            self.stack()

    def forward_backward(self) -> None:
        self.phases.grad = None
        self.stack().abs().square().sum().backward()


class StackByGeometry(_Stack):
    """Geometries and precisions at ten layers."""

    params = (list(GEOMETRIES), DTYPES)
    param_names = ("geometry", "dtype")

    def setup(self, geometry: str, dtype: str) -> None:
        self.prepare(geometry, BATCHES[0], LAYERS[-1] // 2, dtype, THREADS[-1])
        self.forward_backward()

    def time_forward(self, *_: object) -> None:
        self.forward()

    def time_forward_backward(self, *_: object) -> None:
        self.forward_backward()


class StackBySize(_Stack):
    """Batch, layers and threads at the paper's geometry."""

    params = (BATCHES, LAYERS, THREADS)
    param_names = ("batch", "layers", "threads")

    def setup(self, batch: int, layers: int, threads: int) -> None:
        self.prepare(next(iter(GEOMETRIES)), batch, layers, "float32", threads)
        self.forward_backward()

    def time_forward(self, *_: object) -> None:
        self.forward()

    def time_forward_backward(self, *_: object) -> None:
        self.forward_backward()

    def peakmem_forward_backward(self, *_: object) -> None:
        self.forward_backward()
