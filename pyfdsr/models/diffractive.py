"""The diffractive network: phase masks and nonlinear layers with free space between, no lenses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pyfdsr import functional
from pyfdsr._arguments import number_of

from .layered import LayeredNetwork, shape_checked

__all__ = ["DiffractiveSR"]


class DiffractiveSR(LayeredNetwork):
    r"""L diffractive layers, each a phase mask and a nonlinearity in one plane, with free space between.

    The field of the low-resolution image enters through the window, travels `distance`, and in each of L
    planes is multiplied by :math:`e^{i\varphi}`, passes the nonlinearity (which, acting on the same plane,
    commutes with the mask) and travels on to the next; behind the last plane it travels once more to the
    detector. What leaves the window between two planes is lost.

    Parameters
    ----------
    num_layers : int
        Number of planes L.
    support : int or pair (y, x)
        Window in samples, S: the size of input, masks and detector.
    grid : int or pair (y, x)
        Padded grid of `imaging`, on which whole fields may be given.
    distance : float or sequence of L + 1 floats
        Free space before, between and behind the planes, metres.
    pitch : float
        Distance between samples of field and masks, metres.
    wavelength : float
        Metres.
    pad_factor : float
        Free space is computed on a grid of so many windows, 1 or greater.
    nonlinearity : specification, module of :mod:`pyfdsr.nn`, "linear", a sequence of `num_layers`, or None
        As for :class:`pyfdsr.models.AOSRNN`; None is ``Kerr(4.0)``.
    imaging : pyfdsr.optics.ImagingOptics, optional
        The optics that `image` sends an object through first. Its grid must be `grid`.

    Attributes
    ----------
    phases : torch.nn.Parameter
        [L, Sy, Sx], radians, zero at first: the network then begins as free space. From random masks it
        learned nothing in short trials (``scripts/diffractive_search.py``).

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, the window exceeds the grid, a length is not a number or not
        positive, or there are not L + 1 distances.

    References
    ----------
    X. Lin et al., "All-optical machine learning using diffractive deep neural networks", Science 361, 1004
    (2018); the all-optical super-resolution paper, Section 4, reports 17.4 dB on MNIST for such a network.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.models import DiffractiveSR
    >>> model = DiffractiveSR(num_layers=2, support=16, grid=48, distance=0.5e-3)
    >>> intensity = model(torch.rand(4, 16, 16).to(torch.complex64))
    >>> intensity.shape, intensity.dtype
    (torch.Size([4, 16, 16]), torch.float32)
    """

    def __init__(
        self,
        num_layers: int = 10,
        support: int | tuple[int, int] = 112,
        grid: int | tuple[int, int] = 336,
        distance: float | Sequence[float] = 4e-3,
        pitch: float = 4e-6,
        wavelength: float = 550e-9,
        pad_factor: float = 2,
        nonlinearity: Any = None,
        imaging: Any = None,
    ) -> None:
        super().__init__(num_layers, nonlinearity)
        self.set_window(support, grid, imaging)
        self.distances = _distances(distance, self.num_layers + 1)
        for name, value in (("pitch", pitch), ("wavelength", wavelength)):
            if number_of(name, value) <= 0:
                raise ValueError(f"{name}={value!r}: must be greater than 0")
        if number_of("pad_factor", pad_factor) < 1:
            raise ValueError(f"pad_factor={pad_factor!r}: must be 1 or greater")
        self.pitch, self.wavelength, self.pad_factor = float(pitch), float(wavelength), pad_factor
        self.phases = nn.Parameter(torch.zeros(self.num_layers, *self.support))

    def forward(self, field: Tensor, return_field: bool = False) -> Tensor:
        """Send fields through the network.

        Parameters
        ----------
        field : torch.Tensor
            [B, Sy, Sx] or the whole padded grid [B, Ny, Nx], of which the window enters; complex or real,
            without the batch axis, or with a channel axis of 1, [B, 1, y, x].
        return_field : bool
            Return the complex field in place of its intensity.

        Returns
        -------
        torch.Tensor
            [B, Sy, Sx], with the leading axes given.

        Raises
        ------
        TypeError, ValueError
            If the field is of another dtype or shape.
        """
        field = shape_checked("field", field, (self.support, self.grid))
        top, left = (n // 2 - s // 2 for n, s in zip(field.shape[-2:], self.support, strict=True))
        field = field[..., top : top + self.support[0], left : left + self.support[1]]
        first, *others = self.distances
        field = self._propagated(field, first)
        for phase, spec, distance in zip(self.phases, self.nonlinearity, others, strict=True):
            mask = torch.polar(torch.ones_like(phase), phase)
            field = self._propagated(functional.nonlinear(field * mask, spec), distance)
        return field if return_field else field.real.square() + field.imag.square()

    def image(self, intensity: Tensor, return_field: bool = False) -> Tensor:
        """Send objects through the imaging optics and then through the network.

        Parameters
        ----------
        intensity : torch.Tensor
            [B, Sy, Sx] or [B, 1, Sy, Sx], real, not negative: transmitted intensity of the objects.
        return_field : bool
            Return the complex field in place of its intensity.

        Returns
        -------
        torch.Tensor
            [B, Sy, Sx], with the leading axes given.

        Raises
        ------
        TypeError, ValueError
            If the model has no `imaging`, or the intensity is of another dtype or shape.
        """
        objects = shape_checked("intensity", self.object_field(intensity), (self.support,))
        return self(self.imaging.low_pass(objects, self.support), return_field)

    def _propagated(self, field: Tensor, distance: float) -> Tensor:
        return functional.propagate(field, distance, self.pitch, self.wavelength, self.pad_factor)

    def ledger_layers(self) -> tuple[Tensor, Tensor, tuple[Any, ...]]:
        """Return what :func:`pyfdsr.optics.energy_ledger` follows: free spaces, masks behind them, responses.

        Returns
        -------
        transfers : torch.Tensor [L + 1, Py, Px]
            complex128 transfer functions on the padded grid.
        masks : torch.Tensor [L + 1, Sy, Sx]
            complex128 factors in the plane behind each of them; the detector's is 1.
        specs : tuple of L + 1
        """
        # The reference formulas keep the account independent of the engine.
        from pyfdsr.reference.torch_twin import angular_spectrum_transfer

        padded = tuple(round(s * self.pad_factor) for s in self.support)
        transfers = [
            angular_spectrum_transfer(padded, distance, self.pitch, self.wavelength)
            for distance in self.distances
        ]
        phases = self.phases.detach().cpu().double()
        phases = torch.cat([phases, phases.new_zeros(1, *self.support)])
        return torch.stack(transfers), torch.exp(1j * phases), (*self.nonlinearity, None)

    def extra_repr(self) -> str:
        """Describe the sizes, the lengths and the nonlinearities."""
        distances = self.distances[0] if len(set(self.distances)) == 1 else self.distances
        return (
            f"num_layers={self.num_layers}, support={self.support}, grid={self.grid}, distance={distances}, "
            f"pitch={self.pitch}, wavelength={self.wavelength}, pad_factor={self.pad_factor}, "
            f"nonlinearity={self.shown_nonlinearity()}, imaging={self.imaging}"
        )


def _distances(given: Any, count: int) -> tuple[float, ...]:
    if isinstance(given, (list, tuple)):
        if len(given) != count:
            raise ValueError(
                f"distance has {len(given)} entries: must have {count}, one before, between and behind "
                f"{count - 1} planes"
            )
        return tuple(number_of("distance", value) for value in given)
    return (number_of("distance", given),) * count
