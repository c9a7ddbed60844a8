"""The windowed DFT and its inverse, each beside its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _plans
from .._arguments import check_fits, grid_of, pair_of
from .._runtime import get_num_threads
from .arrays import batched, complex_array, is_double, window_of
from .device_arrays import also_on_devices

__all__ = ["windowed_dft", "windowed_dft_adjoint", "windowed_idft", "windowed_idft_adjoint"]


def _run(
    verb: str, name: str, x: ArrayLike, grid: Any, other: Any, other_name: str, algorithm: str
) -> np.ndarray:
    x = complex_array(name, x)
    own = window_of(name, x)
    sizes, centred = grid_of(grid)
    from_window = verb in ("forward", "inverse_adjoint")
    if other is None:
        raise ValueError(f"{other_name}=None: the size of the result must be given")
    given = pair_of(other_name, other)
    window, band = (own, given) if from_window else (given, own)
    check_fits(name if from_window else other_name, window, sizes)
    check_fits(other_name if from_window else name, band, sizes)
    plan = _plans.windowed_dft_plan(window, band, sizes, centred, is_double(x), algorithm)
    result = getattr(plan, verb)(batched(x), get_num_threads())
    return result.reshape(*x.shape[:-2], *given)


@also_on_devices
def windowed_dft(x: ArrayLike, grid: Any, band: Any, *, algorithm: str = "auto") -> np.ndarray:
    r"""Fourier transform of a window in a padded grid, cropped to a band around zero frequency.

    Pads `x` with zeros to the grid (offset ``N//2 - S//2``), takes ``fftshift(fft2(·))``, keeps the central
    band (offset ``N//2 - M//2``), and computes only what is kept:

    .. math:: X[k] = \sum_n x[n]\, e^{-2\pi i (k - M//2)(n + N//2 - S//2)/N} \quad\text{per axis.}

    Parameters
    ----------
    x : array_like, [..., S, S]
        Fields; complex64 or complex128 (real input is taken as complex).
    grid : int, float or pair (y, x)
        Padded grid N. A real (non-integer type) grid is centred: ``exp(-2πi k n/N)`` with k, n counted from
        the centres ``M//2``, ``S//2``, as polychromatic light needs.
    band : int or pair (y, x)
        Number of frequencies M, zero frequency at index ``M//2``.
    algorithm : {"auto", "skeleton", "folded", "fftw"}
        ``"folded"``: real matrices of half size on parity quadrants; ``"skeleton"``: the same, factored where
        their numerical rank is low; ``"fftw"``: FFTW on the needed rows and columns; ``"auto"``: by a cost
        model.

    Returns
    -------
    ndarray, [..., M, M]
        Unnormalised spectrum.

    Raises
    ------
    TypeError, ValueError
        If a dtype is neither real floating nor complex, or a size is not positive or larger than the grid.

    References
    ----------
    Soummer, Pueyo, Sivaramakrishnan, Vanderbei, "Fast computation of Lyot-style coronagraph propagation",
    Opt. Express 15, 15935 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> x = np.ones((4, 4))
    >>> ops.windowed_dft(x, grid=12, band=5)[2, 2].round(12)
    np.complex128(16+0j)
    """
    return _run("forward", "x", x, grid, band, "band", algorithm)


@also_on_devices
def windowed_dft_adjoint(v: ArrayLike, grid: Any, support: Any, *, algorithm: str = "auto") -> np.ndarray:
    """Adjoint of `windowed_dft`: from cotangents of the band to those of the window.

    Parameters
    ----------
    v : array_like, [..., M, M]
        Cotangents of the spectrum.
    grid : int, float or pair
        Padded grid, as in `windowed_dft`.
    support : int or pair
        Window S of the operator's input.
    algorithm : str
        As in `windowed_dft`.

    Returns
    -------
    ndarray, [..., S, S]

    Raises
    ------
    TypeError, ValueError
        As `windowed_dft`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> x, v = np.arange(4.0).reshape(2, 2), np.ones((3, 3))
    >>> bool(np.isclose(np.vdot(ops.windowed_dft(x, 6, 3), v), np.vdot(x, ops.windowed_dft_adjoint(v, 6, 2))))
    True
    """
    return _run("adjoint", "v", v, grid, support, "support", algorithm)


@also_on_devices
def windowed_idft(X: ArrayLike, grid: Any, support: Any, *, algorithm: str = "auto") -> np.ndarray:  # noqa: N803
    """Inverse transform of a band, cropped to a window; carries 1/N².

    Parameters
    ----------
    X : array_like, [..., M, M]
        Spectrum around zero frequency (index ``M//2``).
    grid : int, float or pair
        Padded grid, as in `windowed_dft`.
    support : int or pair
        Window S to keep.
    algorithm : str
        As in `windowed_dft`.

    Returns
    -------
    ndarray, [..., S, S]

    Raises
    ------
    TypeError, ValueError
        As `windowed_dft`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> x = np.eye(4)
    >>> bool(np.allclose(ops.windowed_idft(ops.windowed_dft(x, 8, 8), 8, 4), x))
    True
    """
    return _run("inverse", "X", X, grid, support, "support", algorithm)


@also_on_devices
def windowed_idft_adjoint(v: ArrayLike, grid: Any, band: Any, *, algorithm: str = "auto") -> np.ndarray:
    """Adjoint of `windowed_idft`: from cotangents of the window to those of the band.

    Parameters
    ----------
    v : array_like, [..., S, S]
        Cotangents of the window.
    grid : int, float or pair
        Padded grid, as in `windowed_dft`.
    band : int or pair
        Band M of the operator's input.
    algorithm : str
        As in `windowed_dft`.

    Returns
    -------
    ndarray, [..., M, M]

    Raises
    ------
    TypeError, ValueError
        As `windowed_dft`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> ops.windowed_idft_adjoint(np.ones((2, 2)), grid=6, band=4).shape
    (4, 4)
    """
    return _run("inverse_adjoint", "v", v, grid, band, "band", algorithm)
