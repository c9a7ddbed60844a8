"""Multichannel convolution in the Fourier domain, beside its adjoints to input and weight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _plans
from .._arguments import pair_of
from .._convolution import Convolution, convolution_of, output_size_of
from .._runtime import get_num_threads
from .arrays import is_double, real_array
from .device_arrays import also_on_devices

__all__ = ["fourier_conv2d", "fourier_conv2d_adjoint_input", "fourier_conv2d_adjoint_weight"]


def _map_of(name: str, value: ArrayLike, double: bool) -> tuple[np.ndarray, bool]:
    # The core reads any strides of whole elements, so that nearly nothing is made contiguous.
    array = np.asarray(value)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {array.dtype}: must be real floating")
    array = array.astype(np.float64 if double else np.float32, copy=False)
    if array.ndim not in (3, 4):
        raise ValueError(f"{name} has shape {array.shape}: must be [B, C, y, x] or [C, y, x]")
    if not array.flags.aligned or any(step % array.itemsize for step in array.strides):
        array = np.ascontiguousarray(array)
    return (array, True) if array.ndim == 4 else (array[None], False)


def _plan(convolution: Convolution, channels: tuple[int, int], size: tuple[int, int], double: bool) -> Any:
    # Nothing tells whether kernels come again.
    return _plans.fourier_conv2d_plan(
        *channels, convolution.kernel, size, *convolution[1:], double, "auto", True
    )


# The shapes of arrays or tensors; sizes are (y, x).


def _check_weight(w: Any) -> None:
    if w.ndim != 4 or 0 in w.shape:
        raise ValueError(
            f"w has shape {tuple(w.shape)}: must be [out_channels, in_channels / groups, ky, kx], not empty"
        )


def checked_convolution(
    x: Any, w: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> tuple[Convolution, tuple[int, int]]:
    """Return a convolution whose arguments fit, and the size of its result."""
    _check_weight(w)
    convolution = convolution_of(tuple(w.shape[2:]), stride, padding, dilation, groups)
    if x.shape[1] != w.shape[1] * groups:
        raise ValueError(f"x has {x.shape[1]} channels: w of shape {tuple(w.shape)} with groups={groups} "
                         f"needs {w.shape[1] * groups}")  # fmt: skip
    if bias is not None and tuple(bias.shape) != (w.shape[0],):
        raise ValueError(f"bias has shape {tuple(bias.shape)}: must be {(w.shape[0],)}")
    return convolution, output_size_of(convolution, x.shape[2:])


def checked_for_input(
    v: Any, w: Any, input_size: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> tuple[Convolution, tuple[int, int]]:
    """Return the convolution that cotangents and kernels fit, and the size of its input."""
    _check_weight(w)
    convolution = convolution_of(tuple(w.shape[2:]), stride, padding, dilation, groups)
    size = pair_of("input_size", input_size)
    output_size = output_size_of(convolution, size)
    if tuple(v.shape[1:]) != (w.shape[0], *output_size):
        raise ValueError(
            f"v has shape {tuple(v.shape)}: must be [B, {w.shape[0]}, {output_size[0]}, {output_size[1]}]"
        )
    return convolution, size


def checked_for_weight(
    v: Any, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Convolution:
    """Return the convolution that cotangents and input fit."""
    convolution = convolution_of(kernel_size, stride, padding, dilation, groups)
    output_size = output_size_of(convolution, x.shape[2:])
    if x.shape[1] % groups or v.shape[1] % groups:
        raise ValueError(
            f"groups={groups}: must divide the channels of x ({x.shape[1]}) and v ({v.shape[1]})"
        )
    if v.shape[0] != x.shape[0] or tuple(v.shape[2:]) != tuple(output_size):
        raise ValueError(
            f"v has shape {tuple(v.shape)}: must be [{x.shape[0]}, Co, {output_size[0]}, {output_size[1]}]"
        )
    return convolution


@also_on_devices
def fourier_conv2d(
    x: ArrayLike,
    w: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> np.ndarray:
    r"""Convolve maps with kernels (cross-correlation, as neural networks do), in the Fourier domain.

    .. math:: y[b,o,n] = \sum_i \sum_d x[b,i,\,s n + \delta d - p]\; w[o,i,d]

    Parameters
    ----------
    x : array_like, [B, Ci, H, W] or [Ci, H, W]
        Real maps, float32 or float64, of any strides.
    w : array_like, [Co, Ci / groups, ky, kx]
        Kernels.
    bias : array_like, [Co], optional
        Added to every sample of a channel.
    stride, padding, dilation : int or (int, int)
        As in ``torch.nn.functional.conv2d``; `padding` may be ``"same"`` or ``"valid"``, too.
    groups : int
        Groups of channels that are convolved apart.

    Returns
    -------
    ndarray, [B, Co, Oy, Ox] or [Co, Oy, Ox]
        float64 if any argument is, else float32.

    Raises
    ------
    TypeError, ValueError
        If dtypes, shapes or sizes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> x = np.arange(16.0).reshape(1, 4, 4)
    >>> np.round(ops.fourier_conv2d(x, np.ones((1, 1, 3, 3))))
    array([[[45., 54.],
            [81., 90.]]])
    """
    double = is_double(x, w, *([] if bias is None else [bias]))
    x, is_batch = _map_of("x", x, double)
    w = real_array("w", w, double)
    bias = None if bias is None else real_array("bias", bias, double)
    convolution, output_size = checked_convolution(x, w, bias, stride, padding, dilation, groups)
    if x.shape[0] == 0:
        return np.empty((0, w.shape[0], *output_size), x.dtype)
    plan = _plan(convolution, (x.shape[1], w.shape[0]), x.shape[2:], double)
    y = plan.forward(x, w, bias, get_num_threads())
    return y if is_batch else y[0]


@also_on_devices
def fourier_conv2d_adjoint_input(
    v: ArrayLike,
    w: ArrayLike,
    input_size: int | tuple[int, int],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> np.ndarray:
    """Apply the adjoint of :func:`fourier_conv2d` with respect to its input.

    Parameters
    ----------
    v : array_like, [B, Co, Oy, Ox] or [Co, Oy, Ox]
        Cotangent of the result.
    w : array_like, [Co, Ci / groups, ky, kx]
        Kernels.
    input_size : int or (int, int)
        Size (y, x) of the input.
    stride, padding, dilation, groups
        Those of the convolution.

    Returns
    -------
    ndarray, [B, Ci, H, W] or [Ci, H, W]
        Cotangent of the input.

    Raises
    ------
    TypeError, ValueError
        As :func:`fourier_conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> np.round(ops.fourier_conv2d_adjoint_input(np.ones((1, 1, 1)), np.eye(2)[None, None], (2, 2)))
    array([[[1., 0.],
            [0., 1.]]])
    """
    double = is_double(v, w)
    v, is_batch = _map_of("v", v, double)
    w = real_array("w", w, double)
    convolution, size = checked_for_input(v, w, input_size, stride, padding, dilation, groups)
    channels = w.shape[1] * groups
    if v.shape[0] == 0:
        return np.empty((0, channels, *size), v.dtype)
    plan = _plan(convolution, (channels, w.shape[0]), size, double)
    v_x = plan.adjoint_input(v, w, get_num_threads())
    return v_x if is_batch else v_x[0]


@also_on_devices
def fourier_conv2d_adjoint_weight(
    v: ArrayLike,
    x: ArrayLike,
    kernel_size: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> np.ndarray:
    """Apply the adjoint of :func:`fourier_conv2d` with respect to its kernels.

    Parameters
    ----------
    v : array_like, [B, Co, Oy, Ox] or [Co, Oy, Ox]
        Cotangent of the result.
    x : array_like, [B, Ci, H, W] or [Ci, H, W]
        Input.
    kernel_size : int or (int, int)
        Size of the kernels.
    stride, padding, dilation, groups
        Those of the convolution.

    Returns
    -------
    ndarray, [Co, Ci / groups, ky, kx]
        Cotangent of the kernels, summed over the batch.

    Raises
    ------
    TypeError, ValueError
        As :func:`fourier_conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfdsr import ops
    >>> np.round(ops.fourier_conv2d_adjoint_weight(np.ones((1, 2, 2)), np.ones((1, 3, 3)), 2))
    array([[[[4., 4.],
             [4., 4.]]]])
    """
    double = is_double(v, x)
    (v, _), (x, _) = _map_of("v", v, double), _map_of("x", x, double)
    convolution = checked_for_weight(v, x, kernel_size, stride, padding, dilation, groups)
    if x.shape[0] == 0:
        return np.zeros((v.shape[1], x.shape[1] // groups, *convolution.kernel), x.dtype)
    plan = _plan(convolution, (x.shape[1], v.shape[1]), x.shape[2:], double)
    return plan.adjoint_weight(v, x, get_num_threads())
