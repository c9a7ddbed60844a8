"""Whole-map convolution with ``torch.fft``, written as well as its operators allow."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from bench.convolution_case import ConvolutionCase, ConvolutionInputs
from bench.convolution_implementations import TorchConvolution


def fast_size(least: int) -> int:
    """Smallest multiple of 4 from ``least`` on without a prime factor above 5: what MKL transforms well.

    Examples
    --------
    >>> [fast_size(n) for n in (1, 67, 79, 131)]
    [4, 72, 80, 144]
    """
    size = -(-least // 4) * 4
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 4


def transform_size(case: ConvolutionCase) -> int:
    """Length of the transforms.

    With the map behind its leading zeros, sums that wrap around meet zeros only if the length covers map and
    padding on one side; covering both sides would be longer than need be.
    """
    return fast_size(max(case.size + case.padding, case.kernel, case.output_size))


class _Spectra:
    """Transforms and products at one geometry.

    Spectra are matrices per frequency and group, f = N·(N/2 + 1)·G: of maps [f, B, C/G], of the weight
    [f, Ci/G, Co/G]. They are contiguous, and conjugates are taken of maps and not of the larger weight:
    ``bmm`` of a lazy transpose or conjugate takes several times as long. Depthwise spectra stay as
    transformed, [B, C, N, N/2 + 1] and [C, N, N/2 + 1], and are multiplied element by element.
    """

    def __init__(self, case: ConvolutionCase) -> None:
        self.case = case
        self.size = transform_size(case)
        self.depthwise = case.groups == case.in_channels == case.out_channels

    def of_map(self, x: Tensor, before: int, conjugate: bool = False) -> Tensor:
        """Spectrum of a map [B, C, y, x] behind ``before`` zeros."""
        after = self.size - x.shape[-1] - before
        spectrum = torch.fft.rfft2(F.pad(x, (before, after, before, after)))
        spectrum = spectrum.conj() if conjugate else spectrum
        if self.depthwise:
            return spectrum.resolve_conj()
        grouped = spectrum.unflatten(1, (self.case.groups, -1)).permute(3, 4, 1, 0, 2)
        return grouped.resolve_conj().contiguous().flatten(0, 2)

    def of_weight(self, w: Tensor, conjugate: bool = False) -> Tensor:
        """Spectrum of a weight [Co, Ci / G, k, k]."""
        spectrum = torch.fft.rfft2(w, s=(self.size, self.size))
        spectrum = spectrum.conj() if conjugate else spectrum
        if self.depthwise:
            return spectrum[:, 0].resolve_conj()
        grouped = spectrum.unflatten(0, (self.case.groups, -1)).permute(3, 4, 0, 2, 1)
        return grouped.resolve_conj().contiguous().flatten(0, 2)

    def to_map(self, spectrum: Tensor, before: int, kept: int, conjugate: bool = False) -> Tensor:
        """Map [B, C, kept, kept] behind ``before`` samples."""
        if not self.depthwise:
            grouped = spectrum.unflatten(0, (self.size, self.size // 2 + 1, self.case.groups))
            spectrum = grouped.permute(3, 2, 4, 0, 1).flatten(1, 2)
        spectrum = spectrum.conj() if conjugate else spectrum
        values = torch.fft.irfft2(spectrum, s=(self.size, self.size))
        return values[..., before : before + kept, before : before + kept].contiguous()

    def to_weight(self, spectrum: Tensor) -> Tensor:
        """Weight [Co, Ci / G, k, k]."""
        if self.depthwise:
            spectrum = spectrum[:, None]
        else:
            grouped = spectrum.unflatten(0, (self.size, self.size // 2 + 1, self.case.groups))
            spectrum = grouped.permute(2, 4, 3, 0, 1).flatten(0, 1)
        values = torch.fft.irfft2(spectrum, s=(self.size, self.size))
        return values[..., : self.case.kernel, : self.case.kernel].contiguous()

    def apply(self, maps: Tensor, weight: Tensor) -> Tensor:
        """Sum over input channels."""
        return maps * weight if self.depthwise else torch.bmm(maps, weight)

    def apply_transposed(self, maps: Tensor, weight: Tensor) -> Tensor:
        """Sum over output channels."""
        return maps * weight if self.depthwise else torch.bmm(maps, weight.transpose(1, 2))

    def correlate(self, x: Tensor, v: Tensor) -> Tensor:
        """Sum over the batch."""
        return (x * v).sum(0) if self.depthwise else torch.bmm(x.transpose(1, 2), v)


class _Convolve(Function):
    """Forward and backward share the spectra: six transforms in all, where autograd's own take more."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, spectra: _Spectra) -> Tensor:
        conjugate_x = spectra.of_map(x, spectra.case.padding, conjugate=True)
        weight = spectra.of_weight(w)
        ctx.save_for_backward(conjugate_x, weight)
        ctx.spectra = spectra
        return spectra.to_map(spectra.apply(conjugate_x, weight), 0, spectra.case.output_size, conjugate=True)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, Tensor, None]:
        (conjugate_x, weight), spectra = ctx.saved_tensors, ctx.spectra
        spectrum = spectra.of_map(v, 0)
        v_x = spectra.apply_transposed(spectrum, weight)
        v_w = spectra.correlate(conjugate_x, spectrum).conj()
        return spectra.to_map(v_x, spectra.case.padding, spectra.case.size), spectra.to_weight(v_w), None


class SpectralConvolution(TorchConvolution):
    """One transform of the whole map, complex matrix products, the weight's spectrum kept for inference.

    Parameters
    ----------
    case
        The problem.
    inputs
        Its tensors.
    """

    def __init__(self, case: ConvolutionCase, inputs: ConvolutionInputs) -> None:
        super().__init__(case, inputs)
        self.spectra = _Spectra(case)
        self.kept = self.spectra.of_weight(self.w, conjugate=True)

    def convolve(self, x: Tensor, w: Tensor) -> Tensor:
        """Output [B, Co, Oy, Ox], differentiable."""
        return _Convolve.apply(x, w, self.spectra)

    def infer(self) -> Tensor:
        """Output from the kept spectrum."""
        with torch.inference_mode():
            spectrum = self.spectra.of_map(self.x, self.case.padding)
            return self.spectra.to_map(self.spectra.apply(spectrum, self.kept), 0, self.case.output_size)

    def infer_cold(self) -> Tensor:
        """Output with the weight transformed anew."""
        with torch.inference_mode():
            conjugate_x = self.spectra.of_map(self.x, self.case.padding, conjugate=True)
            product = self.spectra.apply(conjugate_x, self.spectra.of_weight(self.w))
            return self.spectra.to_map(product, 0, self.case.output_size, conjugate=True)
