"""Multiply-accumulates of convolutional networks, direct and in the Fourier domain, and their chart.

All counts are real multiply-accumulates (MAC) per image. For a layer of Ci to Co channels in g groups, kernel
ky×kx, input map Hy×Hx and output map Oy×Ox:

``direct``
    Co Ci/g ky kx Oy Ox: matrix multiplication (GEMM); products with padding zeros count, as usual.
product of spectra
    m Co Ci/g Ny (⌊Nx/2⌋ + 1): one complex product for every coefficient of a real map's half spectrum, of
    m = 4 real products, or m = 3 by Gauss's trick, whose further additions are not counted. N = H + max(a, b)
    is the shortest circular convolution whose wrap-around meets zeros alone; the kernel reaches a pixels
    beyond the map above (left) and b below (right). Strides save nothing: the whole map is transformed once.
transforms
    1.25 Ny Nx log2(Ny Nx) for each map: 5 N log2 N floating-point operations of a complex transform (FFTW's
    convention), half of it for real maps, two to a MAC. Ci + Co maps per image, Co Ci/g kernels per batch.

The transforms that count make three cases: ``free`` none (optics), ``electronic`` those of the maps (weight
spectra are kept, as in inference), ``electronic-weights`` also those of the kernels, shared by the batch (as
in training). A layer of 1×1 kernels mixes channels and needs no convolution theorem: it counts as direct in
all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .style import COLOURS, house_style, new_figure

if TYPE_CHECKING:
    from pyfdsr.models.descriptions import ConvLayer

__all__ = ["PRODUCTS", "TRANSFORMS", "LayerCount", "NetworkCount", "count_layer", "operation_chart"]

TRANSFORMS = ("free", "electronic", "electronic-weights")

# Real products of a complex one.
PRODUCTS = (4, 3)


def _maps(layer: ConvLayer) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the input and output map of the convolution of which a transposed layer is the adjoint."""
    maps = (layer.input_size, layer.output_size)
    return maps[::-1] if layer.transposed else maps


def _weights(layer: ConvLayer) -> int:
    return layer.in_channels * layer.out_channels // layer.groups


def is_pointwise(layer: ConvLayer) -> bool:
    """Whether the kernels are 1×1, as in fully connected layers."""
    return tuple(layer.kernel) == (1, 1)


def direct_count(layer: ConvLayer) -> int:
    """Return the MACs of the layer by matrix multiplication: Co Ci/g ky kx Oy Ox."""
    return _weights(layer) * math.prod(layer.kernel) * math.prod(_maps(layer)[1])


def transform_size(layer: ConvLayer) -> tuple[int, int]:
    """Return the shortest transform (rows, columns) whose wrap-around does not reach the layer's result.

    Examples
    --------
    >>> from pyfdsr.models.descriptions import describe
    >>> [transform_size(layer) for layer in describe("resnet34")[:2]]
    [(227, 227), (57, 57)]
    """
    given, made = _maps(layer)
    sizes = []
    for axis in (0, 1):
        before = layer.padding[axis]
        last = (
            (made[axis] - 1) * layer.stride[axis] + layer.dilation[axis] * (layer.kernel[axis] - 1) - before
        )
        sizes.append(given[axis] + max(before, last - (given[axis] - 1), 0))
    return sizes[0], sizes[1]


