"""Kerr phase of several fields that one total intensity drives."""

from __future__ import annotations

from torch import Tensor, polar, zeros_like

__all__ = ["cross_kerr", "cross_kerr_adjoint"]


def _intensity(x: Tensor) -> Tensor:
    return x.real.square().addcmul_(x.imag, x.imag)


def cross_kerr(
    strength: Tensor, factors: tuple[float, ...], x: tuple[Tensor, ...]
) -> tuple[tuple[Tensor, ...], Tensor, tuple[Tensor, ...]]:
    r"""Map x_m to exp(i·strength·factors[m]·Σ_n |x_n|²)·x_m.

    Parameters
    ----------
    strength : Tensor
        [] real.
    factors : tuple of M floats
    x : tuple of M Tensors
        [...] complex, of one shape.

    Returns
    -------
    out : tuple of M Tensors
    total : Tensor
        Σ_n |x_n|².
    turns : tuple of M Tensors
        The complex factors; with `total`, what the adjoint needs.
    """
    total = sum(_intensity(field) for field in x)  # [...]
    turns = tuple(polar(total.new_ones(total.shape), total * (strength * factor)) for factor in factors)
    return tuple(field * turn for field, turn in zip(x, turns, strict=True)), total, turns


def cross_kerr_adjoint(
    v: tuple[Tensor, ...],
    strength: Tensor,
    factors: tuple[float, ...],
    total: Tensor,
    turns: tuple[Tensor, ...],
    x: tuple[Tensor, ...],
    need_strength: bool,
) -> tuple[Tensor | None, tuple[Tensor, ...]]:
    r"""Return the cotangents of strength and fields.

    With W_m the cotangent of output m, turned back by its phase, and
    q = Σ_m factors[m]·Re(W_m* · i·x_m), they are v_strength = Σ I·q and v_x_m = W_m + 2·strength·q·x_m.
    """
    back = [cotangent * turn.conj() for cotangent, turn in zip(v, turns, strict=True)]
    drive = zeros_like(total)
    for factor, w, field in zip(factors, back, x, strict=True):
        drive.addcmul_(w.imag, field.real, value=factor).addcmul_(w.real, field.imag, value=-factor)
    v_strength = (total * drive).sum() if need_strength else None
    drive = drive.mul_(2 * strength)
    v_x = tuple(w.addcmul_(field, drive.to(field.dtype)) for w, field in zip(back, x, strict=True))
    return v_strength, v_x
