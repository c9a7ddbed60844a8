"""Nonlinearities as modules over the specifications of :mod:`pyfdsr.nonlinearity`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from pyfdsr import functional
from pyfdsr import nonlinearity as specifications

__all__ = [
    "CustomNonlinearity",
    "Kerr",
    "Nonlinearity",
    "OptoelectronicGate",
    "SaturableAbsorber",
    "SaturableKerr",
    "TwoPhotonAbsorption",
]


class Nonlinearity(nn.Module):
    """Base of the modules that multiply a field by a function of its own intensity."""

    @property
    def spec(self) -> specifications.Nonlinearity:
        """The specification, holding this module's parameters as tensors where they are learnable."""
        raise NotImplementedError

    def forward(self, field: Tensor) -> Tensor:
        """Return ``f(|field|²) * field``, any shape."""
        return functional.nonlinear(field, self.spec)


class _Parametric(Nonlinearity):
    """Parameters kept as numbers, or as scalar ``nn.Parameter`` of the default dtype when learnable."""

    _specification: ClassVar[type]

    def __init__(self, learnable: bool, **values: float) -> None:
        super().__init__()
        self.learnable = bool(learnable)
        spec = self._specification(**values)
        self._names = tuple(field.name for field in fields(spec))
        for name, value in zip(self._names, spec.parameters(), strict=True):
            setattr(self, name, nn.Parameter(torch.as_tensor(value).detach().clone()) if learnable else value)

    @property
    def spec(self) -> Any:
        """The specification, holding this module's parameters as tensors where they are learnable."""
        return self._specification(*[getattr(self, name) for name in self._names])

    def extra_repr(self) -> str:
        """Describe the parameters."""
        values = {name: torch.as_tensor(getattr(self, name)) for name in self._names}
        shown = [f"{name}={'?' if v.is_meta else format(v.item(), 'g')}" for name, v in values.items()]
        return ", ".join([*shown, f"learnable={self.learnable}"])


class Kerr(_Parametric):
    """Kerr phase, see :class:`pyfdsr.nonlinearity.Kerr`.

    Parameters
    ----------
    strength : float
        Radians per unit intensity.
    learnable : bool
        Make the strength a parameter.

    Examples
    --------
    >>> from pyfdsr.nn import Kerr
    >>> Kerr(4.0, learnable=True)
    Kerr(strength=4, learnable=True)
    """

    _specification = specifications.Kerr

    def __init__(self, strength: float, learnable: bool = False) -> None:
        super().__init__(learnable, strength=strength)


class SaturableKerr(_Parametric):
    """Kerr phase that saturates, see :class:`pyfdsr.nonlinearity.SaturableKerr`.

    Parameters
    ----------
    strength, saturation : float
        Radians per unit intensity at low intensity; intensity at which half of the phase is left.
    learnable : bool
        Make both of them parameters.
    """

    _specification = specifications.SaturableKerr

    def __init__(self, strength: float, saturation: float, learnable: bool = False) -> None:
        super().__init__(learnable, strength=strength, saturation=saturation)


class SaturableAbsorber(_Parametric):
    """Absorber that bleaches, see :class:`pyfdsr.nonlinearity.SaturableAbsorber`.

    Parameters
    ----------
    optical_depth, saturation : float
        Optical depth at zero intensity; saturation intensity.
    learnable : bool
        Make both of them parameters.
    """

    _specification = specifications.SaturableAbsorber

    def __init__(self, optical_depth: float, saturation: float, learnable: bool = False) -> None:
        super().__init__(learnable, optical_depth=optical_depth, saturation=saturation)


class TwoPhotonAbsorption(_Parametric):
    """Two-photon absorption, see :class:`pyfdsr.nonlinearity.TwoPhotonAbsorption`.

    Parameters
    ----------
    beta_length : float
        Two-photon coefficient times length, per unit intensity.
    learnable : bool
        Make it a parameter.
    """

    _specification = specifications.TwoPhotonAbsorption

    def __init__(self, beta_length: float, learnable: bool = False) -> None:
        super().__init__(learnable, beta_length=beta_length)


class OptoelectronicGate(_Parametric):
    """Modulator driven by its own light, see :class:`pyfdsr.nonlinearity.OptoelectronicGate`.

    Parameters
    ----------
    t_min, t_max, threshold, exponent : float
        Transmission in bright and in dim light, intensity half-way between them, steepness.
    learnable : bool
        Make all of them parameters.
    """

    _specification = specifications.OptoelectronicGate

    def __init__(
        self, t_min: float, t_max: float, threshold: float, exponent: float, learnable: bool = False
    ) -> None:
        super().__init__(learnable, t_min=t_min, t_max=t_max, threshold=threshold, exponent=exponent)


class CustomNonlinearity(Nonlinearity):
    """A response of the user's own, compiled by numba, see :class:`pyfdsr.nonlinearity.Custom`.

    Parameters
    ----------
    response, derivative : callable
        Scalar functions of the intensity that return f and df/dI, real or complex. To be pickled or sent to
        worker processes they must be importable, as for any pickled function.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.nn import CustomNonlinearity
    >>> def response(intensity):
    ...     return 1.0 / (1.0 + intensity)
    >>> def derivative(intensity):
    ...     return -1.0 / (1.0 + intensity) ** 2
    >>> limiter = CustomNonlinearity(response, derivative)
    >>> limiter(torch.tensor([1.0 + 0.0j])).real
    tensor([0.5000])
    """

    def __init__(self, response: Callable[[float], complex], derivative: Callable[[float], complex]) -> None:
        super().__init__()
        self._spec = specifications.Custom(response, derivative)

    @property
    def spec(self) -> specifications.Custom:
        """The specification."""
        return self._spec

    def extra_repr(self) -> str:
        """Name the two functions."""
        names = (
            getattr(function, "__name__", repr(function))
            for function in (self._spec.response, self._spec.derivative)
        )
        return "response={}, derivative={}".format(*names)
