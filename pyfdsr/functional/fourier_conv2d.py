"""``torch.nn.functional.conv2d`` and its transpose, computed in the Fourier domain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad

from pyfdsr import _plans, autograd
from pyfdsr._convolution import PADDING_MODES, Convolution, convolution_of, output_size_of
from pyfdsr._runtime import get_num_threads

from .checks import autocasts, check_devices
from .convolution_kinds import in_precision, is_sound, kind_of, result_dtype
from .convolution_route import (
    Case,
    direct,
    is_to_be_padded,
    padded,
    settings_of,
    takes,
    takes_elsewhere,
    traced,
)

__all__ = ["ALGORITHMS", "fourier_conv2d", "fourier_conv_transpose2d", "is_transformed"]

ALGORITHMS = ("auto", "direct", "spatial", "tiled", "fourier")
_OWN = ALGORITHMS[2:]
_DOUBLE = (torch.float64, torch.complex128)


def _check_algorithm(algorithm: str) -> None:
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm={algorithm!r}: must be one of {', '.join(map(repr, ALGORITHMS))}")


def _check_device(algorithm: str, input: Any, weight: Any) -> None:
    if algorithm in _OWN and isinstance(input, Tensor) and isinstance(weight, Tensor):
        check_devices("input", input, "weight", weight)


def _bilinear(function: Any, x: Tensor, weight: Tensor) -> Tensor:
    # A real bilinear map of complex tensors, by their parts.
    if not x.is_complex():
        return function(x, weight)
    real = function(x.real, weight.real) - function(x.imag, weight.imag)
    return torch.complex(real, function(x.real, weight.imag) + function(x.imag, weight.real))


def _is_padding_too_wide(convolution: Convolution, size: tuple[int, int]) -> bool:
    # Not axis by axis, but torch then does what is left.
    widest, least = max(convolution.padding), min(size)
    mode = convolution.padding_mode
    return (mode == "circular" and widest > least) or (mode == "reflect" and widest >= least)


class _Route(NamedTuple):
    way: str  # "torch", "direct", "channels_last" or "fourier"
    convolution: Convolution | None = None
    settings: list[int] = []  # noqa: RUF012
    as_it_is: bool = False  # whether the operator takes the tensors without a change of shape or precision


def _is_channels_last(tensor: Tensor) -> bool:
    return (
        tensor.ndim == 4
        and not tensor.is_contiguous()
        and tensor.is_contiguous(memory_format=torch.channels_last)
    )


def _is_recorded(input: Tensor, weight: Tensor) -> bool:
    return torch.is_grad_enabled() and (input.requires_grad or weight.requires_grad)


def _route(
    kinds: Sequence[Any],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    algorithm: str,
    mode: str,
    recorded: bool,
    channels_last: bool,
    autocast: bool,
    planner: str,
    threads: int,
) -> _Route:
    if mode not in PADDING_MODES:
        raise ValueError(f"padding_mode={mode!r}: must be one of {', '.join(map(repr, PADDING_MODES))}")
    (shape, dtype, device), (kernel, *_) = kinds[:2]
    inputs = kernel[1] * groups if len(kernel) == 4 and isinstance(groups, int) else 0
    outputs = kernel[0] if len(kernel) == 4 else 0
    sound = is_sound(kinds, groups, inputs, outputs)
    if mode == "zeros" and (algorithm == "direct" or not sound):
        return _Route("torch")
    convolution = convolution_of(kernel[2:], stride, padding, dilation, groups)
    convolution = convolution._replace(padding_mode=mode if any(convolution.padding) else "zeros")
    size = tuple(shape[-2:])
    if not sound or _is_padding_too_wide(convolution, size):
        return _Route("direct", convolution)  # torch pads, or says that this is too wide
    output_size_of(convolution, size)
    way = "fourier" if algorithm in _OWN else "direct"
    if algorithm == "auto" and not dtype.is_complex:
        batch = shape[0] if len(shape) == 4 else 1
        case = Case(convolution, (inputs, outputs), size, batch, recorded, dtype in _DOUBLE, channels_last)
        way = takes(case, planner, threads) if device.type == "cpu" else takes_elsewhere(case)
    if way == "direct" and mode == "zeros":
        return _Route("torch")
    plain = len(shape) == 4 and len({dtype for _, dtype, _ in kinds}) == 1 and not autocast
    plain = plain and dtype in (torch.float32, torch.float64) and not is_to_be_padded(convolution, recorded)
    return _Route(way, convolution, settings_of(convolution, size), way == "fourier" and plain)


# By type, too: 1.0 is no number of groups, but equals 1.
_remembered_route = lru_cache(maxsize=4096, typed=True)(_route)


def _route_of(kinds: Sequence[Any], *arguments: Any) -> _Route:
    # Checking takes longer than a small convolution. Graphs are traced with sizes that cannot be looked up.
    if torch.compiler.is_compiling():
        return _route(kinds, *arguments, "estimate", 1)
    planner, threads = _plans.planner(), get_num_threads()
    try:
        return _remembered_route(kinds, *arguments, planner, threads)
    except TypeError:  # a list cannot be looked up
        return _route(kinds, *arguments, planner, threads)


def is_transformed() -> bool:
    """Whether torch.func, forward-mode derivatives or TorchScript look on: they take torch's kernels only."""
    return (
        forward_ad._current_level >= 0
        or torch._C._are_functorch_transforms_active()
        or torch.jit.is_tracing()
    )


