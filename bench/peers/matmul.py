"""PyTorch with the transform as two complex matrix products."""

from __future__ import annotations

import math

import torch

from bench.case import Case, Inputs
from bench.implementation import TorchNetwork
from bench.peers.pointwise import kerr, squared_modulus, unit_phasor


class MatrixNetwork(TorchNetwork):
    """Matrix Fourier transform ``W x Wᵀ`` (Soummer et al. 2007, Opt. Express 15, 15935)."""

    def __init__(self, case: Case, inputs: Inputs) -> None:
        super().__init__(case, inputs)
        position = torch.arange(case.window, dtype=torch.float64)
        frequency = torch.arange(case.band, dtype=torch.float64) + case.lowest_frequency
        matrix = unit_phasor(frequency[:, None] * position * (-2 * math.pi / case.grid))
        dtype = self.field.dtype
        self.forward_left = matrix.to(dtype)  # [M, S]
        self.forward_right = matrix.T.to(dtype).contiguous()  # [S, M]
        self.inverse_left = (matrix.conj().T / case.grid).to(dtype).resolve_conj().contiguous()  # [S, M]
        self.inverse_right = (matrix.conj() / case.grid).to(dtype).resolve_conj()  # [M, S]

    def intensity(self, field: torch.Tensor, phases: torch.Tensor) -> torch.Tensor:
        """Intensity [B, S, S]."""
        transfers = unit_phasor(phases)  # [L, M, M]
        for layer, transfer in enumerate(transfers):
            if layer:
                field = kerr(field, self.case.strength)
            spectrum = self.forward_left @ field @ self.forward_right
            field = self.inverse_left @ (spectrum * transfer) @ self.inverse_right
        return squared_modulus(field)
