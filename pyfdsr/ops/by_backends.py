"""The operators on tensors, by the backend of their device; arguments and results as those on NumPy arrays.

Only :mod:`pyfdsr.ops.device_arrays` imports this, once there is an array of a device.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pyfdsr import _core
from pyfdsr._arguments import check_fits, grid_of, pair_of
from pyfdsr._convolution import Convolution
from pyfdsr.backends import Geometry, backend_of
from pyfdsr.backends.constants import kept_for_later
from pyfdsr.nonlinearity import per_layer

from .chip_by_backends import chip_conv2d, chip_dft2
from .device_arrays import DeviceStackTape
from .fourier_conv2d import checked_convolution, checked_for_input, checked_for_weight
from .nonlinearity import core_arguments
from .propagation import transfer_arguments
from .tensors import complex_tensor, field_tensor, flat, is_double, real_tensor, window_sizes

__all__ = [
    "chip_conv2d",
    "chip_dft2",
    "four_f",
    "four_f_adjoint",
    "four_f_stack",
    "four_f_stack_adjoint",
    "fourier_conv2d",
    "fourier_conv2d_adjoint_input",
    "fourier_conv2d_adjoint_weight",
    "nonlinear",
    "nonlinear_adjoint",
    "propagate",
    "propagate_adjoint",
    "windowed_dft",
    "windowed_dft_adjoint",
    "windowed_idft",
    "windowed_idft_adjoint",
]


def _only_auto(algorithm: str) -> None:
    if algorithm != "auto":
        raise ValueError(f"algorithm={algorithm!r}: must be 'auto' for arrays in a device's memory")


# -- transforms


def _transform(
    kind: str, name: str, x: Any, grid: Any, other: Any, other_name: str, algorithm: str
) -> Tensor:
    _only_auto(algorithm)
    x = complex_tensor(name, x, is_double(x))
    own, (sizes, centred) = window_sizes(name, x), grid_of(grid)
    from_window = kind in ("forward", "inverse_adjoint")
    if other is None:
        raise ValueError(f"{other_name}=None: the size of the result must be given")
    given = pair_of(other_name, other)
    check_fits(name, own, sizes)
    check_fits(other_name, given, sizes)
    window, band = (own, given) if from_window else (given, own)
    return backend_of(x).windowed_dft(x, kind, Geometry(window, band, sizes, centred))


def windowed_dft(x: Any, grid: Any, band: Any, *, algorithm: str = "auto") -> Tensor:
    """See :func:`pyfdsr.ops.windowed_dft`."""
    return _transform("forward", "x", x, grid, band, "band", algorithm)


def windowed_dft_adjoint(v: Any, grid: Any, support: Any, *, algorithm: str = "auto") -> Tensor:
    """See :func:`pyfdsr.ops.windowed_dft_adjoint`."""
    return _transform("adjoint", "v", v, grid, support, "support", algorithm)


def windowed_idft(X: Any, grid: Any, support: Any, *, algorithm: str = "auto") -> Tensor:  # noqa: N803
    """See :func:`pyfdsr.ops.windowed_idft`."""
    return _transform("inverse", "X", X, grid, support, "support", algorithm)


def windowed_idft_adjoint(v: Any, grid: Any, band: Any, *, algorithm: str = "auto") -> Tensor:
    """See :func:`pyfdsr.ops.windowed_idft_adjoint`."""
    return _transform("inverse_adjoint", "v", v, grid, band, "band", algorithm)


# -- 4f layers and stacks


def _aligned(x: Tensor, transfer: Tensor) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Flat batches of fields [B, ...] and masks [T, 1, ...], T = 1 where all images share one."""
    try:
        leading = torch.broadcast_shapes(x.shape[:-2], transfer.shape[:-2])
    except RuntimeError:
        raise ValueError(
            f"x has leading axes {tuple(x.shape[:-2])} and transfer {tuple(transfer.shape[:-2])}: they do "
            "not broadcast"
        ) from None
    fields = flat(x.expand(*leading, *x.shape[-2:]).contiguous())
    if transfer.shape[:-2].numel() != 1:
        transfer = transfer.expand(*leading, *transfer.shape[-2:])
    return fields, flat(transfer.contiguous())[:, None], tuple(leading)


