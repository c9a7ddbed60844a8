"""The emulated chip by the compiled core."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pyfdsr import _chip

from ..geometry import is_double
from .arrays import array_of, tensor_or_none, threads

__all__ = ["chip_conv2d", "chip_conv2d_adjoint_weight", "chip_dft2"]


def _host(tensor: Tensor | None) -> Any:
    return None if tensor is None else array_of(tensor)


def _plan(config: Any, gain: bytes, geometry: tuple[Any, ...], like: Tensor) -> Any:
    return _chip.conv2d_plan(config, gain, geometry, is_double(like))


def chip_conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    config: Any,
    gain: bytes,
    geometry: tuple[Any, ...],
    scales: Any,
    draw: Any,
    noise_scale: float,
    compare: int,
    observe: bool,
    keep: bool,
) -> tuple[Tensor, dict[str, Any], Any, Tensor | None]:
    """Convolve on the emulated chip.

    Parameters
    ----------
    x, weight, bias : Tensor
        [B, Ci, H, W], [Co, Ci / groups, ky, kx], [Co] or None; of one precision.
    config, gain, geometry
        The chip, its static factors as bytes, and the sizes as ``_chip.conv2d_plan`` takes them.
    scales, draw, noise_scale
        Full scales of each stage, what random numbers depend on, and a factor of the noise.
    compare : int
        One pack of tiles in so many is compared with the ideal result; 0 for none.
    observe, keep : bool
        Collect what the converters meet; keep the share of readings that did not clip.

    Returns
    -------
    y : Tensor, [B, Co, Oy, Ox]
    counts : mapping
    seen : array or None
    kept : Tensor or None
    """
    y, counts, seen, kept = _plan(config, gain, geometry, x).forward(
        _host(x), _host(weight), _host(bias), scales, draw, noise_scale, compare, observe, keep, threads()
    )
    return tensor_or_none(y), counts, seen, tensor_or_none(kept)


def chip_conv2d_adjoint_weight(
    v: Tensor,
    x: Tensor,
    config: Any,
    gain: bytes,
    geometry: tuple[Any, ...],
    draw: Any,
    noise_scale: float,
) -> tuple[Tensor, dict[str, int]]:
    """Return the cotangent of the kernels that the chip computes, and what that took."""
    found, counts = _plan(config, gain, geometry, x).adjoint_weight(
        _host(v), _host(x), draw, noise_scale, threads()
    )
    return tensor_or_none(found), counts


def chip_dft2(
    x: Tensor,
    inverse: bool,
    config: Any,
    gain: bytes,
    passes: int,
    scales: Any,
    draw: Any,
    noise_scale: float,
) -> tuple[Tensor, dict[str, Any]]:
    """Transform on the emulated chip, with unitary scaling.

    Parameters
    ----------
    x : Tensor, [B, N, N]
        Complex; N is the frame's side to the power of `passes`, per axis.
    inverse : bool
        The sign of the exponent: positive.
    config, gain, passes
        The chip, its static factors as bytes, and the passes of the transform.
    scales, draw, noise_scale
        Full scales of each pass, what random numbers depend on, and a factor of the noise.

    Returns
    -------
    y : Tensor, [B, N, N]
    counts : mapping
    """
    plan = _chip.transform_plan(config, gain, passes, is_double(x))
    y, counts, _ = plan.forward(_host(x), inverse, scales, draw, noise_scale, False, threads())
    return tensor_or_none(y), counts
