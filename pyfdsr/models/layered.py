"""What the networks of this package share: window, nonlinearities, checks of what is sent in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from pyfdsr import nonlinearity as specifications
from pyfdsr._arguments import check_fits, pair_of
from pyfdsr.functional.checks import cast, precision_of, tensor_of

__all__ = ["LayeredNetwork", "shape_checked"]

_DEFAULT = specifications.Kerr(4.0)


class LayeredNetwork(nn.Module):
    """Base of the networks whose layers end in a nonlinearity each.

    Parameters
    ----------
    num_layers : int
        Number of layers L, each with one nonlinearity.
    nonlinearity : specification, module of :mod:`pyfdsr.nn`, "linear", a sequence of `num_layers`, or None
        None is the paper's ``Kerr(4.0)``, except in a sequence, where it leaves out a single one.

    Raises
    ------
    TypeError, ValueError
        If a nonlinearity is not one, or a specification holds a tensor, which no optimiser would find.
    """

    def __init__(self, num_layers: int, nonlinearity: Any) -> None:
        super().__init__()
        self.num_layers = pair_of("num_layers", num_layers)[0]
        self._set_nonlinearity(_DEFAULT if nonlinearity is None else nonlinearity)

    def set_window(self, support: Any, grid: Any, imaging: Any) -> None:
        """Keep window, padded grid and imaging optics as attributes.

        Raises
        ------
        TypeError, ValueError
            If a size is not a positive integer, the window exceeds the grid, or the optics have another one.
        """
        self.support, self.grid, self.imaging = pair_of("support", support), pair_of("grid", grid), imaging
        check_fits("support", self.support, self.grid)
        if imaging is not None and pair_of("imaging.grid", imaging.grid) != self.grid:
            raise ValueError(f"imaging.grid={imaging.grid!r}: must be the network's grid={self.grid}")

    def _set_nonlinearity(self, given: Any) -> None:
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

    @property
    def nonlinearity(self) -> tuple[specifications.Nonlinearity | None, ...]:
        """The specification that follows each unit, [L]; holds tensors where parameters are learnable."""
        specs = [module.spec for module in self.nonlinearity_modules]
        return tuple(specs[unit] if isinstance(unit, int) else unit for unit in self._units)

    def shown_nonlinearity(self) -> Any:
        """Return what `extra_repr` says about the nonlinearities."""
        specs = list(dict.fromkeys(unit for unit in self._units if not isinstance(unit, int)))
        return specs[0] if len(specs) == 1 and not self.nonlinearity_modules else specs

    def object_field(self, intensity: Tensor) -> Tensor:
        """Return the amplitude of objects of that intensity; its gradient is 0 where the intensity is.

        Raises
        ------
        TypeError, ValueError
            If there is no imaging optics to send it through, or the intensity is no real floating tensor.
        """
        if self.imaging is None:
            raise ValueError("imaging=None: image() needs a model built with imaging=ImagingOptics(...)")
        tensor_of("intensity", intensity, allow_complex=False)
        intensity = cast(intensity, precision_of(intensity))
        return _amplitude(intensity) if intensity.requires_grad else intensity.sqrt()


def shape_checked(name: str, field: Tensor, windows: Sequence[tuple[int, int]]) -> Tensor:
    """Return `field` if it is one field or a batch of one of the sizes, with or without a channel axis of 1.

    Raises
    ------
    TypeError, ValueError
        If it is not.
    """
    tensor_of(name, field)
    channel = field.ndim == 4 and field.shape[1] != 1
    if not 2 <= field.ndim <= 4 or channel or tuple(field.shape[-2:]) not in windows:
        sizes = " or ".join(f"[B, {y}, {x}]" for y, x in dict.fromkeys(windows))
        raise ValueError(
            f"{name} has shape {tuple(field.shape)}: must be {sizes}, or with a channel axis of 1 after B"
        )
    return field


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
