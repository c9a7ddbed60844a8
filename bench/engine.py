"""The engine behind its PyTorch face, as the benchmarks see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.case import Case, Inputs
from bench.implementation import Implementation

if TYPE_CHECKING:
    import torch


class EngineNetwork:
    """``pyfdsr.models.AOSRNN`` as a user trains it, the PyTorch wrapper included.

    Parameters
    ----------
    case
        The problem.
    inputs
        Its tensors.
    """

    def __init__(self, case: Case, inputs: Inputs) -> None:
        import torch

        import pyfdsr
        from pyfdsr.models import AOSRNN
        from pyfdsr.nonlinearity import Kerr

        torch.set_num_threads(case.threads)
        pyfdsr.set_num_threads(case.threads)
        self.field, self.weights = inputs.field, inputs.weights
        self.model = AOSRNN(case.layers, case.window, case.band, case.grid, nonlinearity=Kerr(case.strength))
        self.model.to(inputs.phases)
        with torch.no_grad():
            self.model.phases.copy_(inputs.phases)

    def infer(self) -> torch.Tensor:
        """Intensity [B, S, S], without autograd."""
        import torch

        with torch.inference_mode():
            return self.model(self.field)

    def gradient(self) -> torch.Tensor:
        """Gradient of the weighted sum of intensities to the phases, [L, M, M]."""
        self.model.phases.grad = None
        (self.model(self.field) * self.weights).sum().backward()
        return self.model.phases.grad


ENGINE = Implementation("pyfdsr", EngineNetwork)


def implementations() -> dict[str, Implementation]:
    """The engine and its peers, by name, the engine first."""
    from bench.peers import PEERS

    return {"pyfdsr": ENGINE, **PEERS}
