"""``torch.nn.functional.conv2d`` and its transpose, computed in the Fourier domain."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pyfdsr import _plans, autograd
from pyfdsr._convolution import Convolution, convolution_of, output_size_of
from pyfdsr._runtime import get_num_threads

from .convolution_route import Case, direct, settings_of, takes

__all__ = ["fourier_conv2d", "fourier_conv_transpose2d"]

_ALGORITHMS = ("auto", "direct", "tiled", "fourier")
_REAL = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_COMPLEX = (torch.complex64, torch.complex128)
_KNOWN = {*_REAL, *_COMPLEX}
_DOUBLE = (torch.float64, torch.complex128)


def _check_algorithm(algorithm: str) -> None:
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"algorithm={algorithm!r}: must be one of {', '.join(map(repr, _ALGORITHMS))}")


def _is_sound(input: Any, weight: Any, bias: Any, groups: int, inputs: int, outputs: int) -> bool:
    # Everything else is torch's to compute or to refuse, in its own words.
    tensors = [input, weight, *([] if bias is None else [bias])]
    if not all(
        isinstance(t, Tensor) and t.device.type == "cpu" and t.layout == torch.strided for t in tensors
    ):
        return False
    if weight.ndim != 4 or input.ndim not in (3, 4) or 0 in weight.shape or 0 in input.shape:
        return False
    dtypes = {t.dtype for t in tensors}
    if not dtypes <= _KNOWN or (len(dtypes) > 1 and len({_result_dtype(t) for t in tensors}) > 1):
        return False
    if not isinstance(groups, int) or groups < 1:
        return False
    if input.shape[-3] != inputs or outputs % groups or weight.shape[0] % groups:
        return False
    return bias is None or tuple(bias.shape) == (outputs,)


def _in_precision(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _result_dtype(input: Tensor) -> torch.dtype:
    # Autocast leaves double precision and complex numbers alone.
    if torch.is_autocast_enabled("cpu") and input.dtype in (torch.float32, torch.float16, torch.bfloat16):
        return torch.get_autocast_dtype("cpu")
    return input.dtype


def _check_device(algorithm: str, input: Any) -> None:
    if algorithm in ("tiled", "fourier") and isinstance(input, Tensor) and input.device.type != "cpu":
        raise ValueError(f"algorithm={algorithm!r}: input is on device {input.device}, must be on the cpu")


def _bilinear(function: Any, x: Tensor, weight: Tensor) -> Tensor:
    # A real bilinear map of complex tensors, by their parts.
    if not x.is_complex():
        return function(x, weight)
    real = function(x.real, weight.real) - function(x.imag, weight.imag)
    return torch.complex(real, function(x.real, weight.imag) + function(x.imag, weight.real))


def _checked_convolution(
    kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int, mode: str, size: Any
) -> tuple[Convolution, tuple[int, int]]:
    if mode not in ("zeros", "circular"):
        raise ValueError(f"padding_mode={mode!r}: must be 'zeros' or 'circular'")
    convolution = convolution_of(kernel, stride, padding, dilation, groups)
    convolution = convolution._replace(circular=mode == "circular" and any(convolution.padding))
    return convolution, output_size_of(convolution, size)


_remembered_convolution = lru_cache(maxsize=4096)(_checked_convolution)


def _convolution_on(*arguments: Any) -> tuple[Convolution, tuple[int, int]]:
    # Checking takes longer than a small convolution; graphs are traced with sizes that cannot be looked up.
    if torch.compiler.is_compiling():
        return _checked_convolution(*arguments)
    try:
        return _remembered_convolution(*arguments)
    except TypeError:  # lists
        return _checked_convolution(*arguments)


def _is_recorded(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(t.requires_grad for t in tensors)


def _case_of(
    input: Tensor, weight: Tensor, convolution: Convolution, channels: tuple[int, int], size: Any
) -> Case:
    batched = input.ndim == 4
    last = batched and not input.is_contiguous() and input.is_contiguous(memory_format=torch.channels_last)
    return Case(
        convolution,
        channels,
        tuple(size),
        input.shape[0] if batched else 1,
        _is_recorded(input, weight),
        input.dtype in _DOUBLE,
        last,
    )


def _way_of(case: Case, planner: str) -> str:
    if torch.compiler.is_compiling():
        return takes.__wrapped__(case, "estimate", 1)
    return takes(case, planner, get_num_threads())


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
    frozen: bool = False,
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
    algorithm : {"auto", "direct", "tiled", "fourier"}
        ``"direct"`` is torch's own, ``"tiled"`` overlapping tiles, ``"fourier"`` one transform of the whole
        map, ``"auto"`` whichever is expected to be fastest, or was measured to be: after
        ``pyfdsr.set_planner("measure")``, the first call of every shape times all ways once.
    padding_mode : {"zeros", "circular"}
        What surrounds the input: zeros, or its samples repeated, of which no copy is made.
    frozen : bool
        The caller's promise that the content of `weight` does not change: its kept spectra are used without
        comparison.

    Returns
    -------
    Tensor, [B, Co, Oy, Ox] or [Co, Oy, Ox]
        The convolution (cross-correlation).

    Raises
    ------
    RuntimeError, TypeError, ValueError
        What torch raises for arguments that do not fit together; ValueError for an unknown `algorithm` or
        `padding_mode`, and for ``"tiled"`` and ``"fourier"`` on devices other than the CPU.

    Notes
    -----
    The spectra of `weight` are kept for the next call where no gradient to it is recorded, in a cache of
    512 MiB, and used while the content of `weight` stays the same.

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
    kernel = weight.shape if isinstance(weight, Tensor) and weight.ndim == 4 else (0, 0, 0, 0)
    inputs, outputs = kernel[1] * groups if isinstance(groups, int) else 0, kernel[0]
    plain = padding_mode == "zeros"
    if (algorithm == "direct" and plain) or not _is_sound(input, weight, bias, groups, inputs, outputs):
        _check_device(algorithm, input)
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    size = input.shape[-2:]
    try:
        convolution, _ = _convolution_on(
            kernel[2:], stride, padding, dilation, groups, padding_mode, size
        )
    except (TypeError, ValueError):
        if plain:
            F.conv2d(input, weight, bias, stride, padding, dilation, groups)  # torch's own words come first
        raise
    way = "fourier"
    if algorithm == "auto":
        case = _case_of(input, weight, convolution, (inputs, outputs), size)
        way = "direct" if input.is_complex() else _way_of(case, _plans.planner())
    elif algorithm == "direct":
        way = "direct"
    if way == "direct" and plain:
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    x = input if input.ndim == 4 else input[None]
    if way == "fourier":
        x = _in_precision(x)
        convolution, x = _without_surplus(convolution, x)
        y = _in_fourier_domain(x, weight, bias, convolution, algorithm, frozen).to(_result_dtype(input))
    else:
        y = direct(x, weight, bias, convolution, way)
    return y if input.ndim == 4 else y[0]


def _without_surplus(convolution: Convolution, x: Tensor) -> tuple[Convolution, Tensor]:
    # The core repeats an input at most once around its results; wider circular padding is carried out.
    top, bottom, left, right = convolution.padding
    reach = convolution.extent
    if not convolution.circular or (top + bottom < reach[0] and left + right < reach[1]):
        return convolution, x
    return convolution._replace(padding=(0, 0, 0, 0), circular=False), F.pad(
        x, (left, right, top, bottom), mode="circular"
    )


def _in_fourier_domain(
    x: Tensor, weight: Tensor, bias: Tensor | None, convolution: Convolution, algorithm: str, frozen: bool
) -> Tensor:
    settings = settings_of(convolution, tuple(x.shape[-2:]))
    w = _in_precision(weight).to(x.dtype)
    if not x.is_complex():
        b = None if bias is None else _in_precision(bias).to(x.dtype)
        return autograd.fourier_conv2d(x, w, b, settings, algorithm, frozen)
    y = _bilinear(lambda a, b: autograd.fourier_conv2d(a, b, None, settings, algorithm), x, w)
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
    algorithm : {"auto", "direct", "tiled", "fourier"}
        As in :func:`fourier_conv2d`.

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
    outputs = shape[1] * groups
    if algorithm == "direct" or not _is_sound(input, weight, bias, groups, shape[0], outputs):
        _check_device(algorithm, input)
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
        case = _case_of(input, weight, convolution, (outputs, shape[0]), size)
        if input.is_complex() or _way_of(case, "estimate") != "fourier":
            return F.conv_transpose2d(*direct_arguments)
    v = _in_precision(input if input.ndim == 4 else input[None])
    if any(beyond):
        v = F.pad(v, (0, beyond[1], 0, beyond[0]))
    w = _in_precision(weight).to(v.dtype)
    settings = settings_of(convolution, size)
    y = _bilinear(lambda a, b: autograd.fourier_conv2d_adjoint_input(a, b, settings, algorithm), v, w)
    if bias is not None:
        y = y + _in_precision(bias).to(y.dtype)[:, None, None]
    y = y.to(_result_dtype(input))
    return y if input.ndim == 4 else y[0]
