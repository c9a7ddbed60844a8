"""Ways to compute one convolution, as the benchmarks see them: torch's, pyfdsr's and the peers'."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.convolution_case import ConvolutionCase, ConvolutionInputs


class Convolution(Protocol):
    """One convolution, prepared for a case and its inputs."""

    def infer(self) -> Tensor:
        """Output [B, Co, Oy, Ox]; what can be kept of the weight is kept from call to call."""

    def infer_cold(self) -> Tensor:
        """The same with nothing kept."""

    def gradient(self) -> tuple[Tensor, Tensor]:
        """Cotangents of input and weight, nothing kept from call to call."""


class TorchConvolution:
    """``torch.nn.functional.conv2d`` and, for subclasses, other functions of input and weight.

    Parameters
    ----------
    case
        The problem.
    inputs
        Its tensors.
    """

    memory_format: ClassVar[torch.memory_format] = torch.contiguous_format

    def __init__(self, case: ConvolutionCase, inputs: ConvolutionInputs) -> None:
        import pyfdsr

        torch.set_num_threads(case.threads)
        pyfdsr.set_num_threads(case.threads)
        self.case = case
        self.x, self.w, self.v = (
            tensor.clone(memory_format=self.memory_format) for tensor in (inputs.x, inputs.w, inputs.v)
        )
        self.learnable = [tensor.clone().requires_grad_() for tensor in (self.x, self.w)]

    def convolve(self, x: Tensor, w: Tensor) -> Tensor:
        """Output [B, Co, Oy, Ox]."""
        return F.conv2d(x, w, padding=self.case.padding, groups=self.case.groups)

    def infer(self) -> Tensor:
        """Output, without autograd."""
        with torch.inference_mode():
            return self.convolve(self.x, self.w)

    def infer_cold(self) -> Tensor:
        """The same: nothing is kept anyway."""
        return self.infer()

    def gradient(self) -> tuple[Tensor, Tensor]:
        """Cotangents of input and weight."""
        return torch.autograd.grad(self.convolve(*self.learnable), self.learnable, self.v)


class ChannelsLastConvolution(TorchConvolution):
    """torch's convolution in its other memory format."""

    memory_format = torch.channels_last


class TiledConvolution(TorchConvolution):
    """pyfdsr's tiles behind the torch face."""

    algorithm: ClassVar[str] = "tiled"

    def convolve(self, x: Tensor, w: Tensor) -> Tensor:
        """Output [B, Co, Oy, Ox]."""
        from pyfdsr.functional import fourier_conv2d

        case = self.case
        return fourier_conv2d(x, w, padding=case.padding, groups=case.groups, algorithm=self.algorithm)

    def infer_cold(self) -> Tensor:
        """Forward of a training step: while a gradient is recorded, no spectrum is kept or used."""
        return self.convolve(self.x, self.learnable[1])


class AutoConvolution(TiledConvolution):
    """pyfdsr's own choice of algorithm, which may be torch's convolution."""

    algorithm = "auto"


@dataclass(frozen=True)
class ConvolutionImplementation:
    """A named way to compute a convolution.

    Attributes
    ----------
    label
        What a table calls it.
    build
        ``build(case, inputs)`` prepares a `Convolution`; the time it takes is not measured.
    needs
        Module and distribution it takes beyond torch and pyfdsr, if any.
    """

    label: str
    build: Callable[[ConvolutionCase, ConvolutionInputs], Convolution]
    needs: tuple[str, str] | None = None

    @property
    def missing(self) -> str | None:
        """How to install what is missing, ``None`` if nothing is."""
        if self.needs is None or importlib.util.find_spec(self.needs[0]) is not None:
            return None
        return f"not installed: pip install --no-deps {self.needs[1]}"


TORCH_FORMATS = ("torch", "torch-last")
TILED, AUTO = "tiled", "auto"


def convolution_implementations() -> dict[str, ConvolutionImplementation]:
    """torch in both memory formats, the peers and pyfdsr, by name."""
    from bench.peers.fft_conv_package import PackageConvolution
    from bench.peers.torch_fft import SpectralConvolution

    return {
        "torch": ConvolutionImplementation("torch NCHW", TorchConvolution),
        "torch-last": ConvolutionImplementation("torch channels_last", ChannelsLastConvolution),
        "torch.fft": ConvolutionImplementation("torch.fft", SpectralConvolution),
        "fft-conv": ConvolutionImplementation(
            "fft-conv-pytorch", PackageConvolution, ("fft_conv_pytorch", "fft-conv-pytorch")
        ),
        TILED: ConvolutionImplementation("pyfdsr tiled", TiledConvolution),
        AUTO: ConvolutionImplementation("pyfdsr auto", AutoConvolution),
    }


def build_convolutions(
    case: ConvolutionCase, inputs: ConvolutionInputs, names: list[str], calls: list[str]
) -> dict[str, Convolution]:
    """Prepare the named implementations and check that they compute what ``F.conv2d`` computes.

    Raises
    ------
    RuntimeError
        An implementation differs by more than float32 rounding: its times would not compare.
    """
    known = convolution_implementations()
    reference = TorchConvolution(case, inputs)
    built = {name: known[name].build(case, inputs) for name in names}
    for call in calls:
        expected = _tensors(getattr(reference, call)())
        for name, convolution in built.items():
            if name in TORCH_FORMATS:
                continue
            found = _tensors(getattr(convolution, call)())
            error = max(float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True))
            # rounding of float32 sums stays below 1e-5; a wrong implementation is of order 1
            if not error < 1e-4:
                raise RuntimeError(f"{name} and F.conv2d differ in {call} by {error:.1e} relative L2: {case}")
    return built


def _tensors(result: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return [part.detach().double() for part in ((result,) if isinstance(result, Tensor) else result)]
