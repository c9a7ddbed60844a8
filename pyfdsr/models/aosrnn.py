"""The all-optical super-resolution network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pyfdsr import functional
from pyfdsr._arguments import check_fits, pair_of

from .checkpoints import reference_phases
from .layered import LayeredNetwork, shape_checked

__all__ = ["AOSRNN"]


class AOSRNN(LayeredNetwork):
    r"""All-optical super-resolution network: L units of 4f system and nonlinearity.

    Each unit Fourier transforms the field on a padded grid, multiplies the central band by
    :math:`e^{i\varphi}` and blocks the rest, transforms back, blocks what lies outside the window and applies
    the nonlinearity. The output is the intensity behind the last unit.

    Parameters
    ----------
    num_layers : int
        Number of units L.
    support : int or pair (y, x)
        Window in samples, S.
    band : int or pair (y, x)
        Phase mask in frequencies, M, at most `grid`.
    grid : int or pair (y, x)
        Padded grid in samples, N.
    nonlinearity : specification, module of :mod:`pyfdsr.nn`, "linear", a sequence of `num_layers`, or None
        What follows each unit. None is the paper's ``Kerr(4.0)``; "linear" is the control without any (None
        in a sequence leaves out a single one). The parameters of a learnable module are trained with the
        phases; a single module is shared by all units. Specifications must hold numbers.
    imaging : pyfdsr.optics.ImagingOptics, optional
        The optics that `image` sends an object through first. Its grid must be `grid`.

    Attributes
    ----------
    phases : torch.nn.Parameter
        [L, My, Mx], radians, drawn from the standard normal distribution.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, window or band exceed the grid, a nonlinearity is not one, or a
        specification holds a tensor, which no optimiser would find.

    References
    ----------
    The forward model and Eq. 1 of the all-optical super-resolution paper.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.models import AOSRNN
    >>> model = AOSRNN(num_layers=2, support=16, band=16, grid=48)
    >>> intensity = model(torch.rand(4, 16, 16).to(torch.complex64))
    >>> intensity.shape, intensity.dtype
    (torch.Size([4, 16, 16]), torch.float32)
    """

    def __init__(
        self,
        num_layers: int = 10,
        support: int | tuple[int, int] = 112,
        band: int | tuple[int, int] = 112,
        grid: int | tuple[int, int] = 336,
        nonlinearity: Any = None,
        imaging: Any = None,
    ) -> None:
        super().__init__(num_layers, nonlinearity)
        self.set_window(support, grid, imaging)
        self.band = pair_of("band", band)
        check_fits("band", self.band, self.grid)
        self.phases = nn.Parameter(torch.randn(self.num_layers, *self.band))
        passed = None if imaging is None else torch.as_tensor(imaging.transfer(self.band))
        self.register_buffer("imaging_aperture", passed, persistent=False)

    def forward(self, field: Tensor, return_field: bool = False) -> Tensor:
        """Send fields through the network.

        Parameters
        ----------
        field : torch.Tensor
            [B, Sy, Sx] or the whole padded grid [B, Ny, Nx], complex or real, without the batch axis, or with
            a channel axis of 1, [B, 1, y, x].
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
        return self._run("field", field, (self.support, self.grid), None, return_field)

    def image(self, intensity: Tensor, return_field: bool = False) -> Tensor:
        """Send objects through the imaging optics and then through the network.

        The low-resolution field that enters the network covers the whole padded grid but is never formed: its
        spectrum is that of the object's field times the filter of the optics.

        Parameters
        ----------
        intensity : torch.Tensor
            [B, Sy, Sx] or [B, 1, Sy, Sx], real, not negative: transmitted intensity of the objects. Its
            gradient is taken as 0 where it is 0, where that of the amplitude, its square root, is infinite.
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
        field = self.object_field(intensity)
        return self._run("intensity", field, (self.support,), self.imaging_aperture, return_field)

    def _run(
        self,
        name: str,
        field: Tensor,
        windows: Sequence[tuple[int, int]],
        aperture: Tensor | None,
        return_field: bool,
    ) -> Tensor:
        return functional.four_f_stack(
            shape_checked(name, field, windows),
            self.phases,
            self.grid,
            self.nonlinearity,
            support=self.support,
            aperture=aperture,
            intensity=not return_field,
        )

    @classmethod
    def from_reference_checkpoint(cls, path: str | os.PathLike[str], **arguments: Any) -> AOSRNN:
        """Build a network with the phase masks of a state dict with keys ``model.<layer>.phase_filter``.

        Parameters
        ----------
        path : path-like
            File written by ``torch.save``.
        **arguments
            `support`, `grid`, `nonlinearity` and `imaging` of the class; the number of units and the band are
            those of the file.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged, lacks a layer, or holds masks that do not fit together or the grid.
        """
        phases = reference_phases(path)
        model = cls(num_layers=phases.shape[0], band=tuple(phases.shape[1:]), **arguments)
        with torch.no_grad():
            model.phases.copy_(phases)
        return model

    def extra_repr(self) -> str:
        """Describe the sizes and the nonlinearities."""
        return (
            f"num_layers={self.num_layers}, support={self.support}, band={self.band}, grid={self.grid}, "
            f"nonlinearity={self.shown_nonlinearity()}, imaging={self.imaging}"
        )
