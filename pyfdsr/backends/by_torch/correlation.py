"""Correlations of every channel with every kernel in the Fourier domain, of whole maps or of tiles.

Along an axis a map of P samples and a kernel of E give D = P - E + 1 results. A circular transform of T >= P
samples gives them all; tiles of T samples give T - E + 1 each (overlap-save). Products per frequency are
torch's; how maps are cut and transformed is what backends differ in (`TileTransforms`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from . import tile_transforms
from .tile_transforms import Axes, axis_of
from .wide_map import WideMap

__all__ = ["Choice", "Correlation", "TileTransforms", "choose", "correlate", "correlate_for_kernels"]


class TileTransforms(Protocol):
    """Spectra of tiles and kernels, and back; :mod:`.tile_transforms` describes each function."""

    def spectra(self, x: WideMap, axes: Axes, used: tuple[int, int], groups: int) -> Tensor:
        """Transform tiles of maps."""
        ...

    def kernel_spectra(self, weight: Tensor, lengths: tuple[int, int], groups: int) -> Tensor:
        """Transform kernels."""
        ...

    def results(
        self,
        products: Tensor,
        axes: Axes,
        batch: int,
        size: tuple[int, int],
        stride: tuple[int, int],
        bias: Tensor | None,
        channels_last: bool,
    ) -> Tensor:
        """Transform products back to maps."""
        ...

    def depthwise(
        self,
        x: WideMap,
        kernels: Tensor,
        axes: Axes,
        size: tuple[int, int],
        stride: tuple[int, int],
        bias: Tensor | None,
        channels_last: bool,
    ) -> Tensor:
        """Multiply every channel with its own kernel, between both transforms of the map."""
        ...

    def kernels(
        self, products: Tensor, lengths: tuple[int, int], extent: tuple[int, int], dilation: tuple[int, int]
    ) -> Tensor:
        """Transform products back to kernels."""
        ...


class Correlation(NamedTuple):
    """What the choice of tiles depends on: `size` is that of the wide map, `extent` that of the kernels.

    Not the batch: how an image is cut, and so how it is rounded, depends on itself alone.
    """

    size: tuple[int, int]
    extent: tuple[int, int]
    inputs: int
    outputs: int
    groups: int

    @property
    def results(self) -> tuple[int, int]:
        """Places that a kernel has in the map."""
        return self.size[0] - self.extent[0] + 1, self.size[1] - self.extent[1] + 1

    @property
    def is_depthwise(self) -> bool:
        """Whether every channel has one kernel; channels then stand in the place of a group's."""
        return self.inputs == self.outputs == self.groups


Choice = Callable[[Correlation, str, Tensor], tuple[TileTransforms, Axes]]
"""A backend's choice for a correlation, an algorithm and a tensor on the device."""


def choose(case: Correlation, algorithm: str, like: Tensor) -> tuple[TileTransforms, Axes]:
    """Let torch.fft transform; the size of tiles goes by the kernel's alone."""
    return tile_transforms, Axes(
        *(axis_of(n, e, algorithm) for n, e in zip(case.size, case.extent, strict=True))
    )


def correlate(
    x: WideMap,
    weight: Tensor,
    groups: int,
    algorithm: str,
    choice: Choice,
    *,
    stride: tuple[int, int] = (1, 1),
    bias: Tensor | None = None,
    channels_last: bool = False,
) -> Tensor:
    """Correlate with kernels [Co, Ci / groups, Ey, Ex]: every `stride`-th of the results, [B, Co, Oy, Ox]."""
    (batch, inputs), (outputs, _, *extent) = x.samples.shape[:2], weight.shape
    case = Correlation(x.size, (extent[0], extent[1]), inputs, outputs, groups)
    if not batch:
        size = [-(-n // s) for n, s in zip(case.results, stride, strict=True)]
        return tile_transforms.laid_out(x.samples.new_empty(batch, outputs, *size), channels_last)
    transforms, axes = choice(case, algorithm, x.samples)
    kernels = transforms.kernel_spectra(weight, axes.lengths, 1 if case.is_depthwise else groups)
    if case.is_depthwise:
        return transforms.depthwise(x, kernels, axes, case.results, stride, bias, channels_last)
    spectra = transforms.spectra(x, axes, axes.lengths, groups)
    products = torch.matmul(spectra, kernels)  # [F, G, tiles of all images, outputs of a group]
    return transforms.results(products, axes, batch, case.results, stride, bias, channels_last)


def correlate_for_kernels(
    v: WideMap,
    x: WideMap,
    groups: int,
    dilation: tuple[int, int],
    algorithm: str,
    choice: Choice,
) -> Tensor:
    """Correlate x [B, Ci, H, W] with v [B, Co, H - Ey + 1, W - Ex + 1]: [Co, Ci / groups, ky, kx].

    The tiles of `v` do not overlap, those of `x` reach a kernel farther; their products are summed over tiles
    and batch before they are transformed back. Of the kernels' samples every `dilation`-th is returned.
    """
    (batch, inputs), outputs = x.samples.shape[:2], v.samples.shape[1]
    extent = (x.size[0] - v.size[0] + 1, x.size[1] - v.size[1] + 1)
    case = Correlation(x.size, extent, inputs, outputs, groups)
    if not batch:
        kernel = [-(-e // d) for e, d in zip(extent, dilation, strict=True)]
        return x.samples.new_zeros(outputs, inputs // groups, *kernel)
    transforms, axes = choice(case, algorithm, x.samples)
    groups = 1 if case.is_depthwise else groups
    parts = transforms.spectra(v, axes, axes.steps, groups)
    spectra = transforms.spectra(x, axes, axes.lengths, groups)
    if case.is_depthwise:
        products = (parts.conj() * spectra).sum(2).unsqueeze(3)
    else:
        products = torch.matmul(parts.mH, spectra)  # [F, G, outputs of a group, inputs of a group]
    return transforms.kernels(products, axes.lengths, extent, dilation)
