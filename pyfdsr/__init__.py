"""pyfdsr: a numerical engine for optical networks.

Batched windowed Fourier transforms, 4f layers, nonlinear phase layers and their exact adjoints, on NumPy
arrays (:mod:`pyfdsr.ops`) and as torch modules (:mod:`pyfdsr.nn`, :mod:`pyfdsr.functional`,
:mod:`pyfdsr.models`). Importing the package imports neither torch nor any of these: they load on first use.

Examples
--------
>>> import numpy as np
>>> import pyfdsr
>>> field = np.ones((2, 16, 16), np.complex64)
>>> pyfdsr.ops.windowed_dft(field, grid=48, band=12).shape
(2, 12, 12)
"""

from __future__ import annotations

import importlib
from typing import Any

from ._runtime import (
    build_config,
    clear_caches,
    get_float32_products,
    get_num_threads,
    get_planner,
    set_float32_products,
    set_num_threads,
    set_planner,
)

_MODULES = (
    "chip",
    "data",
    "functional",
    "losses",
    "metrics",
    "models",
    "nn",
    "nonlinearity",
    "ops",
    "optics",
    "reference",
    "training",
)

__all__ = [
    "__version__",
    "build_config",
    "clear_caches",
    "get_float32_products",
    "get_num_threads",
    "get_planner",
    "set_float32_products",
    "set_num_threads",
    "set_planner",
    *_MODULES,
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "__version__":
        return build_config()["version"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