def _linear(x: Tensor, transfer: Tensor, grid: Any, support_name: str, support: tuple[int, int]) -> Any:
    """Backend, plan and parameters of a layer without nonlinearity."""
    window, band, (sizes, centred) = window_sizes("x", x), window_sizes("transfer", transfer), grid_of(grid)
    for name, size in (("x", window), (support_name, support), ("transfer", band)):
        check_fits(name, size, sizes)
    backend, geometry = backend_of(x), Geometry(window, band, sizes, centred)
    plan = backend.stack_plan(geometry, support, "none", is_double(transfer), x.device)
    return backend, plan, torch.zeros(1, 4, dtype=torch.float64)


def four_f(x: Any, transfer: Any, grid: Any, support: Any = None, *, algorithm: str = "auto") -> Tensor:
    """See :func:`pyfdsr.ops.four_f`."""
    _only_auto(algorithm)
    double = is_double(x, transfer)
    x, transfer = complex_tensor("x", x, double), complex_tensor("transfer", transfer, double)
    support = window_sizes("x", x) if support is None else pair_of("support", support)
    backend, plan, parameters = _linear(x, transfer, grid, "support", support)
    fields, masks, leading = _aligned(x, transfer)
    flags = (False, False, False)
    out, _, _ = backend.stack_forward(plan, fields, masks, None, parameters, [0, 0], support, *flags)
    return out.reshape(*leading, *support)


def four_f_adjoint(
    v: Any, x: Any, transfer: Any, grid: Any, *, algorithm: str = "auto"
) -> tuple[Tensor, Tensor]:
    """See :func:`pyfdsr.ops.four_f_adjoint`."""
    _only_auto(algorithm)
    double = is_double(v, x, transfer)
    x, v, transfer = (
        field_tensor("x", x, double),
        complex_tensor("v", v, double),
        complex_tensor("transfer", transfer, double),
    )
    window, support = window_sizes("x", x), window_sizes("v", v)
    backend, plan, parameters = _linear(x, transfer, grid, "v", support)
    fields, masks, leading = _aligned(x, transfer)
    if tuple(v.shape[:-2]) != leading:
        raise ValueError(f"v has leading axes {tuple(v.shape[:-2])}: must be {leading}, those of the output")
    told = (masks, None, parameters, [0, 0])
    _, tape, _ = backend.stack_forward(plan, fields, *told, support, True, False, False)
    needs = (True, True, False)
    real_input = not x.is_complex()
    v_x, v_transfer, _ = backend.stack_adjoint(plan, flat(v), tape, *told, window, False, real_input, *needs)
    shape = tuple(transfer.shape) if len(masks) == 1 else (*leading, *transfer.shape[-2:])
    return v_x.reshape(*leading, *window).sum_to_size(x.shape), v_transfer.reshape(shape).sum_to_size(
        transfer.shape
    )


def _masks(name: str, value: Any, double: bool, most: int | None, band: Any) -> Tensor:
    """Real masks [K, M, M]: those of a stack, or its apertures, at most as many and of the band."""
    masks = real_tensor(name, value, double)
    stacked = masks[None] if most is not None and masks.ndim == 2 else masks
    if most is None and (stacked.ndim != 3 or 0 in stacked.shape):
        raise ValueError(f"phases has shape {tuple(masks.shape)}: must be (layers, M, M)")
    if most is not None and (
        stacked.ndim != 3 or tuple(stacked.shape[1:]) != band or not 1 <= len(stacked) <= most
    ):
        raise ValueError(
            f"aperture has shape {tuple(masks.shape)}: must be {band} or (K, {band[0]}, {band[1]}) with "
            f"1 <= K <= {most}"
        )
    return stacked


