"""Plans by geometry, precision and algorithm: bounded caches over the compiled classes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from . import _core

__all__ = [
    "clear",
    "cleared_with_plans",
    "float32_products",
    "four_f_stack_plan",
    "fourier_conv2d_plan",
    "planner",
    "set_float32_products",
    "set_planner",
    "windowed_dft_plan",
]

# Plans hold matrices of tens of kB at the usual sizes and a few MB at the largest: sweeps over geometries
# should not keep all of them. Those of convolutions are small, and one network has many.
_MOST_PLANS = 32
_MOST_CONVOLUTIONS = 256

cleared_with_plans: list[Callable[[], None]] = []
"""Clears the caches of those who keep plans of their own."""

_planner = "estimate"
_float32_products = "3xtf32"


def set_planner(name: str) -> None:
    """Choose the planner of the plans made from now on."""
    global _planner
    if name not in ("estimate", "measure"):
        raise ValueError(f"planner={name!r}: must be 'estimate' or 'measure'")
    _planner = name


def planner() -> str:
    """Return the planner in use."""
    return _planner


def set_float32_products(name: str) -> None:
    """Choose how the CUDA plans looked up from now on compute products in single precision."""
    global _float32_products
    if name not in ("3xtf32", "fma"):
        raise ValueError(f"products={name!r}: must be '3xtf32' or 'fma'")
    _float32_products = name


def float32_products() -> str:
    """Return how CUDA plans compute products in single precision."""
    return _float32_products


def windowed_dft_plan(
    window: tuple[int, int],
    band: tuple[int, int],
    grid: tuple[float, float],
    centred: bool,
    double: bool,
    algorithm: str = "auto",
) -> _core.WindowedDft:
    """Return the plan of a windowed DFT."""
    return _windowed_dft_plan(window, band, grid, centred, double, algorithm, _planner)


def four_f_stack_plan(
    window: tuple[int, int],
    support: tuple[int, int],
    band: tuple[int, int],
    grid: tuple[float, float],
    centred: bool,
    kinds: tuple[str, ...],
    double: bool,
    algorithm: str = "auto",
) -> _core.FourFStack:
    """Return the plan of a stack of 4f layers, one nonlinearity kind a layer."""
    return _four_f_stack_plan(window, support, band, grid, centred, kinds, double, algorithm, _planner)


@lru_cache(maxsize=_MOST_PLANS)
def _windowed_dft_plan(
    window: tuple[int, int],
    band: tuple[int, int],
    grid: tuple[float, float],
    centred: bool,
    double: bool,
    algorithm: str,
    planner: str,
) -> _core.WindowedDft:
    return _core.WindowedDft(window, band, grid, centred, double, algorithm, planner)


@lru_cache(maxsize=_MOST_PLANS)
def _four_f_stack_plan(
    window: tuple[int, int],
    support: tuple[int, int],
    band: tuple[int, int],
    grid: tuple[float, float],
    centred: bool,
    kinds: tuple[str, ...],
    double: bool,
    algorithm: str,
    planner: str,
) -> _core.FourFStack:
    return _core.FourFStack(window, support, band, grid, centred, list(kinds), double, algorithm, planner)


@lru_cache(maxsize=_MOST_CONVOLUTIONS)
def fourier_conv2d_plan(
    in_channels: int,
    out_channels: int,
    kernel: tuple[int, int],
    input_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
    groups: int,
    padding_mode: str,
    double: bool,
    algorithm: str = "auto",
    trained: bool = False,
) -> _core.FourierConv2d:
    """Return the plan of a convolution; padding is (top, bottom, left, right).

    Plans for training expect a forward pass and both gradients with weights that change from call to call;
    others, forward passes with kept spectra of the weights.
    """
    return _core.FourierConv2d(
        in_channels,
        out_channels,
        kernel,
        input_size,
        stride,
        padding,
        dilation,
        groups,
        padding_mode,
        double,
        algorithm,
        trained=trained,
    )


def clear() -> None:
    """Forget every plan."""
    _windowed_dft_plan.cache_clear()
    _four_f_stack_plan.cache_clear()
    fourier_conv2d_plan.cache_clear()
    for clear_others in cleared_with_plans:
        clear_others()
