r"""Direct O(N²) sums in NumPy: the definitions of the transforms, the 4f layer and the nonlinearities.

For one axis of window S, band M and integer padded grid N the windowed DFT is the matrix

.. math::

    W_{kn} = \exp\!\big(-2\pi i\,(k - \lfloor M/2\rfloor)(n + \lfloor N/2\rfloor - \lfloor S/2\rfloor)/N\big),

and for a real (float) N, where a padded grid does not exist, n is counted from the window's centre:
:math:`\exp(-2\pi i\,(k - \lfloor M/2\rfloor)(n - \lfloor S/2\rfloor)/N)`. All results are complex128.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyfdsr.nonlinearity import Nonlinearity, per_layer

__all__ = [
    "dft_matrix",
    "four_f",
    "four_f_adjoint",
    "four_f_stack",
    "nonlinearity",
    "nonlinearity_adjoint",
    "response",
    "response_derivative",
    "windowed_dft",
    "windowed_dft_adjoint",
    "windowed_idft",
    "windowed_idft_adjoint",
]

Size = int | tuple[int, int]
Grid = float | tuple[float, float]
Complex = NDArray[np.complex128]


def _pair(size: Any) -> tuple[Any, Any]:
    return (size, size) if np.isscalar(size) else tuple(size)


def _is_real(grid: Grid) -> bool:
    return any(isinstance(length, (float, np.floating)) for length in _pair(grid))


def dft_matrix(window: int, band: int, grid: float, centred: bool = False) -> Complex:
    """Matrix of the windowed DFT along one axis.

    Parameters
    ----------
    window, band : int
        Samples S in, frequencies M out.
    grid : float
        Length N of the padded grid.
    centred : bool
        Count samples from the window's centre instead of from the padded grid's first sample.

    Returns
    -------
    complex128 array [M, S]

    Examples
    --------
    >>> dft_matrix(window=2, band=1, grid=4).real
    array([[1., 1.]])
    """
    k = np.arange(band) - band // 2
    n = np.arange(window) - window // 2 + (0 if centred else int(grid) // 2)
    # The remainder is exact, so that large products k·n lose no digits of the angle.
    return np.exp(-2j * np.pi * np.fmod(np.outer(k, n), grid) / grid)


def _matrices(window: Any, band: Any, grid: Grid) -> list[Complex]:
    centred = _is_real(grid)
    axes = zip(_pair(window), _pair(band), _pair(grid), strict=True)
    return [dft_matrix(s, m, length, centred) for s, m, length in axes]


def windowed_dft(x: ArrayLike, grid: Grid, band: Size) -> Complex:
    """Unnormalised DFT of a window [..., Sy, Sx] of a padded grid, at a band of frequencies [..., My, Mx]."""
    x = np.asarray(x, dtype=np.complex128)
    along_y, along_x = _matrices(x.shape[-2:], band, grid)
    return along_y @ x @ along_x.T


def windowed_dft_adjoint(v: ArrayLike, grid: Grid, support: Size) -> Complex:
    """Adjoint of :func:`windowed_dft`: [..., My, Mx] to [..., Sy, Sx]."""
    v = np.asarray(v, dtype=np.complex128)
    along_y, along_x = _matrices(support, v.shape[-2:], grid)
    return along_y.conj().T @ v @ along_x.conj()


def windowed_idft(spectrum: ArrayLike, grid: Grid, support: Size) -> Complex:
    """Inverse DFT of a band [..., My, Mx], zero elsewhere, at a window [..., Sy, Sx]; carries 1/(Ny·Nx)."""
    height, width = _pair(grid)
    return windowed_dft_adjoint(spectrum, grid, support) / (height * width)


def windowed_idft_adjoint(v: ArrayLike, grid: Grid, band: Size) -> Complex:
    """Adjoint of :func:`windowed_idft`: [..., Sy, Sx] to [..., My, Mx]."""
    height, width = _pair(grid)
    return windowed_dft(v, grid, band) / (height * width)


def four_f(x: ArrayLike, transfer: ArrayLike, grid: Grid, support: Size | None = None) -> Complex:
    """One 4f system: transform, multiply by `transfer` [..., My, Mx], transform back to `support`."""
    x, transfer = np.asarray(x), np.asarray(transfer)
    spectrum = transfer * windowed_dft(x, grid, transfer.shape[-2:])
    return windowed_idft(spectrum, grid, x.shape[-2:] if support is None else support)


def _summed_to(v: Complex, shape: tuple[int, ...]) -> Complex:
    """Sum `v` over the axes along which an array of `shape` was broadcast."""
    v = v.sum(axis=tuple(range(v.ndim - len(shape))))
    return v.sum(axis=tuple(a for a, length in enumerate(shape) if length == 1 != v.shape[a]), keepdims=True)


def four_f_adjoint(v: ArrayLike, x: ArrayLike, transfer: ArrayLike, grid: Grid) -> tuple[Complex, Complex]:
    """Cotangents (v_x, v_transfer) of :func:`four_f` for the output's cotangent `v` [..., Ty, Tx]."""
    x, transfer = np.asarray(x), np.asarray(transfer)
    v_spectrum = windowed_idft_adjoint(v, grid, transfer.shape[-2:])
    v_x = windowed_dft_adjoint(transfer.conj() * v_spectrum, grid, x.shape[-2:])
    v_transfer = windowed_dft(x, grid, transfer.shape[-2:]).conj() * v_spectrum
    return _summed_to(v_x, x.shape), _summed_to(v_transfer, transfer.shape)


