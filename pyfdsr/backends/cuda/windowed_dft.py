"""The windowed DFT and its three relatives by the kernels, one launch a batch."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pyfdsr import _plans

from .. import by_torch
from ..by_torch.precision import in_own_precision
from ..geometry import Geometry, is_double
from .native import address, constant, dense, in_use, launch, native, number_of, product_ways

__all__ = ["windowed_dft"]

# Whether a map goes to the band, and whether it carries one over the number of grid points.
_MAPS = {
    "forward": (True, False),
    "adjoint": (False, False),
    "inverse": (False, True),
    "inverse_adjoint": (True, True),
}


@lru_cache(maxsize=32)
def _plan(
    geometry: Geometry, kind: str, double: bool, device: torch.device, ways: tuple[str, ...]
) -> tuple[Any, Tensor] | None:
    """A plan and its constants in the device's memory; None where the kernels do not reach."""
    window, band, grid, centred = geometry
    module = native()
    if max(*window, *band) > module.most_samples:
        return None
    to_band, normalised = _MAPS[kind]
    scale = 1 / (grid[0] * grid[1]) if normalised else 1.0
    compiled = module.WindowedDft64 if double else module.WindowedDft32
    for products in ways:
        plan = compiled(window, band, grid, centred, to_band, scale, products)
        if plan.fits(number_of(device)):
            return plan, constant(plan.constants(), device)
    return None


_plans.cleared_with_plans.append(_plan.cache_clear)


@in_own_precision
def windowed_dft(x: Tensor, kind: str, geometry: Geometry) -> Tensor:
    """Apply one of the four maps; see :func:`pyfdsr.backends.by_torch.windowed_dft`."""
    geometry = geometry.plain()
    found = _plan(geometry, kind, is_double(x), x.device, product_ways(is_double(x)))
    if found is None:
        return by_torch.windowed_dft(x, kind, geometry)
    plan, constants = found
    x = dense(x)
    size = geometry.band if _MAPS[kind][0] else geometry.window
    out = x.new_empty((*x.shape[:-2], *size))
    batch = x.shape[:-2].numel()
    matrices = address(in_use(constants))
    launch(plan.apply, x.device, constants=matrices, batch=batch, in_=address(x), out=address(out))
    return out
