"""The 4f layer, windowed_idft(transfer · windowed_dft(x)), and its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _plans
from .._arguments import check_fits, grid_of, pair_of
from .._runtime import get_num_threads
from .arrays import batched, complex_array, is_double, real_array, window_of
from .device_arrays import also_on_devices

__all__ = ["four_f", "four_f_adjoint"]


def _broadcast(x: np.ndarray, transfer: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Flat batches [B, ...] of both; the transfer keeps a batch of 1 where all images share it."""
    try:
        leading = np.broadcast_shapes(x.shape[:-2], transfer.shape[:-2])
    except ValueError:
        raise ValueError(
            f"x has leading axes {x.shape[:-2]} and transfer {transfer.shape[:-2]}: they do not broadcast"
        ) from None
    fields = batched(np.ascontiguousarray(np.broadcast_to(x, leading + x.shape[-2:])))
    if batched(transfer).shape[0] == 1:
        return fields, batched(transfer), leading
    return (
        fields,
        batched(np.ascontiguousarray(np.broadcast_to(transfer, leading + transfer.shape[-2:]))),
        leading,
    )


def _summed_to(v: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum over the axes that broadcasting has added or stretched."""
    added = v.ndim - len(shape)
    v = v.sum(axis=tuple(range(added)))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 and v.shape[axis] != 1)
    return v.sum(axis=stretched, keepdims=True) if stretched else v


@also_on_devices
def four_f(
    x: ArrayLike, transfer: ArrayLike, grid: Any, support: Any = None, *, algorithm: str = "auto"
) -> np.ndarray:
    """Propagate fields through a 4f system with a transfer function in its Fourier plane.

    ``windowed_idft(transfer · windowed_dft(x))`` in one fused call; the transfer is zero outside its band.

    Parameters
    ----------
    x : array_like, [..., S, S]
        Fields.
    transfer : array_like, [M, M] or [..., M, M]
        Complex transfer function over the band, zero frequency at index ``M//2``; leading axes broadcast
        with those of `x`.
    grid : int, float or pair
        Padded grid N.
    support : int, pair or None
        Window of the result; None keeps that of `x`.
    algorithm : str
        As in `windowed_dft`.

    Returns
    -------
    ndarray, [..., S, S] or [..., support, support]

    Raises
    ------
    TypeError, ValueError
        If a dtype is neither real floating nor complex, sizes do not fit the grid, or axes do not broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> x = np.eye(4, dtype=np.complex128)
    >>> bool(np.allclose(ops.four_f(x, np.ones((12, 12)), grid=12), x))
    True
    """
    double = is_double(x, transfer)
    x, transfer = complex_array("x", x, double), complex_array("transfer", transfer, double)
    window, band = window_of("x", x), window_of("transfer", transfer)
    support = window if support is None else pair_of("support", support)
    sizes, centred = grid_of(grid)
    for name, size in (("x", window), ("support", support), ("transfer", band)):
        check_fits(name, size, sizes)
    fields, masks, leading = _broadcast(x, transfer)
    plan = _plans.four_f_stack_plan(window, support, band, sizes, centred, ("none",), double, algorithm)
    out, _, _ = plan.forward(
        fields, None, masks[:, None], None, np.zeros((1, 4)), [], False, False, False, get_num_threads()
    )
    return out.reshape(*leading, *support)


@also_on_devices
def four_f_adjoint(
    v: ArrayLike, x: ArrayLike, transfer: ArrayLike, grid: Any, *, algorithm: str = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """Adjoint of `four_f` with respect to the field and to the transfer function.

    Parameters
    ----------
    v : array_like, [..., T, T]
        Cotangents of the output; its window is the support.
    x, transfer, grid, algorithm
        The arguments of `four_f`.

    Returns
    -------
    v_x : ndarray
        Shape of `x`; axes that were broadcast are summed. Real if `x` was.
    v_transfer : ndarray
        Shape of `transfer`, likewise. Always complex: for a real `transfer` its real part is the gradient.

    Raises
    ------
    TypeError, ValueError
        As `four_f`, or if the leading axes of `v` are not those of the output.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> x, t, v = np.ones((3, 4, 4)), np.ones((5, 5)), np.ones((3, 4, 4))
    >>> [a.shape for a in ops.four_f_adjoint(v, x, t, grid=12)]
    [(3, 4, 4), (5, 5)]
    """
    double = is_double(v, x, transfer)
    real_input = np.asarray(x).dtype.kind == "f"
    x = (real_array if real_input else complex_array)("x", x, double)
    v, transfer = complex_array("v", v, double), complex_array("transfer", transfer, double)
    window, support, band = window_of("x", x), window_of("v", v), window_of("transfer", transfer)
    sizes, centred = grid_of(grid)
    for name, size in (("x", window), ("v", support), ("transfer", band)):
        check_fits(name, size, sizes)
    fields, masks, leading = _broadcast(x, transfer)
    if v.shape[:-2] != leading:
        raise ValueError(f"v has leading axes {v.shape[:-2]}: must be {leading}, those of the output")
    plan = _plans.four_f_stack_plan(window, support, band, sizes, centred, ("none",), double, algorithm)
    parameters, threads = np.zeros((1, 4)), get_num_threads()
    _, tape, _ = plan.forward(fields, None, masks[:, None], None, parameters, [], True, False, False, threads)
    v_x, v_transfer, _ = plan.adjoint(
        batched(v),
        tape,
        len(fields),
        None,
        masks[:, None],
        None,
        parameters,
        [],
        False,
        True,
        real_input,
        threads,
        need_parameters=False,
    )
    shape = transfer.shape if len(masks) == 1 else leading + band
    return _summed_to(v_x.reshape(leading + window), x.shape), _summed_to(
        v_transfer.reshape(shape), transfer.shape
    )
