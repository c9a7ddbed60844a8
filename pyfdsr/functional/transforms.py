"""The windowed DFT and its inverse on tensors."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pyfdsr import autograd
from pyfdsr._arguments import check_fits, grid_of, pair_of

from .checks import complex_field, precision_of, tensor_of, window_of

__all__ = ["windowed_dft", "windowed_idft"]


def _transformed(name: str, value: Any, grid: Any, size_name: str, size: Any, kind: str) -> Tensor:
    field = tensor_of(name, value)
    if size is None:
        raise ValueError(f"{size_name}=None: the size of the result must be given")
    given, wanted = window_of(name, field), pair_of(size_name, size)
    sizes, centred = grid_of(grid)
    check_fits(f"{name}'s last two axes", given, sizes)
    check_fits(size_name, wanted, sizes)
    window, band = (given, wanted) if kind == "forward" else (wanted, given)
    geometry = autograd.Geometry(window, band, sizes, centred)
    return autograd.windowed_dft(complex_field(field, precision_of(field)), kind, geometry)


def windowed_dft(field: Tensor, grid: int | float | tuple, band: int | tuple[int, int]) -> Tensor:
    r"""Centred low frequencies of a field in a zero-padded grid.

    Pads `field` to `grid` (the centre of the window on the centre of the grid), transforms with the
    unnormalised ``fftshift(fft2(.))`` and keeps the central `band`, zero frequency at index ``band // 2``,
    without computing anything that is thrown away.

    Parameters
    ----------
    field : torch.Tensor
        [..., Sy, Sx], complex or real.
    grid : int, float or pair (y, x)
        Size of the padded grid. Real sizes count samples and frequencies from the centres:
        :math:`W_{kn} = e^{-2\pi i (k - M//2)(n - S//2)/N}`.
    band : int or pair (y, x)
        Number of frequencies kept, at most `grid`.

    Returns
    -------
    torch.Tensor
        [..., My, Mx], complex64, or complex128 for double precision. Differentiable any number of times.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or window or band exceed the grid.

    References
    ----------
    R. Soummer et al., "Fast computation of Lyot-style coronagraph propagation", Opt. Express 15, 15935
    (2007).

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import windowed_dft
    >>> spectrum = windowed_dft(torch.ones(4, 4), grid=12, band=5)
    >>> spectrum.shape, round(spectrum[2, 2].real.item(), 5)
    (torch.Size([5, 5]), 16.0)
    """
    return _transformed("field", field, grid, "band", band, "forward")


def windowed_idft(spectrum: Tensor, grid: int | float | tuple, support: int | tuple[int, int]) -> Tensor:
    """Central window of the field whose only frequencies are those of a centred band.

    Pads `spectrum` to `grid`, transforms with ``ifft2(ifftshift(.))``, which carries one over the number of
    grid points, and keeps the central `support`.

    Parameters
    ----------
    spectrum : torch.Tensor
        [..., My, Mx], complex or real, zero frequency at index ``M // 2``.
    grid : int, float or pair (y, x)
        Size of the padded grid, as in `windowed_dft`.
    support : int or pair (y, x)
        Size of the window returned, at most `grid`.

    Returns
    -------
    torch.Tensor
        [..., Sy, Sx], complex64, or complex128 for double precision. Differentiable any number of times.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or window or band exceed the grid.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import windowed_dft, windowed_idft
    >>> field = torch.randn(3, 8, 8)
    >>> whole = windowed_idft(windowed_dft(field, grid=12, band=12), grid=12, support=8)
    >>> torch.allclose(whole.real, field, atol=1e-5)
    True
    """
    return _transformed("spectrum", spectrum, grid, "support", support, "inverse")