def _scalar_function(function: Any, intensity: NDArray[np.float64]) -> Complex:
    plain = getattr(function, "py_func", function)
    values = np.array([plain(value) for value in intensity.ravel()], dtype=np.complex128)
    return values.reshape(intensity.shape)


def _numbers(spec: Nonlinearity) -> list[float]:
    values = spec.parameters()
    return [float(value.detach() if hasattr(value, "detach") else value) for value in values]


def response(intensity: ArrayLike, spec: Nonlinearity | None) -> Complex:
    """Factor f(I) of a specification at intensities of any shape; 1 for ``None``.

    Examples
    --------
    >>> from pyfdsr.nonlinearity import TwoPhotonAbsorption
    >>> response([0.0, 3.0], TwoPhotonAbsorption(1.0)).real
    array([1. , 0.5])
    """
    i = np.asarray(intensity, dtype=np.float64)
    if spec is None:
        return np.ones_like(i, dtype=np.complex128)
    if spec.kind == "custom":
        return _scalar_function(spec.response, i)
    p = _numbers(spec)
    if spec.kind == "kerr":
        return np.exp(1j * p[0] * i)
    if spec.kind == "saturable_kerr":
        return np.exp(1j * p[0] * i / (1 + i / p[1]))
    if spec.kind == "saturable_absorber":
        return np.exp(-p[0] / (2 * (1 + i / p[1]))) + 0j
    if spec.kind == "two_photon_absorption":
        return (1 + p[0] * i) ** -0.5 + 0j
    if spec.kind == "optoelectronic_gate":
        return np.sqrt(p[0] + (p[1] - p[0]) / (1 + (i / p[2]) ** p[3])) + 0j
    raise ValueError(f"spec={spec!r}: no formula is known for kind {spec.kind!r}")


def response_derivative(intensity: ArrayLike, spec: Nonlinearity | None) -> Complex:
    """Derivative df/dI of :func:`response`, by hand."""
    i = np.asarray(intensity, dtype=np.float64)
    if spec is None:
        return np.zeros_like(i, dtype=np.complex128)
    if spec.kind == "custom":
        return _scalar_function(spec.derivative, i)
    p = _numbers(spec)
    f = response(i, spec)
    if spec.kind == "kerr":
        return 1j * p[0] * f
    if spec.kind == "saturable_kerr":
        return 1j * p[0] / (1 + i / p[1]) ** 2 * f
    if spec.kind == "saturable_absorber":
        return p[0] / (2 * p[1] * (1 + i / p[1]) ** 2) * f
    if spec.kind == "two_photon_absorption":
        return -0.5 * p[0] * f**3
    ratio = i / p[2]
    slope = -(p[1] - p[0]) * p[3] / p[2] * ratio ** (p[3] - 1) / (1 + ratio ** p[3]) ** 2
    return slope / (2 * f)


def nonlinearity(field: ArrayLike, spec: Nonlinearity | None) -> Complex:
    """Apply E → f(|E|²)·E to a field of any shape."""
    field = np.asarray(field, dtype=np.complex128)
    return response(np.abs(field) ** 2, spec) * field


def nonlinearity_adjoint(v: ArrayLike, field: ArrayLike, spec: Nonlinearity | None) -> Complex:
    r"""Cotangent of the field: :math:`\bar f v + 2\,\mathrm{Re}(\bar v\, E f')\,E`."""
    field, v = np.asarray(field, dtype=np.complex128), np.asarray(v, dtype=np.complex128)
    intensity = np.abs(field) ** 2
    slope = np.real(np.conj(v) * field * response_derivative(intensity, spec))
    return np.conj(response(intensity, spec)) * v + 2 * slope * field


def four_f_stack(
    field: ArrayLike,
    phases: ArrayLike,
    grid: Grid,
    nonlinearities: Any,
    support: Size | None = None,
    aperture: ArrayLike | None = None,
) -> list[Complex]:
    """Every layer's output field of a stack of 4f systems, each followed by its nonlinearity.

    Parameters
    ----------
    field : array [..., Sy, Sx]
    phases : real array [L, My, Mx], radians
    grid : padded grid N
    nonlinearities : specification, None, or a list of L
    support : window of the later layers; None keeps that of `field`
    aperture : real array [K, My, Mx] multiplying the transfer of the first K layers, or None

    Returns
    -------
    list of L complex128 arrays [..., Ty, Tx]
    """
    phases = np.asarray(phases, dtype=np.float64)
    fields: list[Complex] = []
    for layer, spec in enumerate(per_layer(nonlinearities, len(phases))):
        transfer = np.exp(1j * phases[layer])
        if aperture is not None and layer < len(aperture):
            transfer = transfer * np.asarray(aperture[layer])
        field = nonlinearity(four_f(field, transfer, grid, support), spec)
        fields.append(field)
    return fields
