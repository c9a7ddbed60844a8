"""torch twins of the networks beside :class:`PlainAOSRNN`: whole grids, gradients by autograd."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyfdsr.nonlinearity import Nonlinearity

from .torch_twin import four_f, nonlinearity, propagate

__all__ = ["detector_logits", "diffractive", "polychromatic"]


def diffractive(
    field: Tensor,
    phases: Tensor,
    specs: Sequence[Nonlinearity | None],
    distances: Sequence[float],
    pitch: float,
    wavelength: float,
    pad_factor: float = 2,
) -> Tensor:
    """Field [..., S, S] through free space, then L times phase [L, S, S], nonlinearity and free space."""
    field = propagate(field, distances[0], pitch, wavelength, pad_factor)
    for phase, spec, distance in zip(phases, specs, distances[1:], strict=True):
        field = nonlinearity(field * torch.exp(1j * phase), spec)
        field = propagate(field, distance, pitch, wavelength, pad_factor)
    return field


def polychromatic(
    fields: Tensor,
    phases: Tensor,
    grid: int,
    ratios: Sequence[float],
    strength: float | Tensor,
    aperture: Tensor | None = None,
) -> Tensor:
    """Fields [..., W, S, S] through L units; the Kerr layers follow the total intensity.

    Parameters
    ----------
    ratios : λ₀/λ of each wavelength: grids are N divided by it, phases and Kerr strength times it
    aperture : real [M, M], multiplies the first unit's masks
    """
    support = tuple(fields.shape[-2:])
    for layer, phase in enumerate(phases):
        passed = 1 if aperture is None or layer else aperture
        fields = torch.stack(
            [
                four_f(
                    fields[..., index, :, :],
                    None,
                    float(grid / ratio),
                    support,
                    transfer=passed * torch.exp(1j * phase * ratio),
                )
                for index, ratio in enumerate(ratios)
            ],
            dim=-3,
        )
        total = fields.abs().square().sum(dim=-3, keepdim=True)
        scale = torch.tensor(ratios, dtype=total.dtype).reshape(-1, 1, 1)
        fields = fields * torch.exp(1j * strength * scale * total)
    return fields


def detector_logits(output: Tensor, regions: Tensor, sharpness: float) -> Tensor:
    """Intensities [B, S, S] to logits [B, K]: the share of each detector's light, times `sharpness`."""
    energies = torch.stack(
        [output[:, top:bottom, left:right].sum(dim=(1, 2)) for top, left, bottom, right in regions.tolist()],
        dim=1,
    )
    return sharpness * energies / energies.sum(dim=1, keepdim=True)