def product_count(layer: ConvLayer, products: int = 4) -> int:
    """Return the MACs of the layer's product of spectra: m Co Ci/g Ny (⌊Nx/2⌋ + 1)."""
    rows, columns = transform_size(layer)
    return products * _weights(layer) * rows * (columns // 2 + 1)


def transform_count(layer: ConvLayer) -> float:
    """Return the MACs of one electronic transform of a real map of the layer: 1.25 Ny Nx log2(Ny Nx)."""
    pixels = math.prod(transform_size(layer))
    return 1.25 * pixels * math.log2(pixels)


@dataclass(frozen=True)
class LayerCount:
    """Counts of one layer, MAC per image.

    Parameters
    ----------
    layer : pyfdsr.models.descriptions.ConvLayer
    direct : int
    fourier : dict
        By (case of `TRANSFORMS`, number of `PRODUCTS`).
    """

    layer: ConvLayer
    direct: int
    fourier: dict[tuple[str, int], float]


def count_layer(layer: ConvLayer, batch: int = 128) -> LayerCount:
    """Count the operations of one layer.

    Parameters
    ----------
    layer : pyfdsr.models.descriptions.ConvLayer
    batch : int
        Images that share the transforms of the weights.

    Returns
    -------
    LayerCount

    Examples
    --------
    >>> from pyfdsr.models.descriptions import describe
    >>> count = count_layer(describe("resnet34")[1])
    >>> count.direct, count.fourier["free", 4], count.fourier["free", 3]
    (115605504, 27082752, 20312064)
    """
    if not isinstance(batch, int) or batch < 1:
        raise ValueError(f"batch={batch!r}: must be an integer of 1 or more")
    direct = direct_count(layer)
    if is_pointwise(layer):
        return LayerCount(layer, direct, {(case, m): direct for case in TRANSFORMS for m in PRODUCTS})
    maps = (layer.in_channels + layer.out_channels) * transform_count(layer)
    extra = dict(
        zip(TRANSFORMS, (0, maps, maps + _weights(layer) * transform_count(layer) / batch), strict=True)
    )
    fourier = {(case, m): product_count(layer, m) + extra[case] for case in TRANSFORMS for m in PRODUCTS}
    return LayerCount(layer, direct, fourier)


@dataclass(frozen=True)
class NetworkCount:
    """Counts of a network.

    Parameters
    ----------
    name : str
    layers : sequence of LayerCount

    Examples
    --------
    >>> from pyfdsr.models.descriptions import describe
    >>> count = NetworkCount.of("ResNet-34", describe("resnet34"))
    >>> count.total().direct, round(count.total().reduction("free", 4), 2)
    (3663761408, 3.24)
    """

    name: str
    layers: tuple[LayerCount, ...]

    @classmethod
    def of(cls, name: str, layers: Sequence[ConvLayer], batch: int = 128) -> NetworkCount:
        """Count the layers of a network."""
        return cls(name, tuple(count_layer(layer, batch) for layer in layers))

    def total(self) -> Total:
        """Sum over all layers."""
        return Total.of(self.layers)

    def convolutions(self) -> Total:
        """Sum over the layers with kernels larger than 1×1."""
        return Total.of([count for count in self.layers if not is_pointwise(count.layer)])

    def cheaper(self) -> Total:
        """Sum over all layers, each direct or in the Fourier domain, whichever takes fewer operations."""
        return Total.of(self.layers, min)

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers as they go into JSON."""
        return {
            "name": self.name,
            "totals": {
                "all": self.total().as_dict(),
                "larger_than_1x1": self.convolutions().as_dict(),
                "cheaper_of_both": self.cheaper().as_dict(),
            },
            "layers": [
                {
                    **vars(count.layer),
                    "transform_size": transform_size(count.layer),
                    **Total.of([count]).as_dict(),
                }
                for count in self.layers
            ],
        }


@dataclass(frozen=True)
class Total:
    """Sums over layers, MAC per image; the fields are those of `LayerCount`."""

    direct: int
    fourier: dict[tuple[str, int], float]

    @classmethod
    def of(
        cls,
        counts: Sequence[LayerCount],
        choose: Callable[[float, float], float] = lambda direct, fourier: fourier,
    ) -> Total:
        """Sum what `choose` takes of every layer's two numbers."""
        fourier = {
            (case, m): sum(choose(count.direct, count.fourier[case, m]) for count in counts)
            for case in TRANSFORMS
            for m in PRODUCTS
        }
        return cls(sum(count.direct for count in counts), fourier)

    def reduction(self, case: str, products: int) -> float:
        """Return how many times fewer the operations are than direct ones; nan where there are none."""
        return self.direct / self.fourier[case, products] if self.direct else math.nan

    def as_dict(self) -> dict[str, Any]:
        """Return the counts rounded to whole operations, by case and number of products."""
        fourier = {case: {str(m): round(self.fourier[case, m]) for m in PRODUCTS} for case in TRANSFORMS}
        return {"direct": self.direct, "fourier": fourier}


_BARS = (
    ("free", "Fourier domain, optical transforms (free)", "blue"),
    ("electronic", "Fourier domain, electronic transforms of the maps", "orange"),
    ("electronic-weights", "the same, and of the weights once per batch", "green"),
)


def operation_chart(networks: Sequence[NetworkCount], batch: int, size: str) -> Any:
    """Draw the totals of networks side by side, direct and in the Fourier domain.

    A bar is as high as the count with four real products per complex one, its solid part as with three. The
    labels say how many times fewer operations than direct ones these are.

    Parameters
    ----------
    networks : sequence of NetworkCount
        Of one or more; a single one is shown layer by layer in addition.
    batch : int
        Images that share the transforms of the weights, for the title.
    size : str
        Size of the images, for the title.

    Returns
    -------
    matplotlib.figure.Figure
    """
    single = len(networks) == 1
    with house_style():
        figure = new_figure(max(7.5, 1.8 * len(networks)), 6.2 if single else 4.0)
        panels = figure.subplots(2 if single else 1, 1, squeeze=False)[:, 0]
        _draw_totals(panels[0], networks)
        panels[0].set_title(f"Multiply-accumulates per image of {size}, batch of {batch}", loc="left")
        if single:
            _draw_layers(panels[1], networks[0])
    return figure


def _light(colour: str) -> tuple[float, ...]:
    """Return the colour mixed with white: opaque, so that no grid shows through."""
    return tuple(1 - 0.4 * (1 - int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))


def _times(ratio: float) -> str:
    return f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:.0f}×"


