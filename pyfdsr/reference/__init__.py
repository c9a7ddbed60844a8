"""Slow, obvious twins of the engine's operators, written from the definitions alone.

Nothing here imports the compiled core, so that the two can be compared. Five modules:

``chip``
    NumPy and Numba: the emulated Fourier chip, frame by frame.
``direct_sums``
    NumPy: every transform as an explicit O(N²) sum, every nonlinearity as its formula.
``convolution``
    NumPy: the multichannel convolution and its adjoints, sample by sample.
``torch_twin``
    torch: full padded grids and ``torch.fft``, differentiable in float32 and float64, and the network
    as the paper describes it (:class:`PlainAOSRNN`).
``network_twins``
    torch: the diffractive and the polychromatic network, the detectors of the classifier.
``fftw_twin``
    pyFFTW and Numba: one 4f layer with FFTs of the needed rows and columns only.

The modules load on first use; ``convolution`` and ``direct_sums`` need NumPy alone.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {"PlainAOSRNN": "torch_twin", "FourFLayer": "fftw_twin"}
_MODULES = ("chip", "convolution", "direct_sums", "fftw_twin", "network_twins", "torch_twin")

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
