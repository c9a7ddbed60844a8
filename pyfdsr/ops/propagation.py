"""Free-space propagation by the band-limited angular spectrum, and its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from .._arguments import number_of, reals_of
from .arrays import complex_array, is_double, window_of
from .device_arrays import also_on_devices
from .four_f import four_f

__all__ = ["propagate", "propagate_adjoint"]


def transfer_arguments(
    window: tuple[int, int],
    double: bool,
    distance: Any,
    pitch: Any,
    wavelength: Any,
    pad_factor: Any,
    band_limit: bool,
) -> tuple[Any, ...]:
    """Return the core's arguments of a transfer function; the first is the padded grid."""
    if number_of("pad_factor", pad_factor) < 1:
        raise ValueError(f"pad_factor={pad_factor!r}: must be 1 or greater")
    if number_of("wavelength", wavelength) <= 0:
        raise ValueError(f"wavelength={wavelength!r}: must be greater than 0")
    grid = round(window[0] * pad_factor), round(window[1] * pad_factor)
    return (
        grid,
        number_of("distance", distance),
        reals_of("pitch", pitch),
        float(wavelength),
        bool(band_limit),
        double,
    )


def _transfer(name: str, x: np.ndarray, *arguments: Any) -> tuple[np.ndarray, tuple[int, int]]:
    told = transfer_arguments(window_of(name, x), is_double(x), *arguments)
    return _core.angular_spectrum_transfer(*told), told[0]


@also_on_devices
def propagate(
    x: ArrayLike,
    distance: float,
    pitch: Any,
    wavelength: float,
    pad_factor: float = 2,
    band_limit: bool = True,
) -> np.ndarray:
    """Propagate fields through free space.

    Parameters
    ----------
    x : array_like, [..., S, S]
        Fields.
    distance : float
        Metres; negative propagates backwards (evanescent waves decay in both directions).
    pitch : float or pair (y, x)
        Sample spacing, metres.
    wavelength : float
        Metres, in the medium.
    pad_factor : float
        The padded grid is this many times the window, 1 or greater, rounded.
    band_limit : bool
        Cut the transfer function where the padded grid samples it too coarsely.

    Returns
    -------
    ndarray, [..., S, S]

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, a length is not positive, or `pad_factor` is below 1.

    References
    ----------
    Matsushima, Shimobaba, "Band-limited angular spectrum method for numerical simulation of free-space
    propagation in far and near fields", Opt. Express 17, 19662 (2009).

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> ops.propagate(np.ones((16, 16)), distance=1e-3, pitch=4e-6, wavelength=550e-9).shape
    (16, 16)
    """
    x = complex_array("x", x)
    transfer, grid = _transfer("x", x, distance, pitch, wavelength, pad_factor, band_limit)
    return four_f(x, transfer, grid)


@also_on_devices
def propagate_adjoint(
    v: ArrayLike,
    distance: float,
    pitch: Any,
    wavelength: float,
    pad_factor: float = 2,
    band_limit: bool = True,
) -> np.ndarray:
    """Adjoint of `propagate` with respect to the field.

    Parameters
    ----------
    v : array_like, [..., S, S]
        Cotangents of the output.
    distance, pitch, wavelength, pad_factor, band_limit
        As in `propagate`.

    Returns
    -------
    ndarray, [..., S, S]

    Raises
    ------
    TypeError, ValueError
        As `propagate`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> ops.propagate_adjoint(np.ones((16, 16)), distance=1e-3, pitch=4e-6, wavelength=550e-9).shape
    (16, 16)
    """
    v = complex_array("v", v)
    transfer, grid = _transfer("v", v, distance, pitch, wavelength, pad_factor, band_limit)
    # Window and support are one size: the adjoint is the 4f layer with the conjugate transfer function.
    return four_f(v, transfer.conj(), grid)
