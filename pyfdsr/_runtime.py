"""Settings of the process: threads, planner, what was built."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from . import _chip, _core, _plans

__all__ = [
    "build_config",
    "clear_caches",
    "get_float32_products",
    "get_num_threads",
    "get_planner",
    "set_float32_products",
    "set_num_threads",
    "set_planner",
]

_threads: int | None = None


def set_num_threads(threads: int | None) -> None:
    """Set the number of threads that the core may use.

    Results never depend on it.

    Parameters
    ----------
    threads : int or None
        1 or more; None returns to the default: torch's number of threads if torch is loaded, else the cores
        available to the process.

    Raises
    ------
    TypeError, ValueError
        If `threads` is not an integer, or below 1.

    Examples
    --------
    >>> import pyfdsr
    >>> pyfdsr.set_num_threads(1)
    >>> pyfdsr.get_num_threads()
    1
    >>> pyfdsr.set_num_threads(None)
    """
    global _threads
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int):
            raise TypeError(f"threads={threads!r}: must be an integer or None")
        if threads < 1:
            raise ValueError(f"threads={threads}: must be at least 1")
    _threads = threads


def get_num_threads() -> int:
    """Return the number of threads that the core may use now.

    Examples
    --------
    >>> import pyfdsr
    >>> pyfdsr.get_num_threads() >= 1
    True
    """
    if _threads is not None:
        return _threads
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        return torch.get_num_threads()
    return _core.available_threads()


def set_planner(planner: str) -> None:
    """Choose how plans pick between the matrix transform and FFTW.

    Parameters
    ----------
    planner : {"estimate", "measure"}
        ``"estimate"`` (default) uses a cost model: the same choice, and the same bits, in every process.
        ``"measure"`` times both once per geometry and remembers; FFTW measures its own plans too.

    Raises
    ------
    ValueError
        If `planner` is neither.

    Examples
    --------
    >>> import pyfdsr
    >>> pyfdsr.set_planner("measure")
    >>> pyfdsr.set_planner("estimate")
    """
    _plans.set_planner(planner)


def get_planner() -> str:
    """Return the planner in use, ``"estimate"`` or ``"measure"``."""
    return _plans.planner()


def set_float32_products(products: str) -> None:
    """Choose how CUDA kernels of stacks and windowed DFTs multiply in single precision.

    Both have the accuracy of float32; their results differ by rounding. The CPU, double precision,
    convolutions and the emulated chip do not depend on it. It holds for all threads of the process; what a
    CUDA graph has recorded stays as it was.

    Parameters
    ----------
    products : {"3xtf32", "fma"}
        ``"3xtf32"`` (default): tensor cores, by three products of values split into two parts of 11 bits;
        where the padded matrices do not fit a device's shared memory, as ``"fma"``. Fields that overflow may
        become NaN in place of infinity, and values below 1e-34 lose digits.
        ``"fma"``: plain multiply-adds.

    Raises
    ------
    ValueError
        If `products` is neither.

    Examples
    --------
    >>> import pyfdsr
    >>> pyfdsr.set_float32_products("fma")
    >>> pyfdsr.get_float32_products()
    'fma'
    >>> pyfdsr.set_float32_products("3xtf32")
    """
    _plans.set_float32_products(products)


def get_float32_products() -> str:
    """Return how CUDA kernels multiply in single precision, ``"3xtf32"`` or ``"fma"``."""
    return _plans.float32_products()


def clear_caches() -> None:
    """Forget every plan and give reused scratch memory back to the system."""
    _plans.clear()
    _chip.clear()
    _core.clear_buffers()


def build_config() -> dict[str, Any]:
    """Describe the compiled core and what it runs on.

    Returns
    -------
    dict
        ``version``, ``fft_provider`` (where FFTW came from), ``fftw_single`` and ``fftw_double``, ``isa``
        (the instruction set in use; forced by the environment variable ``PYFDSR_ISA``), ``compiled_isas``,
        ``compiler``, ``cuda`` (whether its kernels were built), ``threads``, ``planner``,
        ``float32_products`` (of CUDA kernels), ``devices`` (what computes on which: the compiled core, the
        CUDA kernels, torch's own operations).

    Examples
    --------
    >>> import pyfdsr
    >>> pyfdsr.build_config()["isa"] in ("avx512", "avx2", "portable")
    True
    """
    cuda = find_spec("pyfdsr._cuda") is not None
    served = {"cpu": "core", "cuda": "cuda" if cuda else "torch", "other": "torch"}
    return {
        **_core.build_info(),
        "cuda": cuda,
        "threads": get_num_threads(),
        "planner": get_planner(),
        "float32_products": get_float32_products(),
        "devices": served,
    }
