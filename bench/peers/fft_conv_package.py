"""The PyPI package fft-conv-pytorch: whole-map ``torch.fft`` and a matrix product per frequency."""

from __future__ import annotations

import warnings

from torch import Tensor

from bench.convolution_implementations import TorchConvolution


class PackageConvolution(TorchConvolution):
    """``fft_conv_pytorch.fft_conv`` as its users call it; it keeps nothing between calls."""

    def convolve(self, x: Tensor, w: Tensor) -> Tensor:
        """Output [B, Co, Oy, Ox]."""
        from fft_conv_pytorch import fft_conv

        with warnings.catch_warnings():
            # the package indexes by a list, which newer releases of torch warn of
            warnings.filterwarnings("ignore", message="Using a non-tuple sequence", category=UserWarning)
            return fft_conv(x, w, padding=self.case.padding, groups=self.case.groups)
