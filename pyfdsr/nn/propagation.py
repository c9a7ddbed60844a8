"""Free space as a module."""

from __future__ import annotations

from torch import Tensor, nn

from pyfdsr import functional

__all__ = ["Propagate"]


class Propagate(nn.Module):
    """Free-space propagation over a fixed distance; see :func:`pyfdsr.functional.propagate`.

    Parameters
    ----------
    distance : float
        Metres; negative propagates backwards.
    pitch : float or pair (y, x)
        Sample spacing, metres.
    wavelength : float
        Metres, in the medium.
    pad_factor : float
        The padded grid is this many times the window, 1 or greater.
    band_limit : bool
        Cut the transfer function where it is sampled too coarsely for the padded grid.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.nn import Propagate
    >>> space = Propagate(distance=1e-3, pitch=4e-6, wavelength=550e-9)
    >>> space(torch.ones(1, 16, 16)).shape
    torch.Size([1, 16, 16])
    """

    def __init__(
        self,
        distance: float,
        pitch: float | tuple[float, float],
        wavelength: float,
        pad_factor: float = 2,
        band_limit: bool = True,
    ) -> None:
        super().__init__()
        self.distance = distance
        self.pitch = pitch
        self.wavelength = wavelength
        self.pad_factor = pad_factor
        self.band_limit = band_limit

    def forward(self, field: Tensor) -> Tensor:
        """Return the field after the distance: [..., Sy, Sx] to complex [..., Sy, Sx]."""
        return functional.propagate(
            field, self.distance, self.pitch, self.wavelength, self.pad_factor, self.band_limit
        )

    def extra_repr(self) -> str:
        """Describe the geometry."""
        return (
            f"distance={self.distance}, pitch={self.pitch}, wavelength={self.wavelength}, "
            f"pad_factor={self.pad_factor}, band_limit={self.band_limit}"
        )
