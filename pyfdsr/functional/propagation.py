"""Free-space propagation on tensors."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from pyfdsr import _core
from pyfdsr._arguments import number_of, reals_of

from .checks import constant_in_graphs, precision_of, tensor_of, window_of
from .four_f import four_f

__all__ = ["propagate"]


@lru_cache(maxsize=32)
def _transfer(
    shape: tuple[int, int],
    distance: float,
    pitch: tuple[float, float],
    wavelength: float,
    band_limit: bool,
    double: bool,
    device: torch.device,
) -> Tensor:
    with torch.inference_mode(False):  # what is kept here must serve training too
        return torch.from_numpy(
            _core.angular_spectrum_transfer(shape, distance, pitch, wavelength, band_limit, double)
        ).to(device)


_traced_transfer = constant_in_graphs(_transfer.__wrapped__)


def propagate(
    field: Tensor,
    distance: float,
    pitch: float | tuple[float, float],
    wavelength: float,
    pad_factor: float = 2,
    band_limit: bool = True,
) -> Tensor:
    """Propagate a field through free space by the angular spectrum, keeping its window.

    Parameters
    ----------
    field : torch.Tensor
        [..., Sy, Sx], complex or real.
    distance : float
        Metres; negative propagates backwards.
    pitch : float or pair (y, x)
        Sample spacing, metres.
    wavelength : float
        Metres, in the medium.
    pad_factor : float
        The padded grid is this many times the window, 1 or greater, rounded.
    band_limit : bool
        Cut the transfer function where it is sampled too coarsely for the padded grid.

    Returns
    -------
    torch.Tensor
        [..., Sy, Sx], complex. Differentiable any number of times with respect to the field.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, a length is not positive, or `pad_factor` is below 1.

    References
    ----------
    K. Matsushima, T. Shimobaba, "Band-limited angular spectrum method for numerical simulation of free-space
    propagation in far and near fields", Opt. Express 17, 19662 (2009).

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import propagate
    >>> field = torch.ones(16, 16, dtype=torch.complex64)
    >>> propagate(field, distance=1e-3, pitch=4e-6, wavelength=550e-9).shape
    torch.Size([16, 16])
    """
    field = tensor_of("field", field)
    window = window_of("field", field)
    if number_of("pad_factor", pad_factor) < 1:
        raise ValueError(f"pad_factor={pad_factor!r}: must be 1 or greater")
    if number_of("wavelength", wavelength) <= 0:
        raise ValueError(f"wavelength={wavelength!r}: must be greater than 0")
    grid = (round(window[0] * pad_factor), round(window[1] * pad_factor))
    transfer = (_traced_transfer if torch.compiler.is_compiling() else _transfer)(
        grid,
        number_of("distance", distance),
        reals_of("pitch", pitch),
        float(wavelength),
        bool(band_limit),
        precision_of(field) == torch.float64,
        field.device,
    )
    return four_f(field, transfer=transfer, grid=grid)