def four_f_stack(
    field: Any,
    phases: Any,
    grid: Any,
    nonlinearity: Any,
    support: Any = None,
    *,
    aperture: Any = None,
    intensity: bool = False,
    save: bool = False,
    algorithm: str = "auto",
) -> Any:
    """See :func:`pyfdsr.ops.four_f_stack`; the tape is a `DeviceStackTape`."""
    _only_auto(algorithm)
    double = is_double(field, phases)
    field, phases = field_tensor("field", field, double), _masks("phases", phases, double, None, None)
    window, band = window_sizes("field", field), window_sizes("phases", phases)
    if aperture is not None:
        aperture = _masks("aperture", aperture, double, len(phases), band)
    support = window if support is None else pair_of("support", support)
    sizes, centred = grid_of(grid)
    for name, size in (("field", window), ("support", support), ("phases", band)):
        check_fits(name, size, sizes)
    layers = per_layer(nonlinearity, len(phases))
    kinds, rows, callbacks = zip(*(core_arguments(spec, double) for spec in layers), strict=True)
    backend = backend_of(field)
    geometry = Geometry(window, band, sizes, centred)
    plan = backend.stack_plan(geometry, support, ",".join(kinds), double, field.device)
    parameters, addresses = torch.tensor(rows, dtype=torch.float64), [a for pair in callbacks for a in pair]
    out, values, _ = backend.stack_forward(
        plan,
        flat(field),
        phases[None],
        aperture,
        parameters,
        addresses,
        support,
        save,
        bool(intensity),
        False,
    )
    leading = tuple(field.shape[:-2])
    out = out.reshape(*leading, *support)
    if not save:
        return out
    # What the caller changes before the adjoint must not change the adjoint.
    phases, aperture = phases.clone(), None if aperture is None else aperture.clone()
    counts = tuple(0 if s is None or s.kind == "custom" else len(s.parameters()) for s in layers)
    told = (backend, plan, values, leading, window, not field.is_complex(), phases, aperture)
    return out, DeviceStackTape(*told, parameters, addresses, counts, bool(intensity), layers)


def four_f_stack_adjoint(
    v: Any, tape: DeviceStackTape
) -> tuple[Tensor, Tensor, tuple[tuple[float, ...], ...]]:
    """See :func:`pyfdsr.ops.four_f_stack_adjoint`; gradients of parameters are read back."""
    v = (real_tensor if tape.intensity else complex_tensor)("v", v, is_double(tape.phases))
    if v.device != tape.phases.device:
        raise TypeError(f"v on {v.device} and tape on {tape.phases.device}: must be on one device")
    if tuple(v.shape[:-2]) != tape.leading:
        raise ValueError(
            f"v has leading axes {tuple(v.shape[:-2])}: must be {tape.leading}, those of the output"
        )
    told = (tape.values, tape.phases[None], tape.aperture, tape.parameters, tape.callbacks, tape.window)
    needs = (True, True, any(tape.counts))
    v_field, v_phases, v_parameters = tape.backend.stack_adjoint(
        tape.plan, flat(v), *told, tape.intensity, tape.real_input, *needs
    )
    rows = v_parameters.tolist() if any(tape.counts) else [[]] * len(tape.counts)
    by_layer = tuple(tuple(row[:count]) for row, count in zip(rows, tape.counts, strict=True))
    return v_field.reshape(*tape.leading, *tape.window), v_phases[0], by_layer


# -- nonlinearities and free space


def nonlinear(x: Any, spec: Any) -> Tensor:
    """See :func:`pyfdsr.ops.nonlinear`."""
    x = complex_tensor("x", x, is_double(x))
    kind, row, callbacks = core_arguments(spec, is_double(x))
    if kind == "none":
        return x.clone()
    return backend_of(x).nonlinearity(x, torch.tensor(row, dtype=torch.float64), kind, callbacks)


def nonlinear_adjoint(v: Any, x: Any, spec: Any) -> tuple[Tensor, tuple[float, ...]]:
    """See :func:`pyfdsr.ops.nonlinear_adjoint`; gradients of parameters are read back."""
    double = is_double(v, x)
    v, x = complex_tensor("v", v, double), complex_tensor("x", x, double)
    if v.shape != x.shape:
        raise ValueError(f"v has shape {tuple(v.shape)}: must be that of x, {tuple(x.shape)}")
    kind, row, callbacks = core_arguments(spec, double)
    if kind == "none":
        return v.clone(), ()
    # On the device, for numbers elsewhere have no gradient.
    parameters = torch.tensor(row, dtype=torch.float64, device=x.device)
    v_x, v_parameters = backend_of(x).nonlinearity_adjoint(v, x, parameters, kind, callbacks)
    count = 0 if kind == "custom" else len(spec.parameters())
    return v_x, tuple(v_parameters.tolist()[:count])


