"""The all-optical super-resolution network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pyfdsr import functional
from pyfdsr import nonlinearity as specifications
from pyfdsr._arguments import check_fits, grid_of, pair_of
from pyfdsr.functional.checks import cast, precision_of, tensor_of

from .checkpoints import reference_phases

__all__ = ["AOSRNN"]

_DEFAULT = specifications.Kerr(4.0)


class AOSRNN(nn.Module):
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
        super().__init__()
        self.num_layers = pair_of("num_layers", num_layers)[0]
        self.support, self.band, self.grid = (
            pair_of("support", support),
            pair_of("band", band),
            pair_of("grid", grid),
        )
        sizes, _ = grid_of(self.grid)
        check_fits("support", self.support, sizes)
        check_fits("band", self.band, sizes)
        self.phases = nn.Parameter(torch.randn(self.num_layers, *self.band))
        self._set_nonlinearity(nonlinearity)
        self.imaging = imaging
        self.register_buffer("imaging_aperture", self._imaging_aperture(imaging), persistent=False)

    def _set_nonlinearity(self, given: Any) -> None:
        if given is None:
            given = _DEFAULT
        if isinstance(given, (list, tuple)):
            entries = tuple(given)
            specifications.per_layer([_spec(entry) for entry in entries], self.num_layers)
            self.nonlinearity_modules = nn.ModuleList(
                entry for entry in entries if isinstance(entry, nn.Module)
            )
        else:
            entries = (given,) * self.num_layers
            specifications.per_layer(_spec(given), self.num_layers)
            self.nonlinearity_modules = nn.ModuleList([given] if isinstance(given, nn.Module) else [])
        _refuse_tensors(entries)
        modules = list(self.nonlinearity_modules)
        # Units point at their module by index, so that copies of the model point at the copied modules.
        self._units: list[Any] = []
        for entry in entries:
            shared = [index for index, module in enumerate(modules) if module is entry]
            self._units.append(shared[0] if shared else _spec(entry))

    def _imaging_aperture(self, imaging: Any) -> Tensor | None:
        if imaging is None:
            return None
        if pair_of("imaging.grid", imaging.grid) != self.grid:
            raise ValueError(f"imaging.grid={imaging.grid!r}: must be the network's grid={self.grid}")
        return torch.as_tensor(imaging.transfer(self.band), dtype=self.phases.dtype)

    @property
    def nonlinearity(self) -> tuple[specifications.Nonlinearity | None, ...]:
        """The specification that follows each unit, [L]; holds tensors where parameters are learnable."""
        specs = [module.spec for module in self.nonlinearity_modules]
        return tuple(specs[unit] if isinstance(unit, int) else unit for unit in self._units)

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
        if self.imaging_aperture is None:
            raise ValueError("imaging=None: image() needs a model built with imaging=ImagingOptics(...)")
        tensor_of("intensity", intensity, allow_complex=False)
        intensity = cast(intensity, precision_of(intensity))
        field = _amplitude(intensity) if intensity.requires_grad else intensity.sqrt()
        return self._run("intensity", field, (self.support,), self.imaging_aperture, return_field)

    def _run(
        self,
        name: str,
        field: Tensor,
        windows: Sequence[tuple[int, int]],
        aperture: Tensor | None,
        return_field: bool,
    ) -> Tensor:
        tensor_of(name, field)
        channel = field.ndim == 4 and field.shape[1] != 1
        if not 2 <= field.ndim <= 4 or channel or tuple(field.shape[-2:]) not in windows:
            sizes = " or ".join(f"[B, {y}, {x}]" for y, x in dict.fromkeys(windows))
            raise ValueError(
                f"{name} has shape {tuple(field.shape)}: must be {sizes}, or with a channel axis of 1 after B"
            )
        return functional.four_f_stack(
            field,
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
        specs = list(dict.fromkeys(unit for unit in self._units if not isinstance(unit, int)))
        shown = specs[0] if len(specs) == 1 and not self.nonlinearity_modules else specs
        return (
            f"num_layers={self.num_layers}, support={self.support}, band={self.band}, grid={self.grid}, "
            f"nonlinearity={shown}, imaging={self.imaging}"
        )


def _amplitude(intensity: Tensor) -> Tensor:
    """Square root with gradient 0 at 0; NaN and negative intensities give NaN, as ever."""
    dark = intensity == 0
    return intensity.masked_fill(dark, 1).sqrt().masked_fill(dark, 0)


def _refuse_tensors(entries: Sequence[Any]) -> None:
    for entry in entries:
        held = () if entry is None or isinstance(entry, (str, nn.Module)) else entry.parameters()
        if any(isinstance(value, Tensor) for value in held):
            raise ValueError(
                f"nonlinearity={entry!r}: must hold numbers, for a tensor in it would not be trained; "
                f"use pyfdsr.nn.{type(entry).__name__}(..., learnable=True)"
            )


def _spec(entry: Any) -> Any:
    """Return the specification of a module, or the entry itself."""
    if isinstance(entry, nn.Module):
        if not hasattr(entry, "spec"):
            raise TypeError(
                f"nonlinearity={entry!r}: a module must be one of the nonlinearities of pyfdsr.nn"
            )
        return entry.spec
    return None if isinstance(entry, str) and entry == "linear" else entry
