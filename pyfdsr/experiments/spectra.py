"""Spatial spectra of the light on its way through a network: Figure 3 in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from pyfdsr.functional import four_f_stack

__all__ = ["spectra_of"]


def _along_x(fields: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Energy by the frequency along x, means over images, sums over the other frequency."""
    transformed = np.fft.fftshift(np.fft.fft2(fields, s=grid), axes=(-2, -1))
    return (np.abs(transformed) ** 2).mean(axis=0).sum(axis=0) / (grid[0] * grid[1])


def spectra_of(model: Any, objects: np.ndarray, pitch: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return frequencies (1/m) and the energy at each, of the input and behind every unit.

    Parameters
    ----------
    model : AOSRNN
        With imaging optics.
    objects : ndarray
        Intensities, [B, S, S].
    pitch : float
        Of the samples, metres.
    """
    grid = (int(model.grid[0]), int(model.grid[1]))
    field = np.asarray(model.imaging.field(objects))
    with torch.no_grad():
        _, fields = four_f_stack(
            torch.from_numpy(field).to(model.phases.device),
            model.phases,
            model.grid,
            model.nonlinearity,
            support=model.support,
            return_fields=True,
        )
    curves = {"input": _along_x(field, grid)}
    for unit, behind in enumerate(fields.cpu().numpy(), start=1):
        curves[f"behind unit {unit}"] = _along_x(behind, grid)
    return np.fft.fftshift(np.fft.fftfreq(grid[1], pitch)), curves
