"""Nonlinear layers E -> f(|E|²)·E and their adjoints."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from .._runtime import get_num_threads
from ..nonlinearity import Nonlinearity
from .arrays import complex_array, is_double
from .device_arrays import also_on_devices

__all__ = ["core_arguments", "nonlinear", "nonlinear_adjoint"]


def core_arguments(spec: Nonlinearity | None, double: bool) -> tuple[str, list[float], list[int]]:
    """Return the core's name of a nonlinearity, its four parameters and its two callback addresses."""
    if spec is None:
        return "none", [0.0] * 4, [0, 0]
    if spec.kind == "custom":
        return "custom", [0.0] * 4, list(spec.addresses(double))
    parameters = [float(value) for value in spec.parameters()]
    return spec.kind, parameters + [0.0] * (4 - len(parameters)), [0, 0]


@also_on_devices
def nonlinear(x: ArrayLike, spec: Nonlinearity | None) -> np.ndarray:
    """Multiply a field by a function of its own intensity.

    Parameters
    ----------
    x : array_like, any shape
        Field.
    spec : specification of `pyfdsr.nonlinearity` or None
        None leaves the field as it is.

    Returns
    -------
    ndarray
        Shape of `x`, complex.

    Raises
    ------
    TypeError
        If `x` is neither real floating nor complex.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import nonlinearity, ops
    >>> ops.nonlinear(np.array([1.0]), nonlinearity.Kerr(np.pi)).round(12)
    array([-1.+0.j])
    """
    x = complex_array("x", x)
    name, parameters, callbacks = core_arguments(spec, is_double(x))
    return _core.nonlinearity_forward(name, x, parameters, callbacks, get_num_threads())


@also_on_devices
def nonlinear_adjoint(
    v: ArrayLike, x: ArrayLike, spec: Nonlinearity | None
) -> tuple[np.ndarray, tuple[float, ...]]:
    """Adjoint of `nonlinear` at `x`.

    Parameters
    ----------
    v : array_like
        Cotangents of the output.
    x : array_like
        Input of `nonlinear`, same shape.
    spec : specification or None
        As in `nonlinear`.

    Returns
    -------
    v_x : ndarray
        Shape of `x`.
    v_parameters : tuple of float
        Gradients of the specification's parameters in the order of ``spec.parameters()``.

    Raises
    ------
    TypeError, ValueError
        If a dtype is wrong or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import nonlinearity, ops
    >>> v_x, (v_strength,) = ops.nonlinear_adjoint(np.array([1j]), np.array([1.0]), nonlinearity.Kerr(0.0))
    >>> v_strength
    1.0
    """
    double = is_double(v, x)
    v, x = complex_array("v", v, double), complex_array("x", x, double)
    if v.shape != x.shape:
        raise ValueError(f"v has shape {v.shape}: must be that of x, {x.shape}")
    name, parameters, callbacks = core_arguments(spec, double)
    v_x, v_parameters = _core.nonlinearity_adjoint(name, v, x, parameters, callbacks, get_num_threads())
    count = 0 if spec is None or name == "custom" else len(spec.parameters())
    return v_x, tuple(float(value) for value in v_parameters[:count])
