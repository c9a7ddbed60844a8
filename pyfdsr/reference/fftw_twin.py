"""pyFFTW and Numba twin of the 4f layer: FFTs of the rows and columns that are needed, and no others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

try:
    import numba
    import pyfftw
except ImportError as error:
    raise ImportError("the FFTW twin needs pyFFTW and Numba: pip install pyfftw numba") from error

__all__ = ["FourFLayer"]

Size = int | tuple[int, int]


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if np.isscalar(size) else tuple(size)


@numba.njit(cache=False)
def _gather_transposed(source, rows, columns, target, target_columns):
    """target[j, target_columns[i]] = source[rows[i], columns[j]]."""
    for i in range(rows.size):
        for j in range(columns.size):
            target[j, target_columns[i]] = source[rows[i], columns[j]]


@numba.njit(cache=False)
def _multiply(source, frequencies, transfer, target):
    """Multiply the needed frequencies of the columns by the transfer, which stays in (y, x) order."""
    for j in range(transfer.shape[1]):
        for i in range(transfer.shape[0]):
            target[j, frequencies[i]] = source[j, frequencies[i]] * transfer[i, j]


@numba.njit(cache=False)
def _kerr(field, strength):
    for i in range(field.shape[0]):
        for j in range(field.shape[1]):
            value = field[i, j]
            angle = strength * (value.real * value.real + value.imag * value.imag)
            field[i, j] = value * complex(np.cos(angle), np.sin(angle))


class FourFLayer:
    """One 4f layer of fixed geometry, planned once by FFTW.

    Parameters
    ----------
    window : int or (int, int)
        Input window S.
    band : int or (int, int)
        Frequency band M.
    grid : int or (int, int)
        Padded grid N.
    support : int or (int, int), optional
        Output window; that of the input by default.
    double : bool
        complex128 instead of complex64.
    threads : int
        FFTW threads.

    Examples
    --------
    >>> layer = FourFLayer(window=8, band=8, grid=24, double=True)
    >>> layer.forward(np.ones((2, 8, 8)), np.ones((8, 8))).shape
    (2, 8, 8)
    """

    def __init__(
        self,
        window: Size,
        band: Size,
        grid: Size,
        support: Size | None = None,
        double: bool = False,
        threads: int = 1,
    ) -> None:
        self.window, self.band, self.grid = _pair(window), _pair(band), _pair(grid)
        self.support = self.window if support is None else _pair(support)
        self.dtype = np.dtype(np.complex128 if double else np.complex64)
        (height, width), columns = self.grid, self.band[1]
        self._samples_in = [
            np.arange(s) + n // 2 - s // 2 for s, n in zip(self.window, self.grid, strict=True)
        ]
        self._samples_out = [
            np.arange(s) + n // 2 - s // 2 for s, n in zip(self.support, self.grid, strict=True)
        ]
        self._frequencies = [(np.arange(m) - m // 2) % n for m, n in zip(self.band, self.grid, strict=True)]
        self._rows_in = self._plan((self.window[0], width), "FFTW_FORWARD", threads)
        self._columns_in = self._plan((columns, height), "FFTW_FORWARD", threads)
        self._columns_out = self._plan((columns, height), "FFTW_BACKWARD", threads)
        self._rows_out = self._plan((self.support[0], width), "FFTW_BACKWARD", threads)

    def _plan(self, shape: tuple[int, int], direction: str, threads: int) -> pyfftw.FFTW:
        source, target = pyfftw.zeros_aligned(shape, self.dtype), pyfftw.zeros_aligned(shape, self.dtype)
        plan = pyfftw.FFTW(source, target, axes=(1,), direction=direction, threads=threads)
        source[:] = 0  # planning may scribble; the padding must stay zero afterwards
        return plan

    def forward(self, x: ArrayLike, transfer: ArrayLike, strength: float = 0.0) -> NDArray[Any]:
        """Field [..., Sy, Sx] through the layer with complex `transfer` [My, Mx], then a Kerr layer.

        Returns
        -------
        complex array [..., Ty, Tx]
        """
        x = np.asarray(x, dtype=self.dtype)
        transfer = np.asarray(transfer, dtype=self.dtype)
        result = np.empty(x.shape[:-2] + self.support, self.dtype)
        images = zip(x.reshape(-1, *self.window), result.reshape(-1, *self.support), strict=True)
        for field, output in images:
            self._one(field, transfer, self.dtype.type(strength).real, output)
        return result

    def _one(self, field: NDArray[Any], transfer: NDArray[Any], strength: Any, output: NDArray[Any]) -> None:
        every_row, every_column = np.arange(self.window[0]), np.arange(self.band[1])
        frequencies_y, frequencies_x = self._frequencies
        self._rows_in.input_array[:, self._samples_in[1]] = field
        self._rows_in.execute()
        rows, columns = self._rows_in.output_array, self._columns_in.input_array
        _gather_transposed(rows, every_row, frequencies_x, columns, self._samples_in[0])
        self._columns_in.execute()
        _multiply(self._columns_in.output_array, frequencies_y, transfer, self._columns_out.input_array)
        self._columns_out.execute()
        columns, rows = self._columns_out.output_array, self._rows_out.input_array
        _gather_transposed(columns, every_column, self._samples_out[0], rows, frequencies_x)
        self._rows_out.execute()
        window = self._rows_out.output_array[:, self._samples_out[1]]
        np.divide(window, self.grid[0] * self.grid[1], out=output)
        if strength:
            _kerr(output, strength)
