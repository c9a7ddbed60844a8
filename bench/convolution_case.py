"""The convolutions that are measured: layers, kernels, and what the design asks of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# name: input channels, output channels, groups, height and width
ROWS = {
    "dense C4, 128²": (4, 4, 1, 128),
    "dense C16, 128²": (16, 16, 1, 128),
    "dense C64, 64²": (64, 64, 1, 64),
    "depthwise C64, 64²": (64, 64, 64, 64),
}
QUICK_ROWS = {"dense C4, 16²": (4, 4, 1, 16), "depthwise C8, 12²": (8, 8, 8, 12)}
KERNELS = (3, 5, 7, 11, 15, 31)
QUICK_KERNELS = (3, 5)

CALLS = {
    "infer": "forward, spectra of the weight kept",
    "infer_cold": "forward, spectra of the weight made anew",
    "gradient": "forward + backward, the weight changing",
}

# Least ratio to the better of torch's two memory formats, over KERNELS.
TARGETS = {
    ("infer", "dense C4, 128²"): (2, 5, 9, 14, 30, 55),
    ("infer", "dense C16, 128²"): (1.3, 2.3, 4.5, 7, 18, 55),
    ("infer", "dense C64, 64²"): (1.8, 4, 5.5, 12, 17, 50),
    ("infer", "depthwise C64, 64²"): (1, 1, 1.2, 2.3, 4.5, 12),
    ("gradient", "dense C16, 128²"): (1.5, 3, 5.5, 8, 20, 50),
    ("gradient", "dense C64, 64²"): (1.8, 3.5, 5, 7.5, 10, 40),
}
PEER_TARGET = 10  # least ratio to fft-conv-pytorch, everywhere


def target(call: str, row: str, kernel: int) -> float | None:
    """Ratio to torch that the design asks for, ``None`` where it names none.

    Examples
    --------
    >>> target("infer", "dense C16, 128²", 7), target("infer", "dense C16, 128²", 9)
    (4.5, None)
    """
    values = TARGETS.get((call, row))
    return float(values[KERNELS.index(kernel)]) if values and kernel in KERNELS else None


@dataclass(frozen=True)
class ConvolutionCase:
    """One convolution with stride 1 whose output is as large as its input (odd kernels).

    Parameters
    ----------
    in_channels, out_channels, groups
        As in ``torch.nn.Conv2d``.
    size
        Height and width of the map in samples.
    kernel
        Height and width of the kernel in samples.
    batch
        Images.
    threads
        Threads every implementation may use.

    Examples
    --------
    >>> ConvolutionCase(4, 8, 2, size=16, kernel=5).products
    204800
    """

    in_channels: int
    out_channels: int
    groups: int
    size: int
    kernel: int
    batch: int = 2
    threads: int = 2

    def __post_init__(self) -> None:
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ValueError(f"{name}={getattr(self, name)} must be a multiple of groups={self.groups}")
        if self.output_size < 1:
            raise ValueError(f"kernel={self.kernel} does not fit into size={self.size} and its padding")

    @property
    def padding(self) -> int:
        """Zeros on every side."""
        return self.kernel // 2

    @property
    def output_size(self) -> int:
        """Height and width of the result in samples."""
        return self.size + 2 * self.padding - self.kernel + 1

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Shape of the weight, [Co, Ci / groups, k, k]."""
        return (self.out_channels, self.in_channels // self.groups, self.kernel, self.kernel)

    @property
    def products(self) -> int:
        """Multiply-accumulates of the direct sum, those with padding included."""
        terms = self.in_channels // self.groups * self.kernel**2
        return self.batch * self.out_channels * self.output_size**2 * terms


@dataclass(frozen=True)
class ConvolutionInputs:
    """Tensors of one case, equal for every implementation.

    Attributes
    ----------
    x
        float32 [B, Ci, H, W].
    w
        float32 [Co, Ci / groups, k, k].
    v
        float32 [B, Co, Oy, Ox], the cotangent of the output.
    """

    x: Tensor
    w: Tensor
    v: Tensor


def make_convolution_inputs(case: ConvolutionCase, seed: int = 0) -> ConvolutionInputs:
    """Draw the tensors of ``case`` reproducibly: normal entries, the weight scaled to keep the variance."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(case.batch, case.in_channels, case.size, case.size, generator=generator)
    w = torch.randn(case.weight_shape, generator=generator) / (case.weight_shape[1] * case.kernel**2) ** 0.5
    v = torch.randn(case.batch, case.out_channels, case.output_size, case.output_size, generator=generator)
    return ConvolutionInputs(x, w, v)
