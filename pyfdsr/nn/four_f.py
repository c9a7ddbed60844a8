"""The learnable 4f unit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pyfdsr import functional
from pyfdsr._arguments import check_fits, grid_of, pair_of

__all__ = ["FourF"]


class FourF(nn.Module):
    """A 4f system with a learnable phase mask in its Fourier plane.

    Parameters
    ----------
    band : int or pair (y, x)
        Size of the mask in frequencies of the padded grid, at most `grid`.
    grid : int, float or pair (y, x)
        Size of the padded grid in samples.
    support : int or pair (y, x), optional
        Size of the window returned; by default that of the field given.

    Attributes
    ----------
    phase : torch.nn.Parameter
        [My, Mx], radians, drawn from the standard normal distribution, zero frequency at index ``M // 2``.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive number, or the band or the support exceed the grid.

    References
    ----------
    One unit of the all-optical super-resolution network, without its nonlinearity; see
    :func:`pyfdsr.functional.four_f`.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.nn import FourF
    >>> layer = FourF(band=8, grid=24)
    >>> layer
    FourF(band=(8, 8), grid=24, support=None)
    >>> layer(torch.ones(2, 8, 8)).shape
    torch.Size([2, 8, 8])
    """

    def __init__(
        self,
        band: int | tuple[int, int],
        grid: int | float | tuple,
        support: int | tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        sizes, _ = grid_of(grid)
        self.band = pair_of("band", band)
        self.grid = grid
        self.support = None if support is None else pair_of("support", support)
        check_fits("band", self.band, sizes)
        if self.support is not None:
            check_fits("support", self.support, sizes)
        self.phase = nn.Parameter(torch.randn(self.band))

    def forward(self, field: Tensor) -> Tensor:
        """Return the field behind the unit: [..., Sy, Sx] to complex [..., Ty, Tx]."""
        return functional.four_f(field, self.phase, self.grid, self.support)

    def extra_repr(self) -> str:
        """Describe the sizes."""
        return f"band={self.band}, grid={self.grid}, support={self.support}"
