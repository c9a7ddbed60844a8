"""What every implementation of the network offers to the benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

    from bench.case import Case, Inputs


class Network(Protocol):
    """One network, prepared for a case and its inputs."""

    def infer(self) -> Any:
        """Intensity [B, S, S], nothing kept for a gradient."""

    def gradient(self) -> Any:
        """Gradient of ``(weights · intensity).sum()`` to the phases, [L, M, M]."""


@dataclass(frozen=True)
class Implementation:
    """A named way to compute the network.

    Attributes
    ----------
    label
        What a table calls it.
    build
        ``build(case, inputs)`` prepares a network; the time it takes is not measured.
    """

    label: str
    build: Callable[[Case, Inputs], Network]


class TorchNetwork:
    """Base of the PyTorch peers: autograd does the backward pass.

    Parameters
    ----------
    case
        The problem.
    inputs
        Its tensors.
    """

    def __init__(self, case: Case, inputs: Inputs) -> None:
        import torch

        torch.set_num_threads(case.threads)
        self.case = case
        self.field = inputs.field
        self.weights = inputs.weights
        self.phases = inputs.phases.clone().requires_grad_()

    def intensity(self, field: torch.Tensor, phases: torch.Tensor) -> torch.Tensor:
        """Intensity [B, S, S] of a field [B, S, S] behind the filters ``phases`` [L, M, M]."""
        raise NotImplementedError

    def infer(self) -> torch.Tensor:
        """Intensity [B, S, S], without autograd."""
        import torch

        with torch.inference_mode():
            return self.intensity(self.field, self.phases)

    def gradient(self) -> torch.Tensor:
        """Gradient of the weighted sum of intensities to the phases, [L, M, M]."""
        self.phases.grad = None
        (self.intensity(self.field, self.phases) * self.weights).sum().backward()
        return self.phases.grad
