"""Arrays in a device's memory, as CuPy's and Numba's: told from NumPy's, and computed where they lie.

Nothing here imports torch, which computes them, before there is one.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

__all__ = ["DeviceStackTape", "also_on_devices"]

Operator = TypeVar("Operator", bound=Callable[..., Any])

_NUMBERS = {"ranges"}
"""Arguments that the host reads: arrays of numbers, which belong anywhere as numbers do."""


@dataclass(frozen=True)
class DeviceStackTape:
    """What `four_f_stack_adjoint` needs of a forward call on a device; keep it and pass it on."""

    backend: Any
    plan: Any
    values: Any
    leading: tuple[int, ...]
    window: tuple[int, int]
    real_input: bool
    phases: Any
    aperture: Any
    parameters: Any
    callbacks: list[int]
    counts: tuple[int, ...]
    intensity: bool
    owners: tuple[Any, ...]  # of the code that the callbacks call


def _is_on_device(value: Any) -> bool:
    return hasattr(value, "__cuda_array_interface__") or isinstance(value, DeviceStackTape)


def _is_on_host(value: Any) -> bool:
    """Whether a value is an array or tape of the CPU's memory; numbers, NumPy's too, belong anywhere."""
    from .four_f_stack import StackTape  # which imports this module

    if _is_on_device(value) or isinstance(value, np.generic):
        return False
    return isinstance(value, StackTape) or hasattr(value, "__array__")


def also_on_devices(operator: Operator) -> Operator:
    """Let an operator on NumPy arrays take arrays of a device, too: those with ``__cuda_array_interface__``.

    They are computed by the function of the same name in :mod:`pyfdsr.ops.by_backends`, and results are
    arrays of the library that the first one is of.
    """

    @functools.wraps(operator)
    def called(*arguments: Any, **options: Any) -> Any:
        for value in (*arguments, *options.values()):
            if _is_on_device(value):
                return _computed_there(operator, *arguments, **options)
        return operator(*arguments, **options)

    return called  # type: ignore[return-value]


def _computed_there(operator: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    name, bound = operator.__name__, inspect.signature(operator).bind(*arguments, **options)
    there = {key: value for key, value in bound.arguments.items() if _is_on_device(value)}
    here = [key for key, value in bound.arguments.items() if key not in _NUMBERS and _is_on_host(value)]
    if here:
        raise TypeError(
            f"{name}: {', '.join(there)} in a device's memory and {', '.join(here)} in the CPU's: "
            "must all be in one"
        )
    by_backends, exchange = _by_torch()
    arrays = {key: value for key, value in there.items() if not isinstance(value, DeviceStackTape)}
    if not arrays:
        raise TypeError(f"{name}: {', '.join(there)} in a device's memory: the other arrays must be, too")
    tensors = {key: exchange.tensor_of(value) for key, value in arrays.items()}
    devices = {str(tensor.device): key for key, tensor in tensors.items()}
    if len(devices) > 1:
        said = " and ".join(f"{key} on {device}" for device, key in devices.items())
        raise TypeError(f"{name}: {said}: must all be on one device")
    bound.arguments.update(tensors)
    with exchange.in_order(list(arrays.values()), next(iter(tensors.values()))):
        result = getattr(by_backends, name)(*bound.args, **bound.kwargs)
        return exchange.returned(result, next(iter(arrays.values())))


def _by_torch() -> tuple[Any, Any]:
    try:
        from . import by_backends, exchange
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError(
            'the package torch is needed for arrays in a device\'s memory: pip install "pyfdsr[torch]"',
            name="torch",
        ) from error
    return by_backends, exchange