@lru_cache(maxsize=32)
def _transfer(arguments: tuple[Any, ...], device: torch.device) -> Tensor:
    with kept_for_later():
        return torch.from_numpy(_core.angular_spectrum_transfer(*arguments)).to(device)


def _propagated(name: str, x: Any, adjoint: bool, *arguments: Any) -> Tensor:
    x = complex_tensor(name, x, is_double(x))
    told = transfer_arguments(window_sizes(name, x), is_double(x), *arguments)
    transfer = _transfer(told, x.device)
    return four_f(x, transfer.conj().resolve_conj() if adjoint else transfer, told[0])


def propagate(
    x: Any, distance: float, pitch: Any, wavelength: float, pad_factor: float = 2, band_limit: bool = True
) -> Tensor:
    """See :func:`pyfdsr.ops.propagate`."""
    return _propagated("x", x, False, distance, pitch, wavelength, pad_factor, band_limit)


def propagate_adjoint(
    v: Any, distance: float, pitch: Any, wavelength: float, pad_factor: float = 2, band_limit: bool = True
) -> Tensor:
    """See :func:`pyfdsr.ops.propagate_adjoint`."""
    return _propagated("v", v, True, distance, pitch, wavelength, pad_factor, band_limit)


# -- convolutions


def _map(name: str, value: Any, double: bool) -> tuple[Tensor, bool]:
    maps = real_tensor(name, value, double)
    if maps.ndim not in (3, 4):
        raise ValueError(f"{name} has shape {tuple(maps.shape)}: must be [B, C, y, x] or [C, y, x]")
    return (maps, True) if maps.ndim == 4 else (maps[None], False)


def _settings(convolution: Convolution, size: Any) -> list[int]:
    kernel, stride, padding, dilation, groups, _ = convolution
    return [*kernel, *stride, *padding, *dilation, groups, *map(int, size), 0]


def fourier_conv2d(
    x: Any, w: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """See :func:`pyfdsr.ops.fourier_conv2d`."""
    double = is_double(x, w, bias)
    (x, is_batch), w = _map("x", x, double), real_tensor("w", w, double)
    bias = None if bias is None else real_tensor("bias", bias, double)
    convolution, output_size = checked_convolution(x, w, bias, stride, padding, dilation, groups)
    if x.shape[0] == 0:
        return x.new_empty(0, w.shape[0], *output_size)
    settings = _settings(convolution, x.shape[2:])
    y = backend_of(x).fourier_conv2d(x, w, bias, settings, "auto", -1)
    return y if is_batch else y[0]


def fourier_conv2d_adjoint_input(
    v: Any, w: Any, input_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """See :func:`pyfdsr.ops.fourier_conv2d_adjoint_input`."""
    double = is_double(v, w)
    (v, is_batch), w = _map("v", v, double), real_tensor("w", w, double)
    convolution, size = checked_for_input(v, w, input_size, stride, padding, dilation, groups)
    if v.shape[0] == 0:
        return v.new_empty(0, w.shape[1] * groups, *size)
    v_x = backend_of(v).fourier_conv2d_adjoint_input(v, w, _settings(convolution, size), "auto")
    return v_x if is_batch else v_x[0]


def fourier_conv2d_adjoint_weight(
    v: Any, x: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """See :func:`pyfdsr.ops.fourier_conv2d_adjoint_weight`."""
    double = is_double(v, x)
    (v, _), (x, _) = _map("v", v, double), _map("x", x, double)
    convolution = checked_for_weight(v, x, kernel_size, stride, padding, dilation, groups)
    if x.shape[0] == 0:
        return x.new_zeros(v.shape[1], x.shape[1] // groups, *convolution.kernel)
    settings = _settings(convolution, x.shape[2:])
    return backend_of(v).fourier_conv2d_adjoint_weight(v, x, settings, "auto")
