"""The convolution behind its PyTorch face: forward, training and depthwise, over kernels and channels."""

from __future__ import annotations

from bench.case import quick
from bench.convolution_case import ConvolutionCase, make_convolution_inputs

from .geometries import THREADS

# name: input channels, output channels, groups, height and width
DENSE: dict[str, tuple[int, int, int, int]] = (
    {"C4 12²": (4, 4, 1, 12), "C3>5 11²": (3, 5, 1, 11)}
    if quick()
    else {"C4 128²": (4, 4, 1, 128), "C16 128²": (16, 16, 1, 128), "C64 64²": (64, 64, 1, 64)}
)
DEPTHWISE: dict[str, tuple[int, int, int, int]] = (
    {"C8 12²": (8, 8, 8, 12)}
    if quick()
    else {"C64 64²": (64, 64, 64, 64), "C32 56²": (32, 32, 32, 56), "C20 100²": (20, 20, 20, 100)}
)
KERNELS = [3, 5] if quick() else [3, 7, 11, 31]
ALGORITHMS = ["auto", "tiled"]


class _Convolution:
    """Builds ``fourier_conv2d`` on a batch of two images."""

    layers: dict[str, tuple[int, int, int, int]]

    def setup(self, layer: str, kernel: int, algorithm: str, threads: int) -> None:
        import torch

        import pyfdsr
        from pyfdsr.functional import fourier_conv2d

        torch.set_num_threads(threads)
        pyfdsr.set_num_threads(threads)
        case = ConvolutionCase(*self.layers[layer], kernel=kernel, threads=threads)
        inputs = make_convolution_inputs(case)
        self.cotangent = inputs.v
        self.tensors = [tensor.requires_grad_() for tensor in (inputs.x, inputs.w)]
        options = {"padding": case.padding, "groups": case.groups, "algorithm": algorithm}
        self.convolve = lambda: fourier_conv2d(*self.tensors, **options)
        self.grad, self.inference_mode = torch.autograd.grad, torch.inference_mode
        self.forward()

    def forward(self) -> None:
        with self.inference_mode():
            self.convolve()

    def forward_backward(self) -> None:
        self.grad(self.convolve(), self.tensors, self.cotangent)


class DenseConvolution(_Convolution):
    """Every input channel with every output channel."""

    layers = DENSE
    params = (list(DENSE), KERNELS, ALGORITHMS, THREADS)
    param_names = ("layer", "kernel", "algorithm", "threads")

    def time_forward(self, *_: object) -> None:
        self.forward()

    def time_forward_backward(self, *_: object) -> None:
        self.forward_backward()

    def peakmem_forward(self, *_: object) -> None:
        self.forward()

    def peakmem_forward_backward(self, *_: object) -> None:
        self.forward_backward()


class DepthwiseConvolution(_Convolution):
    """A kernel of its own for each channel."""

    layers = DEPTHWISE
    params = (list(DEPTHWISE), KERNELS, ALGORITHMS, THREADS)
    param_names = ("layer", "kernel", "algorithm", "threads")

    def time_forward(self, *_: object) -> None:
        self.forward()

    def time_forward_backward(self, *_: object) -> None:
        self.forward_backward()

    def peakmem_forward(self, *_: object) -> None:
        self.forward()

    def peakmem_forward_backward(self, *_: object) -> None:
        self.forward_backward()


class Plan:
    """What a first call costs beyond the next: the plan and the spectra of the weight."""

    params = (list(DENSE), KERNELS)
    param_names = ("layer", "kernel")

    def setup(self, layer: str, kernel: int) -> None:
        from pyfdsr import _core

        case = ConvolutionCase(*DENSE[layer], kernel=kernel, threads=1)
        inputs = make_convolution_inputs(case)
        x, w = inputs.x.numpy(), inputs.w.numpy()
        sizes = (case.kernel,) * 2, (case.size,) * 2, (1, 1), (case.padding,) * 4, (1, 1), case.groups
        self.create = lambda: _core.FourierConv2d(case.in_channels, case.out_channels, *sizes)
        self.plan = self.create()
        self.cold = lambda: self.plan.forward(x, w, None, 1)
        self.cold()

    def time_plan(self, *_: object) -> None:
        self.create()

    def time_forward_cold(self, *_: object) -> None:
        self.cold()

    def track_tile(self, *_: object) -> int:
        return self.plan.tile[1]

    track_tile.unit = "samples"
