r"""The two-dimensional convolution of neural networks and its adjoints, summed sample by sample in NumPy.

.. math:: y[b,o,n] = c[o] + \sum_i \sum_d x[b,i,\,s n + \delta d - p]\; w[o,i,d]

with stride s, dilation δ and p zeros around the input. All results are float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["conv2d", "conv2d_adjoint_input", "conv2d_adjoint_weight"]

Pair = int | tuple[int, int]
Real = NDArray[np.float64]


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if np.isscalar(value) else tuple(value)


def _output_size(size: Any, kernel: Any, stride: Pair, padding: Pair, dilation: Pair) -> tuple[int, ...]:
    axes = zip(size, kernel, _pair(stride), _pair(padding), _pair(dilation), strict=True)
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes)


def _meetings(
    size: Any, output_size: Any, kernel: Any, stride: Pair, padding: Pair, dilation: Pair
) -> Iterator[tuple[tuple[int, int], tuple[int, int], tuple[int, int]]]:
    """Every (output sample, input sample, kernel sample) that meet, the padding's zeros left out."""
    steps = _pair(stride), _pair(padding), _pair(dilation)
    for n in np.ndindex(*output_size):
        for k in np.ndindex(*kernel):
            at = tuple(s * i + d * j - p for i, j, s, p, d in zip(n, k, *steps, strict=True))
            if all(0 <= a < length for a, length in zip(at, size, strict=True)):
                yield n, at, k


def _in_groups(array: Real, axis: int, groups: int) -> Real:
    """Split an axis of channels into (group, channel)."""
    return array.reshape(*array.shape[:axis], groups, -1, *array.shape[axis + 1 :])


def conv2d(
    x: ArrayLike,
    w: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Real:
    """Convolve maps [B, Ci, H, W] with kernels [Co, Ci / groups, ky, kx]: [B, Co, Oy, Ox].

    Examples
    --------
    >>> conv2d([[[[1.0, 2.0, 3.0]]]], [[[[1.0, 10.0]]]])
    array([[[[21., 32.]]]])
    """
    x, w = np.asarray(x, dtype=np.float64), np.asarray(w, dtype=np.float64)
    size, kernel = x.shape[2:], w.shape[2:]
    output_size = _output_size(size, kernel, stride, padding, dilation)
    x, w = _in_groups(x, 1, groups), _in_groups(w, 0, groups)
    y = np.zeros((x.shape[0], groups, w.shape[1], *output_size))
    for n, at, k in _meetings(size, output_size, kernel, stride, padding, dilation):
        y[:, :, :, n[0], n[1]] += np.einsum("bgi,goi->bgo", x[..., at[0], at[1]], w[..., k[0], k[1]])
    y = y.reshape(len(y), -1, *output_size)
    return y if bias is None else y + np.asarray(bias)[:, None, None]


def conv2d_adjoint_input(
    v: ArrayLike,
    w: ArrayLike,
    input_size: tuple[int, int],
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Real:
    """Cotangent [B, Ci, H, W] of the input for that of the result [B, Co, Oy, Ox].

    Examples
    --------
    >>> conv2d_adjoint_input([[[[1.0, 1.0]]]], [[[[1.0, 10.0]]]], (1, 3))
    array([[[[ 1., 11., 10.]]]])
    """
    v, w = np.asarray(v, dtype=np.float64), np.asarray(w, dtype=np.float64)
    output_size, kernel = v.shape[2:], w.shape[2:]
    v, w = _in_groups(v, 1, groups), _in_groups(w, 0, groups)
    v_x = np.zeros((v.shape[0], groups, w.shape[2], *input_size))
    for n, at, k in _meetings(input_size, output_size, kernel, stride, padding, dilation):
        v_x[:, :, :, at[0], at[1]] += np.einsum("bgo,goi->bgi", v[..., n[0], n[1]], w[..., k[0], k[1]])
    return v_x.reshape(len(v_x), -1, *input_size)


def conv2d_adjoint_weight(
    v: ArrayLike,
    x: ArrayLike,
    kernel_size: tuple[int, int],
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Real:
    """Cotangent [Co, Ci / groups, ky, kx] of the kernels, summed over the batch.

    Examples
    --------
    >>> conv2d_adjoint_weight([[[[1.0, 1.0]]]], [[[[1.0, 2.0, 3.0]]]], (1, 2))
    array([[[[3., 5.]]]])
    """
    v, x = np.asarray(v, dtype=np.float64), np.asarray(x, dtype=np.float64)
    output_size, size = v.shape[2:], x.shape[2:]
    v, x = _in_groups(v, 1, groups), _in_groups(x, 1, groups)
    v_w = np.zeros((groups, v.shape[2], x.shape[2], *kernel_size))
    for n, at, k in _meetings(size, output_size, kernel_size, stride, padding, dilation):
        v_w[:, :, :, k[0], k[1]] += np.einsum("bgo,bgi->goi", v[..., n[0], n[1]], x[..., at[0], at[1]])
    return v_w.reshape(-1, x.shape[2], *kernel_size)