def fourier_conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    algorithm: str = "auto",
    padding_mode: str = "zeros",
    weight_version: int = 0,
) -> Tensor:
    r"""Convolve like :func:`torch.nn.functional.conv2d`, in the Fourier domain.

    Gradients to input, weight and bias are exact and can be differentiated again.

    Parameters
    ----------
    input : Tensor, [B, Ci, H, W] or [Ci, H, W]
        float32, float64 or complex; half precisions are computed in float32. The result is laid
        out as the input is, contiguous or channels_last.
    weight : Tensor, [Co, Ci / groups, ky, kx]
        Kernels.
    bias : Tensor, [Co], optional
        Added to every sample of a channel.
    stride, padding, dilation, groups
        As in torch; `padding` may be ``"same"`` or ``"valid"``.
    algorithm : {"auto", "direct", "spatial", "tiled", "fourier"}
        ``"direct"`` is torch's own, ``"spatial"`` the core's direct sums for few channels and small kernels,
        ``"tiled"`` overlapping tiles, ``"fourier"`` one transform of the whole map, ``"auto"`` whichever is
        expected to be fastest, or was measured to be: after ``pyfdsr.set_planner("measure")``, the first call
        of every shape times all ways once. On other devices than the CPU ``"spatial"`` is torch's own, too,
        ``"tiled"`` and ``"fourier"`` use CUDA kernels where there are some and ``torch.fft`` elsewhere, and
        ``"auto"`` takes torch's own up to kernels of 15 by 15.
    padding_mode : {"zeros", "circular", "replicate", "reflect"}
        What surrounds the input, as in :class:`torch.nn.Conv2d`. Copies are made of ``"replicate"`` and
        ``"reflect"`` only where gradients are recorded, and where torch's kernels are taken.
    weight_version : int
        A positive number is the caller's promise that all calls with this number have a `weight` of the same
        content: its kept spectra are used without comparison. 0: no promise.

    Returns
    -------
    Tensor, [B, Co, Oy, Ox] or [Co, Oy, Ox]
        The convolution (cross-correlation).

    Raises
    ------
    RuntimeError, TypeError, ValueError
        What torch raises for arguments that do not fit together; ValueError for an unknown `algorithm` or
        `padding_mode`, and for tensors on different devices.

    Notes
    -----
    The spectra of `weight` are kept for the next call where no gradient to it is recorded, in a cache of
    512 MiB, and used while the content of `weight` stays the same. Compiled graphs keep them by version only.

    Rounding errors are relative to the largest sample near by: a dark part of an image beside one that is a
    million times brighter has fewer right digits than the direct sum would give it.

    A NaN in an input may reach every entry of the weight's gradient.

    ``"auto"`` leaves ``torch.func``, forward-mode derivatives and TorchScript's tracing to torch.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import fourier_conv2d
    >>> x, w = torch.randn(2, 4, 40, 40), torch.randn(8, 4, 9, 9)
    >>> y = fourier_conv2d(x, w, padding=4, algorithm="tiled")
    >>> bool((y - torch.nn.functional.conv2d(x, w, padding=4)).abs().max() < 1e-4)
    True
    """
    _check_algorithm(algorithm)
    if algorithm == "auto" and is_transformed():
        algorithm = "direct"
    if algorithm == "direct" and torch.jit.is_tracing():
        return traced(input, weight, bias, stride, padding, dilation, groups, padding_mode)
    try:
        kinds = (kind_of(input), kind_of(weight), *(() if bias is None else (kind_of(bias),)))
    except AttributeError:  # not tensors
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    arguments = (stride, padding, dilation, groups, algorithm, padding_mode)
    state = (_is_recorded(input, weight), _is_channels_last(input), autocasts(input.device.type))
    try:
        route = _route_of(kinds, *arguments, *state)
    except (TypeError, ValueError):
        if padding_mode == "zeros":
            F.conv2d(input, weight, bias, stride, padding, dilation, groups)  # torch's own words come first
        raise
    if route.as_it_is:
        return autograd.fourier_conv2d(input, weight, bias, route.settings, algorithm, weight_version)
    if route.way != "fourier":
        _check_device(algorithm, input, weight)
    if route.way == "torch":
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    x = input if input.ndim == 4 else input[None]
    if route.way == "fourier":
        convolution, x = route.convolution, in_precision(x)
        if is_to_be_padded(convolution, state[0]):
            convolution, x = padded(convolution, x)
        y = _in_fourier_domain(x, weight, bias, convolution, algorithm, weight_version)
        y = y.to(result_dtype(input.dtype, input.device.type))
    else:
        y = direct(x, weight, bias, route.convolution, route.way)
    return y if input.ndim == 4 else y[0]