def _draw_totals(axes: Any, networks: Sequence[NetworkCount]) -> None:
    width = 0.2
    totals = [network.total() for network in networks]
    axes.bar(
        [index - 1.5 * width for index in range(len(totals))],
        [total.direct / 1e9 for total in totals],
        0.9 * width,
        color=COLOURS["black"],
        label="direct (GEMM)",
    )
    for place, (case, label, colour) in enumerate(_BARS):
        where = [index + (place - 0.5) * width for index in range(len(totals))]
        heights = {m: [total.fourier[case, m] / 1e9 for total in totals] for m in PRODUCTS}
        axes.bar(where, heights[4], 0.9 * width, color=_light(COLOURS[colour]))
        axes.bar(where, heights[3], 0.9 * width, color=COLOURS[colour], label=label)
        for x, height, total in zip(where, heights[4], totals, strict=True):
            axes.annotate(
                "\n".join(_times(total.reduction(case, m)) for m in PRODUCTS),
                (x, height),
                (0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=7,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            )
    axes.set_xticks(range(len(networks)), [network.name.rpartition(":")[2] for network in networks])
    axes.set_ylabel("GMAC")
    axes.grid(False, axis="x")
    axes.margins(y=0.12)
    if len(networks) == 1:
        axes.set_xlim(-0.6, 0.6)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.1),
        ncols=2,
        title="light: 4 real products per complex one (upper label), solid: 3 (lower)",
        title_fontsize=8,
    )


def _draw_layers(axes: Any, network: NetworkCount) -> None:
    places = range(len(network.layers))
    width = 0.42
    axes.bar(
        [place - width / 2 for place in places],
        [count.direct / 1e6 for count in network.layers],
        width,
        color=COLOURS["black"],
    )
    heights = {m: [count.fourier["free", m] / 1e6 for count in network.layers] for m in PRODUCTS}
    where = [place + width / 2 for place in places]
    axes.bar(where, heights[4], width, color=_light(COLOURS["blue"]))
    axes.bar(where, heights[3], width, color=COLOURS["blue"])
    step = -(-len(places) // 40)
    names = [count.layer.name for count in network.layers]
    axes.set_xticks(places[::step], names[::step], rotation=90, fontsize=7)
    axes.set_xlim(-0.8, len(places) - 0.2)
    axes.set_ylabel("MMAC")
    axes.grid(False, axis="x")
    axes.set_title("Layer by layer: direct and with optical transforms", loc="left")
