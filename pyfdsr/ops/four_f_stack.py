"""Stacks of 4f layers with nonlinearities in one fused call, and their adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _core, _plans
from .._arguments import check_fits, grid_of, pair_of
from .._runtime import get_num_threads
from ..nonlinearity import Nonlinearity, per_layer
from .arrays import batched, complex_array, is_double, real_array, window_of
from .device_arrays import also_on_devices
from .nonlinearity import core_arguments

__all__ = ["StackTape", "four_f_stack", "four_f_stack_adjoint"]


@dataclass(frozen=True)
class StackTape:
    """What `four_f_stack_adjoint` needs of a forward call; keep it and pass it on."""

    plan: _core.FourFStack
    values: np.ndarray
    leading: tuple[int, ...]
    window: tuple[int, int]
    real_input: bool
    phases: np.ndarray
    aperture: np.ndarray | None
    nonlinearities: tuple[Nonlinearity | None, ...]
    parameters: np.ndarray
    callbacks: list[int]
    intensity: bool


def _phases(value: ArrayLike, double: bool) -> np.ndarray:
    phases = real_array("phases", value, double)
    if phases.ndim != 3 or 0 in phases.shape:
        raise ValueError(f"phases has shape {phases.shape}: must be (layers, M, M)")
    return phases


def _aperture(value: ArrayLike | None, phases: np.ndarray, double: bool) -> np.ndarray | None:
    if value is None:
        return None
    aperture = real_array("aperture", value, double)
    aperture = aperture[None] if aperture.ndim == 2 else aperture
    layers, *band = phases.shape
    if aperture.ndim != 3 or list(aperture.shape[1:]) != band or not 1 <= len(aperture) <= layers:
        raise ValueError(
            f"aperture has shape {np.shape(value)}: must be {tuple(band)} or (K, {band[0]}, {band[1]}) with "
            f"1 <= K <= {layers}"
        )
    return aperture


@also_on_devices
def four_f_stack(
    field: ArrayLike,
    phases: ArrayLike,
    grid: Any,
    nonlinearity: Nonlinearity | str | Sequence[Nonlinearity | None] | None,
    support: Any = None,
    *,
    aperture: ArrayLike | None = None,
    intensity: bool = False,
    save: bool = False,
    algorithm: str = "auto",
) -> np.ndarray | tuple[np.ndarray, StackTape]:
    """Propagate fields through L phase masks in 4f systems, a nonlinearity after each.

    An image stays in cache through all layers.

    Parameters
    ----------
    field : array_like, [..., S, S]
        Complex fields, or real ones.
    phases : array_like, [L, M, M]
        Phase masks, radians.
    grid : int, float or pair
        Padded grid N.
    nonlinearity : specification, None, "linear", or a sequence of L
        See `pyfdsr.nonlinearity`.
    support : int, pair or None
        Window after every layer; None keeps that of `field`.
    aperture : array_like, [M, M] or [K, M, M], optional
        Real transmission of the Fourier planes of the first layer, or of the first K.
    intensity : bool
        Return the intensity of the last field.
    save : bool
        Return the tape for `four_f_stack_adjoint` too.
    algorithm : str
        As in `windowed_dft`.

    Returns
    -------
    ndarray, [..., support, support]
        Complex fields, or real intensities; with `save` a pair of it and a `StackTape`.

    Raises
    ------
    TypeError, ValueError
        If a dtype or shape is wrong, sizes do not fit the grid, or the number of nonlinearities is not L.

    References
    ----------
    Kleiner, Michaeli, Michaeli, "Can the success of digital super-resolution networks be transferred to
    passive all-optical systems?", Nanophotonics (2025), Sect. 2.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import nonlinearity, ops
    >>> phases = np.zeros((3, 8, 8), np.float32)
    >>> ops.four_f_stack(np.ones((2, 8, 8), np.complex64), phases, 24, nonlinearity.Kerr(4.0)).shape
    (2, 8, 8)
    """
    double = is_double(field, phases)
    given = np.asarray(field)
    real_input = given.dtype.kind == "f"
    field = (real_array if real_input else complex_array)("field", given, double)
    phases = _phases(phases, double)
    aperture = _aperture(aperture, phases, double)
    window, band = window_of("field", field), phases.shape[1:]
    support = window if support is None else pair_of("support", support)
    sizes, centred = grid_of(grid)
    for name, size in (("field", window), ("support", support), ("phases", band)):
        check_fits(name, size, sizes)
    layers = per_layer(nonlinearity, len(phases))
    kinds, parameters, callbacks = zip(*(core_arguments(spec, double) for spec in layers), strict=True)
    plan = _plans.four_f_stack_plan(window, support, band, sizes, centred, kinds, double, algorithm)
    values, addresses = np.array(parameters), [address for pair in callbacks for address in pair]
    out, tape, _ = plan.forward(
        batched(field),
        phases[None],
        None,
        aperture,
        values,
        addresses,
        save,
        intensity,
        False,
        get_num_threads(),
    )
    leading = field.shape[:-2]
    out = out.reshape(*leading, *support)
    if not save:
        return out
    # What the caller changes before the adjoint must not change the adjoint.
    phases, aperture = phases.copy(), None if aperture is None else aperture.copy()
    return out, StackTape(
        plan, tape, leading, window, real_input, phases, aperture, layers, values, addresses, intensity
    )


@also_on_devices
def four_f_stack_adjoint(
    v: ArrayLike, tape: StackTape
) -> tuple[np.ndarray, np.ndarray, tuple[tuple[float, ...], ...]]:
    """Adjoint of `four_f_stack` at the forward call that made `tape`.

    Parameters
    ----------
    v : array_like
        Cotangents of the output: complex for fields, real for intensities.
    tape : StackTape
        From ``four_f_stack(..., save=True)``.

    Returns
    -------
    v_field : ndarray, [..., S, S]
        Real if the field was.
    v_phases : ndarray, [L, M, M]
        Summed over the batch.
    v_parameters : tuple of L tuples
        Gradients of every layer's parameters in the order of ``spec.parameters()``.

    Raises
    ------
    TypeError, ValueError
        If `v` has the wrong kind or shape.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import nonlinearity, ops
    >>> phases = np.zeros((3, 8, 8))
    >>> y, tape = ops.four_f_stack(np.ones((8, 8)), phases, 24, nonlinearity.Kerr(4.0), save=True)
    >>> v_field, v_phases, v_strengths = ops.four_f_stack_adjoint(y, tape)
    >>> v_field.shape, v_phases.shape, len(v_strengths)
    ((8, 8), (3, 8, 8), 3)
    """
    double = tape.phases.dtype == np.float64
    v = (real_array if tape.intensity else complex_array)("v", v, double)
    if v.shape[:-2] != tape.leading:
        raise ValueError(f"v has leading axes {v.shape[:-2]}: must be {tape.leading}, those of the output")
    flat = batched(v)
    v_field, v_phases, v_parameters = tape.plan.adjoint(
        flat,
        tape.values,
        len(flat),
        tape.phases[None],
        None,
        tape.aperture,
        tape.parameters,
        tape.callbacks,
        tape.intensity,
        True,
        tape.real_input,
        get_num_threads(),
    )
    counts = (
        0 if spec is None or spec.kind == "custom" else len(spec.parameters()) for spec in tape.nonlinearities
    )
    by_layer = tuple(tuple(map(float, row[:count])) for row, count in zip(v_parameters, counts, strict=True))
    return v_field.reshape(*tape.leading, *tape.window), v_phases[0], by_layer