def _in_fourier_domain(
    x: Tensor, weight: Tensor, bias: Tensor | None, convolution: Convolution, algorithm: str, version: int
) -> Tensor:
    settings = settings_of(convolution, tuple(x.shape[-2:]))
    w = in_precision(weight).to(x.dtype)
    if not x.is_complex():
        b = None if bias is None else in_precision(bias).to(x.dtype)
        keep = version if version > 0 else autograd.COMPARE if w is weight else autograd.DO_NOT_KEEP
        return autograd.fourier_conv2d(x, w, b, settings, algorithm, keep)
    y = _bilinear(
        lambda a, b: autograd.fourier_conv2d(a, b, None, settings, algorithm, autograd.DO_NOT_KEEP), x, w
    )
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


def fourier_conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    algorithm: str = "auto",
) -> Tensor:
    """Apply the transpose of a convolution, like :func:`torch.nn.functional.conv_transpose2d`.

    Parameters
    ----------
    input : Tensor, [B, Ci, H, W] or [Ci, H, W]
        Real or complex maps.
    weight : Tensor, [Ci, Co / groups, ky, kx]
        Kernels.
    bias : Tensor, [Co], optional
        Added to every sample of a channel.
    stride, padding, output_padding, groups, dilation
        As in torch.
    algorithm : {"auto", "direct", "spatial", "tiled", "fourier"}
        As in :func:`fourier_conv2d`; ``"auto"`` always goes by the estimate.

    Returns
    -------
    Tensor, [B, Co, Oy, Ox] or [Co, Oy, Ox]
        The adjoint of the convolution with the same arguments, applied to `input`.

    Raises
    ------
    RuntimeError, TypeError, ValueError
        As :func:`fourier_conv2d`.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import fourier_conv_transpose2d
    >>> x, w = torch.randn(2, 4, 20, 20), torch.randn(4, 8, 5, 5)
    >>> fourier_conv_transpose2d(x, w, stride=2, algorithm="tiled").shape
    torch.Size([2, 8, 43, 43])
    """
    _check_algorithm(algorithm)
    direct_arguments = (input, weight, bias, stride, padding, output_padding, groups, dilation)
    shape = tuple(weight.shape) if isinstance(weight, Tensor) and weight.ndim == 4 else (0, 0, 0, 0)
    outputs = shape[1] * groups if isinstance(groups, int) else 0
    tensors = (input, weight, *(() if bias is None else (bias,)))
    sound = all(isinstance(t, Tensor) for t in tensors)
    if algorithm == "direct" or not (
        sound and is_sound([kind_of(t) for t in tensors], groups, shape[0], outputs)
    ):
        _check_device(algorithm, input, weight)
        return F.conv_transpose2d(*direct_arguments)
    if isinstance(padding, str):
        return F.conv_transpose2d(*direct_arguments)  # raises: there is no transpose of "same"
    try:
        convolution = convolution_of(shape[2:], stride, padding, dilation, groups)
        extra = convolution_of((1, 1), 1, output_padding).padding[::2]
        top, bottom, left, right = convolution.padding
        around = (top + bottom, left + right)
        size = tuple(
            (n - 1) * s - p + e + x
            for n, s, p, e, x in zip(
                input.shape[-2:], convolution.stride, around, convolution.extent, extra, strict=True
            )
        )
        if min(size) < 1 or any(
            x >= max(s, d) for x, s, d in zip(extra, convolution.stride, convolution.dilation, strict=True)
        ):
            return F.conv_transpose2d(*direct_arguments)
        # Where the dilation lets it reach a whole stride, the convolution has positions beyond the input.
        beyond = [n - m for n, m in zip(output_size_of(convolution, size), input.shape[-2:], strict=True)]
    except (TypeError, ValueError):
        F.conv_transpose2d(*direct_arguments)
        raise
    if algorithm == "auto":
        batch = input.shape[0] if input.ndim == 4 else 1
        case = Case(
            convolution,
            (outputs, shape[0]),
            size,
            batch,
            _is_recorded(input, weight),
            input.dtype in _DOUBLE,
            False,
        )
        look_up = takes.__wrapped__ if torch.compiler.is_compiling() else takes
        way = look_up(case, "estimate", 1) if input.is_cpu else takes_elsewhere(case)
        if input.is_complex() or is_transformed() or way != "fourier":
            return F.conv_transpose2d(*direct_arguments)
    v = in_precision(input if input.ndim == 4 else input[None])
    if any(beyond):
        v = F.pad(v, (0, beyond[1], 0, beyond[0]))
    w = in_precision(weight).to(v.dtype)
    settings = settings_of(convolution, size)
    y = _bilinear(lambda a, b: autograd.fourier_conv2d_adjoint_input(a, b, settings, algorithm), v, w)
    if bias is not None:
        y = y + in_precision(bias).to(y.dtype)[:, None, None]
    y = y.to(result_dtype(input.dtype, input.device.type))
    return y if input.ndim == 4 else y[0]
